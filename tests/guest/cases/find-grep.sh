#!/bin/sh
# needs: find grep xargs
mkdir -p t/a/b t/c; for i in 1 2 3; do echo "line $i foo" > t/a/f$i.txt; echo "bar $i" > t/c/g$i.log; done
find t -type f | sort; find t -name '*.txt' -exec cat {} + | sort
find t -type f -print0 | xargs -0 wc -l | tail -1
grep -r foo t | sort; grep -c bar t/c/*; grep -E 'line [12]' -h t/a/* | sort; grep -v foo t/a/f1.txt; echo "rc $?"
grep -P '\d\s+f' t/a/f2.txt
find t -newer t/a/f1.txt >/dev/null; find t -depth -delete; ls
find /usr/lib/x86_64-linux-gnu -maxdepth 1 -name 'libc.so*' | sort
