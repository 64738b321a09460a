/* SPDX-License-Identifier: MIT */
/* covers: TCP within the sandbox: bind, listen, connect, both families, FIN and RST, poll, urgent data, options, many at once */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static struct sockaddr_in at(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

static int events(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM | POLLWRBAND, 0 };

	usleep(20000); /* what a host's packets need */
	poll(&p, 1, 0);
	return p.revents;
}

/* A listener on a free port of 127.0.0.1. */
static int listener(struct sockaddr_in *a, int backlog)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t l = sizeof *a;

	*a = at("127.0.0.1", 0);
	if (bind(s, (void *)a, sizeof *a) || listen(s, backlog) || getsockname(s, (void *)a, &l))
		perror("listener");
	return s;
}

static void pair(int fd[2])
{
	struct sockaddr_in a;
	int l = listener(&a, 1);

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd[0], (void *)&a, sizeof a))
		perror("connect");
	fd[1] = accept(l, NULL, NULL);
	close(l);
}

static void errors(void)
{
	struct sockaddr_in a = at("127.0.0.1", 1), b;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof b;
	char c;
	int s = socket(AF_INET, SOCK_STREAM, 0), l;

	res("seqpacket", socket(AF_INET, SOCK_SEQPACKET, 0));
	res("stream of udp", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	res("pair", socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){ 0 }));
	res("nobody listens", connect(s, (void *)&a, sizeof a));
	res("short address", connect(s, (void *)&a, 8));
	res("wrong family", bind(s, (void *)&six, sizeof six));
	a = at("192.0.2.1", 5000);
	res("not ours", bind(s, (void *)&a, sizeof a));
	res("recv", recv(s, &c, 1, 0));
	res("send", send(s, "x", 1, MSG_NOSIGNAL));
	res("accept", accept(s, NULL, NULL));
	res("getpeername", getpeername(s, (void *)&b, &len));
	res("shutdown", shutdown(s, SHUT_RD));
	printf("fresh %x\n", events(s));
	close(s);
	l = listener(&a, 1);
	s = socket(AF_INET, SOCK_STREAM, 0);
	res("port in use", bind(s, (void *)&a, sizeof a));
	res("bind twice", bind(l, (void *)&b, sizeof b));
	res("connect a listener", connect(l, (void *)&a, sizeof a));
	printf("listener %x\n", events(l));
	close(s);
	close(l);
}

static void names(void)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT }, peer, own;
	struct sockaddr_in four;
	socklen_t len = sizeof six, l4 = sizeof four;
	char text[64];
	int l = socket(AF_INET6, SOCK_STREAM, 0), c, d, one = 1;

	bind(l, (void *)&six, sizeof six);
	listen(l, 5);
	getsockname(l, (void *)&six, &len);
	four = at("127.0.0.1", ntohs(six.sin6_port));
	c = socket(AF_INET, SOCK_STREAM, 0);
	res("IPv4 to an IPv6 listener", connect(c, (void *)&four, sizeof four));
	len = sizeof peer;
	d = accept(l, (void *)&peer, &len);
	printf("peer %s len %u\n", inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text), len);
	getsockname(c, (void *)&four, &l4);
	printf("client %s, its port %s\n", inet_ntop(AF_INET, &four.sin_addr, text, sizeof text), four.sin_port == peer.sin6_port ? "the same" : "another");
	len = sizeof own;
	getsockname(d, (void *)&own, &len);
	printf("server's end %s\n", inet_ntop(AF_INET6, &own.sin6_addr, text, sizeof text));
	res("v6only afterwards", setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
	close(c);
	close(d);
	close(l);
	l = socket(AF_INET6, SOCK_STREAM, 0);
	six.sin6_port = 0;
	setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	bind(l, (void *)&six, sizeof six);
	listen(l, 5);
	len = sizeof six;
	getsockname(l, (void *)&six, &len);
	four = at("127.0.0.1", ntohs(six.sin6_port));
	c = socket(AF_INET, SOCK_STREAM, 0);
	res("IPv4 to an IPv6-only listener", connect(c, (void *)&four, sizeof four));
	close(c);
	c = socket(AF_INET6, SOCK_STREAM, 0);
	six.sin6_addr = in6addr_loopback;
	res("IPv6", connect(c, (void *)&six, sizeof six));
	close(c);
	close(l);
}

static void no_wait(void)
{
	struct sockaddr_in a, nowhere = at("127.0.0.1", 1);
	int l = listener(&a, 5), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), e = -1;
	socklen_t len = sizeof e;

	res("connect", connect(c, (void *)&a, sizeof a));
	printf("connected %x\n", events(c));
	res("again", connect(c, (void *)&a, sizeof a));
	res("and again", connect(c, (void *)&a, sizeof a));
	close(c);
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	res("connect nowhere", connect(c, (void *)&nowhere, sizeof nowhere));
	printf("refused %x\n", events(c));
	getsockopt(c, SOL_SOCKET, SO_ERROR, &e, &len);
	printf("SO_ERROR %s\n", strerror(e));
	close(c);
	fcntl(l, F_SETFL, O_NONBLOCK);
	close(accept(l, NULL, NULL));
	res("accept", accept(l, NULL, NULL));
	close(l);
}

