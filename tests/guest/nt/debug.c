/* SPDX-License-Identifier: MIT */
/* Debugging another process: its events, its registers and its code in the debugger's hands; attaching, letting go, and debuggers that end. */
/* wine: to debug what is debugged already is error 5; Windows says 87. */
#include "t.h"

static const char *const names[] = { "?", "exception", "thread", "process", "thread exit", "process exit", "load", "unload", "text", "rip" };
static DEBUG_EVENT ev;
static HANDLE process, thread;
static unsigned loads, unloads;

static PROCESS_INFORMATION start(const char *args, DWORD flags)
{
	char self[MAX_PATH], line[1024];
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi = { 0 };

	GetModuleFileNameA(0, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" %s", self, args);
	if (!CreateProcessA(0, line, 0, 0, TRUE, flags, 0, 0, &si, &pi))
		printf("CreateProcess: error %lu\n", GetLastError());
	return pi;
}

/* ---- Who is debugged ---- */

static volatile LONG variable = 5;

static DWORD WINAPI short_life(void *arg)
{
	return 7;
}

__attribute__((noinline)) static int stepped(int a)
{
	__asm__ volatile("nop; nop; nop");
	return a + 1;
}

static LONG CALLBACK handler(EXCEPTION_POINTERS *e)
{
	printf("debuggee handles %#lx\n", e->ExceptionRecord->ExceptionCode);
	return e->ExceptionRecord->ExceptionCode == 0xe0000001 ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

static int child(int argc, char **argv)
{
	const char *what = argv[1];
	HANDLE t;

	if (!strcmp(what, "events")) {
		NUM(IsDebuggerPresent());
		AddVectoredExceptionHandler(1, handler);
		t = CreateThread(0, 0, short_life, 0, 0, 0);
		WaitForSingleObject(t, INFINITE);
		OutputDebugStringA("hello, debugger");
		FreeLibrary(LoadLibraryA("version.dll"));
		RaiseException(0xe0000001, 0, 0, 0);
		RaiseException(0xe0000002, 0, 0, 0);
		printf("stepped %d\n", stepped(41));
		DebugBreak();
		printf("variable %ld\n", variable);
		return 9;
	}
	if (!strcmp(what, "crash")) {
		*(volatile int *)16 = 1;
		return 0;
	}
	if (!strcmp(what, "parent")) {
		PROCESS_INFORMATION p = start("code", 0);
		DWORD code = 0;

		WaitForSingleObject(p.hProcess, 60000);
		GetExitCodeProcess(p.hProcess, &code);
		return code + 1;
	}
	if (!strcmp(what, "wait")) {
		WaitForSingleObject((HANDLE)(ULONG_PTR)strtoull(argv[2], 0, 10), 60000);
		return IsDebuggerPresent() ? 2 : 1;
	}
	if (!strcmp(what, "debugger")) {
		PROCESS_INFORMATION p = start("sleep", DEBUG_ONLY_THIS_PROCESS);

		if (!strcmp(argv[2], "stays"))
			DebugSetProcessKillOnExit(FALSE);
		printf("%lu\n", p.dwProcessId);
		WaitForSingleObject(OpenEventA(SYNCHRONIZE, FALSE, "bailey debugger"), 60000);
		ExitProcess(0);
	}
	if (!strcmp(what, "sleep"))
		Sleep(1000);
	return 3;
}

/* ---- The debugger ---- */

static BOOL next(DWORD timeout)
{
	if (!WaitForDebugEvent(&ev, timeout))
		return FALSE;
	loads += ev.dwDebugEventCode == LOAD_DLL_DEBUG_EVENT;
	unloads += ev.dwDebugEventCode == UNLOAD_DLL_DEBUG_EVENT;
	if (ev.dwDebugEventCode == LOAD_DLL_DEBUG_EVENT && ev.u.LoadDll.hFile)
		CloseHandle(ev.u.LoadDll.hFile);
	return TRUE;
}

static void go(DWORD how)
{
	if (!ContinueDebugEvent(ev.dwProcessId, ev.dwThreadId, how))
		printf("ContinueDebugEvent: error %lu\n", GetLastError());
}

/* The next one that is no DLL's. */
static BOOL next_but_dlls(void)
{
	while (next(60000)) {
		if (ev.dwDebugEventCode != LOAD_DLL_DEBUG_EVENT && ev.dwDebugEventCode != UNLOAD_DLL_DEBUG_EVENT)
			return TRUE;
		go(DBG_CONTINUE);
	}
	printf("no event: error %lu\n", GetLastError());
	return FALSE;
}

static void say(void)
{
	printf("%s", names[ev.dwDebugEventCode]);
	if (ev.dwDebugEventCode == EXCEPTION_DEBUG_EVENT)
		printf(" %#lx, chance %d", ev.u.Exception.ExceptionRecord.ExceptionCode, ev.u.Exception.dwFirstChance ? 1 : 2);
	if (ev.dwDebugEventCode == EXIT_THREAD_DEBUG_EVENT)
		printf(" %lu", ev.u.ExitThread.dwExitCode);
	if (ev.dwDebugEventCode == EXIT_PROCESS_DEBUG_EVENT)
		printf(" %#lx", ev.u.ExitProcess.dwExitCode);
	if (ev.dwDebugEventCode == OUTPUT_DEBUG_STRING_EVENT) {
		char text[64] = { 0 };

		ReadProcessMemory(process, ev.u.DebugString.lpDebugStringData, text, ev.u.DebugString.nDebugStringLength, 0);
		printf(" <%s>", text);
	}
	printf("\n");
}

static void keep(void)
{
	process = ev.u.CreateProcessInfo.hProcess;
	thread = ev.u.CreateProcessInfo.hThread;
	printf("file %d, base %d, start %d\n", ev.u.CreateProcessInfo.hFile != 0,
		ev.u.CreateProcessInfo.lpBaseOfImage == (void *)GetModuleHandleA(0), ev.u.CreateProcessInfo.lpStartAddress != 0);
	CloseHandle(ev.u.CreateProcessInfo.hFile);
}

static CONTEXT registers(DWORD flags)
{
	CONTEXT c = { .ContextFlags = flags };

	if (!GetThreadContext(thread, &c))
		printf("GetThreadContext: error %lu\n", GetLastError());
	return c;
}

/* At stepped(): three instructions, one at a time, then on. */
static void step(BYTE before)
{
	CONTEXT c = registers(CONTEXT_FULL);
	ULONG_PTR at = (ULONG_PTR)stepped;

	printf("behind the breakpoint by %lld\n", (long long)(c.Rip - at));
	WriteProcessMemory(process, (void *)at, &before, 1, 0);
	c.Rip = at;
	for (int i = 0; i < 2; i++) {
		c.EFlags |= 0x100;
		SetThreadContext(thread, &c);
		go(DBG_CONTINUE);
		next_but_dlls();
		say();
		c = registers(CONTEXT_FULL);
		printf("on by %d\n", c.Rip > at && c.Rip < at + 32 && !(c.EFlags & 0x100));
		at = c.Rip;
	}
}

static void events(void)
{
	PROCESS_INFORMATION p = start("events", DEBUG_PROCESS);
	BYTE before, trap = 0xcc;
	LONG value = 77;
	BOOL debugged = FALSE;
	int breaks = 0;

	CheckRemoteDebuggerPresent(p.hProcess, &debugged);
	NUM(debugged);
	while (next_but_dlls()) {
		DWORD how = DBG_CONTINUE;

		say();
		if (ev.dwDebugEventCode == CREATE_PROCESS_DEBUG_EVENT) {
			keep();
		} else if (ev.dwDebugEventCode == EXCEPTION_DEBUG_EVENT && ev.u.Exception.ExceptionRecord.ExceptionCode == EXCEPTION_BREAKPOINT) {
			if (breaks++ == 0) { /* of the loader */
				ReadProcessMemory(process, stepped, &before, 1, 0);
				OK(WriteProcessMemory(process, stepped, &trap, 1, 0));
				FlushInstructionCache(process, stepped, 1);
			} else if (breaks == 2) {
				step(before);
			} else {
				OK(WriteProcessMemory(process, (void *)&variable, &value, sizeof value, 0));
			}
		} else if (ev.dwDebugEventCode == EXCEPTION_DEBUG_EVENT && ev.u.Exception.ExceptionRecord.ExceptionCode == 0xe0000001) {
			how = DBG_EXCEPTION_NOT_HANDLED;
		}
		go(how);
		if (ev.dwDebugEventCode == EXIT_PROCESS_DEBUG_EVENT)
			break;
	}
	printf("dlls came %d, went %d\n", loads > 3, unloads > 0);
	WAITS(WaitForSingleObject(p.hProcess, 60000));
	CloseHandle(p.hProcess);
	CloseHandle(p.hThread);
}

static void crash(void)
{
	PROCESS_INFORMATION p = start("crash", DEBUG_ONLY_THIS_PROCESS);
	DWORD code;

	while (next_but_dlls()) {
		BOOL fault = ev.dwDebugEventCode == EXCEPTION_DEBUG_EVENT && ev.u.Exception.ExceptionRecord.ExceptionCode == EXCEPTION_ACCESS_VIOLATION;

		say();
		if (fault)
			HEX(ev.u.Exception.ExceptionRecord.ExceptionInformation[1]);
		go(fault ? DBG_EXCEPTION_NOT_HANDLED : DBG_CONTINUE);
		if (ev.dwDebugEventCode == EXIT_PROCESS_DEBUG_EVENT)
			break;
	}
	WAITS(WaitForSingleObject(p.hProcess, 60000));
	GetExitCodeProcess(p.hProcess, &code);
	HEX(code);
}

/* How many processes a debugger sees. */
static void children(DWORD flags)
{
	PROCESS_INFORMATION p = start("parent", flags);
	int processes = 0, live = 0;
	DWORD code;

	while (next_but_dlls()) {
		if (ev.dwDebugEventCode == CREATE_PROCESS_DEBUG_EVENT)
			processes++, live++;
		if (ev.dwDebugEventCode == EXIT_PROCESS_DEBUG_EVENT)
			live--;
		go(DBG_CONTINUE);
		if (live == 0)
			break;
	}
	WAITS(WaitForSingleObject(p.hProcess, 60000));
	GetExitCodeProcess(p.hProcess, &code);
	printf("%d processes, code %lu\n", processes, code);
}

static void attach(BOOL detach)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, 0, TRUE };
	HANDLE e = CreateEventA(&sa, TRUE, FALSE, 0);
	char args[64];
	PROCESS_INFORMATION p;
	DWORD code;
	BOOL broke = FALSE;

	snprintf(args, sizeof args, "wait %llu", (unsigned long long)(ULONG_PTR)e);
	p = start(args, 0);
	WaitForSingleObject(p.hProcess, 200);
	OK(DebugActiveProcess(p.dwProcessId));
	OK(DebugActiveProcess(p.dwProcessId));
	loads = 0;
	while (!broke && next_but_dlls()) {
		broke = ev.dwDebugEventCode == EXCEPTION_DEBUG_EVENT;
		if (ev.dwDebugEventCode == CREATE_PROCESS_DEBUG_EVENT || broke)
			say();
		go(DBG_CONTINUE);
	}
	printf("dlls %d\n", loads > 2);
	if (detach)
		OK(DebugActiveProcessStop(p.dwProcessId));
	SetEvent(e);
	while (!detach && next_but_dlls()) {
		go(DBG_CONTINUE);
		if (ev.dwDebugEventCode == EXIT_PROCESS_DEBUG_EVENT)
			break;
	}
	WAITS(WaitForSingleObject(p.hProcess, 60000));
	GetExitCodeProcess(p.hProcess, &code);
	NUM(code);
}

