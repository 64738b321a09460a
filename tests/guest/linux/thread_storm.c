/* SPDX-License-Identifier: MIT */
/*
 * Many threads, and everything else at the same time: 200 threads at once, fork and
 * posix_spawn from threads while signals come, ends of processes with threads in
 * system-call loops, an execve of a thread that is not the first.
 */
/* timeout: 60 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static _Atomic long sum, handled;
static volatile int stop;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

static void handler(int sig)
{
	int e = errno;

	handled++;
	(void)!write(-1, "", 1);
	errno = e;
}

static void *adder(void *a)
{
	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&m);
		sum++;
		pthread_mutex_unlock(&m);
		if (i % 10 == 0)
			sched_yield();
		getppid();
	}
	return a;
}

static void *looper(void *a)
{
	int p[2];

	(void)!pipe(p);
	while (!stop) {
		char b[64], *q;

		(void)!write(p[1], "x", 1);
		(void)!read(p[0], b, sizeof b);
		q = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*q = 1;
		munmap(q, 8192);
	}
	close(p[0]);
	close(p[1]);
	return a;
}

static int wait_for(pid_t pid)
{
	int st;

	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return st;
}

static void *forker(void *a)
{
	for (int i = 0; i < 10; i++) {
		pid_t p = fork();
		int st;

		if (p == 0)
			_exit(i);
		st = wait_for(p);
		if (st != i << 8)
			printf("forked: status %x\n", st);
	}
	return a;
}

static void *spawner(void *a)
{
	char *argv[] = { "true", NULL };

	for (int i = 0; i < 10; i++) {
		pid_t p;
		int st = posix_spawn(&p, "/bin/true", NULL, NULL, argv, environ);

		if (st != 0 || (st = wait_for(p)) != 0)
			printf("spawned: status %x\n", st);
	}
	return a;
}

static void *vforker(void *a)
{
	for (int i = 0; i < 10; i++) {
		pid_t p = vfork();
		int st;

		if (p == 0) {
			if (i % 2)
				_exit(9);
			execl("/bin/false", "false", NULL);
			_exit(1);
		}
		st = wait_for(p);
		if (st != (i % 2 ? 9 : 1) << 8)
			printf("vforked: status %x\n", st);
	}
	return a;
}

static void *killer(void *a)
{
	while (!stop) {
		kill(getpid(), SIGUSR1);
		usleep(200);
	}
	return a;
}

static void *execer(void *a)
{
	usleep(2000);
	execl("/bin/echo", "echo", "from another thread", NULL);
	return a;
}

static void storm(void)
{
	void *(*const work[])(void *) = { looper, looper, killer, forker, spawner, vforker, forker, spawner, vforker };
	enum { N = sizeof work / sizeof work[0], ENDLESS = 3 };
	pthread_t t[N];

	for (int i = 0; i < N; i++)
		pthread_create(&t[i], NULL, work[i], NULL);
	for (int i = ENDLESS; i < N; i++)
		pthread_join(t[i], NULL);
	stop = 1;
	for (int i = 0; i < ENDLESS; i++)
		pthread_join(t[i], NULL);
	printf("handled %d\n", handled > 0);
}

/* Ends of a process whose other threads are busy, by its first thread or by another. */
static void *ender(void *how)
{
	switch ((long)how) {
	case 0:
		_exit(5);
	case 1:
		raise(SIGKILL);
	case 2:
		*(volatile int *)8 = 0;
	default:
		execl("/bin/true", "true", NULL);
	}
	return NULL;
}

static void ends(void)
{
	for (long r = 0; r < 16; r++) {
		pid_t p = fork();

		if (p == 0) {
			pthread_t x;

			stop = 0;
			for (int i = 0; i < 8; i++)
				pthread_create(&x, NULL, looper, NULL);
			usleep(500 * r);
			if (r < 8)
				ender((void *)(r % 4));
			pthread_create(&x, NULL, ender, (void *)(r % 4));
			pthread_exit(NULL);
		}
		printf("end %ld: %x\n", r, wait_for(p) & ~0x80);
	}
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };
	pthread_t t[200];

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGUSR1, &sa, NULL);
	for (long i = 0; i < 200; i++)
		if (pthread_create(&t[i], NULL, adder, (void *)i))
			printf("no thread %ld\n", i);
	for (long i = 0; i < 200; i++) {
		void *r;

		pthread_join(t[i], &r);
		if (r != (void *)i)
			printf("thread %ld gave %p\n", i, r);
	}
	printf("sum %ld\n", sum);
	storm();
	ends();
	stop = 0;
	pthread_create(&t[0], NULL, looper, NULL);
	pthread_create(&t[1], NULL, looper, NULL);
	pthread_create(&t[2], NULL, execer, NULL);
	for (;;)
		pause();
}
