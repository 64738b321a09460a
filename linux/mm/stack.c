/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/stack.c - the main thread's stack.
 *
 * All that RLIMIT_STACK allowed at execve is mapped at the host, so that no fault is needed when it grows, also
 * where a system call writes there.  Shown and counted is the part from mm->stack_low on, which follows what was
 * touched whenever somebody looks (mm_stack_sync).  Below the mapping it grows by faults, as far as the limit
 * that holds then (fault.c).
 */
#include "linux/mm/mm_int.h"

#define STACK_MIN (128ull << 10)
#define STACK_MAX (1ull << 30)

/* The end lies at random in the 8 GB below GUEST_HIGH, above all that mmap places. */
static long map_stack(struct mm *mm, uint64_t size, uint32_t prot)
{
	uint64_t end = GUEST_HIGH - (mm_random() % (8ull << 30 >> PAGE_SHIFT) << PAGE_SHIFT) - PAGE_SIZE;
	struct map_wish w = { .addr = end - size, .len = size, .prot = prot, .flags = MAP_PRIVATE | MAP_FIXED, .kind = REGION_ANON,
		.rflags = RF_STACK | RF_GROWSDOWN | RF_NORESERVE };
	long ret;

	mm_lock(mm);
	mm->stack_low = end - STACK_MIN - PAGE_SIZE;
	ret = mm_map_locked(mm, &w);
	mm_unlock(mm);
	return ret < 0 ? ret : (long)end;
}

long mm_map_stack(struct mm *mm, uint64_t size, int extra_prot)
{
	size = PAGE_UP(MIN(MAX(size, STACK_MIN), STACK_MAX));
	return map_stack(mm, size, PROT_READ | PROT_WRITE | (uint32_t)extra_prot);
}

/* The lowest page of [start, end) that is in memory, or end. */
static uint64_t lowest_resident(uint64_t start, uint64_t end)
{
	uint8_t there[512];

	for (uint64_t at = start, stop; at < end; at = stop) {
		stop = MIN(end, at + sizeof there * PAGE_SIZE);
		if (!mm_resident(at, stop, there))
			continue;
		for (uint64_t i = 0; i < (stop - at) >> PAGE_SHIFT; i++)
			if (there[i] & 1)
				return at + (i << PAGE_SHIFT);
	}
	return end;
}

void mm_stack_sync(struct mm *mm)
{
	struct region *r;
	uint64_t low;

	mm_lock(mm);
	r = mm->stack_low != 0 ? region_find(&mm->tree, mm->stack_low) : NULL;
	if (r != NULL && (r->flags & RF_STACK) && r->start < mm->stack_low) {
		low = lowest_resident(r->start, mm->stack_low);
		if (low < mm->stack_low) {
			mm_count(mm, r, -1);
			mm->stack_low = low;
			mm_count(mm, r, 1);
		}
	}
	mm_unlock(mm);
}

uint64_t mm_shown_start(const struct mm *mm, const struct region *r)
{
	return (r->flags & RF_STACK) ? MAX(r->start, MIN(mm->stack_low, r->end - PAGE_SIZE)) : r->start;
}
