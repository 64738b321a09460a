/* SPDX-License-Identifier: MIT */
/* covers: a program that steps itself (the trap flag) through system calls, of all kinds of site, before and after they are changed */
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile unsigned steps;

static void on_trap(int sig)
{
	(void)sig;
	steps++;
}

/* getppid with the trap flag set, and its flags behind the call. */
static long by_mov(unsigned long *flags)
{
	long r;

	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tmov $110, %%eax\n\tsyscall\n\tpushfq\n\tpopq %1\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq"
		: "=a"(r), "=&r"(*flags) : : "rcx", "r11", "memory", "cc");
	return r;
}

static long by_register(unsigned long *flags)
{
	long r;

	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tsyscall\n\tpushfq\n\tpopq %1\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq"
		: "=a"(r), "=&r"(*flags) : "a"(SYS_getppid) : "rcx", "r11", "memory", "cc");
	return r;
}

int main(void)
{
	struct sigaction a = { .sa_handler = on_trap };
	unsigned long flags;
	int good = 1;

	sigaction(SIGTRAP, &a, NULL);
	for (int i = 0; i < 200; i++) {
		good &= by_mov(&flags) == getppid() && (flags & 0x100);
		good &= by_register(&flags) == getppid() && (flags & 0x100);
		good &= syscall(SYS_getppid) == getppid();
	}
	printf("%s, %s\n", good ? "all right" : "wrong", steps >= 200 * 2 * 5 ? "stepped" : "not stepped");
	return 0;
}
