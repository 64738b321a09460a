/* SPDX-License-Identifier: MIT */
/* Debug registers: breakpoints on instructions and on data, of the own thread and of another; and the two errors of divisions. */
/* wine: every failing division is one by zero; Windows tells overflows. */
#include "t.h"

static volatile int steps, hits, watched, spared;
static volatile LONG go;
static DWORD64 where;

__attribute__((noinline)) static int target(int a)
{
	__asm__ volatile("nop");
	return a + 1;
}

static LONG CALLBACK handler(EXCEPTION_POINTERS *e)
{
	CONTEXT *c = e->ContextRecord;

	switch (e->ExceptionRecord->ExceptionCode) {
	case EXCEPTION_SINGLE_STEP:
		if (c->Dr6 & 1) {
			hits++;
			where = c->Rip;
			c->EFlags |= 0x10000; /* on, past it */
		}
		if (c->Dr6 & 2)
			watched++;
		if (c->Dr6 & 0x4000)
			steps++;
		c->Dr6 = 0;
		return EXCEPTION_CONTINUE_EXECUTION;
	case EXCEPTION_INT_DIVIDE_BY_ZERO:
	case EXCEPTION_INT_OVERFLOW:
		printf("%s\n", e->ExceptionRecord->ExceptionCode == EXCEPTION_INT_OVERFLOW ? "overflow" : "by zero");
		c->Rip = c->R8;
		return EXCEPTION_CONTINUE_EXECUTION;
	}
	return EXCEPTION_CONTINUE_SEARCH;
}

static void set(HANDLE thread, void *code, volatile void *data)
{
	CONTEXT c = { .ContextFlags = CONTEXT_DEBUG_REGISTERS };

	c.Dr0 = (DWORD64)code;
	c.Dr1 = (DWORD64)data;
	c.Dr7 = (code ? 1 : 0) | (data ? 4 | 1 << 20 | 3 << 22 : 0); /* four bytes, written */
	OK(SetThreadContext(thread, &c));
}

static DWORD WINAPI other(void *arg)
{
	while (!go)
		Sleep(1);
	return target(10) + target(20);
}

/* With flags pushed and popped on the way, as compilers' intrinsics do. */
static DWORD64 flags(void)
{
	DWORD64 f;

	__asm__ volatile("pushfq; popq %0; pushq %0; popfq" : "=r"(f) : : "cc");
	return f;
}

#define DIVIDE(text, ...) __asm__ volatile("leaq 1f(%%rip), %%r8; " text "; 1:" : : __VA_ARGS__ : "rax", "rdx", "r8", "r9", "memory", "cc")

static void divisions(void)
{
	volatile int minus = -1, zero = 0;
	volatile signed char small = -1;
	long long large[4] = { 0, 0, -1, 0 };

	DIVIDE("movl $0x80000000, %%eax; cltd; idivl %%ecx", "c"(-1));
	DIVIDE("movl $1, %%eax; cltd; idivl %%ecx", "c"(0));
	DIVIDE("movl $0x80000000, %%eax; cltd; idivl (%%rcx)", "c"(&minus));
	DIVIDE("movl $5, %%eax; cltd; idivl (%%rcx)", "c"(&zero));
	DIVIDE("movw $0x8000, %%ax; idivb (%%rcx)", "c"(&small));
	DIVIDE("movl $-5, %%edx; movl $5, %%eax; divl %%ecx", "c"(7));
	DIVIDE("movl $1, %%edx; movabsq $0x8000000000000000, %%rax; movl $1, %%r9d; cqto; idivq 8(%%rcx,%%r9,8)", "c"(large));
}

int main(void)
{
	DWORD64 seen;
	DWORD code;
	HANDLE t;

	t_start();
	AddVectoredExceptionHandler(1, handler);
	set(GetCurrentThread(), target, &spared);
	NUM(target(1) + target(2));
	NUM(hits);
	NUM(where == (DWORD64)target);
	spared = 7;
	seen = flags();
	spared = 8;
	NUM(watched);
	HEX(seen & 0x100);
	set(GetCurrentThread(), 0, 0);
	target(3);
	spared = 9;
	NUM(hits);
	NUM(watched);
	NUM(steps);

	hits = 0;
	t = CreateThread(0, 0, other, 0, CREATE_SUSPENDED, 0);
	set(t, target, 0);
	ResumeThread(t);
	go = 1;
	NUM(target(4));
	WAITS(WaitForSingleObject(t, 60000));
	GetExitCodeThread(t, &code);
	printf("%lu, hits %d\n", code, hits);
	divisions();
	return 0;
}
