#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/abi/run.sh BUILD: each bare program in a picoprocess without a personality, then the
# same basic ones while SIGSTOP and SIGCONT rain on them, then the toy provider under the real monitor.
b=$1
n=0
for p in hello sync wait threads clone guest memory filter stream pingpong; do
	n=$((n + 1))
	count="-p 3000"
	[ "${2:-}" = --soak ] && count="-p 2500000" # 10^7 waits in the two ball games
	case $p in wait) ;; guest) [ "${2:-}" = --soak ] && count="" ;; *) count="" ;; esac
	out=$(timeout 3620 "$b/tests/abi/run_bare" -t 3600 $count "$b/pal/pal.img" "$b/tests/abi/$p.img" 2>&1)
	rc=$?
	if [ $rc = 0 ]; then echo "ok $n - abi $p"; else echo "not ok $n - abi $p (exit $rc)"; echo "$out" | tail -5 | sed 's/^/# /'; fi
done
n=$((n + 1))
t=$(mktemp -d "$b/toy.XXXXXX")
mkdir "$t/cli" "$t/pal" "$t/linux"
ln "$b/cli/bailey" "$t/cli/" && ln "$b/pal/pal.img" "$t/pal/" && ln "$b/tests/toy/toy.img" "$t/linux/linux.img"
if timeout 60 "$t/cli/bailey" run -- /bin/true 2>/dev/null; then echo "ok $n - a toy provider on pico"; else echo "not ok $n - a toy provider on pico"; fi
rm -rf "$t"
echo "1..$n"
