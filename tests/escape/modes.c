/* SPDX-License-Identifier: MIT */
/*
 * tests/escape/modes.c - ways into the kernel that 64-bit programs do not take: int 0x80,
 * sysenter and syscall of 32-bit code (every process may jump to the selector 0x23),
 * sysenter of 64-bit code, and the vsyscall page.  Each is made in a process of its own;
 * it may end it, or be answered by the library OS, but not be served by the host.
 */
#include "hostile.h"

static long by_32(const char *insn)
{
	unsigned char *low = mmap(NULL, 16384, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	return low != MAP_FAILED ? call_32(low, insn) : -ENOMEM;
}

static long int80_32(void) { return by_32("\xcd\x80"); }
static long sysenter_32(void) { return by_32("\x0f\x34"); }
static long syscall_32(void) { return by_32("\x0f\x05"); }

/* The library OS serves it, with a time: no pid is hoped for here, only that all lives on. */
static long vsyscall(uint64_t at)
{
	long (*f)(void *, void *) = (long (*)(void *, void *))at;
	struct timeval tv;
	unsigned cpu;

	(void)f(at & 0x800 ? (void *)&cpu : (void *)&tv, NULL);
	return -1;
}
static long vsyscall_time(void) { return vsyscall(0xffffffffff600000); }
static long vsyscall_seconds(void) { return vsyscall(0xffffffffff600400); }
static long vsyscall_cpu(void) { return vsyscall(0xffffffffff600800); }
static long vsyscall_middle(void) { return vsyscall(0xffffffffff600007); }

int modes(void)
{
	static const struct {
		const char *name;
		long (*attempt)(void);
	} all[] = { { "int 0x80 of 32-bit code", int80_32 }, { "sysenter of 32-bit code", sysenter_32 }, { "syscall of 32-bit code", syscall_32 },
		{ "sysenter", sysenter_64 }, { "vsyscall gettimeofday", vsyscall_time }, { "vsyscall time", vsyscall_seconds },
		{ "vsyscall getcpu", vsyscall_cpu }, { "the middle of the vsyscall page", vsyscall_middle } };
	unsigned died = 0;

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
		pid_t pid;
		int status;

		page->came_back = page->entered = 0;
		pid = fork();
		if (pid == 0) {
			page->entered = 1;
			page->result = all[i].attempt();
			page->came_back = 1;
			_exit(0);
		}
		status = pid < 0 ? -3 : wait_child(pid, PATIENCE_MS);
		died += status > 0;
		if (status < 0 || !page->entered)
			bad("%s: status %d, entered %d", all[i].name, status, page->entered);
		else if (page->came_back && page->result >= 0)
			bad("%s was served: %ld", all[i].name, page->result);
	}
	printf("done modes: %zu ways, %u ended the process\n", sizeof all / sizeof all[0], died);
	return 0;
}
