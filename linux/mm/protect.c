/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/protect.c - mprotect, and where the heap ends (brk).
 *
 * mprotect goes from region to region and stops at the first hole or refusal; what
 * came before that has changed, as on Linux.
 */
#include "linux/mm/mm_int.h"
#include "linux/mm/uffd.h"
#include "syscalls.gen.h"

bool mm_denies_exec(uint32_t old, uint32_t new)
{
	if (LIKELY(!lx_current()->proc->mdwe) || !(new & PROT_EXEC))
		return false;
	return (new & PROT_WRITE) || !(old & PROT_EXEC);
}

/* May r get prot?  0, -EACCES, -ENOMEM; pages: how many of it. */
static long may_protect(struct mm *mm, const struct region *r, uint32_t prot, uint64_t pages, bool *charge)
{
	uint64_t limit = mm_rlimit(RLIMIT_DATA);

	*charge = false;
	if (((prot & PROT_WRITE) && (r->flags & RF_NOWRITE)) || ((prot & PROT_EXEC) && (r->flags & RF_NOEXEC)) || mm_denies_exec(r->prot, prot))
		return -EACCES;
	if (!(prot & PROT_WRITE) || (r->flags & RF_SHARED) || (r->prot & PROT_WRITE))
		return 0;
	if (!(r->flags & (RF_STACK | RF_GROWSDOWN)) && limit != RLIM64_INFINITY && mm->data_pages + pages > limit >> PAGE_SHIFT)
		return -ENOMEM;
	*charge = !(r->flags & (RF_CHARGED | RF_NORESERVE | RF_STACK | RF_GROWSDOWN));
	return *charge && !mm_charge(mm, pages) ? -ENOMEM : 0;
}

/* Changes [start,end) of r, which contains it. */
static long protect_part(struct mm *mm, struct region *r, uint64_t start, uint64_t end, uint32_t prot)
{
	bool charge;
	long err;

	if (r->prot == prot)
		return 0;
	if (!mm_may_cut(mm, start, end, false) || !mm_stock_locked(mm))
		return -ENOMEM;
	err = may_protect(mm, r, prot, (end - start) >> PAGE_SHIFT, &charge);
	if (err != 0)
		return err;
	err = (r->flags & RF_GUARD) ? 0 : lx_err(DkVirtualMemoryProtect(start, end - start, prot));
	if (err != 0) {
		if (charge)
			mm_uncharge(mm, (end - start) >> PAGE_SHIFT);
		return err;
	}
	mm_cut_locked(mm, start, end);
	r = region_find(&mm->tree, start);
	mm_count(mm, r, -1);
	r->prot = prot;
	if (charge)
		r->flags |= RF_CHARGED;
	if (r->kind != REGION_ANON && region_is_private_write(r))
		r->flags |= RF_WROTE;
	mm_count(mm, r, 1);
	if (UNLIKELY(r->uffd != NULL))
		uffd_apply(r, r->start, r->end);
	if (UNLIKELY(mm_behind_end(r) < r->end))
		(void)DkVirtualMemoryProtect(mm_behind_end(r), r->end - mm_behind_end(r), 0);
	mm_tell_text(r);
	(void)mm_merge_locked(mm, r);
	return 0;
}

long mm_protect_locked(struct mm *mm, uint64_t start, uint64_t end, uint32_t prot)
{
	for (uint64_t at = start; at < end;) {
		struct region *r = region_find(&mm->tree, at);
		uint64_t stop;
		long err;

		if (r == NULL || r->kind == REGION_ROOM)
			return -ENOMEM;
		stop = MIN(r->end, end);
		err = protect_part(mm, r, at, stop, prot);
		if (err != 0)
			return err;
		at = stop;
	}
	return 0;
}

/* The sanitizers close the hole where our window is: it is closed as it is. */
static long protect_around_window(struct mm *mm, uint64_t start, uint64_t end)
{
	long err = start < BAILEY_LOW ? mm_protect_locked(mm, start, BAILEY_LOW, PROT_NONE) : 0;

	return err == 0 && end > BAILEY_HIGH ? mm_protect_locked(mm, BAILEY_HIGH, end, PROT_NONE) : err;
}

