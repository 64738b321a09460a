/* SPDX-License-Identifier: MIT */
/* Locks on byte ranges: shared and exclusive, overlaps, reads and writes against them, waiting, another process, release by close. */
/* wine: reads and writes do not mind locks, and a range that is locked otherwise is "violated", not "not locked". */
#include "t.h"

static HANDLE opened(void)
{
	return CreateFileA("l", GENERIC_READ | GENERIC_WRITE, 7, 0, OPEN_ALWAYS, FILE_FLAG_OVERLAPPED, 0);
}

static BOOL lock(HANDLE h, DWORD flags, DWORD at, DWORD n, OVERLAPPED *o)
{
	memset(o, 0, sizeof *o);
	o->Offset = at;
	return LockFileEx(h, flags, 0, n, 0, o);
}

static BOOL io(HANDLE h, int write, DWORD at, DWORD size)
{
	char data[64] = "";
	OVERLAPPED o = { .Offset = at };
	DWORD n;

	o.hEvent = CreateEventA(0, TRUE, FALSE, 0);
	BOOL good = write ? WriteFile(h, data, size, 0, &o) : ReadFile(h, data, size, 0, &o);
	if (!good && GetLastError() == ERROR_IO_PENDING)
		good = GetOverlappedResult(h, &o, &n, TRUE);
	DWORD error = GetLastError();
	CloseHandle(o.hEvent);
	SetLastError(error);
	return good;
}

#define NOW LOCKFILE_FAIL_IMMEDIATELY
#define EX LOCKFILE_EXCLUSIVE_LOCK

static DWORD WINAPI unlocks(void *h)
{
	Sleep(100);
	UnlockFile(h, 0, 0, 10, 0);
	return 0;
}

static int child(void)
{
	HANDLE h = opened();
	OVERLAPPED o;

	t_ok("child locks what is locked", lock(h, NOW | EX, 5, 1, &o));
	t_ok("child reads what is locked", io(h, 0, 0, 10));
	t_ok("child locks elsewhere", lock(h, NOW | EX, 50, 1, &o));
	return 0;
}

int main(int argc, char **argv)
{
	HANDLE a, b;
	OVERLAPPED o, w;
	DWORD n;

	t_start();
	if (argc > 1)
		return child();
	a = opened();
	b = opened();
	OK(io(a, 1, 0, 60));
	OK(lock(a, NOW | EX, 0, 10, &o));
	OK(lock(a, NOW | EX, 0, 10, &o));
	OK(lock(b, NOW | EX, 9, 2, &o));
	OK(lock(b, NOW, 0, 1, &o));
	OK(lock(b, NOW | EX, 10, 10, &o));
	OK(io(a, 0, 0, 10));
	OK(io(a, 1, 0, 10));
	OK(io(b, 0, 0, 10));
	OK(io(b, 1, 5, 10));
	OK(io(a, 0, 5, 10));
	OK(io(b, 0, 20, 10));
	OK(UnlockFile(a, 0, 0, 5, 0));
	OK(UnlockFile(b, 0, 0, 10, 0));
	OK(UnlockFile(a, 0, 0, 10, 0));
	OK(io(b, 0, 0, 10));
	OK(UnlockFile(b, 10, 0, 10, 0));

	OK(lock(a, NOW, 0, 10, &o));
	OK(lock(b, NOW, 5, 10, &o));
	OK(lock(a, NOW | EX, 30, 0, &o));
	OK(lock(b, NOW | EX, 0, 4, &o));
	OK(io(b, 0, 0, 10));
	OK(io(b, 1, 0, 2));
	OK(io(a, 1, 0, 2));
	OK(UnlockFile(b, 5, 0, 10, 0));
	OK(UnlockFile(a, 0, 0, 10, 0));

	OK(lock(a, NOW | EX, 0, 10, &o));
	CreateThread(0, 0, unlocks, a, 0, 0);
	memset(&w, 0, sizeof w);
	w.hEvent = CreateEventA(0, TRUE, FALSE, 0);
	BOOL good = LockFileEx(b, EX, 0, 10, 0, &w);
	if (!good && GetLastError() == ERROR_IO_PENDING)
		good = GetOverlappedResult(b, &w, &n, TRUE);
	t_ok("waited for", good);
	printf("child: %lu\n", t_reap(t_again("child")));
	OK(lock(a, NOW | EX, 0, 5, &o));
	CloseHandle(b);
	OK(lock(a, NOW | EX, 0, 5, &o));
	OK(lock(a, NOW | EX, 50, 1, &o));
	memset(&o, 0, sizeof o);
	o.OffsetHigh = 0x70000000;
	OK(LockFileEx(a, NOW | EX, 0, 1, 0, &o));
	return 0;
}
