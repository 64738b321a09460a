/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/wait.c - waiting for objects, and ending waits; nt/ex/wait.h has the idea.
 *
 * A wait's life is its thread's wait_state.  The thread sets it to WAITING (ALERTABLE), then queues a block on each object, looking at
 * each under its lock.  Whoever changes it to something else by compare-and-exchange has ended the wait: a signaller (DONE), who
 * holds the object's lock, has taken the object and says so in wait_status before he drops it; ex_interrupt (INTERRUPTED); the thread
 * itself (NONE: time is up).  The thread then takes each object's lock once more to take its block out.  So behind that
 * nobody is about to write wait_status or to wake it, and it may end and be freed.
 *
 * To satisfy a wait for all, all its objects' locks are needed.  The waiting thread takes them by address.  A signaller, who has
 * one of them, tries the others; if one is taken he wakes the thread instead, which looks for itself.
 */
#include "nt/con/con.h"
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/os/wait.h"
#include "nt/ps/ps.h"
#include "rt/mem.h"

#define FEW 4u
#define NOT_YET ((NTSTATUS)STATUS_PENDING)

static bool is_ready(const struct ob_object *o, const struct nt_thread *t)
{
	const struct ob_type *type = ob_type_of(o);

	return type->ready != NULL ? type->ready(o, t) : o->signal > 0;
}

static NTSTATUS take(struct ob_object *o, struct nt_thread *t)
{
	const struct ob_type *type = ob_type_of(o);

	if (type->take != NULL)
		return type->take(o, t);
	if (o->flags & OB_AUTO)
		o->signal = 0;
	return STATUS_SUCCESS;
}

/* True: the caller has ended t's wait. */
static bool end(struct nt_thread *t, enum nt_wait_state how)
{
	uint32_t state = atomic_load(&t->wait_state);

	while (state == NT_WAIT_WAITING || state == NT_WAIT_ALERTABLE)
		if (atomic_compare_exchange_weak(&t->wait_state, &state, how))
			return true;
	return false;
}

/* ---- Waits for all ---- */

static void drop_all(struct ob_object *const *o, uint32_t count) LOCK_UNCHECKED("several of one class")
{
	while (count > 0)
		lock_drop(&o[--count]->lock);
}

/* All locks held; t is not waiting, or the caller has ended its wait. */
static NTSTATUS take_all(struct ob_object *const *o, uint32_t count, struct nt_thread *t)
{
	NTSTATUS status = STATUS_SUCCESS;

	for (uint32_t i = 0; i < count; i++)
		if (take(o[i], t) != STATUS_SUCCESS)
			status = STATUS_ABANDONED_WAIT_0;
	return status;
}

static bool all_ready(struct ob_object *const *o, uint32_t count, const struct nt_thread *t)
{
	for (uint32_t i = 0; i < count; i++)
		if (!is_ready(o[i], t))
			return false;
	return true;
}

/* By the thread itself.  sorted: by address.  waiting: its blocks are queued, so that others might end the wait. */
static NTSTATUS try_all(struct nt_thread *t, struct ob_object *const *sorted, uint32_t count, bool waiting) LOCK_UNCHECKED("several of one class")
{
	NTSTATUS status = NOT_YET;

	for (uint32_t i = 0; i < count; i++)
		lock_take(&sorted[i]->lock);
	if (all_ready(sorted, count, t) && (!waiting || end(t, NT_WAIT_DONE)))
		status = t->wait_status = take_all(sorted, count, t);
	drop_all(sorted, count);
	return status;
}

/* A signaller's try, with the lock of b's object held.  False: not now. */
static bool satisfy_all(struct nt_wait_block *b) LOCK_UNCHECKED("several of one class")
{
	struct nt_thread *t = b->thread;
	struct ob_object *held[NT_WAIT_MAX], *objects[NT_WAIT_MAX];
	uint32_t count = t->wait_count, n = 0;
	bool ok = true;

	for (uint32_t i = 0; i < count && ok; i++) {
		objects[i] = t->wait_blocks[i].object;
		if (objects[i] == b->object)
			continue;
		ok = lock_try(&objects[i]->lock);
		if (ok)
			held[n++] = objects[i];
	}
	ok = ok && all_ready(objects, count, t) && end(t, NT_WAIT_DONE);
	if (ok)
		t->wait_status = take_all(objects, count, t);
	drop_all(held, n);
	return ok;
}

