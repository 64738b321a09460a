#!/bin/sh
# flags: -v /usr/include/asm-generic:/tmp
# covers: a folder of the host over the sandbox's own /tmp
d=/usr/include/asm-generic
[ "$(cat /proc/1/comm)" = bailey-init ] && d=/tmp
ls $d | md5sum
wc -c < $d/stat.h
