/* SPDX-License-Identifier: MIT */
/*
 * bench/micro.c - what single operations cost: a line "name median_ns p99_ns" each.
 * A plain program that runs natively and inside alike.  Each figure is of batches: the
 * operation is made a number of times per sample so that the clock's cost is lost in it.
 *
 *	micro DIR HOST [NAME...]	DIR: an empty folder to work in
 *				HOST: one with `many`, a folder of 1,000 files, and `once`, of files nobody
 *				opened yet; a file may be written there
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <spawn.h>

#include "measure.h"

extern char **environ;
static const char *dir, *host;
static int cached_fd, host_fd, many_fd, *futex_word, pipe_out[2], pipe_back[2];
static char buf[65536];

static void getppid_op(void) { syscall(SYS_getppid); }
static void clock_op(void) { struct timespec ts; clock_gettime(CLOCK_MONOTONIC, &ts); }
static void read4k_op(void) { if (pread(cached_fd, buf, 4096, 0) != 4096) abort(); }
static void read64k_op(void) { if (pread(cached_fd, buf, 65536, 0) != 65536) abort(); }
static void write4k_op(void) { if (pwrite(host_fd, buf, 4096, 0) != 4096) abort(); }
static void getdents_op(void) { lseek(many_fd, 0, SEEK_SET); while (syscall(SYS_getdents64, many_fd, buf, sizeof buf) > 0); }
static void stat_op(void) { struct stat st; if (stat("/usr/bin/env", &st)) abort(); }
static void enoent_op(void) { if (open("/usr/bin/there-is-no-such-file", O_RDONLY) >= 0) abort(); }
static void open_close_op(void) { int fd = open("/usr/bin/env", O_RDONLY); if (fd < 0) abort(); close(fd); }
static void create_unlink_op(void) { char p[600]; snprintf(p, sizeof p, "%s/new", dir); int fd = open(p, O_CREAT | O_WRONLY, 0600); if (fd < 0) abort(); close(fd); unlink(p); }
static void fork_op(void) { pid_t p = fork(); if (p == 0) _exit(0); if (p < 0 || waitpid(p, NULL, 0) != p) abort(); }
static void fork_exec_op(void) { pid_t p = fork(); if (p == 0) { execl("/bin/true", "true", (char *)0); _exit(1); } waitpid(p, NULL, 0); }
static void spawn_op(void) { pid_t p; char *a[] = { (char *)"true", 0 }; if (posix_spawn(&p, "/bin/true", 0, 0, a, environ)) abort(); waitpid(p, NULL, 0); }
static void *thread_main(void *a) { return a; }
static void thread_op(void) { pthread_t t; if (pthread_create(&t, 0, thread_main, 0)) abort(); pthread_join(t, 0); }
static void pipe_op(void) { char c = 1; if (write(pipe_out[1], &c, 1) != 1 || read(pipe_back[0], &c, 1) != 1) abort(); }
static volatile sig_atomic_t got;
static void on_usr1(int s) { (void)s; got++; }
static void signal_op(void) { raise(SIGUSR1); }
static void mmap_op(void) { char *p = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); for (int i = 0; i < 65536; i += 4096) p[i] = 1; munmap(p, 65536); }
static char *fault_area;
static void fault_op(void) { static size_t at = 1 << 28; if (at >= 1 << 28) { if (fault_area) munmap(fault_area, 1 << 28); fault_area = mmap(0, 1 << 28, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); at = 0; } fault_area[at] = 1; at += 4096; }
static int ep;
static void epoll_op(void) { struct epoll_event ev[100]; if (epoll_wait(ep, ev, 100, 0) != 100) abort(); }

static void futex_wait_for(int value)
{
	int now;

	while ((now = __atomic_load_n(futex_word, __ATOMIC_SEQ_CST)) != value)
		syscall(SYS_futex, futex_word, 0 /* WAIT */, now, NULL, NULL, 0);
}

static void futex_set(int value)
{
	__atomic_store_n(futex_word, value, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, futex_word, 1 /* WAKE */, 1, NULL, NULL, 0);
}

static void futex_op(void)
{
	futex_set(1);
	futex_wait_for(0);
}

static pid_t futex_start(void)
{
	pid_t p;

	futex_word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p = fork();
	for (; p == 0; futex_set(0))
		futex_wait_for(1);
	return p;
}