static void ends(void)
{
	struct linger hard = { 1, 0 };
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	int fd[2];
	char buf[16];

	pair(fd);
	close(fd[1]);
	printf("FIN %x\n", events(fd[0]));
	res("recv", recv(fd[0], buf, 1, 0));
	res("send", send(fd[0], "x", 1, MSG_NOSIGNAL));
	printf("RST after it %x\n", events(fd[0]));
	res("send", send(fd[0], "x", 1, MSG_NOSIGNAL));
	res("recv", recv(fd[0], buf, 1, 0));
	close(fd[0]);
	pair(fd);
	send(fd[0], "data", 4, 0);
	usleep(20000);
	close(fd[1]);
	printf("RST, as there was unread data %x\n", events(fd[0]));
	res("recv", recv(fd[0], buf, 1, 0));
	res("recv", recv(fd[0], buf, 1, 0));
	res("getpeername", getpeername(fd[0], (void *)&a, &len));
	close(fd[0]);
	pair(fd);
	send(fd[1], "abc", 3, 0);
	setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd[1]);
	usleep(20000);
	res("send into a reset", send(fd[0], "x", 1, MSG_NOSIGNAL));
	close(fd[0]);
	pair(fd);
	shutdown(fd[0], SHUT_RD);
	res("recv after SHUT_RD", recv(fd[0], buf, 1, 0));
	send(fd[1], "late", 4, 0);
	usleep(20000);
	res("what comes later", recv(fd[0], buf, sizeof buf, 0));
	res("SHUT_WR", shutdown(fd[1], SHUT_WR));
	printf("both %x, the other %x\n", events(fd[0]), events(fd[1]));
	res("send after SHUT_WR", send(fd[1], "x", 1, MSG_NOSIGNAL));
	close(fd[0]);
	close(fd[1]);
}

static void urgent(void)
{
	int fd[2], mark = -1;
	char buf[16] = "";

	pair(fd);
	res("MSG_OOB with none", recv(fd[1], buf, 1, MSG_OOB));
	send(fd[0], "abc", 3, 0);
	send(fd[0], "!", 1, MSG_OOB);
	send(fd[0], "def", 3, 0);
	printf("urgent %d\n", !!(events(fd[1]) & POLLPRI));
	res("up to the mark", recv(fd[1], buf, sizeof buf, 0));
	ioctl(fd[1], SIOCATMARK, &mark);
	printf("at mark %d\n", mark);
	res("MSG_OOB", recv(fd[1], buf, 1, MSG_OOB));
	printf("%c\n", buf[0]);
	res("again", recv(fd[1], buf, 1, MSG_OOB));
	res("the rest", recv(fd[1], buf, sizeof buf, 0));
	close(fd[0]);
	close(fd[1]);
}

static void options(void)
{
	static const struct { int level, name; } some[] = { { SOL_SOCKET, SO_TYPE }, { SOL_SOCKET, SO_DOMAIN }, { SOL_SOCKET, SO_PROTOCOL }, { SOL_SOCKET, SO_ACCEPTCONN },
		{ SOL_SOCKET, SO_REUSEPORT }, { SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_RCVBUF }, { IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_KEEPIDLE },
		{ IPPROTO_TCP, TCP_KEEPINTVL }, { IPPROTO_TCP, TCP_KEEPCNT }, { IPPROTO_IP, IP_TTL }, { IPPROTO_IP, IP_TOS }, { IPPROTO_UDP, 1 }, { IPPROTO_TCP, 999 } };
	int s = socket(AF_INET, SOCK_STREAM, 0);

	for (unsigned i = 0; i < sizeof some / sizeof some[0]; i++) {
		int v = -1, r;
		socklen_t len = sizeof v;

		r = getsockopt(s, some[i].level, some[i].name, &v, &len);
		printf("option %d %d: %d %d\n", some[i].level, some[i].name, r ? -errno : 0, v);
		v = 1;
		r = setsockopt(s, some[i].level, some[i].name, &v, sizeof v);
		printf("set: %d\n", r ? -errno : 0);
	}
	close(s);
}

/* AF_UNSPEC breaks a connection off; what becomes of the old one's other end does not reach the new one. */
static void again(void)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct sockaddr_in a;
	int l = listener(&a, 5), c = socket(AF_INET, SOCK_STREAM, 0), first, second;
	char buf[8];

	res("connect", connect(c, (void *)&a, sizeof a));
	first = accept(l, NULL, NULL);
	res("disconnect", connect(c, &unspec, sizeof unspec));
	printf("broken off %x\n", events(first));
	res("connect", connect(c, (void *)&a, sizeof a));
	second = accept(l, NULL, NULL);
	close(first);
	usleep(20000);
	res("send", send(c, "new", 3, MSG_NOSIGNAL));
	res("recv", recv(second, buf, sizeof buf, 0));
	shutdown(c, SHUT_WR);
	res("urgent after SHUT_WR", send(c, "!", 1, MSG_OOB | MSG_NOSIGNAL));
	close(c);
	close(second);
	close(l);
}

static void *client(void *arg)
{
	struct sockaddr_in a = *(struct sockaddr_in *)arg;

	for (int i = 0; i < 200; i++) {
		int c = socket(AF_INET, SOCK_STREAM, 0);
		char buf[8];

		if (connect(c, (void *)&a, sizeof a) || send(c, "ping", 4, 0) != 4 || recv(c, buf, 4, MSG_WAITALL) != 4)
			perror("client");
		close(c);
	}
	return NULL;
}

static void many(void)
{
	struct sockaddr_in a;
	int l = listener(&a, 64), status, bad = 0;
	pthread_t t[4];
	pid_t child = fork();

	if (child == 0) {
		for (int i = 0; i < 800; i++) {
			int c = accept(l, NULL, NULL);
			char buf[8];

			if (recv(c, buf, 4, MSG_WAITALL) != 4 || send(c, buf, 4, 0) != 4)
				bad++;
			close(c);
		}
		_exit(bad != 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, client, &a);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	waitpid(child, &status, 0);
	printf("800 connections: %d\n", status);
	close(l);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGPIPE, SIG_IGN);
	errors();
	names();
	no_wait();
	ends();
	urgent();
	again();
	options();
	many();
	return 0;
}