/* ---- Signalling ---- */

static void satisfy(struct ob_object *o, struct nt_wait_block *b)
{
	struct nt_thread *t = b->thread;

	if (!b->all) {
		if (!end(t, NT_WAIT_DONE))
			return;
		t->wait_status = take(o, t) + b->index;
		list_remove(&b->link);
	} else {
		(void)satisfy_all(b); /* it looks for itself, if that failed */
	}
	pico_wake(ex_pico(t));
}

void ex_satisfy(struct ob_object *o)
{
	LIST_FOR_SAFE(b, next, &o->waiters, struct nt_wait_block, link) {
		if (!is_ready(o, b->thread))
			return;
		satisfy(o, b);
	}
}

int32_t ex_signal(struct ob_object *o, int32_t n)
{
	int32_t before;

	lock_take(&o->lock);
	before = o->signal;
	o->signal = n;
	if (!list_empty(&o->waiters))
		ex_satisfy(o);
	lock_drop(&o->lock);
	return before;
}

int32_t ex_clear(struct ob_object *o)
{
	int32_t before;

	lock_take(&o->lock);
	before = o->signal;
	o->signal = 0;
	lock_drop(&o->lock);
	return before;
}

int32_t ex_pulse(struct ob_object *o)
{
	int32_t before;

	lock_take(&o->lock);
	before = o->signal;
	o->signal = 1;
	ex_satisfy(o);
	o->signal = 0;
	lock_drop(&o->lock);
	return before;
}

void ex_interrupt(struct nt_thread *t)
{
	uint32_t alertable = NT_WAIT_ALERTABLE;

	lock_take(&t->process->lock); /* so that it does not end in between */
	if (t->lx != NULL && atomic_compare_exchange_strong(&t->wait_state, &alertable, NT_WAIT_INTERRUPTED))
		pico_wake(ex_pico(t));
	lock_drop(&t->process->lock);
}

/* ---- Waiting ---- */

static NTSTATUS try_any(struct nt_thread *t, struct ob_object *const *objects, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct ob_object *o = objects[i];
		NTSTATUS status = NOT_YET;

		lock_take(&o->lock);
		if (is_ready(o, t))
			status = take(o, t) + i;
		lock_drop(&o->lock);
		if (status != NOT_YET)
			return status;
	}
	return NOT_YET;
}

NTSTATUS ex_take_alone(struct ob_object *o, struct nt_thread *t)
{
	return is_ready(o, t) ? take(o, t) : NOT_YET;
}

/* What an alertable wait returns with at once. */
static NTSTATUS alerts(struct nt_thread *t)
{
	if (atomic_exchange((_Atomic uint32_t *)&t->alerted, 0) != 0)
		return STATUS_ALERTED;
	if (!ps_apcs_pending(t))
		return NOT_YET;
	ps_user_apcs(t);
	return STATUS_USER_APC;
}

static bool blocks_room(struct nt_thread *t, uint32_t count)
{
	struct nt_wait_block *blocks, *old = t->wait_blocks;
	uint32_t room = count <= FEW ? FEW : NT_WAIT_MAX;

	if (LIKELY(count <= t->wait_room))
		return true;
	blocks = arena_alloc(room * sizeof *blocks);
	if (blocks == NULL)
		return false;
	t->wait_blocks = blocks; /* first: who cleans up after a killed process frees what he finds here */
	t->wait_room = room;
	arena_free(old);
	return true;
}

