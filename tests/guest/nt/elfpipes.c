/* SPDX-License-Identifier: MIT */
/* Linux programs with ends of Windows' pipes as their standard descriptors: anonymous ones, overlapped named ones, messages, ends that go. */
/* wine: starts Linux programs with no ends of its pipes. */
#include "t.h"

static HANDLE start(const char *script, HANDLE in, HANDLE out, HANDLE err)
{
	STARTUPINFOA si = { .cb = sizeof si, .dwFlags = STARTF_USESTDHANDLES, .hStdInput = in, .hStdOutput = out, .hStdError = err };
	PROCESS_INFORMATION pi;
	char line[1024];

	sprintf(line, "sh -c \"%s\"", script);
	if (!CreateProcessA("Z:\\bin\\sh", line, 0, 0, TRUE, 0, 0, 0, &si, &pi)) {
		printf("CreateProcess: %lu\n", GetLastError());
		return 0;
	}
	CloseHandle(pi.hThread);
	return pi.hProcess;
}

static DWORD end(HANDLE process)
{
	DWORD code = ~0u;

	WaitForSingleObject(process, 10000);
	GetExitCodeProcess(process, &code);
	CloseHandle(process);
	return code;
}

/* Until the other end is gone; how much it was and a sum. */
static void drain(const char *what, HANDLE pipe, int show)
{
	static char buffer[400000];
	DWORD n, total = 0, sum = 0;

	while (ReadFile(pipe, buffer + total, sizeof buffer - 1 - total, &n, 0))
		total += n;
	for (DWORD i = 0; i < total; i++)
		sum = sum * 31 + (unsigned char)buffer[i];
	buffer[total] = 0;
	if (show)
		printf("%s: %s", what, buffer);
	printf("%s: %lu bytes, sum %08lx, error %lu\n", what, total, sum, GetLastError());
}

static void pair(HANDLE *r, HANDLE *w, int inherit_write)
{
	CreatePipe(r, w, 0, 0);
	SetHandleInformation(inherit_write ? *w : *r, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
}

static void anonymous(void)
{
	HANDLE in_r, in_w, out_r, out_w, p;
	char big[5000];
	DWORD n;

	pair(&in_r, &in_w, 0);
	pair(&out_r, &out_w, 1);
	p = start("read a; echo first $a; cat; test -p /dev/fd/0 && echo a pipe; exit 5", in_r, out_w, out_w);
	CloseHandle(in_r);
	CloseHandle(out_w);
	OK(WriteFile(in_w, "line\nrest\n", 10, &n, 0));
	CloseHandle(in_w);
	drain("anonymous", out_r, 1);
	printf("exit %lu\n", end(p));
	CloseHandle(out_r);

	/* More than fits, both ways. */
	pair(&in_r, &in_w, 0);
	pair(&out_r, &out_w, 1);
	p = start("cksum; head -c 300000 /dev/zero | tr '\\\\0' c", in_r, out_w, 0);
	CloseHandle(in_r);
	CloseHandle(out_w);
	memset(big, 'a', sizeof big);
	for (int i = 0; i < 10; i++)
		WriteFile(in_w, big, sizeof big, &n, 0) && n == sizeof big || printf("write %d: %lu\n", i, GetLastError());
	CloseHandle(in_w);
	drain("much", out_r, 0);
	printf("exit %lu\n", end(p));
	CloseHandle(out_r);
}

static HANDLE named(const char *name, DWORD mode, HANDLE *client)
{
	SECURITY_ATTRIBUTES inherit = { sizeof inherit, 0, TRUE };
	HANDLE server = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, mode, 1, 1000, 1000, 0, 0);

	*client = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, &inherit, OPEN_EXISTING, 0, 0);
	return server;
}

static DWORD finish(HANDLE pipe, OVERLAPPED *o, BOOL ok)
{
	DWORD n = 0;

	if (!ok && GetLastError() != ERROR_IO_PENDING)
		return printf("error %lu\n", GetLastError()), 0;
	if (WaitForSingleObject(o->hEvent, 5000))
		return printf("nothing came\n"), 0;
	if (!GetOverlappedResult(pipe, o, &n, FALSE))
		printf("ended: %lu\n", GetLastError());
	return n;
}

