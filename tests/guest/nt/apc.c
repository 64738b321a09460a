/* SPDX-License-Identifier: MIT */
/* Asynchronous procedure calls: order, alertable waits, to others, before a thread's start, of I/O. */
/* wine: NtAlertThread is not there, and NtDelayExecution says STATUS_TIMEOUT where Windows says success. */
#include "t.h"

static HANDLE ready, go;

static void CALLBACK says(ULONG_PTR n) { printf("apc %llu\n", (unsigned long long)n); }
static void CALLBACK again(ULONG_PTR n)
{
	printf("apc %llu queues\n", (unsigned long long)n);
	if (n)
		QueueUserAPC(again, GetCurrentThread(), n - 1);
}
static void CALLBACK nests(ULONG_PTR n)
{
	printf("apc in, %llu\n", (unsigned long long)n);
	QueueUserAPC(says, GetCurrentThread(), 100 + n);
	WAITS(SleepEx(0, TRUE) ? WAIT_IO_COMPLETION : WAIT_TIMEOUT);
	printf("apc out, %llu\n", (unsigned long long)n);
}

static DWORD WINAPI waits(void *arg)
{
	SetEvent(ready);
	WAITS(WaitForSingleObjectEx(go, 60000, TRUE));
	WAITS(WaitForSingleObjectEx(go, 60000, FALSE));
	WAITS(SleepEx(0, TRUE) ? WAIT_IO_COMPLETION : WAIT_TIMEOUT);
	return 3;
}

static DWORD WINAPI starts(void *arg)
{
	printf("thread runs\n");
	return 0;
}

static void CALLBACK done(DWORD error, DWORD n, OVERLAPPED *o)
{
	printf("i/o done: error %lu, %lu bytes, offset %lu\n", error, n, o->Offset);
}

static void io(void)
{
	char text[16] = "";
	OVERLAPPED w = { .Offset = 0 }, r = { .Offset = 2 };
	HANDLE f = CreateFileA("apc.txt", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_FLAG_OVERLAPPED | FILE_FLAG_DELETE_ON_CLOSE, 0);

	OK(WriteFileEx(f, "0123456789", 10, &w, done));
	WAITS(SleepEx(1000, TRUE));
	OK(ReadFileEx(f, text, 4, &r, done));
	WAITS(WaitForSingleObjectEx(go, 1000, TRUE));
	puts(text);
	CloseHandle(f);
}

int main(void)
{
	HANDLE t;
	LONG (WINAPI *test_alert)(void) = t_nt("NtTestAlert"), (WINAPI *alert)(HANDLE) = t_nt("NtAlertThread");
	LONG (WINAPI *delay)(BOOLEAN, LARGE_INTEGER *) = t_nt("NtDelayExecution");
	LARGE_INTEGER ms = { .QuadPart = -10000 };

	t_start();
	ready = CreateEventA(0, FALSE, FALSE, 0);
	go = CreateEventA(0, FALSE, FALSE, 0);
	for (int i = 1; i <= 3; i++)
		NUM(QueueUserAPC(says, GetCurrentThread(), i) != 0);
	Sleep(1);
	WAITS(WaitForSingleObject(go, 1));
	WAITS(SleepEx(1000, TRUE));
	NUM(SleepEx(1, TRUE));
	SetEvent(go);
	QueueUserAPC(says, GetCurrentThread(), 4);
	DWORD first = WaitForSingleObjectEx(go, 0, TRUE);
	WAITS(first);
	if (first == WAIT_OBJECT_0)
		SleepEx(0, TRUE);
	else
		WaitForSingleObject(go, 0);
	QueueUserAPC(again, GetCurrentThread(), 2);
	WAITS(SleepEx(0, TRUE));
	NUM(SleepEx(0, TRUE));
	QueueUserAPC(nests, GetCurrentThread(), 1);
	WAITS(SleepEx(0, TRUE));
	QueueUserAPC(says, GetCurrentThread(), 5);
	HEX(test_alert());
	HEX(test_alert());

	t = CreateThread(0, 0, waits, 0, 0, 0);
	WaitForSingleObject(ready, 60000);
	Sleep(20);
	QueueUserAPC(says, t, 6);
	Sleep(50);
	QueueUserAPC(says, t, 7);
	Sleep(50);
	SetEvent(go);
	WAITS(WaitForSingleObject(t, 60000));
	NUM(QueueUserAPC(says, t, 8));
	CloseHandle(t);

	t = CreateThread(0, 0, starts, 0, CREATE_SUSPENDED, 0);
	QueueUserAPC(says, t, 9);
	ResumeThread(t);
	WAITS(WaitForSingleObject(t, 60000));

	HEX(alert(GetCurrentThread()));
	HEX(delay(TRUE, &ms));
	HEX(delay(TRUE, &ms));
	io();
	return 0;
}
