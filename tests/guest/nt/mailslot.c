/* SPDX-License-Identifier: MIT */
/* Mailslots: messages in order, sizes, timeouts, several writers. */
/* wine: two messages count as one, and a buffer that is too small loses the message. */
#include "t.h"

#define NAME "\\\\.\\mailslot\\bailey\\slot"

int main(void)
{
	HANDLE s = CreateMailslotA(NAME, 100, 50, 0), w, w2;
	char text[128];
	DWORD n, next, count, most, timeout;

	t_start();
	OK(s != INVALID_HANDLE_VALUE);
	OK(CreateMailslotA(NAME, 0, 0, 0) != INVALID_HANDLE_VALUE);
	OK(GetMailslotInfo(s, &most, &next, &count, &timeout));
	printf("most %lu, next %ld, count %lu, timeout %lu\n", most, (LONG)next, count, timeout);
	OK(ReadFile(s, text, 10, &n, 0));
	w = CreateFileA(NAME, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING, 0, 0);
	w2 = CreateFileA(NAME, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING, 0, 0);
	OK(w != INVALID_HANDLE_VALUE && w2 != INVALID_HANDLE_VALUE);
	OK(WriteFile(w, "first", 5, &n, 0));
	OK(WriteFile(w2, "second one", 10, &n, 0));
	OK(GetMailslotInfo(s, 0, &next, &count, 0));
	printf("next %ld, count %lu\n", (LONG)next, count);
	OK(ReadFile(s, text, 2, &n, 0));
	OK(ReadFile(s, text, 128, &n, 0));
	printf("%lu %.*s\n", n, (int)n, text);
	OK(ReadFile(s, text, 128, &n, 0));
	printf("%lu %.*s\n", n, (int)n, text);
	OK(WriteFile(s, "x", 1, &n, 0));
	OK(ReadFile(w, text, 1, &n, 0));
	OK(SetMailslotInfo(s, 0));
	OK(ReadFile(s, text, 10, &n, 0));
	CloseHandle(s);
	OK(CreateFileA(NAME, GENERIC_WRITE, FILE_SHARE_READ, 0, OPEN_EXISTING, 0, 0) != INVALID_HANDLE_VALUE);
	return 0;
}
