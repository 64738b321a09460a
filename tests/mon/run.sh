#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/mon/run.sh BUILD: the monitor alone, with a program of ours in pal's place: each request
# once and more, then each kind of garbage, which ends that sandbox with one sentence and no signal.
b=$1
n=0
t=$(mktemp -d "$b/mon.XXXXXX")
trap 'rm -rf "$t"' EXIT
mkdir "$t/cli" "$t/pal" "$t/linux" "$t/v" "$t/r"
head -c 1000 /dev/zero >"$t/r/a" # ops.c knows both folders
ln "$b/cli/bailey" "$t/cli/" && cp "$b/tests/mon/fakepal" "$t/pal/pal.img" && ln "$b/linux/linux.img" "$t/linux/linux.img" || exit 1
chmod 755 "$t" "$t/pal" "$t/pal/pal.img"

# check NAME WANTED-EXIT ARGUMENTS: the exit code, and nothing but bailey's own sentences.
check() {
	name=$1 want=$2
	shift 2
	n=$((n + 1))
	out=$(timeout -k 5 60 "$t/cli/bailey" run -v "$t/v:/v" -v "$t/r:/r:ro" -- "$@" 2>&1 </dev/null)
	rc=$?
	if [ $rc = "$want" ]; then echo "ok $n - monitor: $name"; else echo "not ok $n - monitor: $name (exit $rc)"; echo "$out" | tail -8 | sed 's/^/# /'; fi
}
check "starts and ends" 0 true
check "an exit code" 7 exit 7
check "an exit code from kproc" 7 kproc-exit 7
check "each request, right and wrong" 0 kproc-ops
for what in garbage length op oversize flood fds empty stream; do
	check "hostile first: $what" 137 hostile $what
	check "hostile kproc: $what" 125 kproc-hostile $what
done
check "a panic" 125 panic
check "the first crashes alone" 125 crash
check "the first leaves without a word" 125 leave
check "the first is killed alone" 137 die
check "kproc crashes" 125 kproc-crash
check "kproc is killed" 125 kproc-die
echo "1..$n"
