/* SPDX-License-Identifier: MIT */
/* tests/guest/nt/idle.c - a process that has slept for a while is what it was: code that was changed, data, imports, views of files. */
#include <windows.h>
#include <stdio.h>
#include <string.h>

static int data = 41;
static const char constant[5000] = "constant";

static __attribute__((noinline)) int number(void)
{
	__asm__ volatile("");
	return 1;
}

static int zero(void) { return 0; }

/* mov eax, 7; ret */
static void change(void *at)
{
	static const unsigned char code[] = { 0xb8, 7, 0, 0, 0, 0xc3 };
	SIZE_T done;

	WriteProcessMemory(GetCurrentProcess(), at, code, sizeof code, &done);
	FlushInstructionCache(GetCurrentProcess(), at, sizeof code);
}

static DWORD WINAPI sleeps(void *arg)
{
	Sleep(900);
	return number() + zero();
}

int main(void)
{
	static char page[4096];
	HANDLE f, m, t;
	char *view, *copy;
	DWORD n, old, code;

	f = CreateFileA("idle.dat", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, 0);
	memset(page, 'a', sizeof page);
	WriteFile(f, page, sizeof page, &n, 0);
	m = CreateFileMappingA(f, 0, PAGE_READWRITE, 0, 0, 0);
	view = MapViewOfFile(m, FILE_MAP_READ, 0, 0, 0);
	copy = MapViewOfFile(m, FILE_MAP_COPY, 0, 0, 0);
	copy[1] = 'b';
	VirtualProtect(copy, 4096, PAGE_READONLY, &old);
	change((void *)number);
	data++;
	t = CreateThread(0, 0, sleeps, 0, 0, 0);
	Sleep(800);
	printf("code %d, data %d, %s, view %c, copy %c\n", number(), data, constant, view[1], copy[1]);
	WaitForSingleObject(t, INFINITE);
	GetExitCodeThread(t, &code);
	printf("thread %lu, kernel32 %s\n", code, GetProcAddress(GetModuleHandleA("kernel32.dll"), "Sleep") ? "is there" : "is gone");
	return 0;
}