static void overlapped(void)
{
	OVERLAPPED r = { .hEvent = CreateEventA(0, 0, 0, 0) }, w = { .hEvent = CreateEventA(0, 0, 0, 0) };
	char buffer[256] = "", big[3000];
	HANDLE client, server = named("\\\\.\\pipe\\elf", PIPE_TYPE_BYTE, &client), p;
	DWORD n, there = 0;
	BOOL ok;

	p = start("read a; echo $a back; head -c 2500 | tail -c 3; sleep 0.1", client, client, client);
	CloseHandle(client);
	ok = ReadFile(server, buffer, sizeof buffer, 0, &r); /* waits before there is anything */
	printf("pending %d\n", !ok && GetLastError() == ERROR_IO_PENDING);
	finish(server, &w, WriteFile(server, "duplex\n", 7, 0, &w));
	n = finish(server, &r, 1);
	printf("read %.*s", (int)n, buffer);
	memset(big, 'x', sizeof big);
	n = finish(server, &w, WriteFile(server, big, 2500, 0, &w)); /* until it was read */
	printf("written %lu\n", n);
	for (int i = 0; i < 100 && !there; i++) {
		Sleep(10);
		PeekNamedPipe(server, buffer, 2, &n, &there, 0);
	}
	printf("peek %.*s of %lu\n", (int)n, buffer, there);
	finish(server, &r, ReadFile(server, buffer, sizeof buffer, 0, &r));
	printf("exit %lu\n", end(p));
	finish(server, &r, ReadFile(server, buffer, sizeof buffer, 0, &r));
	CloseHandle(server);
}

static void messages(void)
{
	OVERLAPPED r = { .hEvent = CreateEventA(0, 0, 0, 0) };
	char buffer[256] = "";
	HANDLE client, server = named("\\\\.\\pipe\\elfm", PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, &client), p;
	DWORD n;

	p = start("echo one; echo two; exec 0<&- 1>&- 2>&-; sleep 0.2", client, client, client);
	CloseHandle(client);
	for (int i = 0; i < 2; i++) {
		n = finish(server, &r, ReadFile(server, buffer, sizeof buffer, 0, &r));
		printf("message %.*s", (int)n, buffer);
	}
	finish(server, &r, ReadFile(server, buffer, sizeof buffer, 0, &r)); /* closed while it runs */
	printf("exit %lu\n", end(p));
	CloseHandle(server);
}

static void gone(void)
{
	HANDLE out_r, out_w, p;

	pair(&out_r, &out_w, 1);
	p = start("sleep 0.1; trap '' PIPE; echo x || exit 9", 0, out_w, 0);
	CloseHandle(out_w);
	CloseHandle(out_r);
	printf("nobody reads: exit %lu\n", end(p));
	pair(&out_r, &out_w, 1);
	p = start("sleep 100 & kill -9 $$", 0, out_w, 0);
	CloseHandle(out_w);
	printf("killed: %d\n", end(p) != 0);
	CloseHandle(out_r);
}

/* With a Linux pipe for its input. */
static int peek(void)
{
	char text[8] = "";
	HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
	DWORD n = 0, there = 0;

	for (int i = 0; i < 500 && there < 3 && PeekNamedPipe(in, 0, 0, 0, &there, 0); i++)
		Sleep(10);
	PeekNamedPipe(in, text, 2, &n, &there, 0);
	printf("peek %lu '%s' of %lu\n", n, text, there);
	ReadFile(in, text, 7, &n, 0);
	printf("read %lu '%s'\n", n, text);
	while (PeekNamedPipe(in, 0, 0, 0, &there, 0) && there == 0)
		Sleep(10);
	printf("over %lu\n", GetLastError());
	return 0;
}

static void windows_from_linux(void)
{
	char self[MAX_PATH] = "", script[2 * MAX_PATH];

	GetModuleFileNameA(0, self, sizeof self);
	for (char *p = self; *p; p++)
		if (*p == '\\')
			*p = '/';
	sprintf(script, "{ printf abc; sleep 0.1; } | %s peek", self + 2);
	printf("exit %lu\n", end(start(script, 0, GetStdHandle(STD_OUTPUT_HANDLE), 0)));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, 0, _IONBF, 0);
	if (argc > 1)
		return peek();
	windows_from_linux();
	anonymous();
	overlapped();
	messages();
	gone();
	return 0;
}
