/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/watch.c - memory that tells which of its pages were written (MEM_WRITE_WATCH), for garbage collectors.
 *
 * A page that was not written since it was asked about is closed for writing at the host, behind struct mm's back; the
 * first write faults, sets the page's bit and opens it.
 */
#include "nt/mm/mm_int.h"
#include "nt/mm/watch.h"

static bool is_dirty(const struct nt_vad *v, uint64_t page)
{
	return v->dirty[page / 64] >> (page % 64) & 1;
}

bool nt_watch_wrote_locked(struct nt_vad *v, uint64_t at, uint32_t protect)
{
	uint64_t page = pages_of(v->r.start, at);

	if (is_dirty(v, page))
		return false;
	v->dirty[page / 64] |= 1ull << (page % 64);
	return os_vm_close(at, PAGE_SIZE, nt_vm_prot(protect)) == STATUS_SUCCESS;
}

/* Pages [start, end), all written, are watched again. */
static void close_again(struct nt_vad *v, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end;) {
		const struct nt_run *n = nt_run_at(v, at);
		const struct range *next = n != NULL ? NULL : range_next(&v->runs, at);
		uint64_t stop = MIN(end, n != NULL ? n->r.end : next != NULL ? next->start : end);

		if (n != NULL && (nt_vm_prot(n->protect) & VM_WRITE))
			(void)os_vm_close(at, stop - at, nt_vm_prot(n->protect) & ~VM_WRITE);
		at = stop;
	}
}

/* Forgets what was written in [start, end). */
static void reset_locked(struct nt_vad *v, uint64_t start, uint64_t end)
{
	uint64_t from = 0;

	for (uint64_t at = start; at <= end; at += PAGE_SIZE) {
		uint64_t page = pages_of(v->r.start, at);
		bool dirty = at < end && is_dirty(v, page);

		if (dirty) {
			v->dirty[page / 64] &= ~(1ull << (page % 64));
			from = from != 0 ? from : at;
		} else if (from != 0) {
			close_again(v, from, at);
			from = 0;
		}
	}
}

static struct nt_vad *watched_range(struct nt_mm *mm, uint64_t *start, uint64_t *end)
{
	struct nt_vad *v;

	*end = PAGE_UP(*end);
	*start = PAGE_DOWN(*start);
	v = nt_vad_find(mm, *start);
	return v != NULL && (v->flags & VAD_WATCH) && *end <= v->r.end && *start < *end ? v : NULL;
}

NTSTATUS nt_mm_reset_watch(struct nt_mm *mm, uint64_t base, uint64_t size)
{
	uint64_t start = base, end = base + size;
	struct nt_vad *v;

	lock_take(&mm->lock);
	v = watched_range(mm, &start, &end);
	if (v != NULL)
		reset_locked(v, start, end);
	lock_drop(&mm->lock);
	return v != NULL ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTSTATUS nt_mm_written(struct nt_mm *mm, uint64_t *base, uint64_t top, bool reset, uint64_t *out, uint64_t room, uint64_t *count)
{
	uint64_t start = *base, end = top, at;
	struct nt_vad *v;

	*count = 0;
	lock_take(&mm->lock);
	v = watched_range(mm, &start, &end);
	if (v != NULL) {
		for (at = start; at < end && *count < room; at += PAGE_SIZE)
			if (is_dirty(v, pages_of(v->r.start, at)))
				out[(*count)++] = at;
		if (reset)
			reset_locked(v, start, at);
		*base = at;
	}
	lock_drop(&mm->lock);
	return v != NULL ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
