/* SPDX-License-Identifier: MIT */
/* Pipes: anonymous ones, to children too; named ones of bytes and messages, several instances, waiting, peeking, breaking. */
#include "t.h"

#define NAME "\\\\.\\pipe\\bailey-pipes"

static char client_got[16];
static HANDLE flushed;

static DWORD WINAPI dials(void *arg)
{
	char text[16] = "";
	DWORD n;
	HANDLE h;

	Sleep(100);
	h = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, 0, 0);
	if (arg) {
		WriteFile(h, "ping", 4, &n, 0);
		ReadFile(h, text, 16, &n, 0);
		memcpy(client_got, text, sizeof text);
		WaitForSingleObject(flushed, 60000);
	}
	CloseHandle(h);
	return 0;
}

static void anonymous(void)
{
	HANDLE r, w;
	char text[8192] = "";
	DWORD n, left, all;
	SECURITY_ATTRIBUTES sa = { sizeof sa, 0, TRUE };

	OK(CreatePipe(&r, &w, &sa, 0));
	NUM(GetFileType(r));
	OK(WriteFile(w, "some bytes", 10, &n, 0));
	OK(WriteFile(w, "and more", 8, &n, 0));
	OK(PeekNamedPipe(r, text, 4, &n, &all, &left));
	printf("%lu of %lu: %.4s\n", n, all, text);
	OK(ReadFile(r, text, 6, &n, 0));
	OK(ReadFile(r, text, sizeof text, &n, 0));
	printf("%lu %.*s\n", n, (int)n, text);
	OK(PeekNamedPipe(r, 0, 0, 0, &all, 0));
	NUM(all);
	OK(WriteFile(r, "x", 1, &n, 0));
	OK(ReadFile(w, text, 1, &n, 0));

	SetStdHandle(STD_OUTPUT_HANDLE, w);
	char self[MAX_PATH], line[MAX_PATH + 10];
	STARTUPINFOA si = { .cb = sizeof si, .dwFlags = STARTF_USESTDHANDLES, .hStdOutput = w, .hStdInput = r, .hStdError = w };
	PROCESS_INFORMATION pi;
	GetModuleFileNameA(0, self, sizeof self);
	sprintf(line, "\"%s\" child", self);
	OK(CreateProcessA(self, line, 0, 0, TRUE, 0, 0, 0, &si, &pi));
	CloseHandle(w);
	n = 0;
	for (all = 0; ReadFile(r, text + all, sizeof text - all, &n, 0); all += n)
		;
	NUM(GetLastError());
	printf("child said %lu: %.*s", all, (int)all, text);
	printf("child: %lu\n", t_reap(pi.hProcess));
	CloseHandle(r);

	OK(CreatePipe(&r, &w, 0, 0));
	CloseHandle(r);
	OK(WriteFile(w, "x", 1, &n, 0));
	CloseHandle(w);
	OK(CreatePipe(&r, &w, 0, 100));
	CloseHandle(w);
	OK(ReadFile(r, text, 1, &n, 0));
	OK(PeekNamedPipe(r, 0, 0, 0, &all, 0));
	CloseHandle(r);
}

static HANDLE server(DWORD mode, DWORD most)
{
	return CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX, mode, most, 4096, 4096, 100, 0);
}

static void bytes(void)
{
	HANDLE s, c, t;
	char text[64] = "";
	DWORD n, flags, most;

	OK(CreateFileA(NAME, GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0) != INVALID_HANDLE_VALUE);
	OK(WaitNamedPipeA(NAME, 10));
	s = server(PIPE_TYPE_BYTE, 2);
	OK(s != INVALID_HANDLE_VALUE);
	OK(GetNamedPipeInfo(s, &flags, 0, 0, &most));
	printf("flags %lu, most %lu\n", flags, most);
	t = CreateThread(0, 0, dials, (void *)1, 0, 0);
	OK(ConnectNamedPipe(s, 0));
	OK(ReadFile(s, text, 64, &n, 0));
	printf("%lu %s\n", n, text);
	OK(WriteFile(s, "pong", 4, &n, 0));
	OK(FlushFileBuffers(s));
	SetEvent(flushed);
	WaitForSingleObject(t, 60000);
	printf("client got %s\n", client_got);
	OK(ReadFile(s, text, 64, &n, 0));
	OK(WriteFile(s, "x", 1, &n, 0));
	OK(CreateFileA(NAME, GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0) != INVALID_HANDLE_VALUE);
	OK(DisconnectNamedPipe(s));
	OK(ReadFile(s, text, 64, &n, 0));
	c = CreateFileA(NAME, GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0);
	OK(c != INVALID_HANDLE_VALUE);
	t = CreateThread(0, 0, dials, 0, 0, 0);
	OK(ConnectNamedPipe(s, 0));
	WaitForSingleObject(t, 60000);
	OK(ConnectNamedPipe(s, 0));
	CloseHandle(s);
}