/* The mean over all files of HOST/once, each opened once in its life. */
static void first_open(void)
{
	char names[1024][16], path[600];
	struct dirent *e;
	int n = 0;
	DIR *d;
	double t;

	snprintf(path, sizeof path, "%s/once", host);
	d = opendir(path);
	if (!d || chdir(path))
		return;
	while ((e = readdir(d)) && n < 1024)
		if (e->d_name[0] != '.')
			snprintf(names[n++], sizeof names[0], "%s", e->d_name);
	closedir(d);
	t = now();
	for (int i = 0; i < n; i++)
		close(open(names[i], O_RDONLY));
	t = (now() - t) / n;
	printf("first_open %.1f %.1f\n", t, t);
}

static pid_t echo_start(int socket_pair)
{
	if (socket_pair) {
		int a[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, a);
		pipe_out[1] = pipe_back[0] = a[0];
		pipe_out[0] = pipe_back[1] = a[1];
	} else if (pipe(pipe_out) || pipe(pipe_back)) {
		abort();
	}
	pid_t p = fork();

	if (p == 0) {
		char c;

		if (socket_pair)
			close(pipe_out[1]);
		else
			close(pipe_out[1]), close(pipe_back[0]);
		while (read(pipe_out[0], &c, 1) == 1 && write(pipe_back[1], &c, 1) == 1)
			;
		_exit(0);
	}
	close(pipe_out[0]);
	if (!socket_pair)
		close(pipe_back[1]);
	return p;
}

static int wanted(int argc, char **argv, const char *name)
{
	for (int i = 3; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return 1;
	return argc <= 3;
}

int main(int argc, char **argv)
{
	char path[600];

	if (argc < 3)
		return 2;
	dir = argv[1];
	host = argv[2];
	snprintf(path, sizeof path, "%s/cached", dir);
	int fd = open(path, O_CREAT | O_RDWR, 0600);
	if (fd < 0 || write(fd, buf, 65536) != 65536)
		return 1;
	close(fd);
	/* A file of the host's, as programs read: not one just made. */
	cached_fd = open("/usr/bin/perl", O_RDONLY);
	if (cached_fd < 0)
		cached_fd = open("/bin/bash", O_RDONLY);
	snprintf(path, sizeof path, "%s/written", host);
	host_fd = open(path, O_CREAT | O_RDWR, 0600);
	snprintf(path, sizeof path, "%s/many", host);
	many_fd = open(path, O_RDONLY | O_DIRECTORY);
	if (host_fd < 0 || many_fd < 0)
		return 1;
	signal(SIGUSR1, on_usr1);
	ep = epoll_create1(0);
	for (int i = 0; i < 100; i++) {
		struct epoll_event ev = { .events = EPOLLIN };

		epoll_ctl(ep, EPOLL_CTL_ADD, eventfd(1, 0), &ev);
	}
#define RUN(name, op, batch, samples) if (wanted(argc, argv, name)) measure(name, op, batch, samples)
	RUN("getppid", getppid_op, 1000, 200);
	RUN("clock_gettime", clock_op, 1000, 200);
	RUN("read_4k", read4k_op, 200, 200);
	RUN("pread_64k", read64k_op, 50, 200);
	RUN("write_4k_host", write4k_op, 50, 200);
	RUN("getdents_1000", getdents_op, 2, 200);
	if (wanted(argc, argv, "first_open"))
		first_open();
	RUN("stat_hit", stat_op, 200, 200);
	RUN("open_enoent", enoent_op, 200, 200);
	RUN("open_close", open_close_op, 50, 200);
	RUN("create_unlink", create_unlink_op, 20, 200);
	RUN("signal_self", signal_op, 100, 200);
	RUN("mmap_touch_64k", mmap_op, 20, 200);
	RUN("page_fault", fault_op, 200, 200);
	if (fault_area)
		munmap(fault_area, 1 << 28); /* forks below must not copy it */
	RUN("epoll_wait_100", epoll_op, 100, 200);
	if (wanted(argc, argv, "pipe_pingpong")) {
		pid_t p = echo_start(0);
		measure("pipe_pingpong", pipe_op, 50, 200);
		close(pipe_out[1]);
		waitpid(p, 0, 0);
	}
	if (wanted(argc, argv, "unix_pingpong")) {
		pid_t p = echo_start(1);
		measure("unix_pingpong", pipe_op, 50, 200);
		close(pipe_out[1]);
		kill(p, SIGKILL);
		waitpid(p, 0, 0);
	}
	if (wanted(argc, argv, "futex_pingpong")) {
		pid_t p = futex_start();
		measure("futex_pingpong", futex_op, 50, 200);
		kill(p, SIGKILL);
		waitpid(p, 0, 0);
	}
	RUN("thread_create_join", thread_op, 5, 100);
	RUN("fork_wait", fork_op, 1, 200);
	RUN("fork_exec_wait", fork_exec_op, 1, 100);
	RUN("posix_spawn_wait", spawn_op, 1, 100);
	return 0;
}
