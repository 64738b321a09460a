/* SPDX-License-Identifier: MIT */
/*
 * tests/death/nt_busy.c - Windows processes that share events, mutants, pipes, sections and the registry, some of which will be
 * killed from outside.
 *
 *	nt_busy WORKERS SECONDS	prints "up", then "tick" and counts again and again; keeps WORKERS busy processes alive.  When one has died its
 *				handle is signalled, its end of a pipe broken, its mutants are abandoned.  "BAD" begins each line about
 *				something that is not so.
 *	nt_busy worker NUMBER	what it starts
 */
#define _WIN32_WINNT 0x0a00
#include <windows.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTANTS 4
#define WORKERS_MAX 16
#define PATIENCE_MS 60000

static struct shared {
	volatile LONG counter, pids[WORKERS_MAX], tids[WORKERS_MAX];
	volatile LONG suspends[WORKERS_MAX]; /* the thread that a worker has suspended, or is about to */
} *shared;
static HANDLE mutants[MUTANTS], event, semaphore;
static unsigned state;

static unsigned rnd(void)
{
	state = state * 1103515245u + 12345u;
	return state >> 8 & 0xffff;
}

static void open_all(void)
{
	char name[40];

	for (unsigned i = 0; i < MUTANTS; i++) {
		snprintf(name, sizeof name, "Local\\busy%u", i);
		mutants[i] = CreateMutexA(NULL, FALSE, name);
	}
	event = CreateEventA(NULL, FALSE, FALSE, "Local\\busy-event");
	semaphore = CreateSemaphoreA(NULL, 2, 1000, "Local\\busy-semaphore");
	shared = MapViewOfFile(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "Local\\busy-section"), FILE_MAP_WRITE, 0, 0, 0);
}

static void stays_held(unsigned i)
{
	LONG(WINAPI * query)() = (LONG(WINAPI *)())GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtQueryMutant");
	struct { LONG count; BOOLEAN mine, abandoned; } b = { 0 };
	struct { HANDLE process, thread; } owner = { 0 };
	LONG suspended;
	HANDLE t;

	query(mutants[i], 0, &b, 8, NULL);
	query(mutants[i], 1, &owner, sizeof owner, NULL);
	t = OpenThread(THREAD_ALL_ACCESS, FALSE, (DWORD)(uintptr_t)owner.thread);
	suspended = t ? SuspendThread(t) : 0;
	printf("BAD mutant %u stays held: count %ld, owner %lu.%lu, suspended %ld times\n", i, b.count, (unsigned long)(uintptr_t)owner.process, (unsigned long)(uintptr_t)owner.thread, suspended);
	ResumeThread(t);
	CloseHandle(t);
}

/* ---- a worker ---- */

static DWORD WINAPI nothing(void *arg) { return 0; }

static void hold(void)
{
	HANDLE m = mutants[rnd() % MUTANTS];

	if (WaitForSingleObject(m, PATIENCE_MS) == WAIT_TIMEOUT)
		return;
	for (volatile unsigned i = rnd() * 40; i > 0; i--)
		shared->counter++;
	ReleaseMutex(m);
}

static void hold_two(void)
{
	HANDLE two[2] = { mutants[rnd() % 2], mutants[2 + rnd() % 2] };
	DWORD got = WaitForMultipleObjects(2, two, TRUE, 50);

	if (got != WAIT_TIMEOUT && got != WAIT_FAILED) {
		ReleaseMutex(two[0]);
		ReleaseMutex(two[1]);
	}
}

static void registry(unsigned number)
{
	char name[40];
	HKEY k;

	snprintf(name, sizeof name, "busy\\%u\\%u", number, rnd() % 5);
	if (RegCreateKeyA(HKEY_CURRENT_USER, name, &k) != 0)
		return;
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "value%u", rnd() % 20);
		RegSetValueExA(k, name, 0, REG_SZ, (void *)name, 8);
	}
	RegCloseKey(k);
}

static void files(unsigned number)
{
	char name[80];
	HANDLE f;
	DWORD n;

	snprintf(name, sizeof name, "C:\\windows\\temp\\busy%u", rnd() % 2 ? number : 99);
	f = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 7, NULL, OPEN_ALWAYS, rnd() % 4 ? 0 : FILE_FLAG_DELETE_ON_CLOSE, NULL);
	if (LockFile(f, 0, 0, 10, 0)) {
		WriteFile(f, name, 10, &n, NULL);
		UnlockFile(f, 0, 0, 10, 0);
	}
	CloseHandle(f);
}

