#!/bin/bash
# needs: unshare nsenter findmnt
# timeout: 60
# covers: util-linux unshare nsenter findmnt mount: programs that make namespaces, as an ordinary user does
unshare -Ur true 2>/dev/null || { echo "no user namespaces here"; exit 0; }
unshare -Urpf --mount-proc sh -c 'ps -o pid=,comm= ax > ps; tr -s " " < ps; id -u; cat /proc/self/uid_map | wc -l; grep -c . /proc/1/status >/dev/null && echo "1 is there"; exit 7'
echo "code $?"
unshare -Urm bash -c '
	mount -t tmpfs inside /mnt && mkdir /mnt/a /mnt/b && mount -t tmpfs x /mnt/a && touch /mnt/a/f
	mount --make-rshared /mnt; mount --rbind /mnt/a /mnt/b; ls /mnt/b
	findmnt -n -o FSTYPE,PROPAGATION /mnt/a
	mount --make-rslave /mnt; findmnt -n -o PROPAGATION /mnt
	mount -o remount,bind,ro /mnt/b; touch /mnt/b/g 2>/dev/null || echo "read only"
	umount -l /mnt; ls /mnt | grep -c "^a$"'
unshare -Ur bash -c '
	unshare -u sh -c "hostname other; sleep 2" & sleep 0.5
	p=$(pgrep -P $! | head -1); [ -n "$p" ] || p=$!
	nsenter -t $p -u hostname; wait'
unshare -Urpf sh -c '(sleep 100 & sleep 100 &) ; exit 4'; echo "namespace gone: $?"
unshare -Urn bash -c 'cat /proc/net/unix | wc -l' | grep -q . && echo "net"
