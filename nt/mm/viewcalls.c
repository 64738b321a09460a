/* SPDX-License-Identifier: MIT */
/* nt/mm/viewcalls.c - mapping and unmapping views, as guests ask for it. */
#include "nt/ke/user.h"
#include "nt/mm/call.h"
#include "nt/mm/query.h"
#include "nt/mm/section.h"
#include "nt/ps/debug.h"
#include "ntcalls.gen.h"

/* What a view with this protection asks of the section's handle. */
static uint32_t section_access(uint32_t protect)
{
	switch (protect & 0xff) {
	case PAGE_READWRITE:
		return SECTION_MAP_WRITE;
	case PAGE_EXECUTE:
	case PAGE_EXECUTE_READ:
	case PAGE_EXECUTE_WRITECOPY:
		return SECTION_MAP_EXECUTE;
	case PAGE_EXECUTE_READWRITE:
		return SECTION_MAP_WRITE | SECTION_MAP_EXECUTE;
	default:
		return SECTION_MAP_READ;
	}
}

static NTSTATUS section_by_handle(uint64_t handle, uint32_t protect, struct nt_section **s)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_SECTION, 0, &o);
	uint32_t granted = ob_handle_access(nt_current_process(), handle), needed = section_access(protect);

	if (status != STATUS_SUCCESS)
		return status;
	*s = (struct nt_section *)o;
	if ((granted & needed) == needed)
		return STATUS_SUCCESS;
	ob_put(o);
	return STATUS_ACCESS_DENIED;
}

static NTSTATUS view_in(struct mm_op *op, uint64_t address, uint64_t offset, uint64_t size)
{
	NTSTATUS status = mm_range_in(op, address, size);

	return status == STATUS_SUCCESS && offset != 0 ? user_read(&op->offset, offset, sizeof op->offset) : status;
}

static NTSTATUS view_out(const struct mm_op *op, uint64_t address, uint64_t offset, uint64_t size)
{
	NTSTATUS status = mm_range_out(op, address, size);

	return status == STATUS_SUCCESS ? user_put64(offset, op->offset) : status;
}

static NTSTATUS map(uint64_t section, uint64_t process, struct mm_op *op)
{
	NTSTATUS status = nt_check_protect(op->protect, true);

	if (status == STATUS_SUCCESS)
		status = section_by_handle(section, op->protect, &op->section);
	if (status != STATUS_SUCCESS)
		return status;
	op->where.down = op->type & MEM_TOP_DOWN;
	if (process == 0) /* MapViewOfFile3 may be given none, and Wine's hands that on */
		process = NtCurrentProcess();
	status = mm_op(process, PROCESS_VM_OPERATION, op);
	if (NT_SUCCESS(status) && process == NtCurrentProcess() && (op->section->attributes & SEC_IMAGE) && ps_is_debugged(nt_current_process()))
		ps_debug_load(nt_current(), op->address, op->section);
	ob_put(nt_section_object(op->section));
	return status;
}

#define MAP_TYPES (MEM_RESERVE | MEM_TOP_DOWN | MEM_LARGE_PAGES)

NTSTATUS NtMapViewOfSection(struct nt_thread *t, uint64_t section, uint64_t process, uint64_t address, uint64_t zero_bits, uint64_t commit, uint64_t offset,
	uint64_t size, uint32_t inherit, uint32_t type, uint32_t protect)
{
	struct mm_op op = { .kind = MM_MAP, .type = type, .protect = protect };
	NTSTATUS status = view_in(&op, address, offset, size);

	(void)t, (void)commit;
	if (status != STATUS_SUCCESS)
		return status;
	if (nt_mm_zero_bits(zero_bits, &op.where.high) != STATUS_SUCCESS)
		return STATUS_INVALID_PARAMETER_4;
	if (op.where.high != 0 && op.address >= op.where.high)
		return STATUS_INVALID_PARAMETER_4;
	if (inherit != 1 && inherit != 2)
		return STATUS_INVALID_PARAMETER_8;
	if (type & ~MAP_TYPES)
		return STATUS_INVALID_PARAMETER_9;
	status = map(section, process, &op);
	if (NT_SUCCESS(status)) {
		NTSTATUS written = view_out(&op, address, offset, size);

		status = written != STATUS_SUCCESS ? written : status;
	}
	return status;
}

