/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/bombs.c - bombs KIND: a guest that takes all of one thing until it is refused, then more of it
 * from many processes at once.  Its sandbox may die of it; "survived" says it did not.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static time_t until;

static int more(void)
{
	return time(NULL) < until;
}

static void *sleeper(void *arg)
{
	pause();
	return arg;
}

static void forks(void)
{
	while (more())
		if (fork() < 0)
			usleep(1000);
}
static void threads(void)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	while (more())
		if (pthread_create(&t, &a, sleeper, NULL))
			usleep(1000);
}
static void vforks(void)
{
	while (more()) {
		pid_t pid = vfork();

		if (pid == 0) {
			execl("/bin/sh", "sh", "-c", "sleep 1 & sleep 1 & sleep 1", NULL);
			_exit(1);
		}
		if (pid < 0)
			usleep(1000);
	}
}
static void descriptors(void)
{
	while (more() && open("/etc/passwd", O_RDONLY) >= 0)
		(void)!dup(0);
}
static void pipes(void)
{
	char block[65536] = "";
	int p[2];

	while (more() && pipe2(p, O_NONBLOCK) == 0) {
		fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
		while (write(p[1], block, sizeof block) > 0)
			;
	}
}
static void sockets(void)
{
	char block[65536] = "";
	int p[2];

	while (more() && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) == 0)
		while (write(p[1], block, sizeof block) > 0)
			;
}
/* Descriptors in flight in descriptors in flight. */
static void flights(void)
{
	int old = -1, p[2];

	while (more() && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p) == 0) {
		union {
			struct cmsghdr h;
			char room[CMSG_SPACE(2 * sizeof(int))];
		} c = { .h = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int)) } };
		struct iovec v = { "x", 1 };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
		int fds[2] = { old < 0 ? p[0] : old, p[0] };

		memcpy(CMSG_DATA(&c.h), fds, sizeof fds);
		if (sendmsg(p[1], &m, 0) < 0)
			break;
		close(p[1]);
		if (old >= 0)
			close(old);
		old = p[0];
	}
}
static void listeners(void)
{
	for (unsigned i = 0; more(); i++) {
		struct sockaddr_un a = { .sun_family = AF_UNIX };
		int l = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

		snprintf(a.sun_path + 1, 100, "bomb-%d-%u", getpid(), i);
		if (l < 0 || bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 1 << 20) < 0)
			return;
		for (unsigned k = 0; k < 500; k++) {
			int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

			if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a) < 0)
				break;
			close(s);
		}
	}
}
static void memory(void)
{
	while (more()) {
		char *p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return;
		memset(p, 1, 8 << 20);
	}
}
static void shared_memory(void)
{
	while (more()) {
		int fd = memfd_create("bomb", 0);
		char *p = ftruncate(fd, 64 << 20) == 0 ? mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

		if (p == MAP_FAILED || shmget(IPC_PRIVATE, 1 << 20, 0600) < 0)
			return;
		memset(p, 1, 64 << 20);
	}
}
static void mappings(void)
{
	char *base = mmap(NULL, 1ull << 34, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	for (uint64_t i = 0; base != MAP_FAILED && more() && i < 1ull << 34; i += 8192)
		if (mprotect(base + i, 4096, PROT_READ) < 0)
			return;
	while (more() && mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		;
}
static void watches(void)
{
	char name[64];

	for (unsigned i = 0; more(); i++) {
		int fd = inotify_init1(IN_NONBLOCK);

		if (fd < 0)
			return;
		for (unsigned k = 0; k < 200; k++) {
			snprintf(name, sizeof name, "/tmp/w%d-%u", getpid(), k);
			close(open(name, O_CREAT | O_RDWR, 0600));
			inotify_add_watch(fd, name, IN_ALL_EVENTS);
			(void)!truncate(name, k);
		}
	}
}
static void polls(void)
{
	int last = eventfd(0, 0);

	while (more()) {
		int e = epoll_create1(0);
		struct epoll_event ev = { .events = EPOLLIN };

		if (e < 0 || (epoll_ctl(e, EPOLL_CTL_ADD, last, &ev) < 0 && errno != ELOOP))
			return;
		if (timerfd_create(CLOCK_MONOTONIC, 0) < 0)
			return;
		last = e;
	}
}
static void files(void)
{
	char name[300], block[65536];

	memset(block, 1, sizeof block);
	for (unsigned i = 0; more(); i++) {
		int fd;

		snprintf(name, sizeof name, "/tmp/%d-%u-%0200u", getpid(), i, i);
		fd = open(name, O_CREAT | O_RDWR, 0600);
		if (fd < 0 || write(fd, block, sizeof block) < 0)
			return;
		close(fd);
		mkdir(strcat(name, "d"), 0700);
	}
}
static void memory_files(void)
{
	static char block[65536];
	int fd = open("/tmp", O_RDWR | O_TMPFILE, 0600);

	memset(block, 1, sizeof block);
	while (more() && write(fd, block, sizeof block) > 0)
		;
}
static void depth(void)
{
	while (more() && mkdir("d", 0700) == 0 && chdir("d") == 0)
		;
}
/* All memory is in files; then one of each kind of object, again and again, until each has been refused. */
static void full(void)
{
	static char block[65536];
	unsigned refused = 0, round = 0;

	memory_files();
	while (more() && refused < 20000) {
		struct sigevent e = { .sigev_notify = SIGEV_NONE };
		sigset_t set;
		int p[2] = { -1, -1 }, fds[12], n = 0;
		timer_t t;

		sigemptyset(&set);
		fds[n++] = inotify_init1(IN_NONBLOCK);
		fds[n++] = epoll_create1(0);
		fds[n++] = eventfd(0, 0);
		fds[n++] = timerfd_create(CLOCK_MONOTONIC, 0);
		fds[n++] = signalfd(-1, &set, 0);
		fds[n++] = memfd_create("x", 0);
		fds[n++] = socket(AF_UNIX, SOCK_DGRAM, 0);
		fds[n++] = open("/proc/self/status", O_RDONLY);
		fds[n++] = open("/tmp", O_RDWR | O_TMPFILE, 0600);
		(void)!pipe(p);
		fds[n++] = p[0];
		fds[n++] = p[1];
		for (int i = 0; i < n; i++) {
			refused += fds[i] < 0;
			if (fds[i] >= 0)
				(void)!write(fds[i], block, 100);
			if (fds[i] >= 0 && refused % 3)
				close(fds[i]);
		}
		(void)timer_create(CLOCK_MONOTONIC, &e, &t);
		(void)!mkdir("/tmp/x", 0700);
		if (round++ % 256 == 0 && fork() == 0)
			_exit(0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
static void signals(void)
{
	union sigval v = { 0 };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (more() && sigqueue(getpid(), SIGRTMIN, v) == 0)
		;
}
static void timers(void)
{
	struct sigevent e = { .sigev_notify = SIGEV_NONE };
	struct itimerspec s = { { 0, 1 }, { 0, 1 } };
	timer_t t;

	while (more() && timer_create(CLOCK_MONOTONIC, &e, &t) == 0)
		timer_settime(t, 0, &s, NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} all[] = { { "fork", forks }, { "thread", threads }, { "vfork", vforks }, { "descriptor", descriptors }, { "pipe", pipes }, { "socket", sockets },
		{ "flight", flights }, { "listener", listeners }, { "memory", memory }, { "shared", shared_memory }, { "mapping", mappings },
		{ "inotify", watches }, { "epoll", polls }, { "file", files }, { "depth", depth }, { "full", full }, { "signal", signals }, { "timer", timers } };
	struct rlimit most;

	if (argc < 3)
		return 2;
	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	until = time(NULL) + atoi(argv[2]);
	if (chdir("/tmp") < 0)
		return 3;
	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (strcmp(all[i].name, argv[1]) != 0)
			continue;
		for (unsigned k = 0; k < 6; k++)
			if (fork() == 0) {
				all[i].fn();
				while (more())
					sleep(1);
				_exit(0);
			}
		while (more())
			sleep(1);
		puts("survived");
		fflush(stdout);
		return 0;
	}
	return 2;
}
