/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/uffd_range.c - the ranges of a userfaultfd: registering, bringing pages,
 * write protection.
 *
 * What is missing is what the host says is not resident; such pages are PROT_NONE at the
 * host.  A page that is brought is made elsewhere and moved to its place, so no other
 * thread sees half of it; each such move is a mapping of the host's own, of which there are
 * 65,530, so a range is filled best in large pieces.
 * Write-protected pages are those that the host does not let write while the region does.
 */
#include "linux/mm/uffd.h"
#include "linux/entry.h"
#include "pico/uaccess.h"

#define CHUNK 512u /* pages asked about at a time */
#define RF_UFFD (RF_UFFD_MISSING | RF_UFFD_WP)

bool uffd_page_there(uint64_t page)
{
	uint8_t there = 0;

	return mm_resident(page, page + PAGE_SIZE, &there) && (there & 1);
}

static void close_missing(uint64_t start, const uint8_t *there, uint64_t pages)
{
	for (uint64_t i = 0, n; i < pages; i += n) {
		for (n = 1; i + n < pages && (there[i + n] & 1) == (there[i] & 1); n++)
			;
		if (!(there[i] & 1))
			(void)DkVirtualMemoryProtect(start + (i << PAGE_SHIFT), n << PAGE_SHIFT, 0);
	}
}

void uffd_apply(struct region *r, uint64_t start, uint64_t end)
{
	uint8_t there[CHUNK];

	if (!(r->flags & RF_UFFD_MISSING))
		return;
	for (uint64_t at = start, stop; at < end; at = stop) {
		stop = MIN(end, at + ((uint64_t)CHUNK << PAGE_SHIFT));
		if (mm_resident(at, stop, there))
			close_missing(at, there, (stop - at) >> PAGE_SHIFT);
	}
}

void uffd_forget(struct region *r)
{
	struct uffd *u = r->uffd;

	if (u == NULL)
		return;
	(void)DkVirtualMemoryProtect(r->start, r->end - r->start, r->prot & 7);
	r->flags &= ~RF_UFFD;
	r->uffd = NULL;
	uffd_put(u);
}

bool uffd_tells(struct mm *mm, struct region *r, uint64_t addr, bool write, uint64_t *flags)
{
	uint64_t page = PAGE_DOWN(addr);
	bool there = uffd_page_there(page);

	if (atomic_load(&r->uffd->closed)) {
		(void)DkVirtualMemoryProtect(page, PAGE_SIZE, r->prot & 7);
		return false;
	}
	*flags = write ? UFFD_PAGEFAULT_FLAG_WRITE : 0;
	if (!there)
		return (r->flags & RF_UFFD_MISSING) != 0;
	if (!write || !(r->flags & RF_UFFD_WP))
		return false;
	*flags |= UFFD_PAGEFAULT_FLAG_WP;
	return true;
}

/* ---- Registering ---- */

long uffd_check_range(const struct uffdio_range *g)
{
	uint64_t end;

	if (((g->start | g->len) & ~PAGE_MASK) || g->len == 0 || ADD_OVERFLOW(g->start, g->len, &end) || end > GUEST_HIGH || g->start < GUEST_LOW)
		return -EINVAL;
	return 0;
}

/* Private anonymous memory, not somebody else's already; something must be there. */
static long may_register(struct mm *mm, const struct uffd *u, uint64_t start, uint64_t end)
{
	const struct region *r = region_next(&mm->tree, start);

	if (r == NULL || r->start >= end)
		return -EINVAL;
	for (; r != NULL && r->start < end; r = region_next(&mm->tree, r->end)) {
		if (r->kind != REGION_ANON || (r->flags & RF_GUARD))
			return -EINVAL;
		if (r->uffd != NULL && r->uffd != u && !atomic_load(&r->uffd->closed))
			return -EBUSY;
	}
	return 0;
}

/* flags 0: no longer registered. */
static long set_range(struct mm *mm, struct uffd *u, uint64_t start, uint64_t end, uint32_t flags)
{
	struct region *r;

	for (uint64_t at = start; (r = region_next(&mm->tree, at)) != NULL && r->start < end;) {
		uint64_t from = MAX(at, r->start), to = MIN(end, r->end);

		at = to;
		if (r->kind != REGION_ANON || (flags == 0 && r->uffd != u))
			continue;
		if (!mm_may_cut(mm, from, to, false) || !mm_stock_locked(mm))
			return -ENOMEM;
		mm_cut_locked(mm, from, to);
		r = region_find(&mm->tree, from);
		uffd_forget(r);
		if (flags == 0)
			continue;
		r->uffd = u;
		uffd_get(u);
		r->flags |= flags;
		uffd_apply(r, r->start, r->end);
	}
	return 0;
}

