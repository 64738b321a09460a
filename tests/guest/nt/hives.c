/* SPDX-License-Identifier: MIT */
/* Keys saved to a hive file, loaded elsewhere, restored. */
/* wine: it writes texts of its own, and does not restore. */
#include "t.h"

static void privilege(const char *name)
{
	TOKEN_PRIVILEGES p = { 1, { { { 0, 0 }, SE_PRIVILEGE_ENABLED } } };
	HANDLE token;

	OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token);
	LookupPrivilegeValueA(NULL, name, &p.Privileges[0].Luid);
	AdjustTokenPrivileges(token, FALSE, &p, 0, NULL, NULL);
}

static void text(HKEY k, const char *key, const char *name)
{
	char data[64] = "";
	DWORD size = sizeof data;
	LONG error = RegGetValueA(k, key, name, RRF_RT_ANY, NULL, data, &size);

	printf("%s\\%s: %ld, %s\n", key == NULL ? "" : key, name, error, data);
}

static LONG restore(HKEY k, const char *file)
{
	typedef LONG(WINAPI * function)(HKEY, HANDLE, ULONG);
	function call = (function)(void *)GetProcAddress(GetModuleHandleA("ntdll"), "NtRestoreKey");
	HANDLE f = CreateFileA(file, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
	LONG status = call(k, f, 0);

	CloseHandle(f);
	return status;
}

int main(void)
{
	static BYTE big[40000];
	char file[] = "saved.hiv", magic[5] = "";
	HKEY k, sub;
	DWORD size, type;

	t_start();
	RegCreateKeyA(HKEY_CURRENT_USER, "Software\\BaileyHive", &k);
	RegSetValueExA(k, "name", 0, REG_SZ, (const BYTE *)"first", 6);
	RegCreateKeyA(k, "sub\\deeper", &sub);
	for (unsigned i = 0; i < sizeof big; i++)
		big[i] = (BYTE)(i * 7);
	RegSetValueExA(sub, "big", 0, REG_BINARY, big, sizeof big);
	printf("save without the privilege: %ld\n", RegSaveKeyA(k, file, NULL));
	privilege("SeBackupPrivilege");
	DeleteFileA(file);
	printf("save: %ld\n", RegSaveKeyA(k, file, NULL));
	HANDLE f = CreateFileA(file, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
	ReadFile(f, magic, 4, &size, NULL);
	printf("%s, %lu over whole pages\n", magic, GetFileSize(f, NULL) % 4096);
	CloseHandle(f);
	printf("load without the privilege: %ld\n", RegLoadKeyA(HKEY_LOCAL_MACHINE, "Loaded", file));
	privilege("SeRestorePrivilege");
	printf("load: %ld\n", RegLoadKeyA(HKEY_LOCAL_MACHINE, "Loaded", file));
	text(HKEY_LOCAL_MACHINE, "Loaded", "name");
	size = sizeof big;
	memset(big, 0, sizeof big);
	printf("big: %ld", RegGetValueA(HKEY_LOCAL_MACHINE, "Loaded\\sub\\deeper", "big", RRF_RT_ANY, &type, big, &size));
	printf(", type %lu, %lu bytes, %d\n", type, size, big[39999] == (BYTE)(39999 * 7));
	RegOpenKeyA(HKEY_LOCAL_MACHINE, "Loaded\\sub", &sub);
	printf("unload what is in use: %ld\n", RegUnLoadKeyA(HKEY_LOCAL_MACHINE, "Loaded"));
	RegCloseKey(sub);
	printf("unload: %ld\n", RegUnLoadKeyA(HKEY_LOCAL_MACHINE, "Loaded"));
	text(HKEY_LOCAL_MACHINE, "Loaded", "name");
	RegSetValueExA(k, "name", 0, REG_SZ, (const BYTE *)"other", 6);
	RegCreateKeyA(k, "new", &sub);
	RegCloseKey(sub);
	printf("restore: %lx\n", (unsigned long)restore(k, file));
	text(k, NULL, "name");
	printf("the new key: %ld\n", RegOpenKeyA(k, "new", &sub));
	return 0;
}
