/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/seal.c - mseal: mappings whose place, size and protection stay as they
 * are until the process executes another program or ends (mseal(2)).
 *
 * Whoever changes mappings asks mm_sealed for the whole range first, so that a
 * refused call has changed nothing.
 */
#include "linux/mm/mm_int.h"
#include "syscalls.gen.h"

bool mm_sealed(struct mm *mm, uint64_t start, uint64_t end)
{
	struct region *r;

	if (LIKELY(!mm->sealed))
		return false;
	for (uint64_t at = start; (r = region_next(&mm->tree, at)) != NULL && r->start < end; at = r->end)
		if (r->flags & RF_SEALED)
			return true;
	return false;
}

/* All of [start, end) is mapped. */
static bool all_mapped(struct mm *mm, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end;) {
		const struct region *r = region_find(&mm->tree, at);

		if (r == NULL || r->kind == REGION_ROOM)
			return false;
		at = r->end;
	}
	return true;
}

static long seal_locked(struct mm *mm, uint64_t start, uint64_t end)
{
	struct region *r;

	if (!all_mapped(mm, start, end) || !mm_may_cut(mm, start, end, false) || !mm_stock_locked(mm))
		return -ENOMEM;
	mm_cut_locked(mm, start, end);
	mm->sealed = true;
	for (uint64_t at = start; at < end; at = r->end) {
		r = region_find(&mm->tree, at);
		r->flags |= RF_SEALED;
	}
	return 0;
}

long lx_sys_mseal(struct lx_thread *t, struct gva addr, uint64_t len, uint64_t flags)
{
	struct mm *mm = t->proc->mm;
	uint64_t end;
	long err;

	if (flags != 0 || (addr.va & ~PAGE_MASK))
		return -EINVAL;
	if (PAGE_UP(len) < len || ADD_OVERFLOW(addr.va, PAGE_UP(len), &end))
		return -EINVAL;
	if (end > GUEST_HIGH)
		return -ENOMEM;
	if (len == 0)
		return 0;
	mm_lock(mm);
	err = seal_locked(mm, addr.va, end);
	mm_unlock(mm);
	return err;
}
