/* SPDX-License-Identifier: MIT */
/* Thread pools: work, timers, waits, I/O, cleanup groups, the old interface. */
#include "t.h"

static volatile LONG n, waits;
static HANDLE event, told;

static void CALLBACK work(TP_CALLBACK_INSTANCE *i, void *arg, TP_WORK *w) { InterlockedIncrement(&n); }
static void CALLBACK simple(TP_CALLBACK_INSTANCE *i, void *arg) { InterlockedAdd(&n, 1000); SetEvent(arg); }
static void CALLBACK timer(TP_CALLBACK_INSTANCE *i, void *arg, TP_TIMER *t) { if (InterlockedIncrement(&n) == 3) SetEvent(told); }
static void CALLBACK waited(TP_CALLBACK_INSTANCE *i, void *arg, TP_WAIT *w, TP_WAIT_RESULT r)
{
	printf("wait callback: %s\n", r == WAIT_OBJECT_0 ? "signaled" : "timeout");
	SetEventWhenCallbackReturns(i, told);
}
static void CALLBACK io(TP_CALLBACK_INSTANCE *i, void *arg, void *o, ULONG error, ULONG_PTR bytes, TP_IO *t)
{
	printf("i/o callback: error %lu, %llu bytes\n", error, (unsigned long long)bytes);
	SetEvent(told);
}
static DWORD WINAPI old(void *arg) { InterlockedIncrement(&n); SetEvent(told); return 0; }
static void CALLBACK old_wait(void *arg, BOOLEAN timeout) { printf("registered wait: %s\n", timeout ? "timeout" : "signaled"); SetEvent(told); }

int main(void)
{
	TP_WORK *w;
	TP_TIMER *t;
	TP_WAIT *wait;
	TP_IO *tio;
	FILETIME due;
	LARGE_INTEGER rel = { .QuadPart = -100000 };
	HANDLE f, r;
	OVERLAPPED o = { 0 };
	TP_POOL *pool;
	TP_CLEANUP_GROUP *group;
	TP_CALLBACK_ENVIRON env;

	t_start();
	event = CreateEventA(0, FALSE, FALSE, 0);
	told = CreateEventA(0, FALSE, FALSE, 0);
	w = CreateThreadpoolWork(work, 0, 0);
	for (int i = 0; i < 500; i++)
		SubmitThreadpoolWork(w);
	WaitForThreadpoolWorkCallbacks(w, FALSE);
	NUM(n);
	CloseThreadpoolWork(w);
	OK(TrySubmitThreadpoolCallback(simple, told, 0));
	WAITS(WaitForSingleObject(told, 60000));
	NUM(n);

	n = 0;
	t = CreateThreadpoolTimer(timer, 0, 0);
	memcpy(&due, &rel, sizeof due);
	SetThreadpoolTimer(t, &due, 10, 0);
	NUM(IsThreadpoolTimerSet(t) != 0);
	WAITS(WaitForSingleObject(told, 60000));
	SetThreadpoolTimer(t, 0, 0, 0);
	WaitForThreadpoolTimerCallbacks(t, TRUE);
	CloseThreadpoolTimer(t);

	wait = CreateThreadpoolWait(waited, 0, 0);
	SetThreadpoolWait(wait, event, 0);
	SetEvent(event);
	WAITS(WaitForSingleObject(told, 60000));
	SetThreadpoolWait(wait, event, &due);
	WAITS(WaitForSingleObject(told, 60000));
	CloseThreadpoolWait(wait);

	f = CreateFileA("tp", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_FLAG_OVERLAPPED, 0);
	tio = CreateThreadpoolIo(f, io, 0, 0);
	OK(tio != 0);
	StartThreadpoolIo(tio);
	WriteFile(f, "12345", 5, 0, &o);
	WAITS(WaitForSingleObject(told, 60000));
	WaitForThreadpoolIoCallbacks(tio, FALSE);
	CloseThreadpoolIo(tio);
	CloseHandle(f);

	pool = CreateThreadpool(0);
	SetThreadpoolThreadMaximum(pool, 4);
	OK(SetThreadpoolThreadMinimum(pool, 1));
	group = CreateThreadpoolCleanupGroup();
	TpInitializeCallbackEnviron(&env);
	TpSetCallbackThreadpool(&env, pool);
	TpSetCallbackCleanupGroup(&env, group, 0);
	n = 0;
	for (int i = 0; i < 10; i++)
		SubmitThreadpoolWork(CreateThreadpoolWork(work, 0, &env));
	CloseThreadpoolCleanupGroupMembers(group, FALSE, 0);
	NUM(n);
	CloseThreadpoolCleanupGroup(group);
	CloseThreadpool(pool);

	n = 0;
	OK(QueueUserWorkItem(old, 0, WT_EXECUTEDEFAULT));
	WAITS(WaitForSingleObject(told, 60000));
	OK(RegisterWaitForSingleObject(&r, event, old_wait, 0, INFINITE, WT_EXECUTEONLYONCE));
	SetEvent(event);
	WAITS(WaitForSingleObject(told, 60000));
	OK(UnregisterWaitEx(r, INVALID_HANDLE_VALUE));
	OK(RegisterWaitForSingleObject(&r, event, old_wait, 0, 20, WT_EXECUTEONLYONCE));
	WAITS(WaitForSingleObject(told, 60000));
	OK(UnregisterWaitEx(r, INVALID_HANDLE_VALUE));
	return 0;
}
