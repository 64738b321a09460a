/* SPDX-License-Identifier: MIT */
/* Notification of changes in folders: records with names, filters, subtrees, buffers too small, both interfaces. */
/* timeout: 20 */
/* wine: changes below the folder itself are not told. */
#include "t.h"

static const char *const actions[] = { "?", "added", "removed", "modified", "old name", "new name" };

static HANDLE watched;
static OVERLAPPED o;
static DWORD buffer[1024];

/* A handle keeps the filter and depth of its first call, so each subject gets its own. */
static void watch(void)
{
	if (watched)
		CloseHandle(watched);
	watched = CreateFileA("w", FILE_LIST_DIRECTORY, 7, 0, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OVERLAPPED, 0);
	OK(watched != INVALID_HANDLE_VALUE);
}

static void ask(DWORD filter, BOOL subtree, DWORD size)
{
	memset(buffer, 0, sizeof buffer);
	if (!ReadDirectoryChangesW(watched, buffer, size, subtree, filter, 0, &o, 0))
		printf("ReadDirectoryChangesW: error %lu\n", GetLastError());
}

static void make(const char *name)
{
	HANDLE h = CreateFileA(name, GENERIC_WRITE, 7, 0, CREATE_ALWAYS, 0, 0);

	CloseHandle(h);
}

/* The records that have come: asks again until none comes for a moment.  Modifications are merged, as their number is no promise. */
static void told(const char *what, DWORD filter, BOOL subtree)
{
	char last[200] = "";
	DWORD n;

	printf("%s:", what);
	while (WaitForSingleObject(o.hEvent, 300) == WAIT_OBJECT_0) {
		char *p = (char *)buffer;

		if (!GetOverlappedResult(watched, &o, &n, FALSE)) {
			printf(" error %lu", GetLastError());
			break;
		}
		while (n) {
			FILE_NOTIFY_INFORMATION *r = (void *)p;
			char text[200];

			snprintf(text, sizeof text, " %s %.*ls;", r->Action < 6 ? actions[r->Action] : "?", (int)(r->FileNameLength / 2), r->FileName);
			if (strcmp(text, last))
				printf("%s", text);
			strcpy(last, text);
			if (!r->NextEntryOffset)
				break;
			p += r->NextEntryOffset;
		}
		if (!n)
			printf(" lost;");
		ask(filter, subtree, sizeof buffer);
	}
	printf("\n");
}

static void records(void)
{
	const DWORD names = FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME;
	HANDLE h;
	DWORD n;

	CreateDirectoryA("w", 0);
	CreateDirectoryA("w\\sub", 0);
	watch();
	o.hEvent = CreateEventA(0, TRUE, FALSE, 0);
	ask(names, FALSE, sizeof buffer);
	WAITS(WaitForSingleObject(o.hEvent, 20));
	make("w\\one");
	told("create", names, FALSE);
	MoveFileA("w\\one", "w\\two");
	told("rename", names, FALSE);
	DeleteFileA("w\\two");
	told("delete", names, FALSE);
	CreateDirectoryA("w\\d", 0);
	RemoveDirectoryA("w\\d");
	told("folder", names, FALSE);
	make("w\\sub\\deep");
	told("below, not asked", names, FALSE);
	CancelIo(watched);
	n = 0;
	t_ok("cancelled", GetOverlappedResult(watched, &o, &n, TRUE));

	watch();
	ask(FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE, TRUE, sizeof buffer);
	h = CreateFileA("w\\sub\\deep", GENERIC_WRITE, 7, 0, OPEN_EXISTING, 0, 0);
	WriteFile(h, "12345", 5, &n, 0);
	FlushFileBuffers(h);
	CloseHandle(h);
	told("written", FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE, TRUE);
	CancelIo(watched);
	GetOverlappedResult(watched, &o, &n, TRUE);

	watch();
	ask(names, TRUE, sizeof buffer);
	make("w\\sub\\deeper");
	told("below", names, TRUE);
	CancelIo(watched);
	GetOverlappedResult(watched, &o, &n, TRUE);
	OK(CancelIo(watched));

	watch();
	ask(names, FALSE, 16);
	make("w\\a name that is too long for the buffer");
	WAITS(WaitForSingleObject(o.hEvent, 2000));
	n = 1;
	GetOverlappedResult(watched, &o, &n, FALSE);
	printf("too much: %lu bytes\n", n);
	CloseHandle(watched);
}

static void handles(void)
{
	HANDLE c = FindFirstChangeNotificationA("w", FALSE, FILE_NOTIFY_CHANGE_FILE_NAME);

	OK(c != INVALID_HANDLE_VALUE);
	WAITS(WaitForSingleObject(c, 30));
	make("w\\x");
	WAITS(WaitForSingleObject(c, 2000));
	OK(FindNextChangeNotification(c));
	WAITS(WaitForSingleObject(c, 30));
	DeleteFileA("w\\x");
	WAITS(WaitForSingleObject(c, 2000));
	OK(FindCloseChangeNotification(c));
	OK(FindFirstChangeNotificationA("nothing", FALSE, FILE_NOTIFY_CHANGE_FILE_NAME) != INVALID_HANDLE_VALUE);
	OK(FindFirstChangeNotificationA("w", FALSE, 0) != INVALID_HANDLE_VALUE);
}

int main(void)
{
	t_start();
	records();
	handles();
	return 0;
}
