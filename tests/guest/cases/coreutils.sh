#!/bin/sh
# covers: coreutils on files, links, modes, times
mkdir -p d/e/f; echo 1 > d/a; echo 2 > d/e/b; ln -s ../a d/e/l; ln d/a d/h
ls -R d; cat d/e/l; readlink d/e/l; stat -c '%F %a %h' d/a d/e d/e/l
chmod 640 d/a; stat -c %a d/h
cp -r d d2; diff -r d d2 && echo same
mv d2 d3; rm -r d3/e; ls d3
touch -d '2020-01-02 03:04:05 UTC' d/a; TZ=UTC stat -c %y d/a
printf 'b\na\nc\n' | sort; printf 'a\na\nb\n' | uniq -c
seq 10 | paste - - ; seq 5 | tac; echo abc | rev
head -c 5 /dev/zero | od -An -tx1; echo test | md5sum; echo test | sha256sum
basename /a/b/c.txt .txt; dirname /a/b/c
expr 3 + 4; echo hello | cut -c2-4; seq 100 | tail -2
mktemp -d ./XXXX >/dev/null && echo tmp; rmdir d/e/f && echo rmdir
rmdir d 2>/dev/null || echo notempty
tee t1 t2 < d/a; cmp t1 t2 && echo cmp
split -l 2 -d d/a sp; ls sp*; truncate -s 1000 big; stat -c %s big
date -u -d @0 +%Y-%m-%d; env -i A=1 env; id -u >/dev/null && echo id
nl d/a; fold -w 3 <<EOF
abcdefgh
EOF
df / >/dev/null && echo df
