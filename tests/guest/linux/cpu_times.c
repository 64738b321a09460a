/* SPDX-License-Identifier: MIT */
/*
 * CPU time: user and system told apart, of a thread, the process, its children; clocks of
 * another thread and another process; what is shown never goes back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void usage(int who, double *user, double *sys)
{
	struct rusage r;

	getrusage(who, &r);
	*user = r.ru_utime.tv_sec + r.ru_utime.tv_usec / 1e6;
	*sys = r.ru_stime.tv_sec + r.ru_stime.tv_usec / 1e6;
}

static void burn_user(double s)
{
	double end = now(CLOCK_THREAD_CPUTIME_ID) + s;
	volatile int x;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		for (int i = 0; i < 1000000; i++)
			x = i;
	(void)x;
}

static void burn_sys(double s)
{
	double end = now(CLOCK_THREAD_CPUTIME_ID) + s;
	int fd = open("/dev/zero", O_RDONLY);
	static char b[65536];

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		for (int i = 0; i < 200; i++)
			(void)!read(fd, b, sizeof b);
	close(fd);
}

static const char *about(double value, double want)
{
	return value > want * 0.6 - 0.05 && value < want * 1.4 + 0.05 ? "as it should be" : "WRONG";
}

static void *thread(void *arg)
{
	double u, s;

	burn_user(0.2);
	usage(RUSAGE_THREAD, &u, &s);
	printf("thread user: %s\n", about(u, 0.2));
	pause();
	return arg;
}

int main(void)
{
	double u, s, u2, s2;
	struct tms tm;
	pthread_t th;
	clockid_t c;
	pid_t pid;
	int back = 0;

	burn_user(0.3);
	usage(RUSAGE_SELF, &u, &s);
	printf("user: %s, system: %s\n", about(u, 0.3), about(s, 0));
	burn_sys(0.3);
	usage(RUSAGE_SELF, &u, &s);
	printf("sum: %s, some is system: %d\n", about(u + s, 0.6), s > 0.1);
	for (int i = 0; i < 20000; i++) {
		usage(RUSAGE_SELF, &u2, &s2);
		back += u2 < u || s2 < s;
		u = u2;
		s = s2;
	}
	printf("went back: %d\n", back);
	pthread_create(&th, NULL, thread, NULL);
	pthread_getcpuclockid(th, &c);
	while (now(c) < 0.2)
		usleep(10000);
	usleep(50000);
	printf("thread clock: %s\n", about(now(c), 0.2));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		burn_user(0.2);
		pause();
	}
	clock_getcpuclockid(pid, &c);
	while (now(c) < 0.2)
		usleep(10000);
	printf("child clock: %s\n", about(now(c), 0.2));
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	usage(RUSAGE_CHILDREN, &u, &s);
	times(&tm);
	printf("children: %s, as times has it: %s\n", about(u + s, 0.2), about((tm.tms_cutime + tm.tms_cstime) / 100.0, u + s));
	return 0;
}