static void pipes(unsigned number)
{
	OVERLAPPED o = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
	char name[60], block[2000] = "";
	HANDLE s, c;
	DWORD n;

	snprintf(name, sizeof name, "\\\\.\\pipe\\busy%u", number % 3);
	s = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, 0, 255, 1000, 1000, 0, NULL);
	ConnectNamedPipe(s, &o);
	c = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL); /* perhaps another worker's */
	ReadFile(c, block, sizeof block, NULL, &o);
	WriteFile(c, block, sizeof block, NULL, &o);
	WriteFile(s, block, 100, &n, &o);
	WaitForSingleObject(o.hEvent, 1);
	CancelIo(c);
	CloseHandle(c);
	CancelIo(s);
	CloseHandle(s);
	CloseHandle(o.hEvent);
}

static void sections(void)
{
	HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 1 << 20, NULL);
	char *p = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);

	if (p) {
		memset(p, 1, 1 << 16);
		UnmapViewOfFile(p);
	}
	CloseHandle(s);
	VirtualFree(VirtualAlloc(NULL, 1 << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), 0, MEM_RELEASE);
}

/* Of another worker, which may be dying. */
static void others(unsigned number)
{
	unsigned which = rnd() % WORKERS_MAX;
	HANDLE p = OpenProcess(PROCESS_ALL_ACCESS, FALSE, (DWORD)shared->pids[which]), t, d;
	CONTEXT c = { .ContextFlags = CONTEXT_FULL };
	char word[8];

	if (p == NULL)
		return;
	ReadProcessMemory(p, (void *)hold, word, sizeof word, NULL);
	VirtualFreeEx(p, VirtualAllocEx(p, NULL, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), 0, MEM_RELEASE);
	if (DuplicateHandle(GetCurrentProcess(), event, p, &d, 0, FALSE, DUPLICATE_SAME_ACCESS))
		DuplicateHandle(p, d, NULL, NULL, 0, FALSE, DUPLICATE_CLOSE_SOURCE);
	t = OpenThread(THREAD_ALL_ACCESS, FALSE, (DWORD)shared->tids[which]);
	if (t && GetThreadId(t) != GetCurrentThreadId()) {
		shared->suspends[number] = (LONG)GetThreadId(t);
		if (SuspendThread(t) != (DWORD)-1) {
			GetThreadContext(t, &c);
			ResumeThread(t);
		}
		shared->suspends[number] = 0;
	}
	CloseHandle(t);
	CloseHandle(p);
}

static HANDLE start(const char *args, HANDLE out)
{
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi = { 0 };
	char self[MAX_PATH], line[400];

	/* Others get none: one whose parent dies before it lets it go stays for ever, and would keep the parent's pipe. */
	si.dwFlags = STARTF_USESTDHANDLES;
	si.hStdOutput = si.hStdError = out;
	GetModuleFileNameA(NULL, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" %s", self, args);
	if (CreateProcessA(self, line, NULL, NULL, out != NULL, 0, NULL, NULL, &si, &pi))
		CloseHandle(pi.hThread);
	return pi.hProcess;
}

static int worker(unsigned number)
{
	HANDLE h;
	DWORD n;

	state = GetCurrentProcessId() * 77u;
	shared->pids[number] = (LONG)GetCurrentProcessId();
	shared->tids[number] = (LONG)GetCurrentThreadId();
	for (unsigned i = 0;; i++) {
		switch (rnd() % 12) {
		case 0:
		case 1: hold(); break;
		case 2: hold_two(); break;
		case 3: registry(number); break;
		case 4: files(number); break;
		case 5: pipes(number); break;
		case 6: sections(); break;
		case 7: others(number); break;
		case 8:
			h = CreateThread(NULL, 0, nothing, NULL, 0, NULL);
			WaitForSingleObject(h, PATIENCE_MS);
			CloseHandle(h);
			break;
		case 9:
			SetEvent(event);
			if (WaitForSingleObject(semaphore, 1) == WAIT_OBJECT_0)
				ReleaseSemaphore(semaphore, 1, NULL);
			WaitForSingleObject(event, 1);
			break;
		case 10:
			if (i % 8 == 0) {
				h = start("end", NULL);
				WaitForSingleObject(h, PATIENCE_MS);
				CloseHandle(h);
			}
			break;
		default: WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), "x", 1, &n, NULL); break;
		}
	}
}

