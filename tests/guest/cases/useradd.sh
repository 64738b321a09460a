#!/bin/sh
# needs: useradd groupadd su
# flags: -u 0
# covers: empty lock files of root's in the view; accounts made inside stay inside
# Natively it only tells what it would see: accounts of the host are not touched.
if [ "$(cat /proc/1/comm)" != bailey-init ]; then
	printf 'useradd 0\ngroupadd 0\nuid=4711(bailey-test)\nhome drwx\nsu 4711\nuserdel 0\n'
	exit 0
fi
useradd -m -u 4711 -s /bin/sh bailey-test
echo useradd $?
groupadd bailey-group
echo groupadd $?
id bailey-test | sed 's/ .*//'
echo home "$(ls -ld /home/bailey-test | cut -c1-4)"
su bailey-test -c 'echo su $(id -u)'
cat /etc/.pwd.lock
userdel bailey-test
echo userdel $?
