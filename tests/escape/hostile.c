/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/hostile.c - a guest that attacks: first of two files, the attempts on
 * the host's system calls.
 *
 *	hostile numbers HOW	every number 0..1023 with several sets of arguments; HOW is
 *				syscall, jit, int80 or x32
 *	hostile pal ADDR	lines "NR A0..A5 K|A" from standard input, each made through
 *				pal's own instruction (host_call at ADDR) in a process of its
 *				own; K = must end that process, A = anything may happen to it
 *	hostile replace ADDR	maps own code into pal's range first, then the same
 *	hostile modes		system calls from compatibility mode, sysenter, vsyscall
 *
 * The last line is "done" and what was counted; "BAD" begins each line about something
 * that must not happen.  Natively it would be a nuisance: it is for sandboxes only.
 */
#include "hostile.h"

struct shared_page *page;

static void nap(long ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	nanosleep(&t, NULL);
}

long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for a child; one that makes no progress for ms is killed.  -1: it was. */
int wait_child(pid_t pid, long ms)
{
	long since = now_ms();
	int status, last = page->progress;
	unsigned spins = 0;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return status;
		if (got < 0)
			return -2;
		if (page->progress != last) {
			last = page->progress;
			since = now_ms();
		}
		if (now_ms() - since > ms) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		if (spins++ > 50)
			nap(spins > 200 ? 2000000 : 100000);
		else
			sched_yield();
	}
}

/* ---- every number ---- */

#define RAW(insn) \
	({ \
		long r_ = (nr); \
		register uint64_t r10_ __asm__("r10") = a[3], r8_ __asm__("r8") = a[4], r9_ __asm__("r9") = a[5]; \
		__asm__ volatile(insn : "+a"(r_), "+r"(r10_), "+r"(r8_), "+r"(r9_) : "D"(a[0]), "S"(a[1]), "d"(a[2]) : "rcx", "r11", "memory"); \
		r_; \
	})

static long by_syscall(long nr, const uint64_t *a)
{
	return RAW("syscall\n\ttest %%rax, %%rax");
}

static long by_int80(long nr, const uint64_t *a)
{
	long r = nr;

	__asm__ volatile("push %%rbx; push %%rbp; mov %1, %%rbx; mov $1, %%ebp; int $0x80; pop %%rbp; pop %%rbx"
			 : "+a"(r) : "r"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4]) : "r8", "r9", "r10", "r11", "memory");
	return r;
}

static long by_x32(long nr, const uint64_t *a)
{
	nr |= 0x40000000;
	return RAW("syscall");
}

/* Code made at run time: mov rax,rdi; mov rdi,[rsi].. ; syscall; ret */
static long (*jit_code)(long nr, const uint64_t *a);

static void make_jit(void)
{
	static const unsigned char code[] = {
		0x48, 0x89, 0xf8,             /* mov %rdi,%rax */
		0x48, 0x8b, 0x3e,             /* mov (%rsi),%rdi */
		0x48, 0x8b, 0x56, 0x10,       /* mov 16(%rsi),%rdx */
		0x4c, 0x8b, 0x56, 0x18,       /* mov 24(%rsi),%r10 */
		0x4c, 0x8b, 0x46, 0x20,       /* mov 32(%rsi),%r8 */
		0x4c, 0x8b, 0x4e, 0x28,       /* mov 40(%rsi),%r9 */
		0x48, 0x8b, 0x76, 0x08,       /* mov 8(%rsi),%rsi */
		0x0f, 0x05, 0xc3,             /* syscall; ret */
	};
	unsigned char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		printf("BAD no W+X memory\n");
		exit(1);
	}
	memcpy(p, code, sizeof code);
	jit_code = (long (*)(long, const uint64_t *))(void *)p;
}

static long by_jit(long nr, const uint64_t *a)
{
	return jit_code(nr, a);
}

