#!/bin/sh
# needs: setcap getcap capsh setpriv python3
# covers: capabilities of files: setting, execve, no_new_privs, bounding and ambient sets, what removes them
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
D=$PWD/caps
mkdir $D && chmod 755 $D && cd $D || exit 1
trap 'rm -rf $D' EXIT
id -u
cp /bin/cat prog; cp /usr/sbin/getpcaps .; chmod 755 prog
status() { "$@" ./prog /proc/self/status 2>&1 | sed s/1fffe/1ffff/ | grep -E "Cap|Uid|denied|permitted|NoNew"; }
user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
setcap cap_net_raw,cap_chown=ep prog && getcap prog
echo == user; status user
setcap cap_net_raw=p prog; echo == p; status user
setcap cap_net_raw,cap_chown=i prog; echo == i; status user
echo == inherited; status user --inh-caps=+net_raw
setcap cap_net_raw=ei prog; echo == ei ambient; status user --inh-caps=+net_raw,+chown --ambient-caps=+chown
setcap cap_net_raw=ep prog
echo == bounded; status setpriv --bounding-set=-net_raw --reuid 1000 --regid 1000 --clear-groups
echo == nnp; status user --no-new-privs
echo == root; status setpriv
echo == noroot; status setpriv --securebits=+noroot,+noroot_locked
echo == setuid; chmod 4755 prog; chown 1000 prog; getcap prog; setcap cap_chown=ep prog; chmod 4755 prog; status setpriv --reuid 1001 --regid 1001 --clear-groups
chown 0 prog; setcap cap_chown=ep prog; chmod 4755 prog; status user
chmod 755 prog
echo == copies; getcap prog; cp -a prog copy; getcap copy; ln prog link; getcap link; mv link moved; getcap moved
echo x >> prog; getcap prog; setcap cap_chown=ep copy; python3 -c 'import os; os.truncate("copy", 100)'; getcap copy
setcap cap_chown=ep copy; chown 5 copy; getcap copy; setcap -r moved 2>&1
echo == bad; python3 - <<'P'
import os
def t(v, f=0):
    try:
        os.setxattr("moved", "security.capability", v, f)
        print("ok", os.getxattr("moved", "security.capability").hex())
    except OSError as e:
        print(e.errno)
t(b""); t(b"abc"); t(bytes(12)); t(b"\0\0\0\1" + bytes(8)); t(b"\1\0\0\2" + bytes(16)); t(b"\1\0\0\2" + bytes(20))
t(b"\1\0\0\3" + bytes(20)); t(b"\1\0\0\3" + bytes(16) + b"\5\0\0\0"); t(b"\1\0\0\2" + bytes(16), 1)
os.removexattr("moved", "security.capability")
try: os.getxattr("moved", "security.capability")
except OSError as e: print(e.errno)
try: os.removexattr("moved", "security.capability")
except OSError as e: print(e.errno)
P
cp /bin/cat other; chmod 777 other; echo == by user; user setcap cap_chown=ep other 2>&1; user getcap other
echo == namespace; cp /bin/cat prog; chmod 755 prog
unshare -Ur sh -c 'setcap cap_chown=ep prog && getcap prog; ./prog /proc/self/status | grep -E "CapInh|Uid"; python3 -c "import os; print(os.getxattr(\"prog\",\"security.capability\").hex())"'
getcap -n prog; python3 -c 'import os; print(os.getxattr("prog","security.capability").hex())'; status user
