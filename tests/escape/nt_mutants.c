/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/nt_mutants.c - truncated and mutilated copies of this program, of a library and of a hive file.  Each may be refused
 * or crash its process; the sandbox must go on.
 */
#include "nt_hostile.h"

#define ROOM (4u << 20)

static unsigned char original[ROOM], bytes[ROOM];

static uint64_t value(void)
{
	static const uint64_t all[] = { 0, 1, 2, 7, 0x10b, 0x20b, 0x14c, 0x8664, 0x1ff, 0x200, 0xfff, 0x1000, 0x1001, 0xffff, 0x10000, 0x400000, 0x680000000000, 0x684000000000, 0x7ffffffef000,
		0x800000000000, 1ull << 31, 1ull << 32, 1ull << 62, 1ull << 63, ~0ull, ~0xfffull };

	return rnd() % 4 ? PICK(all) : rnd();
}

static DWORD load(const char *path)
{
	HANDLE f = CreateFileA(path, GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL);
	DWORD n = 0;

	if (f == INVALID_HANDLE_VALUE || !ReadFile(f, original, ROOM, &n, NULL) || n < 1024)
		bad("%s cannot be read: %lu", path, GetLastError());
	CloseHandle(f);
	return n;
}

static int store(const char *path, DWORD n)
{
	HANDLE f = CreateFileA(path, GENERIC_WRITE, 7, NULL, CREATE_ALWAYS, 0, NULL);
	DWORD done = 0;

	if (f == INVALID_HANDLE_VALUE)
		return 0;
	WriteFile(f, bytes, n, &done, NULL);
	CloseHandle(f);
	return done == n;
}

static void put(DWORD at, unsigned size, DWORD limit)
{
	uint64_t v = value();

	if (at + size <= limit)
		memcpy(bytes + at, &v, size);
}

static DWORD mutilate_pe(DWORD size)
{
	DWORD pe, sections, count;

	memcpy(bytes, original, size);
	memcpy(&pe, bytes + 0x3c, 4);
	count = bytes[pe + 6];
	sections = pe + 24 + bytes[pe + 20] + 256u * bytes[pe + 21];
	for (unsigned i = 0; i < 1 + rnd() % 3; i++) {
		switch (rnd() % 9) {
		case 0: put(0x3c, 4, size); break;
		case 1: put(pe + 4 + 2 * (rnd() % 10), 2, size); break;		      /* file header */
		case 2: put(pe + 24 + 4 * (rnd() % 28), rnd() % 2 ? 4 : 8, size); break; /* optional header */
		case 3: put(pe + 24 + 112 + 4 * (rnd() % 32), 4, size); break;	      /* directories */
		case 4:
		case 5: put(sections + 40 * (rnd() % (count + 1)) + 8 + 4 * (rnd() % 8), 4, size); break;
		case 6: bytes[rnd() % 1024] ^= (unsigned char)(1 << rnd() % 8); break;
		default: bytes[rnd() % size] ^= (unsigned char)(1 << rnd() % 8); break;
		}
	}
	return rnd() % 6 ? size : (DWORD)(1 + rnd() % size);
}

static int each(unsigned seed, unsigned count, const char *source, const char *copy, const char *command, int is_program, const char *name)
{
	DWORD size = load(source);
	unsigned refused = 0, died = 0, ran = 0, stopped = 0;

	random_state = seed;
	for (unsigned i = 0; i < count; i++) {
		DWORD cut = mutilate_pe(size), code;
		int stuck;

		if (!store(copy, cut)) {
			Sleep(50); /* one that was ended is still going */
			if (!store(copy, cut)) {
				bad("%s cannot be written: %lu", copy, GetLastError());
				return 1;
			}
		}
		code = is_program ? run_program(copy, command, 2000, &stuck) : child(command, 2000, &stuck);
		stopped += stuck;
		refused += !stuck && (code == 0xfffffffe || code == 126);
		died += !stuck && code != 0 && code != 0xfffffffe && code != 126;
		ran += !stuck && code == 0;
	}
	printf("done %s: %u refused, %u died, %u ran, %u did not end\n", name, refused, died, ran, stopped);
	return 0;
}

int programs(unsigned seed, unsigned count)
{
	char self[MAX_PATH];

	GetModuleFileNameA(NULL, self, sizeof self);
	return each(seed, count, self, "C:\\windows\\temp\\m.exe", "m.exe child", 1, "programs");
}

int libraries(unsigned seed, unsigned count)
{
	return each(seed, count, "C:\\windows\\system32\\version.dll", "C:\\windows\\temp\\m.dll", "library C:\\windows\\temp\\m.dll", 0, "libraries");
}

int libraries_child(const char *path)
{
	HMODULE m = LoadLibraryExA(path, NULL, rnd() % 2 ? 0 : DONT_RESOLVE_DLL_REFERENCES);

	if (m == NULL)
		return 126;
	GetProcAddress(m, "GetFileVersionInfoA");
	GetProcAddress(m, (char *)5);
	FreeLibrary(m);
	return 0;
}

/* ---- hives ---- */