static void fill_args(unsigned set, uint64_t *a)
{
	static char buffer[8192] __attribute__((aligned(4096)));

	for (unsigned i = 0; i < 6; i++) {
		switch (set) {
		case 0: a[i] = 0; break;
		case 1: a[i] = ~0ull; break;
		case 2: a[i] = (uint64_t)buffer; break;
		case 3: a[i] = 1; break;
		case 4: a[i] = i & 1 ? 4096 : 0x684000000000; break; /* the arena */
		default: a[i] = i & 1 ? 1 << 20 : 0x680000000000; break; /* pal */
		}
	}
	strcpy(buffer, "/etc/passwd");
}

#define ARG_SETS 6u
#define NUMBERS  1024u

/* Calls that would end or suspend the attacker himself: tried by the `pal` way only, or left out here. */
static int harmless_to_skip(unsigned nr)
{
	return nr == SYS_exit || nr == SYS_exit_group || nr == SYS_pause || nr == SYS_rt_sigsuspend || nr == SYS_rt_sigreturn;
}

static void attack_from(unsigned start, unsigned end, long (*call)(long, const uint64_t *), int foreign)
{
	uint64_t a[6];

	for (unsigned i = start; i < end; i++) {
		unsigned nr = i / ARG_SETS;
		long r;

		page->progress = (int)i;
		fill_args(i % ARG_SETS, a);
		if (!foreign && harmless_to_skip(nr))
			continue;
		r = call(nr, a);
		if (!foreign && r == 0 && (nr == SYS_fork || nr == SYS_vfork || nr == SYS_clone))
			syscall(SYS_exit_group, 0); /* the copy */
		if (foreign && r != -ENOSYS && page->wrong++ < 20)
			printf("BAD number %u args %u: %ld instead of ENOSYS\n", nr, i % ARG_SETS, r), fflush(stdout);
		page->returned++;
	}
	page->progress = (int)end;
	_exit(0);
}

static int numbers(const char *how)
{
	int foreign = !strcmp(how, "int80") || !strcmp(how, "x32");
	long (*call)(long, const uint64_t *) = !strcmp(how, "syscall") ? by_syscall : !strcmp(how, "jit") ? by_jit : !strcmp(how, "int80") ? by_int80 : by_x32;
	unsigned next = 0, end = NUMBERS * ARG_SETS, died = 0, stuck = 0;

	make_jit();
	while (next < end) {
		pid_t pid;
		int status;

		page->progress = (int)next;
		fflush(stdout);
		pid = fork();
		if (pid < 0) {
			bad("fork at %u: %s", next, strerror(errno));
			return 1;
		}
		if (pid == 0)
			attack_from(next, end, call, foreign);
		status = wait_child(pid, foreign ? PATIENCE_MS : 250);
		if (page->progress >= (int)end)
			break;
		stuck += status == -1;
		died += status > 0;
		if (foreign)
			bad("number %u args %u: status %x", (unsigned)page->progress / ARG_SETS, (unsigned)page->progress % ARG_SETS, status);
		next = (unsigned)page->progress + 1;
	}
	printf("done %s: %d returned, %u ended the process, %u waited\n", how, page->returned, died, stuck);
	return 0;
}

/* ---- through pal's instruction ---- */

host_fn *host_call;

