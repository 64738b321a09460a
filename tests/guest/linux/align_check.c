/* SPDX-License-Identifier: MIT */
/* A program that has its alignments checked (AC) makes system calls, is interrupted and faults: its kernel's accesses are no concern of it. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#define AC_SET	 "pushfq\n\torl $0x40000, (%%rsp)\n\tpopfq\n\t"
#define AC_CLEAR "pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq\n\t"

/* A call by its number with AC set from before it until behind it. */
static long checked_call(long nr, long a, long b, long c)
{
	__asm__ volatile(AC_SET "syscall\n\t" AC_CLEAR : "+a"(nr) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory", "cc");
	return nr;
}

static volatile long seen_flags;
static volatile int signals;

static void handle(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~0x40000ull); /* the kernel leaves it */
	seen_flags = u->uc_mcontext.gregs[REG_EFL] >> 18 & 1;
	signals = signals * 100 + sig;
	if (sig == SIGSEGV)
		u->uc_mcontext.gregs[REG_RIP] += 3; /* mov (%rax), %rbx */
	if (sig == SIGBUS)
		u->uc_mcontext.gregs[REG_EFL] &= ~0x40000;
	(void)info;
}

int main(void)
{
	static char room[64] __attribute__((aligned(16)));
	static const int all[] = { SIGSEGV, SIGBUS, SIGUSR1 };
	struct sigaction a = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };
	struct iovec *v = (void *)(room + 3);
	struct timespec *t = (void *)(room + 1);
	int p[2];

	for (unsigned i = 0; i < 3; i++)
		sigaction(all[i], &a, NULL);
	if (pipe(p) < 0)
		return 1;
	printf("getpid %d\n", checked_call(SYS_getpid, 0, 0, 0) == getpid());
	memcpy(v, &(struct iovec){ room + 33, 7 }, sizeof *v);
	memcpy(room + 33, "hello!\n", 7);
	printf("writev %ld\n", checked_call(SYS_writev, p[1], (long)v, 1));
	printf("read %ld\n", checked_call(SYS_read, p[0], (long)room + 41, 7));
	printf("%.7s", room + 41);
	memcpy(t, &(struct timespec){ 0, 1000 }, sizeof *t);
	printf("nanosleep %ld\n", checked_call(SYS_nanosleep, (long)t, 0, 0));
	printf("uname %ld\n", checked_call(SYS_uname, -8, 0, 0));
	printf("kill %ld", checked_call(SYS_kill, getpid(), SIGUSR1, 0));
	printf(", signals %d, AC %ld\n", signals, seen_flags);
	signals = 0;
	__asm__ volatile(AC_SET "xor %%eax, %%eax\n\tmov (%%rax), %%rbx\n\t" AC_CLEAR : : : "rax", "rbx", "memory", "cc");
	printf("null pointer: signals %d, AC %ld\n", signals, seen_flags);
	signals = 0;
	__asm__ volatile(AC_SET "lea 1(%0), %%rax\n\tmov (%%rax), %%rbx\n\t" AC_CLEAR : : "r"(room) : "rax", "rbx", "memory", "cc");
	printf("odd pointer: signals %d, AC %ld\n", signals, seen_flags);
	return 0;
}