static long do_register(struct mm *mm, struct uffd *u, struct gva arg)
{
	struct uffdio_register g;
	long err;

	if (copy_in(&g, arg, sizeof g - sizeof g.ioctls) != 0)
		return -EFAULT;
	if (g.mode == 0 || (g.mode & ~(UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP)))
		return -EINVAL;
	err = uffd_check_range(&g.range);
	if (err != 0)
		return err;
	entry_go_slow(ENTRY_FAULTS);
	mm_lock(mm);
	err = may_register(mm, u, g.range.start, g.range.start + g.range.len);
	if (err == 0)
		err = set_range(mm, u, g.range.start, g.range.start + g.range.len,
			((g.mode & UFFDIO_REGISTER_MODE_MISSING) ? RF_UFFD_MISSING : 0) | ((g.mode & UFFDIO_REGISTER_MODE_WP) ? RF_UFFD_WP : 0));
	mm_unlock(mm);
	g.ioctls = 1ull << _UFFDIO_WAKE | 1ull << _UFFDIO_COPY | 1ull << _UFFDIO_ZEROPAGE | 1ull << _UFFDIO_MOVE | 1ull << _UFFDIO_POISON |
		((g.mode & UFFDIO_REGISTER_MODE_WP) ? 1ull << _UFFDIO_WRITEPROTECT : 0);
	return err != 0 ? err : copy_out(arg, &g, sizeof g);
}

static long do_unregister(struct mm *mm, struct uffd *u, struct gva arg)
{
	struct uffdio_range g;
	long err;

	if (copy_in(&g, arg, sizeof g) != 0)
		return -EFAULT;
	err = uffd_check_range(&g);
	if (err != 0)
		return err;
	mm_lock(mm);
	err = set_range(mm, u, g.start, g.start + g.len, 0);
	mm_unlock(mm);
	uffd_wake(u, g.start, g.start + g.len);
	return err;
}

static long do_wake(struct uffd *u, struct gva arg)
{
	struct uffdio_range g;
	long err;

	if (copy_in(&g, arg, sizeof g) != 0)
		return -EFAULT;
	err = uffd_check_range(&g);
	if (err == 0)
		uffd_wake(u, g.start, g.start + g.len);
	return err;
}

/* ---- Bringing pages ---- */

struct region *uffd_missing_run(struct mm *mm, const struct uffd *u, uint64_t addr, uint64_t len, uint64_t *run)
{
	struct region *r = region_find(&mm->tree, addr);

	if (r == NULL || r->uffd != u)
		return NULL;
	*run = 0;
	if (r->flags & RF_POISON)
		return r;
	len = MIN(len, r->end - addr);
	for (*run = 0; *run < len && !uffd_page_there(addr + *run); *run += PAGE_SIZE)
		;
	return r;
}

/* Pages like src's, made at a free place and moved to addr. */
static long bring(struct mm *mm, const struct region *r, uint64_t addr, uint64_t src, uint64_t len, bool protect)
{
	uint64_t temp = range_hole_down(&mm->tree, BAILEY_HIGH, mm->top, len, PAGE_SIZE), at = temp, to = addr;
	long err;

	if (temp == 0)
		return -ENOMEM;
	err = lx_err(DkVirtualMemoryAlloc(&at, len, DK_MEM_COMMIT | DK_MEM_FIXED, DK_PROT_R | DK_PROT_W));
	if (err != 0)
		return err;
	if (uaccess_copy((void *)temp, (const void *)src, len) != 0)
		err = -EFAULT;
	if (err == 0)
		err = lx_err(DkVirtualMemoryProtect(temp, len, r->prot & (protect ? ~(uint32_t)PROT_WRITE : 7u) & 7));
	if (err == 0)
		err = lx_err(DkStreamMap(DK_NO_HANDLE, &to, temp, len, (uint32_t)(len >> PAGE_SHIFT), DK_MAP_MOVE));
	if (err != 0)
		(void)DkVirtualMemoryFree(temp, len, DK_MEM_RELEASE);
	return err;
}

/* A fresh page of the host's is zero: it need only be opened, and touched so that it is resident. */
static long bring_zero(const struct region *r, uint64_t addr, uint64_t len)
{
	uint64_t at = addr;
	long err = lx_err(DkVirtualMemoryProtect(addr, len, r->prot & 7));

	return err != 0 ? err : lx_err(DkVirtualMemoryAlloc(&at, len, DK_MEM_POPULATE, DK_PROT_R));
}

/* src 0: zero pages.  Bytes brought, or why not even one page was. */
static long fill(struct mm *mm, struct uffd *u, uint64_t addr, uint64_t src, uint64_t len, bool protect)
{
	uint64_t done = 0;
	long err = 0;

	mm_lock(mm);
	while (done < len && err == 0) {
		uint64_t run;
		struct region *r = uffd_missing_run(mm, u, addr + done, len - done, &run);

		if (r == NULL)
			err = -ENOENT;
		else if (run == 0)
			err = -EEXIST;
		else
			err = src != 0 ? bring(mm, r, addr + done, src + done, run, protect && (r->flags & RF_UFFD_WP)) : bring_zero(r, addr + done, run);
		if (err == 0)
			done += run;
	}
	mm_unlock(mm);
	return done != 0 ? (long)done : err;
}