static void one_attempt(long nr, const uint64_t *a)
{
	long r;

	page->entered = 1;
	r = host_call(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	page->result = r;
	page->came_back = 1;
	host_call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static int through_pal(void)
{
	unsigned n = 0, killed = 0, back = 0, stuck = 0;
	char line[400], expect;
	long nr;
	uint64_t a[6];

	while (fgets(line, sizeof line, stdin)) {
		pid_t pid;
		int status;

		if (sscanf(line, "%ld %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %c", &nr, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &expect) != 8) {
			bad("line %s", line);
			return 1;
		}
		page->entered = page->came_back = 0;
		pid = fork();
		if (pid < 0) {
			bad("fork: %s after %u attempts", strerror(errno), n);
			return 1;
		}
		if (pid == 0)
			one_attempt(nr, a);
		/* On a busy machine it takes a while until the child runs; what may block for ever is waited for only then. */
		for (unsigned i = 0; expect == 'A' && !page->entered && i < 3000; i++)
			nap(i < 20 ? 100000 : 1000000);
		status = wait_child(pid, expect == 'K' ? PATIENCE_MS : 150);
		n++;
		if (!page->entered && expect == 'K') /* the others may have hurt the sandbox by then */
			bad("attempt %ld was not made: status %x", nr, status);
		back += page->came_back;
		stuck += status == -1;
		killed += status > 0 && WIFSIGNALED(status);
		if (expect == 'K' && (page->came_back || status == -1))
			bad("call %ld(%" PRIx64 ", %" PRIx64 ", %" PRIx64 ", %" PRIx64 ", %" PRIx64 ", %" PRIx64 ") %s: result %ld", nr, a[0], a[1], a[2], a[3], a[4],
			    a[5], page->came_back ? "was let through" : "did not end", page->came_back ? page->result : 0);
	}
	printf("done pal: %u attempts, %u killed, %u came back, %u waited\n", n, killed, back, stuck);
	return 0;
}

/* Own code in pal's place: the filter must not care whose bytes lie there. */
static int replace_pal(void)
{
	static const unsigned char foreign[] = { 0x53, 0x89, 0xf8, 0x89, 0xf3, 0x89, 0xd1, 0xcd, 0x80, 0x5b, 0xc3 }; /* int 0x80 */
	static const unsigned char code[] = { 0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2,
		0x4d, 0x89, 0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3 };
	static const struct { long nr; uint64_t a0, a1, a2; } tries[] = {
		{ SYS_open, (uint64_t)"/etc/shadow", 0, 0 }, { SYS_openat, (uint64_t)-100, (uint64_t)"/", 0 }, { SYS_socket, 2, 1, 0 },
		{ SYS_execve, (uint64_t)"/bin/sh", 0, 0 }, { SYS_kill, 1, 9, 0 }, { SYS_ptrace, 16, 1, 0 }, { SYS_getpid, 0, 0, 0 },
		{ SYS_memfd_create, (uint64_t)"x", 0, 0 }, { SYS_prctl, 4, 1, 0 }, { SYS_getpid | 0x40000000, 0, 0, 0 },
		{ -20, 0, 0, 0 }, { -5, (uint64_t)"/etc/passwd", 0, 0 }, { -1, 3, 0, 0 } /* by int 0x80: getpid, open, exit */ };

	for (unsigned i = 0; i < sizeof tries / sizeof tries[0]; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			/* The last kilobytes of pal's megabyte: nothing is there, and the filter allows calls from it. */
			void *at = (void *)(0x680000000000 + 0x100000 - 8192);
			long r = host_call(SYS_mmap, (uint64_t)at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0);

			if (r != (long)at)
				_exit(7);
			if (tries[i].nr < 0)
				memcpy(at, foreign, sizeof foreign);
			else
				memcpy(at, code, sizeof code);
			page->came_back = 0;
			page->result = ((host_fn *)at)(labs(tries[i].nr), tries[i].a0, tries[i].a1, tries[i].a2, 0, 0, 0);
			page->came_back = 1;
			host_call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
		}
		status = wait_child(pid, PATIENCE_MS);
		if (status > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 7)
			bad("code could not be placed in pal's range");
		else if ((page->came_back && (tries[i].nr >= 0 || page->result >= 0)) || status == -1)
			bad("call %ld from own code in pal's range: %ld", tries[i].nr, page->result);
	}
	printf("done replace\n");
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t addr = argc > 2 ? strtoull(argv[2], NULL, 16) : 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	host_call = (host_fn *)addr;
	if (argc > 2 && !strcmp(argv[1], "numbers"))
		return numbers(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "pal"))
		return through_pal();
	if (argc > 2 && !strcmp(argv[1], "replace"))
		return replace_pal();
	if (argc > 1 && !strcmp(argv[1], "modes"))
		return modes();
	if (argc > 2)
		return attack_main(argc, argv);
	return 2;
}
