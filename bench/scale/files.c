/* SPDX-License-Identifier: MIT */
/* bench/scale/files.c - N descriptors, members of an epoll, pipes, sockets, record locks, inotify watches, mounts. */
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <dirent.h>
#include "scale.h"

static int *fds;

static int first_fd(int n)
{
	fds = malloc(sizeof *fds * (size_t)n);
	return fds != NULL;
}

/* Fills holes at the low end: after a close of a low one, the next but one is far away. */
static void low_and_next(void)
{
	int a, b;

	close(fds[3]);
	a = dup(0);
	b = dup(0);
	must(a == fds[3] && b > a, "dup");
	close(b);
}

static void fork_wait(void)
{
	pid_t p = fork();

	if (p == 0)
		_exit(0);
	must(p > 0 && waitpid(p, NULL, 0) == p, "fork");
}

static void select_all(int n)
{
	size_t bytes = ((size_t)fds[n - 1] / 64 + 1) * 8;
	unsigned char *set = calloc(1, bytes);
	struct timespec none = { 0, 0 };

	for (int i = 0; i < n; i++)
		set[fds[i] / 8] |= (unsigned char)(1 << fds[i] % 8);
	TIME_EACH("select of N, each", n, syscall(SYS_pselect6, fds[n - 1] + 1, set, NULL, NULL, &none, NULL));
	free(set);
}

void descriptors(int n)
{
	struct pollfd *p = calloc((size_t)n, sizeof *p);
	struct timespec one = { 0, 1 };

	first_fd(n);
	EACH("eventfd", n, for (int i = 0; i < n; i++) must((fds[i] = eventfd(0, 0)) >= 0, "eventfd"));
	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	TIME("dup+close of the highest", 50, close(dup(0)));
	TIME("dup+close of a low one", 50, close(fds[3]); must(dup(0) == fds[3], "dup"));
	TIME("dup of the lowest and the next free", 20, low_and_next());
	TIME("open+close", 50, close(open("/dev/null", O_RDONLY)));
	TIME("F_GETFL", 200, fcntl(fds[any_of(n)], F_GETFL));
	TIME("poll of 1", 50, poll(&p[any_of(n)], 1, 0));
	TIME_EACH("poll of N, each", n, poll(p, (nfds_t)n, 0));
	TIME_EACH("poll of N, sleeping, each", n, ppoll(p, (nfds_t)n, &one, NULL));
	select_all(n);
	TIME_EACH("fork+wait, each", n, fork_wait());
	EACH("close_range, each", n, close_range(fds[4], ~0u, 0));
}

/* ---- epoll ---- */

void epolls(int n)
{
	struct epoll_event ev = { .events = EPOLLIN }, *got = calloc((size_t)n, sizeof *got);
	uint64_t one = 1;
	int ep = epoll_create1(0), i;

	first_fd(n);
	for (i = 0; i < n; i++)
		must((fds[i] = eventfd(0, 0)) >= 0, "eventfd");
	EACH("add", n, for (i = 0; i < n; i++) { ev.data.fd = fds[i]; must(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev) == 0, "add"); });
	TIME("wait, none ready", 50, epoll_wait(ep, got, 64, 0));
	TIME("wait, 1 ready", 20, i = any_of(n); must(write(fds[i], &one, 8) == 8 && epoll_wait(ep, got, 64, 0) == 1 && read(fds[i], &one, 8) == 8, "wait"));
	TIME("add+delete", 20, i = any_of(n); epoll_ctl(ep, EPOLL_CTL_DEL, fds[i], NULL); must(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev) == 0, "add"));
	TIME("modify", 20, epoll_ctl(ep, EPOLL_CTL_MOD, fds[any_of(n)], &ev));
	one = 1;
	for (i = 0; i < n; i++)
		must(write(fds[i], &one, 8) == 8, "write");
	TIME("wait for 1, all ready", 20, epoll_wait(ep, got, 1, 0));
	TIME_EACH("wait for N, all ready, each", n, epoll_wait(ep, got, n, 0));
	EACH("close of a member, each", n, for (i = 0; i < n; i++) close(fds[i]));
}