static void privileges(void)
{
	struct { ULONG count; LUID_AND_ATTRIBUTES p[2]; } set = { 2, { { { 17 }, 2 }, { { 18 }, 2 } } }; /* backup, restore */
	HANDLE t;

	NT(NtOpenProcessToken, GetCurrentProcess(), 0x28ull, &t);
	NT(NtAdjustPrivilegesToken, t, 0ull, &set, 0ull, NULL, NULL);
	CloseHandle(t);
}

static void make_tree(void)
{
	static char data[5000];
	HKEY k;

	for (unsigned i = 0; i < 12; i++) {
		char name[100];

		snprintf(name, sizeof name, "hive\\key%u\\%s%u", i % 5, i % 2 ? "a" : "longer name of a key", i);
		RegCreateKeyA(HKEY_CURRENT_USER, name, &k);
		for (unsigned v = 0; v < i; v++) {
			snprintf(name, sizeof name, "value%u", v);
			RegSetValueExA(k, v ? name : NULL, 0, v % 12, (void *)data, v == 11 ? 5000 : v * 7);
		}
		RegCloseKey(k);
	}
}

static unsigned walk(HKEY k, unsigned depth)
{
	char name[600];
	static char data[70000];
	unsigned sum = 0;

	for (DWORD i = 0; i < 300 && depth < 12; i++) {
		DWORD n = sizeof name;
		HKEY sub;

		if (RegEnumKeyExA(k, i, name, &n, NULL, NULL, NULL, NULL) != 0)
			break;
		if (RegOpenKeyExA(k, name, 0, KEY_READ, &sub) == 0) {
			sum += 1 + walk(sub, depth + 1);
			RegCloseKey(sub);
		}
	}
	for (DWORD i = 0; i < 300; i++) {
		DWORD n = sizeof name, size = sizeof data, type;

		if (RegEnumValueA(k, i, name, &n, NULL, &type, (void *)data, &size) != 0)
			break;
		sum++;
	}
	return sum;
}

static void sum_up(DWORD size)
{
	uint32_t sum = 0, word;

	for (unsigned i = 0; i < 127 && size >= 512; i++) {
		memcpy(&word, bytes + 4 * i, 4);
		sum ^= word;
	}
	sum = sum == 0 ? 1 : sum == ~0u ? ~1u : sum;
	if (size >= 512)
		memcpy(bytes + 508, &sum, 4);
}

int hives_child(unsigned seed)
{
	static const WCHAR path[] = L"\\??\\C:\\windows\\temp\\hive";
	UNICODE_STRING file, key;
	OBJECT_ATTRIBUTES fa = { .Length = sizeof fa, .ObjectName = &file, .Attributes = OBJ_CASE_INSENSITIVE }, ka = { .Length = sizeof ka, .ObjectName = &key, .Attributes = OBJ_CASE_INSENSITIVE };
	HANDLE f;
	HKEY k;
	DWORD size;
	WCHAR name[100];

	random_state = seed;
	rnd();
	privileges();
	make_tree();
	RegOpenKeyExA(HKEY_CURRENT_USER, "hive", 0, KEY_ALL_ACCESS, &k);
	f = CreateFileA("C:\\windows\\temp\\hive", GENERIC_READ | GENERIC_WRITE, 7, NULL, CREATE_ALWAYS, 0, NULL);
	if (NT(NtSaveKey, k, f) < 0)
		bad("the key is not saved");
	CloseHandle(f);
	size = load("C:\\windows\\temp\\hive");
	memcpy(bytes, original, size);
	for (unsigned i = 0; i < 1 + rnd() % 6; i++) {
		DWORD at = (DWORD)(rnd() % (rnd() % 3 ? size : 4096 + 600));

		if (rnd() % 2)
			put(at & ~3u, rnd() % 3 ? 4 : 2, size);
		else
			bytes[at % size] ^= (unsigned char)(1 << rnd() % 8);
	}
	if (rnd() % 4)
		sum_up(size);
	if (rnd() % 6 == 0)
		size = (DWORD)(rnd() % size);
	store("C:\\windows\\temp\\hive", size);
	swprintf(name, 100, L"\\Registry\\Machine\\m%u", seed);
	unicode(&file, path);
	unicode(&key, name);
	if (NT(NtLoadKey, &ka, &fa) >= 0) {
		HKEY loaded;

		page->counts[0]++;
		if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, name + 18, 0, KEY_READ, &loaded) == 0) {
			page->counts[1] += walk(loaded, 0);
			RegCloseKey(loaded);
		}
		NT(NtUnloadKey, &ka);
	}
	f = CreateFileA("C:\\windows\\temp\\hive", GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL);
	if (NT(NtRestoreKey, k, f, rnd() % 3 ? 8ull : rnd() % 16) >= 0)
		page->counts[2] += 1 + 0 * walk(k, 0);
	CloseHandle(f);
	return 0;
}

int hives(unsigned seed, unsigned count)
{
	unsigned died = 0, stopped = 0;

	for (unsigned i = 0; i < count; i++) {
		char args[60];
		int stuck;

		snprintf(args, sizeof args, "hives %u", seed * 10000 + i);
		died += child(args, PATIENCE_MS / 3, &stuck) != 0;
		stopped += stuck;
	}
	if (stopped || died)
		bad("%u hives ended their process, %u did not come back", died, stopped);
	printf("done hives: %u loaded, %u restored, %u keys and values seen\n", page->counts[0], page->counts[2], page->counts[1]);
	return 0;
}
