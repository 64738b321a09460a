/* SPDX-License-Identifier: MIT */
/*
 * tests/net/epolls.c - epoll over sockets that lead outside: what it tells must be what it tells natively, so linux.py runs this in both
 * places.  The peer at ADDR PORT sends back what it gets.
 *
 *	epolls ADDR PORT [TIMES]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON 5000 /* ms, for what comes */
#define NEVER 40  /* ms, for what does not */

static struct sockaddr_in peer = { .sin_family = AF_INET };

static int conn(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(s, (struct sockaddr *)&peer, sizeof peer) != 0) {
		printf("connect: %s\n", strerror(errno));
		exit(1);
	}
	return s;
}

static int ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { events, { .u64 = data } };

	return epoll_ctl(ep, op, fd, &ev);
}

static void show(const char *what, int ep, int max, int timeout)
{
	struct epoll_event ev[16];
	int n = epoll_wait(ep, ev, max, timeout);

	printf("%s: %d", what, n);
	for (int i = 0; i < n; i++)
		printf(" [%lu %x]", (unsigned long)ev[i].data.u64, ev[i].events);
	printf("\n");
}

/* Sends, and waits until it is back and not yet read. */
static void echo(int s, const char *text)
{
	int had = 0, n = 0;
	char b[64];

	had = (int)recv(s, b, sizeof b, MSG_PEEK | MSG_DONTWAIT);
	had = had < 0 ? 0 : had;
	send(s, text, strlen(text), 0);
	while (n < had + (int)strlen(text)) {
		n = (int)recv(s, b, sizeof b, MSG_PEEK);
		if (n < had + (int)strlen(text))
			usleep(500);
	}
}

static void drain(int s)
{
	char b[256];

	while (recv(s, b, sizeof b, MSG_DONTWAIT) > 0)
		;
}

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void level(void)
{
	int ep = epoll_create1(0), s = conn();

	ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN, 1);
	show("quiet", ep, 8, 0);
	echo(s, "ab");
	show("level", ep, 8, SOON);
	show("level again", ep, 8, 0);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLOUT, 2);
	show("both", ep, 8, SOON);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLOUT, 3);
	show("out", ep, 8, 0);
	show("out again", ep, 8, 0);
	ctl(ep, EPOLL_CTL_MOD, s, 0, 4);
	show("none wanted", ep, 8, NEVER);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLRDHUP, 5);
	show("in", ep, 8, 0);
	drain(s);
	show("drained", ep, 8, 0);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLRDHUP, 6);
	shutdown(s, SHUT_WR);
	show("the peer's end", ep, 8, SOON);
	usleep(50000);
	show("and again", ep, 8, 0);
	ctl(ep, EPOLL_CTL_MOD, s, 0, 7);
	show("hang-up unasked", ep, 8, SOON);
	close(s);
	show("closed", ep, 8, 0);
	close(ep);
}

static void edge(void)
{
	struct epoll_event *volatile nowhere = (struct epoll_event *)8;
	int ep = epoll_create1(0), s = conn();

	ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN | EPOLLOUT | EPOLLET, 1);
	show("out at once", ep, 8, SOON);
	show("once", ep, 8, NEVER);
	echo(s, "ab");
	show("in", ep, 8, SOON);
	show("unread, but told", ep, 8, NEVER);
	echo(s, "c");
	show("more", ep, 8, SOON);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLET, 2);
	show("set anew", ep, 8, SOON);
	show("told", ep, 8, NEVER);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLET, 3);
	if (epoll_wait(ep, nowhere, 1, SOON) >= 0 || errno != EFAULT)
		printf("no fault\n");
	show("after a fault", ep, 8, SOON);
	drain(s);
	close(s);
	close(ep);
}

static void oneshot(void)
{
	int ep = epoll_create1(0), s = conn();

	ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN | EPOLLONESHOT, 1);
	echo(s, "a");
	show("oneshot", ep, 8, SOON);
	show("spent", ep, 8, NEVER);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLONESHOT, 2);
	show("armed", ep, 8, SOON);
	drain(s);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLONESHOT, 3);
	show("nothing", ep, 8, NEVER);
	shutdown(s, SHUT_RD);
	show("shut here", ep, 8, SOON);
	echo(s, "");
	show("spent", ep, 8, NEVER);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLOUT, 4);
	show("a level now", ep, 8, SOON);
	show("again", ep, 8, 0);
	close(s);
	close(ep);
}

