/* SPDX-License-Identifier: MIT */
/* File names: case kept but not told apart, renames and replacements, hard links, full names, long names, all letters. */
/* wine: a rename that changes only the case does nothing, and a handle says the name it was opened by. */
#include "t.h"

static void make(const char *name, const char *text)
{
	DWORD n;
	HANDLE h = CreateFileA(name, GENERIC_WRITE, 7, 0, CREATE_ALWAYS, 0, 0);

	WriteFile(h, text, strlen(text), &n, 0);
	CloseHandle(h);
}

static void show(const char *name)
{
	char text[64];
	DWORD n = 0;
	HANDLE h = CreateFileA(name, GENERIC_READ, 7, 0, OPEN_EXISTING, 0, 0);

	if (h == INVALID_HANDLE_VALUE) {
		printf("%s: error %lu\n", name, GetLastError());
		return;
	}
	ReadFile(h, text, sizeof text, &n, 0);
	CloseHandle(h);
	printf("%s: %.*s\n", name, (int)n, text);
}

static void listed(const char *pattern)
{
	WIN32_FIND_DATAA d;
	HANDLE f = FindFirstFileA(pattern, &d);

	if (f == INVALID_HANDLE_VALUE)
		printf("%s: error %lu\n", pattern, GetLastError());
	else
		printf("%s: listed as %s\n", pattern, d.cFileName);
	FindClose(f);
}

static void renames(void)
{
	make("a.txt", "a");
	make("b.txt", "b");
	OK(MoveFileA("a.txt", "b.txt"));
	OK(MoveFileExA("a.txt", "B.TXT", MOVEFILE_REPLACE_EXISTING));
	show("a.txt");
	show("b.txt");
	OK(MoveFileA("b.txt", "BB.Txt"));
	listed("bb.txt");
	OK(MoveFileA("BB.Txt", "bb.txT"));
	listed("BB.TXT");
	OK(MoveFileA("nothing", "x"));
	OK(MoveFileA("bb.txt", "no\\x"));
	OK(CreateDirectoryA("Dir", 0));
	OK(MoveFileA("bb.txt", "dir\\Inner"));
	show("DIR/inner");
	OK(MoveFileA("dir", "moved"));
	show("moved\\INNER");
	OK(CreateDirectoryA("full", 0));
	OK(MoveFileExA("moved", "full", MOVEFILE_REPLACE_EXISTING));
	make("over", "over");
	OK(MoveFileExA("over", "full", MOVEFILE_REPLACE_EXISTING));
	OK(CopyFileA("moved\\inner", "copy", TRUE));
	OK(CopyFileA("moved\\inner", "COPY", TRUE));
	OK(CopyFileA("over", "COPY", FALSE));
	show("copy");
	OK(ReplaceFileA("copy", "moved\\inner", "backup", 0, 0, 0));
	show("copy");
	show("backup");
	OK(CreateHardLinkA("link", "copy", 0));
	make("link", "through the link");
	show("copy");
}

static void held(void)
{
	HANDLE h = CreateFileA("held", GENERIC_READ, FILE_SHARE_READ, 0, CREATE_ALWAYS, 0, 0);

	OK(MoveFileA("held", "moved2"));
	make("other", "other");
	OK(MoveFileExA("other", "held", MOVEFILE_REPLACE_EXISTING));
	OK(DeleteFileA("held"));
	CloseHandle(h);
	h = CreateFileA("held", GENERIC_READ, 7, 0, OPEN_EXISTING, 0, 0);
	OK(MoveFileA("held", "moved2"));
	char name[MAX_PATH] = "";
	OK(GetFinalPathNameByHandleA(h, name, sizeof name, 0) != 0);
	printf("%.4s .. %s\n", name, strrchr(name, '\\') ? strrchr(name, '\\') : "");
	CloseHandle(h);
	show("moved2");
}

static void full(const char *name)
{
	char cwd[MAX_PATH], text[MAX_PATH] = "", *part = 0;

	GetCurrentDirectoryA(sizeof cwd, cwd);
	DWORD n = GetFullPathNameA(name, sizeof text, text, &part);
	if (!strncmp(text, cwd, strlen(cwd)))
		printf("full <%s>: CWD%s", name, text + strlen(cwd));
	else
		printf("full <%s>: %s", name, n ? text : "error");
	printf(" [%s]\n", part ? part : "");
}

static void letters(void)
{
	static const WCHAR *const names[] = { L"\u00c9t\u00e9", L"\u0416\u0443\u043a", L"\u6f22\u5b57", L"\u03a3\u03a3", L"a+b,c;d=e[f]{g}~!@#$%^&()'`.x", L"e\u0301" };
	static const WCHAR *const asked[] = { L"\u00e9T\u00c9", L"\u0436\u0423\u041a", L"\u6f22\u5b57", L"\u03c3\u03c3", L"A+B,C;D=E[F]{G}~!@#$%^&()'`.X", L"E\u0301" };

	for (int i = 0; i < 6; i++) {
		HANDLE h = CreateFileW(names[i], GENERIC_WRITE, 7, 0, CREATE_NEW, 0, 0);
		WIN32_FIND_DATAW d;

		printf("letters %d: %d", i, h != INVALID_HANDLE_VALUE);
		CloseHandle(h);
		h = FindFirstFileW(asked[i], &d);
		printf(" found %d same %d", h != INVALID_HANDLE_VALUE, h != INVALID_HANDLE_VALUE && !wcscmp(d.cFileName, names[i]));
		FindClose(h);
		printf(" deleted %d\n", DeleteFileW(asked[i]));
	}
}

static void longs(void)
{
	WCHAR name[300], full[700] = L"\\\\?\\";
	HANDLE h;

	for (int i = 0; i < 256; i++)
		name[i] = L'n';
	name[255] = 0;
	GetCurrentDirectoryW(300, full + 4);
	wcscat(full, L"\\");
	wcscat(full, name);
	h = CreateFileW(full, GENERIC_WRITE, 7, 0, CREATE_NEW, 0, 0);
	OK(h != INVALID_HANDLE_VALUE);
	CloseHandle(h);
	OK(DeleteFileW(full));
	wcscat(full, L"n");
	OK(CreateFileW(full, GENERIC_WRITE, 7, 0, CREATE_NEW, 0, 0) != INVALID_HANDLE_VALUE);
}

int main(void)
{
	t_start();
	renames();
	held();
	full("x");
	full("x\\..\\y\\.\\z");
	full("..\\.\\x\\..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\q");
	full("C:\\a\\..\\b");
	full("C:/a//b/");
	full("\\\\server\\share\\..\\x");
	full("x. . .");
	full("NUL");
	letters();
	longs();
	return 0;
}
