/* SPDX-License-Identifier: MIT */
/* nt/ex/waitcalls.c - NtWaitForSingleObject and its kin. */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"

enum { WAIT_ALL, WAIT_ANY };

static NTSTATUS waitable(uint64_t handle, struct ob_object **o)
{
	NTSTATUS status = ob_by_handle(handle, OB_NONE, SYNCHRONIZE, o);

	if (LIKELY(status == STATUS_SUCCESS) && UNLIKELY(!((*o)->flags & OB_WAITABLE))) {
		ob_put(*o);
		status = STATUS_OBJECT_TYPE_MISMATCH;
	}
	return status;
}

/* The references are given back, by kproc if the thread does not come back. */
static NTSTATUS wait_owning(struct nt_thread *t, struct ob_object *const *objects, uint32_t count, bool all, bool alertable, uint64_t deadline)
{
	NTSTATUS status;

	t->wait_owned = 1;
	status = ex_wait(t, objects, count, all, alertable, deadline);
	t->wait_owned = 0;
	return status;
}

NTSTATUS NtWaitForSingleObject(struct nt_thread *t, uint64_t handle, uint8_t alertable, uint64_t timeout)
{
	struct ob_object *o;
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline);

	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	status = waitable(handle, &o);
	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	status = wait_owning(t, &o, 1, false, alertable, deadline);
	ob_put(o);
	return status;
}

static void put_all(struct ob_object *const *objects, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		ob_put(objects[i]);
}

/* References to all.  Pseudo handles only alone: Wine's kernelbase.dll waits for one object by this call, too. */
static NTSTATUS waitables(uint64_t handles, uint32_t count, struct ob_object **objects)
{
	uint64_t handle[NT_WAIT_MAX] UNINIT;
	NTSTATUS status = user_read(handle, handles, count * sizeof *handle);

	for (uint32_t i = 0; status == STATUS_SUCCESS && i < count; i++) {
		status = handle[i] >= UINT64_MAX - 5 && count > 1 ? (NTSTATUS)STATUS_INVALID_HANDLE : waitable(handle[i], &objects[i]);
		if (status != STATUS_SUCCESS)
			put_all(objects, i);
	}
	return status;
}

NTSTATUS NtWaitForMultipleObjects(struct nt_thread *t, uint32_t count, uint64_t handles, uint32_t type, uint8_t alertable, uint64_t timeout)
{
	struct ob_object *objects[NT_WAIT_MAX] UNINIT;
	uint64_t deadline;
	NTSTATUS status;

	if (count == 0 || count > NT_WAIT_MAX)
		return STATUS_INVALID_PARAMETER_1;
	if (type > WAIT_ANY)
		return STATUS_INVALID_PARAMETER_3;
	status = ex_deadline_in(timeout, &deadline);
	if (status == STATUS_SUCCESS)
		status = waitables(handles, count, objects);
	if (status != STATUS_SUCCESS)
		return status;
	status = wait_owning(t, objects, count, type == WAIT_ALL, alertable, deadline);
	put_all(objects, count);
	return status;
}

static NTSTATUS signal_one(struct nt_thread *t, uint64_t handle)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_NONE, 0, &o);
	uint32_t access;

	if (status != STATUS_SUCCESS)
		return status;
	access = o->type == OB_MUTANT ? SYNCHRONIZE : EVENT_MODIFY_STATE;
	if (o->type != OB_MUTANT && o->type != OB_EVENT && o->type != OB_SEMAPHORE)
		status = STATUS_OBJECT_TYPE_MISMATCH;
	else if ((ob_handle_access(t->process, handle) & access) == 0)
		status = STATUS_ACCESS_DENIED;
	else if (o->type == OB_MUTANT)
		status = ex_mutant_release(o, t, NULL);
	else if (o->type == OB_SEMAPHORE)
		status = ex_semaphore_release(o, 1, NULL);
	else
		(void)ex_signal(o, 1);
	ob_put(o);
	return status;
}

NTSTATUS NtSignalAndWaitForSingleObject(struct nt_thread *t, uint64_t signal, uint64_t wait, uint8_t alertable, uint64_t timeout)
{
	struct ob_object *o;
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline);

	if (status == STATUS_SUCCESS)
		status = waitable(wait, &o);
	if (status != STATUS_SUCCESS)
		return status;
	status = signal_one(t, signal);
	if (status == STATUS_SUCCESS)
		status = wait_owning(t, &o, 1, false, alertable, deadline);
	ob_put(o);
	return status;
}
