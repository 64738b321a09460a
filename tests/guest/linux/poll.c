/* SPDX-License-Identifier: MIT */
/* covers: poll, ppoll, select, pselect: masks, timeouts, signals, many descriptors */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static volatile int alarms;
static void on_alarm(int sig) { alarms++; }

static long ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void basics(void)
{
	int p[2];
	pipe(p);
	struct pollfd f[4] = { { p[0], POLLIN }, { p[1], POLLOUT }, { -5, POLLIN }, { 999, POLLIN } };
	int n = poll(f, 4, -1);
	printf("%d: %x %x %x %x\n", n, f[0].revents, f[1].revents, f[2].revents, f[3].revents);
	n = poll(f, 1, 0);
	printf("nothing: %d %x\n", n, f[0].revents);
	long start = ms();
	n = poll(f, 1, 60);
	long took = ms() - start;
	printf("timeout: %d, took %s\n", n, took >= 59 && took < 2000 ? "its time" : "WRONG");
	write(p[1], "x", 1);
	n = poll(f, 1, -1);
	printf("data: %d %x\n", n, f[0].revents);
	close(p[1]);
	n = poll(f, 1, -1);
	printf("data and end: %d %x\n", n, f[0].revents);
	char c;
	read(p[0], &c, 1);
	f[0].events = 0;
	n = poll(f, 1, -1);
	printf("end: %d %x\n", n, f[0].revents);
	close(p[0]);
	printf("no descriptors: %d\n", poll(NULL, 0, 10));
	res("bad array", poll((void *)8, 1, 0));
	struct rlimit rl = { 64, 64 };
	struct pollfd many[65] = { 0 };
	setrlimit(RLIMIT_NOFILE, &rl);
	res("beyond the limit", poll(many, 65, 0));
}

static void wakes(void)
{
	int p[2];
	char c;
	pipe(p);
	if (fork() == 0) {
		usleep(30000);
		write(p[1], "y", 1);
		_exit(0);
	}
	struct pollfd f = { p[0], POLLIN };
	int n = poll(&f, 1, 5000);
	printf("woken: %d %x\n", n, f.revents);
	read(p[0], &c, 1);
	wait(NULL);
	close(p[1]);
	close(p[0]);
}

static void signals(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	sigset_t block, none;
	struct itimerval it = { { 0 }, { 0, 30000 } };
	int p[2];

	sigaction(SIGALRM, &sa, NULL);
	pipe(p);
	struct pollfd f = { p[0], POLLIN };
	setitimer(ITIMER_REAL, &it, NULL);
	int n = poll(&f, 1, 5000);
	printf("interrupted: %d %s, alarms %d\n", n, strerror(errno), alarms);
	sigemptyset(&block);
	sigemptyset(&none);
	sigaddset(&block, SIGALRM);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGALRM);
	printf("blocked: %d, alarms %d\n", poll(&f, 1, 20), alarms);
	struct timespec ts = { 5, 0 };
	n = ppoll(&f, 1, &ts, &none);
	printf("ppoll lets it in: %d %s, alarms %d\n", n, strerror(errno), alarms);
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("mask is back: %d\n", sigismember(&now, SIGALRM));
	raise(SIGALRM);
	fd_set r;
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	n = pselect(p[0] + 1, &r, NULL, NULL, &ts, &none);
	printf("pselect lets it in: %d %s, alarms %d\n", n, strerror(errno), alarms);
	/* A stop and a continue without handler must not end or prolong poll. */
	pid_t child = fork();
	if (child == 0) {
		long start = ms();
		int k = poll(&f, 1, 300);
		long took = ms() - start;
		_exit(k == 0 && took >= 299 && took < 3000 ? 0 : 1);
	}
	usleep(50000);
	kill(child, SIGSTOP);
	waitpid(child, NULL, WUNTRACED);
	kill(child, SIGCONT);
	int st;
	waitpid(child, &st, 0);
	printf("stopped and continued: %d\n", st);
	close(p[0]);
	close(p[1]);
}

static void selects(void)
{
	int p[2], q[2];
	fd_set r, w, e;
	struct timeval tv = { 0, 0 };

	pipe(p);
	pipe(q);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(p[0], &r);
	FD_SET(q[0], &r);
	FD_SET(p[1], &w);
	write(q[1], "1", 1);
	int n = select(q[1] + 1, &r, &w, &e, NULL);
	printf("select %d: %d %d %d\n", n, !!FD_ISSET(p[0], &r), !!FD_ISSET(q[0], &r), !!FD_ISSET(p[1], &w));
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	n = select(p[0] + 1, &r, NULL, NULL, &tv);
	printf("nothing: %d %d\n", n, !!FD_ISSET(p[0], &r));
	close(p[0]);
	FD_ZERO(&w);
	FD_SET(p[1], &w);
	n = select(p[1] + 1, NULL, &w, NULL, NULL);
	printf("broken counts as writable: %d\n", n);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	n = select(p[0] + 1, &r, NULL, NULL, NULL);
	res("closed", n);
	res("negative", select(-1, NULL, NULL, NULL, &tv));
	tv.tv_usec = 20000;
	n = select(0, NULL, NULL, NULL, &tv);
	printf("sleep: %d left %ld\n", n, (long)tv.tv_usec);
	close(p[1]);
	close(q[0]);
	close(q[1]);
}

static int many_out[400];
static void *poke(void *arg)
{
	usleep(20000);
	write(many_out[317], "z", 1);
	return NULL;
}

static void many(void)
{
	struct rlimit rl;
	struct pollfd f[400];
	pthread_t th;
	int p[2];

	getrlimit(RLIMIT_NOFILE, &rl);
	for (int i = 0; i < 400; i++) {
		if (pipe(p) != 0) {
			printf("pipe %d: %s\n", i, strerror(errno));
			return;
		}
		f[i] = (struct pollfd){ p[0], POLLIN };
		many_out[i] = p[1];
	}
	pthread_create(&th, NULL, poke, NULL);
	int n = poll(f, 400, 5000);
	pthread_join(th, NULL);
	printf("one of many: %d, %x\n", n, f[317].revents);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	wakes();
	signals();
	selects();
	many();
	basics();
	return 0;
}
