/* SPDX-License-Identifier: MIT */
/* covers: epoll: level, edge, ONESHOT, EXCLUSIVE, nesting, closing, threads, signals */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static void add(int ep, int fd, unsigned events, unsigned long data)
{
	struct epoll_event ev = { events, { .u64 = data } };
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		printf("ADD %lu: %s\n", data, strerror(errno));
}

static void show(const char *what, int ep, int timeout)
{
	struct epoll_event ev[8];
	int n = epoll_wait(ep, ev, 8, timeout);
	printf("%s: %d", what, n);
	for (int i = 0; i < n; i++)
		printf(" [%lu %x]", (unsigned long)ev[i].data.u64, ev[i].events);
	printf("\n");
}

static void errors(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), p[2], f;
	struct epoll_event ev = { EPOLLIN };

	pipe(p);
	res("create1 bad", epoll_create1(1));
	res("create 0", epoll_create(0));
	res("bad fd", epoll_ctl(ep, EPOLL_CTL_ADD, 900, &ev));
	res("itself", epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev));
	res("no epoll", epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &ev));
	f = open("/proc/self/exe", O_RDONLY);
	res("a file", epoll_ctl(ep, EPOLL_CTL_ADD, f, &ev));
	res("mod nothing", epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev));
	res("del nothing", epoll_ctl(ep, EPOLL_CTL_DEL, p[0], &ev));
	add(ep, p[0], EPOLLIN, 1);
	res("twice", epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	res("bad op", epoll_ctl(ep, 77, p[0], &ev));
	res("bad event", epoll_ctl(ep, EPOLL_CTL_ADD, p[1], (void *)8));
	res("max 0", epoll_wait(ep, &ev, 0, 0));
	write(p[1], "x", 1);
	res("bad buffer", epoll_wait(ep, (void *)8, 4, 0));
	show("still there", ep, 0);
	close(ep);
	close(p[0]);
	close(p[1]);
	close(f);
}

static void level_edge(void)
{
	int ep = epoll_create1(0), p[2], q[2];
	struct epoll_event ev;
	char b[10];

	pipe(p);
	pipe(q);
	add(ep, p[0], EPOLLIN, 1);
	add(ep, q[0], EPOLLIN | EPOLLET, 2);
	show("quiet", ep, 0);
	write(p[1], "ab", 2);
	write(q[1], "ab", 2);
	show("both", ep, 1000);
	show("level only", ep, 0);
	read(q[0], b, 1);
	show("read part of edge", ep, 0);
	write(q[1], "c", 1);
	show("new edge", ep, 0);
	read(p[0], b, 2);
	show("level drained", ep, 0);
	ev = (struct epoll_event){ EPOLLIN | EPOLLONESHOT, { .u64 = 3 } };
	epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
	write(p[1], "d", 1);
	show("oneshot", ep, 0);
	show("spent", ep, 0);
	epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
	show("armed again", ep, 0);
	close(p[1]);
	show("end of a spent one", ep, 0);
	ev.events = EPOLLIN;
	epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &ev);
	show("end", ep, 0);
	close(p[0]);
	show("closed", ep, 0);
	int d = dup(q[0]);
	write(q[1], "e", 1);
	close(q[0]);
	show("a duplicate keeps it", ep, 0);
	close(d);
	show("now it is gone", ep, 0);
	close(q[1]);
	close(ep);
}

static void nesting(void)
{
	int e[7], p[2];
	struct epoll_event ev = { EPOLLIN };

	pipe(p);
	for (int i = 0; i < 7; i++)
		e[i] = epoll_create1(0);
	add(e[0], p[0], EPOLLIN, 10);
	add(e[1], e[0], EPOLLIN, 11);
	add(e[2], e[1], EPOLLIN, 12);
	res("loop", epoll_ctl(e[0], EPOLL_CTL_ADD, e[2], &ev));
	show("outer quiet", e[2], 0);
	write(p[1], "x", 1);
	show("outer", e[2], 0);
	show("middle", e[1], 0);
	show("inner", e[0], 0);
	char c;
	read(p[0], &c, 1);
	show("outer drained", e[2], 0);
	for (int i = 0; i < 7; i++)
		close(e[i]);
	close(p[0]);
	close(p[1]);
}

static void across_fork(void)
{
	int ep = epoll_create1(0), s[2];
	struct epoll_event ev;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	add(ep, s[0], EPOLLIN | EPOLLRDHUP, 5);
	if (fork() == 0) {
		usleep(20000);
		write(s[1], "hi", 2);
		_exit(0);
	}
	close(s[1]);
	int n = epoll_wait(ep, &ev, 1, 5000);
	printf("from child: %d %lu %x\n", n, (unsigned long)ev.data.u64, ev.events & EPOLLIN);
	wait(NULL);
	show("child gone", ep, 0);
	close(s[0]);
	close(ep);
}

static int shared_ep, token;
static atomic_int handled;
static void *worker(void *arg)
{
	struct epoll_event ev;
	for (;;) {
		if (epoll_wait(shared_ep, &ev, 1, -1) != 1)
			continue;
		if (ev.data.u64 == 99)
			return NULL;
		uint64_t v;
		if (read(token, &v, 8) == 8)
			atomic_fetch_add(&handled, (int)v);
	}
}

static void threads(void)
{
	pthread_t th[4];
	int stop = eventfd(0, EFD_NONBLOCK);
	uint64_t one = 1;

	shared_ep = epoll_create1(0);
	token = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	add(shared_ep, token, EPOLLIN | EPOLLET, 1);
	for (int i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, worker, NULL);
	for (int i = 0; i < 2000; i++) {
		write(token, &one, 8);
		while (atomic_load(&handled) <= i)
			sched_yield();
	}
	add(shared_ep, stop, EPOLLIN, 99);
	write(stop, &one, 8);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	printf("threads handled %d\n", atomic_load(&handled));
	close(shared_ep);
	close(stop);
	close(token);
}

static void many(void)
{
	int ep = epoll_create1(0), fd[300], sum = 0, calls = 0;
	uint64_t one = 1;
	struct epoll_event ev[64];

	for (int i = 0; i < 300; i++) {
		fd[i] = eventfd(0, 0);
		add(ep, fd[i], EPOLLIN, i);
	}
	for (int i = 0; i < 300; i += 3)
		write(fd[i], &one, 8);
	while (calls < 20) {
		int n = epoll_wait(ep, ev, 64, 0);
		calls++;
		for (int i = 0; i < n; i++) {
			sum += ev[i].data.u64;
			read(fd[ev[i].data.u64], &one, 8);
		}
		if (n == 0)
			break;
	}
	printf("many: sum %d in %d calls\n", sum, calls);
	struct epoll_event e = { EPOLLIN | EPOLLEXCLUSIVE };
	res("exclusive mod", epoll_ctl(ep, EPOLL_CTL_MOD, fd[0], &e));
	for (int i = 0; i < 300; i++)
		close(fd[i]);
	close(ep);
}

static void on_usr1(int sig) {}
static void signals(void)
{
	int ep = epoll_create1(0);
	struct epoll_event ev;
	sigset_t block, none;

	signal(SIGUSR1, on_usr1);
	sigemptyset(&block);
	sigemptyset(&none);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	printf("blocked: %d\n", epoll_wait(ep, &ev, 1, 10));
	int n = epoll_pwait(ep, &ev, 1, 1000, &none);
	res("pwait", n);
	printf("pwait again: %d\n", epoll_pwait(ep, &ev, 1, 10, &none));
	close(ep);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	errors();
	level_edge();
	nesting();
	across_fork();
	threads();
	many();
	signals();
	return 0;
}
