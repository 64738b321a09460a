/* SPDX-License-Identifier: MIT */
/* bench/scale/memory.c - N mappings, private and shared. */
#include "scale.h"

#define PAGE 4096ul

static char *area;

static void fork_wait(void)
{
	pid_t p = fork();

	if (p == 0)
		_exit(0);
	must(p > 0 && waitpid(p, NULL, 0) == p, "fork");
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

static char *map_one(int flags, int fd)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	must(p != MAP_FAILED, "mmap");
	return p;
}

static void remap(void)
{
	char *p = map_one(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	p = mremap(p, PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	must(p != MAP_FAILED && munmap(p, 4 * PAGE) == 0, "mremap");
}

static void fault_one(int n)
{
	char *p = area + 2 * PAGE * (size_t)any_of(n);

	madvise(p, PAGE, MADV_DONTNEED);
	*(volatile char *)p = 1;
}

/* N mappings that do not merge: every other page of one area. */
void mappings(int n)
{
	unsigned char there;
	char *p;

	area = mmap(NULL, 2 * PAGE * (size_t)n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(area != MAP_FAILED, "mmap");
	EACH("mmap fixed", n, for (int i = 0; i < n; i++)
		must(mmap(area + 2 * PAGE * (size_t)i, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap"));
	TIME("mmap+munmap", 20, munmap(map_one(MAP_PRIVATE | MAP_ANONYMOUS, -1), PAGE));
	TIME("mprotect there and back", 20, p = area + 2 * PAGE * (size_t)any_of(n); must(mprotect(p, PAGE, PROT_READ) == 0 &&
		mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect"));
	TIME("mmap+mremap+munmap", 10, remap());
	TIME("madvise and fault", 20, fault_one(n));
	TIME("mincore", 50, mincore(area + 2 * PAGE * (size_t)any_of(n), PAGE, &there));
	TIME("munmap+mmap of one", 10, p = area + 2 * PAGE * (size_t)any_of(n); munmap(p, PAGE);
		must(mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p, "mmap"));
	TIME_EACH("fork+wait, each", n, fork_wait());
	TIME_EACH("read /proc/self/maps, each", n, read_all("/proc/self/maps"));
	EACH("munmap of all, each", n, munmap(area, 2 * PAGE * (size_t)n));
}

void shared_mappings(int n)
{
	char **p = calloc((size_t)n, sizeof *p), path[600];
	int fd, file;

	snprintf(path, sizeof path, "%s/mapped", at.memory);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	file = open("/bin/sh", O_RDONLY);
	must(fd >= 0 && ftruncate(fd, 65536) == 0 && file >= 0, path);
	EACH("mmap of anonymous memory", n / 2, for (int i = 0; i < n / 2; i++) p[i] = map_one(MAP_SHARED | MAP_ANONYMOUS, -1));
	EACH("mmap of a file", n - n / 2, for (int i = n / 2; i < n; i++) p[i] = mmap(NULL, PAGE, PROT_READ, i & 1 ? MAP_PRIVATE : MAP_SHARED, i & 1 ? file : fd, 0));
	TIME("mmap+munmap of a file in memory", 10, munmap(map_one(MAP_SHARED, fd), PAGE));
	TIME("mmap+munmap of a host's file", 10, munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0), PAGE));
	TIME("futex wake in one", 50, syscall(SYS_futex, p[any_of(n / 2)], 1, 1, NULL, NULL, 0));
	TIME("msync", 20, msync(p[any_of(n / 2)], PAGE, MS_ASYNC));
	TIME_EACH("fork+wait, each", n, fork_wait());
	EACH("munmap, each", n, for (int i = 0; i < n; i++) munmap(p[i], PAGE));
}
