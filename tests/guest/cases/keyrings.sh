#!/bin/dash
# needs: keyctl
# covers: keyutils keyctl, add_key, request_key
keyctl session - sh -c '
k=$(keyctl add user foo bar @s); keyctl print $k; keyctl describe $k | cut -d: -f2
r=$(keyctl newring r1 @s); keyctl link $k $r; keyctl list $r | sed "s/ *[0-9]*:/N:/"; keyctl show | sed "s,^ *[0-9]*[: ],,"
keyctl timeout $k 100; grep foo /proc/keys | cut -c9-11,23-80
keyctl setperm $k 0x3f3f0000; keyctl revoke $k; keyctl print $k; keyctl show | sed "s,^ *[0-9]*[: ],,"
keyctl link @u @s; keyctl add logon a:b secret @s >/dev/null; keyctl print %logon:a:b
keyctl request user nothing; keyctl add user bad "" @s; keyctl add keyring z x @s; keyctl add nosuch z x @s
keyctl rdescribe 1; keyctl unlink 5 @s; keyctl link @s @s; keyctl clear @s; keyctl show | sed "s,^ *[0-9]*[: ],,"' 2>&1 | grep -v Joined
