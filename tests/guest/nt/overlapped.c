/* SPDX-License-Identifier: MIT */
/* Overlapped I/O on files and pipes: events, results, cancellation, completion ports. */
#include "t.h"

static HANDLE server, client;

static void join(DWORD mode)
{
	server = CreateNamedPipeA("\\\\.\\pipe\\bailey-overlapped", PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, mode, 1, 4096, 4096, 0, 0);
	client = CreateFileA("\\\\.\\pipe\\bailey-overlapped", GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, 0, 0);
	OK(server != INVALID_HANDLE_VALUE && client != INVALID_HANDLE_VALUE);
}

static DWORD WINAPI writes(void *arg)
{
	DWORD n;

	Sleep(50);
	WriteFile(client, "hello", 5, &n, 0);
	return 0;
}

static void files(void)
{
	HANDLE f = CreateFileA("o", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_FLAG_OVERLAPPED, 0);
	OVERLAPPED o = { .Offset = 3 };
	DWORD n = 0;
	char text[16] = "";

	o.hEvent = CreateEventA(0, TRUE, FALSE, 0);
	BOOL good = WriteFile(f, "abcdef", 6, 0, &o);
	t_ok("write", good || GetLastError() == ERROR_IO_PENDING);
	OK(GetOverlappedResult(f, &o, &n, TRUE));
	NUM(n);
	WAITS(WaitForSingleObject(o.hEvent, 0));
	HEX(o.Internal);
	NUM(o.InternalHigh);
	o.Offset = 0;
	good = ReadFile(f, text, 16, 0, &o);
	t_ok("read", good || GetLastError() == ERROR_IO_PENDING);
	OK(GetOverlappedResult(f, &o, &n, TRUE));
	NUM(n);
	NUM(text[0]);
	puts(text + 3);
	OK(ReadFile(f, text, 4, &n, 0));
	CloseHandle(f);
}

static void pipes(void)
{
	OVERLAPPED o = { 0 }, p = { 0 };
	char text[16] = "", more[16] = "";
	DWORD n = 0;

	join(PIPE_TYPE_BYTE);
	o.hEvent = CreateEventA(0, TRUE, TRUE, 0);
	p.hEvent = CreateEventA(0, TRUE, FALSE, 0);
	OK(ReadFile(server, text, 16, 0, &o));
	WAITS(WaitForSingleObject(o.hEvent, 20));
	HEX(o.Internal);
	OK(GetOverlappedResult(server, &o, &n, FALSE));
	CreateThread(0, 0, writes, 0, 0, 0);
	OK(GetOverlappedResult(server, &o, &n, TRUE));
	printf("%lu %s\n", n, text);
	OK(ReadFile(server, text, 16, 0, &o));
	OK(ReadFile(server, more, 16, 0, &p));
	OK(CancelIoEx(server, &p));
	WAITS(WaitForSingleObject(p.hEvent, 2000));
	OK(GetOverlappedResult(server, &p, &n, FALSE));
	HEX(p.Internal);
	WAITS(WaitForSingleObject(o.hEvent, 0));
	OK(CancelIoEx(server, &p));
	OK(CancelIo(server));
	OK(GetOverlappedResult(server, &o, &n, TRUE));
	OK(ReadFile(server, text, 16, 0, &o));
	CloseHandle(client);
	OK(GetOverlappedResult(server, &o, &n, TRUE));
	CloseHandle(server);
}

