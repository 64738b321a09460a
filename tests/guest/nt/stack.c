/* SPDX-License-Identifier: MIT */
/* wine: a handler of a stack overflow is given less room than SetThreadStackGuarantee asks for, and the thread dies. */
/* Stacks grow by their guard page, up to an overflow that a handler can leave; the page can be set up again. */
#include "t.h"
#include <malloc.h>
#include <setjmp.h>

static jmp_buf out;
static volatile int sink, depth;

static LONG WINAPI leaves(EXCEPTION_POINTERS *p)
{
	if (p->ExceptionRecord->ExceptionCode != EXCEPTION_STACK_OVERFLOW)
		return EXCEPTION_CONTINUE_SEARCH;
	p->ContextRecord->Rip = (DWORD64)(void *)longjmp;
	p->ContextRecord->Rcx = (DWORD64)out;
	p->ContextRecord->Rdx = 2;
	((_JUMP_BUFFER *)out)->Frame = 0;
	return EXCEPTION_CONTINUE_EXECUTION;
}

#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int overflow(void)
{
	volatile char block[3000];

	block[0] = 1;
	depth++;
	sink = overflow() + block[0];
	return sink;
}

static ULONG_PTR committed(void)
{
	NT_TIB *tib = (NT_TIB *)NtCurrentTeb();

	return (ULONG_PTR)tib->StackBase - (ULONG_PTR)tib->StackLimit;
}

static int grows(int n)
{
	volatile char block[4096 - 200];

	block[0] = n;
	return n ? grows(n - 1) + block[0] : committed() >= 40 * 4096;
}

static __attribute__((noinline)) int jumps(void)
{
	volatile char block[300000];	/* more than a page at once: the compiler probes each */

	block[0] = 1;
	block[299999] = 2;
	return block[0] + block[299999] == 3 && committed() >= 300000;
}

static DWORD WINAPI thread(void *arg)
{
	ULONG room = 65536;

	printf("page by page: %d\n", grows(40) > 0);
	printf("many pages: %d\n", jumps());
	OK(SetThreadStackGuarantee(&room));
	for (int i = 0; i < 3; i++) {
		depth = 0;
		if (__builtin_expect(!setjmp(out), 1))
			overflow();
		printf("overflow, deep enough: %d, set up again: %d\n", depth > 200, _resetstkoflw() != 0);
	}
	return 5;
}

int main(void)
{
	HANDLE t;
	DWORD code;

	t_start();
	AddVectoredExceptionHandler(TRUE, leaves);
	t = CreateThread(0, 1 << 20, thread, 0, STACK_SIZE_PARAM_IS_A_RESERVATION, 0);
	WAITS(WaitForSingleObject(t, 60000));
	GetExitCodeThread(t, &code);
	NUM(code);
	thread(0);
	return 0;
}
