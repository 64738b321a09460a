/* SPDX-License-Identifier: MIT */
/*
 * bench/scale/main.c - how the time of an operation grows with the number of things there are, and with
 * the number of processes that do it at once.  A plain program that runs natively and inside alike.
 *
 *	scale grow TMPFS ROOT SHARED GIVEN N GROUP...	lines "GROUP.OPERATION ns"
 *	scale par TMPFS ROOT SHARED GIVEN SECONDS NAME...	lines "NAME workers operations-a-second", 1, 2 and 4 workers
 *	scale list
 *
 * TMPFS, ROOT, SHARED: folders to work in.  GIVEN: one that has folders list-N of N files.
 */
#include "scale.h"

struct folders at;
static const char *group;

static const struct {
	const char *name;
	void (*run)(int n);
} groups[] = { { "processes", processes }, { "zombies", zombies }, { "threads", threads }, { "waiters", waiters }, { "exit", exit_threads },
	{ "storm", storm }, { "descriptors", descriptors }, { "epoll", epolls }, { "pipes", pipes }, { "sockets", sockets }, { "mappings", mappings },
	{ "shared", shared_mappings }, { "tmpfs", entries_tmpfs }, { "upper", entries_upper }, { "volume", entries_shared }, { "lower", entries_lower },
	{ "nested", nested }, { "watches", watches }, { "mounts", mounts }, { "locks", locks }, { "timers", timers }, { "signals", signals },
	{ "sysv", sysv }, { "queues", queues }, { "keys", keys }, { "requests", requests } };
#define GROUPS (sizeof groups / sizeof *groups)

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

void row(const char *name, double ns)
{
	printf("%s.%s %.1f\n", group, name, ns);
	fflush(stdout);
}

void skip(const char *why)
{
	printf("# %s: %s: %s\n", group, why, strerror(errno));
	fflush(stdout);
	_exit(0);
}

void must(int ok, const char *what)
{
	if (!ok)
		skip(what);
}

static double taken[SAMPLES], spent;
static int count;

void samples_begin(void)
{
	count = 0;
	spent = 0;
}

int samples_more(void)
{
	return count < 3 || (count < SAMPLES && spent < BUDGET_NS);
}

void sample(double ns)
{
	static double last;

	spent += count ? now() - last : 0;
	last = now();
	if (count < SAMPLES)
		taken[count++] = ns;
}

static int cmp(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

void samples_row(const char *name)
{
	qsort(taken, (size_t)count, sizeof *taken, cmp);
	row(name, taken[count / 4]);
}

int any_of(int n)
{
	static uint32_t x = 12345;

	x = x * 1664525 + 1013904223;
	return (int)((uint64_t)(x >> 8) * (uint64_t)n >> 24);
}

static void run_group(unsigned g, int n)
{
	pid_t p;
	int status;

	fflush(stdout);
	group = groups[g].name;
	p = fork();
	if (p == 0) {
		setpgid(0, 0);
		alarm(120);
		groups[g].run(n);
		fflush(stdout);
		_exit(0);
	}
	if (p < 0 || waitpid(p, &status, 0) != p)
		exit(1);
	if (status != 0)
		printf("# %s: ended with status %#x\n", group, status);
	kill(-p, SIGKILL);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct rlimit r;

	if (argc < 7) {
		for (unsigned g = 0; g < GROUPS; g++)
			puts(groups[g].name);
		parallel_names();
		return argc < 2 || strcmp(argv[1], "list");
	}
	at = (struct folders){ argv[2], argv[3], argv[4], argv[5] };
	for (int what = 0; what < 3; what++) {
		static const int which[] = { RLIMIT_NOFILE, RLIMIT_SIGPENDING, RLIMIT_NPROC };

		getrlimit(which[what], &r);
		r.rlim_cur = r.rlim_max;
		setrlimit(which[what], &r);
	}
	if (strcmp(argv[1], "par") == 0) {
		for (int i = 7; i < argc; i++)
			for (int workers = 1; workers <= 4; workers *= 2)
				parallel(argv[i], workers, atof(argv[6]));
		return 0;
	}
	for (int i = 7; i < argc; i++)
		for (unsigned g = 0; g < GROUPS; g++)
			if (strcmp(argv[i], groups[g].name) == 0)
				run_group(g, atoi(argv[6]));
	return 0;
}
