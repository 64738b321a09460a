/* SPDX-License-Identifier: MIT */
/* What every process needs to start is neither deleted, written nor made unknown: its DLLs, its locale. */
/* wine: it deletes DLLs of which its loader has copies, and takes any locale. */
#include "t.h"
/* libs: -lntdll */

NTSTATUS NTAPI NtSetDefaultLocale(BOOLEAN user, LCID lcid);
NTSTATUS NTAPI NtSetDefaultUILanguage(LANGID language);

static void start(void)
{
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi;
	DWORD code = 99;
	char line[] = "cmd /c exit 7";

	if (CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &si, &pi)) {
		WaitForSingleObject(pi.hProcess, 10000);
		GetExitCodeProcess(pi.hProcess, &code);
	}
	NUM(code);
}

static void attack(const char *name)
{
	HANDLE h;

	printf("%s\n", name);
	OK(DeleteFileA(name));
	h = CreateFileA(name, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
	OK(h != INVALID_HANDLE_VALUE);
	h = CreateFileA(name, DELETE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, FILE_FLAG_DELETE_ON_CLOSE, NULL);
	OK(h != INVALID_HANDLE_VALUE);
	OK(MoveFileExA("other.dll", name, MOVEFILE_REPLACE_EXISTING));
}

int main(void)
{
	static const LCID good[] = { 0x407, 0x9, 0x7f, 0x10407, 0x409 }, bad[] = { 0x128, 0xffffffff, 0x400, 0x10409 };

	t_start();
	CloseHandle(CreateFileA("other.dll", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL));
	attack("C:\\windows\\system32\\ntdll.dll");
	attack("C:\\windows\\system32\\apisetschema.dll");
	attack("C:\\windows\\system32\\kernel32.dll");
	start();
	for (int i = 0; i < 4; i++)
		HEX((unsigned)NtSetDefaultLocale(i & 1, bad[i]));
	HEX((unsigned)NtSetDefaultUILanguage(0x128));
	start();
	for (int i = 0; i < 5; i++) {
		HEX((unsigned)NtSetDefaultLocale(0, good[i]));
		HEX((unsigned)NtSetDefaultLocale(1, good[i]));
		start();
	}
	return 0;
}
