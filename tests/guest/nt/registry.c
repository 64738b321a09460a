/* SPDX-License-Identifier: MIT */
/* The registry: keys, typed values, enumeration, deletion, notification, links of the tree that programs expect. */
/* wine: the version in the registry is that of the prefix. */
#include "t.h"

#define ROOT "Software\\BaileyTest"

static LONG result(const char *what, LONG error)
{
	if (error)
		printf("%s: error %ld\n", what, error);
	else
		printf("%s: ok\n", what);
	return error;
}
#define REG(call) result(#call, call)

static void values(HKEY k)
{
	static const struct { const char *name; DWORD type; const char *data; DWORD size; } set[] = {
		{ "text", REG_SZ, "some text", 10 }, { "Expand", REG_EXPAND_SZ, "%PATH%", 7 }, { "number", REG_DWORD, "\x78\x56\x34\x12", 4 },
		{ "many", REG_MULTI_SZ, "one\0two\0", 9 }, { "binary", REG_BINARY, "\0\1\2\3\4", 5 }, { "", REG_SZ, "default", 8 }, { "none", REG_NONE, "", 0 },
		{ "quad", REG_QWORD, "\1\2\3\4\5\6\7\x08", 8 }, { "odd type", 4711, "abc", 3 },
	};
	char data[64], name[64];
	DWORD type, size, n;

	for (unsigned i = 0; i < sizeof set / sizeof *set; i++)
		if (RegSetValueExA(k, set[i].name, 0, set[i].type, (const BYTE *)set[i].data, set[i].size))
			printf("cannot set %s\n", set[i].name);
	for (unsigned i = 0; i < sizeof set / sizeof *set; i++) {
		size = sizeof data;
		LONG e = RegQueryValueExA(k, set[i].name, 0, &type, (BYTE *)data, &size);
		printf("<%s>: %ld, type %lu, size %lu, %s\n", set[i].name, e, type, size, size == set[i].size && !memcmp(data, set[i].data, size) ? "same" : "differs");
	}
	size = sizeof data;
	REG(RegQueryValueExA(k, "TEXT", 0, &type, (BYTE *)data, &size));
	size = 3;
	REG(RegQueryValueExA(k, "text", 0, &type, (BYTE *)data, &size));
	NUM(size);
	REG(RegQueryValueExA(k, "nothing", 0, &type, (BYTE *)data, &size));
	size = sizeof data;
	REG(RegGetValueA(k, 0, "number", RRF_RT_REG_DWORD, &type, data, &size));
	REG(RegGetValueA(k, 0, "number", RRF_RT_REG_SZ, &type, data, &size));
	for (n = 0;; n++) {
		DWORD length = sizeof name;

		size = sizeof data;
		LONG e = RegEnumValueA(k, n, name, &length, 0, &type, (BYTE *)data, &size);
		if (e) {
			printf("enumeration ends: %ld after %lu\n", e, n);
			break;
		}
	}
	REG(RegDeleteValueA(k, "quad"));
	REG(RegDeleteValueA(k, "quad"));
	REG(RegSetValueExA(k, "text", 0, REG_DWORD, (const BYTE *)"\1\0\0\0", 4));
	REG(RegQueryValueExA(k, "text", 0, &type, 0, &size));
	printf("type %lu size %lu\n", type, size);
}

static void keys(void)
{
	HKEY k, sub, again;
	DWORD how, subkeys, values, longest;
	char name[64], class[32];
	FILETIME when;

	REG(RegCreateKeyExA(HKEY_CURRENT_USER, ROOT "\\a\\b\\c", 0, "cls", 0, KEY_ALL_ACCESS, 0, &k, &how));
	NUM(how);
	RegCloseKey(k);
	REG(RegCreateKeyExA(HKEY_CURRENT_USER, ROOT "\\A\\B\\C", 0, 0, 0, KEY_ALL_ACCESS, 0, &k, &how));
	NUM(how);
	RegCloseKey(k);
	REG(RegOpenKeyExA(HKEY_CURRENT_USER, ROOT "\\a", 0, KEY_ALL_ACCESS, &k));
	for (int i = 0; i < 5; i++) {
		sprintf(name, "Key %d", 4 - i);
		RegCreateKeyExA(k, name, 0, 0, 0, KEY_ALL_ACCESS, 0, &sub, 0);
		RegCloseKey(sub);
	}
	for (DWORD i = 0;; i++) {
		DWORD length = sizeof name, class_length = sizeof class;

		LONG e = RegEnumKeyExA(k, i, name, &length, 0, class, &class_length, &when);
		if (e) {
			printf("ends: %ld\n", e);
			break;
		}
		printf("%lu: %s\n", i, name);
	}
	REG(RegQueryInfoKeyA(k, 0, 0, 0, &subkeys, &longest, 0, &values, 0, 0, 0, &when));
	printf("%lu keys, longest %lu, %lu values\n", subkeys, longest, values);
	REG(RegDeleteKeyA(k, "b"));
	REG(RegDeleteKeyA(k, "b\\c"));
	REG(RegDeleteKeyA(k, "B"));
	REG(RegDeleteKeyA(k, "b"));
	REG(RegOpenKeyExA(k, "nothing", 0, KEY_READ, &again));
	REG(RegOpenKeyExA(k, "key 3", 0, KEY_READ, &sub));
	REG(RegSetValueExA(sub, "x", 0, REG_SZ, (const BYTE *)"", 1));
	REG(RegDeleteKeyA(k, "Key 3"));
	REG(RegQueryValueExA(sub, "x", 0, 0, 0, 0));
	REG(RegCreateKeyExA(sub, "below", 0, 0, 0, KEY_ALL_ACCESS, 0, &again, 0));
	RegCloseKey(sub);
	REG(RegOpenKeyExA(k, "", 0, KEY_READ, &again));
	REG(RegCloseKey(again));
	REG(RegCreateKeyExA(k, "gone soon", 0, 0, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, 0, &sub, &how));
	REG(RegCreateKeyExA(sub, "lasting", 0, 0, 0, KEY_ALL_ACCESS, 0, &again, 0));
	RegCloseKey(sub);
	RegCloseKey(k);
}