/* Which were told in so many waits for one event. */
static void one_by_one(const char *what, int ep, int rounds)
{
	unsigned seen = 0;
	struct epoll_event ev;

	for (int i = 0; i < rounds; i++)
		if (epoll_wait(ep, &ev, 1, SOON) == 1)
			seen |= 1u << ev.data.u64;
	printf("%s: %x\n", what, seen);
}

static void narrow(void)
{
	int ep = epoll_create1(0), s[3], e[2];
	struct epoll_event ev[16];
	unsigned seen = 0;
	int n;

	for (int i = 0; i < 3; i++) {
		s[i] = conn();
		echo(s[i], "x");
		ctl(ep, EPOLL_CTL_ADD, s[i], EPOLLIN, (unsigned)i);
	}
	one_by_one("levels, one at a time", ep, 3);
	one_by_one("and again", ep, 3);
	for (int i = 0; i < 2; i++) {
		e[i] = eventfd(1, 0);
		ctl(ep, EPOLL_CTL_ADD, e[i], EPOLLIN, 3u + (unsigned)i);
	}
	one_by_one("with some of ours", ep, 12);
	n = epoll_wait(ep, ev, 2, 0);
	printf("two: %d\n", n);
	for (int i = 0; i < 4; i++) {
		seen = 0;
		n = epoll_wait(ep, ev, 16, 0);
		for (int k = 0; k < n; k++) {
			if (seen & 1u << ev[k].data.u64)
				printf("twice in one wait\n");
			seen |= 1u << ev[k].data.u64;
		}
	}
	for (int i = 0; i < 3; i++)
		ctl(ep, EPOLL_CTL_MOD, s[i], EPOLLIN | EPOLLET, (unsigned)i);
	for (int i = 0; i < 2; i++)
		ctl(ep, EPOLL_CTL_MOD, e[i], EPOLLIN | EPOLLET, 3u + (unsigned)i);
	one_by_one("edges, one at a time", ep, 5);
	show("all told", ep, 16, NEVER);
	for (int i = 0; i < 3; i++)
		close(s[i]);
	close(e[0]);
	close(e[1]);
	close(ep);
}

static void refused(void)
{
	struct sockaddr_in dead = peer;
	socklen_t len = sizeof dead;
	int ep = epoll_create1(0), l = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), err = 0;
	struct epoll_event ev;

	dead.sin_port = 0;
	bind(l, (struct sockaddr *)&dead, sizeof dead);
	getsockname(l, (struct sockaddr *)&dead, &len);
	dead.sin_addr = peer.sin_addr;
	ctl(ep, EPOLL_CTL_ADD, s, EPOLLOUT | EPOLLET, 1);
	epoll_wait(ep, &ev, 1, 0); /* not connected: hang-up */
	connect(s, (struct sockaddr *)&dead, sizeof dead);
	show("refused", ep, 8, SOON);
	len = sizeof err;
	getsockopt(s, SOL_SOCKET, SO_ERROR, &err, &len);
	printf("error %s\n", strerror(err));
	ctl(ep, EPOLL_CTL_DEL, s, 0, 0);
	while (connect(s, (struct sockaddr *)&peer, sizeof peer) != 0 && errno == ECONNABORTED)
		; /* the end of the first is told once */
	ctl(ep, EPOLL_CTL_ADD, s, EPOLLOUT, 2);
	show("connected", ep, 8, SOON);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN, 3);
	send(s, "x", 1, 0);
	show("in", ep, 8, SOON);
	show("in still", ep, 8, 0);
	close(l);
	close(s);
	close(ep);
}

/* ---- threads ---- */

#define SOCKETS 12
#define MESSAGES 600

static struct shared {
	int ep, s[SOCKETS], stop;
	uint32_t mode;
	atomic_int handled, wrong;
} shared;

static void *worker(void *arg)
{
	struct epoll_event ev;
	char b[64];

	(void)arg;
	for (;;) {
		uint64_t i;
		ssize_t n, total = 0;

		if (epoll_wait(shared.ep, &ev, 1, -1) != 1)
			continue;
		i = ev.data.u64;
		if (i == 99)
			return NULL;
		while ((n = recv(shared.s[i], b, sizeof b, MSG_DONTWAIT)) > 0)
			total += n;
		if (total > 1)
			atomic_fetch_add(&shared.wrong, 1);
		if (total > 0 && atomic_fetch_add(&shared.handled, 1) < MESSAGES)
			send(shared.s[i], "x", 1, 0);
		if (shared.mode & EPOLLONESHOT)
			ctl(shared.ep, EPOLL_CTL_MOD, shared.s[i], EPOLLIN | shared.mode, i);
	}
}

