/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/vad.c - the books of an address space: allocations, and in each the runs of committed pages.
 *
 * Places: what has no wish goes bottom-up, small things into low memory, large ones (heaps' reservations, cages)
 * above it, so that they do not lie where DLLs want to be.  Nothing here costs more than a walk down a tree, but for the
 * runs that a range spans.
 */
#include "nt/mm/mm_int.h"
#include "rt/mem.h"

#define LARGE     (16ull << 20)
#define LARGE_LOW 0x400000000ull /* Wine's DLLs have their own places below */

struct nt_vad *nt_vad_find(struct nt_mm *mm, uint64_t addr)
{
	return (struct nt_vad *)range_find(&mm->vads, addr);
}

/* ---- Runs ---- */

bool nt_stock_locked(struct nt_mm *mm)
{
	while (mm->stocked < MM_STOCK) {
		struct nt_run *n = heap_alloc(sizeof *n);

		if (n == NULL)
			return false;
		n->r.left = (struct range *)mm->stock;
		mm->stock = n;
		mm->stocked++;
	}
	return true;
}

static struct nt_run *take_stock(struct nt_mm *mm)
{
	struct nt_run *n = mm->stock;

	ASSERT(n != NULL);
	mm->stock = (struct nt_run *)n->r.left;
	mm->stocked--;
	memset(n, 0, sizeof *n);
	return n;
}

struct nt_run *nt_run_at(const struct nt_vad *v, uint64_t addr)
{
	return (struct nt_run *)range_find(&v->runs, addr);
}

bool nt_committed(const struct nt_vad *v, uint64_t start, uint64_t end)
{
	while (start < end) {
		const struct nt_run *n = nt_run_at(v, start);

		if (n == NULL)
			return false;
		start = n->r.end;
	}
	return true;
}

static void count(struct nt_mm *mm, const struct nt_vad *v, uint64_t start, uint64_t end, int sign)
{
	if (v->type == MEM_PRIVATE)
		mm->process->committed_pages = mm->private_pages += sign > 0 ? pages_of(start, end) : -pages_of(start, end);
}

/* The run that spans at becomes two. */
static void cut_run(struct nt_mm *mm, struct nt_vad *v, uint64_t at)
{
	struct nt_run *n = nt_run_at(v, at), *upper;
	uint64_t end;

	if (n == NULL || n->r.start == at)
		return;
	upper = take_stock(mm);
	end = n->r.end;
	range_resize(&v->runs, &n->r, n->r.start, at);
	upper->r.start = at;
	upper->r.end = end;
	upper->protect = n->protect;
	range_insert(&v->runs, &upper->r);
}

static void drop_run(struct nt_mm *mm, struct nt_vad *v, struct nt_run *n)
{
	range_remove(&v->runs, &n->r);
	if (mm->stocked >= MM_STOCK) {
		heap_free(n);
		return;
	}
	n->r.left = (struct range *)mm->stock;
	mm->stock = n;
	mm->stocked++;
}

/* Joins the run at addr with the one that ends there, if they are alike. */
static void join_runs(struct nt_mm *mm, struct nt_vad *v, uint64_t addr)
{
	struct nt_run *b = nt_run_at(v, addr), *a = addr != 0 ? nt_run_at(v, addr - 1) : NULL;
	uint64_t end;

	if (a == NULL || b == NULL || a == b || a->protect != b->protect)
		return;
	end = b->r.end;
	drop_run(mm, v, b);
	range_resize(&v->runs, &a->r, a->r.start, end);
}

void nt_run_set_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	struct nt_run *n;

	cut_run(mm, v, start);
	cut_run(mm, v, end);
	while ((n = (struct nt_run *)range_next(&v->runs, start)) != NULL && n->r.start < end) {
		count(mm, v, n->r.start, n->r.end, -1);
		drop_run(mm, v, n);
	}
	if (protect == RUN_NOT_COMMITTED)
		return;
	n = take_stock(mm);
	n->r.start = start;
	n->r.end = end;
	n->protect = protect;
	range_insert(&v->runs, &n->r);
	count(mm, v, start, end, 1);
	join_runs(mm, v, start);
	join_runs(mm, v, end);
}

/* ---- Allocations ---- */

const struct nt_place nt_anywhere;

/* Others look at it, without a lock. */
static void count_virtual(struct nt_process *p, const struct nt_vad *v, bool more)
{
	uint64_t size = v->r.end - v->r.start;

	if (v->flags & VAD_FIXED)
		return;
	p->virtual_size += more ? size : -size;
	p->peak_virtual_size = MAX(p->peak_virtual_size, p->virtual_size);
}

