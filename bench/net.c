/* SPDX-License-Identifier: MIT */
/*
 * bench/net.c - what TCP and UDP over loopback cost, client and server two processes: a line "name median_ns p99_ns" each.
 * A plain program that runs natively and inside alike; net.py runs it.
 *
 *	net NAME...
 *	net idle N	makes N connections, says "ready", and keeps them until its input ends
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define CHUNK 65536

static char buf[CHUNK];
static struct sockaddr_in addr;
static int listener, fd, ep;

static void check(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void listen_at(int type)
{
	socklen_t len = sizeof addr;

	addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	listener = socket(AF_INET, type, 0);
	check(bind(listener, (struct sockaddr *)&addr, sizeof addr) == 0, "bind");
	check(getsockname(listener, (struct sockaddr *)&addr, &len) == 0, "getsockname");
	if (type == SOCK_STREAM)
		check(listen(listener, 1024) == 0, "listen");
}

static int connected(int type)
{
	int s = socket(AF_INET, type, 0), one = 1;

	check(connect(s, (struct sockaddr *)&addr, sizeof addr) == 0, "connect");
	if (type == SOCK_STREAM)
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return s;
}

/* ---- Servers ---- */

static void serve_echo(void)
{
	int s = accept(listener, NULL, NULL), one = 1;

	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	for (ssize_t n; (n = read(s, buf, sizeof buf)) > 0;)
		check(write(s, buf, (size_t)n) == n, "write");
}

/* As servers do it: epoll tells what came. */
static void serve_epoll(void)
{
	int e = epoll_create1(0), s = accept(listener, NULL, NULL), one = 1;
	struct epoll_event ev = { .events = EPOLLIN };

	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	epoll_ctl(e, EPOLL_CTL_ADD, s, &ev);
	while (epoll_wait(e, &ev, 1, -1) == 1) {
		ssize_t n = read(s, buf, sizeof buf);

		if (n <= 0)
			return;
		check(write(s, buf, (size_t)n) == n, "write");
	}
}

static void serve_sink(void)
{
	int s = accept(listener, NULL, NULL);

	while (read(s, buf, sizeof buf) > 0)
		;
}

static void serve_accept(void)
{
	for (;;)
		close(accept(listener, NULL, NULL));
}

static void serve_udp(void)
{
	struct sockaddr_in from;
	socklen_t len = sizeof from;

	for (ssize_t n; (n = recvfrom(listener, buf, sizeof buf, 0, (struct sockaddr *)&from, &len)) >= 0; len = sizeof from)
		sendto(listener, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
}

/* ---- Clients ---- */

static void ping_op(void)
{
	char c = 1;

	check(write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1, "ping");
}

static void epoll_ping_op(void)
{
	struct epoll_event ev;
	char c = 1;

	check(write(fd, &c, 1) == 1 && epoll_wait(ep, &ev, 1, -1) == 1 && read(fd, &c, 1) == 1, "ping");
}

static void stream_op(void)
{
	check(write(fd, buf, CHUNK) == CHUNK, "write");
}

static void connect_op(void)
{
	int s = connected(SOCK_STREAM);
	char c;

	check(read(s, &c, 1) == 0, "read"); /* the other side closes first */
	close(s);
}

static void nothing(void)
{
}

static void ping_start(void)
{
	fd = connected(SOCK_STREAM);
}

static void epoll_start(void)
{
	struct epoll_event ev = { .events = EPOLLIN };

	fd = connected(SOCK_STREAM);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void udp_start(void)
{
	fd = connected(SOCK_DGRAM);
}

static const struct bench {
	const char *name;
	int type;
	void (*serve)(void), (*start)(void), (*op)(void);
	int batch, samples;
} benches[] = {
	{ "tcp_pingpong", SOCK_STREAM, serve_echo, ping_start, ping_op, 50, 200 },
	{ "tcp_epoll_pingpong", SOCK_STREAM, serve_epoll, epoll_start, epoll_ping_op, 50, 200 },
	{ "tcp_stream_64k", SOCK_STREAM, serve_sink, ping_start, stream_op, 50, 200 },
	{ "tcp_connect", SOCK_STREAM, serve_accept, nothing, connect_op, 20, 100 },
	{ "udp_pingpong", SOCK_DGRAM, serve_udp, udp_start, ping_op, 50, 200 },
};

static void run(const struct bench *b)
{
	pid_t server;

	listen_at(b->type);
	server = fork();
	if (server == 0) {
		b->serve();
		_exit(0);
	}
	b->start();
	measure(b->name, b->op, b->batch, b->samples);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(listener);
	if (fd > 0)
		close(fd);
	fd = 0;
}

static int idle(int n)
{
	struct rlimit most;

	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	listen_at(SOCK_STREAM);
	for (int i = 0; i < n; i++) {
		connected(SOCK_STREAM);
		check(accept(listener, NULL, NULL) >= 0, "accept");
	}
	puts("ready");
	fflush(stdout);
	return read(0, buf, 1) > 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "idle") == 0)
		return idle(atoi(argv[2]));
	for (size_t i = 0; i < sizeof benches / sizeof *benches; i++)
		for (int a = argc > 1 ? 1 : 0; a < argc; a++)
			if (argc == 1 || strcmp(argv[a], benches[i].name) == 0)
				run(&benches[i]);
	return 0;
}
