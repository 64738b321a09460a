/* SPDX-License-Identifier: MIT */
/* nt/ex/event.c - events and semaphores: nothing but an object's head, and a semaphore's limit. */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"

enum { NotificationEvent, SynchronizationEvent };

const struct ob_type ob_type_event = { .name = "Event", .read = READ_CONTROL | EVENT_QUERY_STATE, .write = READ_CONTROL | EVENT_MODIFY_STATE,
	.execute = READ_CONTROL | SYNCHRONIZE, .all = EVENT_ALL_ACCESS, .waitable = true, .alone = true };

struct ob_object *ex_event_new(bool automatic)
{
	struct ob_object *o = ob_alloc(OB_EVENT, sizeof *o);

	if (o != NULL && automatic)
		o->flags |= OB_AUTO;
	return o;
}

NTSTATUS ex_answer(uint64_t va, uint32_t room, const void *from, uint32_t size, uint64_t returned_va)
{
	NTSTATUS status;

	if (room != size)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = user_write(va, from, size);
	return status == STATUS_SUCCESS ? user_put32(returned_va, size) : status;
}

NTSTATUS NtCreateEvent(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint32_t type, uint8_t state)
{
	struct ob_object *o;

	if (ob_handle_clear(handle) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	if (type > SynchronizationEvent)
		return STATUS_INVALID_PARAMETER;
	o = ex_event_new(type == SynchronizationEvent);
	if (o == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	o->signal = state != 0;
	return ob_create_handle(attributes, access, o, handle);
}

NTSTATUS NtOpenEvent(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	return ob_open_handle(attributes, access, OB_EVENT, handle);
}

/* False: others know the event, too. */
static bool swap_alone(struct nt_thread *t, uint64_t handle, int32_t n, int32_t *was)
{
	struct ob_alone a;
	bool is_event;

	if (!ob_alone(t->process, handle, EVENT_MODIFY_STATE, 1, &a))
		return false;
	is_event = a.object->type == OB_EVENT;
	if (LIKELY(is_event)) {
		*was = a.object->signal;
		a.object->signal = n;
	}
	ob_alone_end(&a);
	return is_event;
}

static NTSTATUS change(uint64_t handle, uint64_t before, int32_t (*how)(struct ob_object *o))
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_EVENT, EVENT_MODIFY_STATE, &o);
	int32_t was;

	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	was = how(o);
	ob_put(o);
	return user_put32(before, (uint32_t)was);
}

static int32_t set(struct ob_object *o)
{
	return ex_signal(o, 1);
}

NTSTATUS NtSetEvent(struct nt_thread *t, uint64_t handle, uint64_t before)
{
	int32_t was;

	return swap_alone(t, handle, 1, &was) ? user_put32(before, (uint32_t)was) : change(handle, before, set);
}

NTSTATUS NtResetEvent(struct nt_thread *t, uint64_t handle, uint64_t before)
{
	int32_t was;

	return swap_alone(t, handle, 0, &was) ? user_put32(before, (uint32_t)was) : change(handle, before, ex_clear);
}

NTSTATUS NtClearEvent(struct nt_thread *t, uint64_t handle)
{
	return change(handle, 0, ex_clear);
}

NTSTATUS NtPulseEvent(struct nt_thread *t, uint64_t handle, uint64_t before)
{
	return change(handle, before, ex_pulse);
}

