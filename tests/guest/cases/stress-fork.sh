#!/bin/bash
# needs: perl python3 xargs
# timeout: 120
# covers: fork storms in perl, xargs -P, deep process trees, big pipes, bash job control and traps
perl -e 'my %s; for my $r (1..10) { my @p; for my $i (1..8) { my $p = fork; if (!$p) { exit($i) } push @p, $p } $s{(waitpid($_, 0), $? >> 8)[1]}++ for @p } print join(" ", map { "$_=$s{$_}" } sort keys %s), "\n"'
perl -e 'for my $i (1..5) { open(my $f, "-|", "echo $i; cat /dev/null") or die; print <$f>; close $f } print "sys ", system("exit 4") >> 8, "\n"; print `echo back`; local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select undef, undef, undef, 5'
perl -e '$SIG{CHLD} = sub { while (waitpid(-1, 1) > 0) { $n++ } }; for (1..30) { my $p = fork; exit 0 unless $p } for (1..400) { last if $n == 30; select undef, undef, undef, 0.02 } print "reaped $n\n"'
seq 1 60 | xargs -P4 -n3 sh -c 'echo $(($1 + $2 + $3))' sh | sort -n | tail -3
sh -c 'f() { if [ $1 -gt 0 ]; then sh -c "exit 0"; (f $(($1 - 1))); else echo bottom; fi; }; f 25'
head -c 20000000 /dev/zero | tr '\0' x | cat | cat | wc -c
python3 - <<'END'
import subprocess, os
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
out, _ = p.communicate(b"y" * 3000000); print(len(out), p.returncode)
r, w = os.pipe()
def nest(n):
    if n == 0: os.write(w, b"deep"); os._exit(0)
    pid = os.fork()
    if pid == 0: nest(n - 1)
    _, st = os.waitpid(pid, 0); os._exit(os.waitstatus_to_exitcode(st) + 1)
pid = os.fork()
if pid == 0: nest(40)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.read(r, 10))
END
set -m
n=0; trap 'n=$((n + 1))' USR1
for i in 1 2 3 4 5 6 7 8; do (kill -USR1 $$) & wait $!; done; wait; [ $n -ge 1 ] && echo "traps ran"
sleep 30 & j=$!; kill -STOP %%; until jobs %% | grep -q Stopped; do sleep 0.02; done; echo stopped
kill -CONT %%; kill %%; wait $j; echo "job $?"
p=; for i in 1 2 3 4 5; do (exit $i) & p="$p $!"; done; for i in $p; do wait $i; echo "rc $?"; done
trap 'echo bye' EXIT; coproc cat; echo co >&${COPROC[1]}; read -r l <&${COPROC[0]}; echo "$l"
diff <(seq 1 5) <(seq 1 6); echo "diff $?"
