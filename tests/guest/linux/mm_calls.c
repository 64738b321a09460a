/* SPDX-License-Identifier: MIT */
/* tests/guest/linux/mm_calls.c - what memory calls do and say; native and inside must agree. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define E(call) (errno = 0, (long)(call) == -1 ? errno : 0)

static char *map(size_t pages, int prot, int flags)
{
	return mmap(NULL, pages * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);
}

static int resident(char *p, int pages)
{
	unsigned char v[64] = { 0 };
	int n = 0;

	if (mincore(p, pages * PAGE, v))
		return -errno;
	for (int i = 0; i < pages; i++)
		n += v[i] & 1;
	return n;
}

static void residency(void)
{
	char *p = map(16, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	madvise(p, 16 * PAGE, MADV_NOHUGEPAGE);
	printf("fresh %d", resident(p, 16));
	p[0] = p[5 * PAGE] = 1;
	printf(" touched %d", resident(p, 16));
	madvise(p, 4 * PAGE, MADV_DONTNEED);
	printf(" dropped %d", resident(p, 16));
	printf(" populate %d", E(madvise(p, 8 * PAGE, 23 /* POPULATE_WRITE */)));
	printf(" %d zero %d\n", resident(p, 16), p[0]);
	munmap(p + PAGE, PAGE);
	printf("mincore over a hole %d, of odd address %d\n", resident(p, 16), resident(p + 1, 1));
	munmap(p, 16 * PAGE);
	p = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE);
	printf("populated %d\n", resident(p, 4));
	munmap(p, 4 * PAGE);
}

static void moving(void)
{
	char *p = map(8, PROT_READ | PROT_WRITE, MAP_PRIVATE), *q, *r = map(32, PROT_NONE, MAP_PRIVATE);

	for (int i = 0; i < 8; i++)
		p[i * PAGE] = 'a' + i;
	q = mremap(p, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, r + 4 * PAGE);
	printf("move %d %c%c%d, old %d\n", q == r + 4 * PAGE, q[0], q[7 * PAGE], q[15 * PAGE], resident(p, 1));
	q = mremap(q + 2 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | 4 /* DONTUNMAP */, NULL);
	printf("dontunmap %c%c left %d\n", q[0], q[3 * PAGE], r[6 * PAGE]);
	printf("shrink %d\n", mremap(q, 4 * PAGE, 2 * PAGE, 0) == q);
	printf("errors %d %d %d %d\n", E(mremap(q + 1, PAGE, PAGE, 0)), E(mremap(q, PAGE, 0, 0)), E(mremap(q, PAGE, PAGE, MREMAP_FIXED)),
		E(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE)));
	for (int i = 0; i < 200; i++) { /* as realloc does */
		size_t n = (i + 1) * 3;

		p = i == 0 ? map(3, PROT_READ | PROT_WRITE, MAP_PRIVATE) : mremap(p, (n - 3) * PAGE, n * PAGE, MREMAP_MAYMOVE);
		map(1, PROT_READ, MAP_PRIVATE); /* in its way */
		p[(n - 1) * PAGE] = i;
	}
	int good = 1;
	for (int i = 0; i < 200; i++)
		good &= (unsigned char)p[(i * 3 + 2) * PAGE] == i;
	printf("grown %d\n", good);
}

static sigjmp_buf back;
static volatile int code;
static void on_fault(int sig, siginfo_t *i, void *c)
{
	code = sig * 10 + i->si_code;
	siglongjmp(back, 1);
}
static int touch(volatile char *p)
{
	code = 0;
	if (sigsetjmp(back, 1) == 0)
		*p = 1;
	return code;
}

static void protections(void)
{
	char *p = map(8, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	int fd = memfd_create("m", MFD_ALLOW_SEALING);
	char *f;

	printf("protect %d", E(mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ)));
	printf(" write %d %d %d\n", touch(p), touch(p + 2 * PAGE), touch(p + 4 * PAGE));
	ftruncate(fd, PAGE);
	f = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	printf("inside %d\n", touch(f));
	printf("seal while mapped %d", E(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)) == EBUSY);
	munmap(f, 2 * PAGE);
	printf(" then %d", E(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)));
	printf(" map %d\n", E(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)));
	printf("noreplace %d\n", E(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)));
	printf("32bit %d\n", (uintptr_t)map(4, PROT_READ, MAP_PRIVATE | MAP_32BIT) < 0x80000000ul);
	printf("sync %d\n", E(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x80000 /* MAP_SYNC */, fd, 0)));
}

static long status_kb(const char *name)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof line, f))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = atol(line + strlen(name));
	fclose(f);
	return kb;
}

