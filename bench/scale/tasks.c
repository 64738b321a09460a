/* SPDX-License-Identifier: MIT */
/* bench/scale/tasks.c - N processes, zombies, threads, waiters on futexes, and many who wait for one thing. */
#include <dirent.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include "scale.h"

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	must(d != NULL, path);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static pid_t *make_children(int n, int die)
{
	pid_t *pid = malloc(sizeof *pid * (size_t)n);

	for (int i = 0; i < n; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (die)
				_exit(0);
			for (;;)
				pause();
		}
		if (pid[i] < 0) {
			int err = errno;

			printf("# processes: fork of number %d failed\n", i);
			for (int k = 0; k < i; k++)
				kill(pid[k], SIGKILL);
			errno = err;
			skip("fork");
		}
	}
	return pid;
}

static void fork_wait(void)
{
	pid_t p = fork();

	if (p == 0)
		_exit(0);
	must(p > 0 && waitpid(p, NULL, 0) == p, "fork");
}

static void read_file(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);

	must(fd >= 0 && read(fd, buf, sizeof buf) > 0, path);
	close(fd);
}

void processes(int n)
{
	pid_t *pid, alone;
	char path[64];

	alone = fork();
	if (alone == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	setpgid(alone, alone);
	EACH("fork", n, pid = make_children(n, 0));
	TIME("fork+wait", 1, fork_wait());
	TIME("getppid", 1000, syscall(SYS_getppid));
	TIME("kill 0", 100, kill(pid[any_of(n)], 0));
	TIME("kill of a group of 1", 100, kill(-alone, 0));
	TIME_EACH("kill of a group of N, each", n, kill(0, 0));
	TIME("getpgid", 100, getpgid(pid[any_of(n)]));
	TIME("setpgid", 20, setpgid(alone, alone));
	TIME("getpriority", 100, getpriority(PRIO_PROCESS, pid[any_of(n)]));
	TIME("getpriority of a group of 1", 100, getpriority(PRIO_PGRP, alone));
	TIME("pidfd_open", 20, close(pidfd_open(pid[any_of(n)], 0)));
	TIME("waitpid of one, none ready", 50, waitpid(pid[any_of(n)], NULL, WNOHANG));
	TIME_EACH("waitpid of any, none ready, each", n, waitpid(-1, NULL, WNOHANG));
	TIME("read /proc/PID/stat", 10, snprintf(path, sizeof path, "/proc/%d/stat", pid[any_of(n)]); read_file(path));
	TIME_EACH("list /proc, each", n, count_entries("/proc"));
	kill(alone, SIGKILL);
	waitpid(alone, NULL, 0);
	EACH("kill, wait for each", n, for (int i = 0; i < n; i++) { kill(pid[i], SIGKILL); waitpid(pid[i], NULL, 0); });
}

void zombies(int n)
{
	pid_t *pid = make_children(n, 1);
	siginfo_t info;

	for (int i = 0; i < n; i++)
		waitid(P_PID, (id_t)pid[i], &info, WEXITED | WNOWAIT);
	TIME("fork+wait", 1, fork_wait());
	TIME("waitid, not reaping", 20, waitid(P_PID, (id_t)pid[any_of(n)], &info, WEXITED | WNOWAIT));
	TIME("kill 0", 100, kill(pid[any_of(n)], 0));
	EACH("wait for each", n, while (wait(NULL) > 0));
}

/* ---- Threads ---- */

struct own { /* a cache line each */
	int word, ready, pad[14];
};
static struct own *own;
static pthread_t *thread;
static pid_t *tids;
static volatile int stop, common, asleep;

static long futex(void *word, int op, int value, void *more, void *other)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, more, other, 0);
}

static void *wait_own(void *arg)
{
	struct own *o = arg;

	tids[o - own] = (pid_t)syscall(SYS_gettid);
	while (!stop) {
		__atomic_store_n(&o->ready, 1, __ATOMIC_SEQ_CST);
		futex(&o->word, FUTEX_WAIT, 0, NULL, NULL);
	}
	return NULL;
}