/* A debugger that ends, takes what it debugs along, or not. */
static void debugger_ends(const char *how)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, 0, TRUE };
	HANDLE out, in, p, seen = CreateEventA(0, FALSE, FALSE, "bailey debugger");
	STARTUPINFOA si = { .cb = sizeof si, .dwFlags = STARTF_USESTDHANDLES };
	PROCESS_INFORMATION pi;
	char self[MAX_PATH], line[1024], text[32] = { 0 };
	DWORD n, got, code = 1;

	CreatePipe(&in, &out, &sa, 0);
	si.hStdOutput = out;
	GetModuleFileNameA(0, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" debugger %s", self, how);
	CreateProcessA(0, line, 0, 0, TRUE, 0, 0, 0, &si, &pi);
	for (n = 0; n < sizeof text - 1 && !strchr(text, '\n'); n++)
		ReadFile(in, text + n, 1, &got, 0);
	p = OpenProcess(PROCESS_ALL_ACCESS, FALSE, strtoul(text, 0, 10));
	SetEvent(seen);
	WaitForSingleObject(pi.hProcess, 60000);
	WaitForSingleObject(p, 60000);
	GetExitCodeProcess(p, &code);
	printf("%s: opened %d, %#lx\n", how, p != 0, code);
}

int main(int argc, char **argv)
{
	t_start();
	if (argc > 1)
		return child(argc, argv);
	OK(DebugActiveProcess(GetCurrentProcessId()));
	events();
	crash();
	children(DEBUG_PROCESS);
	children(DEBUG_ONLY_THIS_PROCESS);
	attach(FALSE);
	attach(TRUE);
	debugger_ends("stays");
	debugger_ends("kills");
	return 0;
}
