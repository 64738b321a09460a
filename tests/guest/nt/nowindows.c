/* SPDX-License-Identifier: MIT */
/* user32.dll and gdi32.dll where there is no window: everything fails and nothing breaks, and waits for messages wait for objects. */
/* wine: has windows. */
/* libs: -luser32 -lgdi32 */
#include "t.h"

static void CALLBACK apc(ULONG_PTR which)
{
	printf("apc %d\n", (int)which);
}

static DWORD WINAPI later(void *event)
{
	Sleep(30);
	return SetEvent(event);
}

int main(void)
{
	HANDLE e[2] = { CreateEventA(0, TRUE, FALSE, 0), CreateEventA(0, TRUE, TRUE, 0) }, thread;
	MSG m;

	t_start();
	printf("second: %lu\n", MsgWaitForMultipleObjects(2, e, FALSE, INFINITE, QS_ALLINPUT));
	printf("timeout: %lu\n", MsgWaitForMultipleObjects(2, e, TRUE, 10, QS_ALLINPUT));
	printf("only sleeps: %lu\n", MsgWaitForMultipleObjectsEx(0, 0, 10, QS_ALLINPUT, 0));
	thread = CreateThread(0, 0, later, e[0], 0, 0);
	printf("all: %lu\n", MsgWaitForMultipleObjects(2, e, TRUE, 5000, QS_ALLINPUT));
	WaitForSingleObject(thread, INFINITE);
	ResetEvent(e[0]);
	QueueUserAPC(apc, GetCurrentThread(), 7);
	printf("alerted: %lu\n", MsgWaitForMultipleObjectsEx(1, e, 5000, QS_ALLINPUT, MWMO_ALERTABLE));
	printf("bad: %ld\n", (long)MsgWaitForMultipleObjects(65, e, FALSE, 0, QS_ALLINPUT));
	printf("message: %d\n", PeekMessageA(&m, 0, 0, 0, PM_REMOVE));
	printf("box: %d\n", MessageBoxA(0, "text", "title", MB_OK) > 0);
	printf("window: %d\n", CreateWindowA("STATIC", "", 0, 0, 0, 1, 1, 0, 0, 0, 0) != 0);
	printf("object: %lu\n", GetObjectType((HGDIOBJ)0x12345));
	printf("deleted: %d\n", DeleteObject(0));
	return 0;
}
