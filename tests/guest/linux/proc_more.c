/* SPDX-License-Identifier: MIT */
/* covers: /proc/PID/io, timers, numa_maps, polls of mounts, /proc/PID of an old process, sleepers shown as such, uptime */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char text[1 << 16];

static void check(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
}

static char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY), n, at = 0;

	while (fd >= 0 && (n = (int)read(fd, text + at, sizeof text - 1 - (size_t)at)) > 0)
		at += n;
	text[at] = 0;
	close(fd);
	return text;
}

static long field(const char *name)
{
	char *p = strstr(text, name);

	return p ? atol(p + strlen(name)) : -1;
}

static void io(void)
{
	long read_before, write_before;
	char buf[1000] = { 0 };
	int fd = open("/dev/zero", O_RDWR);

	slurp("/proc/self/io");
	read_before = field("rchar: ");
	write_before = field("wchar: ");
	for (int i = 0; i < 10; i++)
		check("io", read(fd, buf, sizeof buf) == sizeof buf && write(fd, buf, 500) == 500);
	slurp("/proc/self/io");
	check("rchar", field("rchar: ") >= read_before + 10000 && field("rchar: ") < read_before + 12000);
	check("wchar", field("wchar: ") >= write_before + 5000);
	close(fd);
}

static void timers(void)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	timer_t t;

	timer_create(CLOCK_MONOTONIC, &e, &t);
	slurp("/proc/self/timers");
	check("timers", (strstr(text, "ID: 0\nsignal: 12/") && strstr(text, "notify: signal/pid.") && strstr(text, "ClockID: 1\n")) || !*text);
	timer_delete(t);
}

static void mounts(void)
{
	int ep = epoll_create1(0), fd, n;
	struct epoll_event e = { .events = EPOLLPRI };

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
		puts("mounts: ok");
		return;
	}
	fd = open("/proc/self/mountinfo", O_RDONLY);
	check("mounts can be polled", !epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	n = epoll_wait(ep, &e, 1, 0);
	check("no news", n == 0);
	if (mount("none", "/mnt", "tmpfs", 0, NULL)) {
		puts("mounts: ok");
		return;
	}
	n = epoll_wait(ep, &e, 1, 1000);
	check("mounts", n == 1 && (e.events & EPOLLPRI));
}

/* Nobody asks before the child sleeps, and after a signal it is not shown asleep until it sleeps again. */
static volatile int calls;

static void count(int sig)
{
	calls++;
}

static char state(pid_t p)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/stat", p);
	slurp(path);
	return strrchr(text, ')')[2];
}

static void sleepers(void)
{
	int *shared = (int *)(void *)text, pipes[2], n = 0, s;
	pid_t p;

	(void)shared;
	pipe(pipes);
	signal(SIGUSR1, count);
	p = fork();
	if (!p) {
		char c = 'x';

		for (;;) {
			pause();
			write(pipes[1], &c, 1);
		}
	}
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 200; i++) {
		char c;

		while (state(p) != 'S')
			sched_yield();
		kill(p, SIGUSR1);
		while (state(p) != 'S')
			sched_yield();
		n += read(pipes[0], &c, 1) == 1;
	}
	kill(p, SIGKILL);
	wait(&s);
	check("woken is not asleep", n == 200);
}

static void old_process(void)
{
	char path[64];
	pid_t p = fork();
	int dir, s;

	if (!p) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof path, "/proc/%d", p);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	check("its status", faccessat(dir, "status", R_OK, 0) == 0);
	kill(p, SIGKILL);
	wait(&s);
	check("gone", openat(dir, "status", O_RDONLY) < 0 && errno != EACCES);
}

static void uptime(void)
{
	struct sysinfo si;
	struct timespec ts;
	double up = atof(slurp("/proc/uptime"));

	sysinfo(&si);
	clock_gettime(CLOCK_BOOTTIME, &ts);
	check("uptime", si.uptime - (long)up >= 0 && si.uptime - (long)up <= 2 && ts.tv_sec - (long)up >= 0 && ts.tv_sec - (long)up <= 2);
}

int main(void)
{
	io();
	timers();
	check("numa_maps", strstr(slurp("/proc/self/numa_maps"), " default") || !*text);
	sleepers();
	old_process();
	uptime();
	mounts();
	return 0;
}