/* Blocks on all objects' lists, or on those before one that is ready, which ends the wait. */
static void queue_blocks(struct nt_thread *t, struct ob_object *const *objects, uint32_t count, bool all)
{
	for (uint32_t i = 0; i < count; i++) {
		t->wait_blocks[i] = (struct nt_wait_block){ .object = objects[i], .thread = t, .index = i, .all = all };
		list_init(&t->wait_blocks[i].link);
	}
	t->wait_count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct ob_object *o = objects[i];
		bool ready;

		lock_take(&o->lock);
		ready = !all && is_ready(o, t);
		if (!ready)
			list_append(&o->waiters, &t->wait_blocks[i].link);
		else if (end(t, NT_WAIT_DONE))
			t->wait_status = take(o, t) + i;
		lock_drop(&o->lock);
		if (ready)
			return;
	}
}

static void unqueue_blocks(struct nt_thread *t)
{
	for (uint32_t i = 0; i < t->wait_count; i++) {
		struct nt_wait_block *b = &t->wait_blocks[i];

		lock_take(&b->object->lock);
		list_remove(&b->link);
		lock_drop(&b->object->lock);
	}
	t->wait_count = 0;
}

/* When the first of t's objects may become ready by itself, or the deadline. */
static uint64_t next_look(const struct nt_thread *t, uint64_t deadline)
{
	for (uint32_t i = 0; i < t->wait_count; i++) {
		const struct ob_object *o = t->wait_blocks[i].object;
		uint64_t due = ob_type_of(o)->due != NULL ? ob_type_of(o)->due(o) : 0;

		if (due != 0 && due < deadline)
			deadline = due;
	}
	return deadline;
}

static void look_again(struct nt_thread *t)
{
	for (uint32_t i = 0; i < t->wait_count; i++) {
		struct ob_object *o = t->wait_blocks[i].object;

		if (ob_type_of(o)->due == NULL)
			continue;
		lock_take(&o->lock);
		ex_satisfy(o);
		lock_drop(&o->lock);
	}
}

/* Who waits for typing looks at the terminal itself. */
static struct nt_console *console_of(const struct nt_thread *t)
{
	struct nt_console *c = NULL;

	for (uint32_t i = 0; i < t->wait_count && c == NULL; i++)
		if (t->wait_blocks[i].object->type == OB_FILE)
			c = con_waited_for(t->wait_blocks[i].object);
	return c;
}

/* Until somebody has ended the wait.  The status, if that was the thread itself. */
static NTSTATUS sleep(struct nt_thread *t, struct ob_object *const *sorted, uint32_t count, uint64_t deadline)
{
	struct nt_console *console = console_of(t);

	for (;;) {
		uint32_t state = atomic_load_explicit(&t->wait_state, memory_order_acquire);
		enum dk_status status;
		uint64_t until;

		if (state == NT_WAIT_DONE || state == NT_WAIT_INTERRUPTED)
			return NOT_YET;
		until = next_look(t, deadline);
		status = UNLIKELY(console != NULL) ? con_wait(console, until) : os_sleep(until);
		if (status == DK_TIMEOUT && until != deadline)
			look_again(t);
		if (sorted != NULL && try_all(t, sorted, count, true) != NOT_YET)
			return NOT_YET;
		if (status == DK_TIMEOUT && until == deadline && end(t, NT_WAIT_NONE))
			return STATUS_TIMEOUT;
		if (status == DK_INTERRUPTED && end(t, NT_WAIT_NONE))
			return STATUS_THREAD_IS_TERMINATING;
	}
}

bool ex_wait_end(struct nt_thread *t, NTSTATUS status)
{
	if (!end(t, NT_WAIT_DONE))
		return false;
	t->wait_status = status;
	return true;
}

bool ex_wait_begin(struct nt_thread *t, uint32_t count, bool alertable)
{
	if (!blocks_room(t, count))
		return false;
	t->wait_count = 0;
	atomic_store(&t->wait_state, alertable ? NT_WAIT_ALERTABLE : NT_WAIT_WAITING);
	return true;
}