static uint64_t find_place(struct nt_mm *mm, uint64_t size, const struct nt_place *p)
{
	uint64_t low = MAX(p->low, NT_USER_LOW), high = p->high != 0 ? MIN(p->high, NT_USER_TOP) : NT_USER_TOP, align = MAX(p->align, NT_GRANULE), at = 0;

	if (p->down)
		return range_hole_down(&mm->vads, low, high, size, align);
	if (size >= LARGE && p->low == 0)
		at = range_hole_up(&mm->vads, LARGE_LOW, high, size, align);
	return at != 0 ? at : range_hole_up(&mm->vads, low, high, size, align);
}

NTSTATUS nt_vad_new_locked(struct nt_mm *mm, uint64_t *at, uint64_t size, const struct nt_vad *what, const struct nt_place *where, struct nt_vad **out)
{
	uint64_t start = *at;
	struct nt_vad *v;

	if (size == 0 || size > NT_USER_TOP)
		return STATUS_NO_MEMORY;
	if (start == 0)
		start = find_place(mm, size, where);
	if (start == 0)
		return STATUS_NO_MEMORY;
	if (start < NT_USER_LOW || start > NT_USER_TOP - size || !range_is_free(&mm->vads, start, start + size))
		return STATUS_CONFLICTING_ADDRESSES;
	v = heap_alloc(sizeof *v);
	if (v == NULL)
		return STATUS_NO_MEMORY;
	*v = *what;
	v->r = (struct range){ .start = start, .end = start + size };
	v->runs = (struct range_tree){ .seed = (uint32_t)(start >> 16) | 1 };
	range_insert(&mm->vads, &v->r);
	count_virtual(mm->process, v, true);
	*at = start;
	*out = v;
	return STATUS_SUCCESS;
}

void nt_vad_remove_locked(struct nt_mm *mm, struct nt_vad *v)
{
	struct nt_run *n;

	while ((n = (struct nt_run *)v->runs.root) != NULL) {
		count(mm, v, n->r.start, n->r.end, -1);
		drop_run(mm, v, n);
	}
	if (v->flags & VAD_WATCH)
		mm->watched--;
	range_remove(&mm->vads, &v->r);
	count_virtual(mm->process, v, false);
	heap_free(v->dirty);
	heap_free(v);
}

/* The upper part's bits of written pages. */
static bool split_dirty(const struct nt_vad *v, struct nt_vad *upper, uint64_t at)
{
	uint64_t first = pages_of(v->r.start, at), n = pages_of(at, v->r.end);

	if (v->dirty == NULL)
		return true;
	upper->dirty = heap_alloc((n + 63) / 64 * 8);
	if (upper->dirty == NULL)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (v->dirty[(first + i) / 64] >> ((first + i) % 64) & 1)
			upper->dirty[i / 64] |= 1ull << (i % 64);
	return true;
}

struct nt_vad *nt_vad_split_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t at)
{
	struct nt_vad *upper = heap_alloc(sizeof *upper);
	struct nt_run *n;

	if (upper == NULL || !nt_stock_locked(mm))
		goto fail;
	*upper = *v;
	upper->dirty = NULL;
	if (!split_dirty(v, upper, at))
		goto fail;
	upper->r = (struct range){ .start = at, .end = v->r.end };
	upper->runs = (struct range_tree){ .seed = v->runs.seed };
	cut_run(mm, v, at);
	while ((n = (struct nt_run *)range_next(&v->runs, at)) != NULL) {
		range_remove(&v->runs, &n->r);
		range_insert(&upper->runs, &n->r);
	}
	range_resize(&mm->vads, &v->r, v->r.start, at);
	range_insert(&mm->vads, &upper->r);
	if (v->flags & VAD_WATCH)
		mm->watched++;
	return upper;
fail:
	heap_free(upper);
	return NULL;
}

/* ---- The whole ---- */

struct nt_mm *nt_mm_new(struct nt_process *p)
{
	static const struct nt_vad ours = { .type = MEM_PRIVATE, .protect = PAGE_NOACCESS, .flags = VAD_FIXED };
	struct nt_mm *mm = heap_alloc(sizeof *mm);
	uint64_t at = BAILEY_LOW;
	struct nt_vad *v;

	if (mm == NULL)
		return NULL;
	memset(mm, 0, sizeof *mm);
	mm->process = p;
	p->virtual_size = 0;
	lock_init(&mm->lock, LOCK_NTVAD);
	mm->vads.seed = (uint32_t)os_vm_random() | 1;
	lock_take(&mm->lock);
	if (nt_vad_new_locked(mm, &at, BAILEY_HIGH - BAILEY_LOW, &ours, &nt_anywhere, &v) != STATUS_SUCCESS)
		v = NULL;
	lock_drop(&mm->lock);
	if (v != NULL)
		return mm;
	heap_free(mm);
	return NULL;
}

uint64_t nt_mm_private_pages(struct nt_mm *mm)
{
	return mm->private_pages;
}
