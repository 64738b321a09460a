#!/bin/dash
# covers: dash variables, arithmetic, functions, here-documents, case, loops
x=5; y=$((x * 3 + 2)); echo "y=$y"
f() { local a="$1"; echo "f got $a and $# args"; return 3; }
f one two; echo "rc=$?"
cat <<EOF
here $x
  document $(echo sub $(echo nested))
EOF
cat <<'EOF'
quoted $x
EOF
for i in 1 2 3; do case $i in 2) echo two;; *) echo "other $i";; esac; done
i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 3 ] && continue; echo "i $i"; done
set -- a "b c" d; echo "$# $2"; shift; echo "$1"
echo "${x:-default} ${nope:-default} ${#x}"
unset x; echo "[${x-unset}]"
(exit 7); echo "sub rc $?"
! true; echo "not $?"
printf '%s-%d-%x\n' str 42 255
test -d / && echo dir; test -e /nonexistent || echo missing