NTSTATUS NtMapViewOfSectionEx(struct nt_thread *t, uint64_t section, uint64_t process, uint64_t address, uint64_t offset, uint64_t size, uint32_t type,
	uint32_t protect, uint64_t parameters, uint32_t count)
{
	struct mm_op op = { .kind = MM_MAP, .type = type, .protect = protect };
	NTSTATUS status = view_in(&op, address, offset, size);
	bool required;

	(void)t;
	if (status == STATUS_SUCCESS)
		status = mm_parameters_in(parameters, count, &op.where, &required);
	if (status != STATUS_SUCCESS)
		return status;
	if ((required && op.address != 0) || (type & ~(MAP_TYPES | MEM_REPLACE_PLACEHOLDER | MEM_DIFFERENT_IMAGE_BASE_OK)))
		return STATUS_INVALID_PARAMETER;
	status = map(section, process, &op);
	if (NT_SUCCESS(status)) {
		NTSTATUS written = view_out(&op, address, offset, size);

		status = written != STATUS_SUCCESS ? written : status;
	}
	return status;
}

/* Where the image begins that has address; 0: there is none. */
static uint64_t image_at(struct nt_mm *mm, uint64_t address)
{
	struct nt_shown shown;

	nt_mm_shown_at(mm, address, &shown);
	if (shown.section != NULL)
		ob_put(nt_section_object(shown.section));
	return shown.type == MEM_IMAGE ? shown.base : 0;
}

NTSTATUS NtUnmapViewOfSectionEx(struct nt_thread *t, uint64_t process, uint64_t address, uint32_t flags)
{
	struct mm_op op = { .kind = MM_UNMAP, .address = address, .type = flags };

	uint64_t image = 0;
	NTSTATUS status;

	if (flags & ~(MEM_PRESERVE_PLACEHOLDER | 1u /* MEM_UNMAP_WITH_TRANSIENT_BOOST */))
		return STATUS_INVALID_PARAMETER;
	if (process == NtCurrentProcess() && ps_is_debugged(t->process))
		image = image_at(t->process->mm, address);
	status = mm_op(process, PROCESS_VM_OPERATION, &op);
	if (status == STATUS_SUCCESS && image != 0)
		ps_debug_unload(t, image);
	return status;
}

NTSTATUS NtUnmapViewOfSection(struct nt_thread *t, uint64_t process, uint64_t address)
{
	return NtUnmapViewOfSectionEx(t, process, address, 0);
}

/* The first is an image, and the second shows the same file, in whatever way. */
NTSTATUS NtAreMappedFilesTheSame(struct nt_thread *t, uint64_t address1, uint64_t address2)
{
	struct nt_mm *mm = t->process->mm;
	struct nt_shown a, b;
	NTSTATUS status = STATUS_NOT_SAME_DEVICE;

	nt_mm_shown_at(mm, address1, &a);
	nt_mm_shown_at(mm, address2, &b);
	if (a.type == 0 || b.type == 0)
		status = STATUS_INVALID_ADDRESS;
	else if (!a.is_file || !b.is_file)
		status = STATUS_CONFLICTING_ADDRESSES;
	else if (a.base == b.base)
		status = STATUS_SUCCESS;
	else if (a.type == MEM_IMAGE && a.section != NULL && b.section != NULL && os_vm_file_same(a.section->file, b.section->file))
		status = STATUS_SUCCESS;
	if (a.section != NULL)
		ob_put(nt_section_object(a.section));
	if (b.section != NULL)
		ob_put(nt_section_object(b.section));
	return status;
}