static void locking(void)
{
	char *p = map(16, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	long before = status_kb("VmLck:");

	printf("lock %d", E(mlock(p, 8 * PAGE)));
	printf(" %ld kB, resident %d", status_kb("VmLck:") - before, resident(p, 16));
	printf(" again %d", E(mlock(p + PAGE, 2 * PAGE)));
	printf(" %ld kB", status_kb("VmLck:") - before);
	printf(" dontneed %d", E(madvise(p, PAGE, MADV_DONTNEED)));
	printf(" unlock %d", E(munlock(p, 4 * PAGE)));
	printf(" %ld kB\n", status_kb("VmLck:") - before);
	munmap(p, 16 * PAGE);
	printf("after unmap %ld kB\n", status_kb("VmLck:") - before);
}

static void forks(void)
{
	char *p = map(3, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	int status;

	p[0] = p[PAGE] = p[2 * PAGE] = 7;
	madvise(p + PAGE, PAGE, MADV_WIPEONFORK);
	madvise(p + 2 * PAGE, PAGE, MADV_DONTFORK);
	if (fork() == 0)
		_exit(p[0] * 10 + p[PAGE] + (touch(p + 2 * PAGE) == 111));
	wait(&status);
	printf("fork %d\n", WEXITSTATUS(status));
}

static void names(void)
{
	char *p = map(5, PROT_READ | PROT_WRITE, MAP_PRIVATE), line[256];
	FILE *f;

	if (prctl(0x53564d41, 0, p + PAGE, 2 * PAGE, "a name")) { /* a kernel without CONFIG_ANON_VMA_NAME */
		printf("named 1\n");
		return;
	}
	f = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof line, f))
		if (strstr(line, "[anon:a name]"))
			printf("named %d\n", strtoul(line, NULL, 16) == (uintptr_t)p + PAGE);
	fclose(f);
}

static void limits(void)
{
	struct rlimit old, l;

	getrlimit(RLIMIT_AS, &old);
	l = old;
	l.rlim_cur = 1 << 30;
	setrlimit(RLIMIT_AS, &l);
	printf("as %d\n", E(map(1 << 20, PROT_READ, MAP_PRIVATE)));
	setrlimit(RLIMIT_AS, &old);
	getrlimit(RLIMIT_DATA, &old);
	l = old;
	l.rlim_cur = 1 << 29;
	setrlimit(RLIMIT_DATA, &l);
	printf("data %d, reading %d\n", E(map(1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE)), E(map(1 << 18, PROT_READ, MAP_PRIVATE)));
	setrlimit(RLIMIT_DATA, &old);
	printf("huge %d\n", E(mmap(NULL, 1 << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0)));
}

/* Grows on a fault, but not into what lies close below. */
static void stacks(void)
{
	char *room = map(1024, PROT_NONE, MAP_PRIVATE), *p;

	munmap(room, 1024 * PAGE);
	p = mmap(room + 1000 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	printf("growsdown %d", p == room + 1000 * PAGE);
	printf(" %d", touch(p - PAGE));
	printf(" %d", touch(p - 40 * PAGE));
	printf(" protect down %d\n", E(mprotect(p + 2 * PAGE, PAGE, PROT_READ | PROT_GROWSDOWN)));
	munmap(p - 40 * PAGE, 44 * PAGE);
}

static sigjmp_buf cut_back;
static int cut_sig;

static void on_cut(int sig)
{
	cut_sig = sig;
	siglongjmp(cut_back, 1);
}

/* The byte, or minus the signal that looking at it makes. */
static int look(volatile char *p)
{
	if (sigsetjmp(cut_back, 1))
		return -cut_sig;
	return *p;
}

/* A file that is made shorter and longer again: what was mapped of it. */
static void cuts(int hole)
{
	int fd = memfd_create("cut", 0);
	char *priv, *shared, *text = malloc(4 * PAGE);

	memset(text, 'f', 4 * PAGE);
	if (hole)
		ftruncate(fd, 4 * PAGE);
	else
		write(fd, text, 4 * PAGE);
	signal(SIGBUS, on_cut);
	signal(SIGSEGV, on_cut);
	priv = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(priv, 'p', 3 * PAGE);
	shared[2 * PAGE] = 's';
	ftruncate(fd, PAGE + 100);
	printf("cut: shared %d %d %d", look(shared), look(shared + PAGE), look(shared + 2 * PAGE));
	printf(" private %d %d\n", look(priv), look(priv + PAGE + 200));
	printf("read into it: %d\n", E(pread(fd, shared + 2 * PAGE, 10, 0)));
	ftruncate(fd, 4 * PAGE);
	printf("longer: shared %d %d", look(shared + 2 * PAGE), look(shared + 3 * PAGE));
	printf(" private %d %d %d\n", look(priv + PAGE), look(priv + 2 * PAGE), look(priv + 3 * PAGE));
	priv[2 * PAGE] = 'q';
	shared[2 * PAGE] = 't';
	printf("written: %d %d\n", look(priv + 2 * PAGE), look(shared + 2 * PAGE));
	munmap(priv, 4 * PAGE);
	munmap(shared, 4 * PAGE);
	close(fd);
	free(text);
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
}

static void many(void)
{
	char *p = map(4000, PROT_READ, MAP_PRIVATE);
	int bad = 0;

	for (int i = 0; i < 4000; i += 2)
		bad += mprotect(p + i * PAGE, PAGE, PROT_READ | PROT_WRITE) != 0;
	for (int i = 0; i < 4000; i += 2)
		p[i * PAGE] = 1;
	if (fork() == 0) {
		for (int i = 0; i < 4000; i += 2)
			bad += p[i * PAGE] != 1;
		_exit(bad != 0);
	}
	wait(&bad);
	printf("many %d %d\n", bad, E(munmap(p, 4000 * PAGE)));
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	setvbuf(stdout, NULL, _IONBF, 0);
	sigaction(SIGSEGV, &a, NULL);
	sigaction(SIGBUS, &a, NULL);
	residency();
	moving();
	protections();
	locking();
	forks();
	names();
	limits();
	stacks();
	cuts(0);
	cuts(1);
	many();
	return 0;
}
