/* SPDX-License-Identifier: MIT */
/* covers: the main stack's size in /proc and its growth beyond the first limit, mlockall, mincore of shared memory, MDWE, core files */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB (1ul << 20)
#define P  4096ul

static void check(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "ok" : "WRONG");
}

static long status(const char *name)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof line, f))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name) + 1);
	fclose(f);
	return kb;
}

static unsigned long stack_shown(void)
{
	unsigned long a, b, size = 0;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof line, f))
		if (strstr(line, "[stack]") && sscanf(line, "%lx-%lx", &a, &b) == 2)
			size = b - a;
	fclose(f);
	return size;
}

static int deep(unsigned long bytes)
{
	volatile char pad[4096];

	pad[0] = (char)bytes;
	return bytes > sizeof pad ? deep(bytes - sizeof pad) + pad[0] * 0 : 0;
}

static void stack(void)
{
	struct rlimit r;
	unsigned long before = stack_shown();

	check("small at first", before < 400000);
	deep(4 * MB);
	check("shown as used", stack_shown() > 4 * MB && stack_shown() < 5 * MB && status("VmStk:") > 4096);
	getrlimit(RLIMIT_STACK, &r);
	if (r.rlim_max < 64 * MB)
		return;
	r.rlim_cur = 64 * MB;
	setrlimit(RLIMIT_STACK, &r);
	deep(20 * MB);
	check("beyond the first limit", stack_shown() > 20 * MB);
}

static void locked(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_MEMLOCK, &r);
	if (r.rlim_max < 8 * MB) {
		puts("mlockall: ok");
		return;
	}
	check("mlockall", !mlockall(MCL_CURRENT) && status("VmLck:") > 0 && !munlockall() && status("VmLck:") == 0);
}

/* Pages that another mapping had before are not there any more. */
static void shared_pages(void)
{
	unsigned char in[8];
	char *p = mmap(NULL, 8 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int n = 0;

	memset(p, 1, 8 * P);
	munmap(p, 8 * P);
	p = mmap(NULL, 8 * P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p[3 * P] = 1;
	mincore(p, 8 * P, in);
	for (int i = 0; i < 8; i++)
		n += in[i] & 1;
	check("mincore of shared memory", n == 1 && (in[3] & 1) && p[0] == 0);
}

static void no_exec_gain(void)
{
	void *p = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int denied;

	if (prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0)) {
		puts("MDWE: ok");
		return;
	}
	denied = mprotect(p, P, PROT_READ | PROT_EXEC) && errno == EACCES;
	denied = denied && mmap(NULL, P, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EACCES;
	check("MDWE", denied && prctl(66, 0, 0, 0, 0) == 1 && prctl(65, 0, 0, 0, 0) && errno == EPERM);
}

int main(void)
{
	int s;

	shared_pages();
	locked();
	stack();
	fflush(stdout);
	if (!fork()) {
		no_exec_gain();
		exit(0);
	}
	wait(&s);
	return 0;
}
