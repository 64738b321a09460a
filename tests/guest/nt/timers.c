/* SPDX-License-Identifier: MIT */
/* Timers: waitable ones with and without a period, their procedures, timer queues, Sleep, the clocks. */
/* wine: a period below zero is taken. */
#include "t.h"

static volatile LONG fired;
static HANDLE event;

static void CALLBACK apc(void *arg, DWORD low, DWORD high) { printf("timer apc %s, time %d\n", (char *)arg, high != 0); }
static void CALLBACK queue(void *arg, BOOLEAN timed_out)
{
	if (InterlockedIncrement(&fired) == (LONG)(intptr_t)arg)
		SetEvent(event);
}

static LARGE_INTEGER ms(int n) { return (LARGE_INTEGER){ .QuadPart = -10000ll * n }; }

static void waitable(void)
{
	HANDLE t = CreateWaitableTimerA(0, FALSE, 0), m = CreateWaitableTimerA(0, TRUE, "bailey timer");
	LARGE_INTEGER due = ms(40);
	ULONGLONG start = GetTickCount64();

	WAITS(WaitForSingleObject(t, 0));
	OK(SetWaitableTimer(t, &due, 0, 0, 0, FALSE));
	WAITS(WaitForSingleObject(t, 5));
	WAITS(WaitForSingleObject(t, 60000));
	NUM(GetTickCount64() - start >= 30 && GetTickCount64() - start < 20000);
	WAITS(WaitForSingleObject(t, 60));
	OK(SetWaitableTimer(m, &due, 0, 0, 0, FALSE));
	WAITS(WaitForSingleObject(m, 60000));
	WAITS(WaitForSingleObject(m, 0));
	due = ms(10);
	OK(SetWaitableTimer(t, &due, 10, 0, 0, FALSE));
	for (int i = 0; i < 5; i++)
		WAITS(WaitForSingleObject(t, 60000));
	OK(CancelWaitableTimer(t));
	WaitForSingleObject(t, 0);
	WAITS(WaitForSingleObject(t, 40));
	due = ms(5000000);
	OK(SetWaitableTimer(m, &due, 0, 0, 0, FALSE));
	WAITS(WaitForSingleObject(m, 0));
	due.QuadPart = 0;
	OK(SetWaitableTimer(m, &due, 0, 0, 0, FALSE));
	WAITS(WaitForSingleObject(m, 1000));
	GetSystemTimeAsFileTime((FILETIME *)&due);
	due.QuadPart += 300000;
	OK(SetWaitableTimer(t, &due, 0, 0, 0, FALSE));
	WAITS(WaitForSingleObject(t, 60000));
	due = ms(10);
	OK(SetWaitableTimer(t, &due, 0, apc, "once", FALSE));
	WAITS(SleepEx(60000, TRUE));
	OK(SetWaitableTimer(t, &due, 0, apc, "never", FALSE));
	OK(CancelWaitableTimer(t));
	NUM(SleepEx(50, TRUE));
	OK(OpenWaitableTimerA(SYNCHRONIZE, FALSE, "bailey timer") != 0);
	OK(SetWaitableTimer(event, &due, 0, 0, 0, FALSE));
	OK(SetWaitableTimer(t, &due, -1, 0, 0, FALSE));
}

static void queues(void)
{
	HANDLE q = CreateTimerQueue(), t;

	OK(CreateTimerQueueTimer(&t, q, queue, (void *)1, 10, 0, WT_EXECUTEONLYONCE));
	WAITS(WaitForSingleObject(event, 60000));
	OK(DeleteTimerQueueTimer(q, t, INVALID_HANDLE_VALUE));
	OK(CreateTimerQueueTimer(&t, q, queue, (void *)6, 5, 5, 0));
	WAITS(WaitForSingleObject(event, 60000));
	OK(DeleteTimerQueueTimer(q, t, INVALID_HANDLE_VALUE));
	LONG seen = fired;
	Sleep(50);
	NUM(fired == seen);
	OK(CreateTimerQueueTimer(&t, q, queue, (void *)0, 100000, 0, 0));
	OK(DeleteTimerQueueEx(q, INVALID_HANDLE_VALUE));
}

static void clocks(void)
{
	LARGE_INTEGER f, a, b;
	FILETIME x, y;
	SYSTEMTIME st;
	ULONGLONG tick = GetTickCount64(), now;

	OK(QueryPerformanceFrequency(&f));
	NUM(f.QuadPart);
	QueryPerformanceCounter(&a);
	GetSystemTimeAsFileTime(&x);
	Sleep(60);
	QueryPerformanceCounter(&b);
	GetSystemTimeAsFileTime(&y);
	now = GetTickCount64();
	NUM((b.QuadPart - a.QuadPart) * 1000 / f.QuadPart >= 59);
	NUM(CompareFileTime(&y, &x));
	NUM(now - tick >= 40);
	NUM((DWORD)now - GetTickCount() < 10000 || GetTickCount() - (DWORD)now < 10000);
	x.dwHighDateTime = 0x01d54321;
	x.dwLowDateTime = 0x89abcdef;
	OK(FileTimeToSystemTime(&x, &st));
	printf("%u-%02u-%02u %02u:%02u:%02u.%03u, day %u\n", st.wYear, st.wMonth, st.wDay, st.wHour, st.wMinute, st.wSecond, st.wMilliseconds, st.wDayOfWeek);
	OK(SystemTimeToFileTime(&st, &y));
	NUM(x.dwLowDateTime - y.dwLowDateTime < 10000);
	st.wMonth = 13;
	OK(SystemTimeToFileTime(&st, &y));
}

int main(void)
{
	t_start();
	event = CreateEventA(0, FALSE, FALSE, 0);
	waitable();
	queues();
	clocks();
	return 0;
}
