/* SPDX-License-Identifier: MIT */
/* A view that is longer than its file (MEM_RESERVE), as LMDB makes them: what is written behind the end shows, a commit makes the file longer. */
/* wine: does not map views that are longer than their sections. */
/* libs: -lntdll */
#include "t.h"

NTSYSAPI NTSTATUS NTAPI NtCreateSection(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, LARGE_INTEGER *, ULONG, ULONG, HANDLE);
NTSYSAPI NTSTATUS NTAPI NtMapViewOfSection(HANDLE, HANDLE, void **, ULONG_PTR, SIZE_T, LARGE_INTEGER *, SIZE_T *, ULONG, ULONG, ULONG);

static char *view(HANDLE file, ULONG access, ULONG protect, ULONG attributes)
{
	HANDLE section;
	void *at = 0;
	SIZE_T size = 0x100000;
	NTSTATUS status = NtCreateSection(&section, access, 0, 0, protect, attributes, file);

	if (status == 0) {
		status = NtMapViewOfSection(section, GetCurrentProcess(), &at, 0, 0, 0, &size, 2, MEM_RESERVE, protect);
		CloseHandle(section);
	}
	printf("mapped: %lx, size %Ix\n", status, size);
	return at;
}

int main(void)
{
	char text[8192] = "first page";
	HANDLE file = CreateFileA("grows", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, 0);
	char *read, *write;
	DWORD n;

	t_start();
	OK(WriteFile(file, text, sizeof text, &n, 0));
	view(file, SECTION_MAP_READ, PAGE_READONLY, SEC_COMMIT);
	read = view(file, SECTION_MAP_READ, PAGE_READONLY, SEC_RESERVE);
	write = view(file, SECTION_ALL_ACCESS, PAGE_READWRITE, SEC_RESERVE);
	printf("%s\n", read);
	strcpy(text, "third page");
	OK(WriteFile(file, text, sizeof text, &n, 0));
	printf("%s, %s\n", read + 8192, write + 8192);
	OK(VirtualAlloc(read + 0x4000, 0x1000, MEM_COMMIT, PAGE_READONLY) != 0);
	printf("size %lx\n", GetFileSize(file, 0));
	OK(VirtualAlloc(write + 0x8000, 0x1000, MEM_COMMIT, PAGE_READWRITE) != 0);
	printf("size %lx\n", GetFileSize(file, 0));
	strcpy(write + 0x8000, "ninth page");
	SetFilePointer(file, 0x8000, 0, 0);
	OK(ReadFile(file, text, sizeof text, &n, 0));
	printf("%lx bytes: %s, %s\n", n, text, read + 0x8000);
	return 0;
}
