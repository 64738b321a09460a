/* SPDX-License-Identifier: MIT */
/* nt/mm/pin.c - views written back to their files (NtFlushVirtualMemory), pages kept in memory (NtLockVirtualMemory). */
#include "nt/mm/mm_int.h"
#include "nt/mm/section.h"

NTSTATUS nt_mm_sync(struct nt_mm *mm, uint64_t *address, uint64_t *size)
{
	uint64_t start = PAGE_DOWN(*address), end = 0;
	bool of_file = false;
	const struct nt_vad *v;

	lock_take(&mm->lock);
	v = nt_vad_find(mm, start);
	if (v != NULL) {
		end = *size == 0 ? v->r.end : MIN(PAGE_UP(*address + *size), v->r.end);
		of_file = nt_view_is_file(v->view) && v->type == MEM_MAPPED && !(v->flags & VAD_COPY);
	}
	lock_drop(&mm->lock);
	if (v == NULL)
		return STATUS_INVALID_PARAMETER;
	*address = start;
	*size = end - start;
	return of_file ? os_vm_sync(start, end - start) : STATUS_SUCCESS;
}

NTSTATUS nt_mm_pin(struct nt_mm *mm, uint64_t *address, uint64_t *size, bool pin)
{
	uint64_t start = PAGE_DOWN(*address), end;
	NTSTATUS status = STATUS_SUCCESS;
	const struct nt_vad *v;

	if (*size == 0 || ADD_OVERFLOW(*address, *size, &end))
		return STATUS_INVALID_PARAMETER_3;
	end = PAGE_UP(end);
	lock_take(&mm->lock);
	v = nt_vad_find(mm, start);
	if (v == NULL || end > v->r.end || !nt_committed(v, start, end))
		status = STATUS_ACCESS_VIOLATION;
	else if (!pin && !os_vm_is_pinned(start, end - start))
		status = STATUS_NOT_LOCKED;
	if (status == STATUS_SUCCESS)
		status = os_vm_pin(start, end - start, pin);
	lock_drop(&mm->lock);
	if (status == STATUS_SUCCESS) {
		*address = start;
		*size = end - start;
	}
	return status;
}
