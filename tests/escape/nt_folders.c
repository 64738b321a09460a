/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/nt_folders.c - names that might lead out of a granted folder, as Windows programs can say them, and storms of renames and
 * links there.  What holds MARKER lies outside and must never be read; the test compares what is there before and after.
 */
#include "nt_hostile.h"

static char marker[200];

static LONG open_at(HANDLE *h, HANDLE root, const WCHAR *name, ULONG access, ULONG disposition, ULONG options, ULONG attributes)
{
	UNICODE_STRING s;
	OBJECT_ATTRIBUTES oa = { .Length = sizeof oa, .RootDirectory = root, .ObjectName = &s, .Attributes = attributes };
	IO_STATUS_BLOCK io;

	unicode(&s, name);
	*h = NULL;
	return NT(NtCreateFile, h, access | SYNCHRONIZE, &oa, &io, NULL, 0ull, 7ull, disposition, options | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0ull);
}

static void look(HANDLE h, const WCHAR *how)
{
	char text[300] = "";
	DWORD n = 0;

	if (h == NULL)
		return;
	page->counts[0]++;
	if (ReadFile(h, text, sizeof text - 1, &n, NULL) && strstr(text, marker))
		bad("%ls reads what is outside", how);
	CloseHandle(h);
}

/* All that can be done to a name. */
static void attack_name(HANDLE root, const WCHAR *name)
{
	static const ULONG dispositions[] = { FILE_OPEN, FILE_CREATE, FILE_OPEN_IF, FILE_OVERWRITE, FILE_OVERWRITE_IF, FILE_SUPERSEDE };
	static const ULONG options[] = { 0, FILE_OPEN_REPARSE_POINT, FILE_OPEN_FOR_BACKUP_INTENT, 0 };
	UNICODE_STRING s;
	OBJECT_ATTRIBUTES oa = { .Length = sizeof oa, .RootDirectory = root, .ObjectName = &s };
	FILE_BASIC_INFORMATION basic;
	HANDLE h;

	unicode(&s, name);
	for (unsigned i = 0; i < 4; i++) {
		oa.Attributes = i & 1 ? OBJ_CASE_INSENSITIVE : 0;
		open_at(&h, root, name, FILE_READ_DATA | FILE_READ_ATTRIBUTES, FILE_OPEN, options[i], oa.Attributes);
		look(h, name);
	}
	for (unsigned i = 1; i < 6; i++)
		if (open_at(&h, root, name, GENERIC_WRITE | DELETE, dispositions[i], options[i % 4], OBJ_CASE_INSENSITIVE) >= 0) {
			FILE_END_OF_FILE_INFO eof = { 0 };
			IO_STATUS_BLOCK io;
			DWORD n;

			WriteFile(h, "stolen", 6, &n, NULL);
			NT(NtSetInformationFile, h, &io, &eof, (ULONG)sizeof eof, 20);
			CloseHandle(h);
		}
	NT(NtQueryAttributesFile, &oa, &basic);
	if (rnd() % 2)
		NT(NtDeleteFile, &oa);
}

static const WCHAR *const tails[] = { L"..\\outside\\secret", L"..\\beside", L"evil\\secret", L"evil\\deep\\secret", L"abs", L"up\\outside\\secret", L"up\\beside", L"chain\\secret", L"evil", L"up\\up\\x",
	L".\\..\\outside\\secret", L"real\\..\\..\\outside\\secret", L"real\\..\\..\\..\\..\\etc\\shadow", L"x\\..\\..\\outside\\secret", L"EVIL\\SECRET", L"Up\\Outside\\Secret", L"evil.\\secret", L"evil \\secret",
	L"evil\\secret.", L"evil\\secret ", L"evil\\secret:x", L"evil\\secret::$DATA", L"evil::$INDEX_ALLOCATION\\secret", L"evil/secret", L"../outside/secret", L"real\\../../outside/secret",
	L"evil\\\\secret", L"\\evil\\secret", L"evil\\.\\secret", L"evil\\con", L"nul\\..\\..\\outside\\secret", L"con", L"aux.txt", L"evil\\new", L"up\\new", L"real\\secret\\..\\..\\..\\outside\\secret", L"secret*", L"ev?l\\secret",
	L"evil\\secret\x0001", L"..", L"..\\..", L"...\\outside", L". .\\outside\\secret", L"real\\\x2025\\secret", L"%2e%2e\\outside\\secret" };

static void with_head(const WCHAR *head, const WCHAR *tail)
{
	WCHAR name[800];

	swprintf(name, 800, L"%ls%ls", head, tail);
	attack_name(NULL, name);
}

static LONG make_link(const WCHAR *name, const WCHAR *target)
{
	UNICODE_STRING n, t;
	OBJECT_ATTRIBUTES oa = { .Length = sizeof oa, .ObjectName = &n, .Attributes = OBJ_CASE_INSENSITIVE };
	HANDLE h;

	unicode(&n, name);
	unicode(&t, target);
	return NT(NtCreateSymbolicLinkObject, &h, 0xf0001ull, &oa, &t); /* stays as long as the handle */
}

