#!/bin/sh
# needs: dd md5sum find tar diff
# flags: -u 0
# covers: changes on top of the host's read-only files: copy-up, whiteouts, renames of host directories
# In a sandbox the host's own folders are changed (in memory); natively a copy of them is.
src=/usr/include
if [ "$(cat /proc/1/comm)" = bailey-init ]; then cd $src || exit 1
else mkdir w; cp -a $src/linux $src/asm-generic w/; cd w || exit 1; fi
chmod 755 linux/netfilter
try() { echo "--- $*"; "$@" 2>&1; }
list() { (cd "$1" && find . | LC_ALL=C sort | md5sum; find . -type f | LC_ALL=C sort | xargs md5sum | md5sum); }
list linux; list asm-generic
echo '--- append'; echo more >> linux/stat.h; tail -1 linux/stat.h; wc -c < linux/stat.h
echo '--- patch'; printf X | dd of=linux/fs.h bs=1 seek=100 conv=notrunc 2>/dev/null; md5sum < linux/fs.h
echo '--- cut'; : > linux/elf.h; wc -c < linux/elf.h; echo new > linux/elf.h; cat linux/elf.h
echo '--- mode'; chmod 600 linux/wait.h; stat -c '%a %s' linux/wait.h; md5sum < linux/wait.h; touch -d 2001-02-03 linux/time.h; stat -c %Y linux/time.h
echo '--- remove'; rm linux/uio.h; try cat linux/uio.h; ls linux | md5sum; echo again > linux/uio.h; cat linux/uio.h; ls linux | md5sum; rm linux/uio.h
echo '--- directories'; try rmdir linux/byteorder; rm -r linux/byteorder; try ls linux/byteorder; mkdir linux/byteorder; ls -A linux/byteorder; echo y > linux/byteorder/y; cat linux/byteorder/*
echo '--- rename'; mv linux/netfilter linux/nf; list linux/nf; try ls linux/netfilter; echo z >> linux/nf/nf_tables.h; tail -1 linux/nf/nf_tables.h; mkdir linux/netfilter; ls -A linux/netfilter
mv linux/nf/xt_time.h linux/netfilter/; mv -T linux/netfilter linux/byteorder 2>&1; mv linux/types.h linux/errno.h; wc -l < linux/errno.h; try cat linux/types.h
echo '--- links'; ln linux/limits.h linux/l2; echo q >> linux/l2; tail -1 linux/limits.h; stat -c %h linux/l2; ln -s ../asm-generic/stat.h linux/sl; md5sum < linux/sl
echo '--- open and gone'; exec 3< linux/if.h; rm linux/if.h; md5sum <&3; exec 3<&-
echo '--- copy'; cp -a asm-generic ag; diff -r asm-generic ag && echo same; rm -r asm-generic; mv ag asm-generic; list asm-generic
list linux
tar cf t.tar linux; tar tf t.tar | LC_ALL=C sort | md5sum
