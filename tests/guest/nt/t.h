/* SPDX-License-Identifier: MIT */
/*
 * What the Windows test programs share.  Output is written in binary mode, so a recorded output has bare newlines, and at
 * once, so that what a crashing program has said is not lost.
 */
#ifndef TESTS_GUEST_NT_T_H
#define TESTS_GUEST_NT_T_H

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0a00
#endif
#include <windows.h>
#include <winternl.h>
#include <fcntl.h>
#include <io.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Binary and unbuffered: called first in every main. */
static inline void t_start(void)
{
	_setmode(1, _O_BINARY);
	setvbuf(stdout, 0, _IONBF, 0);
	SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
}

/* Prints what a call returned, and the last error where that is "no". */
static inline BOOL t_ok(const char *what, BOOL good)
{
	DWORD error = GetLastError();

	if (good)
		printf("%s: ok\n", what);
	else
		printf("%s: error %lu\n", what, error);
	SetLastError(0);
	return good;
}

#define OK(call) t_ok(#call, !!(call))
#define NUM(expr) printf("%s = %lld\n", #expr, (long long)(expr))
#define HEX(expr) printf("%s = %#llx\n", #expr, (unsigned long long)(expr))
#define WAITS(expr) t_wait(#expr, (expr))

/* Prints the name of what a wait returned. */
static inline DWORD t_wait(const char *what, DWORD got)
{
	DWORD error = GetLastError();

	if (got == WAIT_TIMEOUT)
		printf("%s: timeout\n", what);
	else if (got == WAIT_IO_COMPLETION)
		printf("%s: io completion\n", what);
	else if (got == WAIT_FAILED)
		printf("%s: failed, error %lu\n", what, error);
	else if (got >= WAIT_ABANDONED_0 && got < WAIT_ABANDONED_0 + 64)
		printf("%s: abandoned %lu\n", what, got - WAIT_ABANDONED_0);
	else
		printf("%s: object %lu\n", what, got);
	SetLastError(0);
	return got;
}

/* A function of ntdll by its name. */
static inline void *t_nt(const char *name)
{
	void *f = (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), name);

	if (!f) {
		printf("ntdll has no %s\n", name);
		exit(99);
	}
	return f;
}

/* Starts this program again with ARGS; its standard handles are ours.  The process handle is the caller's to close. */
static inline HANDLE t_again(const char *args)
{
	char self[MAX_PATH], line[1024];
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi;

	GetModuleFileNameA(0, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" %s", self, args);
	if (!CreateProcessA(self, line, 0, 0, TRUE, 0, 0, 0, &si, &pi)) {
		printf("CreateProcess: error %lu\n", GetLastError());
		exit(98);
	}
	CloseHandle(pi.hThread);
	return pi.hProcess;
}

/* Waits for a process, closes its handle, returns its exit code. */
static inline DWORD t_reap(HANDLE process)
{
	DWORD code = 0xdead;

	if (WaitForSingleObject(process, 60000) != WAIT_OBJECT_0)
		printf("the child does not end\n");
	GetExitCodeProcess(process, &code);
	CloseHandle(process);
	return code;
}

#endif