static void rename_to(const WCHAR *from, HANDLE root, const WCHAR *to, int class)
{
	struct { BOOLEAN replace; HANDLE root; ULONG size; WCHAR name[600]; } r = { .replace = TRUE, .root = root, .size = (ULONG)(2 * wcslen(to)) };
	IO_STATUS_BLOCK io;
	HANDLE h;

	wcscpy(r.name, to);
	if (open_at(&h, NULL, from, DELETE | FILE_READ_DATA, FILE_OPEN, rnd() % 2 ? FILE_OPEN_REPARSE_POINT : 0, OBJ_CASE_INSENSITIVE) < 0)
		return;
	NT(NtSetInformationFile, h, &io, &r, (ULONG)sizeof r, class);
	CloseHandle(h);
}

static void reparse(const WCHAR *name, const WCHAR *target)
{
	struct { ULONG tag; USHORT size, reserved, sub_at, sub_size, print_at, print_size; WCHAR text[500]; } r = { 0xa0000003 };
	USHORT n = (USHORT)(2 * wcslen(target));
	DWORD done;
	HANDLE h;

	r.size = 8 + 2 * n + 4;
	r.sub_size = r.print_size = n;
	r.print_at = n + 2;
	memcpy(r.text, target, n);
	memcpy((char *)r.text + n + 2, target, n);
	if (open_at(&h, NULL, name, GENERIC_WRITE, FILE_OPEN_IF, FILE_DIRECTORY_FILE | FILE_OPEN_REPARSE_POINT, OBJ_CASE_INSENSITIVE) < 0)
		return;
	DeviceIoControl(h, 0x900a4, &r, 8 + r.size, NULL, 0, &done, NULL);
	CloseHandle(h);
}

int names(const WCHAR *what, const WCHAR *vol, const WCHAR *top)
{
	static const WCHAR *const heads[] = { L"\\??\\Z:", L"\\??\\unix", L"\\DosDevices\\Z:", L"\\GLOBAL??\\Z:", L"\\??\\GLOBALROOT\\??\\Z:", L"\\??\\UNC\\localhost\\Z$", L"\\??\\\\\\Z:", L"\\Device\\HarddiskVolume1",
		L"\\Device\\HarddiskVolume2", L"\\??\\Volume{00000000-0000-0000-0000-000000000000}", L"\\??\\Q:" };
	WCHAR slashed[300], head[400], target[600];
	HANDLE dir;

	WideCharToMultiByte(CP_UTF8, 0, what, -1, marker, sizeof marker, NULL, NULL);
	wcscpy(slashed, vol);
	for (WCHAR *p = slashed; *p; p++)
		*p = *p == '/' ? '\\' : *p;
	swprintf(target, 600, L"\\??\\Z:%ls\\..", slashed);
	make_link(L"\\??\\Q:", target);
	make_link(L"\\??\\R:", L"\\??\\unix\\..\\..");
	make_link(L"\\??\\Z:", L"\\??\\unix\\.."); /* a name that is there already */
	for (unsigned h = 0; h < sizeof heads / sizeof *heads; h++) {
		swprintf(head, 400, L"%ls%ls\\", heads[h], h == 10 ? L"" : slashed);
		for (unsigned i = 0; i < sizeof tails / sizeof *tails; i++)
			with_head(head, tails[i]);
		swprintf(head, 400, L"%ls%ls", heads[h], top);
		with_head(head, L"/outside/secret");
		with_head(head, L"\\beside");
		with_head(heads[h], L"\\..\\..\\..\\..\\etc\\shadow");
	}
	swprintf(head, 400, L"\\??\\Z:%ls", slashed);
	if (open_at(&dir, NULL, head, FILE_LIST_DIRECTORY | FILE_TRAVERSE, FILE_OPEN, FILE_DIRECTORY_FILE, OBJ_CASE_INSENSITIVE) < 0)
		bad("the granted folder cannot be opened");
	for (unsigned i = 0; i < sizeof tails / sizeof *tails; i++) {
		attack_name(dir, tails[i]);
		swprintf(target, 600, L"%ls\\%ls", head, tails[i]);
		swprintf(head + wcslen(head), 20, L"\\own");
		rename_to(head, rnd() % 2 ? dir : NULL, rnd() % 2 ? tails[i] : target, rnd() % 2 ? 10 : 11); /* FileRenameInformation, FileLinkInformation */
		head[wcslen(head) - 4] = 0;
		swprintf(slashed, 300, L"%ls\\junction", head);
		reparse(slashed, target);
		with_head(slashed, L"\\secret");
	}
	printf("done names: %u opened\n", page->counts[0]);
	return 0;
}

/* ---- storms ---- */

static WCHAR base[300];
static DWORD until;

static const WCHAR *in(WCHAR *room, const WCHAR *name)
{
	swprintf(room, 400, L"%ls\\%ls", base, name);
	return room;
}

