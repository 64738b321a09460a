/* SPDX-License-Identifier: MIT */
/* covers: unix stream and seqpacket sockets: names, listen, accept, peek, waitall, shutdown, options, timeouts */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static socklen_t name(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	if (path[0] == '@') {
		memcpy(a->sun_path + 1, path + 1, strlen(path + 1));
		return offsetof(struct sockaddr_un, sun_path) + strlen(path);
	}
	strcpy(a->sun_path, path);
	return sizeof *a;
}

static int opt(int fd, int o)
{
	int v = -1;
	socklen_t l = sizeof v;
	return getsockopt(fd, SOL_SOCKET, o, &v, &l) == 0 ? v : -errno;
}

static void errors(void)
{
	struct sockaddr_un a;
	socklen_t l;
	int s, fds[2];

	res("family", socket(AF_X25, SOCK_STREAM, 0));
	res("type", socket(AF_UNIX, 9, 0));
	res("protocol", socket(AF_UNIX, SOCK_STREAM, 17));
	res("pair bad", socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	printf("flags %d %d\n", fcntl(s, F_GETFD), !!(fcntl(s, F_GETFL) & O_NONBLOCK));
	res("listen unbound", listen(s, 1));
	l = name(&a, "no-such");
	res("connect nowhere", connect(s, (void *)&a, l));
	l = name(&a, "@nobody-here");
	res("connect abstract nowhere", connect(s, (void *)&a, l));
	close(open("plain", O_CREAT | O_WRONLY, 0600));
	l = name(&a, "plain");
	res("connect to a file", connect(s, (void *)&a, l));
	res("bind over a file", bind(s, (void *)&a, l));
	res("accept", accept(s, NULL, NULL));
	res("write", send(s, "x", 1, MSG_NOSIGNAL));
	res("read", read(s, fds, 1));
	l = sizeof a;
	res("peer name", getpeername(s, (void *)&a, &l));
	l = sizeof a;
	res("own name", getsockname(s, (void *)&a, &l));
	printf("length %d family %d\n", (int)l, a.sun_family);
	a.sun_family = AF_INET;
	res("bind other family", bind(s, (void *)&a, sizeof a));
	res("bind short", bind(s, (void *)&a, 1));
	struct pollfd pf = { s, POLLIN | POLLOUT };
	int n = poll(&pf, 1, 0);
	printf("unconnected poll %d %x\n", n, pf.revents);
	res("not a socket", listen(0, 1));
	res("option", setsockopt(s, SOL_SOCKET, 9999, &n, sizeof n));
	close(s);
	unlink("plain");
}

static void server(const char *where, int type)
{
	struct sockaddr_un a, b;
	socklen_t l = name(&a, where), bl;
	struct stat st;
	char buf[100];
	int s = socket(AF_UNIX, type, 0), c;

	res("bind", bind(s, (void *)&a, l));
	res("bind again", bind(s, (void *)&a, l));
	if (where[0] != '@') {
		stat(where, &st);
		printf("node is socket %d\n", S_ISSOCK(st.st_mode));
		res("open it", open(where, O_RDWR));
	}
	res("listen", listen(s, 5));
	printf("acceptconn %d type %d domain %d\n", opt(s, SO_ACCEPTCONN), opt(s, SO_TYPE), opt(s, SO_DOMAIN));
	pid_t child = fork();
	if (child == 0) {
		int k = socket(AF_UNIX, type, 0);
		if (connect(k, (void *)&a, l) != 0)
			_exit(1);
		struct ucred u;
		socklen_t ul = sizeof u;
		getsockopt(k, SOL_SOCKET, SO_PEERCRED, &u, &ul);
		if (u.pid != getppid())
			_exit(2);
		write(k, "hello server", 12);
		ssize_t n = read(k, buf, sizeof buf);
		_exit(n == 12 && memcmp(buf, "hello client", 12) == 0 ? 0 : 3);
	}
	bl = sizeof b;
	c = accept4(s, (void *)&b, &bl, SOCK_CLOEXEC);
	printf("accepted, name length %d, cloexec %d\n", (int)bl, fcntl(c, F_GETFD));
	struct ucred u;
	socklen_t ul = sizeof u;
	getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &ul);
	printf("peer is child %d uid %d\n", u.pid == child, u.uid == getuid());
	bl = sizeof b;
	getsockname(c, (void *)&b, &bl);
	printf("own name %.4s length %d\n", b.sun_path[0] ? b.sun_path : b.sun_path + 1, (int)bl);
	ssize_t n = read(c, buf, sizeof buf);
	printf("got %zd %.12s\n", n, buf);
	write(c, "hello client", 12);
	n = read(c, buf, sizeof buf);
	printf("end %zd\n", n);
	int status;
	wait(&status);
	printf("child %d\n", WEXITSTATUS(status));
	res("write to nobody", send(c, "x", 1, MSG_NOSIGNAL));
	close(c);
	/* backlog */
	int k[8], ok = 0;
	close(s);
	s = socket(AF_UNIX, type, 0);
	res("bind used path", bind(s, (void *)&a, l));
	unlink(where);
	res("bind after unlink", where[0] == '@' ? 0 : bind(s, (void *)&a, l));
	listen(s, 2);
	for (int i = 0; i < 8; i++) {
		k[i] = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
		if (connect(k[i], (void *)&a, l) == 0)
			ok++;
		else
			printf("connect %d: %s\n", i, strerror(errno));
	}
	printf("queued %d\n", ok);
	struct pollfd pf = { s, POLLIN };
	printf("listener readable %d\n", poll(&pf, 1, 0));
	c = accept(s, NULL, NULL);
	printf("accept %d, room again: %d\n", c >= 0, connect(k[7], (void *)&a, l));
	close(s);
	n = read(k[1], buf, 1);
	printf("listener closed: %zd %s\n", n, strerror(errno));
	for (int i = 0; i < 8; i++)
		close(k[i]);
	close(c);
	unlink(where);
}

