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

/* STATUS_PENDING: others know the object, too, or it is to be waited for. */
static NTSTATUS wait_alone(struct nt_thread *t, uint64_t handle, bool alertable, uint64_t deadline)
{
	struct ob_alone a;
	NTSTATUS status;

	if (!ob_alone(t->process, handle, SYNCHRONIZE, 1, &a))
		return STATUS_PENDING;
	status = ex_take_alone(a.object, t);
	ob_alone_end(&a);
	return status == STATUS_PENDING && deadline == 0 && !alertable ? (NTSTATUS)STATUS_TIMEOUT : status;
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

static NTSTATUS wait_one(struct nt_thread *t, uint64_t handle, bool alertable, uint64_t deadline)
{
	struct ob_object *o;
	NTSTATUS status = wait_alone(t, handle, alertable, deadline);

	if (status != STATUS_PENDING)
		return status;
	status = waitable(handle, &o);
	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	status = wait_owning(t, &o, 1, false, alertable, deadline);
	ob_put(o);
	return status;
}

NTSTATUS NtWaitForSingleObject(struct nt_thread *t, uint64_t handle, uint8_t alertable, uint64_t timeout)
{
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline);

	return status == STATUS_SUCCESS ? wait_one(t, handle, alertable != 0, deadline) : status;
}

static void put_all(struct ob_object *const *objects, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		ob_put(objects[i]);
}

/* References to all.  Pseudo handles only alone. */
static NTSTATUS waitables(uint64_t handles, uint32_t count, struct ob_object **objects)
{
	uint64_t handle[NT_WAIT_MAX] UNINIT;
	NTSTATUS status = user_read(handle, handles, count * sizeof *handle);

	for (uint32_t i = 0; status == STATUS_SUCCESS && i < count; i++) {
		status = handle[i] >= UINT64_MAX - 5 ? (NTSTATUS)STATUS_INVALID_HANDLE : waitable(handle[i], &objects[i]);
		if (status != STATUS_SUCCESS)
			put_all(objects, i);
	}
	return status;
}

static NOINLINE NTSTATUS wait_several(struct nt_thread *t, uint32_t count, uint64_t handles, bool all, bool alertable, uint64_t deadline)
{
	struct ob_object *objects[NT_WAIT_MAX] UNINIT;
	NTSTATUS status = waitables(handles, count, objects);

	if (status != STATUS_SUCCESS)
		return status;
	status = wait_owning(t, objects, count, all, alertable, deadline);
	put_all(objects, count);
	return status;
}

NTSTATUS ex_wait_handles(struct nt_thread *t, uint32_t count, uint64_t handles, bool all, bool alertable, uint64_t deadline)
{
	uint64_t handle;
	NTSTATUS status;

	if (count == 0 || count > NT_WAIT_MAX)
		return STATUS_INVALID_PARAMETER_1;
	if (count > 1)
		return wait_several(t, count, handles, all, alertable, deadline);
	status = user_read(&handle, handles, sizeof handle);
	return status == STATUS_SUCCESS ? wait_one(t, handle, alertable, deadline) : status;
}

/* Wine's kernelbase.dll waits for one object by this call, too. */
NTSTATUS NtWaitForMultipleObjects(struct nt_thread *t, uint32_t count, uint64_t handles, uint32_t type, uint8_t alertable, uint64_t timeout)
{
	uint64_t deadline;
	NTSTATUS status;

	if (count == 0 || count > NT_WAIT_MAX)
		return STATUS_INVALID_PARAMETER_1;
	if (type > WAIT_ANY)
		return STATUS_INVALID_PARAMETER_3;
	status = ex_deadline_in(timeout, &deadline);
	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	return ex_wait_handles(t, count, handles, type == WAIT_ALL, alertable != 0, deadline);
}

static NTSTATUS signal_one(struct nt_thread *t, uint64_t handle)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_NONE, 0, &o);
	uint32_t access;
	int32_t before;

	if (status != STATUS_SUCCESS)
		return status;
	access = o->type == OB_MUTANT ? SYNCHRONIZE : EVENT_MODIFY_STATE;
	if (o->type != OB_MUTANT && o->type != OB_EVENT && o->type != OB_SEMAPHORE)
		status = STATUS_OBJECT_TYPE_MISMATCH;
	else if ((ob_handle_access(t->process, handle) & access) == 0)
		status = STATUS_ACCESS_DENIED;
	else if (o->type == OB_MUTANT)
		status = ex_mutant_release(o, t, &before);
	else if (o->type == OB_SEMAPHORE)
		status = ex_semaphore_release(o, 1, &before);
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
