/* SPDX-License-Identifier: MIT */
/* Events, mutants, semaphores; waits for one, any and all; names and access rights. */
/* wine: a release of none, or of fewer than none, is not an invalid argument. */
#include "t.h"

static HANDLE mutex, ready, go;

static DWORD WINAPI owner(void *arg)
{
	WaitForSingleObject(mutex, INFINITE);
	SetEvent(ready);
	WaitForSingleObject(go, INFINITE);
	return 0;
}

static void events(void)
{
	HANDLE once = CreateEventA(0, FALSE, TRUE, 0), stays = CreateEventA(0, TRUE, FALSE, 0);

	WAITS(WaitForSingleObject(once, 0));
	WAITS(WaitForSingleObject(once, 0));
	WAITS(WaitForSingleObject(stays, 10));
	OK(SetEvent(stays));
	WAITS(WaitForSingleObject(stays, 0));
	WAITS(WaitForSingleObject(stays, INFINITE));
	OK(PulseEvent(stays));
	WAITS(WaitForSingleObject(stays, 0));
	OK(SetEvent(once));
	OK(SetEvent(once));
	OK(ResetEvent(once));
	WAITS(WaitForSingleObject(once, 0));
	CloseHandle(once);
	OK(SetEvent(once));
	WAITS(WaitForSingleObject(once, 0));
	WAITS(WaitForSingleObject(0, 0));
	CloseHandle(stays);
}

static void names(void)
{
	HANDLE a = CreateEventA(0, TRUE, FALSE, "bailey event"), b, weak;

	OK(a != 0);
	b = CreateEventA(0, FALSE, TRUE, "bailey event");
	printf("again: %d, error %lu\n", b != 0, GetLastError());
	WAITS(WaitForSingleObject(b, 0));
	OK(SetEvent(b));
	WAITS(WaitForSingleObject(a, 0));
	OK(CreateMutexA(0, FALSE, "bailey event") != 0);
	OK(OpenEventA(EVENT_ALL_ACCESS, FALSE, "BAILEY EVENT") != 0);
	OK(OpenEventA(EVENT_ALL_ACCESS, FALSE, "Local\\bailey event") != 0);
	OK(OpenEventA(EVENT_ALL_ACCESS, FALSE, "no such event") != 0);
	OK(OpenSemaphoreA(SYNCHRONIZE, FALSE, "bailey event") != 0);
	weak = OpenEventA(SYNCHRONIZE, FALSE, "bailey event");
	WAITS(WaitForSingleObject(weak, 0));
	OK(SetEvent(weak));
	CloseHandle(weak);
	weak = OpenEventA(EVENT_MODIFY_STATE, FALSE, "bailey event");
	OK(ResetEvent(weak));
	WAITS(WaitForSingleObject(weak, 0));
	OK(CreateEventA(0, TRUE, FALSE, "a\\b") != 0);
	OK(CreateEventA(0, TRUE, FALSE, "Global\\bailey global") != 0);
	OK(OpenEventA(SYNCHRONIZE, FALSE, "Global\\bailey global") != 0);
}

static void mutants(void)
{
	HANDLE t, both[2];

	mutex = CreateMutexA(0, TRUE, 0);
	ready = CreateEventA(0, FALSE, FALSE, 0);
	go = CreateEventA(0, FALSE, FALSE, 0);
	WAITS(WaitForSingleObject(mutex, 0));
	OK(ReleaseMutex(mutex));
	OK(ReleaseMutex(mutex));
	OK(ReleaseMutex(mutex));
	t = CreateThread(0, 0, owner, 0, 0, 0);
	WAITS(WaitForSingleObject(ready, 60000));
	WAITS(WaitForSingleObject(mutex, 20));
	OK(ReleaseMutex(mutex));
	SetEvent(go);
	WAITS(WaitForSingleObject(t, 60000));
	WAITS(WaitForSingleObject(mutex, 0));
	OK(ReleaseMutex(mutex));
	WAITS(WaitForSingleObject(mutex, 0));
	OK(ReleaseMutex(mutex));
	CloseHandle(t);
	t = CreateThread(0, 0, owner, 0, 0, 0);
	WAITS(WaitForSingleObject(ready, 60000));
	SetEvent(go);
	WaitForSingleObject(t, 60000);
	both[0] = ready;
	both[1] = mutex;
	WAITS(WaitForMultipleObjects(2, both, FALSE, 0));
	OK(ReleaseMutex(mutex));
}

static void semaphores(void)
{
	HANDLE s = CreateSemaphoreA(0, 2, 3, 0);
	LONG before = -1;

	WAITS(WaitForSingleObject(s, 0));
	WAITS(WaitForSingleObject(s, 0));
	WAITS(WaitForSingleObject(s, 0));
	OK(ReleaseSemaphore(s, 2, &before));
	NUM(before);
	OK(ReleaseSemaphore(s, 2, &before));
	OK(ReleaseSemaphore(s, 1, &before));
	NUM(before);
	OK(ReleaseSemaphore(s, 0, 0));
	OK(ReleaseSemaphore(s, -1, 0));
	OK(CreateSemaphoreA(0, 4, 3, 0) != 0);
	OK(CreateSemaphoreA(0, 0, 0, 0) != 0);
	OK(CreateSemaphoreA(0, -1, 1, 0) != 0);
	OK(ReleaseMutex(s));
}

static void several(void)
{
	HANDLE h[65];

	for (int i = 0; i < 65; i++)
		h[i] = CreateEventA(0, FALSE, i == 2 || i == 1, 0);
	WAITS(WaitForMultipleObjects(3, h, FALSE, 0));
	WAITS(WaitForMultipleObjects(3, h, FALSE, 0));
	WAITS(WaitForMultipleObjects(3, h, FALSE, 0));
	SetEvent(h[0]);
	WAITS(WaitForMultipleObjects(2, h, TRUE, 10));
	WAITS(WaitForSingleObject(h[0], 0));
	SetEvent(h[0]);
	SetEvent(h[1]);
	WAITS(WaitForMultipleObjects(2, h, TRUE, 0));
	WAITS(WaitForMultipleObjects(2, h, FALSE, 0));
	SetEvent(h[63]);
	WAITS(WaitForMultipleObjects(64, h, FALSE, 0));
	WAITS(WaitForMultipleObjects(65, h, FALSE, 0));
	WAITS(WaitForMultipleObjects(0, h, FALSE, 0));
	for (int i = 0; i < 64; i++)
		SetEvent(h[i]);
	WAITS(WaitForMultipleObjects(64, h, TRUE, 0));
	h[4] = 0;
	WAITS(WaitForMultipleObjects(5, h, FALSE, 0));
}

static DWORD WINAPI echo(void *arg)
{
	HANDLE *pair = arg;

	for (int i = 0; i < 1000; i++) {
		WaitForSingleObject(pair[0], INFINITE);
		SetEvent(pair[1]);
	}
	return 0;
}

static void ping_pong(void)
{
	HANDLE pair[2] = { CreateEventA(0, FALSE, FALSE, 0), CreateEventA(0, FALSE, FALSE, 0) }, t = CreateThread(0, 0, echo, pair, 0, 0);
	int n = 0;

	for (int i = 0; i < 1000; i++)
		n += SignalObjectAndWait(pair[0], pair[1], 60000, FALSE) == WAIT_OBJECT_0;
	NUM(n);
	WAITS(WaitForSingleObject(t, 60000));
	WAITS(SignalObjectAndWait(t, pair[0], 0, FALSE));
}

int main(void)
{
	t_start();
	events();
	names();
	mutants();
	semaphores();
	several();
	ping_pong();
	return 0;
}
