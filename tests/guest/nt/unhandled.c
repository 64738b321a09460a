/* SPDX-License-Identifier: MIT */
/* How a process ends that nobody saves: its exit code is the exception's. */
#include "t.h"

static LONG WINAPI says(EXCEPTION_POINTERS *p)
{
	printf("filter: %#lx\n", p->ExceptionRecord->ExceptionCode);
	return EXCEPTION_CONTINUE_SEARCH;
}

static LONG WINAPI ends(EXCEPTION_POINTERS *p)
{
	printf("filter ends it: %#lx\n", p->ExceptionRecord->ExceptionCode);
	ExitProcess(17);
}

static DWORD WINAPI faults(void *arg)
{
	*(volatile int *)arg = 1;
	return 0;
}

static int child(const char *how)
{
	volatile int zero = 0;

	if (!strcmp(how, "write"))
		*(volatile int *)0 = 1;
	else if (!strcmp(how, "divide"))
		return 10 / zero;
	else if (!strcmp(how, "raise"))
		RaiseException(0xe0001234, 0, 0, 0);
	else if (!strcmp(how, "filter"))
		SetUnhandledExceptionFilter(says), *(volatile int *)0 = 1;
	else if (!strcmp(how, "exits"))
		SetUnhandledExceptionFilter(ends), *(volatile int *)0 = 1;
	else if (!strcmp(how, "thread"))
		WaitForSingleObject(CreateThread(0, 0, faults, 0, 0, 0), INFINITE);
	else if (!strcmp(how, "illegal"))
		__asm__ volatile("ud2");
	else if (!strcmp(how, "terminate"))
		TerminateProcess(GetCurrentProcess(), 0xabcdef01);
	else if (!strcmp(how, "exit"))
		ExitProcess(0x80001234);
	else if (!strcmp(how, "abort"))
		abort();
	return 1;
}

int main(int argc, char **argv)
{
	static const char *const how[] = { "write", "divide", "raise", "filter", "exits", "thread", "illegal", "terminate", "exit" };

	t_start();
	if (argc > 1)
		return child(argv[1]);
	for (unsigned i = 0; i < sizeof how / sizeof *how; i++)
		printf("%s: exit code %#lx\n", how[i], t_reap(t_again(how[i])));
	return 0;
}
