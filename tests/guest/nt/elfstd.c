/* SPDX-License-Identifier: MIT */
/* wine: the child has descriptors of the loader. */
/* A Linux program that is started without standard handles has descriptors that lead nowhere, not none. */
#include "t.h"

static void show(const char *name)
{
	char text[64] = "";
	FILE *f = fopen(name, "r");

	if (f != NULL && fgets(text, sizeof text, f) != NULL)
		text[strcspn(text, "\r\n")] = 0;
	printf("%s: %s\n", name, text);
	if (f != NULL)
		fclose(f);
}

static void start(DWORD flags)
{
	STARTUPINFOA si = { .cb = sizeof si };
	PROCESS_INFORMATION pi;
	char line[] = "sh -c \"echo unseen && echo unseen >&2 && readlink /proc/self/fd/0 > zero && readlink /proc/$$/fd/2 > two\"";
	DWORD code = 99;

	if (OK(CreateProcessA("Z:\\bin\\sh", line, NULL, NULL, FALSE, flags, NULL, NULL, &si, &pi))) {
		WaitForSingleObject(pi.hProcess, 10000);
		GetExitCodeProcess(pi.hProcess, &code);
	}
	NUM(code);
	show("zero");
	show("two");
}

int main(void)
{
	t_start();
	start(DETACHED_PROCESS);
	start(CREATE_NEW_CONSOLE);
	return 0;
}
