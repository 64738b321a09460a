/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/advise.c - madvise, msync.
 *
 * What only makes things faster on Linux is checked and then ignored; what changes
 * contents (DONTNEED, FREE, REMOVE) or fork (DONTFORK, WIPEONFORK) is done.
 */
#include "linux/mm/mm_int.h"
#include "linux/mm/uffd.h"
#include "linux/proc/proc.h"
#include "pico/uaccess.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

/* ---- Flags ---- */

static long set_flags(struct mm *mm, uint64_t start, uint64_t end, uint32_t set, uint32_t clear)
{
	struct region *r = region_find(&mm->tree, start);

	if ((r->flags & (set | clear)) == set)
		return 0;
	if (!mm_may_cut(mm, start, end, false) || !mm_stock_locked(mm))
		return -ENOMEM;
	mm_cut_locked(mm, start, end);
	r = region_find(&mm->tree, start);
	r->flags = (r->flags & ~clear) | set;
	(void)mm_merge_locked(mm, r);
	return 0;
}

/* ---- Contents ---- */

/* Poisoned pages are missing ones again. */
static long cure(struct mm *mm, struct region **r, uint64_t start, uint64_t end)
{
	long err = set_flags(mm, start, end, 0, RF_POISON | RF_GUARD);

	*r = region_find(&mm->tree, start);
	return err != 0 ? err : lx_err(DkVirtualMemoryProtect(start, end - start, (*r)->prot & 7));
}

static long drop(struct mm *mm, struct region *r, uint64_t start, uint64_t end, int advice)
{
	bool lazily = advice == MADV_FREE;
	long err;

	if ((r->flags & RF_LOCKED) && advice != MADV_DONTNEED_LOCKED)
		return -EINVAL;
	if (lazily && r->kind != REGION_ANON)
		return -EINVAL;
	/* pico's changed pages of text would come back as zero, the file's own pages as they are. */
	if (r->kind == REGION_FILE && ((r->flags & RF_TEXT) || !(r->flags & (RF_WROTE | RF_SHARED))))
		return 0;
	/* Shared pages keep their contents: there is nothing to drop. */
	if (r->flags & RF_SHARED)
		return 0;
	err = UNLIKELY(r->flags & RF_POISON) ? cure(mm, &r, start, end) : 0;
	if (err == 0)
		err = lx_err(DkVirtualMemoryFree(start, end - start, DK_MEM_DECOMMIT | (lazily ? DK_MEM_LAZY : 0)));
	if (err == 0 && UNLIKELY(r->uffd != NULL))
		uffd_apply(r, start, end);
	return err;
}

static long remove_file(struct mm *mm, struct region *r, uint64_t start, uint64_t end) REQUIRES(MM)
{
	struct file *f = r->object;
	const struct file_ops *ops = lx_file_ops[f->kind];
	uint64_t offset = r->offset + (start - r->start);
	long err;

	if (ops->fallocate == NULL)
		return -EOPNOTSUPP;
	file_get(f);
	mm_unlock(mm);
	err = ops->fallocate(lx_current(), f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, end - start);
	file_put(f);
	mm_lock(mm);
	return err;
}

/* MADV_REMOVE: the pages read as zero for all who share them. */
static long remove_pages(struct mm *mm, struct region *r, uint64_t start, uint64_t end) REQUIRES(MM)
{
	struct shared_mem *m = r->object;

	if (!(r->flags & RF_SHARED) || (r->flags & RF_LOCKED))
		return -EINVAL;
	if (r->flags & RF_NOWRITE)
		return -EACCES;
	if (r->kind == REGION_FILE)
		return remove_file(mm, r, start, end);
	memset((char *)data_ptr(m->page) + r->offset + (start - r->start), 0, end - start);
	return 0;
}

long mm_populate_locked(struct mm *mm, const struct region *r, uint64_t start, uint64_t end, bool write)
{
	if ((r->flags & (RF_GUARD | RF_UFFD_MISSING)) || !(r->prot & (write ? PROT_WRITE : PROT_READ | PROT_EXEC | PROT_WRITE)))
		return -EFAULT;
	return lx_err(DkVirtualMemoryAlloc(&start, end - start, DK_MEM_POPULATE, write ? DK_PROT_W : DK_PROT_R));
}

static long populate(struct mm *mm, const struct region *r, uint64_t start, uint64_t end, bool write)
{
	if (!(r->prot & (write ? PROT_WRITE : PROT_READ | PROT_EXEC | PROT_WRITE)))
		return -EINVAL;
	return mm_populate_locked(mm, r, start, end, write);
}

