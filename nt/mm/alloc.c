/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/alloc.c - reserving, committing, decommitting and releasing.
 *
 * Committed private pages are mapped at the host, reserved ones are not.  A commit over pages of which some are there maps the
 * holes first; if one cannot be had, those before it are unmapped again and nothing has changed.
 */
#include "nt/mm/mm_int.h"
#include "nt/ps/ps.h"
#include "rt/mem.h"

/* ---- Commit ---- */

/* The next part of [at, end) without a run: false if there is none. */
static bool next_hole(const struct nt_vad *v, uint64_t at, uint64_t end, uint64_t *from, uint64_t *to)
{
	const struct range *n;

	while ((n = range_find(&v->runs, at)) != NULL && n->end < end)
		at = n->end;
	if (n != NULL || at >= end)
		return false;
	n = range_next(&v->runs, at);
	*from = at;
	*to = n != NULL ? MIN(n->start, end) : end;
	return true;
}

static NTSTATUS map_holes(struct nt_vad *v, uint64_t start, uint64_t end, uint32_t prot)
{
	NTSTATUS status = STATUS_SUCCESS;
	uint64_t from, to;

	for (uint64_t at = start; status == STATUS_SUCCESS && next_hole(v, at, end, &from, &to); at = to) {
		status = os_vm_map(from, to - from, prot);
		if (status != STATUS_SUCCESS)
			end = from;
	}
	if (status == STATUS_SUCCESS)
		return status;
	for (uint64_t at = start; next_hole(v, at, end, &from, &to); at = to)
		(void)os_vm_unmap(from, to - from);
	return status;
}

/* Were any of these pages there before? */
static bool has_runs(const struct nt_vad *v, uint64_t start, uint64_t end)
{
	return !range_is_free(&v->runs, start, end);
}

/* The limits of the process's job, if it is in one. */
static bool may_commit(const struct nt_mm *mm, const struct nt_vad *v, uint64_t start, uint64_t end)
{
	uint64_t from, to, bytes = 0;

	if (LIKELY(mm->process->job == NULL) || v->type != MEM_PRIVATE)
		return true;
	for (uint64_t at = start; next_hole(v, at, end, &from, &to); at = to)
		bytes += to - from;
	return ps_job_may_commit(mm->process, bytes);
}

NTSTATUS nt_commit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	bool mixed = has_runs(v, start, end) || (v->flags & VAD_WATCH);
	NTSTATUS status;

	if (!nt_stock_locked(mm))
		return STATUS_NO_MEMORY;
	if (!may_commit(mm, v, start, end))
		return STATUS_COMMITMENT_LIMIT;
	status = map_holes(v, start, end, nt_vm_prot(protect));
	if (status == STATUS_SUCCESS && mixed)
		status = nt_open_pages_locked(v, start, end, protect);
	if (status == STATUS_SUCCESS)
		nt_run_set_locked(mm, v, start, end, protect);
	return status;
}

/* ---- NtAllocateVirtualMemory ---- */

struct wish {
	uint64_t start, end; /* start 0: anywhere */
	uint64_t size;
	uint32_t type, protect;
	struct nt_place where;
};

static NTSTATUS new_bits(struct nt_vad *what, uint64_t size)
{
	if (!(what->flags & VAD_WATCH))
		return STATUS_SUCCESS;
	what->dirty = heap_alloc(((size >> PAGE_SHIFT) + 63) / 64 * 8);
	return what->dirty != NULL ? (NTSTATUS)STATUS_SUCCESS : STATUS_NO_MEMORY;
}

/* Anew: reserved, and committed if that was asked for too. */
static NTSTATUS reserve_locked(struct nt_mm *mm, struct wish *w)
{
	struct nt_vad what = { .type = MEM_PRIVATE, .protect = w->protect, .flags = w->type & MEM_WRITE_WATCH ? VAD_WATCH : 0 }, *v;
	NTSTATUS status;

	if (w->type & MEM_RESERVE_PLACEHOLDER)
		what.flags |= VAD_PLACEHOLDER;
	status = new_bits(&what, w->size);
	if (status == STATUS_SUCCESS && (w->type & MEM_REPLACE_PLACEHOLDER))
		status = nt_placeholder_take_locked(mm, w->start, w->size, &what, &v);
	else if (status == STATUS_SUCCESS)
		status = nt_vad_new_locked(mm, &w->start, w->size, &what, &w->where, &v);
	if (status != STATUS_SUCCESS) {
		heap_free(what.dirty);
		return status;
	}
	if (what.flags & VAD_WATCH)
		mm->watched++;
	w->end = w->start + w->size;
	if (w->type & MEM_COMMIT)
		status = nt_commit_locked(mm, v, w->start, w->end, w->protect);
	if (status != STATUS_SUCCESS)
		nt_vad_remove_locked(mm, v);
	return status;
}

