#!/bin/bash
# needs: bash
# covers: bash arrays, process substitution, coproc, job control, regex, printf -v
a=(one two three); echo "${#a[@]} ${a[1]} ${a[@]:1}"
declare -A m; m[x]=1; m[y]=2; echo "${m[x]}${m[y]}"
diff <(echo a; echo b) <(echo a; echo c); echo "diff $?"
[[ abc123 =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
printf -v v '%05d' 42; echo $v
echo {1..5} {a..e}
coproc cat; echo hi >&${COPROC[1]}; read -r l <&${COPROC[0]}; echo "co $l"; exec {COPROC[1]}>&-; wait
set -m; sleep 0.05 & fg >/dev/null; echo "fg $?"
set +m
while read -r x; do s=$((s+x)); done < <(seq 1 10); echo $s
f() { trap 'echo ret' RETURN; echo in; }; f
echo "${BASH_VERSINFO[0]}"
mapfile -t lines < <(printf 'a\nb\n'); echo "${#lines[@]}"
exec 5<>/dev/null; echo x >&5; echo ok
wait; jobs | wc -l
