#!/bin/sh
# needs: python3
# timeout: 120
cat > t.py <<'EOF'
import os, sys, subprocess, threading, mmap, json, tempfile, time, signal, select, socket, struct, hashlib
print(subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout.strip())
print(subprocess.run("exit 5", shell=True).returncode)
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE); print(p.communicate(b"data")[0])
r = []
ts = [threading.Thread(target=lambda i=i: r.append(i)) for i in range(20)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(r))
l = threading.Lock(); c = 0
def inc():
    global c
    for _ in range(1000):
        with l: c += 1
ts = [threading.Thread(target=inc) for _ in range(8)]; [t.start() for t in ts]; [t.join() for t in ts]; print(c)
with open("m", "wb") as f: f.write(b"x" * 8192)
with open("m", "r+b") as f:
    m = mmap.mmap(f.fileno(), 0); m[0:5] = b"hello"; m.flush(); m.close()
print(open("m", "rb").read(6))
a = mmap.mmap(-1, 4096); pid = os.fork()
if pid == 0:
    a[0:3] = b"kid"; os._exit(7)
print(os.waitpid(pid, 0)[1] >> 8, a[0:3])
signal.signal(signal.SIGALRM, lambda s, f: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(0.2)
rd, wr = os.pipe(); print(select.select([rd], [], [], 0.01)[0]); os.write(wr, b"z"); print(len(select.select([rd], [], [], 1)[0]))
s1, s2 = socket.socketpair(); s1.send(b"abc"); print(s2.recv(10))
print(json.dumps({"a": [1, 2, {"b": None}]}), hashlib.sha256(b"x").hexdigest()[:16])
print(os.path.exists("/etc/passwd"), sys.version_info[0]); print(sorted(os.listdir(".")))
EOF
python3 t.py
