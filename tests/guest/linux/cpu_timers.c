/* SPDX-License-Identifier: MIT */
/* Timers on CPU clocks: POSIX ones of process and thread, ITIMER_PROF and VIRTUAL; RLIMIT_CPU, over fork and exec. */
/* How often they fire depends on what else the machine does, natively too: the counts are loose. */
#include <stdlib.h>
#include <stdio.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
static volatile int n[65];
static void h(int s)
{
	n[s]++;
}
static double now(clockid_t c)
{
	struct timespec t;
	clock_gettime(c, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
static void burn(double s)
{
	double e = now(CLOCK_PROCESS_CPUTIME_ID) + s;
	volatile int x;
	while (now(CLOCK_PROCESS_CPUTIME_ID) < e)
		for (int i = 0; i < 200000; i++)
			x = i;
}
int main()
{
	for (int i = 1; i < 32; i++)
		if (i != 9 && i != 19 && i != 11)
			signal(i, h);
	signal(34, h);
	signal(35, h);
	timer_t t1, t2;
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 34};
	timer_create(CLOCK_PROCESS_CPUTIME_ID, &ev, &t1);
	ev.sigev_signo = 35;
	timer_create(CLOCK_THREAD_CPUTIME_ID, &ev, &t2);
	struct itimerspec v = {{0, 20000000}, {0, 20000000}};
	timer_settime(t1, 0, &v, 0);
	v.it_interval.tv_nsec = 0;
	v.it_value.tv_nsec = 100000000;
	timer_settime(t2, 0, &v, 0);
	struct itimerval iv = {{0, 50000}, {0, 50000}};
	setitimer(ITIMER_PROF, &iv, 0);
	setitimer(ITIMER_VIRTUAL, &iv, 0);
	burn(0.5);
	printf("posix %s thread %d prof %s virt %s\n", n[34] >= 2 && n[34] <= 30 ? "ok" : "WRONG", n[35],
	    n[SIGPROF] >= 2 && n[SIGPROF] <= 12 ? "ok" : "WRONG",
	    n[SIGVTALRM] >= 2 && n[SIGVTALRM] <= 12 ? "ok" : "WRONG");
	timer_gettime(t1, &v);
	printf(
	    "left %d interval %ld\n", v.it_value.tv_nsec > 0 && v.it_value.tv_nsec <= 20000000, v.it_interval.tv_nsec);
	iv = (struct itimerval){0};
	setitimer(ITIMER_PROF, &iv, 0);
	setitimer(ITIMER_VIRTUAL, &iv, 0);
	timer_delete(t1);
	fflush(stdout);
	pid_t p = fork();
	int st;
	if (!p) {
		signal(SIGXCPU, SIG_DFL);
		struct rlimit r = {1, 2};
		setrlimit(RLIMIT_CPU, &r);
		for (;;)
			;
	}
	waitpid(p, &st, 0);
	printf("soft: %d\n", WTERMSIG(st));
	p = fork();
	if (!p) {
		signal(SIGXCPU, SIG_IGN);
		struct rlimit r = {1, 2};
		setrlimit(RLIMIT_CPU, &r);
		for (;;)
			;
	}
	waitpid(p, &st, 0);
	printf("hard: %d\n", WTERMSIG(st));
	struct rlimit r = {1, 3};
	pid_t q = fork();
	if (!q) {
		setrlimit(RLIMIT_CPU, &r);
		p = fork();
		if (!p) {
			signal(SIGXCPU, SIG_DFL);
			for (;;)
				;
		}
		waitpid(p, &st, 0);
		printf("inherited: %d\n", WTERMSIG(st));
		fflush(stdout);
		execl("/bin/sh", "sh", "-c", "while :; do :; done", NULL);
	}
	waitpid(q, &st, 0);
	printf("over exec: %d\n", WTERMSIG(st));
	return 0;
}
