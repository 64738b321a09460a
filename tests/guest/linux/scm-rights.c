/* SPDX-License-Identifier: MIT */
/* covers: SCM_RIGHTS and SCM_CREDENTIALS: across fork, cut control buffers, peek, CLOEXEC, sockets in sockets */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static ssize_t send_fds(int s, const char *text, const int *fds, int n)
{
	char c[CMSG_SPACE(64 * sizeof(int))] = { 0 };
	struct iovec v = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	return sendmsg(s, &m, 0);
}

/* Receives; up to 16 descriptors into fds.  Shows what came. */
static int receive(const char *what, int s, int *fds, size_t room, int flags)
{
	char b[64] = "", c[1024] = { 0 };
	struct iovec v = { b, sizeof b - 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = room };
	ssize_t n = recvmsg(s, &m, flags);
	int count = 0;

	printf("%s: %zd '%s' flags %x control %zu", what, n, b, m.msg_flags & (MSG_CTRUNC | MSG_TRUNC), (size_t)m.msg_controllen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h != NULL; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_type == SCM_RIGHTS) {
			count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(h), count * sizeof(int));
			printf(" fds %d", count);
		} else if (h->cmsg_type == SCM_CREDENTIALS) {
			struct ucred u;
			memcpy(&u, CMSG_DATA(h), sizeof u);
			printf(" cred %s", u.pid == getpid() ? "own" : u.pid == 0 ? "none" : "other");
		}
	}
	printf("\n");
	return count;
}

int main(void)
{
	int s[2], p[2], fds[16], n;
	char b[32];

	setvbuf(stdout, NULL, _IONBF, 0);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);

	/* A child sends an end of its own pipe. */
	if (fork() == 0) {
		pipe(p);
		send_fds(s[1], "pipe", &p[0], 1);
		write(p[1], "through the pipe", 16);
		_exit(0);
	}
	receive("from child", s[0], fds, 1024, 0);
	wait(NULL);
	n = read(fds[0], b, sizeof b);
	printf("read %d %.16s, then %zd\n", n, b, read(fds[0], b, 1));
	close(fds[0]);

	/* Offsets are shared: it is the same description. */
	int f = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	write(f, "0123456789", 10);
	lseek(f, 4, SEEK_SET);
	send_fds(s[0], "file", &f, 1);
	receive("a file", s[1], fds, 1024, MSG_CMSG_CLOEXEC);
	n = read(fds[0], b, 3);
	printf("at %.3s, cloexec %d, offset here %ld\n", b, fcntl(fds[0], F_GETFD), (long)lseek(f, 0, SEEK_CUR));
	close(fds[0]);

	/* Boundaries of the stream. */
	int two[2] = { f, s[0] };
	write(s[0], "A", 1);
	send_fds(s[0], "B", two, 2);
	write(s[0], "C", 1);
	n = receive("mixed", s[1], fds, 1024, 0);
	while (n-- > 0)
		close(fds[n]);
	receive("rest", s[1], fds, 1024, 0);
	n = send_fds(s[0], "bad", (int[]){ 999 }, 1);
	printf("bad descriptor %d %s\n", n, strerror(errno));

	/* Too little room. */
	int three[3] = { f, f, f };
	send_fds(s[0], "cut", three, 3);
	n = receive("cut", s[1], fds, CMSG_LEN(sizeof(int)), 0);
	close(fds[0]);
	send_fds(s[0], "none", three, 3);
	receive("no room", s[1], fds, 0, 0);
	send_fds(s[0], "read", &f, 1);
	n = read(s[1], b, sizeof b);
	printf("plain read %d\n", n);
	send_fds(s[0], "peek", &f, 1);
	receive("peek", s[1], fds, 1024, MSG_PEEK);
	close(fds[0]);
	receive("take", s[1], fds, 1024, 0);
	close(fds[0]);

	/* Credentials. */
	int on = 1;
	setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	write(s[0], "who", 3);
	receive("cred", s[1], fds, 1024, 0);
	if (fork() == 0) {
		write(s[0], "kid", 3);
		_exit(0);
	}
	wait(NULL);
	write(s[0], "dad", 3);
	receive("other", s[1], fds, 1024, 0);
	receive("own", s[1], fds, 1024, 0);
	send_fds(s[0], "both", &f, 1);
	receive("both", s[1], fds, 1024, 0);
	close(fds[0]);
	struct ucred u = { 1, 0, 0 };
	char c[CMSG_SPACE(sizeof u)] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof c };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_CREDENTIALS;
	h->cmsg_len = CMSG_LEN(sizeof u) - 1;
	n = sendmsg(s[0], &m, 0);
	printf("bad length %d %s\n", n, strerror(errno));

	/* A socket sent through itself, and unread descriptors: nothing may hang or crash. */
	int self[2];
	socketpair(AF_UNIX, SOCK_DGRAM, 0, self);
	n = send_fds(self[0], "self", self, 2);
	printf("through itself %d\n", n);
	close(self[0]);
	close(self[1]);
	pipe(p);
	send_fds(s[0], "lost", &p[1], 1);
	close(p[1]);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	n = read(p[0], b, 1);
	printf("held by the queue: %d %s\n", n, strerror(errno));
	close(s[0]);
	close(s[1]);
	n = read(p[0], b, 1);
	printf("queue gone: %d\n", n);
	unlink("file");
	return 0;
}
