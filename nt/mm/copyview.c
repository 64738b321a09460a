/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/copyview.c - pages of views that become the process's own when they are written (PAGE_WRITECOPY).
 *
 * Such a page is closed for writing at the host.  The first write makes it the process's own, sets its bit in v->dirty, and it
 * is shown as PAGE_READWRITE from then on, as Windows does.  Views that are copying as a whole (VAD_COPY) are private mappings and
 * are only opened; of others the one page is replaced.  Images' pages are open from the start: nobody asks which were written.
 */
#include "nt/mm/mm_int.h"
#include "nt/mm/section.h"

static uint32_t as_written(uint32_t protect)
{
	uint32_t rest = protect & ~0xffu;

	switch (protect & 0xff) {
	case PAGE_WRITECOPY:
		return rest | PAGE_READWRITE;
	case PAGE_EXECUTE_WRITECOPY:
		return rest | PAGE_EXECUTE_READWRITE;
	default:
		return protect;
	}
}

static bool is_own(const struct nt_vad *v, uint64_t at)
{
	uint64_t page = pages_of(v->r.start, at);

	return v->dirty != NULL && (v->dirty[page / 64] >> (page % 64) & 1);
}

/* The section's page becomes a private copy. */
static NTSTATUS make_own(const struct nt_vad *v, uint64_t page, uint32_t prot)
{
	const struct nt_section *s = v->view->section;
	uint64_t offset = v->offset + (page - v->r.start);

	if (v->flags & VAD_COPY)
		return os_vm_protect(page, PAGE_SIZE, prot);
	if (s->file != NULL)
		return os_vm_map_file(page, PAGE_SIZE, prot, s->file, offset, false, true);
	(void)os_vm_unmap(page, PAGE_SIZE);
	return os_vm_copy_pages(page, PAGE_SIZE, prot, s->pages, offset);
}

bool nt_copy_wrote_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t at, uint32_t protect)
{
	uint64_t page = pages_of(v->r.start, at);

	if (v->dirty == NULL)
		v->dirty = heap_alloc((pages_of(v->r.start, v->r.end) + 63) / 64 * 8);
	if (v->dirty == NULL || v->view == NULL || !nt_stock_locked(mm))
		return false;
	protect = as_written(protect);
	if (make_own(v, at, nt_vm_prot(protect)) != STATUS_SUCCESS)
		return false;
	v->dirty[page / 64] |= 1ull << (page % 64);
	nt_run_set_locked(mm, v, at, at + PAGE_SIZE, protect);
	return true;
}

NTSTATUS nt_copy_protect_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	NTSTATUS status = STATUS_SUCCESS;

	for (uint64_t at = start, next; status == STATUS_SUCCESS && at < end; at = next) {
		bool own = is_own(v, at);
		uint32_t mine = own ? as_written(protect) : protect;

		for (next = at + PAGE_SIZE; next < end && is_own(v, next) == own;)
			next += PAGE_SIZE;
		status = nt_stock_locked(mm) ? nt_open_pages_locked(v, at, next, mine) : (NTSTATUS)STATUS_NO_MEMORY;
		if (status == STATUS_SUCCESS)
			nt_run_set_locked(mm, v, at, next, mine);
	}
	return status;
}
