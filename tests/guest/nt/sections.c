/* SPDX-License-Identifier: MIT */
/* Sections: of files and of the page file, views and their protection, names, shared by processes, images as data, sizes. */
#include "t.h"

static HANDLE file(const char *name, const char *text)
{
	DWORD n;
	HANDLE h = CreateFileA(name, GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE, 7, 0, CREATE_ALWAYS, 0, 0);

	WriteFile(h, text, strlen(text), &n, 0);
	return h;
}

static int child(const char *how)
{
	HANDLE s = OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, "bailey section"), e = OpenEventA(EVENT_MODIFY_STATE, FALSE, "bailey section told");
	volatile char *v = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);

	if (!v)
		return 99;
	printf("child sees: %s\n", (char *)v);
	strcpy((char *)v + 100, "from the child");
	InterlockedIncrement((volatile LONG *)(v + 4096));
	SetEvent(e);
	return 0;
}

static void shared(void)
{
	HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, 0, PAGE_READWRITE, 0, 65536, "bailey section"), e = CreateEventA(0, FALSE, FALSE, "bailey section told"), p;
	char *v = MapViewOfFile(s, FILE_MAP_ALL_ACCESS, 0, 0, 0), *w = MapViewOfFile(s, FILE_MAP_READ, 0, 0, 4096);
	MEMORY_BASIC_INFORMATION m;

	OK(v && w);
	NUM(v[65535]);
	strcpy(v, "from the parent");
	puts(w);
	p = t_again("child");
	WAITS(WaitForSingleObject(e, 60000));
	puts(w + 100);
	NUM(t_reap(p));
	NUM(*(LONG *)(v + 4096));
	HANDLE again = CreateFileMappingA(INVALID_HANDLE_VALUE, 0, PAGE_READWRITE, 0, 4096, "bailey section");
	printf("again: error %lu\n", GetLastError());
	CloseHandle(again);
	NUM(VirtualQuery(w, &m, sizeof m) != 0);
	printf("type %#lx, protect %#lx, size %lld\n", m.Type, m.Protect, (long long)m.RegionSize);
	CloseHandle(s);
	OK(OpenFileMappingA(FILE_MAP_READ, FALSE, "bailey section") != 0);
	OK(UnmapViewOfFile(v));
	OK(UnmapViewOfFile(w));
	OK(UnmapViewOfFile(w));
	OK(OpenFileMappingA(FILE_MAP_READ, FALSE, "bailey section") != 0);
}

static void files(void)
{
	HANDLE f = file("f", "0123456789"), s, r;
	char *v, *c, text[32] = "";
	DWORD n;

	s = CreateFileMappingA(f, 0, PAGE_READWRITE, 0, 0, 0);
	v = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);
	OK(v != 0);
	NUM(v[10]);
	NUM(v[4095]);
	v[3] = 'X';
	SetFilePointer(f, 0, 0, FILE_BEGIN);
	OK(ReadFile(f, text, 20, &n, 0));
	printf("%lu %s\n", n, text);
	SetFilePointer(f, 5, 0, FILE_BEGIN);
	WriteFile(f, "Y", 1, &n, 0);
	printf("%.10s\n", v);
	c = MapViewOfFile(s, FILE_MAP_COPY, 0, 0, 0);
	c[0] = 'C';
	printf("%.10s %.10s\n", v, c);
	OK(FlushViewOfFile(v, 0));
	SetFilePointer(f, 3, 0, FILE_BEGIN);
	OK(SetEndOfFile(f));
	OK(DeleteFileA("f"));
	OK(UnmapViewOfFile(v));
	OK(UnmapViewOfFile(c));
	CloseHandle(s);
	SetFilePointer(f, 3, 0, FILE_BEGIN);
	OK(SetEndOfFile(f));
	NUM(GetFileSize(f, 0));
	CloseHandle(f);

	f = file("g", "abc");
	s = CreateFileMappingA(f, 0, PAGE_READWRITE, 0, 100000, 0);
	OK(s != 0);
	NUM(GetFileSize(f, 0));
	v = MapViewOfFile(s, FILE_MAP_WRITE, 0, 65536, 10);
	OK(v != 0);
	v[100] = 'z';
	OK(MapViewOfFile(s, FILE_MAP_WRITE, 0, 4096, 10) != 0);
	OK(MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 200000) != 0);
	SetFilePointer(f, 65536 + 100, 0, FILE_BEGIN);
	ReadFile(f, text, 1, &n, 0);
	NUM(text[0]);
	UnmapViewOfFile(v);
	CloseHandle(s);
	r = CreateFileA("g", GENERIC_READ, 7, 0, OPEN_EXISTING, 0, 0);
	OK(CreateFileMappingA(r, 0, PAGE_READWRITE, 0, 0, 0) != 0);
	s = CreateFileMappingA(r, 0, PAGE_READONLY, 0, 0, 0);
	OK(s != 0);
	OK(MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0) != 0);
	OK(CreateFileMappingA(r, 0, PAGE_READONLY, 0, 200000, 0) != 0);
	OK(CreateFileMappingA(r, 0, PAGE_WRITECOPY, 0, 0, 0) != 0);
	CloseHandle(r);
	r = CreateFileA("empty", GENERIC_READ | GENERIC_WRITE, 7, 0, CREATE_ALWAYS, 0, 0);
	OK(CreateFileMappingA(r, 0, PAGE_READWRITE, 0, 0, 0) != 0);
	OK(CreateFileMappingA(INVALID_HANDLE_VALUE, 0, PAGE_READWRITE, 0, 0, 0) != 0);
	OK(CreateFileMappingA(r, 0, 0, 0, 10, 0) != 0);
	OK(CreateFileMappingA((HANDLE)4444, 0, PAGE_READWRITE, 0, 10, 0) != 0);
}

