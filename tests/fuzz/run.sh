#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD [SECONDS [NAME...]]: each fuzz target for so long, one after the other, from its seeds; prints TAP.
# What they find grows in BUILD/fuzz; an input that breaks something is kept there, too.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) seconds=${2:-60}
[ $# -gt 2 ] && shift 2 || set -- monitor spec elf control bpf state pe hive dns net
out=$build/fuzz
mkdir -p "$out"
sh "$here/build.sh" "$build" "$out" "$@" || { echo "not ok 1 - the fuzz targets build"; exit 1; }
n=0 bad=0
for name in "$@"; do
	n=$((n + 1))
	mkdir -p "$out/$name"
	if nice -n 19 "$out/${name}_fuzz" -max_total_time="$seconds" -detect_leaks=0 -timeout=60 -artifact_prefix="$out/$name-" "$out/$name" \
		"$here/seeds/$name" >"$out/$name.log" 2>&1; then
		echo "ok $n - fuzz $name"
		grep -a '^Done' "$out/$name.log" | sed 's/^/# /'
	else
		bad=1
		echo "not ok $n - fuzz $name"
		tail -30 "$out/$name.log" | sed 's/^/# /'
	fi
done
echo "1..$n"
exit $bad