/* In an allocation there is. */
static NTSTATUS commit_locked(struct nt_mm *mm, const struct wish *w)
{
	struct nt_vad *v = nt_vad_find(mm, w->start);

	if (v == NULL || (v->flags & (VAD_FIXED | VAD_PLACEHOLDER)) || w->end > v->r.end)
		return STATUS_CONFLICTING_ADDRESSES;
	if (v->type == MEM_PRIVATE && NT_COPIES(w->protect))
		return STATUS_INVALID_PAGE_PROTECTION;
	if (v->type != MEM_PRIVATE)
		return nt_view_commit_locked(mm, v, w->start, w->end, w->protect);
	return nt_commit_locked(mm, v, w->start, w->end, w->protect);
}

/* MEM_RESET: what is in the pages, if there are any, is not needed any more.  They keep it, which is allowed. */
static NTSTATUS reset_locked(struct nt_mm *mm, const struct wish *w)
{
	const struct nt_vad *v = nt_vad_find(mm, w->start);

	return v == NULL || w->end > v->r.end ? STATUS_CONFLICTING_ADDRESSES : STATUS_SUCCESS;
}

#define PLACEHOLDERS (MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER)
#define ALLOC_TYPES (MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_RESET_UNDO | MEM_TOP_DOWN | MEM_WRITE_WATCH | PLACEHOLDERS)

static NTSTATUS check_type(uint32_t type)
{
	if (type & ~ALLOC_TYPES)
		return type & (MEM_LARGE_PAGES | MEM_PHYSICAL) ? STATUS_PRIVILEGE_NOT_HELD : STATUS_INVALID_PARAMETER_5;
	if (type & (MEM_RESET | MEM_RESET_UNDO))
		return (type & (MEM_RESET | MEM_RESET_UNDO)) == type ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER_5;
	if (!(type & (MEM_COMMIT | MEM_RESERVE)))
		return STATUS_INVALID_PARAMETER_5;
	if ((type & (MEM_WRITE_WATCH | PLACEHOLDERS)) && !(type & MEM_RESERVE))
		return STATUS_INVALID_PARAMETER_5;
	if ((type & MEM_RESERVE_PLACEHOLDER) && (type & (MEM_COMMIT | MEM_WRITE_WATCH | MEM_REPLACE_PLACEHOLDER)))
		return STATUS_INVALID_PARAMETER_5;
	return STATUS_SUCCESS;
}

static NTSTATUS wish_range(struct wish *w, uint64_t address, uint64_t size)
{
	uint64_t edge = (w->type & (MEM_RESERVE | MEM_REPLACE_PLACEHOLDER)) == MEM_RESERVE ? NT_GRANULE : PAGE_SIZE;

	if (size == 0 || size > NT_USER_TOP)
		return STATUS_INVALID_PARAMETER_4;
	w->start = ALIGN_DOWN(address, edge);
	if (address != 0 && w->start < NT_USER_LOW)
		return STATUS_INVALID_PARAMETER_2;
	if (address > NT_USER_TOP || size > NT_USER_TOP - address)
		return address > NT_USER_TOP ? STATUS_INVALID_PARAMETER_2 : STATUS_INVALID_PARAMETER_4;
	w->end = PAGE_UP(address + size);
	w->size = w->end - w->start;
	return STATUS_SUCCESS;
}

NTSTATUS nt_mm_alloc_wish(struct nt_mm *mm, struct nt_alloc_wish *a)
{
	struct wish w = { .type = a->type, .protect = a->protect & 0x7ffu, .where = a->where };
	NTSTATUS status = check_type(a->type);

	if (status == STATUS_SUCCESS)
		status = nt_check_protect(a->protect, a->address != 0 && !(a->type & MEM_RESERVE));
	if (status == STATUS_SUCCESS)
		status = wish_range(&w, a->address, a->size);
	if (status == STATUS_SUCCESS && w.start == 0 && (w.type & MEM_REPLACE_PLACEHOLDER))
		status = STATUS_INVALID_PARAMETER_2;
	if (status != STATUS_SUCCESS)
		return status;
	if (w.start == 0)
		w.type |= MEM_RESERVE;
	w.where.down = w.type & MEM_TOP_DOWN;
	lock_take(&mm->lock);
	if (a->type & (MEM_RESET | MEM_RESET_UNDO))
		status = reset_locked(mm, &w);
	else
		status = w.type & MEM_RESERVE ? reserve_locked(mm, &w) : commit_locked(mm, &w);
	lock_drop(&mm->lock);
	if (status == STATUS_SUCCESS) {
		a->address = w.start;
		a->size = w.size;
	}
	return status;
}

