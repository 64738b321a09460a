/* SPDX-License-Identifier: MIT */
/* What is built on the kernel's waits by address: critical sections, slim locks, condition variables, one-time work. */
#include "t.h"

/* libs: -lsynchronization */
static CRITICAL_SECTION cs;
static SRWLOCK srw = SRWLOCK_INIT;
static CONDITION_VARIABLE full = CONDITION_VARIABLE_INIT, empty = CONDITION_VARIABLE_INIT;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static volatile LONG inits;
static volatile LONG64 word;
static long sum, readers_saw, queue[8];
static int head, tail;

static BOOL CALLBACK init(INIT_ONCE *o, void *arg, void **context)
{
	Sleep(20);
	InterlockedIncrement(&inits);
	*context = (void *)(16 << INIT_ONCE_CTX_RESERVED_BITS);
	return TRUE;
}

static DWORD WINAPI crowd(void *arg)
{
	void *context = 0;

	InitOnceExecuteOnce(&once, init, 0, &context);
	for (int i = 0; i < 5000; i++) {
		EnterCriticalSection(&cs);
		EnterCriticalSection(&cs);
		sum++;
		LeaveCriticalSection(&cs);
		LeaveCriticalSection(&cs);
		AcquireSRWLockShared(&srw);
		if (readers_saw < 0)
			readers_saw = -1000000;
		ReleaseSRWLockShared(&srw);
		AcquireSRWLockExclusive(&srw);
		readers_saw++;
		ReleaseSRWLockExclusive(&srw);
	}
	return (DWORD)(ULONG_PTR)context;
}

static DWORD WINAPI consumer(void *arg)
{
	long got = 0;

	for (int i = 0; i < 2000; i++) {
		AcquireSRWLockExclusive(&srw);
		while (head == tail)
			SleepConditionVariableSRW(&full, &srw, INFINITE, 0);
		got += queue[tail++ % 8];
		ReleaseSRWLockExclusive(&srw);
		WakeConditionVariable(&empty);
	}
	return got;
}

static DWORD WINAPI waker(void *arg)
{
	Sleep(50);
	word = 5;
	WakeByAddressAll((void *)&word);
	return 0;
}

static DWORD WINAPI tries(void *arg)
{
	return TryEnterCriticalSection(&cs) * 2 + TryAcquireSRWLockExclusive(&srw);
}

int main(void)
{
	HANDLE t[4];
	DWORD code, total = 0;
	LONG64 seen = 0;

	t_start();
	OK(InitializeCriticalSectionAndSpinCount(&cs, 100));
	for (int i = 0; i < 4; i++)
		t[i] = CreateThread(0, 0, crowd, 0, 0, 0);
	WAITS(WaitForMultipleObjects(4, t, TRUE, 60000));
	for (int i = 0; i < 4; i++) {
		GetExitCodeThread(t[i], &code);
		total += code;
	}
	printf("sum %ld, exclusive %ld, once %ld, codes %#lx\n", sum, readers_saw, inits, total);
	t[0] = CreateThread(0, 0, consumer, 0, 0, 0);
	for (int i = 0; i < 2000; i++) {
		AcquireSRWLockExclusive(&srw);
		while (head - tail == 8)
			SleepConditionVariableSRW(&empty, &srw, INFINITE, 0);
		queue[head++ % 8] = i;
		ReleaseSRWLockExclusive(&srw);
		WakeConditionVariable(&full);
	}
	WAITS(WaitForSingleObject(t[0], 60000));
	GetExitCodeThread(t[0], &code);
	NUM(code);
	EnterCriticalSection(&cs);
	OK(SleepConditionVariableCS(&full, &cs, 20));
	LeaveCriticalSection(&cs);
	OK(WaitOnAddress(&word, &seen, 8, 20));
	CreateThread(0, 0, waker, 0, 0, 0);
	while (word == 0)
		WaitOnAddress(&word, &seen, 8, INFINITE);
	NUM(word);
	seen = 4;
	OK(WaitOnAddress(&word, &seen, 8, INFINITE));
	EnterCriticalSection(&cs);
	AcquireSRWLockShared(&srw);
	t[0] = CreateThread(0, 0, tries, 0, 0, 0);
	WaitForSingleObject(t[0], 60000);
	GetExitCodeThread(t[0], &code);
	NUM(code);
	return 0;
}
