/* SPDX-License-Identifier: MIT */
/* Threads: start and end, exit codes, suspension, identities, priorities. */
/* wine: a thread that has ended gets the exit code of a later TerminateThread; Windows keeps the first. */
#include "t.h"

HRESULT WINAPI SetThreadDescription(HANDLE thread, PCWSTR text);
HRESULT WINAPI GetThreadDescription(HANDLE thread, PWSTR *text);

static volatile LONG count, ran;

static DWORD WINAPI adds(void *arg)
{
	for (int i = 0; i < 10000; i++)
		InterlockedAdd(&count, (LONG)(intptr_t)arg);
	return (DWORD)(intptr_t)arg;
}

static DWORD WINAPI runs(void *arg)
{
	(void)arg;
	InterlockedIncrement(&ran);
	ExitThread(0x12345678);
}

static DWORD WINAPI waits(void *arg)
{
	WaitForSingleObject(arg, INFINITE);
	return 5;
}

static void many(void)
{
	HANDLE t[8];
	DWORD code, sum = 0;

	for (int i = 0; i < 8; i++)
		t[i] = CreateThread(0, 0, adds, (void *)(intptr_t)(i + 1), 0, 0);
	WAITS(WaitForMultipleObjects(8, t, TRUE, 60000));
	for (int i = 0; i < 8; i++) {
		GetExitCodeThread(t[i], &code);
		sum += code;
		CloseHandle(t[i]);
	}
	printf("count %ld, exit codes %lu\n", count, sum);
}

static void suspended(void)
{
	DWORD id, code;
	HANDLE t = CreateThread(0, 0, runs, 0, CREATE_SUSPENDED, &id);

	WAITS(WaitForSingleObject(t, 50));
	NUM(ran);
	GetExitCodeThread(t, &code);
	NUM(code);
	NUM(SuspendThread(t));
	NUM(ResumeThread(t));
	WAITS(WaitForSingleObject(t, 50));
	NUM(ResumeThread(t));
	WAITS(WaitForSingleObject(t, 60000));
	NUM(ran);
	GetExitCodeThread(t, &code);
	HEX(code);
	NUM(GetThreadId(t) == id);
	NUM(GetProcessIdOfThread(t) == GetCurrentProcessId());
	NUM((LONG)ResumeThread(t));
	CloseHandle(t);
}

static void killed(void)
{
	HANDLE event = CreateEventA(0, TRUE, FALSE, 0), t = CreateThread(0, 0, waits, event, 0, 0), weak;
	DWORD code;

	Sleep(20);
	WAITS(WaitForSingleObject(t, 0));
	OK(TerminateThread(t, 77));
	WAITS(WaitForSingleObject(t, 60000));
	GetExitCodeThread(t, &code);
	NUM(code);
	TerminateThread(t, 78);
	GetExitCodeThread(t, &code);
	NUM(code);
	CloseHandle(t);
	t = CreateThread(0, 0, waits, event, 0, 0);
	weak = OpenThread(SYNCHRONIZE, FALSE, GetThreadId(t));
	OK(weak != 0);
	OK(TerminateThread(weak, 1));
	WAITS(WaitForSingleObject(weak, 0));
	SetEvent(event);
	WAITS(WaitForSingleObject(weak, 60000));
	CloseHandle(weak);
	CloseHandle(t);
	OK(OpenThread(SYNCHRONIZE, FALSE, 0) != 0);
	CloseHandle(event);
}

static void self(void)
{
	HANDLE real = 0;
	FILETIME made, ended, kernel, user;

	OK(DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(), &real, 0, FALSE, DUPLICATE_SAME_ACCESS));
	NUM(GetThreadId(real) == GetCurrentThreadId());
	NUM((intptr_t)GetCurrentThread());
	NUM((intptr_t)GetCurrentProcess());
	NUM(GetThreadPriority(real));
	OK(SetThreadPriority(real, THREAD_PRIORITY_ABOVE_NORMAL));
	NUM(GetThreadPriority(real));
	OK(SetThreadPriority(real, 99));
	OK(SetThreadPriority(real, THREAD_PRIORITY_NORMAL));
	OK(GetThreadTimes(real, &made, &ended, &kernel, &user));
	NUM(made.dwHighDateTime != 0);
	WAITS(WaitForSingleObject(real, 0));
	CloseHandle(real);
	OK(SetThreadDescription(GetCurrentThread(), L"first one") >= 0);
	PWSTR name = 0;
	OK(GetThreadDescription(GetCurrentThread(), &name) >= 0);
	printf("%ls\n", name ? name : L"none");
}

static DWORD WINAPI big_stack(void *arg)
{
	volatile char block[700000];
	ULONG_PTR low, high;

	block[0] = 1;
	GetCurrentThreadStackLimits(&low, &high);
	*(int *)arg = high - low >= 3 << 20 && (ULONG_PTR)block > low && (ULONG_PTR)block < high;
	return block[0];
}

int main(void)
{
	int good = 0;
	HANDLE t;

	t_start();
	many();
	suspended();
	killed();
	self();
	t = CreateThread(0, 3 << 20, big_stack, &good, STACK_SIZE_PARAM_IS_A_RESERVATION, 0);
	WAITS(WaitForSingleObject(t, 60000));
	NUM(good);
	return 0;
}
