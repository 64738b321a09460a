#!/bin/sh
# flags: -v /tmp:/tmp
# covers: a folder of the host that is listed while its mode forbids searching it
umask 022
d=$(mktemp -d /tmp/search-bit.XXXXXX) || exit
mkdir "$d/sub"
echo text > "$d/sub/file"
chmod 644 "$d/sub"
ls "$d/sub" 2> /dev/null
chmod 755 "$d/sub"
cat "$d/sub/file"
ls -A "$d/sub"
rm -r "$d" && echo removed
