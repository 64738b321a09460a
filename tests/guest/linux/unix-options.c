/* SPDX-License-Identifier: MIT */
/* covers: unix sockets: SO_PEERPIDFD, SO_PASSPIDFD, SO_PEERGROUPS, SO_TIMESTAMP and its cmsgs; vmsplice's partial counts; eventfd */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#define PIDFD_CMSG 4

static void res(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerror(errno) : "ok");
}

static void peers(void)
{
	int sp[2], s = socket(AF_UNIX, SOCK_STREAM, 0), fd = -1;
	socklen_t len = sizeof fd;
	gid_t groups[64], mine[64];
	struct pollfd p;
	int n = getgroups(64, mine);

	socketpair(AF_UNIX, SOCK_STREAM, 0, sp);
	res("peer pidfd", getsockopt(sp[0], SOL_SOCKET, SO_PEERPIDFD, &fd, &len));
	p.fd = fd;
	p.events = POLLIN;
	printf("it is a pidfd: %d, lives: %d\n", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0, poll(&p, 1, 0) == 0);
	len = sizeof fd;
	res("without a peer", getsockopt(s, SOL_SOCKET, SO_PEERPIDFD, &fd, &len));
	len = sizeof groups;
	res("peer groups", getsockopt(sp[0], SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	printf("as many as mine: %d, the same: %d\n", len == n * sizeof(gid_t), memcmp(groups, mine, len) == 0);
	len = sizeof groups;
	res("groups without a peer", getsockopt(s, SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	close(s);
	close(sp[0]);
	close(sp[1]);
}

static void receive(int fd)
{
	char text[64], control[256];
	struct iovec v = { text, sizeof text };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	long n = recvmsg(fd, &m, 0);

	printf("received %ld, flags %x:", n, m.msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		printf(" type %d length %zu", c->cmsg_type, (size_t)c->cmsg_len);
		if (c->cmsg_type == PIDFD_CMSG) {
			int pidfd;

			memcpy(&pidfd, CMSG_DATA(c), sizeof pidfd);
			printf(" %s", syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 ? "alive" : "bad");
			close(pidfd);
		} else if (c->cmsg_type == SO_TIMESTAMP || c->cmsg_type == SO_TIMESTAMPNS) {
			long at[2];

			memcpy(at, CMSG_DATA(c), sizeof at);
			printf(" %s", time(NULL) - at[0] <= 2 && at[1] < (c->cmsg_type == SO_TIMESTAMP ? 1000000 : 1000000000) ? "now" : "then");
		}
	}
	puts("");
}

static void cmsgs(int type)
{
	int sp[2], one = 1, value = 7;
	socklen_t len = sizeof value;

	socketpair(AF_UNIX, type, 0, sp);
	res("timestamps", setsockopt(sp[1], SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one));
	res("asked", getsockopt(sp[1], SOL_SOCKET, SO_TIMESTAMP, &value, &len));
	printf("is %d\n", value);
	send(sp[0], "abc", 3, 0);
	receive(sp[1]);
	setsockopt(sp[1], SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	setsockopt(sp[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one);
	res("pidfds", setsockopt(sp[1], SOL_SOCKET, SO_PASSPIDFD, &one, sizeof one));
	send(sp[0], "abcd", 4, 0);
	receive(sp[1]);
	close(sp[0]);
	close(sp[1]);
}

static void vmsplices(void)
{
	static char big[300000] __attribute__((aligned(4096)));
	struct iovec v = { big, sizeof big };
	int p[2];

	pipe(p);
	res("what fits", vmsplice(p[1], &v, 1, 0));
	res("no more", vmsplice(p[1], &v, 1, SPLICE_F_NONBLOCK));
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	peers();
	cmsgs(SOCK_DGRAM);
	cmsgs(SOCK_SEQPACKET);
	cmsgs(SOCK_STREAM);
	vmsplices();
	return 0;
}
