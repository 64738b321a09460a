/* SPDX-License-Identifier: MIT */
/* Files: create, read, write, seek, sizes, attributes, times, dispositions, access rights. */
/* wine: SetEndOfFile without the right says 87; for root a read-only file can be opened for writing. */
#include "t.h"

static HANDLE opens(const char *name, DWORD access, DWORD how)
{
	return CreateFileA(name, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0, how, 0, 0);
}

static void dispositions(void)
{
	static const struct { const char *name; DWORD how; } tries[] = {
		{ "one", OPEN_EXISTING }, { "one", TRUNCATE_EXISTING }, { "one", CREATE_NEW }, { "one", CREATE_NEW }, { "one", OPEN_ALWAYS }, { "one", CREATE_ALWAYS },
		{ "one", TRUNCATE_EXISTING }, { "two", OPEN_ALWAYS }, { "none\\one", OPEN_ALWAYS }, { "a*b", CREATE_NEW }, { "", CREATE_NEW },
		{ "one\\two", OPEN_EXISTING }, { ".", OPEN_EXISTING }, { "NUL", OPEN_EXISTING }, { "three.", CREATE_NEW }, { "three", OPEN_EXISTING }, { "four ", CREATE_NEW }, { "four", OPEN_EXISTING },
	};

	for (unsigned i = 0; i < sizeof tries / sizeof *tries; i++) {
		SetLastError(0xbad);
		HANDLE h = opens(tries[i].name, GENERIC_READ | GENERIC_WRITE, tries[i].how);
		printf("<%s> %lu: %s, error %lu\n", tries[i].name, tries[i].how, h == INVALID_HANDLE_VALUE ? "no" : "yes", GetLastError());
		CloseHandle(h);
	}
}

static void data(void)
{
	char text[64] = "";
	DWORD n = 0;
	LARGE_INTEGER at = { .QuadPart = 0 }, now;
	HANDLE h = opens("data", GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS), r;
	OVERLAPPED o = { .Offset = 4 };

	OK(WriteFile(h, "0123456789", 10, &n, 0));
	NUM(n);
	NUM(SetFilePointer(h, 0, 0, FILE_CURRENT));
	NUM(SetFilePointer(h, -3, 0, FILE_END));
	OK(ReadFile(h, text, 10, &n, 0));
	printf("%lu <%.*s>\n", n, (int)n, text);
	OK(ReadFile(h, text, 10, &n, 0));
	NUM(n);
	NUM((LONG)SetFilePointer(h, -1, 0, FILE_BEGIN));
	NUM(GetLastError());
	NUM(SetFilePointer(h, 20, 0, FILE_BEGIN));
	OK(WriteFile(h, "end", 3, &n, 0));
	NUM(GetFileSize(h, 0));
	SetFilePointer(h, 8, 0, FILE_BEGIN);
	OK(ReadFile(h, text, 15, &n, 0));
	for (DWORD i = 0; i < n; i++)
		printf("%02x%s", text[i], i == n - 1 ? "\n" : " ");
	OK(ReadFile(h, text, 3, &n, &o));
	printf("%lu <%.*s>, then at %lu\n", n, (int)n, text, SetFilePointer(h, 0, 0, FILE_CURRENT));
	o.Offset = 100;
	OK(ReadFile(h, text, 3, &n, &o));
	NUM(n);
	o.Offset = o.OffsetHigh = 0xffffffff;
	OK(WriteFile(h, "+", 1, &n, &o));
	NUM(GetFileSize(h, 0));
	SetFilePointer(h, 5, 0, FILE_BEGIN);
	OK(SetEndOfFile(h));
	NUM(GetFileSize(h, 0));
	at.QuadPart = 5000000000ll;
	OK(SetFilePointerEx(h, at, &now, FILE_BEGIN));
	NUM(now.QuadPart);
	OK(SetEndOfFile(h));
	OK(GetFileSizeEx(h, &now));
	NUM(now.QuadPart);
	OK(WriteFile(h, "far", 3, &n, 0));
	OK(FlushFileBuffers(h));
	r = opens("data", GENERIC_READ, OPEN_EXISTING);
	OK(WriteFile(r, "x", 1, &n, 0));
	OK(SetEndOfFile(r));
	OK(FlushFileBuffers(r));
	OK(ReadFile(r, text, 5, &n, 0));
	CloseHandle(r);
	r = opens("data", GENERIC_WRITE, OPEN_EXISTING);
	OK(ReadFile(r, text, 5, &n, 0));
	CloseHandle(r);
	r = opens("data", FILE_APPEND_DATA, OPEN_EXISTING);
	OK(WriteFile(r, "app", 3, &n, 0));
	GetFileSizeEx(h, &now);
	NUM(now.QuadPart);
	CloseHandle(r);
	r = opens("data", 0, OPEN_EXISTING);
	NUM(GetFileType(r));
	OK(ReadFile(r, text, 5, &n, 0));
	CloseHandle(r);
	CloseHandle(h);
	OK(CloseHandle(h));
	NUM(GetFileType(h));
}