/* ---- Pipes and sockets ---- */

void pipes(int n)
{
	int (*p)[2] = calloc((size_t)n, sizeof *p);
	char c;
	int i;

	EACH("pipe", n / 2, for (i = 0; i < n / 2; i++) must(pipe(p[i]) == 0, "pipe"));
	TIME("write+read", 50, i = any_of(n / 2); must(write(p[i][1], "x", 1) == 1 && read(p[i][0], &c, 1) == 1, "read"));
	TIME("pipe+close", 10, must(pipe(p[n / 2]) == 0, "pipe"); close(p[n / 2][0]); close(p[n / 2][1]));
	EACH("close of both, each", n / 2, for (i = 0; i < n / 2; i++) { close(p[i][0]); close(p[i][1]); });
}

static socklen_t name_of(struct sockaddr_un *a, int i)
{
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)sprintf(a->sun_path + 1, "scale-%d-%d", getpid(), i));
}

static void connect_to(int i)
{
	struct sockaddr_un a;
	socklen_t len = name_of(&a, i);
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c;

	must(connect(s, (struct sockaddr *)&a, len) == 0, "connect");
	c = accept(fds[i], NULL, NULL);
	must(c >= 0, "accept");
	close(c);
	close(s);
}

static void datagram_to(int s, int i)
{
	struct sockaddr_un a;
	socklen_t len = name_of(&a, i);
	char c;

	must(sendto(s, "x", 1, 0, (struct sockaddr *)&a, len) == 1 && recv(fds[i], &c, 1, 0) == 1, "sendto");
}

static void bind_all(int n, int type)
{
	for (int i = 0; i < n; i++) {
		struct sockaddr_un a;
		socklen_t len = name_of(&a, i);

		fds[i] = socket(AF_UNIX, type, 0);
		must(fds[i] >= 0 && bind(fds[i], (struct sockaddr *)&a, len) == 0, "bind");
		if (type == SOCK_STREAM)
			listen(fds[i], 5);
	}
}

void sockets(int n)
{
	int s[2], c;

	first_fd(n);
	EACH("socket+bind", n, bind_all(n, SOCK_DGRAM));
	c = socket(AF_UNIX, SOCK_DGRAM, 0);
	TIME("sendto by name, recv", 20, datagram_to(c, any_of(n)));
	TIME("socketpair+close", 10, must(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair"); close(s[0]); close(s[1]));
	for (int i = 0; i < n; i++)
		close(fds[i]);
	bind_all(n, SOCK_STREAM);
	TIME("connect+accept+close", 10, connect_to(any_of(n)));
	EACH("close of a bound one, each", n, for (int i = 0; i < n; i++) close(fds[i]));
}

/* ---- Locks ---- */

static int lock(int fd, int type, off_t start, off_t len)
{
	struct flock f = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, F_SETLK, &f);
}

static void test_lock(int fd, off_t start)
{
	struct flock f = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = 1 };

	must(fcntl(fd, F_GETLK, &f) == 0, "F_GETLK");
}

void locks(int n)
{
	char path[600];
	int fd, i;

	snprintf(path, sizeof path, "%s/locked", at.memory);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	must(fd >= 0, path);
	EACH("add, each", n, for (i = 0; i < n; i++) must(lock(fd, F_WRLCK, 2 * i, 1) == 0, "lock"));
	TIME("unlock+lock", 10, i = any_of(n); lock(fd, F_UNLCK, 2 * i, 1); lock(fd, F_WRLCK, 2 * i, 1));
	TIME("test of one", 10, test_lock(fd, 2 * any_of(n)));
	TIME("lock+unlock behind all", 10, lock(fd, F_WRLCK, 2 * n + 10, 1); lock(fd, F_UNLCK, 2 * n + 10, 1));
	EACH("merge of all, each", n, lock(fd, F_WRLCK, 0, 2 * n));
	EACH("split, each", n, for (i = 0; i < n; i++) lock(fd, F_UNLCK, 2 * i, 1));
	EACH("close with N locks, each", n, close(fd));
	first_fd(n);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/lock-%d", at.memory, i);
		must((fds[i] = open(path, O_CREAT | O_RDWR, 0600)) >= 0, path);
	}
	EACH("flock of N files, each", n, for (i = 0; i < n; i++) must(flock(fds[i], LOCK_EX) == 0, "flock"));
	TIME("flock+unlock", 20, i = any_of(n); flock(fds[i], LOCK_UN); flock(fds[i], LOCK_EX));
	EACH("close of N locked files, each", n, for (i = 0; i < n; i++) close(fds[i]));
}

