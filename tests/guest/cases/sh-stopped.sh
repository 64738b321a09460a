#!/bin/bash
# covers: SIGTERM and SIGKILL of stopped processes, a stopped child of one's own group, threads, kill of oneself
# needs: python3
state() { sed -n 's/^State:\s*\(.\).*/\1/p' /proc/$1/status; }
stop() {
	kill -STOP $1
	until [ "$(state $1)" = T ]; do sleep 0.02; done
}
sleep 100 & p=$!
stop $p
kill -TERM $p
sleep 0.2
state $p
kill -CONT $p
wait $p 2>/dev/null
echo $?
sleep 100 & p=$!
stop $p
kill -KILL $p
wait $p 2>/dev/null
echo $?
threads='import threading, time, os, signal
for i in range(4): threading.Thread(target=lambda: time.sleep(100), daemon=True).start()
'
python3 -c "$threads
print('up', flush=True)
time.sleep(100)" & p=$!
sleep 0.5
stop $p
kill -KILL $p
wait $p 2>/dev/null
echo $?
for s in TERM KILL INT HUP; do
	python3 -c "$threads
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.kill(os.getpid(), signal.SIG$s)
print('kill came back')"
	echo $s $?
done
