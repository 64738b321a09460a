/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/filter.c - the filter: what a picoprocess tries from pal's own text beyond
 * the allow-list ends it with SIGSYS; each try is made in a copy.  This is how an
 * attacker would do it: by jumping to pal's `syscall; ret`.
 */
#include "tests/abi/bare.h"

#define SIGSYS 31

struct attempt {
	const char *what;
	int64_t nr;
	uint64_t a[6];
	bool allowed;
};

static const struct attempt attempts[] = {
	{ "getpid", 39, { 0 }, false },
	{ "read", 0, { 0 }, false },
	{ "open", 2, { 0 }, false },
	{ "openat", 257, { 0 }, false },
	{ "socket", 41, { 1, 1, 0 }, false },
	{ "execve", 59, { 0 }, false },
	{ "ioctl", 16, { 0 }, false },
	{ "fcntl", 72, { 0 }, false },
	{ "prctl", 157, { 0 }, false },
	{ "seccomp", 317, { 0 }, false },
	{ "clone3", 435, { 0 }, false },
	{ "io_uring_setup", 425, { 0 }, false },
	{ "rt_sigaction", 13, { 0 }, false },
	{ "kill", 62, { 0, 9 }, false },
	{ "number -1", -1, { 0 }, false },
	{ "x32 close", 0x40000003, { 99 }, false },
	{ "preadv2 with a flag", 327, { 99, 0, 0, 0, 0, 1 }, false },
	{ "preadv2 with a high bit", 327, { 99, 0, 0, 0, 0, 1ull << 32 }, false },
	{ "pwritev2 with a flag", 328, { 99, 0, 0, 0, 0, 1 }, false },
	{ "sendto with an address", 44, { 99, 0, 0, 0, 4096, 16 }, false },
	{ "sendto with FASTOPEN", 44, { 99, 0, 0, 0x20000000, 0, 0 }, false },
	{ "futex with PI", 202, { 4096, 6 }, false },
	{ "futex with requeue", 202, { 4096, 3 }, false },
	{ "mmap with huge pages", 9, { 0, 4096, 0, 0x40022, (uint64_t)-1, 0 }, false },
	{ "mmap with GROWSDOWN", 9, { 0, 4096, 0, 0x122, (uint64_t)-1, 0 }, false },
	{ "mprotect with GROWSUP", 10, { 0, 4096, 0x2000000 }, false },
	{ "mremap with DONTUNMAP", 25, { 0, 0, 0, 5 }, false },
	{ "madvise HWPOISON", 28, { 0, 4096, 100 }, false },
	{ "clone as fork", 56, { 17 }, false },
	{ "clone with a namespace", 56, { 0x3d0f00 | 0x10000000 }, false },
	{ "tgkill KILL", 234, { 1, 1, 9 }, false },
	{ "close", 3, { 9999 }, true },
	{ "preadv2 NOWAIT", 327, { 9999, 0, 0, 0, 0, 8 }, true },
	{ "pwritev2 APPEND|DSYNC", 328, { 9999, 0, 0, 0, 0, 18 }, true },
	{ "pread64", 17, { 9999, 4096, 1, 0 }, true },
	{ "pwrite64", 18, { 9999, 4096, 1, 0 }, true },
	{ "fstat", 5, { 9999, 4096 }, true },
	{ "fdatasync", 75, { 9999 }, true },
	{ "restart_syscall", 219, { 0 }, true },
	{ "sched_yield", 24, { 0 }, true },
};

/* pal's text is ours to read. */
static uint64_t find_gadget(void)
{
	const uint8_t *p = (const uint8_t *)PAL_BASE;

	for (uint64_t i = 0; i < 0x9000; i++) {
		if (p[i] == 0x0f && p[i + 1] == 0x05 && p[i + 2] == 0xc3)
			return PAL_BASE + i;
	}
	bare_fail(__FILE__, __LINE__, "no syscall in pal", 0);
}

static void call(uint64_t gadget, const struct attempt *t)
{
	register uint64_t r10 __asm__("r10") = t->a[3];
	register uint64_t r8 __asm__("r8") = t->a[4];
	register uint64_t r9 __asm__("r9") = t->a[5];
	uint64_t rax = (uint64_t)t->nr;

	__asm__ volatile("call *%[g]"
			 : "+a"(rax)
			 : [g] "b"(gadget), "D"(t->a[0]), "S"(t->a[1]), "d"(t->a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
}

int bare_main(void)
{
	uint64_t gadget = find_gadget(), done;
	struct dk_death d;
	struct dk_segment s = { &d, sizeof d };

	for (unsigned i = 0; i < ARRAY_LEN(attempts); i++) {
		const struct attempt *t = &attempts[i];
		dk_handle child;
		uint32_t code;

		OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &child));
		if (!child) {
			call(gadget, t);
			(void)DkProcessExit(3);
		}
		OK(DkStreamRead(bare_boot->deaths, DK_OFFSET_NONE, &s, 1, 0, &done));
		CHECK(d.process == child);
		OK(DkProcessGetExitCode(child, &code));
		if (code != (t->allowed ? 3 : 256 + SIGSYS))
			bare_fail(__FILE__, __LINE__, t->what, code);
		OK(DkObjectClose(child));
	}
	bare_print("filter: %lu attempts", ARRAY_LEN(attempts));
	return 0;
}
