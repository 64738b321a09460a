/* SPDX-License-Identifier: MIT */
/* Share modes against access, over all pairs; delete on close; deletion that waits for the last handle; a child's handles count too. */
/* wine: a file that is to be deleted can still be opened; Windows refuses it as pending. */
#include "t.h"

static const DWORD rights[] = { GENERIC_READ, GENERIC_WRITE, DELETE, FILE_READ_ATTRIBUTES, GENERIC_READ | GENERIC_WRITE | DELETE };

static void pairs(void)
{
	for (int first = 0; first < 5; first++) {
		for (DWORD share = 0; share < 8; share++) {
			HANDLE a = CreateFileA("s", rights[first], share, 0, OPEN_ALWAYS, 0, 0);

			printf("%d/%lu:", first, share);
			for (int second = 0; second < 5; second++)
				for (DWORD with = 0; with < 8; with += 7) {
					HANDLE b = CreateFileA("s", rights[second], with, 0, OPEN_EXISTING, 0, 0);

					printf(" %lu", b == INVALID_HANDLE_VALUE ? GetLastError() : 0);
					CloseHandle(b);
				}
			printf("\n");
			CloseHandle(a);
		}
	}
}

static void exists(const char *name)
{
	SetLastError(0);
	DWORD a = GetFileAttributesA(name);

	printf("%s: %s, error %lu\n", name, a == INVALID_FILE_ATTRIBUTES ? "gone" : "there", GetLastError());
}

static HANDLE shared(const char *name, DWORD more, DWORD flags)
{
	return CreateFileA(name, more, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, 0, OPEN_ALWAYS, flags, 0);
}

static BOOL dispose(HANDLE h, BOOLEAN yes)
{
	FILE_DISPOSITION_INFO d = { yes };

	return SetFileInformationByHandle(h, FileDispositionInfo, &d, sizeof d);
}

static void on_close(void)
{
	HANDLE a = shared("close", GENERIC_WRITE, FILE_FLAG_DELETE_ON_CLOSE), b, c;
	DWORD n;
	char text[8];

	OK(a != INVALID_HANDLE_VALUE);
	exists("close");
	OK(CreateFileA("close", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING, 0, 0) != INVALID_HANDLE_VALUE);
	b = shared("close", GENERIC_READ | GENERIC_WRITE, 0);
	OK(b != INVALID_HANDLE_VALUE);
	CloseHandle(a);
	OK(shared("close", GENERIC_READ, 0) != INVALID_HANDLE_VALUE);
	OK(WriteFile(b, "still", 5, &n, 0));
	SetFilePointer(b, 0, 0, FILE_BEGIN);
	OK(ReadFile(b, text, 5, &n, 0));
	CloseHandle(b);
	exists("close");

	a = shared("later", GENERIC_READ | DELETE, 0);
	OK(dispose(a, TRUE));
	OK(shared("later", GENERIC_READ, 0) != INVALID_HANDLE_VALUE);
	OK(dispose(a, FALSE));
	c = shared("later", GENERIC_READ, 0);
	OK(c != INVALID_HANDLE_VALUE);
	OK(dispose(c, TRUE));
	CloseHandle(c);
	CloseHandle(a);
	exists("later");
	OK(DeleteFileA("later"));

	OK(CreateDirectoryA("dir", 0));
	a = CreateFileA("dir", DELETE, 7, 0, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, 0);
	shared("dir\\f", GENERIC_READ, 0);
	OK(dispose(a, TRUE));
	CloseHandle(a);
	exists("dir");
}

static void family(void)
{
	SECURITY_ATTRIBUTES sa = { sizeof sa, 0, TRUE };
	HANDLE a = CreateFileA("kin", GENERIC_READ, 0, &sa, CREATE_ALWAYS, 0, 0), p = t_again("child");

	CloseHandle(a);
	OK(CreateFileA("kin", GENERIC_READ, 7, 0, OPEN_EXISTING, 0, 0) != INVALID_HANDLE_VALUE);
	printf("child: %lu\n", t_reap(p));
	OK(CreateFileA("kin", GENERIC_READ, 7, 0, OPEN_EXISTING, 0, 0) != INVALID_HANDLE_VALUE);
}

int main(int argc, char **argv)
{
	t_start();
	if (argc > 1) {
		Sleep(500);
		return 0;
	}
	pairs();
	on_close();
	family();
	return 0;
}
