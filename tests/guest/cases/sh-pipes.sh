#!/bin/sh
# covers: pipelines, redirections, command substitution, background jobs
seq 1 100 | grep 7 | sort -rn | head -3
echo hello | tr a-z A-Z | sed 's/L/_/g'
yes | head -5 | wc -l
(echo out; echo err >&2) 2>&1 | sort
echo data > file; echo more >> file; cat < file; wc -c < file
exec 3> third; echo via3 >&3; exec 3>&-; cat third
{ echo a; echo b; } | while read l; do echo "got $l"; done
sleep 0.1 & wait $!; echo "waited $?"
false & wait $!; echo "waited $?"
a=$(echo one; echo two); echo "$a"
ls /nonexistent 2>/dev/null; echo "rc $?"
echo x | cat | cat | cat | cat | cat | cat | cat
seq 1 20000 | awk '{s+=$1} END {print s}'
dd if=/dev/zero bs=1k count=100 2>/dev/null | wc -c
