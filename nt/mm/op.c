/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/op.c - operations on a process's memory, by handle.
 *
 * A process's books are its own private memory, and only its own picoprocess can map for it.  For another process the operation
 * is copied to it, a thread of it does it on its way to the guest or from inside a wait, and the answer comes back (nt/os/remote.h).
 */
#include "nt/mm/mm_int.h"
#include "nt/mm/query.h"
#include "nt/mm/section.h"
#include "nt/os/remote.h"
#include "rt/mem.h"

static NTSTATUS run_map(struct nt_mm *mm, struct mm_op *op)
{
	struct nt_view_wish w = { .section = op->section, .base = op->address, .offset = op->offset, .size = op->size, .protect = op->protect,
		.type = op->type, .where = op->where };
	NTSTATUS status = nt_mm_map_view(mm, &w);

	op->address = w.base;
	op->offset = w.offset;
	op->size = w.size;
	return status;
}

static NTSTATUS run_alloc(struct nt_mm *mm, struct mm_op *op)
{
	struct nt_alloc_wish a = { .address = op->address, .size = op->size, .type = op->type, .protect = op->protect, .where = op->where };
	NTSTATUS status = nt_mm_alloc_wish(mm, &a);

	op->address = a.address;
	op->size = a.size;
	return status;
}

/* MM_SECTION_AT: the section that is shown; MM_IMAGE_AT: where an image lies. */
static NTSTATUS run_shown(struct nt_mm *mm, struct mm_op *op)
{
	struct nt_shown shown;

	nt_mm_shown_at(mm, op->address, &shown);
	op->address = shown.base;
	op->size = shown.size;
	op->section = shown.section;
	if (op->kind == MM_SECTION_AT)
		return op->section != NULL ? STATUS_SUCCESS : STATUS_INVALID_ADDRESS;
	if (op->section != NULL)
		ob_put(nt_section_object(op->section));
	op->section = NULL;
	return shown.type == MEM_IMAGE ? STATUS_SUCCESS : STATUS_INVALID_ADDRESS;
}

static NTSTATUS run_query(struct nt_mm *mm, struct mm_op *op)
{
	_Static_assert(sizeof op->answer >= sizeof(struct MEMORY_BASIC_INFORMATION) && sizeof op->answer >= sizeof(struct MEMORY_REGION_INFORMATION),
		"answers fit");
	switch (op->kind) {
	case MM_BASIC:
		return nt_mm_basic(mm, op->address, (void *)op->answer);
	case MM_REGION:
		return nt_mm_region(mm, op->address, (void *)op->answer);
	case MM_PAGE:
		op->answer[0] = op->address;
		nt_mm_page(mm, (void *)op->answer);
		return STATUS_SUCCESS;
	default:
		return run_shown(mm, op);
	}
}

static NTSTATUS run(struct nt_mm *mm, struct mm_op *op)
{
	switch (op->kind) {
	case MM_ALLOC:
		return run_alloc(mm, op);
	case MM_FREE:
		return nt_mm_free_range(mm, &op->address, &op->size, op->type);
	case MM_PROTECT:
		return nt_mm_protect(mm, &op->address, &op->size, op->protect, &op->old);
	case MM_MAP:
		return run_map(mm, op);
	case MM_UNMAP:
		return nt_mm_unmap_view(mm, op->address, op->type & MEM_PRESERVE_PLACEHOLDER);
	case MM_SYNC:
		return nt_mm_sync(mm, &op->address, &op->size);
	case MM_LOCK:
	case MM_UNLOCK:
		return nt_mm_pin(mm, &op->address, &op->size, op->kind == MM_LOCK);
	default:
		return run_query(mm, op);
	}
}

void nt_remote_run(void *data, uint64_t size)
{
	struct mm_op *op = data;

	ASSERT(size == sizeof *op);
	op->status = run(nt_current_process()->mm, op);
}

NTSTATUS mm_process(uint64_t handle, uint32_t access, struct nt_process **p)
{
	struct ob_object *o;
	NTSTATUS status;

	*p = NULL;
	if (handle == NtCurrentProcess())
		return STATUS_SUCCESS;
	status = ob_by_handle(handle, OB_PROCESS, access, &o);
	if (status != STATUS_SUCCESS)
		return status;
	if (o == &nt_current_process()->ob)
		ob_put(o);
	else
		*p = (struct nt_process *)o;
	return STATUS_SUCCESS;
}

NTSTATUS mm_op(uint64_t process, uint32_t access, struct mm_op *op)
{
	struct nt_process *p;
	NTSTATUS status = mm_process(process, access, &p);

	if (status != STATUS_SUCCESS)
		return status;
	if (p == NULL)
		return run(nt_current_process()->mm, op);
	status = os_remote_run(p->lx, op, sizeof *op);
	ob_put(&p->ob);
	return status == STATUS_SUCCESS ? op->status : status;
}