static DWORD WINAPI swapper(void *arg)
{
	static const WCHAR *const names[] = { L"own", L"d", L"out", L"a\\b\\c", L"c", L"a", L"hard", L"stolen", L"..\\evil", L"..\\up" };
	WCHAR from[400], to[400];

	random_state += (uint64_t)(uintptr_t)arg;
	while (GetTickCount() < until) {
		CreateDirectoryW(in(to, L"own"), NULL);
		CreateDirectoryW(in(to, L"a"), NULL);
		CreateDirectoryW(in(to, L"a\\b"), NULL);
		CreateDirectoryW(in(to, L"a\\b\\c"), NULL);
		CloseHandle(CreateFileW(in(to, L"own\\secret"), GENERIC_WRITE, 7, NULL, OPEN_ALWAYS, 0, NULL));
		MoveFileExW(in(from, PICK(names)), in(to, PICK(names)), MOVEFILE_REPLACE_EXISTING);
		CreateHardLinkW(in(to, L"hard"), in(from, PICK(names)), NULL);
		if (rnd() % 4 == 0)
			DeleteFileW(in(to, PICK(names)));
		if (rnd() % 8 == 0)
			RemoveDirectoryW(in(to, PICK(names)));
	}
	return 0;
}

static DWORD WINAPI reader(void *arg)
{
	static const WCHAR *const names[] = { L"d\\secret", L"own\\secret", L"out\\secret", L"d\\deep\\secret", L"d\\..\\..\\outside\\secret", L"own\\..\\..\\..\\outside\\secret", L"d\\outside\\secret", L"hard", L"stolen",
		L"a\\b\\c\\..\\..\\..\\..\\..\\outside\\secret" };
	static const WCHAR *const relative[] = { L"secret", L"..\\..\\outside\\secret", L"..\\..\\..\\outside\\secret", L"..\\..\\..\\..\\outside\\secret", L"deep\\secret" };
	WCHAR name[420] = L"\\??\\";

	while (GetTickCount() < until) {
		HANDLE h, dir;

		in(name + 4, PICK(names));
		open_at(&h, NULL, name, FILE_READ_DATA, FILE_OPEN, 0, OBJ_CASE_INSENSITIVE);
		look(h, name);
		in(name + 4, rnd() % 2 ? L"d" : L"a\\b\\c");
		if (open_at(&dir, NULL, name, FILE_LIST_DIRECTORY, FILE_OPEN, FILE_DIRECTORY_FILE, OBJ_CASE_INSENSITIVE) < 0)
			continue;
		for (unsigned i = 0; i < 5; i++) {
			open_at(&h, dir, relative[i], FILE_READ_DATA, FILE_OPEN, 0, OBJ_CASE_INSENSITIVE);
			look(h, relative[i]);
		}
		CloseHandle(dir);
	}
	return 0;
}

static DWORD WINAPI writer(void *arg)
{
	static const WCHAR *const names[] = { L"d\\new", L"d\\secret", L"a\\b\\c\\new", L"c\\new", L"d\\newdir\\x", L"hard" };
	WCHAR name[400], other[400];
	DWORD n;

	while (GetTickCount() < until) {
		HANDLE h = CreateFileW(in(name, PICK(names)), GENERIC_WRITE, 7, NULL, CREATE_ALWAYS, rnd() % 2 ? FILE_FLAG_DELETE_ON_CLOSE : 0, NULL);

		if (h != INVALID_HANDLE_VALUE) {
			WriteFile(h, "new", 3, &n, NULL);
			CloseHandle(h);
		}
		SetFileAttributesW(in(name, PICK(names)), FILE_ATTRIBUTE_READONLY);
		SetFileAttributesW(in(name, PICK(names)), FILE_ATTRIBUTE_NORMAL);
		CreateDirectoryW(in(name, L"d\\newdir"), NULL);
		RemoveDirectoryW(in(name, L"d\\newdir"));
		MoveFileExW(in(name, L"d\\secret"), in(other, L"stolen"), MOVEFILE_REPLACE_EXISTING);
		MoveFileExW(in(name, L"stolen"), in(other, L"d\\secret"), MOVEFILE_REPLACE_EXISTING);
	}
	return 0;
}

int folders(const WCHAR *what, const WCHAR *dir, DWORD ms)
{
	static DWORD (WINAPI *const all[])(void *) = { swapper, swapper, reader, reader, writer, writer };
	HANDLE threads[6];

	WideCharToMultiByte(CP_UTF8, 0, what, -1, marker, sizeof marker, NULL, NULL);
	swprintf(base, 300, L"Z:%ls", dir);
	for (WCHAR *p = base; *p; p++)
		*p = *p == '/' ? '\\' : *p;
	until = GetTickCount() + ms;
	for (unsigned i = 0; i < 6; i++)
		threads[i] = CreateThread(NULL, 0, all[i], (void *)(uintptr_t)i, 0, NULL);
	WaitForMultipleObjects(6, threads, TRUE, ms + PATIENCE_MS);
	printf("done folders: %u opened\n", page->counts[0]);
	return 0;
}