static void ports(void)
{
	HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 1), f;
	OVERLAPPED o = { .Offset = 0 }, p = { 0 }, *got = 0;
	ULONG_PTR key = 0;
	DWORD n = 0;
	char text[16] = "";

	OK(port != 0);
	OK(GetQueuedCompletionStatus(port, &n, &key, &got, 0));
	OK(PostQueuedCompletionStatus(port, 11, 22, (OVERLAPPED *)33));
	OK(GetQueuedCompletionStatus(port, &n, &key, &got, 0));
	printf("%lu %llu %lld\n", n, (unsigned long long)key, (long long)(intptr_t)got);
	f = CreateFileA("o", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_FLAG_OVERLAPPED, 0);
	OK(CreateIoCompletionPort(f, port, 7, 0) == port);
	OK(CreateIoCompletionPort(f, port, 8, 0) == port);
	BOOL good = WriteFile(f, "0123456789", 10, 0, &o);
	t_ok("write", good || GetLastError() == ERROR_IO_PENDING);
	OK(GetQueuedCompletionStatus(port, &n, &key, &got, 2000));
	printf("%lu %llu %d\n", n, (unsigned long long)key, got == &o);
	o.Offset = 4;
	ReadFile(f, text, 16, 0, &o);
	OK(GetQueuedCompletionStatus(port, &n, &key, &got, 2000));
	printf("%lu %s\n", n, text);
	o.hEvent = (HANDLE)((ULONG_PTR)CreateEventA(0, TRUE, FALSE, 0) | 1);	/* the low bit: no packet */
	ReadFile(f, text, 16, 0, &o);
	WAITS(WaitForSingleObject((HANDLE)((ULONG_PTR)o.hEvent & ~1ull), 2000));
	OK(GetQueuedCompletionStatus(port, &n, &key, &got, 20));
	join(PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE);
	OK(CreateIoCompletionPort(server, port, 9, 0) == port);
	OK(ReadFile(server, text, 3, 0, &p));
	CreateThread(0, 0, writes, 0, 0, 0);
	OK(GetQueuedCompletionStatus(port, &n, &key, &got, 2000));
	printf("%lu %llu %d %.3s\n", n, (unsigned long long)key, got == &p, text);
	ReadFile(server, text, 3, 0, &p);
	OK(GetQueuedCompletionStatus(port, &n, &key, &got, 2000));
	printf("%lu %.2s\n", n, text);
	ReadFile(server, text, 3, 0, &p);
	CloseHandle(client);
	OK(GetQueuedCompletionStatus(port, &n, &key, &got, 2000));
	NUM(got == &p);
	CloseHandle(server);
	OK(SetFileCompletionNotificationModes(f, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS));
	CloseHandle(f);
	OK(CreateIoCompletionPort((HANDLE)4444, port, 7, 0) == port);
	for (int i = 0; i < 10; i++)
		PostQueuedCompletionStatus(port, i, i, 0);
	OVERLAPPED_ENTRY many[8];
	ULONG count = 0;
	OK(GetQueuedCompletionStatusEx(port, many, 8, &count, 0, FALSE));
	NUM(count);
	NUM(many[7].lpCompletionKey);
	OK(GetQueuedCompletionStatusEx(port, many, 8, &count, 0, FALSE));
	NUM(count);
	OK(GetQueuedCompletionStatusEx(port, many, 8, &count, 10, FALSE));
	CloseHandle(port);
}

static HANDLE workers_port;
static volatile LONG handled;

static DWORD WINAPI worker(void *arg)
{
	DWORD n;
	ULONG_PTR key;
	OVERLAPPED *o;

	while (GetQueuedCompletionStatus(workers_port, &n, &key, &o, INFINITE) && key)
		InterlockedAdd(&handled, n);
	return 0;
}

static void many(void)
{
	HANDLE t[4];

	workers_port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 2);
	for (int i = 0; i < 4; i++)
		t[i] = CreateThread(0, 0, worker, 0, 0, 0);
	for (int i = 0; i < 5000; i++)
		PostQueuedCompletionStatus(workers_port, i % 10, 1, 0);
	for (int i = 0; i < 4; i++)
		PostQueuedCompletionStatus(workers_port, 0, 0, 0);
	WAITS(WaitForMultipleObjects(4, t, TRUE, 60000));
	NUM(handled);
}

int main(void)
{
	t_start();
	files();
	pipes();
	ports();
	many();
	return 0;
}
