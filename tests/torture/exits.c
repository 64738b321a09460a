/* SPDX-License-Identifier: MIT */
/*
 * tests/torture/exits.c - processes that end while all their threads are in the kernel.
 *
 *	exits ROUNDS THREADS HOW	HOW: exit (exit_group), kill (SIGKILL from the parent), signal
 *				(a fatal signal from a thread), exec (of this program, which ends at
 *				once), mixed
 *
 * Each child starts THREADS threads that make system calls of many kinds in tight loops, on
 * objects that they share with each other and with other processes; then it ends by the way
 * named.  The parent checks how it ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int shared_pipe[2], shared_sock[2], shared_event;
static volatile int running;

static void *loop(void *arg)
{
	unsigned kind = (unsigned)(size_t)arg;
	uint32_t word = 0;
	uint64_t one = 1, v;
	char buf[512], name[64];
	struct stat st;

	__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
	snprintf(name, sizeof name, "/tmp/exits-%d-%u", getpid(), kind);
	for (unsigned i = 0;; i++) {
		int fd;
		void *m;
		struct timespec t = { 0, 1000 };
		struct pollfd p = { shared_pipe[0], POLLIN, 0 };

		switch ((kind + i / 16) % 11) {
		case 0: (void)!write(shared_pipe[1], buf, 64); break;
		case 1: (void)!read(shared_pipe[0], buf, 64); break;
		case 2: (void)send(shared_sock[i & 1], buf, 32, MSG_DONTWAIT); (void)recv(shared_sock[i & 1], buf, 64, MSG_DONTWAIT); break;
		case 3: fd = open("/etc/passwd", O_RDONLY); (void)!read(fd, buf, sizeof buf); close(fd); break;
		case 4: fd = open(name, O_RDWR | O_CREAT, 0600); (void)!write(fd, buf, sizeof buf); close(fd); unlink(name); break;
		case 5: m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); *(volatile char *)m = 1; munmap(m, 65536); break;
		case 6: syscall(SYS_futex, &word, 0, 0, &t, NULL, 0); break;
		case 7: (void)!write(shared_event, &one, 8); (void)!read(shared_event, &v, 8); break;
		case 8: stat("/usr/bin", &st); stat("/nowhere", &st); break;
		case 9: poll(&p, 1, 0); break;
		case 10: fd = dup(1); fcntl(fd, F_GETFL); close(fd); getppid(); sched_yield(); break;
		}
	}
	return NULL;
}

static void child(unsigned threads, int how, unsigned round, char *self)
{
	pthread_t t;

	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&t, NULL, loop, (void *)(size_t)(i + round)))
			_exit(99);
	while (running < (int)threads)
		sched_yield();
	for (unsigned spin = round * 7919 % 20000; spin > 0; spin--)
		__asm__ volatile("pause");
	switch (how) {
	case 0: _exit(17);
	case 1: pause(); break;
	case 2: *(volatile int *)8 = 1; break;
	case 3: execl(self, self, "end", (char *)NULL); break;
	}
	_exit(98);
}

int main(int argc, char **argv)
{
	static const char *const ways[] = { "exit", "kill", "signal", "exec", "mixed" };
	unsigned rounds, threads, how = 0;
	struct timespec t0, t1;

	if (argc == 2 && !strcmp(argv[1], "end"))
		return 18;
	if (argc < 4)
		return 2;
	rounds = (unsigned)atoi(argv[1]);
	threads = (unsigned)atoi(argv[2]);
	while (how < 4 && strcmp(ways[how], argv[3]))
		how++;
	if (pipe2(shared_pipe, O_NONBLOCK) || socketpair(AF_UNIX, SOCK_STREAM, 0, shared_sock))
		return 3;
	shared_event = eventfd(0, EFD_NONBLOCK);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (unsigned n = 0; n < rounds; n++) {
		unsigned way = how == 4 ? n % 4 : how;
		int status;
		pid_t pid = fork();

		if (pid == 0)
			child(threads, (int)way, n, argv[0]);
		if (pid < 0) {
			printf("fork: %s in round %u\n", strerror(errno), n);
			return 1;
		}
		if (way == 1) {
			struct timespec t = { 0, (long)(n * 7919 % 2000) * 1000 };

			nanosleep(&t, NULL);
			kill(pid, SIGKILL);
		}
		if (waitpid(pid, &status, 0) != pid) {
			printf("waitpid: %s\n", strerror(errno));
			return 1;
		}
		if ((way == 0 && status != 17 << 8) || (way == 1 && status != SIGKILL) || (way == 2 && (status & 0x7f) != SIGSEGV) || (way == 3 && status != 18 << 8)) {
			printf("round %u by %s: status %x\n", n, ways[way], status);
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("done %u, %.0f us each\n", rounds, ((double)(t1.tv_sec - t0.tv_sec) * 1e6 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e3) / rounds);
	return 0;
}
