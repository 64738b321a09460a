/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/mlock.c - mlock and its family: brought in, counted against RLIMIT_MEMLOCK
 * and shown in /proc.  The host is not asked to keep it in: it has its own limit for
 * that, and a sandbox with -m has no swap.
 */
#include <linux/capability.h>

#include "linux/mm/mm_int.h"
#include "syscalls.gen.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

#define RF_LOCKS (RF_LOCKED | RF_ONFAULT)

/* how: RF_LOCKED, RF_LOCKS, or 0 to unlock. */
static long set_locked(struct mm *mm, uint64_t start, uint64_t end, uint32_t how)
{
	struct region *r;

	for (uint64_t at = start; at < end;) {
		r = region_find(&mm->tree, at);
		if (r == NULL || r->kind == REGION_ROOM)
			return -ENOMEM;
		if ((r->flags & RF_LOCKS) != how) {
			if (!mm_may_cut(mm, at, MIN(r->end, end), false) || !mm_stock_locked(mm))
				return -ENOMEM;
			mm_cut_locked(mm, at, MIN(r->end, end));
			r = region_find(&mm->tree, at);
			mm_count(mm, r, -1);
			r->flags = (r->flags & ~RF_LOCKS) | how;
			mm_count(mm, r, 1);
			r = mm_merge_locked(mm, r);
		}
		at = MIN(r->end, end);
	}
	return 0;
}

static bool may_lock(struct lx_thread *t, const struct mm *mm, uint64_t more)
{
	uint64_t limit = mm_rlimit(RLIMIT_MEMLOCK);

	return lx_capable(t, CAP_IPC_LOCK) || limit == RLIM64_INFINITY || mm->locked_pages + more <= limit >> PAGE_SHIFT;
}

/* Pages of [start, end) that are locked already do not count again. */
static uint64_t locked_in(struct mm *mm, uint64_t start, uint64_t end)
{
	uint64_t n = 0;
	struct region *r;

	for (uint64_t at = start; (r = region_next(&mm->tree, at)) != NULL && r->start < end; at = r->end)
		if (r->flags & RF_LOCKED)
			n += (MIN(r->end, end) - MAX(r->start, start)) >> PAGE_SHIFT;
	return n;
}

/* What is locked is there at once.  Pages that cannot be touched (no access, behind a file's end) give ENOMEM later, as on Linux. */
static long bring_in(struct mm *mm, uint64_t start, uint64_t end)
{
	struct region *r;
	long err = 0;

	for (uint64_t at = start; err == 0 && (r = region_next(&mm->tree, at)) != NULL && r->start < end; at = r->end)
		if (r->kind != REGION_ROOM && r->prot != PROT_NONE && !(r->flags & (RF_ONFAULT | RF_GUARD)))
			err = mm_populate_locked(mm, r, MAX(mm_shown_start(mm, r), start), MIN(r->end, end), region_is_private_write(r) || !(r->prot & PROT_READ));
	return err == -EFAULT ? -ENOMEM : err;
}

static long change_lock(struct lx_thread *t, uint64_t addr, uint64_t len, uint32_t how)
{
	struct mm *mm = t->proc->mm;
	uint64_t start = PAGE_DOWN(addr), end;
	long err;

	if (ADD_OVERFLOW(addr, len, &end) || end > GUEST_HIGH)
		return end < addr ? -EINVAL : -ENOMEM;
	if (how != 0 && mm_rlimit(RLIMIT_MEMLOCK) == 0 && !lx_capable(t, CAP_IPC_LOCK))
		return -EPERM;
	end = PAGE_UP(end);
	mm_lock(mm);
	if (how != 0 && !may_lock(t, mm, ((end - start) >> PAGE_SHIFT) - locked_in(mm, start, end)))
		err = -ENOMEM;
	else
		err = set_locked(mm, start, end, how);
	if (err == 0 && how != 0)
		err = bring_in(mm, start, end);
	mm_unlock(mm);
	return err;
}

long lx_sys_mlock(struct lx_thread *t, struct gva addr, uint64_t len)
{
	return change_lock(t, addr.va, len, RF_LOCKED);
}

long lx_sys_mlock2(struct lx_thread *t, struct gva addr, uint64_t len, int flags)
{
	return (flags & ~MLOCK_ONFAULT) ? -EINVAL : change_lock(t, addr.va, len, flags != 0 ? RF_LOCKS : RF_LOCKED);
}

long lx_sys_munlock(struct lx_thread *t, struct gva addr, uint64_t len)
{
	return change_lock(t, addr.va, len, 0);
}

/* All regions; neighbours that differed in this only stay apart, which does no harm. */
static void lock_all(struct mm *mm, uint32_t how)
{
	LIST_REGIONS(r, mm) {
		if (r->kind == REGION_ROOM)
			continue;
		mm_count(mm, r, -1);
		r->flags = (r->flags & ~RF_LOCKS) | how;
		mm_count(mm, r, 1);
	}
}

long lx_sys_mlockall(struct lx_thread *t, int flags)
{
	struct mm *mm = t->proc->mm;
	uint32_t how = (flags & MCL_ONFAULT) ? RF_LOCKS : RF_LOCKED;
	long err = 0;

	if (flags == 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (mm_rlimit(RLIMIT_MEMLOCK) == 0 && !lx_capable(t, CAP_IPC_LOCK))
		return -EPERM;
	mm_stack_sync(mm);
	mm_lock(mm);
	if ((flags & MCL_CURRENT) && !may_lock(t, mm, mm->vm_pages - mm->locked_pages)) {
		err = -ENOMEM;
	} else {
		mm->new_flags = (flags & MCL_FUTURE) ? how : 0;
		if (flags & MCL_CURRENT) {
			lock_all(mm, how);
			(void)bring_in(mm, 0, GUEST_HIGH); /* as far as it goes */
		}
	}
	mm_unlock(mm);
	return err;
}

long lx_sys_munlockall(struct lx_thread *t)
{
	struct mm *mm = t->proc->mm;

	mm_lock(mm);
	mm->new_flags = 0;
	lock_all(mm, 0);
	mm_unlock(mm);
	return 0;
}
