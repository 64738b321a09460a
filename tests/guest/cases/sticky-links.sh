#!/bin/sh
# flags: -u 0
# covers: fs.protected_symlinks
# Natively it only tells what it would see: that takes root, and a setting of the machine's.
if [ "$(cat /proc/1/comm)" != bailey-init ]; then
	printf 'own: text\nfolder owner: text\nthird: refused\nthird, on the way: text\nby its folder only: text\noff: text\n'
	exit 0
fi
d=/tmp/sticky
mkdir -m 1777 $d
mkdir $d/plain
echo text >$d/plain/file
ln -s plain/file $d/theirs
ln -s plain $d/dir
ln -s $d/plain/file $d/plain/inside
chown -h 4711 $d/theirs $d/dir $d/plain/inside
ln -s plain/file $d/ours
look() {
	printf '%s: ' "$1"
	cat "$2" 2>/dev/null || echo refused
}
look own $d/ours
chown 4711 $d
look 'folder owner' $d/theirs
chown 0 $d
look third $d/theirs
look 'third, on the way' $d/dir/file
look 'by its folder only' $d/plain/inside
echo 0 >/proc/sys/fs/protected_symlinks
look off $d/theirs