/* ---- inotify ---- */

static void drain(int in)
{
	char buf[65536];

	while (read(in, buf, sizeof buf) > 0)
		;
}

void watches(int n)
{
	int in = inotify_init1(IN_NONBLOCK), i, other;
	char path[600];
	int *wd = malloc(sizeof *wd * (size_t)n);

	must(in >= 0, "inotify_init1");
	first_fd(n);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/watched-%d", at.memory, i);
		must((fds[i] = open(path, O_CREAT | O_RDWR, 0600)) >= 0, path);
	}
	EACH("add", n, for (i = 0; i < n; i++) { snprintf(path, sizeof path, "%s/watched-%d", at.memory, i);
		must((wd[i] = inotify_add_watch(in, path, IN_MODIFY)) >= 0, "inotify_add_watch"); });
	snprintf(path, sizeof path, "%s/unwatched", at.memory);
	other = open(path, O_CREAT | O_RDWR, 0600);
	TIME("write to a file without a watch", 20, must(pwrite(other, "x", 1, 0) == 1, "write"));
	TIME("event and read", 10, must(pwrite(fds[any_of(n)], "x", 1, 0) == 1, "write"); drain(in));
	EACH("event, nobody reads", n, for (i = 0; i < n; i++) must(pwrite(fds[i], "x", 1, 0) == 1, "write"));
	EACH("read of N events, each", n, drain(in));
	TIME("remove+add", 10, i = any_of(n); inotify_rm_watch(in, wd[i]); snprintf(path, sizeof path, "%s/watched-%d", at.memory, i);
		wd[i] = inotify_add_watch(in, path, IN_MODIFY));
	EACH("remove, each", n, for (i = 0; i < n; i++) inotify_rm_watch(in, wd[i]));
}

/* ---- Mounts ---- */

static void mount_at(int i)
{
	char path[600];

	snprintf(path, sizeof path, "%s/m/%d", at.memory, i);
	must(mkdir(path, 0700) == 0 && mount("none", path, "tmpfs", 0, "size=4k") == 0, "mount");
}

static int read_all(const char *path)
{
	static char buf[65536];
	int fd = open(path, O_RDONLY);
	long got, sum = 0;

	while ((got = read(fd, buf, sizeof buf)) > 0)
		sum += got;
	close(fd);
	return sum > 0;
}

void mounts(int n)
{
	char path[600];
	struct stat st;

	must(unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) == 0, "unshare");
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	snprintf(path, sizeof path, "%s/m", at.memory);
	mkdir(path, 0700);
	must(mount("none", path, "tmpfs", 0, NULL) == 0, "mount");
	EACH("mount", n, for (int i = 0; i < n; i++) mount_at(i));
	TIME("stat through one", 50, snprintf(path, sizeof path, "%s/m/%d/.", at.memory, any_of(n)); must(stat(path, &st) == 0, path));
	TIME("stat beside them", 50, must(stat("/usr/bin/env", &st) == 0, "stat"));
	snprintf(path, sizeof path, "%s/m/%d", at.memory, n / 2);
	TIME("umount+mount", 1, must(umount(path) == 0 && mount("none", path, "tmpfs", 0, NULL) == 0, "mount again"));
	TIME_EACH("read /proc/self/mountinfo, each", n, read_all("/proc/self/mountinfo"));
	EACH("umount", n, for (int i = 0; i < n; i++) { snprintf(path, sizeof path, "%s/m/%d", at.memory, i); must(umount(path) == 0, "umount"); });
}