/* Guard pages: no access and no contents, whatever the protection is or becomes. */
static long guard(struct mm *mm, struct region *r, uint64_t start, uint64_t end, bool install)
{
	long err;

	if (r->kind != REGION_ANON || (r->flags & (RF_LOCKED | RF_GROWSDOWN | RF_STACK)))
		return -EINVAL;
	if (!!(r->flags & RF_GUARD) == install)
		return 0;
	if (!mm_may_cut(mm, start, end, false) || !mm_stock_locked(mm))
		return -ENOMEM;
	err = lx_err(DkVirtualMemoryProtect(start, end - start, install ? 0 : r->prot));
	if (err == 0 && install)
		err = lx_err(DkVirtualMemoryFree(start, end - start, DK_MEM_DECOMMIT));
	return err != 0 ? err : set_flags(mm, start, end, install ? RF_GUARD : 0, RF_GUARD);
}

static long advise_part(struct mm *mm, struct region *r, uint64_t start, uint64_t end, int advice) REQUIRES(MM)
{
	uint64_t at = start;

	switch (advice) {
	case MADV_NORMAL:
		return set_flags(mm, start, end, 0, RF_RANDOM | RF_SEQUENTIAL);
	case MADV_RANDOM:
		return set_flags(mm, start, end, RF_RANDOM, RF_SEQUENTIAL);
	case MADV_SEQUENTIAL:
		return set_flags(mm, start, end, RF_SEQUENTIAL, RF_RANDOM);
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
		return drop(mm, r, start, end, advice);
	case MADV_COLD:
	case MADV_PAGEOUT: /* there is nowhere to page out to */
		if (r->flags & RF_LOCKED)
			return -EINVAL;
		(void)DkVirtualMemoryAlloc(&at, end - start, DK_MEM_COLD, 0);
		return 0;
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
		if (r->kind == REGION_ANON)
			(void)DkVirtualMemoryAlloc(&at, end - start, advice == MADV_HUGEPAGE ? DK_MEM_HUGE : DK_MEM_NOHUGE, 0);
		return advice == MADV_HUGEPAGE ? set_flags(mm, start, end, RF_HUGE, RF_NOHUGE) : set_flags(mm, start, end, RF_NOHUGE, RF_HUGE);
	case MADV_DONTDUMP:
		return set_flags(mm, start, end, RF_DONTDUMP, 0);
	case MADV_DODUMP:
		return set_flags(mm, start, end, 0, RF_DONTDUMP);
	case MADV_GUARD_INSTALL:
	case MADV_GUARD_REMOVE:
		return guard(mm, r, start, end, advice == MADV_GUARD_INSTALL);
	case MADV_REMOVE:
		return remove_pages(mm, r, start, end);
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return populate(mm, r, start, end, advice == MADV_POPULATE_WRITE);
	case MADV_DONTFORK:
		return set_flags(mm, start, end, RF_DONTFORK, 0);
	case MADV_DOFORK:
		return set_flags(mm, start, end, 0, RF_DONTFORK);
	case MADV_WIPEONFORK:
		return r->kind == REGION_ANON ? set_flags(mm, start, end, RF_WIPEONFORK, 0) : -EINVAL;
	case MADV_KEEPONFORK:
		return set_flags(mm, start, end, 0, RF_WIPEONFORK);
	default:
		return 0;
	}
}

/* There is no KSM here, as in a kernel without it. */
static bool known(int advice)
{
	if (advice == MADV_MERGEABLE || advice == MADV_UNMERGEABLE)
		return false;
	return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) || (advice >= MADV_FREE && advice <= MADV_COLLAPSE) ||
		advice == MADV_GUARD_INSTALL || advice == MADV_GUARD_REMOVE;
}

/* What takes contents away from sealed memory that cannot be written changes it all the same. */
static bool seal_forbids(struct mm *mm, uint64_t start, uint64_t end, int advice)
{
	const struct region *r;

	if (!mm->sealed || (advice != MADV_DONTNEED && advice != MADV_DONTNEED_LOCKED && advice != MADV_FREE && advice != MADV_REMOVE &&
	    advice != MADV_DONTFORK && advice != MADV_WIPEONFORK && advice != MADV_GUARD_INSTALL))
		return false;
	for (uint64_t at = start; (r = region_next(&mm->tree, at)) != NULL && r->start < end; at = r->end)
		if ((r->flags & RF_SEALED) && r->kind == REGION_ANON && !(r->prot & PROT_WRITE))
			return true;
	return false;
}

