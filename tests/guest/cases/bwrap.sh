#!/bin/bash
# needs: bwrap unshare
# timeout: 60
# covers: bubblewrap: new user, pid, ipc, uts, cgroup and mount namespaces, pivot_root, a private /dev and /proc
unshare -Ur true 2>/dev/null || { echo "no user namespaces here"; exit 0; }
lib64=$([ -d /usr/lib64 ] && echo "--symlink usr/lib64 /lib64")
bwrap --ro-bind /usr /usr --symlink usr/lib /lib $lib64 --symlink usr/bin /bin --proc /proc --dev /dev --tmpfs /tmp \
	--dir /work --chdir /work --unshare-all --share-net --uid 1000 --gid 1000 --hostname box \
	sh -c 'id -u; id -g; hostname; pwd; ls /; ls /dev | grep -c null; touch /usr/x 2>/dev/null || echo "read only"; ps -o pid= ax | wc -l; touch /tmp/a && ls /tmp; exit 5'
echo "code $?"
bwrap --ro-bind / / --dev /dev --proc /proc --unshare-pid --die-with-parent sh -c 'sleep 100 & exit 3'; echo "code $?"
