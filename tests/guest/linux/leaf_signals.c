/* SPDX-License-Identifier: MIT */
/* A thread that does nothing but ask who it is, and another that interrupts it: no signal is lost
   or late, and no answer is wrong. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int heard, stop, wrong, ready;
static int pid, ppid;

static void on_signal(int sig)
{
	(void)sig;
	heard++;
}

/* The number's register and the answer's are one: loops of both kinds of call site. */
static long ask(long nr)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr) : "rcx", "r11", "memory");
	return r;
}

/*
 * Calls with known values in the registers a call leaves alone and in the red zone, below rsp: not
 * 0 if one of them changed.  (The frame is left first, so that the compiler's own values are safe.)
 */
static long guarded(void)
{
	long changed;

	__asm__ volatile("leaq -512(%%rsp), %%rsp; pushq %%rbx; pushq %%rbp\n"
			 "movq $0x11, %%rbx; movq $0x22, %%rbp; movq $0x33, %%r12; movq $0x44, %%r13; movq $0x55, %%r14; movq $0x66, %%r15\n"
			 "movq $0x77, -8(%%rsp); movq $0x88, -16(%%rsp); movq $0x99, -64(%%rsp)\n"
			 "movl $20000, %%r8d\n"
			 "1: movl $110, %%eax; syscall; decl %%r8d; jnz 1b\n"
			 "xorl %%edx, %%edx\n"
			 "xorq $0x11, %%rbx; orq %%rbx, %%rdx; xorq $0x22, %%rbp; orq %%rbp, %%rdx; xorq $0x33, %%r12; orq %%r12, %%rdx\n"
			 "xorq $0x44, %%r13; orq %%r13, %%rdx; xorq $0x55, %%r14; orq %%r14, %%rdx; xorq $0x66, %%r15; orq %%r15, %%rdx\n"
			 "movq -8(%%rsp), %%rax; xorq $0x77, %%rax; orq %%rax, %%rdx; movq -16(%%rsp), %%rax; xorq $0x88, %%rax; orq %%rax, %%rdx\n"
			 "movq -64(%%rsp), %%rax; xorq $0x99, %%rax; orq %%rax, %%rdx\n"
			 "popq %%rbp; popq %%rbx; leaq 512(%%rsp), %%rsp"
			 : "=d"(changed)
			 :
			 : "rax", "rcx", "r8", "r11", "r12", "r13", "r14", "r15", "cc", "memory");
	return changed;
}

/*
 * A signal that comes just before an answer has the call made again, by the `syscall` before its return address:
 * calls of the vDSO that have none there.  (A kernel's own vDSO has no such jump.)
 */
static int without_syscall(void)
{
	static const char jump[] = { 0x65, (char)0xff, 0x24, 0x25, 24, 0, 0, 0 };
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	int found = 0;

	for (int i = 0; vdso != NULL && i < 4096 - (int)sizeof jump - 2; i++)
		found += memcmp(vdso + i, jump, sizeof jump) == 0 && memcmp(vdso + i + sizeof jump, "\x0f\x05", 2) != 0;
	return found;
}

static void *asker(void *arg)
{
	int tid = (int)syscall(SYS_gettid);

	(void)arg;
	ready = 1;
	while (!stop) {
		if (ask(SYS_getpid) != pid || syscall(SYS_getppid) != ppid || syscall(SYS_gettid) != tid || getpid() != pid || guarded())
			wrong++;
	}
	return NULL;
}

int main(void)
{
	struct timespec start, now;
	pthread_t t;
	int late = 0;

	pid = getpid();
	ppid = getppid();
	signal(SIGUSR1, on_signal);
	pthread_create(&t, NULL, asker, NULL);
	while (!ready)
		;
	for (int i = 0; i < 3000; i++) {
		int before = heard;

		pthread_kill(t, SIGUSR1);
		clock_gettime(CLOCK_MONOTONIC, &start);
		while (heard == before) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec - start.tv_sec > 5) {
				late++;
				break;
			}
		}
	}
	stop = 1;
	pthread_join(t, NULL);
	printf("late %d wrong %d heard %d, without syscall %d\n", late, wrong, heard, without_syscall());
	return 0;
}
