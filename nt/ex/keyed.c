/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/keyed.c - keyed events: a thread that waits for a key meets one of its process that releases it; each waits for the other.
 *
 * Who comes first queues a wait block with the key on the event; who comes second takes it out and ends that wait.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"

#define KEYEDEVENT_WAIT 1u
#define KEYEDEVENT_WAKE 2u

enum side { WAITS, RELEASES };

struct ex_keyed {
	struct ob_object ob;
	struct list queue; /* [NTOBJ] struct nt_wait_block; index: enum side */
};

const struct ob_type ob_type_keyed_event = { .name = "KeyedEvent", .read = READ_CONTROL | KEYEDEVENT_WAIT, .write = READ_CONTROL | KEYEDEVENT_WAKE,
	.execute = READ_CONTROL, .all = STANDARD_RIGHTS_REQUIRED | 3, .waitable = true };

static struct ex_keyed *keyed_new(void)
{
	struct ex_keyed *k = ob_alloc(OB_KEYED_EVENT, sizeof *k);

	if (k != NULL) {
		k->ob.signal = 1; /* waiting for the handle is allowed, and never lasts */
		list_init(&k->queue);
	}
	return k;
}

void ex_keyed_boot(void)
{
	struct ex_keyed *k = keyed_new();

	if (k == NULL)
		panic("no memory for keyed events");
	ex_state()->keyed = &k->ob;
	ob_get(&k->ob);
	ob_boot_add("\\KernelObjects\\CritSecOutOfMemoryEvent", &k->ob);
}

NTSTATUS NtCreateKeyedEvent(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint32_t flags)
{
	struct ex_keyed *k;

	if (flags != 0)
		return STATUS_INVALID_PARAMETER_4;
	k = keyed_new();
	return k != NULL ? ob_create_handle(attributes, access, &k->ob, handle) : (NTSTATUS)STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS NtOpenKeyedEvent(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	return ob_open_handle(attributes, access, OB_KEYED_EVENT, handle);
}

/* Ends the wait of one on the other side; false: nobody is there. */
static bool meet(struct ex_keyed *k, const struct nt_thread *t, uint64_t key, enum side side) REQUIRES(NTOBJ)
{
	LIST_FOR_SAFE(b, next, &k->queue, struct nt_wait_block, link) {
		if (b->key != key || b->index == side || b->thread->process != t->process || !ex_wait_end(b->thread, STATUS_SUCCESS))
			continue;
		list_remove(&b->link);
		pico_wake(ex_pico(b->thread));
		return true;
	}
	return false;
}

static NTSTATUS meet_or_wait(struct ex_keyed *k, struct nt_thread *t, uint64_t key, enum side side, bool alertable, uint64_t deadline)
{
	struct nt_wait_block *b;
	bool met;

	if (!ex_wait_begin(t, 1, alertable))
		return STATUS_INSUFFICIENT_RESOURCES;
	b = &t->wait_blocks[0];
	*b = (struct nt_wait_block){ .object = &k->ob, .thread = t, .index = side, .key = key };
	list_init(&b->link);
	lock_take(&k->ob.lock);
	met = meet(k, t, key, side);
	if (!met) {
		t->wait_count = 1;
		list_append(&k->queue, &b->link);
	}
	lock_drop(&k->ob.lock);
	if (!met)
		return ex_wait_queued(t, deadline);
	atomic_store_explicit(&t->wait_state, NT_WAIT_NONE, memory_order_relaxed);
	return STATUS_SUCCESS;
}

static NTSTATUS keyed(struct nt_thread *t, uint64_t handle, uint64_t key, enum side side, bool alertable, uint64_t timeout)
{
	struct ob_object *o = ex_state()->keyed;
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline);

	if (key & 1)
		return STATUS_INVALID_PARAMETER_1;
	if (status == STATUS_SUCCESS && handle != 0)
		status = ob_by_handle(handle, OB_KEYED_EVENT, side == WAITS ? KEYEDEVENT_WAIT : KEYEDEVENT_WAKE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	status = meet_or_wait((struct ex_keyed *)o, t, key, side, alertable, deadline);
	if (handle != 0)
		ob_put(o);
	return status;
}

NTSTATUS NtWaitForKeyedEvent(struct nt_thread *t, uint64_t handle, uint64_t key, uint8_t alertable, uint64_t timeout)
{
	return keyed(t, handle, key, WAITS, alertable, timeout);
}

NTSTATUS NtReleaseKeyedEvent(struct nt_thread *t, uint64_t handle, uint64_t key, uint8_t alertable, uint64_t timeout)
{
	return keyed(t, handle, key, RELEASES, alertable, timeout);
}