static void threads(const char *name, uint32_t mode)
{
	pthread_t th[4];

	shared = (struct shared){ .ep = epoll_create1(0), .stop = eventfd(0, 0), .mode = mode };
	for (int i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, worker, NULL);
	usleep(20000); /* they sleep before there is a socket */
	for (int i = 0; i < SOCKETS; i++) {
		shared.s[i] = conn();
		ctl(shared.ep, EPOLL_CTL_ADD, shared.s[i], EPOLLIN | mode, (unsigned)i);
		send(shared.s[i], "x", 1, 0);
	}
	for (int i = 0; i < 20000 && atomic_load(&shared.handled) < MESSAGES; i++)
		usleep(1000);
	ctl(shared.ep, EPOLL_CTL_ADD, shared.stop, EPOLLIN, 99);
	eventfd_write(shared.stop, 1);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	printf("%s: %s, %d wrong\n", name, atomic_load(&shared.handled) >= MESSAGES ? "all" : "some are lost", atomic_load(&shared.wrong));
	for (int i = 0; i < SOCKETS; i++)
		close(shared.s[i]);
	close(shared.stop);
	close(shared.ep);
}

static void *poller(void *arg)
{
	struct pollfd p = { *(int *)arg, POLLIN, 0 };

	return (void *)(intptr_t)(poll(&p, 1, SOON) == 1 && p.revents == POLLIN);
}

/* An epoll that is polled before it has a socket. */
static void polled(void)
{
	int ep = epoll_create1(0), outer = epoll_create1(0), s;
	pthread_t th;
	void *got;

	ctl(outer, EPOLL_CTL_ADD, ep, EPOLLIN, 1);
	pthread_create(&th, NULL, poller, &ep);
	usleep(20000);
	s = conn();
	ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN, 2);
	usleep(20000);
	send(s, "x", 1, 0);
	pthread_join(th, &got);
	printf("a polled epoll: %d\n", (int)(intptr_t)got);
	show("outer", outer, 8, SOON);
	show("inner", ep, 8, 0);
	drain(s);
	show("outer drained", outer, 8, 0);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLIN | EPOLLET, 3);
	echo(s, "y");
	show("outer", outer, 8, SOON);
	show("inner", ep, 8, SOON);
	show("inner told", ep, 8, 0);
	close(s);
	close(ep);
	close(outer);
}

static void *exclusive_waiter(void *arg)
{
	struct epoll_event ev;
	char c;

	if (epoll_wait(*(int *)arg, &ev, 1, 300) == 1 && recv(ev.data.fd, &c, 1, MSG_DONTWAIT) == 1)
		atomic_fetch_add(&shared.handled, 1);
	return NULL;
}

static void exclusive(void)
{
	int s = conn(), ep[3];
	pthread_t th[3];

	atomic_store(&shared.handled, 0);
	for (int i = 0; i < 3; i++) {
		ep[i] = epoll_create1(0);
		if (ctl(ep[i], EPOLL_CTL_ADD, s, EPOLLIN | EPOLLEXCLUSIVE, (unsigned)s) != 0)
			printf("exclusive: %s\n", strerror(errno));
		if (ctl(ep[i], EPOLL_CTL_MOD, s, EPOLLIN, 0) == 0 || errno != EINVAL)
			printf("an exclusive one was changed\n");
		pthread_create(&th[i], NULL, exclusive_waiter, &ep[i]);
	}
	usleep(20000);
	send(s, "x", 1, 0);
	for (int i = 0; i < 3; i++)
		pthread_join(th[i], NULL);
	printf("exclusive: %d had it\n", atomic_load(&shared.handled));
	for (int i = 0; i < 3; i++)
		close(ep[i]);
	close(s);
}

/* ---- processes ---- */

static void pass(int by, int fd)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	char byte = 0;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };

	memcpy(CMSG_DATA(&c.h), &fd, sizeof fd);
	sendmsg(by, &m, 0);
}

static int passed(int by)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} c;
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	int fd = -1;

	if (recvmsg(by, &m, 0) == 1)
		memcpy(&fd, CMSG_DATA(&c.h), sizeof fd);
	return fd;
}

