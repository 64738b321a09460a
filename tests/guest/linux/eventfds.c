/* SPDX-License-Identifier: MIT */
/* covers: eventfd, timerfd, signalfd, each also through poll and epoll */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static int ready(int fd, int timeout)
{
	struct pollfd p = { fd, POLLIN | POLLOUT };
	return poll(&p, 1, timeout) > 0 ? p.revents : 0;
}

static void *add_two(void *arg)
{
	uint64_t v = 2;
	usleep(20000);
	write(*(int *)arg, &v, 8);
	return NULL;
}

static void events(void)
{
	uint64_t v = 5;
	int e = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);

	res("bad flags", eventfd(0, 77));
	res("short read", read(e, &v, 4));
	res("short write", write(e, &v, 7));
	v = UINT64_MAX;
	res("too much", write(e, &v, 8));
	printf("ready %x\n", ready(e, 0));
	v = 4;
	write(e, &v, 8);
	read(e, &v, 8);
	printf("3 + 4 = %lu, ready %x\n", (unsigned long)v, ready(e, 0));
	res("empty", read(e, &v, 8));
	v = UINT64_MAX - 1;
	write(e, &v, 8);
	printf("full ready %x\n", ready(e, 0));
	v = 1;
	res("overflow", write(e, &v, 8));
	close(e);
	e = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	for (int i = 0; i < 3; i++) {
		v = 0;
		ssize_t n = read(e, &v, 8);
		printf("semaphore %zd %lu\n", n, (unsigned long)v);
	}
	close(e);
	e = eventfd(0, 0);
	pthread_t th;
	pthread_create(&th, NULL, add_two, &e);
	read(e, &v, 8);
	pthread_join(th, NULL);
	printf("waited for %lu\n", (unsigned long)v);
	if (fork() == 0) {
		v = 9;
		write(e, &v, 8);
		_exit(0);
	}
	read(e, &v, 8);
	wait(NULL);
	printf("from child %lu\n", (unsigned long)v);
	close(e);
}

static void timers(void)
{
	struct itimerspec its = { { 0, 0 }, { 0, 30000000 } }, old;
	struct timespec t0, t1;
	uint64_t v = 0;
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), a;

	res("bad clock", timerfd_create(77, 0));
	res("bad flags", timerfd_create(CLOCK_MONOTONIC, 1));
	a = timerfd_create(CLOCK_BOOTTIME_ALARM, 0); /* a right that root has */
	printf("alarm clock: %d\n", a < 0 ? errno : 0);
	close(a);
	res("not a timer", timerfd_settime(0, 0, &its, NULL));
	its.it_value.tv_nsec = 1000000000;
	res("bad time", timerfd_settime(t, 0, &its, NULL));
	its.it_value.tv_nsec = 30000000;
	res("not armed", read(t, &v, 8));
	clock_gettime(CLOCK_MONOTONIC, &t0);
	timerfd_settime(t, 0, &its, NULL);
	timerfd_gettime(t, &old);
	printf("armed %d\n", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 30000000);
	printf("early %x\n", ready(t, 0) & POLLIN);
	printf("fires %x\n", ready(t, 5000) & POLLIN);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	long ms = (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000;
	printf("in %s\n", ms >= 29 && ms < 2000 ? "time" : "WRONG TIME");
	ssize_t n = read(t, &v, 8);
	printf("read %zd %lu\n", n, (unsigned long)v);
	res("once", read(t, &v, 8));
	its = (struct itimerspec){ { 0, 10000000 }, { 0, 10000000 } };
	timerfd_settime(t, 0, &its, NULL);
	usleep(55000);
	read(t, &v, 8);
	printf("periodic %d\n", v >= 5 && v < 500);
	int ep = epoll_create1(0), count = 0;
	struct epoll_event ev = { EPOLLIN | EPOLLET };
	epoll_ctl(ep, EPOLL_CTL_ADD, t, &ev);
	for (int i = 0; i < 4; i++) {
		count += epoll_wait(ep, &ev, 1, 5000);
		read(t, &v, 8);
	}
	printf("edges %d\n", count);
	usleep(20000);
	count = epoll_wait(ep, &ev, 1, 5000);
	printf("unread: %d, then %d\n", count, epoll_wait(ep, &ev, 1, 50));
	its = (struct itimerspec){ 0 };
	timerfd_settime(t, 0, &its, &old);
	printf("old interval %ld\n", old.it_interval.tv_nsec);
	printf("disarmed %x\n", ready(t, 30) & POLLIN);
	close(t);
	t = timerfd_create(CLOCK_REALTIME, 0);
	clock_gettime(CLOCK_REALTIME, &t0);
	its.it_value = (struct timespec){ t0.tv_sec - 5, 0 };
	timerfd_settime(t, TFD_TIMER_ABSTIME, &its, NULL);
	read(t, &v, 8);
	printf("past %lu\n", (unsigned long)v);
	its.it_value = t0;
	its.it_value.tv_sec += 1;
	timerfd_settime(t, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL);
	read(t, &v, 8);
	clock_gettime(CLOCK_REALTIME, &t1);
	printf("absolute %lu %d\n", (unsigned long)v, t1.tv_sec >= t0.tv_sec + 1);
	close(t);
	close(ep);
}

static void signals(void)
{
	struct signalfd_siginfo si[4];
	sigset_t set;
	int s, st;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	res("bad flags", signalfd(-1, &set, 5));
	res("not a signalfd", signalfd(0, &set, 0));
	s = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	res("none", read(s, si, sizeof si));
	res("short", read(s, si, 10));
	kill(getpid(), SIGUSR1);
	printf("ready %x\n", ready(s, 0));
	ssize_t n = read(s, si, sizeof si);
	printf("%zd: signal %d code %d pid %d\n", n / (ssize_t)sizeof si[0], si[0].ssi_signo, si[0].ssi_code, si[0].ssi_pid == getpid());
	union sigval val = { .sival_int = 1234 };
	sigqueue(getpid(), SIGRTMIN, val);
	val.sival_int = 5678;
	sigqueue(getpid(), SIGRTMIN, val);
	n = read(s, si, sizeof si);
	printf("%zd: %d %d\n", n / (ssize_t)sizeof si[0], si[0].ssi_int, si[1].ssi_int);
	int ep = epoll_create1(0);
	struct epoll_event ev = { EPOLLIN };
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev);
	pid_t child = fork();
	if (child == 0) {
		usleep(20000);
		_exit(3);
	}
	printf("epoll %d\n", epoll_wait(ep, &ev, 1, 5000));
	n = read(s, si, sizeof si[0]);
	printf("child: %d %d %d\n", si[0].ssi_signo, si[0].ssi_pid == child, si[0].ssi_status);
	wait(&st);
	sigdelset(&set, SIGUSR1);
	printf("new mask %d\n", signalfd(s, &set, 0) == s);
	kill(getpid(), SIGUSR1);
	printf("not taken %x\n", ready(s, 0));
	close(ep);
	close(s);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	events();
	timers();
	signals();
	return 0;
}
