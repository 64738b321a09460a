#!/bin/sh
# needs: busybox
busybox sh -c 'echo hi | busybox cat; busybox seq 3 | busybox sort -r; busybox ls -d /etc; busybox expr 2 + 2; busybox uname -s'
busybox sh -c 'i=0; while [ $i -lt 50 ]; do busybox true; i=$((i+1)); done; echo $i'
busybox awk 'BEGIN{print 6*7}'; busybox sed s/a/b/ <<EOF
banana
EOF
busybox find /etc -maxdepth 0; busybox echo | busybox md5sum; busybox tar cf - /etc/hostname 2>/dev/null | busybox tar tf -
