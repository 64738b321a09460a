/* SPDX-License-Identifier: MIT */
/* Standard handles that are no console: their types, what console calls say of them, output to a file by a child. */
#include "t.h"

static void standard(const char *name, DWORD which)
{
	HANDLE h = GetStdHandle(which);
	DWORD mode = 0, n = 0;

	printf("%s: type %lu", name, GetFileType(h) == FILE_TYPE_PIPE || GetFileType(h) == FILE_TYPE_DISK || GetFileType(h) == FILE_TYPE_CHAR ? 1ul : 0ul);
	printf(", console %d", GetConsoleMode(h, &mode));
	SetLastError(0);
	printf(", write to console %d", WriteConsoleA(h, "never seen", 10, &n, 0));
	printf(", error %lu\n", GetLastError());
}

int main(int argc, char **argv)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, 0, TRUE };
	char self[MAX_PATH], line[MAX_PATH + 16], text[200] = "";
	PROCESS_INFORMATION pi;
	CONSOLE_SCREEN_BUFFER_INFO info;
	DWORD n;
	HANDLE f;

	if (argc > 1) {
		printf("child: first\n");
		fprintf(stderr, "child: error\n");
		printf("child: %d\n", fgetc(stdin));
		return 2;
	}
	t_start();
	standard("out", STD_OUTPUT_HANDLE);
	NUM(GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info));
	WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), "straight\n", 9, &n, 0);
	NUM(n);
	f = CreateFileA("out.txt", GENERIC_READ | GENERIC_WRITE, 7, &sa, CREATE_ALWAYS, 0, 0);
	HANDLE nul = CreateFileA("NUL", GENERIC_READ | GENERIC_WRITE, 7, &sa, OPEN_EXISTING, 0, 0);
	NUM(GetFileType(nul));
	STARTUPINFOA si = { .cb = sizeof si, .dwFlags = STARTF_USESTDHANDLES, .hStdInput = nul, .hStdOutput = f, .hStdError = f };
	GetModuleFileNameA(0, self, sizeof self);
	sprintf(line, "\"%s\" child", self);
	OK(CreateProcessA(self, line, 0, 0, TRUE, 0, 0, 0, &si, &pi));
	NUM(t_reap(pi.hProcess));
	SetFilePointer(f, 0, 0, FILE_BEGIN);
	ReadFile(f, text, sizeof text - 1, &n, 0);
	for (DWORD i = 0; i < n; i++)
		if (text[i] == '\r')
			text[i] = '~';
	printf("%s", text);
	OK(SetStdHandle(STD_OUTPUT_HANDLE, f));
	NUM(GetStdHandle(STD_OUTPUT_HANDLE) == f);
	OK(SetStdHandle(55, f));
	OK(WriteFile(nul, "gone", 4, &n, 0));
	NUM(n);
	OK(ReadFile(nul, text, 4, &n, 0));
	NUM(n);
	return 0;
}