static void *wait_common(void *arg)
{
	__atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
	futex((void *)&common, FUTEX_WAIT, 0, NULL, NULL);
	__atomic_fetch_sub(&asleep, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void make_threads(int n, void *(*run)(void *))
{
	pthread_attr_t a;

	own = calloc((size_t)n, sizeof *own);
	thread = calloc((size_t)n, sizeof *thread);
	tids = calloc((size_t)n, sizeof *tids);
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 32768);
	for (int i = 0; i < n; i++) {
		errno = pthread_create(&thread[i], &a, run, &own[i]);
		must(errno == 0, "pthread_create");
	}
}

static void nap(double ns)
{
	struct timespec ts = { 0, (long)ns };

	nanosleep(&ts, NULL);
}

static void all_asleep(int n)
{
	for (int i = 0; i < n; i++)
		while (!__atomic_load_n(&own[i].ready, __ATOMIC_SEQ_CST) || tids[i] == 0)
			nap(100000);
	nap(2e7);
}

static void wake_one_of(int n)
{
	samples_begin();
	while (samples_more()) {
		struct own *o = &own[any_of(n)];
		double t;

		while (!__atomic_load_n(&o->ready, __ATOMIC_SEQ_CST))
			nap(50000);
		nap(50000);
		o->ready = 0;
		t = now();
		futex(&o->word, FUTEX_WAKE, 1, NULL, NULL);
		sample(now() - t);
	}
	samples_row("futex wake of one");
}

static void *nothing(void *arg)
{
	return arg;
}

static void create_join(void)
{
	pthread_t t;

	must(pthread_create(&t, NULL, nothing, NULL) == 0, "pthread_create");
	pthread_join(t, NULL);
}

void threads(int n)
{
	int other = 0;
	pid_t me = getpid();

	create_join();
	EACH("create", n, make_threads(n, wait_own));
	all_asleep(n);
	TIME("create+join", 2, create_join());
	wake_one_of(n);
	TIME("futex wake, nobody there", 200, futex(&other, FUTEX_WAKE, 1, NULL, NULL));
	TIME("tgkill 0", 100, syscall(SYS_tgkill, me, tids[any_of(n)], 0));
	TIME("getpriority of a thread", 100, getpriority(PRIO_PROCESS, (id_t)tids[any_of(n)]));
	TIME("open+close", 50, close(open("/dev/null", O_RDONLY)));
	TIME("mmap+munmap", 20, munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096));
	TIME("fork+wait", 1, fork_wait());
	TIME_EACH("list /proc/self/task, each", n, count_entries("/proc/self/task"));
	stop = 1;
	EACH("wake+join each", n, for (int i = 0; i < n; i++) { own[i].word = 1; futex(&own[i].word, FUTEX_WAKE, 1, NULL, NULL); }
		for (int i = 0; i < n; i++) pthread_join(thread[i], NULL));
}

void waiters(int n)
{
	static int second;

	make_threads(n, wait_common);
	while (asleep < n)
		nap(100000);
	nap(5e7);
	EACH("requeue of N, each", n, futex((void *)&common, FUTEX_REQUEUE, 0, (void *)(long)n, &second));
	EACH("requeue back, each", n, futex(&second, FUTEX_REQUEUE, 0, (void *)(long)n, (void *)&common));
	common = 1;
	EACH("wake 1 of N on one word, each", n / 2, for (int i = 0; i < n / 2; i++) futex((void *)&common, FUTEX_WAKE, 1, NULL, NULL));
	EACH("wake of all the rest, each", n - n / 2, futex((void *)&common, FUTEX_WAKE, n, NULL, NULL));
	EACH("join each", n, for (int i = 0; i < n; i++) pthread_join(thread[i], NULL));
}

void exit_threads(int n)
{
	int ready[2];
	char c;
	pid_t p;

	must(pipe(ready) == 0, "pipe");
	p = fork();
	if (p == 0) {
		make_threads(n, wait_own);
		all_asleep(n);
		must(write(ready[1], "x", 1) == 1, "write");
		nap(2e7);
		close(ready[1]);
		_exit(0);
	}
	close(ready[1]);
	must(p > 0 && read(ready[0], &c, 1) == 1, "threads of a child");
	while (read(ready[0], &c, 1) > 0)
		;
	EACH("exit_group and wait, each", n, waitpid(p, NULL, 0));
}

/* ---- N who wait for one thing ---- */

static int ends[2], epfd, got_one;

static void *read_one(void *arg)
{
	char c;

	__atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
	while (read(ends[0], &c, 1) == 1)
		__atomic_fetch_add(&got_one, 1, __ATOMIC_SEQ_CST);
	return arg;
}

static void *epoll_one(void *arg)
{
	struct epoll_event ev;
	char c;

	__atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
	while (epoll_wait(epfd, &ev, 1, -1) == 1 && !stop)
		if (read(ends[0], &c, 1) == 1)
			__atomic_fetch_add(&got_one, 1, __ATOMIC_SEQ_CST);
	return arg;
}

/* A byte into the pipe, and until somebody has read it. */
static void one_byte(void)
{
	int before = __atomic_load_n(&got_one, __ATOMIC_SEQ_CST);

	must(write(ends[1], "x", 1) == 1, "write");
	while (__atomic_load_n(&got_one, __ATOMIC_SEQ_CST) == before)
		sched_yield();
}

static void storm_of(int n, const char *name, void *(*run)(void *))
{
	asleep = 0;
	make_threads(n, run);
	while (asleep < n)
		nap(100000);
	nap(5e7);
	TIME(name, 4, one_byte());
}

void storm(int n)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	must(pipe(ends) == 0, "pipe");
	storm_of(n, "byte to one of N readers of a pipe", read_one);
	close(ends[1]);
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	must(pipe2(ends, O_NONBLOCK) == 0, "pipe");
	epfd = epoll_create1(0);
	epoll_ctl(epfd, EPOLL_CTL_ADD, ends[0], &ev);
	storm_of(n, "byte to one of N in epoll_wait", epoll_one);
}
