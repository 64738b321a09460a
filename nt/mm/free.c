/* SPDX-License-Identifier: MIT */
/* nt/mm/free.c - decommitting and releasing, placeholders among it (placeholder.c has the rest of those). */
#include "nt/mm/mm_int.h"
#include "rt/mem.h"

static NTSTATUS decommit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end)
{
	NTSTATUS status;

	if (!nt_stock_locked(mm))
		return STATUS_NO_MEMORY;
	status = os_vm_unmap(start, end - start);
	if (status == STATUS_SUCCESS)
		nt_run_set_locked(mm, v, start, end, RUN_NOT_COMMITTED);
	return status;
}

/* What lies below and above [start, end) of v stays, as allocations of their own. */
static NTSTATUS cut_out_locked(struct nt_mm *mm, struct nt_vad **v, uint64_t start, uint64_t end)
{
	struct nt_vad *mid = *v;

	if (end < mid->r.end && nt_vad_split_locked(mm, mid, end) == NULL)
		return STATUS_NO_MEMORY;
	if (start > mid->r.start) {
		mid = nt_vad_split_locked(mm, mid, start);
		if (mid == NULL)
			return STATUS_NO_MEMORY;
	}
	*v = mid;
	return STATUS_SUCCESS;
}

static NTSTATUS release_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end)
{
	NTSTATUS status = cut_out_locked(mm, &v, start, end);

	if (status == STATUS_SUCCESS)
		(void)nt_vad_unmap_locked(mm, v);
	return status;
}

/* The range that is meant, in one private allocation (or several placeholders): size 0 is all of it. */
static NTSTATUS find_range(struct nt_mm *mm, uint64_t address, uint64_t size, bool several, struct nt_vad **v, uint64_t *start, uint64_t *end)
{
	*start = PAGE_DOWN(address);
	*v = nt_vad_find(mm, *start);
	if (*v == NULL)
		return STATUS_MEMORY_NOT_ALLOCATED;
	if (((*v)->flags & VAD_FIXED) || (*v)->type != MEM_PRIVATE)
		return STATUS_INVALID_PARAMETER;
	if (size == 0 && *start != (*v)->r.start)
		return STATUS_FREE_VM_NOT_AT_BASE;
	*end = size == 0 ? (*v)->r.end : PAGE_UP(address + size);
	if (several)
		return STATUS_SUCCESS;
	if (size > (*v)->r.end - *start)
		return STATUS_UNABLE_TO_FREE_VM;
	return *end > (*v)->r.end ? STATUS_UNABLE_TO_FREE_VM : STATUS_SUCCESS;
}

/* MEM_RELEASE with what shall become of the range. */
static NTSTATUS release_as_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t how)
{
	NTSTATUS status;

	if (how == MEM_COALESCE_PLACEHOLDERS)
		return nt_placeholder_join_locked(mm, start, end);
	if (how == 0 && (v->flags & VAD_PLACEHOLDER))
		return release_locked(mm, v, start, end);
	if (how == 0) /* all of it: VirtualFree's size must be 0, and nobody above us looks */
		return start == v->r.start && end == v->r.end ? release_locked(mm, v, start, end) : (NTSTATUS)STATUS_INVALID_PARAMETER;
	if (v->flags & VAD_PLACEHOLDER) /* a part becomes one of its own */
		return start == v->r.start && end == v->r.end ? (NTSTATUS)STATUS_CONFLICTING_ADDRESSES : cut_out_locked(mm, &v, start, end);
	status = release_locked(mm, v, start, end);
	return status == STATUS_SUCCESS ? nt_placeholder_put_locked(mm, start, end - start) : status;
}

static NTSTATUS check_how(uint32_t type, uint64_t size)
{
	uint32_t how = type & ~(MEM_DECOMMIT | MEM_RELEASE);

	if ((type & (MEM_DECOMMIT | MEM_RELEASE)) == 0 || (type & (MEM_DECOMMIT | MEM_RELEASE)) == (MEM_DECOMMIT | MEM_RELEASE))
		return STATUS_INVALID_PARAMETER_4;
	if (how == 0)
		return STATUS_SUCCESS;
	if (!(type & MEM_RELEASE) || (how != MEM_COALESCE_PLACEHOLDERS && how != MEM_PRESERVE_PLACEHOLDER))
		return STATUS_INVALID_PARAMETER_4;
	return size == 0 ? STATUS_INVALID_PARAMETER_3 : STATUS_SUCCESS;
}

NTSTATUS nt_mm_free_range(struct nt_mm *mm, uint64_t *address, uint64_t *size, uint32_t type)
{
	uint64_t start, end;
	struct nt_vad *v;
	NTSTATUS status = check_how(type, *size);

	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&mm->lock);
	status = find_range(mm, *address, *size, type & MEM_COALESCE_PLACEHOLDERS, &v, &start, &end);
	if (status == STATUS_SUCCESS)
		status = type == MEM_DECOMMIT ? decommit_locked(mm, v, start, end) : release_as_locked(mm, v, start, end, type & ~MEM_RELEASE);
	lock_drop(&mm->lock);
	if (status == STATUS_SUCCESS) {
		*address = start;
		if (*size != 0 || type != MEM_DECOMMIT) /* a whole allocation's size is not told when it is decommitted */
			*size = end - start;
	}
	return status;
}
