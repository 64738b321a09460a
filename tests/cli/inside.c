/* SPDX-License-Identifier: MIT */
/* tests/cli/inside.c - what outside.py looks at from outside: two threads, files, names with teeth. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

volatile int marker = 4711;

static void *waiter_thread(void *arg)
{
	for (;;)
		pause();
	return arg;
}

__attribute__((noinline)) static int deep(int n)
{
	char byte;

	if (n > 0)
		return deep(n - 1) + 1;
	return (int)read(0, &byte, 1); /* until the test closes it */
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc > 1 && !strcmp(argv[1], "teeth")) {
		prctl(PR_SET_NAME, "\33[2J)\n(x");
		if (open("/tmp/\33]0;evil\7\n\302\233name", O_RDWR | O_CREAT, 0600) < 0)
			return 1;
	}
	if (argc > 1 && !strcmp(argv[1], "busy"))
		for (;;)
			access("/etc/passwd", R_OK);
	if (open("/etc/passwd", O_RDONLY) < 0)
		return 1;
	pthread_create(&t, NULL, waiter_thread, NULL);
	puts("up");
	fflush(stdout);
	return deep(5) == 5 ? 0 : 3;
}