/* Goes over the whole range even if there are holes, then says -ENOMEM, as Linux does. */
static long advise_locked(struct mm *mm, uint64_t start, uint64_t end, int advice) REQUIRES(MM)
{
	bool hole = false;
	uint64_t at = start;
	struct region *r;

	while (at < end && (r = region_next(&mm->tree, at)) != NULL && r->start < end) {
		uint64_t from = MAX(at, r->start), to = MIN(r->end, end);
		long err;

		hole = hole || from > at || r->kind == REGION_ROOM;
		err = r->kind == REGION_ROOM ? 0 : advise_part(mm, r, from, to, advice);
		if (err != 0)
			return err;
		at = to;
	}
	return hole || at < end ? -ENOMEM : 0;
}

static long mm_advise(struct mm *mm, uint64_t addr, uint64_t len, int advice)
{
	long err;

	if (!known(advice) || (addr & ~PAGE_MASK) || PAGE_UP(len) < len || addr + PAGE_UP(len) < addr)
		return -EINVAL;
	if (len == 0)
		return 0;
	if (mm_window_overlap(addr, PAGE_UP(len)))
		return advice == MADV_DONTDUMP || advice == MADV_NOHUGEPAGE ? 0 : -ENOMEM;
	mm_lock(mm);
	if (seal_forbids(mm, addr, addr + PAGE_UP(len), advice))
		err = -EPERM;
	else
		err = advise_locked(mm, addr, addr + PAGE_UP(len), advice);
	mm_unlock(mm);
	return err;
}

long lx_sys_madvise(struct lx_thread *t, struct gva addr, uint64_t len, int advice)
{
	return mm_advise(t->proc->mm, addr.va, len, advice);
}

#define PROCESS_MADVISE_MAX 1024

/* Of the caller's own process only. */
long lx_sys_process_madvise(struct lx_thread *t, int pidfd, struct gva iov, uint64_t count, int advice, uint32_t flags)
{
	struct lx_proc *p = NULL;
	struct file *f;
	long done = 0, err = 0;
	bool own;

	if (flags != 0 || count > PROCESS_MADVISE_MAX)
		return -EINVAL;
	f = fd_get(t, pidfd);
	if (f == NULL)
		return -EBADF;
	own = f->kind == FILE_PIDFD;
	p = own ? f->object : NULL;
	file_put(f);
	if (!own)
		return -EBADF;
	if (p != t->proc)
		return -EPERM;
	if (advice != MADV_COLD && advice != MADV_PAGEOUT && advice != MADV_WILLNEED && advice != MADV_COLLAPSE)
		return -EINVAL;
	for (uint64_t i = 0; i < count && err == 0; i++) {
		struct iovec v;

		err = copy_in(&v, gva_add(iov, i * sizeof v), sizeof v);
		if (err == 0)
			err = mm_advise(p->mm, (uint64_t)v.iov_base, v.iov_len, advice);
		if (err == 0)
			done += (long)v.iov_len;
	}
	return done != 0 ? done : err;
}

/* ---- msync ---- */

/* Syncs the file of the first shared file region at or behind *at; sets *at behind it. */
static long sync_next(struct lx_thread *t, struct mm *mm, uint64_t *at, uint64_t end, int flags, bool *hole)
{
	struct region *r;
	struct file *f = NULL;
	long err = 0;

	mm_lock(mm);
	r = region_next(&mm->tree, *at);
	if (r == NULL || r->start >= end) {
		*hole = true;
		*at = end;
	} else {
		*hole = *hole || r->start > *at || r->kind == REGION_ROOM;
		*at = r->end;
		if ((flags & MS_INVALIDATE) && (r->flags & RF_LOCKED))
			err = -EBUSY;
		else if ((flags & MS_SYNC) && r->kind == REGION_FILE && (r->flags & RF_SHARED))
			f = r->object;
		if (f != NULL)
			file_get(f);
	}
	mm_unlock(mm);
	if (f != NULL) {
		if (lx_file_ops[f->kind]->sync != NULL)
			err = lx_file_ops[f->kind]->sync(t, f, true);
		file_put(f);
	}
	return err;
}

long lx_sys_msync(struct lx_thread *t, struct gva addr, uint64_t len, int flags)
{
	uint64_t at = addr.va, end;
	bool hole = false;
	long err = 0;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (addr.va & ~PAGE_MASK) || ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (PAGE_UP(len) < len || addr.va + PAGE_UP(len) < addr.va)
		return -ENOMEM;
	end = addr.va + PAGE_UP(len);
	while (at < end && err == 0)
		err = sync_next(t, t->proc->mm, &at, end, flags, &hole);
	return err != 0 ? err : hole ? -ENOMEM : 0;
}
