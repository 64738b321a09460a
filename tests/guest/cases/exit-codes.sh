#!/bin/sh
sh -c 'exit 0'; echo $?; sh -c 'exit 255'; echo $?; sh -c 'kill -SEGV $$'; echo $?; sh -c 'kill -9 $$'; echo $?
/nonexistent 2>/dev/null; echo $?; /etc/passwd 2>/dev/null; echo $?; true | false; echo $?
exit 77
