/* SPDX-License-Identifier: MIT */
/* Pseudo consoles: a child of one has a console of the size asked for, is typed to by one pipe and writes to the other; ^C and the end reach it. */
/* wine: its console draws more than a program writes. */
#include "t.h"

#ifndef PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE /* older headers */
#define PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE 0x20016
typedef void *HPCON;
#endif

static HANDLE in_w, out_r;
static char seen[65536];
static volatile LONG nseen;

static DWORD WINAPI reader(void *arg)
{
	DWORD n;

	while (ReadFile(out_r, seen + nseen, sizeof seen - 1 - nseen, &n, NULL) && n != 0)
		InterlockedExchangeAdd(&nseen, n);
	return 0;
}

/* Until the text has come, or for ten seconds. */
static int comes(const char *text)
{
	for (int i = 0; i < 1000; i++, Sleep(10))
		if (strstr(seen, text))
			return 1;
	return 0;
}

static void type(const char *text)
{
	DWORD n;

	WriteFile(in_w, text, (DWORD)strlen(text), &n, NULL);
}

static BOOL WINAPI handler(DWORD event)
{
	printf("event %lu\r\n", event);
	return event == CTRL_C_EVENT;
}

static int child(void)
{
	CONSOLE_SCREEN_BUFFER_INFO i;
	HANDLE h = GetStdHandle(STD_OUTPUT_HANDLE);
	DWORD mode = 0;
	char line[64] = "";

	SetConsoleCtrlHandler(handler, TRUE);
	if (!GetConsoleScreenBufferInfo(h, &i))
		return 9;
	printf("size %d %d, %d\r\n", i.dwSize.X, i.dwSize.Y, GetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), &mode));
	printf("name?\r\n");
	fgets(line, sizeof line, stdin);
	line[strcspn(line, "\r\n")] = 0;
	printf("hello <%s>\r\n", line);
	printf("ready for ^C\r\n");
	Sleep(60000); /* until the end comes */
	return 8;
}

int main(int argc, char **argv)
{
	STARTUPINFOEXW si = { { sizeof si } };
	PROCESS_INFORMATION pi;
	HANDLE in_r, out_w, thread;
	WCHAR self[MAX_PATH], line[MAX_PATH + 16];
	char room[256];
	SIZE_T size = sizeof room;
	HPCON pc = NULL;
	HRESULT (WINAPI *create)(COORD, HANDLE, HANDLE, DWORD, HPCON *) = (void *)GetProcAddress(GetModuleHandleA("kernel32"), "CreatePseudoConsole");
	void (WINAPI *end)(HPCON) = (void *)GetProcAddress(GetModuleHandleA("kernel32"), "ClosePseudoConsole");

	t_start();
	if (argc > 1)
		return child();
	CreatePipe(&in_r, &in_w, NULL, 0);
	CreatePipe(&out_r, &out_w, NULL, 0);
	HEX((unsigned)create((COORD){ 0, 30 }, in_r, out_w, 0, &pc));
	HEX((unsigned)create((COORD){ 61, 17 }, in_r, out_w, 0, &pc));
	CloseHandle(in_r);
	CloseHandle(out_w);
	thread = CreateThread(NULL, 0, reader, NULL, 0, NULL);
	si.lpAttributeList = (void *)room;
	OK(InitializeProcThreadAttributeList(si.lpAttributeList, 1, 0, &size));
	OK(UpdateProcThreadAttribute(si.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE, pc, sizeof pc, NULL, NULL));
	si.StartupInfo.dwFlags = STARTF_USESTDHANDLES; /* none: the console's */
	GetModuleFileNameW(NULL, self, MAX_PATH);
	swprintf(line, MAX_PATH + 16, L"\"%ls\" child", self);
	OK(CreateProcessW(self, line, NULL, NULL, FALSE, EXTENDED_STARTUPINFO_PRESENT, NULL, NULL, &si.StartupInfo, &pi));
	NUM(comes("size 61 17, 1"));
	NUM(comes("name?"));
	type("somebody\r");
	NUM(comes("hello <somebody>"));
	NUM(comes("ready for ^C"));
	type("\x03");
	NUM(comes("event 0"));
	end(pc);
	NUM(comes("event 2"));
	WAITS(WaitForSingleObject(pi.hProcess, 10000));
	WAITS(WaitForSingleObject(thread, 10000));
	return 0;
}
