/* SPDX-License-Identifier: MIT */
/* Objects between processes: events, mutexes and semaphores by name, an owner and a waiter that die, handles given there and back. */
#include "t.h"

#define ROUNDS 2000
#define A "bailey between a"
#define B "bailey between b"
#define M "bailey between m"
#define S "bailey between s"
#define F "bailey between f"

static HANDLE start(const char *args)
{
	char self[MAX_PATH], line[1024];
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi = { 0 };

	GetModuleFileNameA(0, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" %s", self, args);
	if (!CreateProcessA(0, line, 0, 0, TRUE, 0, 0, 0, &si, &pi))
		printf("CreateProcess: error %lu\n", GetLastError());
	CloseHandle(pi.hThread);
	return pi.hProcess;
}

static DWORD end(HANDLE p)
{
	DWORD code = ~0u;

	if (WaitForSingleObject(p, 60000) == WAIT_OBJECT_0)
		GetExitCodeProcess(p, &code);
	CloseHandle(p);
	return code;
}

static int child(const char *what)
{
	HANDLE a = OpenEventA(EVENT_ALL_ACCESS, 0, A), b = OpenEventA(EVENT_ALL_ACCESS, 0, B), m = OpenMutexA(MUTEX_ALL_ACCESS, 0, M);
	HANDLE s = OpenSemaphoreA(SEMAPHORE_ALL_ACCESS, 0, S);

	if (!strcmp(what, "pong")) {
		for (int i = 0; i < ROUNDS; i++) {
			WaitForSingleObject(a, INFINITE);
			SetEvent(b);
		}
		return 7;
	}
	if (!strcmp(what, "own") || !strcmp(what, "hold")) {
		WaitForSingleObject(m, INFINITE);
		SetEvent(a);
		Sleep(*what == 'o' ? 20 : 60000);
		return 8;
	}
	if (!strcmp(what, "wait")) {
		SetEvent(a);
		WaitForSingleObject(b, INFINITE);
		return 9;
	}
	if (!strcmp(what, "both")) {
		HANDLE h[2] = { m, s };
		volatile int *n = MapViewOfFile(OpenFileMappingA(FILE_MAP_WRITE, 0, F), FILE_MAP_WRITE, 0, 0, 0);

		for (int i = 0; i < ROUNDS; i++) {
			if (WaitForMultipleObjects(2, h, TRUE, INFINITE) != WAIT_OBJECT_0)
				return 1;
			++*n;
			ReleaseMutex(m);
			ReleaseSemaphore(s, 1, 0);
		}
		return 10;
	}
	return 2;
}

int main(int argc, char **argv)
{
	t_start();
	if (argc > 1)
		return child(argv[1]);

	HANDLE a = CreateEventA(0, 0, 0, A), b = CreateEventA(0, 0, 0, B), m = CreateMutexA(0, 0, M), s = CreateSemaphoreA(0, 1, 1, S), p;

	p = start("pong");
	for (int i = 0; i < ROUNDS; i++)
		if (SignalObjectAndWait(a, b, 60000, FALSE) != WAIT_OBJECT_0)
			printf("round %d: lost\n", i);
	NUM(end(p));

	p = start("own");
	WAITS(WaitForSingleObject(a, 60000));
	WAITS(WaitForSingleObject(m, 60000));
	OK(ReleaseMutex(m));
	NUM(end(p));
	p = start("hold");
	WAITS(WaitForSingleObject(a, 60000));
	WAITS(WaitForSingleObject(m, 0));
	OK(TerminateProcess(p, 99));
	WAITS(WaitForSingleObject(m, 60000));
	OK(ReleaseMutex(m));
	NUM(end(p));

	/* What a dead process waited for is not lost with it. */
	p = start("wait");
	WAITS(WaitForSingleObject(a, 60000));
	Sleep(20);
	OK(TerminateProcess(p, 98));
	NUM(end(p));
	OK(SetEvent(b));
	WAITS(WaitForSingleObject(b, 0));

	HANDLE map = CreateFileMappingA(INVALID_HANDLE_VALUE, 0, PAGE_READWRITE, 0, 4096, F), ps[3];
	volatile int *n = MapViewOfFile(map, FILE_MAP_WRITE, 0, 0, 0);
	for (int i = 0; i < 3; i++)
		ps[i] = start("both");
	WAITS(WaitForMultipleObjects(3, ps, TRUE, 60000));
	NUM(*n);
	for (int i = 0; i < 3; i++)
		NUM(end(ps[i]));

	HANDLE e = CreateEventA(0, TRUE, FALSE, 0), theirs = 0, back = 0;
	p = start("wait");
	WAITS(WaitForSingleObject(a, 60000));
	OK(DuplicateHandle(GetCurrentProcess(), e, p, &theirs, 0, FALSE, DUPLICATE_SAME_ACCESS));
	OK(DuplicateHandle(p, theirs, GetCurrentProcess(), &back, SYNCHRONIZE, FALSE, DUPLICATE_CLOSE_SOURCE));
	OK(SetEvent(back));
	OK(DuplicateHandle(p, theirs, GetCurrentProcess(), &theirs, SYNCHRONIZE, FALSE, 0));
	OK(SetEvent(e));
	WAITS(WaitForSingleObject(back, 0));
	OK(SetEvent(b));
	NUM(end(p));

	CloseHandle(s);
	CloseHandle(a);
	OK(OpenEventA(EVENT_ALL_ACCESS, 0, A));
	return 0;
}
