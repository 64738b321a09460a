/* SPDX-License-Identifier: MIT */
/* What a signal handler gets and what comes back after it: vector and x87 registers, control words,
   flags, all general registers, frames that cannot be loaded, and unwinding through a frame. */
/* libs: -lm */
#include <execinfo.h>
#include <fenv.h>
#include <immintrin.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int rounding, seen, frames;
static volatile unsigned mxcsr;
static volatile double in_handler;
static volatile long flag;

static void on_fp(int sig)
{
	volatile long double x = 1.0L;

	rounding = fegetround();
	mxcsr = _mm_getcsr();
	for (int i = 0; i < 10; i++)
		x = x / 3.0L + 1.0L; /* uses the x87 stack */
	in_handler = (double)x;
	fesetround(FE_DOWNWARD);
	(void)sig;
	seen++;
}

__attribute__((target("avx"))) static int avx_survives(void)
{
	uint64_t in[4] = { 1, 2, 3, 0x123456789abcdef0 }, out[4];

	__asm__ volatile("vmovdqu %0, %%ymm5" : : "m"(in) : "xmm5");
	kill(getpid(), SIGUSR1);
	__asm__ volatile("vmovdqu %%ymm5, %0" : "=m"(out));
	return memcmp(in, out, sizeof in) == 0;
}

static void floating(void)
{
	long double kept[3];

	fesetround(FE_UPWARD);
	__asm__ volatile("fldpi; fldl2e; fldln2" ::: "memory");
	kill(getpid(), SIGUSR1);
	__asm__ volatile("fstpt %0; fstpt %1; fstpt %2" : "=m"(kept[0]), "=m"(kept[1]), "=m"(kept[2]));
	printf("x87 stack %.15Lg %.15Lg %.15Lg\n", kept[0], kept[1], kept[2]);
	printf("rounding upward %d, in the handler nearest %d, mxcsr %x, value %.12g\n", fegetround() == FE_UPWARD,
		rounding == FE_TONEAREST, mxcsr & ~0x3fu, in_handler);
	fesetround(FE_TONEAREST);
	if (__builtin_cpu_supports("avx"))
		printf("ymm survives %d\n", avx_survives());
}

static void on_flag(int sig)
{
	(void)sig;
	flag = 1;
}

/* A loop without a call, whose flags and registers a signal must not touch. */
static void interrupted(void)
{
	struct itimerval tick = { .it_value = { 0, 20000 } };
	uint64_t r11, rdx, carry, old;

	for (int i = 0; i < 5; i++) {
		flag = 0;
		setitimer(ITIMER_REAL, &tick, NULL);
		__asm__ volatile("movq $0x1111, %%r11; movq $0x2222, %%rdx; stc\n"
				 "1: movq %4, %%rcx; jrcxz 1b\n"
				 "sbbq %%rax, %%rax; movq %%r11, %0; movq %%rdx, %1; movq %%rax, %2; movq %%rcx, %3"
				 : "=m"(r11), "=m"(rdx), "=m"(carry), "=m"(old)
				 : "m"(flag)
				 : "rax", "rcx", "rdx", "r11", "cc");
		if (r11 != 0x1111 || rdx != 0x2222 || carry != ~0ull || old != 1)
			printf("changed: r11 %lx rdx %lx carry %lx rcx %lx\n", (long)r11, (long)rdx, (long)carry, (long)old);
	}
	printf("interrupted loop done\n");
}

static void on_change(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint32_t *xmm = (void *)&uc->uc_mcontext.fpregs->_xmm[7];

	(void)sig, (void)info;
	uc->uc_mcontext.gregs[REG_RBX] = 77;
	uc->uc_mcontext.gregs[REG_R15] = 99;
	xmm[0] = 4242;
}

static void changed_by_handler(void)
{
	uint64_t rbx, r15, xmm;
	int pid = getpid();

	/* kill(pid, SIGUSR2) by hand, so that nothing lies between it and the look. */
	__asm__ volatile("pxor %%xmm7, %%xmm7; movl $62, %%eax; movl %3, %%edi; movl $12, %%esi; syscall\n"
			 "movq %%rbx, %0; movq %%r15, %1; movq %%xmm7, %2"
			 : "=m"(rbx), "=m"(r15), "=m"(xmm)
			 : "r"(pid)
			 : "rax", "rbx", "rcx", "rdi", "rsi", "r11", "r15", "xmm7", "memory");
	printf("changed by the handler: %lu %lu %lu\n", (long)rbx, (long)r15, (long)xmm);
}

static int bad_kind;
static char area[8192] __attribute__((aligned(64)));

static void on_bad(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char *fp = (char *)uc->uc_mcontext.fpregs;

	(void)sig, (void)info;
	if (bad_kind == 0)
		uc->uc_mcontext.fpregs = (void *)0x10;
	else if (bad_kind == 1)
		memset(fp + 24, 0xff, 4); /* mxcsr: reserved bits */
	else if (bad_kind == 2)
		memset(fp + 512 + 16, 0xff, 8); /* header: reserved */
	else if (bad_kind == 3)
		uc->uc_mcontext.fpregs = memcpy(area + 8, fp, 4096 - 512);
	else
		uc->uc_mcontext.gregs[REG_RIP] = 0x123456789abcdef0;
}

static void bad_frames(void)
{
	struct sigaction sa = { .sa_sigaction = on_bad, .sa_flags = SA_SIGINFO };
	int status;

	for (bad_kind = 0; bad_kind < 5; bad_kind++) {
		if (fork() == 0) {
			sigaction(SIGUSR1, &sa, NULL);
			raise(SIGUSR1);
			_exit(3);
		}
		wait(&status);
		printf("bad frame %d: signal %d exit %d\n", bad_kind, WTERMSIG(status), WEXITSTATUS(status));
	}
}

static void on_trace(int sig)
{
	void *at[64];

	(void)sig;
	frames = backtrace(at, 64);
}

__attribute__((noinline)) static int deep(int n)
{
	int got = n ? deep(n - 1) : raise(SIGTRAP);

	return got + (seen & 0);
}

int main(void)
{
	struct sigaction change = { .sa_sigaction = on_change, .sa_flags = SA_SIGINFO };
	int shallow;

	signal(SIGUSR1, on_fp);
	for (int i = 0; i < 20; i++)
		kill(getpid(), SIGUSR1); /* until the call sites are changed */
	floating();
	signal(SIGALRM, on_flag);
	interrupted();
	sigaction(SIGUSR2, &change, NULL);
	for (int i = 0; i < 8; i++)
		changed_by_handler();
	bad_frames();
	signal(SIGTRAP, on_trace);
	deep(0);
	shallow = frames;
	deep(10);
	printf("unwound through the handler's frame: %d more\n", frames - shallow);
	return 0;
}
