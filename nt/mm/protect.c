/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/protect.c - page protections: which are valid where, what the host is told, and NtProtectVirtualMemory's core.
 *
 * Closed at the host are guard pages, and for writing pages of watched memory that were not written yet: the faults they
 * make are fault.c's.
 */
#include "nt/mm/mm_int.h"

#define PAGE_TARGETS_INVALID 0x40000000u
#define MODIFIERS            (PAGE_GUARD | PAGE_NOCACHE | PAGE_WRITECOMBINE)
#define WRITECOPIES          (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)

NTSTATUS nt_check_protect(uint32_t protect, bool copies)
{
	uint32_t access = protect & 0xff;

	if (access == 0 || (access & (access - 1)) || (protect & ~(0xffu | MODIFIERS | PAGE_TARGETS_INVALID)))
		return STATUS_INVALID_PAGE_PROTECTION;
	if (access == PAGE_NOACCESS && (protect & MODIFIERS))
		return STATUS_INVALID_PAGE_PROTECTION;
	if ((access & WRITECOPIES) && !copies)
		return STATUS_INVALID_PAGE_PROTECTION;
	if ((protect & PAGE_TARGETS_INVALID) && access < PAGE_EXECUTE)
		return STATUS_INVALID_PAGE_PROTECTION;
	return STATUS_SUCCESS;
}

uint32_t nt_vm_prot(uint32_t protect)
{
	if (protect & PAGE_GUARD)
		return 0;
	switch (protect & 0xff) {
	case PAGE_READONLY:
		return VM_READ;
	case PAGE_READWRITE:
	case PAGE_WRITECOPY:
		return VM_READ | VM_WRITE;
	case PAGE_EXECUTE:
	case PAGE_EXECUTE_READ:
		return VM_READ | VM_EXEC;
	case PAGE_EXECUTE_READWRITE:
	case PAGE_EXECUTE_WRITECOPY:
		return VM_READ | VM_WRITE | VM_EXEC;
	default:
		return 0;
	}
}

/* What a protection asks of the view it is in. */
static uint32_t needs(uint32_t protect)
{
	switch (protect & 0xff) {
	case PAGE_READWRITE:
		return VM_READ | VM_WRITE;
	case PAGE_EXECUTE:
	case PAGE_EXECUTE_READ:
	case PAGE_EXECUTE_WRITECOPY:
		return VM_READ | VM_EXEC;
	case PAGE_EXECUTE_READWRITE:
		return VM_READ | VM_WRITE | VM_EXEC;
	case PAGE_NOACCESS:
		return 0;
	default:
		return VM_READ;
	}
}

bool nt_protect_within(uint32_t protect, uint32_t most)
{
	return (needs(protect) & ~needs(most)) == 0;
}

/* Of watched memory: opens for writing only what was written already. */
static NTSTATUS open_watched(struct nt_vad *v, uint64_t start, uint64_t end, uint32_t prot)
{
	NTSTATUS status = os_vm_protect(start, end - start, prot);

	for (uint64_t at = start, next; status == STATUS_SUCCESS && (prot & VM_WRITE) && at < end; at = next) {
		uint64_t page = pages_of(v->r.start, at);
		bool dirty = v->dirty[page / 64] >> (page % 64) & 1;

		for (next = at; next < end; next += PAGE_SIZE) {
			page = pages_of(v->r.start, next);
			if ((v->dirty[page / 64] >> (page % 64) & 1) != dirty)
				break;
		}
		if (!dirty)
			status = os_vm_close(at, next - at, prot & ~VM_WRITE);
	}
	return status;
}

NTSTATUS nt_open_pages_locked(struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	uint32_t prot = nt_vm_prot(protect);

	if (v->type == MEM_MAPPED && NT_COPIES(protect))
		prot &= ~VM_WRITE;
	return v->flags & VAD_WATCH ? open_watched(v, start, end, prot) : os_vm_protect(start, end - start, prot);
}

#define CACHING (PAGE_NOCACHE | PAGE_WRITECOMBINE)

/* Images have no page that writes to the file. */
static uint32_t as_copy(const struct nt_vad *v, uint32_t protect)
{
	if (v->type != MEM_IMAGE)
		return protect;
	if ((protect & 0xff) == PAGE_READWRITE)
		return (protect & ~0xffu) | PAGE_WRITECOPY;
	if ((protect & 0xff) == PAGE_EXECUTE_READWRITE)
		return (protect & ~0xffu) | PAGE_EXECUTE_WRITECOPY;
	return protect;
}

static NTSTATUS protect_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect, uint32_t *old)
{
	const struct nt_run *first;
	NTSTATUS status;

	if (v == NULL || (v->flags & VAD_FIXED) || end > v->r.end)
		return STATUS_CONFLICTING_ADDRESSES;
	status = nt_check_protect(protect, v->type != MEM_PRIVATE);
	if (status != STATUS_SUCCESS)
		return status;
	if (v->flags & VAD_RESERVED)
		nt_view_sync_locked(mm, v);
	if (!nt_committed(v, start, end))
		return STATUS_NOT_COMMITTED;
	protect = as_copy(v, protect & ~PAGE_TARGETS_INVALID);
	if (v->type == MEM_PRIVATE) /* how it is cached, it was allocated with */
		protect = (protect & ~CACHING) | (v->protect & CACHING);
	if (v->most != 0 && !nt_protect_within(protect, v->most))
		return STATUS_SECTION_PROTECTION;
	if (v->flags & VAD_NO_CHANGE)
		return STATUS_INVALID_PAGE_PROTECTION;
	first = nt_run_at(v, start);
	*old = first->protect;
	if (first->protect == protect && first->r.end >= end)
		return STATUS_SUCCESS;
	if (v->type == MEM_MAPPED && NT_COPIES(protect))
		return nt_copy_protect_locked(mm, v, start, end, protect);
	if (!nt_stock_locked(mm))
		return STATUS_NO_MEMORY;
	status = nt_open_pages_locked(v, start, end, protect);
	if (status == STATUS_SUCCESS)
		nt_run_set_locked(mm, v, start, end, protect);
	return status;
}

NTSTATUS nt_mm_protect(struct nt_mm *mm, uint64_t *address, uint64_t *size, uint32_t protect, uint32_t *old)
{
	uint64_t start = PAGE_DOWN(*address), end;
	NTSTATUS status;

	if (*size == 0)
		return STATUS_INVALID_PARAMETER_3;
	if (ADD_OVERFLOW(*address, *size, &end) || end > NT_USER_TOP)
		return STATUS_INVALID_PARAMETER_3;
	status = nt_check_protect(protect, true);
	if (status != STATUS_SUCCESS)
		return status;
	end = PAGE_UP(end);
	lock_take(&mm->lock);
	status = protect_locked(mm, nt_vad_find(mm, start), start, end, protect, old);
	lock_drop(&mm->lock);
	if (status == STATUS_SUCCESS) {
		*address = start;
		*size = end - start;
	}
	return status;
}
