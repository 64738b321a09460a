/* SPDX-License-Identifier: MIT */
/* nt/ps/set_process.c - NtSetInformationProcess. */
#include "nt/ke/user.h"
#include "nt/mm/mm.h"
#include "nt/os/process.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define PRIORITY_CLASSES 7u /* 1 idle, 2 normal, 3 high, 4 real time, 5 below and 6 above normal */

static NTSTATUS set_affinity(struct nt_process *p, uint64_t mask)
{
	if (mask == 0 || (mask & ~os_cpus_mask()) != 0)
		return STATUS_INVALID_PARAMETER;
	if (p->exit_time != 0)
		return STATUS_PROCESS_IS_TERMINATING;
	lock_take(&p->lock);
	ps_of_process(p)->affinity = mask;
	LIST_FOR (t, &p->threads, struct nt_thread, sibling)
		t->affinity = mask;
	lock_drop(&p->lock);
	return STATUS_SUCCESS;
}

static NTSTATUS set_priority(struct nt_process *p, uint32_t class)
{
	if (class == 0 || class >= PRIORITY_CLASSES)
		return STATUS_INVALID_PARAMETER;
	p->priority_class = class;
	return STATUS_SUCCESS;
}

static NTSTATUS set_in(struct nt_process *p, uint32_t class, uint64_t value)
{
	struct ps_process *ps = ps_of_process(p);

	switch (class) {
	case 12:
		p->error_mode = (uint32_t)value;
		return STATUS_SUCCESS;
	case 18:
		return set_priority(p, value >> 8 & 0xff);
	case 21:
		return set_affinity(p, value);
	case 22:
		ps->boost_off = (uint32_t)value != 0;
		return STATUS_SUCCESS;
	case 29:
		ps->break_on_exit = (uint32_t)value != 0;
		return STATUS_SUCCESS;
	case 31:
		if ((uint32_t)value & ~1u)
			return STATUS_INVALID_PARAMETER;
		ps->debug_not_inherited = !(value & 1);
		return STATUS_SUCCESS;
	case 34:
		return STATUS_INVALID_PARAMETER; /* as execute_flags says: for good */
	case 33:
		if ((uint32_t)value > 4)
			return STATUS_INVALID_PARAMETER;
		ps->io_priority = (uint32_t)value;
		return STATUS_SUCCESS;
	case 39:
		if ((uint32_t)value < 1 || (uint32_t)value > 5)
			return STATUS_INVALID_PARAMETER;
		ps->page_priority = (uint32_t)value;
		return STATUS_SUCCESS;
	default:
		return STATUS_SUCCESS;
	}
}

/* ProcessThreadStackAllocation: a range for a stack, whose pages the caller commits.  The longer form has a header. */
static NTSTATUS reserve_stack(struct nt_thread *t, uint64_t process, uint64_t buffer, uint32_t size)
{
	struct { uint64_t reserve, zero_bits, base; } a;
	uint64_t at = size == 40 ? buffer + 16 : buffer, high;
	NTSTATUS status = size == sizeof a || size == 40 ? user_read(&a, at, sizeof a) : (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH;

	if (status != STATUS_SUCCESS)
		return status;
	if (process != NtCurrentProcess())
		return STATUS_INVALID_PARAMETER;
	a.base = 0;
	status = nt_mm_zero_bits(a.zero_bits, &high);
	if (status == STATUS_SUCCESS)
		status = nt_mm_alloc(t->process->mm, &a.base, &a.reserve, MEM_RESERVE, PAGE_READWRITE, 0, high);
	return status == STATUS_SUCCESS ? user_put64(at + 16, a.base) : status;
}

#define CLASS_INSTRUMENTATION 40u
#define CLASS_STACK           41u
#define CLASS_SYSTEM          1000u /* Wine's */

/* A callback behind each call: there are none, and taking them away is fine.  Once it was the address alone. */
static NTSTATUS set_instrumentation(uint64_t buffer, uint32_t size)
{
	uint64_t callback = 0;
	NTSTATUS status = size == 16 || size == 8 ? user_read(&callback, buffer + size - 8, sizeof callback) : (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH;

	return status == STATUS_SUCCESS && callback != 0 ? (NTSTATUS)STATUS_NOT_SUPPORTED : status;
}

static const struct set_class {
	uint32_t class, size; /* size 0: any */
} set_classes[] = {
	{ 1, 0 }, { 12, 4 }, { 18, 2 }, { 21, 8 }, { 22, 4 }, { 29, 4 }, { 31, 4 }, { 33, 4 }, { 34, 4 }, { 39, 4 },
	/* Taken, and of no effect here: instrumentation, mitigation, power throttling, ... */
	{ 42, 0 }, { CLASS_INSTRUMENTATION, 0 }, { 48, 0 }, { 52, 0 }, { 77, 0 },
};

NTSTATUS NtSetInformationProcess(struct nt_thread *t, uint64_t process, uint32_t class, uint64_t buffer, uint32_t size)
{
	const struct set_class *c = NULL;
	struct ob_object *o = NULL;
	uint64_t value = 0;
	NTSTATUS status;

	if (class == CLASS_STACK)
		return reserve_stack(t, process, buffer, size);
	if (class == CLASS_SYSTEM)
		return size != sizeof(uint64_t) ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : ps_make_system(process, buffer);
	for (unsigned i = 0; i < ARRAY_LEN(set_classes); i++)
		if (set_classes[i].class == class)
			c = &set_classes[i];
	if (c == NULL)
		return STATUS_INVALID_INFO_CLASS;
	if (c->size != 0 && size != c->size)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = class == CLASS_INSTRUMENTATION ? set_instrumentation(buffer, size) : user_read(&value, buffer, MIN(size, sizeof value));
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(process, OB_PROCESS, PROCESS_SET_INFORMATION, &o);
	if (status == STATUS_SUCCESS)
		status = set_in((struct nt_process *)o, class, value);
	ob_put(o);
	return status;
}
