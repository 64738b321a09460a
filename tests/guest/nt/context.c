/* SPDX-License-Identifier: MIT */
/* Another thread's registers: read and changed while it is suspended, in its code and in a wait; floating point; debug registers. */
#include "t.h"

static volatile LONG stage, turn;
static HANDLE event;
static volatile double result;

static __attribute__((noinline)) void spins(void) { while (!turn) stage = 1; }
static __attribute__((noreturn)) void lands(void) { stage = 77; ExitThread(66); }

static DWORD WINAPI busy(void *arg)
{
	register long long mark __asm__("rbx") = 0x1122334455667788;
	double d = 2.5;

	__asm__ volatile("" : "+r"(mark));
	for (; !turn;) {
		stage = 1;
		__asm__ volatile("" : "+r"(mark), "+x"(d));
	}
	result = d;
	return (DWORD)(mark & 0xffff);
}

static DWORD WINAPI waiting(void *arg)
{
	return WaitForSingleObject(event, INFINITE) + 5;
}

int main(void)
{
	CONTEXT c;
	HANDLE t;
	DWORD code;

	t_start();
	event = CreateEventA(0, FALSE, FALSE, 0);
	t = CreateThread(0, 0, busy, 0, 0, 0);
	while (!stage)
		Sleep(1);
	NUM(SuspendThread(t));
	c.ContextFlags = CONTEXT_ALL;
	OK(GetThreadContext(t, &c));
	HEX(c.Rbx);
	NUM(c.Rip - (DWORD64)busy < 200);
	c.Rbx = 0x4242;
	OK(SetThreadContext(t, &c));
	ResumeThread(t);
	turn = 1;
	WAITS(WaitForSingleObject(t, 60000));
	GetExitCodeThread(t, &code);
	HEX(code);
	printf("%.1f\n", result);
	turn = stage = 0;
	t = CreateThread(0, 0, (void *)spins, 0, 0, 0);
	while (!stage)
		Sleep(1);
	SuspendThread(t);
	c.ContextFlags = CONTEXT_CONTROL;
	GetThreadContext(t, &c);
	c.Rip = (DWORD64)lands;
	c.Rsp = (c.Rsp & ~15ull) - 8;
	OK(SetThreadContext(t, &c));
	ResumeThread(t);
	WAITS(WaitForSingleObject(t, 60000));
	GetExitCodeThread(t, &code);
	printf("stage %ld, code %lu\n", stage, code);

	t = CreateThread(0, 0, waiting, 0, 0, 0);
	Sleep(30);
	NUM(SuspendThread(t));
	c.ContextFlags = CONTEXT_FULL;
	OK(GetThreadContext(t, &c));
	ULONG_PTR low = 0, high = 0;
	GetCurrentThreadStackLimits(&low, &high);
	NUM(c.Rsp != 0 && (c.Rsp < low || c.Rsp > high) && c.Rip != 0);
	SetEvent(event);
	WAITS(WaitForSingleObject(t, 50));
	ResumeThread(t);
	WAITS(WaitForSingleObject(t, 60000));
	GetExitCodeThread(t, &code);
	NUM(code);

	t = CreateThread(0, 0, waiting, (void *)0x99, CREATE_SUSPENDED, 0);
	c.ContextFlags = CONTEXT_FULL;
	OK(GetThreadContext(t, &c));
	NUM(c.Rcx == (DWORD64)waiting);
	NUM(c.Rdx == 0x99);
	TerminateThread(t, 3);
	WAITS(WaitForSingleObject(t, 60000));

	RtlCaptureContext(&c);
	NUM(c.Rip - (DWORD64)main < 4096);
	static volatile int round;
	if (round++ < 3)
		RtlRestoreContext(&c, 0);
	NUM(round);
	return 0;
}
