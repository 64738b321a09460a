#!/bin/sh
# needs: gawk perl
printf 'a 1\nb 2\nc 3\n' > in
sed -n '2p; $s/c/C/p' in; sed -i 's/a/A/' in; cat in
awk '{s+=$2; print NR, $1} END {print s}' in; gawk 'BEGIN { "date +%Y" | getline y; print (y > 2000) ; print strftime("%Y", 0, 1); printf "%.3f\n", 3.14159 }'
perl -e 'print join(",", map { $_*2 } 1..5), "\n"; open F, "<in"; while (<F>) { chomp; print "$.:$_\n" } $x = `echo sub`; print $x; if (fork) { wait; print $?>>8, "\n" } else { exit 3 }'
perl -ne 'print if /2/' in; perl -MPOSIX -e 'print POSIX::floor(3.7), "\n"; $SIG{ALRM} = sub { print "alarm\n"; exit }; alarm 1; sleep 5'
perl -MSocket -e 'socketpair(A,B,AF_UNIX,SOCK_STREAM,0); syswrite(A,"hey"); sysread(B,$b,3); print "$b\n"'
