/* SPDX-License-Identifier: MIT */
/* A bad pointer given to a system call is an error, never a fault: in, out, unaligned, kernel's, half mapped. */
#include "t.h"

static char *edge;	/* four bytes before what may not be touched */

static void *bad[] = { 0, (void *)16, (void *)0x1234568, (void *)0x7fffffff0000, (void *)0x8000000000000000, (void *)0xfffff80000000000, (void *)-8 };
#define BADS (sizeof bad / sizeof *bad)

#define NT(name, ...) LONG(WINAPI *name)(__VA_ARGS__) = t_nt(#name)

static void each(const char *what, LONG (*call)(void *))
{
	printf("%s:", what);
	for (unsigned i = 0; i < BADS; i++)
		printf(" %lx", (unsigned long)call(bad[i]));
	printf(" edge %lx\n", (unsigned long)call(edge - 4));
}

static LONG create_out(void *p) { NT(NtCreateEvent, void *, ULONG, void *, ULONG, ULONG); return NtCreateEvent(p, EVENT_ALL_ACCESS, 0, 0, 0); }
static LONG query_out(void *p) { NT(NtQuerySystemInformation, ULONG, void *, ULONG, ULONG *); return NtQuerySystemInformation(0, p, 64, 0); }
static LONG wait_in(void *p) { NT(NtWaitForMultipleObjects, ULONG, void *, ULONG, ULONG, void *); return NtWaitForMultipleObjects(2, p, 1, 0, 0); }
static LONG timeout_in(void *p)
{
	NT(NtDelayExecution, ULONG, void *);
	return p ? NtDelayExecution(0, p) : 0;
}
static LONG name_in(void *p)
{
	NT(NtOpenKey, HANDLE *, ULONG, void *);
	HANDLE h;
	UNICODE_STRING s = { 40, 40, p };
	OBJECT_ATTRIBUTES oa = { .Length = sizeof oa, .ObjectName = &s };
	return p ? NtOpenKey(&h, KEY_READ, &oa) : 0;
}
static LONG attributes_in(void *p)
{
	NT(NtOpenKey, HANDLE *, ULONG, void *);
	HANDLE h;
	return p && p != edge - 4 ? NtOpenKey(&h, KEY_READ, p) : 0;
}
static LONG base_inout(void *p)
{
	NT(NtAllocateVirtualMemory, HANDLE, void *, ULONG_PTR, SIZE_T *, ULONG, ULONG);
	SIZE_T n = 4096;
	return NtAllocateVirtualMemory(GetCurrentProcess(), p, 0, &n, MEM_RESERVE, PAGE_NOACCESS);
}
static LONG previous_out(void *p)
{
	NT(NtReleaseSemaphore, HANDLE, LONG, void *);
	static HANDLE s;
	if (!s)
		s = CreateSemaphoreA(0, 0, 100, 0);
	return p ? NtReleaseSemaphore(s, 1, p) : 0;
}

/* Windows says 998 where it probes a buffer, and 1784 where the file system meets it. */
static void buffer(const char *what, BOOL good)
{
	DWORD error = GetLastError();

	printf("%s: %s\n", what, good ? "ok" : error == ERROR_NOACCESS || error == ERROR_INVALID_USER_BUFFER ? "bad buffer" : "another error");
}

static void files(void)
{
	HANDLE f = CreateFileA("bad", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, 0);
	DWORD n;

	OK(WriteFile(f, "0123456789", 10, &n, 0));
	for (unsigned i = 0; i < BADS; i++)
		buffer("write", WriteFile(f, bad[i], 8, &n, 0));
	buffer("write over the edge", WriteFile(f, edge - 4, 8, &n, 0));
	buffer("write to the edge", WriteFile(f, edge - 4, 4, &n, 0));
	for (unsigned i = 0; i < BADS; i++) {
		SetFilePointer(f, 0, 0, FILE_BEGIN);
		buffer("read", ReadFile(f, bad[i], 8, &n, 0));
	}
	SetFilePointer(f, 0, 0, FILE_BEGIN);
	buffer("read over the edge", ReadFile(f, edge - 4, 8, &n, 0));
	SetFilePointer(f, 0, 0, FILE_BEGIN);
	buffer("read to the edge", ReadFile(f, edge - 4, 4, &n, 0));
	NUM(memcmp(edge - 4, "0123", 4));
	CloseHandle(f);
}

int main(void)
{
	NT(NtClose, HANDLE);
	DWORD old;

	t_start();
	edge = VirtualAlloc(0, 8192, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	edge += 4096;
	VirtualProtect(edge, 4096, PAGE_NOACCESS, &old);
	each("handle out", create_out);
	each("information out", query_out);
	each("handles in", wait_in);
	each("time in", timeout_in);
	each("name in", name_in);
	each("attributes in", attributes_in);
	each("address in and out", base_inout);
	each("count out", previous_out);
	files();
	HEX(NtClose(0));
	HEX(NtClose((HANDLE)0x5554));
	HEX(NtClose((HANDLE)(ULONG_PTR)0xfffffffffffffff0));
	return 0;
}
