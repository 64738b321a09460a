/* SPDX-License-Identifier: MIT */
/*
 * Threads one after the other: each begins as new, whatever host thread it runs on.  CPU time, rounding, signal
 * mask, alternate stack, name, thread-local storage and cancellation; ends and beginnings while the process forks, executes
 * a program and ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static __thread int mine;
static atomic_int bad, handled;
static volatile double three = 3;

enum { NEAREST, DOWN, UP };

/* Of both units; libm has this, but is another library. */
static void set_rounding(unsigned mode)
{
	unsigned mxcsr;
	unsigned short fcw;

	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(fcw));
	mxcsr = (mxcsr & ~0x6000u) | mode << 13;
	fcw = (unsigned short)((fcw & ~0xc00u) | mode << 10);
	__asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(fcw));
}

static int rounding_is(unsigned mode)
{
	unsigned mxcsr;
	unsigned short fcw;

	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(fcw));
	return (mxcsr >> 13 & 3) == mode && (fcw >> 10 & 3) == mode;
}

static long cpu_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return -1;
	return ts.tv_sec * 1000000000l + ts.tv_nsec;
}

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

/* Leaves as much behind as a thread can. */
static void *messy(void *arg)
{
	char stack[16384];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack };
	sigset_t all;

	mine = 5;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	sigaltstack(&ss, NULL);
	set_rounding(UP);
	prctl(PR_SET_NAME, "messy");
	for (long end = cpu_ns(CLOCK_THREAD_CPUTIME_ID) + 3000000; cpu_ns(CLOCK_THREAD_CPUTIME_ID) < end;)
		__asm__ volatile("fldpi; fstp %%st(0)" ::: "memory");
	__asm__ volatile("fldpi; fldpi; fldpi" ::: "memory"); /* the x87 stack is not empty */
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	return arg;
}

static void expect(int so, const char *what)
{
	if (!so) {
		bad++;
		printf("not so: %s\n", what);
	}
}
#define EXPECT(x) expect(x, #x)

static void *fresh(void *arg)
{
	sigset_t now;
	stack_t ss;
	char name[16];

	EXPECT(cpu_ns(CLOCK_THREAD_CPUTIME_ID) < 3000000);
	EXPECT(mine == 0);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	EXPECT(!sigismember(&now, SIGUSR1) && sigismember(&now, SIGUSR2));
	sigaltstack(NULL, &ss);
	EXPECT(ss.ss_flags == SS_DISABLE);
	EXPECT(rounding_is(DOWN));
	EXPECT(-1 / three < -0.333333333333333314);
	prctl(PR_GET_NAME, name);
	EXPECT(strcmp(name, "messy") != 0);
	for (int i = 0; i < 8; i++) { /* as many as the x87 stack holds */
		long double v;

		__asm__ volatile("fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi\n"
				 "fstp %%st(0); fstp %%st(0); fstp %%st(0); fstp %%st(0); fstp %%st(0); fstp %%st(0); fstp %%st(0); fstpt %0"
				 : "=m"(v));
		EXPECT(v > 3.14L && v < 3.15L);
	}
	return arg;
}

static void run(void *(*f)(void *))
{
	pthread_t t;
	void *got;

	if (pthread_create(&t, NULL, f, &bad) || pthread_join(t, &got) || got != &bad)
		bad++;
}

static void one_after_the_other(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	set_rounding(DOWN);
	for (int i = 0; i < 40; i++) {
		run(messy);
		run(fresh);
	}
	set_rounding(NEAREST);
	printf("lives: %d\n", bad);
}

static void *short_life(void *arg)
{
	return arg;
}

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* Signals to threads that begin and end, and cancellation of one that waits. */
static void told(void)
{
	for (int i = 0; i < 500; i++) {
		pthread_t t;
		void *got = NULL;

		if (pthread_create(&t, NULL, i % 2 ? sleeper : short_life, NULL))
			bad++;
		pthread_kill(t, SIGUSR1);
		if (i % 2)
			pthread_cancel(t);
		pthread_join(t, &got);
		if (i % 2 && got != PTHREAD_CANCELED)
			bad++;
	}
	printf("told: %d\n", bad);
}

static atomic_int stop;

static void *maker(void *arg)
{
	while (!stop)
		run(short_life);
	return arg;
}

/* What a fork copies has no threads but the caller: its own begin and end like any. */
static void forks(void)
{
	pthread_t t[2];
	int status;

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, maker, NULL);
	for (int i = 0; i < 60; i++) {
		pid_t p = fork();

		if (p == 0) {
			for (int k = 0; k < 5; k++)
				run(short_life);
			if (i % 3 == 0)
				execl("/bin/true", "true", (char *)NULL);
			_exit(bad != 0);
		}
		if (waitpid(p, &status, 0) != p || status)
			bad++;
	}
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	printf("forks: %d\n", bad);
}

/* A process ends, or executes a program, as others of its threads do. */
static void ends(void)
{
	int status;

	for (int i = 0; i < 40; i++) {
		pid_t p = fork();

		if (p == 0) {
			pthread_t t;

			stop = 0;
			pthread_create(&t, NULL, maker, NULL);
			pthread_create(&t, NULL, maker, NULL);
			usleep((unsigned)(i * 50));
			if (i % 2)
				execl("/bin/true", "true", (char *)NULL);
			_exit(0);
		}
		if (waitpid(p, &status, 0) != p || status)
			bad++;
	}
	printf("ends: %d\n", bad);
}

int main(void)
{
	signal(SIGUSR1, on_signal);
	one_after_the_other();
	told();
	forks();
	ends();
	return bad != 0;
}
