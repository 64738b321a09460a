/* SPDX-License-Identifier: MIT */
/* nt/mm/calls.c - the calls that allocate, free and protect: arguments in, the operation, results out. */
#include "nt/ke/user.h"
#include "nt/mm/call.h"
#include "nt/mm/mm_int.h"
#include "ntcalls.gen.h"

NTSTATUS mm_range_in(struct mm_op *op, uint64_t address_va, uint64_t size_va)
{
	NTSTATUS status = user_read(&op->address, address_va, sizeof op->address);

	return status == STATUS_SUCCESS ? user_read(&op->size, size_va, sizeof op->size) : status;
}

NTSTATUS mm_range_out(const struct mm_op *op, uint64_t address_va, uint64_t size_va)
{
	NTSTATUS status = user_put64(address_va, op->address);

	return status == STATUS_SUCCESS ? user_put64(size_va, op->size) : status;
}

NTSTATUS nt_mm_zero_bits(uint64_t bits, uint64_t *high)
{
	*high = 0;
	if (bits == 0)
		return STATUS_SUCCESS;
	if (bits > 21 && bits < 32)
		return STATUS_INVALID_PARAMETER;
	*high = bits < 32 ? 1ull << (32 - bits) : (UINT64_MAX >> __builtin_clzll(bits)) + 1;
	return STATUS_SUCCESS;
}

NTSTATUS NtAllocateVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t zero_bits, uint64_t size, uint32_t type, uint32_t protect)
{
	struct mm_op op = { .kind = MM_ALLOC, .type = type, .protect = protect };
	NTSTATUS status = mm_range_in(&op, address, size);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	if (nt_mm_zero_bits(zero_bits, &op.where.high) != STATUS_SUCCESS)
		return STATUS_INVALID_PARAMETER_3;
	if (type & (MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER))
		return STATUS_INVALID_PARAMETER;
	status = mm_op(process, PROCESS_VM_OPERATION, &op);
	if (status == STATUS_SUCCESS && (protect & PAGE_GUARD) && process == NtCurrentProcess())
		nt_stack_guarded(op.address, op.size);
	return status == STATUS_SUCCESS ? mm_range_out(&op, address, size) : status;
}

/* ---- Extended parameters ---- */

struct MEM_EXTENDED_PARAMETER {
	uint64_t Type; /* the low 8 bits */
	uint64_t Value;
};
struct MEM_ADDRESS_REQUIREMENTS {
	uint64_t LowestStartingAddress, HighestEndingAddress, Alignment;
};
enum { MemExtendedParameterAddressRequirements = 1, MemExtendedParameterNumaNode, MemExtendedParameterPartitionHandle,
	MemExtendedParameterUserPhysicalHandle, MemExtendedParameterAttributeFlags };

static NTSTATUS requirements_in(uint64_t va, struct nt_place *where)
{
	struct MEM_ADDRESS_REQUIREMENTS r;
	NTSTATUS status = user_read(&r, va, sizeof r);

	if (status != STATUS_SUCCESS)
		return status;
	if ((r.Alignment & (r.Alignment - 1)) || (r.Alignment != 0 && r.Alignment < NT_GRANULE))
		return STATUS_INVALID_PARAMETER;
	if ((r.LowestStartingAddress & (NT_GRANULE - 1)) || (r.HighestEndingAddress != 0 && ((r.HighestEndingAddress + 1) & (PAGE_SIZE - 1))))
		return STATUS_INVALID_PARAMETER;
	if (r.HighestEndingAddress != 0 && (r.HighestEndingAddress <= r.LowestStartingAddress || r.HighestEndingAddress > NT_USER_TOP + 0xffff))
		return STATUS_INVALID_PARAMETER;
	if (r.LowestStartingAddress > NT_USER_TOP)
		return STATUS_INVALID_PARAMETER;
	*where = (struct nt_place){ .low = r.LowestStartingAddress, .high = r.HighestEndingAddress != 0 ? r.HighestEndingAddress + 1 : 0,
		.align = r.Alignment };
	return STATUS_SUCCESS;
}

NTSTATUS mm_parameters_in(uint64_t va, uint32_t count, struct nt_place *where, bool *required)
{
	uint32_t seen = 0;

	*required = false;
	if (count != 0 && va == 0)
		return STATUS_INVALID_PARAMETER;
	for (uint32_t i = 0; i < count; i++) {
		struct MEM_EXTENDED_PARAMETER p;
		NTSTATUS status = user_read(&p, va + i * sizeof p, sizeof p);
		uint32_t type = p.Type & 0xff;

		if (status != STATUS_SUCCESS)
			return status;
		if (type == 0 || type > MemExtendedParameterAttributeFlags || (seen & 1u << type))
			return STATUS_INVALID_PARAMETER;
		seen |= 1u << type;
		if (type == MemExtendedParameterAddressRequirements) {
			status = requirements_in(p.Value, where);
			*required = status == STATUS_SUCCESS && (where->low | where->high | where->align) != 0;
		} else if (type == MemExtendedParameterPartitionHandle || type == MemExtendedParameterUserPhysicalHandle) {
			status = STATUS_NOT_SUPPORTED;
		}
		if (status != STATUS_SUCCESS)
			return status;
	}
	return STATUS_SUCCESS;
}

