/* SPDX-License-Identifier: MIT */
/* nt/mm/query.c - what lies at an address. */
#include "nt/mm/query.h"
#include "nt/mm/mm_int.h"
#include "nt/mm/section.h"
#include "rt/mem.h"

static void basic_free(struct nt_mm *mm, uint64_t at, struct MEMORY_BASIC_INFORMATION *out)
{
	const struct range *next = range_next(&mm->vads, at);

	out->RegionSize = (next != NULL ? next->start : NT_USER_TOP + 0x10000) - at;
	out->State = MEM_FREE;
	out->Protect = PAGE_NOACCESS;
}

static void basic_used(const struct nt_vad *v, uint64_t at, struct MEMORY_BASIC_INFORMATION *out)
{
	const struct nt_run *n = nt_run_at(v, at);
	const struct range *next;

	out->AllocationBase = v->r.start;
	out->AllocationProtect = v->protect;
	out->Type = v->type;
	out->State = n != NULL ? MEM_COMMIT : MEM_RESERVE;
	out->Protect = n != NULL ? n->protect : 0;
	next = n != NULL ? NULL : range_next(&v->runs, at);
	out->RegionSize = (n != NULL ? n->r.end : next != NULL ? next->start : v->r.end) - at;
}

NTSTATUS nt_mm_basic(struct nt_mm *mm, uint64_t address, struct MEMORY_BASIC_INFORMATION *out)
{
	uint64_t at = PAGE_DOWN(address);
	struct nt_vad *v;

	memset(out, 0, sizeof *out);
	if (at >= NT_USER_TOP + 0x10000)
		return STATUS_INVALID_PARAMETER;
	out->BaseAddress = at;
	lock_take(&mm->lock);
	v = nt_vad_find(mm, at);
	if (v != NULL && (v->flags & VAD_RESERVED))
		nt_view_sync_locked(mm, v);
	if (v != NULL)
		basic_used(v, at, out);
	else
		basic_free(mm, at, out);
	lock_drop(&mm->lock);
	return STATUS_SUCCESS;
}

static uint32_t region_type(const struct nt_vad *v)
{
	if (v->type == MEM_IMAGE)
		return REGION_MAPPED_IMAGE;
	if (v->type == MEM_MAPPED)
		return nt_view_is_file(v->view) ? REGION_MAPPED_FILE : 0;
	return v->flags & VAD_PLACEHOLDER ? REGION_PLACEHOLDER : 0;
}

NTSTATUS nt_mm_region(struct nt_mm *mm, uint64_t address, struct MEMORY_REGION_INFORMATION *out)
{
	NTSTATUS status = STATUS_INVALID_ADDRESS;
	const struct nt_vad *v;

	memset(out, 0, sizeof *out);
	lock_take(&mm->lock);
	v = nt_vad_find(mm, address);
	if (v != NULL) {
		out->AllocationBase = v->r.start;
		out->AllocationProtect = v->protect;
		out->RegionType = region_type(v);
		out->RegionSize = v->r.end - v->r.start;
		for (const struct range *n = range_next(&v->runs, 0); n != NULL; n = range_next(&v->runs, n->end))
			out->CommitSize += n->end - n->start;
		status = STATUS_SUCCESS;
	}
	lock_drop(&mm->lock);
	return status;
}

/* A committed page counts as in the working set: what is paged in nobody here knows better. */
void nt_mm_page(struct nt_mm *mm, struct MEMORY_WORKING_SET_EX_INFORMATION *page)
{
	const struct nt_run *n;
	const struct nt_vad *v;

	page->Attributes = 0;
	lock_take(&mm->lock);
	v = nt_vad_find(mm, page->VirtualAddress);
	n = v != NULL ? nt_run_at(v, page->VirtualAddress) : NULL;
	if (n != NULL && !(n->protect & (PAGE_GUARD | PAGE_NOACCESS))) {
		page->Attributes = WORKING_SET_VALID | (uint64_t)(n->protect & 0x7ff) << WORKING_SET_PROTECTION_SHIFT;
		if (v->type != MEM_PRIVATE)
			page->Attributes |= WORKING_SET_SHARED | 1u << WORKING_SET_SHARE_COUNT_SHIFT;
	}
	lock_drop(&mm->lock);
}

void nt_mm_shown_at(struct nt_mm *mm, uint64_t address, struct nt_shown *out)
{
	const struct nt_vad *v;

	memset(out, 0, sizeof *out);
	lock_take(&mm->lock);
	v = nt_vad_find(mm, address);
	if (v != NULL) {
		out->type = v->type;
		out->is_file = v->type == MEM_IMAGE || nt_view_is_file(v->view);
		out->base = v->r.start;
		out->size = v->r.end - v->r.start;
		out->section = v->view != NULL ? nt_view_section(v->view) : NULL;
		if (out->section != NULL)
			ob_get(nt_section_object(out->section));
	}
	lock_drop(&mm->lock);
}