static void messages(void)
{
	HANDLE s = server(PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 2), s2, s3, c, c2;
	char text[64] = "";
	DWORD n, mode, all, left;

	s2 = server(PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 2);
	OK(s != INVALID_HANDLE_VALUE && s2 != INVALID_HANDLE_VALUE);
	s3 = server(PIPE_TYPE_MESSAGE, 2);
	printf("third: %d, error %lu\n", s3 != INVALID_HANDLE_VALUE, GetLastError());
	OK(WaitNamedPipeA(NAME, 100));
	c = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, 0, 0);
	c2 = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, 0, 0);
	OK(c != INVALID_HANDLE_VALUE && c2 != INVALID_HANDLE_VALUE);
	OK(ConnectNamedPipe(s, 0));
	OK(CreateFileA(NAME, GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0) != INVALID_HANDLE_VALUE);
	OK(WaitNamedPipeA(NAME, 20));
	mode = PIPE_READMODE_MESSAGE;
	OK(SetNamedPipeHandleState(c, &mode, 0, 0));
	OK(WriteFile(s, "first message", 13, &n, 0));
	OK(WriteFile(s, "", 0, &n, 0));
	OK(WriteFile(s, "second", 6, &n, 0));
	OK(ReadFile(c, text, 5, &n, 0));
	NUM(n);
	OK(PeekNamedPipe(c, text, 64, &n, &all, &left));
	printf("peek %lu, in all %lu, left %lu\n", n, all, left);
	OK(ReadFile(c, text, 64, &n, 0));
	NUM(n);
	OK(ReadFile(c, text, 64, &n, 0));
	NUM(n);
	OK(ReadFile(c, text, 64, &n, 0));
	NUM(n);
	OK(WriteFile(s, "a", 1, &n, 0));
	OK(WriteFile(s, "b", 1, &n, 0));
	mode = PIPE_READMODE_BYTE;
	OK(SetNamedPipeHandleState(c, &mode, 0, 0));
	OK(ReadFile(c, text, 64, &n, 0));
	NUM(n);
	mode = PIPE_READMODE_BYTE | PIPE_NOWAIT;
	OK(SetNamedPipeHandleState(c, &mode, 0, 0));
	OK(ReadFile(c, text, 64, &n, 0));
	CloseHandle(s);
	OK(ReadFile(c, text, 64, &n, 0));
	OK(WriteFile(c, "x", 1, &n, 0));
	CloseHandle(c);
	CloseHandle(c2);
	CloseHandle(s2);
	OK(CreateFileA(NAME, GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0) != INVALID_HANDLE_VALUE);
}

static DWORD WINAPI answers(void *arg)
{
	char text[64];
	DWORD n;

	if (!ConnectNamedPipe(arg, 0) && GetLastError() != ERROR_PIPE_CONNECTED)
		printf("no connection: %lu\n", GetLastError());
	while (ReadFile(arg, text, sizeof text, &n, 0)) {
		for (DWORD i = 0; i < n; i++)
			text[i] ^= 0x20;
		WriteFile(arg, text, n, &n, 0);
	}
	return 0;
}

static void transactions(void)
{
	HANDLE s = server(PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1), t = CreateThread(0, 0, answers, s, 0, 0), c;
	char text[64] = "";
	DWORD n, mode = PIPE_READMODE_MESSAGE;

	OK(CallNamedPipeA(NAME, "called", 6, text, sizeof text, &n, 2000));
	printf("%lu %s\n", n, text);
	WaitForSingleObject(t, 60000);
	DisconnectNamedPipe(s);
	t = CreateThread(0, 0, answers, s, 0, 0);
	OK(WaitNamedPipeA(NAME, 2000));
	c = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, 0, 0);
	SetNamedPipeHandleState(c, &mode, 0, 0);
	OK(TransactNamedPipe(c, "HELLO", 5, text, sizeof text, &n, 0));
	printf("%lu %.5s\n", n, text);
	CloseHandle(c);
	WaitForSingleObject(t, 60000);
	CloseHandle(s);
}

int main(int argc, char **argv)
{
	t_start();
	if (argc > 1) {
		printf("a line of the child\n");
		return 4;
	}
	flushed = CreateEventA(0, FALSE, FALSE, 0);
	anonymous();
	bytes();
	messages();
	transactions();
	return 0;
}
