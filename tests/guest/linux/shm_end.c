/* SPDX-License-Identifier: MIT */
/* covers: shared mappings of files in memory behind the file's end: SIGBUS, and what happens when the file grows */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096

static sigjmp_buf jump;

static void bus(int sig)
{
	siglongjmp(jump, sig);
}

/* The signal that touching it gives; 0: none. */
static int touch(volatile char *p, int write)
{
	int sig = sigsetjmp(jump, 1);

	if (sig)
		return sig;
	if (write)
		*p = 'w';
	else
		(void)*p;
	return 0;
}

static void check(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
}

int main(void)
{
	int fd = memfd_create("end", 0), zero = open("/dev/zero", O_RDONLY), s;
	char *p, byte = 0;

	signal(SIGBUS, bus);
	signal(SIGSEGV, bus);
	ftruncate(fd, P / 2);
	p = mmap(NULL, 16 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check("in the last page", !touch(p + P - 1, 1));
	check("behind it, reading", touch(p + P, 0) == SIGBUS);
	check("behind it, writing", touch(p + 15 * P, 1) == SIGBUS);
	check("a call reading there", read(zero, p + 4 * P, 1) == -1 && errno == EFAULT);
	ftruncate(fd, 8 * P);
	check("grown: a call", read(zero, p + 4 * P, 10) == 10);
	check("grown: touched", !touch(p + P, 1) && !touch(p + 7 * P, 1) && pread(fd, &byte, 1, 7 * P) == 1 && byte == 'w');
	check("still behind", touch(p + 8 * P, 0) == SIGBUS);
	mprotect(p, 16 * P, PROT_READ);
	check("protected: behind", touch(p + 8 * P, 0) == SIGBUS && touch(p, 1) == SIGSEGV);
	mprotect(p, 16 * P, PROT_READ | PROT_WRITE);
	check("protected again: behind", touch(p + 8 * P, 1) == SIGBUS && !touch(p + 6 * P, 1));
	fflush(stdout);
	if (!fork()) {
		check("child: behind", touch(p + 10 * P, 1) == SIGBUS);
		ftruncate(fd, 12 * P);
		check("child: grown", !touch(p + 10 * P, 1));
		fflush(stdout);
		_exit(0);
	}
	wait(&s);
	check("another process made it longer", p[10 * P] == 'w' && touch(p + 12 * P, 0) == SIGBUS);
	pwrite(fd, "end", 3, 14 * P);
	check("by writing", !memcmp(p + 14 * P, "end", 3));
	return 0;
}