static void notification(HKEY k)
{
	HANDLE e = CreateEventA(0, FALSE, FALSE, 0);
	HKEY sub;

	REG(RegNotifyChangeKeyValue(k, FALSE, REG_NOTIFY_CHANGE_LAST_SET, e, TRUE));
	WAITS(WaitForSingleObject(e, 20));
	RegSetValueExA(k, "told", 0, REG_SZ, (const BYTE *)"x", 2);
	WAITS(WaitForSingleObject(e, 2000));
	RegSetValueExA(k, "told", 0, REG_SZ, (const BYTE *)"y", 2);
	WAITS(WaitForSingleObject(e, 20));
	REG(RegOpenKeyExA(HKEY_CURRENT_USER, ROOT, 0, KEY_ALL_ACCESS, &k));	/* a handle keeps the filter of its first call */
	REG(RegNotifyChangeKeyValue(k, TRUE, REG_NOTIFY_CHANGE_NAME, e, TRUE));
	RegSetValueExA(k, "told", 0, REG_SZ, (const BYTE *)"z", 2);
	WAITS(WaitForSingleObject(e, 50));
	RegCreateKeyExA(k, "a\\new\\one", 0, 0, 0, KEY_ALL_ACCESS, 0, &sub, 0);
	RegCloseKey(sub);
	WAITS(WaitForSingleObject(e, 2000));
	CloseHandle(e);
}

static void expected(void)
{
	char text[128];
	DWORD size;
	HKEY k;

	size = sizeof text;
	if (!REG(RegGetValueA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", "CurrentVersion", RRF_RT_REG_SZ, 0, text, &size)))
		puts(text);
	REG(RegOpenKeyExA(HKEY_LOCAL_MACHINE, "SYSTEM\\CurrentControlSet\\Control\\Session Manager", 0, KEY_READ, &k));
	REG(RegOpenKeyExA(HKEY_LOCAL_MACHINE, "SYSTEM\\CurrentControlSet\\Control\\Nls", 0, KEY_READ, &k));
	REG(RegOpenKeyExA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Time Zones", 0, KEY_READ, &k));
	REG(RegOpenKeyExA(HKEY_CLASSES_ROOT, "", 0, KEY_READ, &k));
	REG(RegOpenKeyExA(HKEY_USERS, "", 0, KEY_READ, &k));
	REG(RegOpenKeyExA(HKEY_CURRENT_USER, "Environment", 0, KEY_READ, &k));
}

int main(void)
{
	HKEY k;

	t_start();
	RegDeleteTreeA(HKEY_CURRENT_USER, ROOT);
	REG(RegCreateKeyExA(HKEY_CURRENT_USER, ROOT, 0, 0, 0, KEY_ALL_ACCESS, 0, &k, 0));
	values(k);
	keys();
	notification(k);
	RegCloseKey(k);
	REG(RegOpenKeyExA(HKEY_CURRENT_USER, ROOT, 0, KEY_READ, &k));
	REG(RegSetValueExA(k, "x", 0, REG_SZ, (const BYTE *)"", 1));
	RegCloseKey(k);
	REG(RegDeleteTreeA(HKEY_CURRENT_USER, ROOT));
	REG(RegOpenKeyExA(HKEY_CURRENT_USER, ROOT, 0, KEY_READ, &k));
	expected();
	return 0;
}
