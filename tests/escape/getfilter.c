/* SPDX-License-Identifier: MIT */
/* tests/escape/getfilter.c - prints the seccomp filters of a live process as the kernel holds them: one
   line a filter, "code jt jf k" words with spaces between, in hexadecimal. */
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

int main(int argc, char **argv)
{
	static struct sock_filter code[4096];
	pid_t pid = argc > 1 ? atoi(argv[1]) : 0;
	int n = 0;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0) {
		perror("ptrace");
		return 2;
	}
	waitpid(pid, NULL, __WALL);
	for (long i = 0; i < 16; i++) {
		errno = 0;
		n = (int)ptrace(PTRACE_SECCOMP_GET_FILTER, pid, i, code);
		if (n < 0)
			break;
		for (int k = 0; k < n; k++)
			printf("%x %x %x %x ", code[k].code, code[k].jt, code[k].jf, code[k].k);
		printf("\n");
	}
	if (n < 0 && errno != ENOENT) {
		perror("PTRACE_SECCOMP_GET_FILTER");
		return 3;
	}
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return 0;
}