static void reserved(void)
{
	HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, 0, PAGE_READWRITE | SEC_RESERVE, 0, 1 << 20, 0);
	char *v = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0), *w = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);
	MEMORY_BASIC_INFORMATION m;

	VirtualQuery(v, &m, sizeof m);
	HEX(m.State);
	OK(VirtualAlloc(v + 8192, 4096, MEM_COMMIT, PAGE_READWRITE) != 0);
	v[8192] = 5;
	VirtualQuery(w + 8192, &m, sizeof m);
	HEX(m.State);
	NUM(w[8192]);
	OK(VirtualFree(v, 0, MEM_RELEASE));
	OK(UnmapViewOfFile(v + 4096));
	OK(UnmapViewOfFile(w));
}

static void images(void)
{
	char self[MAX_PATH];
	HANDLE f, s;
	unsigned char *v;
	IMAGE_NT_HEADERS64 *nt;
	MEMORY_BASIC_INFORMATION m;

	GetModuleFileNameA(0, self, sizeof self);
	f = CreateFileA(self, GENERIC_READ | GENERIC_EXECUTE, FILE_SHARE_READ, 0, OPEN_EXISTING, 0, 0);
	s = CreateFileMappingA(f, 0, PAGE_READONLY | SEC_IMAGE, 0, 0, 0);
	OK(s != 0);
	v = MapViewOfFile(s, FILE_MAP_READ, 0, 0, 0);
	OK(v != 0);
	nt = (void *)(v + *(int *)(v + 60));
	printf("%.2s %.2s machine %#x\n", v, (char *)nt, nt->FileHeader.Machine);
	VirtualQuery(v + nt->OptionalHeader.BaseOfCode, &m, sizeof m);
	printf("type %#lx, protect %#lx, base same %d\n", m.Type, m.Protect, m.AllocationBase == v);
	NUM(memcmp(v + nt->OptionalHeader.BaseOfCode, (char *)GetModuleHandleA(0) + nt->OptionalHeader.BaseOfCode, 64));
	OK(UnmapViewOfFile(v));
	CloseHandle(s);
	CloseHandle(f);
	f = file("notimage", "this is no image at all, and long enough to hold a header of the old kind, which is sixty-four bytes");
	OK(CreateFileMappingA(f, 0, PAGE_READONLY | SEC_IMAGE, 0, 0, 0) != 0);
}

int main(int argc, char **argv)
{
	t_start();
	if (argc > 1)
		return child(argv[1]);
	shared();
	files();
	reserved();
	images();
	return 0;
}
