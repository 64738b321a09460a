/* SPDX-License-Identifier: MIT */
/*
 * cli/core_threads.c - stops a picoprocess by ptrace and finds the guest's registers of its threads.
 *
 * A thread in guest code has them itself.  One in the library OS, so mostly one that waits in a system call,
 * has left them in a struct dk_context at the top of its library-OS stack; its slot is found by GS.  That
 * memory is the guest's to change: what is read there goes into the core file and decides nothing.
 * A call may return into the stub that its site jumped to (docs/design/04-system-calls.md); there no unwinder finds
 * its way, so the address behind the site's own `syscall` is told instead.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/layout.h"
#include "cli/cli.h"
#include "cli/core.h"

#define THREADS_MAX 16384u
#define XSAVE_MASK  464  /* where the kernel says which states there are */

size_t core_read(const struct core_target *t, uint64_t address, void *to, size_t size)
{
	ssize_t n = pread(t->mem, to, size, (off_t)address);

	return n < 0 ? 0 : (size_t)n;
}

static bool in_window(uint64_t address)
{
	return address >= BAILEY_LOW && address < BAILEY_HIGH;
}

/*
 * Behind the `syscall` of the site whose stub a call returns into at rip; rip itself where it is no such stub.
 * The stub is pico/patch_forward.c's: what is covered begins at byte 17, behind it is a jmp to the end
 * of the site, and bytes 60 and 61 have the sizes of the site and of what is covered.
 */
static uint64_t behind_call(const struct core_target *t, uint64_t rip)
{
	enum { BODY = 17, SIZE_AT = 60, BODY_AT = 61, STUB = 64, JMP = 5, SITE_MIN = 5, SITE_MAX = 14, NUMBERS_AT = 44 };
	static const unsigned char head[] = { 0x48, 0x8d, 0x0d, 10, 0, 0, 0, 0x65, 0xff, 0x24, 0x25 };
	unsigned char stub[STUB];
	int32_t distance;
	unsigned end;

	if (core_read(t, rip - BODY, stub, sizeof stub) != sizeof stub || memcmp(stub, head, sizeof head) != 0)
		return rip;
	end = BODY + stub[BODY_AT] + JMP;
	if (end > NUMBERS_AT || stub[end - JMP] != 0xe9 || stub[SIZE_AT] < SITE_MIN || stub[SIZE_AT] > SITE_MAX)
		return rip;
	memcpy(&distance, stub + end - sizeof distance, sizeof distance);
	return rip - BODY + end + (uint64_t)(int64_t)distance - stub[SIZE_AT] + 2;
}

static void guest_registers(const struct core_target *t, struct user_regs_struct *r)
{
	uint64_t slot = r->gs_base - SLOT_TB, c[CTX_SIZE / 8];

	if (!in_window(r->rip) || slot < SLOTS_BASE || slot >= SLOTS_BASE + (uint64_t)SLOT_SIZE * SLOT_COUNT || slot % SLOT_SIZE)
		return;
	if (core_read(t, slot + SLOT_KSTACK_TOP - CTX_SIZE, c, sizeof c) != sizeof c)
		return;
	/* The order is that of user_regs_struct, up to ss. */
	_Static_assert(CTX_SS == offsetof(struct user_regs_struct, ss) && CTX_RIP == offsetof(struct user_regs_struct, rip), "context");
	memcpy(r, c, sizeof c);
	r->gs_base = 0;
	r->rip = behind_call(t, r->rip);
}

/* The library OS's object of the thread, 0 = not known. */
static uint64_t object_of(const struct core_target *t, uint64_t gs_base)
{
	uint64_t object = 0;

	if (gs_base < SLOTS_BASE || gs_base >= SLOTS_BASE + (uint64_t)SLOT_SIZE * SLOT_COUNT)
		return 0;
	return core_read(t, gs_base + TB_LIBOS, &object, sizeof object) == sizeof object ? object : 0;
}

static size_t get_set(pid_t tid, int what, void *to, size_t size)
{
	struct iovec v = { to, size };

	return ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)what, &v) < 0 ? 0 : v.iov_len;
}

static bool stop_one(struct core_target *t, pid_t tid)
{
	struct core_thread *th;
	int status;

	for (unsigned i = 0; i < t->count; i++)
		if (t->threads[i].tid == tid)
			return false;
	if (t->count == THREADS_MAX)
		fail("the process has more than %u threads", THREADS_MAX);
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0) {
		if (errno == ESRCH && t->count)
			return false; /* it has just ended */
		fail("this host does not let us trace the process (%s)%s", strerror(errno),
		    errno == EPERM ? ": is something else tracing it, or kernel.yama.ptrace_scope above 0?" : "");
	}
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 || waitpid(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return false;
	t->threads = realloc(t->threads, (t->count + 1) * sizeof *t->threads);
	if (!t->threads)
		fail("no memory");
	th = &t->threads[t->count++];
	memset(th, 0, sizeof *th);
	th->tid = tid;
	return true;
}

/* True: there was one that we had not stopped yet. */
static bool stop_more(struct core_target *t)
{
	char path[40];
	struct dirent *e;
	bool any = false;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", t->pid);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
			any = stop_one(t, (pid_t)strtol(e->d_name, NULL, 10)) || any;
	if (d)
		closedir(d);
	return any;
}

/* A note of the length that gdb expects of the states it knows: up to the protection keys, without AMX. */
static size_t without_amx(unsigned char *xsave, size_t size)
{
	uint64_t mask;
	size_t known;

	if (size <= XSAVE_MASK + sizeof mask)
		return size;
	memcpy(&mask, xsave + XSAVE_MASK, sizeof mask);
	mask &= 0x2ff;
	memcpy(xsave + XSAVE_MASK, &mask, sizeof mask);
	known = mask & 0x200 ? 2696 : mask & 0xe0 ? 2688 : mask & 4 ? 832 : 576;
	return size < known ? size : known;
}

void core_stop(struct core_target *t)
{
	char path[40];

	while (stop_more(t))
		;
	if (t->count == 0)
		fail("the process has ended");
	snprintf(path, sizeof path, "/proc/%d/mem", t->pid);
	t->mem = open(path, O_RDONLY | O_CLOEXEC);
	if (t->mem < 0)
		fail("the memory of the process cannot be read: %s", strerror(errno));
	for (unsigned i = 0; i < t->count; i++) {
		struct core_thread *th = &t->threads[i];

		get_set(th->tid, NT_PRSTATUS, &th->regs, sizeof th->regs);
		th->fp_size = get_set(th->tid, NT_PRFPREG, th->fp, sizeof th->fp);
		th->xsave_size = without_amx(th->xsave, get_set(th->tid, NT_X86_XSTATE, th->xsave, sizeof th->xsave));
		th->object = object_of(t, th->regs.gs_base);
		guest_registers(t, &th->regs);
	}
}

void core_go_on(struct core_target *t)
{
	for (unsigned i = 0; i < t->count; i++)
		ptrace(PTRACE_DETACH, t->threads[i].tid, NULL, NULL);
	close(t->mem);
	free(t->threads);
}