/* ---- who looks after them ---- */

static struct one {
	HANDLE process, pipe, reader;
} all[WORKERS_MAX];

static DWORD WINAPI read_to_end(void *arg)
{
	char block[500];
	DWORD n;

	while (ReadFile((HANDLE)arg, block, sizeof block, &n, NULL))
		;
	return GetLastError();
}

static void start_worker(unsigned number)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, NULL, TRUE };
	struct one *o = &all[number];
	HANDLE out;
	char args[40];

	CreatePipe(&o->pipe, &out, &sa, 0);
	SetHandleInformation(o->pipe, HANDLE_FLAG_INHERIT, 0);
	snprintf(args, sizeof args, "worker %u", number);
	o->process = start(args, out);
	if (o->process == NULL)
		printf("BAD no worker starts: %lu\n", GetLastError());
	CloseHandle(out);
	o->reader = CreateThread(NULL, 0, read_to_end, o->pipe, 0, NULL);
}

/* A thread that it had suspended stays so, with a mutant perhaps that all others wait for. */
static void resume_for(unsigned number)
{
	HANDLE t = shared->suspends[number] ? OpenThread(THREAD_ALL_ACCESS, FALSE, (DWORD)shared->suspends[number]) : NULL;

	shared->suspends[number] = 0;
	if (t)
		ResumeThread(t);
	CloseHandle(t);
}

/* It has been killed: what was its own is gone. */
static void see_off(unsigned number)
{
	struct one *o = &all[number];
	DWORD code = 0, error = 0;

	resume_for(number);
	GetExitCodeProcess(o->process, &code);
	if (code != 137)
		printf("BAD a killed process ended with %lx\n", code);
	if (WaitForSingleObject(o->reader, PATIENCE_MS) != WAIT_OBJECT_0)
		printf("BAD a dead process's pipe is not broken\n");
	GetExitCodeThread(o->reader, &error);
	if (error != ERROR_BROKEN_PIPE)
		printf("BAD a dead process's pipe ends with error %lu\n", error);
	CloseHandle(o->reader);
	CloseHandle(o->pipe);
	CloseHandle(o->process);
}

static unsigned workers, deaths, abandoned;

/* Waits ms for a death, and sees to it. */
static void look_after(DWORD ms)
{
	HANDLE processes[WORKERS_MAX];
	DWORD got;

	for (unsigned i = 0; i < workers; i++)
		processes[i] = all[i].process;
	got = WaitForMultipleObjects(workers, processes, FALSE, ms);
	if (got >= workers)
		return;
	deaths++;
	see_off(got);
	start_worker(got);
}

/* A mutant can be had, though whoever holds it may be suspended by one who has died meanwhile. */
static void try_mutant(unsigned i)
{
	DWORD got = WAIT_TIMEOUT;

	for (DWORD waited = 0; got == WAIT_TIMEOUT && waited < PATIENCE_MS; waited += 100) {
		if (waited != 0)
			look_after(0);
		got = WaitForSingleObject(mutants[i], 100);
	}
	abandoned += got == WAIT_ABANDONED_0;
	if (got == WAIT_TIMEOUT)
		stays_held(i);
	else
		ReleaseMutex(mutants[i]);
}

int main(int argc, char **argv)
{
	DWORD until;

	SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
	if (argc == 2)
		return 0;
	if (argc < 3)
		return 2;
	open_all();
	if (strcmp(argv[1], "worker") == 0)
		return worker((unsigned)atoi(argv[2]));
	workers = (unsigned)atoi(argv[1]);
	setvbuf(stdout, NULL, _IONBF, 0);
	for (unsigned i = 0; i < workers; i++)
		start_worker(i);
	printf("up\n");
	for (until = GetTickCount() + 1000 * (DWORD)atoi(argv[2]); GetTickCount() < until;) {
		look_after(20);
		for (unsigned i = 0; i < MUTANTS; i++)
			try_mutant(i);
		printf("tick %u %u\n", deaths, abandoned);
	}
	printf("done\n");
	TerminateProcess(GetCurrentProcess(), 0);
	return 0;
}