NTSTATUS NtQueryEvent(struct nt_thread *t, uint64_t handle, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct {
		uint32_t EventType;
		int32_t EventState;
	} b;
	struct ob_object *o;
	NTSTATUS status;

	if (class != 0)
		return STATUS_INVALID_INFO_CLASS;
	if (size != sizeof b)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = ob_by_handle(handle, OB_EVENT, EVENT_QUERY_STATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	b.EventType = o->flags & OB_AUTO ? SynchronizationEvent : NotificationEvent;
	b.EventState = __atomic_load_n(&o->signal, __ATOMIC_RELAXED);
	ob_put(o);
	return ex_answer(buffer, size, &b, sizeof b, returned);
}

/* ---- Semaphores ---- */

struct ex_semaphore {
	struct ob_object ob;
	int32_t limit; /* [I] */
};

static NTSTATUS semaphore_take(struct ob_object *o, struct nt_thread *t)
{
	o->signal--;
	return STATUS_SUCCESS;
}

const struct ob_type ob_type_semaphore = { .name = "Semaphore", .read = READ_CONTROL | SEMAPHORE_QUERY_STATE,
	.write = READ_CONTROL | SEMAPHORE_MODIFY_STATE, .execute = READ_CONTROL | SYNCHRONIZE, .all = STANDARD_RIGHTS_ALL | 3, .waitable = true,
	.alone = true, .take = semaphore_take };

NTSTATUS NtCreateSemaphore(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, int32_t count, int32_t limit)
{
	struct ex_semaphore *s;

	if (ob_handle_clear(handle) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	if (limit <= 0 || count < 0 || count > limit)
		return STATUS_INVALID_PARAMETER;
	s = ob_alloc(OB_SEMAPHORE, sizeof *s);
	if (s == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	s->ob.signal = count;
	s->limit = limit;
	return ob_create_handle(attributes, access, &s->ob, handle);
}

NTSTATUS NtOpenSemaphore(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	return ob_open_handle(attributes, access, OB_SEMAPHORE, handle);
}

/* False: the limit. */
static bool semaphore_add(struct ob_object *o, int32_t n, int32_t *before)
{
	const struct ex_semaphore *s = (struct ex_semaphore *)o;

	*before = o->signal;
	if (n > s->limit - o->signal)
		return false;
	o->signal += n;
	return true;
}

NTSTATUS ex_semaphore_release(struct ob_object *o, int32_t n, int32_t *before)
{
	bool fits;

	lock_take(&o->lock);
	fits = semaphore_add(o, n, before);
	if (fits && !list_empty(&o->waiters))
		ex_satisfy(o);
	lock_drop(&o->lock);
	return fits ? (NTSTATUS)STATUS_SUCCESS : STATUS_SEMAPHORE_LIMIT_EXCEEDED;
}

/* STATUS_PENDING: others know it, too. */
static NTSTATUS release_alone(struct nt_thread *t, uint64_t handle, int32_t n, int32_t *was)
{
	struct ob_alone a;
	NTSTATUS status = STATUS_PENDING;

	if (!ob_alone(t->process, handle, SEMAPHORE_MODIFY_STATE, 1, &a))
		return status;
	if (a.object->type == OB_SEMAPHORE)
		status = semaphore_add(a.object, n, was) ? (NTSTATUS)STATUS_SUCCESS : STATUS_SEMAPHORE_LIMIT_EXCEEDED;
	ob_alone_end(&a);
	return status;
}

static NTSTATUS release(uint64_t handle, int32_t n, int32_t *was)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_SEMAPHORE, SEMAPHORE_MODIFY_STATE, &o);

	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	status = ex_semaphore_release(o, n, was);
	ob_put(o);
	return status;
}

NTSTATUS NtReleaseSemaphore(struct nt_thread *t, uint64_t handle, int32_t count, uint64_t before)
{
	int32_t was = 0;
	NTSTATUS status;

	if (count <= 0)
		return STATUS_INVALID_PARAMETER;
	status = release_alone(t, handle, count, &was);
	if (status == STATUS_PENDING)
		status = release(handle, count, &was);
	return status == STATUS_SUCCESS ? user_put32(before, (uint32_t)was) : status;
}

NTSTATUS NtQuerySemaphore(struct nt_thread *t, uint64_t handle, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct {
		int32_t CurrentCount, MaximumCount;
	} b;
	struct ob_object *o;
	NTSTATUS status;

	if (class != 0)
		return STATUS_INVALID_INFO_CLASS;
	if (size != sizeof b)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = ob_by_handle(handle, OB_SEMAPHORE, SEMAPHORE_QUERY_STATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	b.CurrentCount = __atomic_load_n(&o->signal, __ATOMIC_RELAXED);
	b.MaximumCount = ((struct ex_semaphore *)o)->limit;
	ob_put(o);
	return ex_answer(buffer, size, &b, sizeof b, returned);
}
