/* SPDX-License-Identifier: MIT */
/*
 * Times of Windows operations, printed as `name nanoseconds`: the least mean of many short batches, as other load only ever adds.
 * nt.exe [NAME...]; nt.exe sleep: says it is ready and sleeps; nt.exe exit: ends at once.  Run by bench/nt.py.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCHES 20

static HANDLE event, mutex, semaphore, file, ping, pong;
static HKEY key;
static char page[4096], self[MAX_PATH];
static LARGE_INTEGER frequency;

static void set_event_wait(void) { SetEvent(event); WaitForSingleObject(event, INFINITE); }
static void set_event(void) { SetEvent(event); }
static void mutex_pair(void) { WaitForSingleObject(mutex, INFINITE); ReleaseMutex(mutex); }
static void semaphore_pair(void) { ReleaseSemaphore(semaphore, 1, 0); WaitForSingleObject(semaphore, INFINITE); }
static void create_event_close(void) { CloseHandle(CreateEventA(0, FALSE, FALSE, 0)); }
static void open_close(void) { CloseHandle(CreateFileA("bench.dat", GENERIC_READ, 7, 0, OPEN_EXISTING, 0, 0)); }
static void attributes(void) { GetFileAttributesA("bench.dat"); }
static void file_size(void) { GetFileSize(file, 0); }
static void reg_open_close(void) { HKEY k; RegOpenKeyExA(HKEY_CURRENT_USER, "Software\\BaileyBench", 0, KEY_READ, &k); RegCloseKey(k); }
static void alloc_free(void) { VirtualFree(VirtualAlloc(0, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), 0, MEM_RELEASE); }
static void sleep_0(void) { Sleep(0); }

static void read_4k(void)
{
	OVERLAPPED o = { .Offset = 8192 };
	DWORD n;

	ReadFile(file, page, sizeof page, &n, &o);
}

static void write_4k(void)
{
	OVERLAPPED o = { .Offset = 16384 };
	DWORD n;

	WriteFile(file, page, sizeof page, &n, &o);
}

static void reg_query(void)
{
	char data[64];
	DWORD size = sizeof data;

	RegQueryValueExA(key, "value", 0, 0, (BYTE *)data, &size);
}

static DWORD WINAPI returns(void *arg) { return 0; }

static void thread_create_join(void)
{
	HANDLE t = CreateThread(0, 0, returns, 0, 0, 0);

	WaitForSingleObject(t, INFINITE);
	CloseHandle(t);
}

static DWORD WINAPI echoes(void *arg)
{
	for (;;) {
		WaitForSingleObject(ping, INFINITE);
		SetEvent(pong);
	}
}

static void ping_pong(void) { SetEvent(ping); WaitForSingleObject(pong, INFINITE); }

static void create_process(void)
{
	char line[MAX_PATH + 16];
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi;

	sprintf(line, "\"%s\" exit", self);
	if (!CreateProcessA(self, line, 0, 0, FALSE, 0, 0, 0, &si, &pi))
		exit(3);
	WaitForSingleObject(pi.hProcess, INFINITE);
	CloseHandle(pi.hProcess);
	CloseHandle(pi.hThread);
}

static const struct { const char *name; void (*once)(void); int batch; } operations[] = {
	{ "set_event_wait", set_event_wait, 500 }, { "set_event", set_event, 500 }, { "mutex", mutex_pair, 500 }, { "semaphore", semaphore_pair, 500 },
	{ "create_event_close", create_event_close, 500 }, { "ping_pong", ping_pong, 200 }, { "open_close", open_close, 200 }, { "read_4k", read_4k, 500 },
	{ "write_4k", write_4k, 500 }, { "file_size", file_size, 500 }, { "attributes", attributes, 300 }, { "reg_query", reg_query, 500 },
	{ "reg_open_close", reg_open_close, 300 }, { "alloc_free_64k", alloc_free, 300 }, { "sleep_0", sleep_0, 500 }, { "thread_create_join", thread_create_join, 20 },
	{ "create_process", create_process, 1 },
};

static double now(void)
{
	LARGE_INTEGER t;

	QueryPerformanceCounter(&t);
	return (double)t.QuadPart * 1e9 / frequency.QuadPart;
}

static void set_up(void)
{
	DWORD n;

	event = CreateEventA(0, FALSE, FALSE, 0);
	mutex = CreateMutexA(0, FALSE, 0);
	semaphore = CreateSemaphoreA(0, 0, 10, 0);
	ping = CreateEventA(0, FALSE, FALSE, 0);
	pong = CreateEventA(0, FALSE, FALSE, 0);
	CreateThread(0, 0, echoes, 0, 0, 0);
	file = CreateFileA("bench.dat", GENERIC_READ | GENERIC_WRITE, 7, 0, CREATE_ALWAYS, 0, 0);
	for (int i = 0; i < 8; i++)
		WriteFile(file, page, sizeof page, &n, 0);
	RegCreateKeyExA(HKEY_CURRENT_USER, "Software\\BaileyBench", 0, 0, 0, KEY_ALL_ACCESS, 0, &key, 0);
	RegSetValueExA(key, "value", 0, REG_SZ, (const BYTE *)"some text", 10);
	GetModuleFileNameA(0, self, sizeof self);
}

static int chosen(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc < 2;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 0;
	if (argc > 1 && !strcmp(argv[1], "sleep")) {
		printf("ready\n");
		fflush(stdout);
		Sleep(60000);
		return 0;
	}
	QueryPerformanceFrequency(&frequency);
	set_up();
	for (unsigned i = 0; i < sizeof operations / sizeof *operations; i++) {
		double least = 1e18;

		if (!chosen(argc, argv, operations[i].name))
			continue;
		for (int b = 0; b < BATCHES; b++) {
			double start = now(), each;

			for (int n = 0; n < operations[i].batch; n++)
				operations[i].once();
			each = (now() - start) / operations[i].batch;
			least = each < least ? each : least;
		}
		printf("%s %.1f\n", operations[i].name, least);
		fflush(stdout);
	}
	RegCloseKey(key);
	RegDeleteKeyA(HKEY_CURRENT_USER, "Software\\BaileyBench");
	return 0;
}
