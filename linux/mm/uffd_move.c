/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/uffd_move.c - UFFDIO_MOVE and UFFDIO_POISON (ioctl_userfaultfd(2)).
 *
 * A moved page leaves a missing one behind.  Poisoned pages are regions of their own with RF_POISON: closed like
 * guard pages, until MADV_DONTNEED or munmap, and touching one is SIGBUS.
 */
#include "linux/mm/uffd.h"

struct move {
	uint64_t dst, src, len, mode;
	int64_t moved;
};

struct poison {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};

#define MODE_DONTWAKE  1u
#define MODE_SRC_HOLES 2u

/* Closed to the host's mmap: the source's place is empty again, as fresh memory is. */
static long leave_hole(struct region *r, uint64_t addr, uint64_t len)
{
	uint64_t at = addr;
	long err = lx_err(DkVirtualMemoryAlloc(&at, len, DK_MEM_COMMIT | DK_MEM_FIXED, r->prot & 7));

	if (err == 0 && r->uffd != NULL)
		uffd_apply(r, addr, addr + len);
	return err;
}

/* The source's region, and how much from addr on is all there or all missing. */
static struct region *source_run(struct mm *mm, uint64_t addr, uint64_t len, uint64_t *run, bool *there)
{
	struct region *r = region_find(&mm->tree, addr);

	if (r == NULL || r->kind != REGION_ANON || (r->flags & (RF_GUARD | RF_STACK | RF_GROWSDOWN | RF_LOCKED)))
		return NULL;
	len = MIN(len, r->end - addr);
	*there = uffd_page_there(addr);
	for (*run = PAGE_SIZE; *run < len && uffd_page_there(addr + *run) == *there; *run += PAGE_SIZE)
		;
	return r;
}

/* One run: bytes done, or -errno. */
static long move_run(struct mm *mm, struct uffd *u, const struct move *m, uint64_t done)
{
	uint64_t run, len = m->len - done, to = m->dst + done, from = m->src + done;
	struct region *dst = uffd_missing_run(mm, u, to, len, &run), *src;
	bool there;
	long err;

	if (dst == NULL)
		return -ENOENT;
	if (run == 0)
		return -EEXIST;
	src = source_run(mm, from, run, &run, &there);
	if (src == NULL)
		return -EINVAL;
	if (!there)
		return (m->mode & MODE_SRC_HOLES) ? (long)run : -ENOENT;
	err = lx_err(DkVirtualMemoryProtect(from, run, dst->prot & 7));
	if (err == 0)
		err = lx_err(DkStreamMap(DK_NO_HANDLE, &to, from, run, (uint32_t)(run >> PAGE_SHIFT), DK_MAP_MOVE));
	if (err == 0)
		err = leave_hole(src, from, run);
	return err != 0 ? err : (long)run;
}

static bool overlap(uint64_t a, uint64_t b, uint64_t len)
{
	return a < b + len && b < a + len;
}

long uffd_move(struct mm *mm, struct uffd *u, struct gva arg)
{
	struct uffdio_range to, from;
	struct move m;
	uint64_t done = 0;
	long n = 0;

	if (copy_in(&m, arg, offsetof(struct move, moved)) != 0)
		return -EFAULT;
	to = (struct uffdio_range){ m.dst, m.len };
	from = (struct uffdio_range){ m.src, m.len };
	if ((m.mode & ~(uint64_t)(MODE_DONTWAKE | MODE_SRC_HOLES)) || uffd_check_range(&to) != 0 || uffd_check_range(&from) != 0 ||
	    overlap(m.dst, m.src, m.len))
		return -EINVAL;
	mm_lock(mm);
	while (done < m.len && (n = move_run(mm, u, &m, done)) > 0)
		done += (uint64_t)n;
	mm_unlock(mm);
	return uffd_settle_range(u, gva_add(arg, offsetof(struct move, moved)), done != 0 ? (long)done : n, m.dst, m.len, !(m.mode & MODE_DONTWAKE));
}

static long poison_run(struct mm *mm, struct uffd *u, uint64_t addr, uint64_t len)
{
	uint64_t run;
	struct region *r = uffd_missing_run(mm, u, addr, len, &run);
	long err;

	if (r == NULL)
		return -ENOENT;
	if (run == 0)
		return -EEXIST;
	if (!mm_may_cut(mm, addr, addr + run, false) || !mm_stock_locked(mm))
		return -ENOMEM;
	err = lx_err(DkVirtualMemoryProtect(addr, run, 0));
	if (err != 0)
		return err;
	mm_cut_locked(mm, addr, addr + run);
	region_find(&mm->tree, addr)->flags |= RF_POISON | RF_GUARD;
	return (long)run;
}

long uffd_poison(struct mm *mm, struct uffd *u, struct gva arg)
{
	struct poison p;
	uint64_t done = 0;
	long n = 0;

	if (copy_in(&p, arg, offsetof(struct poison, updated)) != 0)
		return -EFAULT;
	if ((p.mode & ~(uint64_t)MODE_DONTWAKE) || uffd_check_range(&p.range) != 0)
		return -EINVAL;
	mm_lock(mm);
	while (done < p.range.len && (n = poison_run(mm, u, p.range.start + done, p.range.len - done)) > 0)
		done += (uint64_t)n;
	mm_unlock(mm);
	return uffd_settle_range(u, gva_add(arg, offsetof(struct poison, updated)), done != 0 ? (long)done : n, p.range.start, p.range.len,
		!(p.mode & MODE_DONTWAKE));
}
