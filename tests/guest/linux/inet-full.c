/* SPDX-License-Identifier: MIT */
/* covers: TCP connects to a listener whose queue is full, what they wait for; SIGURG; what an accepted socket inherits */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in addr;

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static int listener(int backlog)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t l = sizeof addr;

	addr = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(s, (void *)&addr, sizeof addr) || listen(s, backlog) || getsockname(s, (void *)&addr, &l))
		perror("listener");
	return s;
}

static int try(int flags)
{
	int s = socket(AF_INET, SOCK_STREAM | flags, 0);

	res("connect", connect(s, (void *)&addr, sizeof addr));
	return s;
}

static int error_of(int fd);

static int events(int fd, int ms)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };

	poll(&p, 1, ms);
	return p.revents;
}

static void outcome(const char *what, int fd)
{
	int mask = events(fd, 5000);

	printf("%s: %x", what, mask);
	printf(" error %d\n", error_of(fd));
}

static int error_of(int fd)
{
	int e = -1;
	socklen_t l = sizeof e;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &l);
	return e;
}

static void without_waiting(void)
{
	int l = listener(0), a = try(0), b = try(SOCK_NONBLOCK), c;
	char buf[4];
	socklen_t len = sizeof addr;

	printf("full: %x\n", events(b, 100));
	res("again", connect(b, (void *)&addr, sizeof addr));
	res("send", send(b, "x", 1, MSG_NOSIGNAL));
	res("recv", recv(b, buf, 1, 0));
	res("peer", getpeername(b, (void *)&(struct sockaddr_in){ 0 }, &len));
	c = accept(l, NULL, NULL);
	outcome("room", b);
	res("again", connect(b, (void *)&addr, sizeof addr));
	res("and again", connect(b, (void *)&addr, sizeof addr));
	close(c);
	c = accept(l, NULL, NULL);
	res("send", send(b, "hey", 3, 0));
	res("read", read(c, buf, sizeof buf));
	close(a), close(b), close(c), close(l);
}

static void gives_up(void)
{
	int l = listener(0), a = try(0), b = try(SOCK_NONBLOCK), c = try(SOCK_NONBLOCK), d;

	res("shutdown", shutdown(c, SHUT_RDWR));
	printf("unconnected: %x\n", events(c, 0));
	close(b); /* never comes */
	d = accept(l, NULL, NULL);
	close(a);
	fcntl(l, F_SETFL, O_NONBLOCK);
	usleep(1500000); /* longer than a SYN takes to come again */
	res("accept", accept(l, NULL, NULL));
	close(c), close(d), close(l);
}

static void refused(void)
{
	int l = listener(0), a = try(0), b = try(SOCK_NONBLOCK);

	close(l);
	outcome("listener gone", b);
	close(a), close(b);
}

static void waiting(void)
{
	struct timeval tv = { 0, 200000 };
	int l = listener(0), a = try(0), b = socket(AF_INET, SOCK_STREAM, 0), s, n;

	setsockopt(b, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	res("times out", connect(b, (void *)&addr, sizeof addr));
	res("once more", connect(b, (void *)&addr, sizeof addr));
	fflush(stdout);
	if (fork() == 0) {
		usleep(300000);
		for (n = 0; n < 3; n++)
			close(accept(l, NULL, NULL));
		_exit(0);
	}
	s = try(0);
	res("end", read(s, &n, 1));
	wait(NULL);
	close(a), close(b), close(s), close(l);
}

static volatile sig_atomic_t urgent;

static void on_urg(int sig)
{
	urgent++;
}

static void sigurg(void)
{
	int l = listener(1), a = try(0), b = accept(l, NULL, NULL);

	signal(SIGURG, on_urg);
	send(a, "1", 1, MSG_OOB);
	usleep(50000);
	printf("nobody's: %d\n", urgent);
	res("owner", fcntl(b, F_SETOWN, getpid()));
	send(a, "ab2", 3, MSG_OOB);
	for (int i = 0; i < 100 && !urgent; i++)
		usleep(20000);
	printf("own: %d\n", urgent);
	close(a), close(b), close(l);
}

static void inherited(void)
{
	struct timeval tv = { 7, 0 }, got = { 0 };
	int l = listener(1), one = 1, v, a, b;
	socklen_t len = sizeof v;

	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(l, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one);
	setsockopt(l, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(l, SOL_SOCKET, SO_PRIORITY, &(int){ 5 }, sizeof one);
	a = try(0);
	b = accept(l, NULL, NULL);
	len = sizeof got;
	getsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &got, &len);
	printf("timeout %ld", (long)got.tv_sec);
	for (int i = 0; i < 3; i++) {
		len = sizeof v;
		getsockopt(b, SOL_SOCKET, (int[]){ SO_OOBINLINE, SO_KEEPALIVE, SO_PRIORITY }[i], &v, &len);
		printf(" %d", v);
	}
	struct { int pid; unsigned uid, gid; } u;
	len = sizeof u;
	getsockopt(b, SOL_SOCKET, SO_PEERCRED, &u, &len);
	printf(" peer %d %d\n", u.pid, (int)u.uid);
	close(a), close(b), close(l);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	without_waiting();
	gives_up();
	refused();
	waiting();
	sigurg();
	inherited();
	return 0;
}
