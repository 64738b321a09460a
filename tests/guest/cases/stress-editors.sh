#!/bin/sh
# needs: vim less
# covers: vim in silent Ex mode, less without a terminal
seq 1 50 > f
for i in 1 2 3; do vim -u NONE -i NONE -n -es -c "%s/5/five/g" -c "g/1/d" -c "wq! out$i" f; echo "$?"; wc -l < out$i; cksum < out$i; done
vim -u NONE -i NONE -n -es -c 'call writefile([system("echo from shell"), getpid() > 0], "s")' -c 'qa!' ; tr '\0' 'N' < s
less f | head -3; less -N f | tail -1
