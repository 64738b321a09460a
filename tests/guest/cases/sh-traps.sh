#!/bin/sh
# covers: traps, kill, signals to self and to children, exit codes
trap 'echo got TERM' TERM
kill -TERM $$
echo after
trap 'echo exiting' EXIT
(trap - EXIT; sleep 10) & p=$!
kill -KILL $p; wait $p; echo "killed rc $?"
sh -c 'kill -INT $$'; echo "int rc $?"
sh -c 'exit 42'; echo "rc $?"
sh -c 'trap "echo child usr1; exit 5" USR1; kill -USR1 $$; sleep 5'; echo "rc $?"
trap '' INT; kill -INT $$; echo ignored
trap - INT
exit 9
