/* SPDX-License-Identifier: MIT */
/* covers: unix datagram sockets: names, autobind, connect, permission of the peer, sendmmsg, recvmmsg */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static struct sockaddr_un addr(const char *path)
{
	struct sockaddr_un a = { AF_UNIX };
	strcpy(a.sun_path, path);
	return a;
}

int main(void)
{
	struct sockaddr_un a = addr("server"), b = addr("client"), from;
	int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);
	char buf[64];
	socklen_t l;
	ssize_t n;

	setvbuf(stdout, NULL, _IONBF, 0);
	bind(s, (void *)&a, sizeof a);
	res("listen", listen(s, 1));
	res("send without peer", send(c, "x", 1, 0));
	res("to nowhere", sendto(c, "x", 1, 0, (void *)&b, sizeof b));
	res("sendto", sendto(c, "nameless", 8, 0, (void *)&a, sizeof a));
	l = sizeof from;
	n = recvfrom(s, buf, sizeof buf, 0, (void *)&from, &l);
	printf("got %zd %.8s from length %d\n", n, buf, (int)l);
	bind(c, (void *)&b, sizeof b);
	sendto(c, "named", 5, 0, (void *)&a, sizeof a);
	l = sizeof from;
	n = recvfrom(s, buf, sizeof buf, 0, (void *)&from, &l);
	printf("got %zd %.5s from %s\n", n, buf, from.sun_path);
	n = sendto(s, "reply", 5, 0, (void *)&from, l);
	n = recv(c, buf, sizeof buf, 0);
	printf("reply %zd %.5s\n", n, buf);
	res("connect", connect(c, (void *)&a, sizeof a));
	res("connected send", send(c, "conn", 4, 0));
	l = sizeof from;
	getpeername(c, (void *)&from, &l);
	printf("peer %s\n", from.sun_path);
	n = recv(s, buf, 2, MSG_TRUNC);
	printf("truncated %zd %.2s\n", n, buf);
	/* s talks to c only: others may not send to it */
	res("connect back", connect(s, (void *)&b, sizeof b));
	res("a stranger", sendto(d, "x", 1, 0, (void *)&a, sizeof a));
	struct sockaddr un = { AF_UNSPEC };
	res("disconnect", connect(s, &un, sizeof un));
	res("stranger again", sendto(d, "x", 1, MSG_DONTWAIT, (void *)&a, sizeof a));
	recv(s, buf, 64, 0);
	/* a receiver that does not know the sender takes so many */
	int count = 0;
	while (sendto(d, "q", 1, MSG_DONTWAIT, (void *)&a, sizeof a) == 1)
		count++;
	printf("queue full %s after some: %d\n", strerror(errno), count > 0);
	if (fork() == 0) {
		usleep(20000);
		while (recv(s, buf, 64, MSG_DONTWAIT) == 1)
			;
		_exit(0);
	}
	res("blocking send", sendto(d, "last", 4, 0, (void *)&a, sizeof a));
	wait(NULL);
	while (recv(s, buf, 64, MSG_DONTWAIT) > 0)
		;
	/* autobind */
	struct sockaddr_un none = { AF_UNIX };
	res("autobind", bind(d, (void *)&none, sizeof none.sun_family));
	l = sizeof from;
	getsockname(d, (void *)&from, &l);
	printf("name length %d first byte %d\n", (int)l, from.sun_path[0]);
	/* several at once */
	struct mmsghdr mm[3] = { 0 };
	struct iovec iv[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } };
	for (int i = 0; i < 3; i++) {
		mm[i].msg_hdr.msg_iov = &iv[i];
		mm[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(c, mm, 3, 0);
	printf("sendmmsg %zd: %u %u %u\n", n, mm[0].msg_len, mm[1].msg_len, mm[2].msg_len);
	char rb[4][8];
	struct mmsghdr rm[4] = { 0 };
	struct iovec rv[4];
	for (int i = 0; i < 4; i++) {
		rv[i] = (struct iovec){ rb[i], 8 };
		rm[i].msg_hdr.msg_iov = &rv[i];
		rm[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(s, rm, 4, MSG_WAITFORONE, NULL);
	printf("recvmmsg %zd: %u %u %u\n", n, rm[0].msg_len, rm[1].msg_len, rm[2].msg_len);
	/* the end of a peer */
	close(s);
	res("peer gone", send(c, "x", 1, 0));
	res("and forgotten", send(c, "x", 1, 0));
	unlink("server");
	unlink("client");
	int p[2];
	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	write(p[0], "1", 1);
	write(p[0], "22", 2);
	struct pollfd pf = { p[1], POLLIN | POLLOUT };
	poll(&pf, 1, 0);
	n = read(p[1], buf, 64);
	printf("pair: poll %x, %zd", pf.revents, n);
	n = read(p[1], buf, 64);
	printf(", %zd\n", n);
	static char huge[400000];
	res("too long", send(p[0], huge, sizeof huge, 0));
	return 0;
}
