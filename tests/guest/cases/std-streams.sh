#!/bin/sh
# covers: the host's descriptors: append and shared position, here-documents, /dev/stdin, stat of what is redirected
# The output of a sandbox may be a file with other writers.
echo start > f
(echo one; cat; echo two) <<E >> f
here
E
cat f
echo abc | (read x; echo "got $x")
echo via-stdin | cat /dev/stdin
echo to-stderr 2>&1 >&2 | cat
printf '123456789' > g; (dd bs=1 count=3 2>/dev/null; echo; dd bs=1 count=3 2>/dev/null; echo) < g
test -t 0 && echo tty || echo "no tty"
test -p /dev/stdout && echo pipe || echo "no pipe"
cat < /dev/null; echo "null $?"
echo x > /dev/null; echo "null $?"
head -c 5 /dev/zero | od -c | head -1
exec 5<> g; read line <&5; echo "$line"; exec 5>&-
