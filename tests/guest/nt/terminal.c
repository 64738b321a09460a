/* SPDX-License-Identifier: MIT */
/* The console on a real terminal: edited lines, keys, colours, the cursor, Ctrl-C, a new size. */
/* terminal: hell\x7fp\x1b[D\x1b[Dx\xc3\xa4\r|by bytes\r|\x1b[A|\x1b[1;5C|Q|\x03|=100x30|\x1a\r */
#include <stdio.h>
#include <windows.h>

static HANDLE in, out;
static volatile LONG event = -1;

static BOOL WINAPI on_event(DWORD e)
{
	event = (LONG)e;
	return TRUE;
}

static void ask(void)
{
	DWORD n;

	WriteConsoleW(out, L"> ", 2, &n, NULL);
}

static void lines(void)
{
	char bytes[64];
	WCHAR w[64];
	DWORD n, i;

	ask();
	ReadConsoleW(in, w, 64, &n, NULL);
	printf("%lu:", n);
	for (i = 0; i < n; i++)
		printf(" %x", w[i]);
	printf("\n");
	fflush(stdout);
	ask();
	ReadFile(in, bytes, sizeof bytes, &n, NULL);
	printf("%lu: %.*s|\n", n, (int)n - 2, bytes);
	fflush(stdout);
}

static void keys(void)
{
	INPUT_RECORD r;
	DWORD n, mode;
	int i;

	GetConsoleMode(in, &mode);
	SetConsoleMode(in, ENABLE_PROCESSED_INPUT | ENABLE_EXTENDED_FLAGS);
	for (i = 0; i < 3; i++) {
		ask();
		do {
			if (WaitForSingleObject(in, 10000) != WAIT_OBJECT_0)
				printf("nothing came\n");
			ReadConsoleInputW(in, &r, 1, &n);
		} while (r.EventType != KEY_EVENT || !r.Event.KeyEvent.bKeyDown);
		printf("key %x char %x state %lx\n", r.Event.KeyEvent.wVirtualKeyCode, r.Event.KeyEvent.uChar.UnicodeChar, r.Event.KeyEvent.dwControlKeyState);
		fflush(stdout);
	}
	SetConsoleMode(in, mode);
}

static void screen(void)
{
	CONSOLE_SCREEN_BUFFER_INFO b;
	COORD at = { 3, 0 };
	DWORD n;
	WCHAR w[8];

	SetConsoleTextAttribute(out, FOREGROUND_RED | FOREGROUND_INTENSITY | BACKGROUND_BLUE);
	WriteConsoleW(out, L"colours", 7, &n, NULL);
	SetConsoleTextAttribute(out, 7);
	WriteConsoleW(out, L"\r\n", 2, &n, NULL);
	GetConsoleScreenBufferInfo(out, &b);
	at.Y = b.dwCursorPosition.Y - 1;
	SetConsoleCursorPosition(out, at);
	WriteConsoleW(out, L"U", 1, &n, NULL);
	at.X = 0;
	ReadConsoleOutputCharacterW(out, w, 7, at, &n);
	SetConsoleCursorPosition(out, b.dwCursorPosition);
	printf("%dx%d, read %.7ls\n", b.dwSize.X, b.dwSize.Y, w);
	fflush(stdout);
	SetConsoleMode(out, 7);
	WriteConsoleW(out, L"\x1b[4mline\x1b[0m \x20ac\r\n", 16, &n, NULL);
}

static void events(void)
{
	CONSOLE_SCREEN_BUFFER_INFO b;
	INPUT_RECORD r;
	DWORD n;
	int i;

	SetConsoleCtrlHandler(on_event, TRUE);
	ask();
	for (i = 0; i < 1000 && event < 0; i++)
		Sleep(10);
	printf("event %ld\n", event);
	fflush(stdout);
	SetConsoleMode(in, ENABLE_WINDOW_INPUT | ENABLE_PROCESSED_INPUT | ENABLE_EXTENDED_FLAGS);
	ask();
	do
		ReadConsoleInputW(in, &r, 1, &n);
	while (r.EventType != WINDOW_BUFFER_SIZE_EVENT);
	GetConsoleScreenBufferInfo(out, &b);
	printf("now %dx%d\n", b.dwSize.X, b.dwSize.Y);
	fflush(stdout);
}

int main(void)
{
	char bytes[8];
	DWORD n = 9;

	in = GetStdHandle(STD_INPUT_HANDLE);
	out = GetStdHandle(STD_OUTPUT_HANDLE);
	GetNumberOfConsoleInputEvents(in, &n); /* from now on nobody but the console echoes */
	lines();
	keys();
	screen();
	events();
	SetConsoleMode(in, ENABLE_PROCESSED_INPUT | ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT);
	ask();
	ReadFile(in, bytes, sizeof bytes, &n, NULL);
	printf("end: %lu\n", n);
	return 0;
}
