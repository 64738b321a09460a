/* SPDX-License-Identifier: MIT */
/* tests/guest/linux/chdir_first.c - a program whose first path is that of another working directory. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
	char text[100];
	struct stat st;

	printf("chdir %d\n", chdir("/usr/lib"));
	printf("relative %d\n", stat("../bin/env", &st));
	printf("getcwd %s\n", getcwd(text, sizeof text) ? text : "?");
	return 0;
}
