#!/bin/bash
# SPDX-License-Identifier: MIT
# tools/demo.sh BAILEY: real programs in a sandbox, and what they cannot see or change.
# Every claim is checked; the last line says whether all of them held.
set -u
b=$1
wrong=0
work=$(mktemp -d "$PWD/demo.XXXXXX")
sleep 60 & # a process of the host, for the sandbox not to see
neighbour=$!
trap 'kill $neighbour 2>/dev/null; rm -rf "$work"' EXIT

say() { printf '\n\033[1m$ %s\033[0m%s\n' "$1" "${2:+    # $2}"; }
check() { # check SENTENCE COMMAND...: the sentence, and whether it is so
	local sentence=$1
	shift
	if "$@" >/dev/null 2>&1; then
		echo "  ok: $sentence"
	else
		echo "  WRONG: $sentence"
		wrong=1
	fi
}
refused() { ! "$@"; }

if ! "$b" run -- /bin/true; then
	echo "This host cannot run a sandbox.  What bailey doctor says:"
	"$b" doctor
	exit 1
fi

say "bailey run -- python3 -c '...'" "Debian's python3, unmodified"
"$b" run -- python3 -c 'import os, platform, threading
t = [threading.Thread(target=lambda i=i: print("  thread", i)) for i in range(3)]
[x.start() for x in t]; [x.join() for x in t]
print("  hello from", platform.system(), platform.release(), "on", platform.node(), "as pid", os.getpid())' || wrong=1

say "bailey run -- sh -c 'gcc hello.c && ./a.out'" "gcc, as and ld in a sandbox, in its own /tmp"
"$b" run -- sh -c 'cd /tmp && printf "#include <stdio.h>\nint main(void) { return puts(\"  compiled and run inside\") < 0; }\n" > hello.c && gcc hello.c && ./a.out' || wrong=1
check "nothing of it is in the host's /tmp" test ! -e /tmp/a.out

say "bailey run -- sh -c 'ls /proc'" "processes"
inside=$("$b" run -- sh -c 'cd /proc && echo [0-9]*')
echo "  in the sandbox: $inside     on the host: $(ls /proc | grep -c '^[0-9]*$') processes"
check "the host's process $neighbour is not there" refused "$b" run -- test -d /proc/$neighbour
check "and cannot be sent a signal" refused "$b" run -- python3 -c "import os; os.kill($neighbour, 9)"
check "it still runs" kill -0 $neighbour

say "bailey run -u root -- touch /etc/changed" "writes go to memory, whoever it believes to be"
"$b" run -u root -- sh -c 'touch /etc/changed && ls -l /etc/changed | sed "s/^/  /"' || wrong=1
check "the host has no /etc/changed" test ! -e /etc/changed
"$b" run -- sh -c "echo inside > '$work/file'; rm -rf '$PWD/README.md'"
check "what it wrote and removed in the working directory is as before" test ! -e "$work/file" -a -e README.md

say "bailey run -v $work:/data -- sh -c 'echo hello > /data/file'" "unless you say so"
"$b" run -v "$work:/data" -- sh -c 'echo hello > /data/file'
check "the file is in the folder given with -v" grep -q hello "$work/file"

say "bailey run -- cat /etc/shadow" "secrets"
"$b" run -- cat /etc/shadow 2>&1 | sed 's/^/  /'
check "/etc/shadow is not in its view" refused "$b" run -- test -e /etc/shadow
check "nor are root's files" refused "$b" run -w / -- sh -c 'ls -A /root | grep .'

say "bailey run -- python3 -c 'socket.create_connection(...)'" "network"
"$b" run -- python3 -c 'import socket; socket.create_connection(("192.0.2.1", 80), 2)' 2>&1 | tail -1 | sed 's/^/  /'
check "nothing outside can be reached" refused "$b" run -- python3 -c 'import socket; socket.create_connection(("192.0.2.1", 80), 2)'
python3 -c 'import socket; l = socket.create_server(("127.0.0.1", 0)); print(l.getsockname()[1], flush=True); l.settimeout(60); l.accept()' > "$work/port" &
listener=$!
while [ ! -s "$work/port" ]; do sleep 0.05; done
check "nor what listens on the host's 127.0.0.1" refused "$b" run -- python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)' "$(cat "$work/port")"
kill $listener
check "a server and its client inside find each other" "$b" run -- python3 -c 'import socket; l = socket.create_server(("127.0.0.1", 0)); socket.create_connection(l.getsockname()); l.accept()'
check "it knows no network interface but its own lo" refused "$b" run -- sh -c 'ls /sys/class/net | grep -v "^lo$"'

say "bailey run -- cmd.exe /c '...'" "a Windows program, with Wine's DLLs and without Wine"
cmd=/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/cmd.exe
"$b" run -- $cmd /c 'ver & echo hello from Windows & for %i in (1 2 3) do @echo line %i' | tr -d '\r' | sed 's/^/  /' || wrong=1
windows_exit() { "$b" run -- $cmd /c 'exit 5'; [ $? -eq 5 ]; }
check "its exit code is ours" windows_exit
windows_pipe() { "$b" run -- sh -c "$cmd /c 'echo from Windows' | tr a-z A-Z" | grep -q 'FROM WINDOWS'; }
check "a Linux program in the same sandbox reads what it writes" windows_pipe
check "no process of Wine's runs" refused pgrep -x wineserver

say "bailey run -- true, 20 times" "start and end"
t0=$(date +%s%N)
for _ in {1..20}; do "$b" run -- true || wrong=1; done
t1=$(date +%s%N)
echo "  $(((t1 - t0) / 20000)) us each"

echo
if [ $wrong -ne 0 ]; then echo "Not all is as it should be: see the lines with WRONG above."; else echo "All is as it should be."; fi
exit $wrong