static void pair(void)
{
	char b[100] = "";
	int s[2], n;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	write(s[0], "abcdefgh", 8);
	n = recv(s[1], b, 3, MSG_PEEK);
	printf("peek %d %.3s\n", n, b);
	ioctl(s[1], FIONREAD, &n);
	printf("FIONREAD %d\n", n);
	n = recv(s[1], b, 100, 0);
	printf("all %d %.8s\n", n, b);
	res("empty", recv(s[1], b, 1, MSG_DONTWAIT));
	if (fork() == 0) {
		for (int i = 0; i < 5; i++) {
			usleep(5000);
			write(s[0], "12", 2);
		}
		_exit(0);
	}
	n = recv(s[1], b, 10, MSG_WAITALL);
	printf("waitall %d %.10s\n", n, b);
	wait(NULL);
	shutdown(s[0], SHUT_WR);
	n = recv(s[1], b, 10, 0);
	printf("after shutdown %d\n", n);
	struct pollfd pf = { s[1], POLLIN | POLLOUT | POLLRDHUP };
	poll(&pf, 1, 0);
	printf("poll %x\n", pf.revents);
	res("shut side writes", send(s[0], "x", 1, MSG_NOSIGNAL));
	write(s[1], "back", 4);
	n = read(s[0], b, 10);
	printf("other way %d %.4s\n", n, b);
	write(s[1], "unread", 6);
	close(s[0]);
	n = recv(s[1], b, 1, 0);
	printf("peer closed with data: %d %s\n", n, n < 0 ? strerror(errno) : "");
	n = recv(s[1], b, 1, 0);
	printf("then %d\n", n);
	poll(&pf, 1, 0);
	printf("poll %x\n", pf.revents);
	close(s[1]);
	res("shutdown closed", shutdown(s[1], SHUT_RD));
}

static void limits(void)
{
	static char big[65536];
	struct timeval tv = { 0, 50000 };
	struct timespec t0, t1;
	int s[2], v = 10000;
	ssize_t n;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	printf("buffers %d %d\n", opt(s[0], SO_SNDBUF), opt(s[0], SO_RCVBUF));
	setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof v);
	printf("set %d\n", opt(s[0], SO_SNDBUF));
	setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	n = recv(s[1], big, 10, 0);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	long ms = (t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000;
	printf("receive timeout %zd %s in %s\n", n, strerror(errno), ms >= 49 && ms < 2000 ? "time" : "WRONG TIME");
	setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	while ((n = send(s[0], big, sizeof big, 0)) > 0)
		;
	printf("send timeout %zd %s\n", n, strerror(errno));
	struct pollfd pf = { s[0], POLLOUT };
	printf("full: poll %d\n", poll(&pf, 1, 0));
	while (recv(s[1], big, sizeof big, MSG_DONTWAIT) > 0)
		;
	printf("drained: poll %d\n", poll(&pf, 1, 0));
	close(s[0]);
	close(s[1]);
}

static void bulk(void)
{
	static unsigned char buf[100000];
	unsigned long count = 0, sum = 0, want = 0;
	int s[2], st;
	ssize_t n;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	if (fork() == 0) {
		close(s[0]);
		for (int i = 0; i < 30; i++) {
			memset(buf, i, sizeof buf);
			for (size_t d = 0; d < sizeof buf; d += n)
				if ((n = write(s[1], buf + d, sizeof buf - d)) <= 0)
					_exit(1);
		}
		_exit(0);
	}
	close(s[1]);
	while ((n = read(s[0], buf, 7777)) > 0)
		for (ssize_t k = 0; k < n; k++, count++)
			sum += buf[k] * (count % 101 + 1);
	for (int i = 0, c = 0; i < 30; i++)
		for (int k = 0; k < 100000; k++, c++)
			want += i * (c % 101 + 1);
	wait(&st);
	printf("bulk %lu %s child %d\n", count, sum == want ? "right" : "WRONG", st);
	close(s[0]);
}

static void seqpacket(void)
{
	char b[100];
	int s[2];
	struct msghdr m = { 0 };
	struct iovec v = { b, 4 };

	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
	write(s[0], "one packet", 10);
	write(s[0], "", 0);
	write(s[0], "two", 3);
	m.msg_iov = &v;
	m.msg_iovlen = 1;
	ssize_t n = recvmsg(s[1], &m, 0);
	printf("cut %zd %.4s trunc %d\n", n, b, !!(m.msg_flags & MSG_TRUNC));
	n = recv(s[1], b, sizeof b, 0);
	printf("empty %zd\n", n);
	n = recv(s[1], b, 1, MSG_TRUNC);
	printf("real length %zd\n", n);
	close(s[0]);
	n = recv(s[1], b, 1, 0);
	printf("end %zd\n", n);
	close(s[1]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGPIPE, SIG_DFL);
	errors();
	server("sock", SOCK_STREAM);
	server("@bailey-test-name", SOCK_STREAM);
	server("seq", SOCK_SEQPACKET);
	pair();
	limits();
	bulk();
	seqpacket();
	return 0;
}