NTSTATUS nt_mm_alloc(struct nt_mm *mm, uint64_t *address, uint64_t *size, uint32_t type, uint32_t protect, uint64_t low, uint64_t high)
{
	struct nt_alloc_wish a = { .address = *address, .size = *size, .type = type, .protect = protect, .where = { .low = low, .high = high } };
	NTSTATUS status = nt_mm_alloc_wish(mm, &a);

	if (status == STATUS_SUCCESS) {
		*address = a.address;
		*size = a.size;
	}
	return status;
}

/* ---- Memory that others map ---- */

NTSTATUS nt_mm_reserve(struct nt_mm *mm, uint64_t *address, uint64_t size, uint32_t type, uint32_t protect, uint64_t low, uint64_t high)
{
	struct nt_vad what = { .type = type, .protect = protect, .flags = type == MEM_IMAGE ? VAD_COPY : 0 }, *v;
	const struct nt_place where = { .low = low, .high = high };
	NTSTATUS status;

	lock_take(&mm->lock);
	status = nt_vad_new_locked(mm, address, PAGE_UP(size), &what, &where, &v);
	lock_drop(&mm->lock);
	return status;
}

NTSTATUS nt_mm_mapped(struct nt_mm *mm, uint64_t address, uint64_t size, uint32_t protect)
{
	uint64_t start = PAGE_DOWN(address), end = PAGE_UP(address + size);
	NTSTATUS status = STATUS_CONFLICTING_ADDRESSES;
	struct nt_vad *v;

	lock_take(&mm->lock);
	v = nt_vad_find(mm, start);
	if (v != NULL && end <= v->r.end && end > start)
		status = nt_stock_locked(mm) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
	if (status == STATUS_SUCCESS)
		nt_run_set_locked(mm, v, start, end, protect);
	lock_drop(&mm->lock);
	return status;
}

struct nt_view *nt_vad_unmap_locked(struct nt_mm *mm, struct nt_vad *v)
{
	struct nt_view *view = v->view;

	if (v->runs.root != NULL || v->type != MEM_PRIVATE)
		(void)os_vm_unmap(v->r.start, v->r.end - v->r.start);
	nt_vad_remove_locked(mm, v);
	return view;
}

NTSTATUS nt_mm_release(struct nt_mm *mm, uint64_t address)
{
	struct nt_view *view = NULL;
	NTSTATUS status = STATUS_CONFLICTING_ADDRESSES;
	struct nt_vad *v;

	lock_take(&mm->lock);
	v = nt_vad_find(mm, address);
	if (v != NULL && v->r.start == address && !(v->flags & VAD_FIXED)) {
		view = nt_vad_unmap_locked(mm, v);
		status = STATUS_SUCCESS;
	}
	lock_drop(&mm->lock);
	nt_view_put(view);
	return status;
}

/* ---- Stacks ---- */

#define STACK_RESERVE 0x100000u
#define STACK_COMMIT  0x10000u

NTSTATUS nt_mm_stack(struct nt_mm *mm, uint64_t reserve, uint64_t commit, uint64_t high, struct nt_stack *out)
{
	uint64_t size = ALIGN_UP(reserve != 0 ? reserve : STACK_RESERVE, NT_GRANULE), at = 0, top, low;
	struct nt_vad what = { .type = MEM_PRIVATE, .protect = PAGE_READWRITE }, *v;
	const struct nt_place where = { .high = high };
	NTSTATUS status;

	commit = PAGE_UP(commit != 0 ? commit : STACK_COMMIT);
	size = MAX(size, ALIGN_UP(commit + 2 * PAGE_SIZE, NT_GRANULE));
	lock_take(&mm->lock);
	status = nt_vad_new_locked(mm, &at, size, &what, &where, &v);
	if (status == STATUS_SUCCESS) {
		top = at + size;
		low = top - commit;
		status = nt_commit_locked(mm, v, low - PAGE_SIZE, top, PAGE_READWRITE);
		if (status == STATUS_SUCCESS)
			status = nt_commit_locked(mm, v, low - PAGE_SIZE, low, PAGE_READWRITE | PAGE_GUARD);
		if (status == STATUS_SUCCESS)
			*out = (struct nt_stack){ .base = top, .limit = low, .allocation = at };
		else
			(void)nt_vad_unmap_locked(mm, v);
	}
	lock_drop(&mm->lock);
	return status;
}
