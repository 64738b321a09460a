/* SPDX-License-Identifier: MIT */
/*
 * nt/dll/conhost.c - conhost.exe, which kernelbase.dll starts for a new console: there the kernel itself is the host (nt/con).
 *
 * It tells the kernel which kind the console behind its --server handle is.  For a pseudo console (--headless, --signal) it gets the master
 * of a pty, and carries bytes between that and its standard handles until the signal pipe's other end is closed.
 */
#include <windows.h>

NTSTATUS NTAPI NtDeviceIoControlFile(HANDLE file, HANDLE event, void *apc, void *context, void *iosb, ULONG code, void *in, ULONG in_size, void *out, ULONG out_size);
#define PSEUDO_DECIDE 0x50f000
#define PSEUDO_CTRL_C 0x50f004
#define PSEUDO_CLOSE  0x50f008
#define CTRL_C 3
#define QUIET  3 /* times 10 ms without output: all of it has gone */

static HANDLE server, master;
static volatile LONG moved;

static LONG ask(ULONG code, void *in, ULONG in_size, void *out, ULONG out_size)
{
	ULONG_PTR iosb[2];

	return NtDeviceIoControlFile(server, NULL, NULL, NULL, iosb, code, in, in_size, out, out_size);
}

/* The number behind an option, decimal or from 0x on hexadecimal; 0: it is not there. */
static ULONG_PTR option(const WCHAR *line, const WCHAR *name)
{
	for (; *line; line++) {
		const WCHAR *a = line, *b = name;
		ULONG_PTR value = 0, base = 10;

		while (*b && *a == *b)
			a++, b++;
		if (*b || *a++ != ' ')
			continue;
		if (a[0] == '0' && a[1] == 'x')
			a += 2, base = 16;
		for (;; a++) {
			ULONG_PTR digit = *a >= '0' && *a <= '9' ? *a - '0' : *a >= 'a' && *a <= 'f' ? *a - 'a' + 10 : *a >= 'A' && *a <= 'F' ? *a - 'A' + 10 : 99;

			if (digit >= base)
				return value;
			value = value * base + digit;
		}
	}
	return 0;
}

/* A failure that means only that nobody has connected to a pipe's other end yet. */
static BOOL not_yet(void)
{
	if (GetLastError() != ERROR_PIPE_LISTENING)
		return FALSE;
	Sleep(2);
	return TRUE;
}

static DWORD WINAPI show(void *to)
{
	char buffer[2048];
	DWORD n, done;

	while (ReadFile(master, buffer, sizeof buffer, &n, NULL) && n != 0) {
		InterlockedIncrement(&moved);
		while (!WriteFile(to, buffer, n, &done, NULL) && not_yet()) /* nobody may be there any more */
			;
	}
	return 0;
}

static void hand_on(const char *bytes, DWORD n)
{
	DWORD from = 0, done;

	for (DWORD i = 0; i < n; i++) {
		if (bytes[i] != CTRL_C)
			continue;
		if (i > from)
			WriteFile(master, bytes + from, i - from, &done, NULL);
		from = ask(PSEUDO_CTRL_C, NULL, 0, NULL, 0) >= 0 ? i + 1 : i;
	}
	if (n > from)
		WriteFile(master, bytes + from, n - from, &done, NULL);
}

static DWORD WINAPI type(void *from)
{
	char buffer[1024];
	DWORD n;

	for (;;)
		if (ReadFile(from, buffer, sizeof buffer, &n, NULL))
			hand_on(buffer, n);
		else if (!not_yet())
			return 0;
}

static void drain(void)
{
	for (int quiet = 0, all = 0; quiet < QUIET && all < 100; all++) {
		LONG before = moved;

		Sleep(10);
		quiet = moved == before ? quiet + 1 : 0;
	}
}

void start(void)
{
	const WCHAR *line = GetCommandLineW();
	HANDLE signal = (HANDLE)option(line, L"--signal");
	DWORD size[2] = { 0, 0 }, n;
	ULONG_PTR handle = 0;
	char byte;

	server = (HANDLE)option(line, L"--server");
	if (signal) {
		size[0] = (DWORD)option(line, L"--width");
		size[1] = (DWORD)option(line, L"--height");
	}
	if (ask(PSEUDO_DECIDE, size, sizeof size, &handle, sizeof handle) < 0 || !handle)
		ExitProcess(signal != NULL);
	master = (HANDLE)handle;
	CloseHandle(CreateThread(NULL, 0, show, GetStdHandle(STD_OUTPUT_HANDLE), 0, NULL));
	CloseHandle(CreateThread(NULL, 0, type, GetStdHandle(STD_INPUT_HANDLE), 0, NULL));
	while (ReadFile(signal, &byte, 1, &n, NULL) && n != 0)
		;
	ask(PSEUDO_CLOSE, NULL, 0, NULL, 0);
	drain();
	ExitProcess(0);
}
