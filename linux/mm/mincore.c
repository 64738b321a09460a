/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/mincore.c - which pages are in memory: mincore, and for /proc.
 *
 * The host is asked about the caller's own pages.  Rooms and Bailey's window are
 * holes to a guest.
 */
#include "linux/mm/mm_int.h"
#include "pico/uaccess.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define CHUNK 2048u /* pages asked about at a time */

/* Files in memory are in memory, also where they are holes. */
static void add_files(struct mm *mm, uint64_t start, uint64_t end, uint8_t *out)
{
	const struct region *r;

	for (uint64_t at = start; (r = region_next(&mm->tree, at)) != NULL && r->start < end; at = r->end) {
		const struct inode *i = region_inode(r);

		if (i == NULL || i->kind != INODE_MEM)
			continue;
		for (uint64_t page = MAX(r->start, start); page < MIN(r->end, end); page += PAGE_SIZE)
			if (r->offset + (page - r->start) < i->size)
				out[(page - start) >> PAGE_SHIFT] = 1;
	}
}

static uint64_t mapped_up_to(struct mm *mm, uint64_t start, uint64_t end)
{
	struct region *r;

	for (uint64_t at = start; at < end; at = r->end) {
		r = region_find(&mm->tree, at);
		if (r == NULL || r->kind == REGION_ROOM)
			return at;
	}
	return end;
}

bool mm_resident(uint64_t start, uint64_t end, uint8_t *out)
{
	uint64_t pages = (end - start) >> PAGE_SHIFT, done;

	return DkVirtualMemoryQuery(DK_NO_HANDLE, start, end - start, DK_QUERY_RESIDENT, out, pages, &done) == DK_OK && done == pages;
}

uint64_t mm_count_resident(uint64_t start, uint64_t end, uint8_t *buf, uint64_t size)
{
	uint64_t n = 0;

	for (uint64_t at = start, stop; at < end; at = stop) {
		stop = MIN(end, at + (size << PAGE_SHIFT));
		if (!mm_resident(at, stop, buf))
			continue;
		for (uint64_t i = 0; i < (stop - at) >> PAGE_SHIFT; i++)
			n += buf[i] & 1;
	}
	return n;
}

static long report(struct mm *mm, struct gva vec, uint64_t start, uint64_t end, uint8_t *buf)
{
	for (uint64_t at = start, stop; at < end; at = stop) {
		uint64_t n;

		stop = MIN(end, at + ((uint64_t)CHUNK << PAGE_SHIFT));
		n = (stop - at) >> PAGE_SHIFT;
		if (!mm_resident(at, stop, buf))
			memset(buf, 0, n); /* unmapped meanwhile by another thread */
		mm_lock(mm);
		add_files(mm, at, stop, buf);
		mm_unlock(mm);
		if (copy_out(gva_add(vec, (at - start) >> PAGE_SHIFT), buf, n) != 0)
			return -EFAULT;
	}
	return 0;
}

#define PM_PRESENT (1ull << 63)
#define PM_FILE    (1ull << 61)
#define PM_DIRTY   (1ull << 55) /* soft-dirty: always, as nothing tracks it */

/* Of one region; pages that are all mapped. */
static void pagemap_part(const struct region *r, uint64_t start, uint64_t end, uint64_t *out)
{
	bool file = r->kind == REGION_SHARED || (r->kind == REGION_FILE && !(r->flags & RF_WROTE));
	uint8_t there[PAGEMAP_MAX];

	if (!mm_resident(start, end, there))
		return;
	for (uint64_t i = 0; i < (end - start) >> PAGE_SHIFT; i++)
		if (there[i] & 1)
			out[i] = PM_PRESENT | PM_DIRTY | (file ? PM_FILE : 0);
}

void mm_pagemap(struct mm *mm, uint64_t page, uint64_t count, uint64_t *out)
{
	uint64_t start = page << PAGE_SHIFT, end = (page + count) << PAGE_SHIFT;
	const struct region *r;

	memset(out, 0, count * sizeof *out);
	mm_lock(mm);
	for (uint64_t at = start; (r = region_next(&mm->tree, at)) != NULL && r->start < end; at = r->end)
		if (r->kind != REGION_ROOM && !(r->flags & RF_GUARD))
			pagemap_part(r, MAX(r->start, start), MIN(r->end, end), out + ((MAX(r->start, start) - start) >> PAGE_SHIFT));
	mm_unlock(mm);
}

long lx_sys_mincore(struct lx_thread *t, struct gva addr, uint64_t len, struct gva vec)
{
	struct mm *mm = t->proc->mm;
	uint64_t end, mapped;
	uint8_t *buf;
	long err;

	if (addr.va & ~PAGE_MASK)
		return -EINVAL;
	err = mm_range(addr.va, &len);
	if (err != 0)
		return err;
	if (!guest_range_ok(vec.va, len >> PAGE_SHIFT))
		return -EFAULT;
	end = addr.va + len;
	mm_lock(mm);
	mapped = mapped_up_to(mm, addr.va, end);
	mm_unlock(mm);
	buf = heap_alloc_dirty(CHUNK);
	if (buf == NULL)
		return -EAGAIN;
	err = report(mm, vec, addr.va, mapped, buf);
	heap_free(buf);
	return err != 0 ? err : mapped < end ? -ENOMEM : 0;
}
