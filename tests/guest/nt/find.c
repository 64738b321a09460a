/* SPDX-License-Identifier: MIT */
/* Finding files: patterns as Windows matches them, what a listing says, folders that change meanwhile, many files. */
/* wine: patterns also match the short names that it makes up. */
#include "t.h"

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void find(const char *pattern)
{
	WIN32_FIND_DATAA d;
	HANDLE f = FindFirstFileA(pattern, &d);
	char *names[64];
	int n = 0;

	printf("%s:", pattern);
	if (f == INVALID_HANDLE_VALUE) {
		printf(" error %lu\n", GetLastError());
		return;
	}
	do
		names[n++] = strdup(d.cFileName);
	while (n < 64 && FindNextFileA(f, &d));
	printf(" (%lu)", GetLastError());
	FindClose(f);
	qsort(names, n, sizeof *names, by_name);
	for (int i = 0; i < n; i++)
		printf(" %s", names[i]);
	printf("\n");
}

static void make(const char *name, DWORD size)
{
	HANDLE h = CreateFileA(name, GENERIC_WRITE, 7, 0, CREATE_NEW, 0, 0);

	SetFilePointer(h, size, 0, FILE_BEGIN);
	SetEndOfFile(h);
	CloseHandle(h);
}

static int count(const char *pattern)
{
	WIN32_FIND_DATAA d;
	HANDLE f = FindFirstFileA(pattern, &d);
	int n = 0;

	if (f == INVALID_HANDLE_VALUE)
		return -1;
	do
		n++;
	while (FindNextFileA(f, &d));
	FindClose(f);
	return n;
}

int main(void)
{
	static const char *const patterns[] = { "*", "*.*", "*.txt", "*.TXT", "a*", "a?", "a.*", "*b*", "nothing", "none\\*", "sub", "sub\\", "sub\\*", "*.t?t", "" };
	WIN32_FIND_DATAA d;
	HANDLE f;
	char name[32];

	t_start();
	make("a", 1);
	make("ab", 2);
	make("a.txt", 3);
	make("b.TXT", 4);
	make("abc.txt", 5);
	make("noext", 6);
	make("two.dots.txt", 7);
	OK(CreateDirectoryA("sub", 0));
	make("sub\\in", 8);
	for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++)
		find(patterns[i]);
	f = FindFirstFileA("B.txt", &d);
	printf("%s: size %lu, attributes %#lx, written %d\n", d.cFileName, d.nFileSizeLow, d.dwFileAttributes & ~(FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_NORMAL), d.ftLastWriteTime.dwHighDateTime != 0);
	OK(FindNextFileA(f, &d));
	OK(FindClose(f));
	f = FindFirstFileExA("*", FindExInfoBasic, &d, FindExSearchLimitToDirectories, 0, FIND_FIRST_EX_LARGE_FETCH);
	OK(f != INVALID_HANDLE_VALUE);
	printf("first is %s\n", d.cFileName);
	FindClose(f);
	OK(CreateDirectoryA("many", 0));
	for (int i = 0; i < 1500; i++) {
		sprintf(name, "many\\file-%d", i);
		make(name, 0);
	}
	NUM(count("many\\*"));
	NUM(count("many\\*9"));
	f = FindFirstFileA("many\\*", &d);
	for (int i = 0; i < 1500; i += 2) {
		sprintf(name, "many\\file-%d", i);
		DeleteFileA(name);
	}
	while (FindNextFileA(f, &d))
		;
	NUM(GetLastError());
	FindClose(f);
	NUM(count("many\\*"));
	return 0;
}
