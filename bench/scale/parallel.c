/* SPDX-License-Identifier: MIT */
/*
 * bench/scale/parallel.c - the same operation by several processes at once, each on objects of its own: operations a
 * second, of all together.  What does not grow with the processors shares something it should not.
 */
#include <linux/futex.h>
#include "scale.h"

static char mine[600];
static int ends[2], word, fd;
static char buf[4096];

static void nobody(int sig)
{
	(void)sig;
}

static void prepare(int worker)
{
	snprintf(mine, sizeof mine, "%s/worker-%d", at.memory, worker);
	mkdir(mine, 0700);
	must(chdir(mine) == 0 && pipe(ends) == 0, mine);
	fd = open("file", O_CREAT | O_RDWR, 0600);
	must(fd >= 0 && write(fd, buf, sizeof buf) == sizeof buf, "file");
	signal(SIGUSR1, nobody);
	snprintf(mine, sizeof mine, "%s/worker-%d", at.shared, worker);
	mkdir(mine, 0700);
}

static void do_create(void) { close(open("new", O_CREAT | O_WRONLY, 0600)); unlink("new"); }
static void do_volume(void) { char p[700]; snprintf(p, sizeof p, "%s/new", mine); close(open(p, O_CREAT | O_WRONLY, 0600)); unlink(p); }
static void do_open(void) { close(open("file", O_RDONLY)); }
static void do_open_host(void) { close(open("/usr/bin/env", O_RDONLY)); }
static void do_stat(void) { struct stat st; stat("/usr/bin/env", &st); }
static void do_read(void) { must(pread(fd, buf, sizeof buf, 0) == sizeof buf, "pread"); }
static void do_write(void) { must(pwrite(fd, buf, sizeof buf, 0) == sizeof buf, "pwrite"); }
static void do_rename(void) { rename("file", "elif"); rename("elif", "file"); }
static void do_pipe(void) { must(write(ends[1], buf, 64) == 64 && read(ends[0], buf, 64) == 64, "pipe"); }
static void do_pipe_new(void) { int p[2]; must(pipe(p) == 0, "pipe"); close(p[0]); close(p[1]); }
static void do_futex(void) { syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0); }
static void do_raise(void) { raise(SIGUSR1); }
static void do_kill(void) { kill(getpid(), SIGUSR1); }
static void do_mmap(void) { char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); p[0] = 1; munmap(p, 65536); }
static void do_shared(void) { char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); p[0] = 1; munmap(p, 65536); }
static void do_fork(void) { pid_t p = fork(); if (p == 0) _exit(0); must(p > 0 && waitpid(p, NULL, 0) == p, "fork"); }
static void do_exec(void) { pid_t p = vfork(); if (p == 0) { execl("/bin/true", "true", (char *)0); _exit(1); } must(p > 0 && waitpid(p, NULL, 0) == p, "vfork"); }
static void do_pid(void) { kill(getppid(), 0); }
static void do_dup(void) { close(dup(0)); }

static const struct {
	const char *name;
	void (*op)(void);
	int batch;
} ops[] = { { "par.stat", do_stat, 100 }, { "par.open+close", do_open, 50 }, { "par.open+close of a host's file", do_open_host, 20 },
	{ "par.create+unlink", do_create, 20 }, { "par.create+unlink in a -v folder", do_volume, 5 }, { "par.rename", do_rename, 20 },
	{ "par.read 4 KB", do_read, 50 }, { "par.write 4 KB", do_write, 50 }, { "par.pipe write+read", do_pipe, 50 }, { "par.pipe+close", do_pipe_new, 20 },
	{ "par.futex wake", do_futex, 200 }, { "par.raise", do_raise, 50 }, { "par.kill of itself", do_kill, 50 }, { "par.kill 0 of the parent", do_pid, 100 },
	{ "par.mmap+touch+munmap", do_mmap, 20 }, { "par.shared mmap+touch+munmap", do_shared, 20 }, { "par.dup+close", do_dup, 100 }, { "par.fork+wait", do_fork, 1 },
	{ "par.vfork+exec+wait", do_exec, 1 } };
#define OPS (sizeof ops / sizeof *ops)

void parallel_names(void)
{
	for (unsigned i = 0; i < OPS; i++)
		puts(ops[i].name);
}

struct meet {
	int ready, go;
	uint64_t done[64];
};

static uint64_t work(unsigned op, double seconds)
{
	double end = now() + seconds * 1e9;
	uint64_t done = 0;

	for (; now() < end; done += (uint64_t)ops[op].batch)
		for (int i = 0; i < ops[op].batch; i++)
			ops[op].op();
	return done;
}

static void worker(struct meet *m, int i, unsigned op, double seconds)
{
	prepare(i);
	for (int k = 0; k < 3; k++)
		ops[op].op();
	__atomic_fetch_add(&m->ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&m->go, __ATOMIC_SEQ_CST))
		usleep(200);
	m->done[i] = work(op, seconds);
	_exit(0);
}

void parallel(const char *name, int workers, double seconds)
{
	struct meet *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t sum = 0;

	for (unsigned op = 0; op < OPS; op++) {
		if (strcmp(name, ops[op].name) != 0)
			continue;
		for (int i = 0; i < workers; i++)
			if (fork() == 0)
				worker(m, i, op, seconds);
		while (__atomic_load_n(&m->ready, __ATOMIC_SEQ_CST) < workers)
			usleep(1000);
		__atomic_store_n(&m->go, 1, __ATOMIC_SEQ_CST);
		while (wait(NULL) > 0)
			;
		for (int i = 0; i < workers; i++)
			sum += m->done[i];
		printf("%s\t%d\t%.0f\n", name, workers, (double)sum / seconds);
		fflush(stdout);
	}
	munmap(m, sizeof *m);
}