NTSTATUS NtAllocateVirtualMemoryEx(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t size, uint32_t type, uint32_t protect,
	uint64_t parameters, uint32_t count)
{
	struct mm_op op = { .kind = MM_ALLOC, .type = type, .protect = protect };
	NTSTATUS status = mm_range_in(&op, address, size);
	bool required;

	(void)t;
	if (status == STATUS_SUCCESS)
		status = mm_parameters_in(parameters, count, &op.where, &required);
	if (status != STATUS_SUCCESS)
		return status;
	/* A commit at no address reserves, too. */
	if (required && (op.address != 0 || !(type & (MEM_RESERVE | MEM_COMMIT))))
		return STATUS_INVALID_PARAMETER;
	if ((type & MEM_RESERVE_PLACEHOLDER) && protect != PAGE_NOACCESS)
		return STATUS_INVALID_PARAMETER;
	status = mm_op(process, PROCESS_VM_OPERATION, &op);
	return status == STATUS_SUCCESS ? mm_range_out(&op, address, size) : status;
}

NTSTATUS NtFreeVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t size, uint32_t type)
{
	struct mm_op op = { .kind = MM_FREE, .type = type };
	NTSTATUS status = mm_range_in(&op, address, size);

	(void)t;
	if (status == STATUS_SUCCESS)
		status = mm_op(process, PROCESS_VM_OPERATION, &op);
	return status == STATUS_SUCCESS ? mm_range_out(&op, address, size) : status;
}

NTSTATUS NtProtectVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t size, uint32_t protect, uint64_t old)
{
	struct mm_op op = { .kind = MM_PROTECT, .protect = protect };
	NTSTATUS status = old == 0 ? STATUS_ACCESS_VIOLATION : mm_range_in(&op, address, size);

	(void)t;
	if (status == STATUS_SUCCESS)
		status = user_probe_write(old, 4);
	if (status == STATUS_SUCCESS)
		status = mm_op(process, PROCESS_VM_OPERATION, &op);
	if (status == STATUS_SUCCESS && (protect & PAGE_GUARD) && process == NtCurrentProcess())
		nt_stack_guarded(op.address, op.size);
	if (status == STATUS_SUCCESS)
		status = mm_range_out(&op, address, size);
	return status == STATUS_SUCCESS ? user_put32(old, op.old) : status;
}

/* NtLockVirtualMemory, NtUnlockVirtualMemory, NtFlushVirtualMemory. */
static NTSTATUS range_call(uint32_t kind, uint64_t process, uint64_t address, uint64_t size)
{
	struct mm_op op = { .kind = kind };
	NTSTATUS status = mm_range_in(&op, address, size);

	if (status == STATUS_SUCCESS)
		status = mm_op(process, PROCESS_VM_OPERATION, &op);
	return status == STATUS_SUCCESS ? mm_range_out(&op, address, size) : status;
}

NTSTATUS NtLockVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t size, uint32_t how)
{
	(void)t, (void)how;
	return range_call(MM_LOCK, process, address, size);
}

NTSTATUS NtUnlockVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t size, uint32_t how)
{
	(void)t, (void)how;
	return range_call(MM_UNLOCK, process, address, size);
}

NTSTATUS NtFlushVirtualMemory(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t size, uint64_t io)
{
	NTSTATUS status = range_call(MM_SYNC, process, address, size);

	(void)t;
	return status == STATUS_SUCCESS && io != 0 ? user_io_status(io, STATUS_SUCCESS, 0) : status;
}

/* The CPU sees to it by itself. */
NTSTATUS NtFlushInstructionCache(struct nt_thread *t, uint64_t process, uint64_t address, uint64_t size)
{
	struct nt_process *p;
	NTSTATUS status = mm_process(process, PROCESS_VM_WRITE, &p);

	(void)t, (void)address, (void)size;
	if (status == STATUS_SUCCESS && p != NULL)
		ob_put(&p->ob);
	return status;
}

/* Needs a privilege that the sandbox's user does not have: memory is the host's. */
NTSTATUS NtCreatePagingFile(struct nt_thread *t, uint64_t name, uint64_t minimum, uint64_t maximum, uint64_t actual)
{
	(void)t, (void)name, (void)minimum, (void)maximum, (void)actual;
	return STATUS_PRIVILEGE_NOT_HELD;
}

enum { VmPrefetchInformation, VmPagePriorityInformation };

NTSTATUS NtSetInformationVirtualMemory(struct nt_thread *t, uint64_t process, uint32_t class, uint64_t count, uint64_t ranges, uint64_t info, uint32_t size)
{
	uint32_t flags;
	struct nt_process *p;
	NTSTATUS status;
	uint64_t bytes;

	(void)t;
	if (class != VmPrefetchInformation && class != VmPagePriorityInformation)
		return STATUS_INVALID_PARAMETER_2;
	if (info == 0 || size != sizeof flags)
		return info == 0 ? STATUS_INVALID_PARAMETER_5 : STATUS_INVALID_PARAMETER_6;
	if (count == 0 || ranges == 0)
		return count == 0 ? STATUS_INVALID_PARAMETER_3 : STATUS_ACCESS_VIOLATION;
	status = user_read(&flags, info, sizeof flags);
	for (uint64_t i = 0; status == STATUS_SUCCESS && i < count; i++) { /* MEMORY_RANGE_ENTRY */
		status = user_read(&bytes, ranges + i * 16 + 8, sizeof bytes);
		if (status == STATUS_SUCCESS && bytes == 0)
			status = STATUS_INVALID_PARAMETER_4;
	}
	if (status == STATUS_SUCCESS)
		status = mm_process(process, PROCESS_VM_OPERATION, &p);
	if (status == STATUS_SUCCESS && p != NULL)
		ob_put(&p->ob);
	return status;
}
