/* SPDX-License-Identifier: MIT */
/*
 * tests/torture/churn.c - makes and drops things again and again, to see what is left.
 *
 *	churn KIND COUNT	prints "warm" when all that is kept is kept, waits for a line; makes
 *				COUNT rounds, prints "spent", waits for a line, ends
 *
 * KIND: fork, vfork, exec (fork, execve, exit), spawn, threads, pipes, files, sockets, maps, shm,
 * signals, epoll, or all.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *self;
extern char **environ;

static int wait_ok(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int k_fork(unsigned i)
{
	pid_t pid = fork();

	(void)i;
	if (pid == 0)
		_exit(0);
	return wait_ok(pid);
}
static int k_vfork(unsigned i)
{
	pid_t pid = vfork();

	(void)i;
	if (pid == 0)
		_exit(0);
	return wait_ok(pid);
}
static int k_exec(unsigned i)
{
	pid_t pid = fork();

	(void)i;
	if (pid == 0) {
		execl(self, self, "end", (char *)NULL);
		_exit(1);
	}
	return wait_ok(pid);
}
static int k_spawn(unsigned i)
{
	char *argv[] = { self, (char *)"end", NULL };
	pid_t pid;

	(void)i;
	return posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0 && wait_ok(pid);
}
static void *nothing(void *arg) { return arg; }
static int k_threads(unsigned i)
{
	pthread_t t[4];

	(void)i;
	for (int k = 0; k < 4; k++)
		if (pthread_create(&t[k], NULL, nothing, NULL))
			return 0;
	for (int k = 0; k < 4; k++)
		pthread_join(t[k], NULL);
	return 1;
}
static int k_pipes(unsigned i)
{
	static char buf[60000];
	int p[2];

	(void)i;
	if (pipe(p) || write(p[1], buf, sizeof buf) != sizeof buf || read(p[0], buf, 100) != 100)
		return 0;
	close(p[0]);
	close(p[1]);
	return 1;
}
static int k_files(unsigned i)
{
	char name[64], to[64];
	static char buf[20000];
	int fd;

	snprintf(name, sizeof name, "/tmp/churn-%d-%u", getpid(), i % 7);
	snprintf(to, sizeof to, "%s-to", name);
	fd = open(name, O_CREAT | O_RDWR, 0600);
	if (fd < 0 || write(fd, buf, sizeof buf) != sizeof buf)
		return 0;
	close(fd);
	if (rename(name, to) || unlink(to) || mkdir(name, 0700) || symlink("x", to) || unlink(to) || rmdir(name))
		return 0;
	return 1;
}
static int k_sockets(unsigned i)
{
	int s[2], fd;
	char c = 0, room[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room };

	(void)i;
	if (socketpair(AF_UNIX, i & 1 ? SOCK_STREAM : SOCK_DGRAM, 0, s))
		return 0;
	/* A descriptor in flight when both ends go. */
	fd = dup(0);
	CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
	if (sendmsg(s[0], &m, 0) != 1)
		return 0;
	close(fd);
	close(s[0]);
	close(s[1]);
	return 1;
}
static int k_maps(unsigned i)
{
	char *a = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *b;

	(void)i;
	if (a == MAP_FAILED)
		return 0;
	memset(a, 1, 1 << 18);
	mprotect(a + 4096, 4096, PROT_READ);
	b = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(b, 1, 1 << 16);
	return !munmap(a, 1 << 18) && !munmap(b, 1 << 16);
}
static int k_shm(unsigned i)
{
	int id = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600), fd = memfd_create("churn", 0);
	char *p = shmat(id, NULL, 0);

	(void)i;
	if (id < 0 || p == (void *)-1 || fd < 0 || ftruncate(fd, 100000))
		return 0;
	memset(p, 1, 65536);
	if (pwrite(fd, p, 65536, 0) != 65536)
		return 0;
	close(fd);
	return !shmdt(p) && !shmctl(id, IPC_RMID, NULL);
}
static void handler(int s) { (void)s; }
static int k_signals(unsigned i)
{
	sigset_t s;
	siginfo_t si;
	union sigval v = { .sival_int = (int)i };

	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	for (int k = 0; k < 10; k++)
		sigqueue(getpid(), SIGRTMIN + 1, v);
	for (int k = 0; k < 10; k++)
		if (sigwaitinfo(&s, &si) != SIGRTMIN + 1)
			return 0;
	return 1;
}
static int k_epoll(unsigned i)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0), ev = eventfd(1, 0);

	(void)i;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e) || epoll_wait(ep, &e, 1, 0) != 1)
		return 0;
	close(i & 1 ? ep : ev);
	close(i & 1 ? ev : ep);
	return 1;
}

static const struct {
	const char *name;
	int (*fn)(unsigned);
} kinds[] = { { "fork", k_fork }, { "vfork", k_vfork }, { "exec", k_exec }, { "spawn", k_spawn }, { "threads", k_threads }, { "pipes", k_pipes }, { "files", k_files },
	{ "sockets", k_sockets }, { "maps", k_maps }, { "shm", k_shm }, { "signals", k_signals }, { "epoll", k_epoll } };
#define KINDS (sizeof kinds / sizeof kinds[0])

static int rounds(const char *what, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < KINDS; k++)
			if ((!strcmp(what, "all") || !strcmp(what, kinds[k].name)) && !kinds[k].fn(i)) {
				printf("BAD %s in round %u: %s\n", kinds[k].name, i, strerror(errno));
				return 1;
			}
	return 0;
}

/* KB of pages that kernel objects have: in use, or kept for the next of their kind. */
static long slab(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && kb < 0 && fgets(line, sizeof line, f))
		(void)sscanf(line, "Slab: %ld kB", &kb);
	if (f)
		fclose(f);
	return kb;
}

int main(int argc, char **argv)
{
	long before;

	if (argc == 2)
		return 0;
	if (argc < 3)
		return 2;
	self = argv[0];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (rounds(argv[1], 100))
		return 1;
	printf("warm\n");
	(void)!getchar();
	before = slab();
	if (rounds(argv[1], (unsigned)atoi(argv[2])))
		return 1;
	printf("spent\n");
	(void)!getchar();
	printf("kernel objects %ld -> %ld KB\n", before, slab());
	return 0;
}
