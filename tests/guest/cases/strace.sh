#!/bin/sh
# needs: strace /usr/bin/python3
# timeout: 120
# covers: ptrace by a real tracer: SEIZE, fork and exec events, process_vm_readv of strings, attach and detach
# Addresses, process numbers and order differ from run to run.
plain() { sed -E 's/^[0-9]+ +//; s/\[pid +[0-9]+\] //; s/0x[0-9a-f]{4,}/ADDR/g; s/[0-9]+ vars/VARS/; s/(clone|fork|vfork|wait4)(.*) = [0-9]+$/\1\2 = PID/; s/wait4\([0-9]+/wait4(PID/; s/si_pid=[0-9]+/si_pid=PID/; s/si_[us]time=[0-9]+/si_time/g'; }
echo "== one"
strace -o out -e trace=openat,read,write,close,exit_group cat /etc/hostname; grep -E 'hostname|exit' out | plain
echo "== calls that fail, strings, a signal"
strace -o out -e trace=access,kill,chdir sh -c 'cd /nowhere 2>/dev/null; kill -USR1 $$'; echo $?; grep -vE 'preload|hwcaps' out | plain | sed 's/kill([0-9]*/kill(PID/; s/) *=/) =/'
echo "== a pipeline"
strace -f -o out -e trace=execve,exit_group sh -c 'echo one | cat | tr a-z A-Z; exit 3'; echo $?
grep -cE '(execve\(|execve resumed).*= 0$' out
grep -c 'exited with 0' out; grep -c 'exited with 3' out
echo "== threads and processes of python"
cat > t.py <<'END'
import os, subprocess, threading
ts = [threading.Thread(target=lambda: os.getppid()) for i in range(3)]
[t.start() for t in ts]; [t.join() for t in ts]
print(subprocess.run(["echo", "hi"], capture_output=True).stdout)
END
strace -f -qq -o out -e trace=getppid,execve /usr/bin/python3 t.py
grep -c 'getppid()' out; grep -E 'execve.*(echo|resumed).* = 0' out | wc -l
echo "== counts"
strace -c -o out -e trace=write,getpid,exit_group sh -c 'echo a; echo b; echo c'; awk '/write/ { print $4, $NF }' out
echo "== what the tracer changes"
strace -qq -o out -e trace=getppid -e inject=getppid:retval=4242 /usr/bin/python3 -c 'import os; print(os.getppid())'
strace -qq -o out -e trace=getppid -e inject=getppid:error=EPERM:when=2 /usr/bin/python3 -c 'import os; print(os.getppid() > 0, os.getppid(), os.getppid() > 0)'
plain < out | sed 's/= [0-9]* *$/= N/'
echo "== filters that leave calls to the tracer"
strace -f -qq --seccomp-bpf -o out -e trace=chdir,getppid sh -c 'cd /tmp; cat /etc/hostname > /dev/null; (cd /nowhere 2>/dev/null; true)'; echo $?
grep -v getppid out | plain
echo "== attach and detach"
sh -c 'while :; do sleep 0.05; done' & p=$!
timeout -s INT 1 strace -f -qq -o out -p $p; grep -c 'execve("' out | awk '{ print ($1 > 2) }'
grep TracerPid /proc/$p/status; kill $p; wait $p; echo $?