static void attributes(void)
{
	HANDLE h = opens("attr", GENERIC_WRITE, CREATE_ALWAYS);
	BY_HANDLE_FILE_INFORMATION info;
	FILETIME t = { 0x12345600, 0x01d00000 }, got;
	WIN32_FILE_ATTRIBUTE_DATA d;
	DWORD n;

	HEX(GetFileAttributesA("attr") & ~(FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_NORMAL));
	OK(WriteFile(h, "12345", 5, &n, 0));
	OK(SetFileTime(h, 0, 0, &t));
	OK(GetFileTime(h, 0, 0, &got));
	NUM(CompareFileTime(&t, &got));
	CloseHandle(h);
	OK(GetFileAttributesExA("attr", GetFileExInfoStandard, &d));
	printf("size %lu, attributes %#lx, time %d\n", d.nFileSizeLow, d.dwFileAttributes & ~(FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_NORMAL), CompareFileTime(&d.ftLastWriteTime, &t) == 0);
	OK(SetFileAttributesA("attr", FILE_ATTRIBUTE_READONLY));
	HEX(GetFileAttributesA("attr") & FILE_ATTRIBUTE_READONLY);
	OK(opens("attr", GENERIC_WRITE, OPEN_EXISTING) != INVALID_HANDLE_VALUE);
	OK(opens("attr", GENERIC_WRITE, CREATE_ALWAYS) != INVALID_HANDLE_VALUE);
	OK(DeleteFileA("attr"));
	OK(SetFileAttributesA("attr", FILE_ATTRIBUTE_NORMAL));
	h = opens("attr", GENERIC_READ, OPEN_EXISTING);
	OK(GetFileInformationByHandle(h, &info));
	printf("size %lu, links %lu, id %d\n", info.nFileSizeLow, info.nNumberOfLinks, info.nFileIndexLow != 0);
	CloseHandle(h);
	OK(DeleteFileA("attr"));
	OK(DeleteFileA("attr"));
	NUM((LONG)GetFileAttributesA("attr"));
	NUM(GetLastError());
	NUM((LONG)GetFileAttributesA("none\\attr"));
	NUM(GetLastError());
}

static void folders(void)
{
	char text[MAX_PATH];
	HANDLE h;

	OK(CreateDirectoryA("dir", 0));
	OK(CreateDirectoryA("dir", 0));
	OK(CreateDirectoryA("no\\dir", 0));
	HEX(GetFileAttributesA("dir") & FILE_ATTRIBUTE_DIRECTORY);
	OK(CreateDirectoryA("dir\\sub", 0));
	OK(RemoveDirectoryA("dir"));
	OK(opens("dir", GENERIC_READ, OPEN_EXISTING) != INVALID_HANDLE_VALUE);
	h = CreateFileA("dir", GENERIC_READ, FILE_SHARE_READ, 0, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, 0);
	OK(h != INVALID_HANDLE_VALUE);
	CloseHandle(h);
	OK(DeleteFileA("dir"));
	OK(RemoveDirectoryA("data"));
	OK(SetCurrentDirectoryA("dir\\sub"));
	OK(CreateDirectoryA("..\\beside", 0));
	OK(SetCurrentDirectoryA("..\\.."));
	GetCurrentDirectoryA(sizeof text, text);
	printf("%d\n", strlen(text) > 3 && text[1] == ':' && text[strlen(text) - 1] != '\\');
	OK(SetCurrentDirectoryA("data"));
	OK(SetCurrentDirectoryA("nothing"));
	OK(RemoveDirectoryA("dir\\beside"));
	OK(RemoveDirectoryA("dir\\sub"));
	OK(RemoveDirectoryA("dir"));
	OK(RemoveDirectoryA("dir"));
}

int main(void)
{
	t_start();
	dispositions();
	data();
	attributes();
	folders();
	return 0;
}