long uffd_settle_range(struct uffd *u, struct gva out, long done, uint64_t addr, uint64_t len, bool wake)
{
	int64_t told = done;

	if (PUT_USER(out, told) != 0)
		return -EFAULT;
	if (done > 0 && wake)
		uffd_wake(u, addr, addr + (uint64_t)done);
	return done < 0 ? done : (uint64_t)done < len ? -EAGAIN : 0;
}

static long do_copy(struct mm *mm, struct uffd *u, struct gva arg)
{
	struct uffdio_copy c;
	struct uffdio_range g;
	long err;

	if (copy_in(&c, arg, sizeof c - sizeof c.copy) != 0)
		return -EFAULT;
	g = (struct uffdio_range){ c.dst, c.len };
	err = uffd_check_range(&g);
	if (err != 0 || (c.mode & ~(UFFDIO_COPY_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP)) || c.src == 0 || !guest_range_ok(c.src, c.len))
		return err != 0 ? err : -EINVAL;
	return uffd_settle_range(u, gva_add(arg, offsetof(struct uffdio_copy, copy)), fill(mm, u, c.dst, c.src, c.len, c.mode & UFFDIO_COPY_MODE_WP), c.dst, c.len,
		!(c.mode & UFFDIO_COPY_MODE_DONTWAKE));
}

static long do_zero(struct mm *mm, struct uffd *u, struct gva arg)
{
	struct uffdio_zeropage z;
	long err;

	if (copy_in(&z, arg, sizeof z - sizeof z.zeropage) != 0)
		return -EFAULT;
	err = uffd_check_range(&z.range);
	if (err != 0 || (z.mode & ~UFFDIO_ZEROPAGE_MODE_DONTWAKE))
		return err != 0 ? err : -EINVAL;
	return uffd_settle_range(u, gva_add(arg, offsetof(struct uffdio_zeropage, zeropage)), fill(mm, u, z.range.start, 0, z.range.len, false), z.range.start,
		z.range.len, !(z.mode & UFFDIO_ZEROPAGE_MODE_DONTWAKE));
}

/* Pages that are there; what is missing stays so. */
static long protect_locked(struct mm *mm, struct uffd *u, uint64_t start, uint64_t end, bool on)
{
	struct region *r;

	for (uint64_t at = start; at < end; at = r->end) {
		uint64_t stop;
		long err;

		r = region_find(&mm->tree, at);
		if (r == NULL || r->uffd != u || !(r->flags & RF_UFFD_WP))
			return -ENOENT;
		stop = MIN(end, r->end);
		err = lx_err(DkVirtualMemoryProtect(at, stop - at, r->prot & (on ? ~(uint32_t)PROT_WRITE : 7u) & 7));
		if (err != 0)
			return err;
		uffd_apply(r, at, stop);
	}
	return 0;
}

static long do_protect(struct mm *mm, struct uffd *u, struct gva arg)
{
	struct uffdio_writeprotect w;
	bool on;
	long err;

	if (copy_in(&w, arg, sizeof w) != 0)
		return -EFAULT;
	on = w.mode & UFFDIO_WRITEPROTECT_MODE_WP;
	err = uffd_check_range(&w.range);
	if (err != 0 || (w.mode & ~(UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE)) ||
	    (on && (w.mode & UFFDIO_WRITEPROTECT_MODE_DONTWAKE)))
		return err != 0 ? err : -EINVAL;
	mm_lock(mm);
	err = protect_locked(mm, u, w.range.start, w.range.start + w.range.len, on);
	mm_unlock(mm);
	if (err == 0 && !on && !(w.mode & UFFDIO_WRITEPROTECT_MODE_DONTWAKE))
		uffd_wake(u, w.range.start, w.range.start + w.range.len);
	return err;
}

long uffd_range_ioctl(struct lx_thread *t, struct uffd *u, uint32_t cmd, struct gva arg)
{
	struct mm *mm = t->proc->mm;

	if (u->mm_id != mm->id)
		return -ESRCH; /* another process's memory, which is not here */
	switch (cmd) {
	case UFFDIO_REGISTER:
		return do_register(mm, u, arg);
	case UFFDIO_UNREGISTER:
		return do_unregister(mm, u, arg);
	case UFFDIO_WAKE:
		return do_wake(u, arg);
	case UFFDIO_COPY:
		return do_copy(mm, u, arg);
	case UFFDIO_ZEROPAGE:
		return do_zero(mm, u, arg);
	case UFFDIO_WRITEPROTECT:
		return do_protect(mm, u, arg);
	case UFFDIO_MOVE:
		return uffd_move(mm, u, arg);
	case UFFDIO_POISON:
		return uffd_poison(mm, u, arg);
	default:
		return -EINVAL;
	}
}