/* PROT_GROWSDOWN and PROT_GROWSUP stretch the range to the region's edge. */
static long stretch(struct mm *mm, int prot, uint64_t *start)
{
	struct region *r = region_find(&mm->tree, *start);

	if (prot & PROT_GROWSUP)
		return -EINVAL;
	if (!(prot & PROT_GROWSDOWN))
		return 0;
	if (r == NULL || r->kind == REGION_ROOM)
		return -ENOMEM;
	if (!(r->flags & (RF_GROWSDOWN | RF_STACK)))
		return -EINVAL;
	*start = r->start;
	return 0;
}

long mm_protect(struct mm *mm, uint64_t addr, uint64_t len, int prot)
{
	const int grows = PROT_GROWSDOWN | PROT_GROWSUP;
	uint64_t start = addr;
	long err;

	if ((prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | grows)) || (prot & grows) == grows || (addr & ~PAGE_MASK))
		return -EINVAL;
	if (len == 0)
		return 0;
	err = mm_range(addr, &len);
	if (err != 0)
		return err;
	mm_lock(mm);
	err = stretch(mm, prot, &start);
	if (err == 0 && mm_window_overlap(start, addr + len - start))
		err = (prot & 7) == PROT_NONE ? protect_around_window(mm, start, addr + len) : -ENOMEM;
	else if (err == 0)
		err = mm_sealed(mm, start, addr + len) ? -EPERM : mm_protect_locked(mm, start, addr + len, prot & 7);
	mm_unlock(mm);
	return err;
}

long lx_sys_mprotect(struct lx_thread *t, struct gva addr, uint64_t len, int prot)
{
	return mm_protect(t->proc->mm, addr.va, len, prot);
}

/* ---- brk ---- */

void mm_set_brk(struct mm *mm, uint64_t start)
{
	mm_lock(mm);
	mm->brk_start = mm->brk = start;
	mm_unlock(mm);
}

static bool brk_allowed(struct mm *mm, uint64_t brk)
{
	uint64_t limit = mm_rlimit(RLIMIT_DATA);
	const struct region *above = region_next(&mm->tree, PAGE_UP(mm->brk));
	uint64_t gap;

	if (limit != RLIM64_INFINITY && brk - mm->brk_start > limit)
		return false;
	if (brk > GUEST_HIGH || mm_window_overlap(mm->brk_start, brk - mm->brk_start))
		return false;
	if (above == NULL)
		return true;
	gap = (above->flags & RF_GROWSDOWN) ? REGION_GUARD_GAP : PAGE_SIZE;
	return above->start >= gap && PAGE_UP(brk) <= above->start - gap;
}

static bool set_brk_locked(struct mm *mm, uint64_t brk)
{
	uint64_t old_end = PAGE_UP(mm->brk), new_end = PAGE_UP(brk);
	struct map_wish w = { .addr = old_end, .len = new_end - old_end, .prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_FIXED, .kind = REGION_ANON, .rflags = mm->new_flags };

	if (mm->brk_start == 0 || brk < mm->brk_start)
		return false;
	if (new_end < old_end) {
		if (mm_sealed(mm, new_end, old_end) || !mm_stock_locked(mm) || mm_unmap_locked(mm, new_end, old_end, true) != 0)
			return false;
	} else if (new_end > old_end) {
		if (!brk_allowed(mm, brk) || mm_map_locked(mm, &w) < 0)
			return false;
	} else if (!brk_allowed(mm, brk) && brk > mm->brk) {
		return false;
	}
	mm->brk = brk;
	return true;
}

long lx_sys_brk(struct lx_thread *t, struct gva addr)
{
	struct mm *mm = t->proc->mm;
	long ret;

	mm_lock(mm);
	(void)set_brk_locked(mm, addr.va);
	ret = (long)mm->brk;
	mm_unlock(mm);
	return ret;
}