static NTSTATUS wait_queued(struct nt_thread *t, struct ob_object *const *sorted, uint32_t count, uint64_t deadline)
{
	NTSTATUS status;

	/* Who came to interrupt before the thread could be seen waiting has told nobody. */
	if (atomic_load(&t->wait_state) == NT_WAIT_ALERTABLE && (atomic_load((_Atomic uint32_t *)&t->alerted) != 0 || ps_apcs_pending(t)))
		(void)end(t, NT_WAIT_INTERRUPTED);
	status = sleep(t, sorted, count, deadline);
	unqueue_blocks(t);
	if (status == NOT_YET && atomic_load_explicit(&t->wait_state, memory_order_relaxed) == NT_WAIT_INTERRUPTED)
		status = alerts(t);
	else if (status == NOT_YET)
		status = t->wait_status;
	atomic_store_explicit(&t->wait_state, NT_WAIT_NONE, memory_order_relaxed);
	return status == NOT_YET ? (NTSTATUS)STATUS_ALERTED : status;
}

NTSTATUS ex_wait_queued(struct nt_thread *t, uint64_t deadline)
{
	return wait_queued(t, NULL, 0, deadline);
}

/* sorted: a wait for all. */
static NTSTATUS wait_long(struct nt_thread *t, struct ob_object *const *objects, uint32_t count, struct ob_object *const *sorted, bool alertable, uint64_t deadline)
{
	if (!ex_wait_begin(t, count, alertable))
		return STATUS_INSUFFICIENT_RESOURCES;
	queue_blocks(t, objects, count, sorted != NULL);
	/* All may have been signalled before all blocks were there. */
	if (sorted != NULL)
		(void)try_all(t, sorted, count, true);
	return wait_queued(t, sorted, count, deadline);
}

static void sort(struct ob_object **o, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct ob_object *this = o[i];
		uint32_t k = i;

		for (; k > 0 && o[k - 1] > this; k--)
			o[k] = o[k - 1];
		o[k] = this;
	}
}

static NOINLINE NTSTATUS wait_all(struct nt_thread *t, struct ob_object *const *objects, uint32_t count, bool alertable, uint64_t deadline)
{
	struct ob_object *sorted[NT_WAIT_MAX];
	NTSTATUS status;

	memcpy(sorted, objects, count * sizeof *sorted);
	sort(sorted, count);
	for (uint32_t i = 1; i < count; i++)
		if (sorted[i] == sorted[i - 1])
			return STATUS_INVALID_PARAMETER_MIX;
	status = try_all(t, sorted, count, false);
	if (status == NOT_YET && alertable)
		status = alerts(t);
	if (status == NOT_YET)
		status = deadline == 0 ? (NTSTATUS)STATUS_TIMEOUT : wait_long(t, objects, count, sorted, alertable, deadline);
	return status;
}

NTSTATUS ex_wait(struct nt_thread *t, struct ob_object *const *objects, uint32_t count, bool all, bool alertable, uint64_t deadline)
{
	NTSTATUS status;

	if (UNLIKELY(all && count > 1))
		return wait_all(t, objects, count, alertable, deadline);
	status = try_any(t, objects, count);
	if (status == NOT_YET && alertable)
		status = alerts(t);
	if (status == NOT_YET)
		status = deadline == 0 ? (NTSTATUS)STATUS_TIMEOUT : wait_long(t, objects, count, NULL, alertable, deadline);
	return status;
}

void ex_thread_ended(struct nt_thread *t)
{
	/* It died in a wait. */
	for (uint32_t i = 0; i < t->wait_count; i++) {
		struct nt_wait_block *b = &t->wait_blocks[i];

		lock_take(&b->object->lock);
		list_remove(&b->link);
		lock_drop(&b->object->lock);
		if (t->wait_owned)
			ob_put(b->object);
	}
	t->wait_count = 0;
	arena_free(t->wait_blocks);
	t->wait_blocks = NULL;
	t->wait_room = 0;
	ex_mutants_abandon(t);
}
