#!/bin/sh
# needs: setfacl getfacl setpriv chown
# covers: POSIX ACLs on files in memory
umask 022
export LC_ALL=C
D=/dev/shm/acl.$$
mkdir $D && chmod 755 $D && cd $D || exit 1
trap 'cd /; chmod -R u+rwx $D; rm -rf $D' EXIT
show() { getfacl -n --absolute-names "$@" 2>&1 | sed "s,$D,D,"; stat -c '%a %n' "$@"; }
echo one > f; mkdir d
chmod 640 f
setfacl -m u:1000:rw,g:2000:r f; show f
setfacl -m m::r f; show f
chmod 670 f; show f
chmod g= f; show f
setfacl -x u:1000 f; show f
setfacl -b f; show f
echo == default
setfacl -d -m u:1000:rwx,g:2000:rx,o::- d; show d
touch d/f; mkdir d/s; ln -s f d/l; mkfifo d/p; show d/f d/s d/p
(umask 077; touch d/g; mkdir d/t; show d/g d/t)
cp -p d/f d/copy; show d/copy
setfacl -R -m u:1001:r d; show d/f d/s
setfacl -k d; show d; touch d/h; show d/h
echo == errors
setfacl -m d:u:1000:r f 2>&1
setfacl -m u:1000:r /proc/version 2>&1
setfacl --set u::rw,u:5:r,g::r,o::r f 2>&1; show f
setfacl -n --set u::rw,u:5:r,g::r,o::r d 2>&1; show d
if [ "$(id -u)" = 0 ]; then
	echo == permission
	rm -rf d f; mkdir d; echo secret > f; chmod 600 f; chown 500:500 f; chmod 711 d; echo x > d/x
	as() { u=$1; g=$2; shift 2; setpriv --reuid $u --regid $g --clear-groups "$@" 2>&1; }
	try() { for who in 500:1 1000:1000 1001:1001 1002:2000 1003:500 1004:1; do
		printf '%s %s:' "$1" $who
		as ${who%:*} ${who#*:} sh -c '[ -r f ] && printf " r"; [ -w f ] && printf " w"; [ -x f ] && printf " x"; cat f >/dev/null 2>&1 && printf " cat"; ( : >> f ) 2>/dev/null && printf " app"; ls d >/dev/null 2>&1 && printf " ls"; cat d/x >/dev/null 2>&1 && printf " dx"; ( : > d/$$ ) 2>/dev/null && printf " new"; echo'
	done; }
	setfacl -m u:1000:rw,u:1001:-,g:2000:r,g:500:w f; setfacl -m u:1000:rwx,u:1001:-,g:2000:rx d; try acl
	setfacl -m m::r f; setfacl -m m::x d; try mask
	chmod g= f d
	chmod 777 f d; setfacl -m u:1001:-,g:500:- f d; try open
	as 1000 1000 setfacl -m u:1000:rwx f
	as 500 500 setfacl -m u:1000:rwx f; show f
	as 500 500 chmod 2770 f; show f
	as 1000 1000 getfacl -n --absolute-names f | head -3
fi
