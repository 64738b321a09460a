/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/nt_bombs.c - a Windows program that takes all of one thing until it is refused, then more of it from many
 * processes at once.  Its sandbox may die of it; "survived" says it did not.
 */
#include "nt_hostile.h"

static DWORD until;

static int more(void) { return (LONG)(until - GetTickCount()) > 0; }
static DWORD WINAPI sleeper(void *arg) { Sleep(INFINITE); return 0; }
static void WINAPI called(ULONG_PTR arg) { }

static void processes(void)
{
	while (more())
		if (start_child("sleep") == NULL)
			Sleep(1);
}
static void threads(void)
{
	while (more())
		if (CreateThread(NULL, 65536, sleeper, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL) == NULL)
			Sleep(1);
}
static void handles(void)
{
	HANDLE e = CreateEventA(NULL, FALSE, FALSE, NULL), d;

	while (more() && DuplicateHandle(GetCurrentProcess(), e, GetCurrentProcess(), &d, 0, FALSE, DUPLICATE_SAME_ACCESS))
		(void)CreateEventA(NULL, FALSE, FALSE, NULL);
}
static void memory(void)
{
	while (more()) {
		char *p = VirtualAlloc(NULL, 8 << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

		if (p == NULL)
			return;
		memset(p, 1, 8 << 20);
	}
}
/* Allocations and, within one, runs of pages of one kind. */
static void reserve(void)
{
	char *p = VirtualAlloc(NULL, 1ull << 33, MEM_RESERVE, PAGE_READWRITE);

	for (uint64_t i = 0; p && more() && i < 1ull << 33; i += 8192)
		if (VirtualAlloc(p + i, 4096, MEM_COMMIT, PAGE_READWRITE) == NULL)
			return;
	while (more() && VirtualAlloc(NULL, 65536, MEM_RESERVE, PAGE_NOACCESS))
		;
}
static void sections(void)
{
	while (more()) {
		HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 64 << 20, NULL);
		char *p = s ? MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0) : NULL;

		if (p == NULL)
			return;
		memset(p, 1, 64 << 20);
	}
}
static void views(void)
{
	HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, NULL);

	while (more() && MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0))
		;
}
static void pipes(void)
{
	static char block[65536];

	for (unsigned i = 0; more(); i++) {
		char name[80];
		HANDLE s, c;
		DWORD n, mode = PIPE_NOWAIT;

		snprintf(name, sizeof name, "\\\\.\\pipe\\bomb%lu-%u", GetCurrentProcessId(), i);
		s = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 255, 1 << 20, 1 << 20, 0, NULL);
		c = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
		if (s == INVALID_HANDLE_VALUE || c == INVALID_HANDLE_VALUE)
			return;
		SetNamedPipeHandleState(c, &mode, NULL, NULL);
		while (more() && WriteFile(c, block, sizeof block, &n, NULL) && n)
			;
	}
}
static void timers(void)
{
	LARGE_INTEGER soon = { .QuadPart = -1 };

	while (more()) {
		HANDLE t = CreateWaitableTimerA(NULL, FALSE, NULL);

		if (t == NULL || !SetWaitableTimer(t, &soon, 1, NULL, NULL, FALSE))
			return;
	}
}
static void keys(void)
{
	HKEY k = HKEY_CURRENT_USER, next;
	char name[256];

	for (unsigned i = 0; more(); i++) {
		snprintf(name, sizeof name, "bomb%lu-%u-%0200u", GetCurrentProcessId(), i, i);
		if (RegCreateKeyA(k, name, &next) != 0)
			return;
		k = i % 500 == 499 ? HKEY_CURRENT_USER : next; /* deep, and many */
	}
}
static void values(void)
{
	static char data[60000];
	char name[64];
	HKEY k;

	RegCreateKeyA(HKEY_CURRENT_USER, "bomb", &k);
	for (unsigned i = 0; more(); i++) {
		snprintf(name, sizeof name, "%lu-%u", GetCurrentProcessId(), i);
		if (RegSetValueExA(k, name, 0, REG_BINARY, (void *)data, sizeof data) != 0)
			return;
	}
}
static void atoms(void)
{
	char name[64];

	for (unsigned i = 0; more(); i++) {
		snprintf(name, sizeof name, "bomb%lu-%u", GetCurrentProcessId(), i);
		if (GlobalAddAtomA(name) == 0)
			return;
	}
}
static void files(void)
{
	static char block[65536];
	char name[300];
	DWORD n;

	for (unsigned i = 0; more(); i++) {
		HANDLE f;

		snprintf(name, sizeof name, "C:\\windows\\temp\\%lu-%u-%0150u", GetCurrentProcessId(), i, i);
		f = CreateFileA(name, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
		if (f == INVALID_HANDLE_VALUE || !WriteFile(f, block, sizeof block, &n, NULL))
			return;
	}
}
static void apcs(void)
{
	HANDLE t = CreateThread(NULL, 0, sleeper, NULL, CREATE_SUSPENDED, NULL);

	while (more() && QueueUserAPC(called, t, 0))
		;
}
static void ports(void)
{
	HANDLE p = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);

	while (more() && PostQueuedCompletionStatus(p, 1, 2, NULL))
		;
}

static const struct { const char *name; void (*fn)(void); } all[] = { { "process", processes }, { "thread", threads }, { "handle", handles }, { "memory", memory }, { "reserve", reserve }, { "section", sections }, { "view", views },
	{ "pipe", pipes }, { "timer", timers }, { "key", keys }, { "value", values }, { "atom", atoms }, { "file", files }, { "apc", apcs }, { "port", ports } };

int bomb_child(const char *kind, unsigned seconds)
{
	until = GetTickCount() + 1000 * seconds;
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i].name, kind) == 0)
			all[i].fn();
	while (more())
		Sleep(10);
	TerminateProcess(GetCurrentProcess(), 0);
	return 0;
}

int bomb(const char *kind, unsigned seconds)
{
	HANDLE children[6];
	char args[100];

	until = GetTickCount() + 1000 * seconds;
	snprintf(args, sizeof args, "bomb %s %u", kind, seconds);
	for (unsigned i = 0; i < 6; i++)
		children[i] = start_child(args);
	for (unsigned i = 0; i < 6; i++)
		if (children[i])
			WaitForSingleObject(children[i], PATIENCE_MS);
	printf("survived\n");
	fflush(stdout);
	TerminateProcess(GetCurrentProcess(), 0);
	return 0;
}
