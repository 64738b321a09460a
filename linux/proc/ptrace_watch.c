/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/ptrace_watch.c - debug registers without the CPU's: breakpoints and watchpoints.
 *
 * The host's debug registers are not ours.  A thread with one enabled is stepped through its
 * program by itself (4 us an instruction, where a debugger's own steps take 50): before
 * each instruction the watched memory is noted, after it compared.  So a write that changes
 * nothing is not seen, nor is a read; what a system call writes is not, as with the CPU's.
 */
#include "linux/proc/ptrace.h"
#include "linux/sig/sig.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define DR6        6
#define DR7        7
#define DR6_STEP   0x4000u
#define ENABLED(dr7, i) ((dr7) >> (2 * (i)) & 3)
#define KIND(dr7, i)    ((dr7) >> (16 + 4 * (i)) & 3) /* 0 execute, 1 write, 2 I/O, 3 any access */
#define SIZE(dr7, i)    ((dr7) >> (18 + 4 * (i)) & 3) /* 1, 2, 8, 4 bytes */

static uint64_t size_of(uint64_t dr7, unsigned i)
{
	static const uint8_t size[] = { 1, 2, 8, 4 };

	return size[SIZE(dr7, i)];
}

bool ptrace_watches(const struct lx_thread *t)
{
	return (t->pt->dr[DR7] & 0xff) != 0;
}

static uint64_t value_at(const struct ptrace *pt, unsigned i)
{
	uint64_t value = 0;

	(void)uaccess_read(&value, pt->dr[i], size_of(pt->dr[DR7], i));
	return value;
}

void ptrace_watch_note(struct lx_thread *t)
{
	struct ptrace *pt = t->pt;

	for (unsigned i = 0; i < 4; i++)
		if (ENABLED(pt->dr[DR7], i) && KIND(pt->dr[DR7], i) != 0)
			pt->watched[i] = value_at(pt, i);
}

bool ptrace_watch_hit(struct lx_thread *t, uint64_t rip, bool step)
{
	struct ptrace *pt = t->pt;
	uint64_t hit = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (!ENABLED(pt->dr[DR7], i))
			continue;
		if (KIND(pt->dr[DR7], i) == 0 ? pt->dr[i] == rip : pt->watched[i] != value_at(pt, i))
			hit |= 1ull << i;
	}
	if (hit || step)
		pt->dr[DR6] = (pt->dr[DR6] & ~0xfull) | hit | (step ? DR6_STEP : 0);
	return hit != 0;
}

static long check_control(const struct ptrace *pt, uint64_t dr7)
{
	for (unsigned i = 0; i < 4; i++) {
		if (!ENABLED(dr7, i))
			continue;
		if (KIND(dr7, i) == 2 || (KIND(dr7, i) == 0 && SIZE(dr7, i) != 0) || (pt->dr[i] & (size_of(dr7, i) - 1)))
			return -EINVAL;
	}
	return 0;
}

long ptrace_watch_set(struct lx_thread *o, unsigned i, uint64_t value)
{
	struct ptrace *pt = o->pt;
	long err = 0;

	if (i == 4 || i == 5)
		return -EIO;
	if (i < 4 && value >= GUEST_HIGH)
		return -EINVAL;
	if (i == DR7)
		err = check_control(pt, value);
	if (!err)
		pt->dr[i] = value;
	return err;
}

uint64_t ptrace_watch_get(const struct lx_thread *o, unsigned i)
{
	return o->pt->dr[i];
}

void ptrace_watch_clear(struct lx_thread *t)
{
	memset(t->pt->dr, 0, sizeof t->pt->dr);
}
