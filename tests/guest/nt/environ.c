/* SPDX-License-Identifier: MIT */
/* The environment: names without case, expansion, what a child inherits and what it is given. */
#include "t.h"

static void get(const char *name)
{
	char value[200];
	DWORD n;

	SetLastError(0);
	n = GetEnvironmentVariableA(name, value, sizeof value);
	printf("%s: %lu %s, error %lu\n", name, n, n ? value : "", GetLastError());
}

static int child(void)
{
	LPWCH block = GetEnvironmentStringsW();
	int n = 0;

	for (LPWCH s = block; *s; s += wcslen(s) + 1)
		n += *s == 'B' || *s == 'b';
	printf("child: %d variables with B\n", n);
	FreeEnvironmentStringsW(block);
	get("bailey_one");
	get("bailey_two");
	get("bx");
	return 7;
}

static void given(void *block, DWORD flags)
{
	char self[MAX_PATH], line[MAX_PATH + 20];
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi;

	GetModuleFileNameA(0, self, sizeof self);
	snprintf(line, sizeof line, "\"%s\" child", self);
	if (!OK(CreateProcessA(self, line, 0, 0, TRUE, flags, block, 0, &si, &pi)))
		return;
	CloseHandle(pi.hThread);
	printf("exit %lu\n", t_reap(pi.hProcess));
}

int main(int argc, char **argv)
{
	char text[300];

	t_start();
	if (argc > 1)
		return child();
	OK(SetEnvironmentVariableA("Bailey_One", "1"));
	OK(SetEnvironmentVariableA("BAILEY_TWO", "two words"));
	get("BAILEY_one");
	get("bailey_two");
	get("bailey_three");
	OK(SetEnvironmentVariableA("bailey_ONE", "changed"));
	get("Bailey_One");
	OK(SetEnvironmentVariableA("BAILEY_EMPTY", ""));
	get("BAILEY_EMPTY");
	NUM(GetEnvironmentVariableA("BAILEY_TWO", text, 3));
	NUM(ExpandEnvironmentStringsA("<%bailey_one%> %nosuch% 100%", text, sizeof text));
	puts(text);
	OK(SetEnvironmentVariableA("=bad=", "x"));
	OK(SetEnvironmentVariableA("", "x"));
	printf("exit %lu\n", t_reap(t_again("child")));
	OK(SetEnvironmentVariableA("Bailey_One", 0));
	get("Bailey_One");
	given("BAILEY_TWO=ansi\0BX=1\0", 0);
	given(L"BAILEY_TWO=wide\0BX=2\0", CREATE_UNICODE_ENVIRONMENT);
	printf("SystemRoot %s\n", GetEnvironmentVariableA("SystemRoot", text, sizeof text) ? _strlwr(text) : "missing");
	printf("OS %s\n", getenv("OS"));
	return 0;
}