/* In the child: sockets of its own in the epoll that both have. */
static void other(int ep, int by, int old)
{
	int s = conn(), t = conn();
	char c;

	ctl(ep, EPOLL_CTL_ADD, dup2(s, 100), EPOLLIN, 100);
	ctl(ep, EPOLL_CTL_ADD, dup2(t, 101), EPOLLIN, 101);
	ctl(ep, EPOLL_CTL_MOD, old, EPOLLOUT, 8);
	pass(by, s);
	pass(by, t);
	while (read(by, &c, 1) == 1) {
		if (c == 's')
			send(s, "x", 1, 0);
		if (c == 't')
			send(t, "x", 1, 0);
	}
	_exit(0);
}

static void shared_by_fork(void)
{
	int ep = epoll_create1(0), pair[2], old = conn(), s, t, pid;
	double begun;

	ctl(ep, EPOLL_CTL_ADD, old, EPOLLIN, 7);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		other(ep, pair[1], old);
	}
	close(pair[1]);
	s = passed(pair[0]);
	t = passed(pair[0]);
	dup2(s, 100);
	dup2(t, 101);
	close(s);
	close(t);
	show("changed by the child", ep, 8, SOON);
	ctl(ep, EPOLL_CTL_DEL, old, 0, 0);
	send(pair[0], "s", 1, 0);
	show("the child's", ep, 8, SOON);
	ctl(ep, EPOLL_CTL_MOD, 100, EPOLLIN | EPOLLONESHOT, 102);
	show("changed", ep, 8, SOON);
	show("spent", ep, 8, NEVER);
	begun = cpu();
	show("and quiet", ep, 8, 300);
	printf("%s\n", cpu() - begun < 0.15 ? "asleep" : "busy");
	printf("removed: %d\n", ctl(ep, EPOLL_CTL_DEL, 100, 0, 0));
	send(pair[0], "s", 1, 0);
	begun = cpu();
	show("removed", ep, 8, 300);
	printf("%s\n", cpu() - begun < 0.15 ? "asleep" : "busy");
	send(pair[0], "t", 1, 0);
	show("the other", ep, 8, SOON);
	show("the other still", ep, 8, SOON);
	drain(101);
	show("drained", ep, 8, NEVER);
	ctl(ep, EPOLL_CTL_MOD, 101, EPOLLIN | EPOLLET, 103);
	send(pair[0], "t", 1, 0);
	show("an edge", ep, 8, SOON);
	show("told", ep, 8, NEVER);
	close(pair[0]);
	waitpid(pid, NULL, 0);
	close(100);
	close(101);
	show("all closed", ep, 8, NEVER);
	close(old);
	close(ep);
}

/* Another program goes on with them. */
static void after_exec(int ep, int s)
{
	double begun;

	show("before", ep, 8, SOON);
	ctl(ep, EPOLL_CTL_MOD, s, EPOLLOUT, 2);
	show("changed", ep, 8, SOON);
	ctl(ep, EPOLL_CTL_DEL, s, 0, 0);
	begun = cpu();
	show("removed", ep, 8, 300);
	printf("%s\n", cpu() - begun < 0.15 ? "asleep" : "busy");
	ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN, 3);
	show("there again", ep, 8, SOON);
}

static void across_exec(char **argv)
{
	int ep = epoll_create1(0), s = conn(), pid;
	char text[2][16];

	ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN, 1);
	echo(s, "x");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		snprintf(text[0], sizeof text[0], "%d", ep);
		snprintf(text[1], sizeof text[1], "%d", s);
		execl(argv[0], argv[0], argv[1], argv[2], "exec", text[0], text[1], (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	close(s);
	close(ep);
}

static void all(char **argv)
{
	level();
	edge();
	oneshot();
	narrow();
	refused();
	threads("levels by threads", EPOLLONESHOT);
	threads("edges by threads", EPOLLET);
	polled();
	exclusive();
	shared_by_fork();
	across_exec(argv);
}

int main(int argc, char **argv)
{
	int times = argc > 3 ? atoi(argv[3]) : 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 2;
	inet_pton(AF_INET, argv[1], &peer.sin_addr);
	peer.sin_port = htons((uint16_t)atoi(argv[2]));
	signal(SIGPIPE, SIG_IGN);
	if (argc == 6) {
		after_exec(atoi(argv[4]), atoi(argv[5]));
		return 0;
	}
	for (int i = 0; i < times; i++)
		all(argv);
	return 0;
}
