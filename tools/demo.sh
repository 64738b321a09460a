#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/demo.sh BAILEY: a real program in a sandbox, and what it cannot see.
set -u
b=$1
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
say bailey run -- python3 -c "'...'"
$b run -- python3 -c 'import platform, os; print("hello from", platform.system(), platform.release(), "as pid", os.getpid())' ||
	$b run -- sh -c 'echo hello from pid $$'
say bailey run -- ps -ef "   (only its own processes)"
$b run -- sh -c 'ls /proc | grep -E "^[0-9]+$" | tr "\n" " "; echo'
say bailey run -- touch /etc/changed "   (a write goes to memory, the host keeps its files)"
$b run -- sh -c 'touch /etc/changed && ls -l /etc/changed'
if [ -e /etc/changed ]; then echo "WRONG: the host has it"; exit 1; else echo "on the host: no /etc/changed"; fi
say bailey run -- cat /etc/shadow "   (not in its view)"
$b run -- cat /etc/shadow
say bailey run -- bash -c "'echo > /dev/tcp/127.0.0.1/80'" "   (no network)"
$b run -- bash -c 'echo > /dev/tcp/127.0.0.1/80'
say start and end of /bin/true, 20 times
t0=$(date +%s%N); i=0; while [ $i -lt 20 ]; do $b run -- /bin/true; i=$((i + 1)); done; t1=$(date +%s%N)
echo "$(((t1 - t0) / 20000)) us each"
