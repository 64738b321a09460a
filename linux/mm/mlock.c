/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/mlock.c - mlock and its family: counted against RLIMIT_MEMLOCK and shown
 * in /proc, but the host is not asked to lock anything.
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

static long set_locked(struct mm *mm, uint64_t start, uint64_t end, bool lock)
{
	struct region *r;

	for (uint64_t at = start; at < end;) {
		r = region_find(&mm->tree, at);
		if (r == NULL || r->kind == REGION_ROOM)
			return -ENOMEM;
		if (!!(r->flags & RF_LOCKED) != lock) {
			if (!mm_stock_locked(mm))
				return -ENOMEM;
			mm_cut_locked(mm, at, MIN(r->end, end));
			r = region_find(&mm->tree, at);
			mm_count(mm, r, -1);
			r->flags ^= RF_LOCKED;
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

static long change_lock(struct lx_thread *t, uint64_t addr, uint64_t len, bool lock)
{
	struct mm *mm = t->proc->mm;
	uint64_t start = PAGE_DOWN(addr), end;
	long err;

	if (ADD_OVERFLOW(addr, len, &end) || end > GUEST_HIGH)
		return end < addr ? -EINVAL : -ENOMEM;
	if (lock && mm_rlimit(RLIMIT_MEMLOCK) == 0 && !lx_capable(t, CAP_IPC_LOCK))
		return -EPERM;
	end = PAGE_UP(end);
	mm_lock(mm);
	if (lock && !may_lock(t, mm, (end - start) >> PAGE_SHIFT))
		err = -ENOMEM;
	else
		err = set_locked(mm, start, end, lock);
	mm_unlock(mm);
	return err;
}

long lx_sys_mlock(struct lx_thread *t, struct gva addr, uint64_t len)
{
	return change_lock(t, addr.va, len, true);
}

long lx_sys_mlock2(struct lx_thread *t, struct gva addr, uint64_t len, int flags)
{
	return (flags & ~MLOCK_ONFAULT) ? -EINVAL : change_lock(t, addr.va, len, true);
}

long lx_sys_munlock(struct lx_thread *t, struct gva addr, uint64_t len)
{
	return change_lock(t, addr.va, len, false);
}

/* All regions; neighbours that differed in this only stay apart, which does no harm. */
static void lock_all(struct mm *mm, bool lock)
{
	LIST_REGIONS(r, mm) {
		if (r->kind == REGION_ROOM)
			continue;
		mm_count(mm, r, -1);
		r->flags = lock ? r->flags | RF_LOCKED : r->flags & ~RF_LOCKED;
		mm_count(mm, r, 1);
	}
}

long lx_sys_mlockall(struct lx_thread *t, int flags)
{
	struct mm *mm = t->proc->mm;
	long err = 0;

	if (flags == 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (mm_rlimit(RLIMIT_MEMLOCK) == 0 && !lx_capable(t, CAP_IPC_LOCK))
		return -EPERM;
	mm_lock(mm);
	if ((flags & MCL_CURRENT) && !may_lock(t, mm, mm->vm_pages - mm->locked_pages)) {
		err = -ENOMEM;
	} else {
		mm->new_flags = (flags & MCL_FUTURE) ? RF_LOCKED : 0;
		if (flags & MCL_CURRENT)
			lock_all(mm, true);
	}
	mm_unlock(mm);
	return err;
}

long lx_sys_munlockall(struct lx_thread *t)
{
	struct mm *mm = t->proc->mm;

	mm_lock(mm);
	mm->new_flags = 0;
	lock_all(mm, false);
	mm_unlock(mm);
	return 0;
}
