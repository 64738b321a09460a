/* SPDX-License-Identifier: MIT */
/*
 * nt/ob/handle.c - handle tables; their entries: table.h.
 *
 * A table is pages of entries, found by two steps through arrays; none of these moves or goes before the table does.  What was freed
 * last is used first.  The value of a handle is 4 times its place, from 1 on; its two low bits mean nothing.
 *
 * Looking an object up is what nearly each call begins with, so it takes no lock: a bit in the entry holds it for the instructions that
 * take the reference.  What changes which handles there are is done under the table's lock, HANDLE, which nearly everything may
 * be held over; and taking an object out needs both.  Other processes reach a table too (NtDuplicateObject), and kproc
 * empties it when the process has died.  An object is closed with no lock held.
 */
#include "nt/nt.h"
#include "nt/ke/user.h"
#include "nt/ob/ob.h"
#include "nt/ob/ob_int.h"
#include "nt/ob/table.h"

struct ob_handle_table *ob_table_new(void)
{
	struct ob_handle_table *h = arena_alloc(sizeof *h);

	if (h != NULL)
		lock_init(&h->lock, LOCK_HANDLE);
	return h;
}

void ob_table_free(struct ob_handle_table *h)
{
	if (h == NULL)
		return;
	for (unsigned a = 0; a < ARRAYS && h->arrays[a] != NULL; a++) {
		for (unsigned i = 0; i < PER_ARRAY; i++)
			arena_free(h->arrays[a][i]);
		arena_free(h->arrays[a]);
	}
	arena_free(h);
}

static bool chunk_add(struct ob_handle_table *h) REQUIRES(HANDLE)
{
	uint32_t n = h->used / PER_CHUNK;
	struct ob_entry *chunk, ***array;

	if (n >= ARRAYS * PER_ARRAY)
		return false;
	array = &h->arrays[n / PER_ARRAY];
	if (*array == NULL) {
		struct ob_entry **fresh = arena_alloc(PER_ARRAY * sizeof *fresh);

		if (fresh == NULL)
			return false;
		__atomic_store_n(array, fresh, __ATOMIC_RELEASE);
	}
	chunk = arena_alloc(PER_CHUNK * sizeof *chunk);
	if (chunk == NULL)
		return false;
	__atomic_store_n(&(*array)[n % PER_ARRAY], chunk, __ATOMIC_RELEASE);
	return true;
}

/* A free place, which is taken off the free ones; 0: no memory. */
static uint32_t place_take(struct ob_handle_table *h) REQUIRES(HANDLE)
{
	uint32_t place = h->free;

	if (place != 0) {
		h->free = entry_at(h, place)->attributes;
		return place;
	}
	if (h->used % PER_CHUNK == 0 && entry_at(h, h->used + 1) == NULL && !chunk_add(h))
		return 0;
	return ++h->used;
}

static void place_free(struct ob_handle_table *h, uint32_t place) REQUIRES(HANDLE)
{
	struct ob_entry *e = entry_at(h, place);

	e->attributes = h->free;
	entry_drop(e, NULL);
	h->free = place;
}

NTSTATUS ob_handle_give(struct nt_process *p, struct ob_object *o, uint32_t access, uint32_t attributes, uint64_t *handle)
{
	struct ob_handle_table *h = p->handles;
	NTSTATUS status = STATUS_SUCCESS;
	uint32_t place = 0;

	lock_take(&h->lock);
	if (h->closed)
		status = STATUS_PROCESS_IS_TERMINATING;
	else if ((place = place_take(h)) == 0)
		status = STATUS_INSUFFICIENT_RESOURCES;
	if (status == STATUS_SUCCESS) {
		struct ob_entry *e = entry_at(h, place);

		e->access = access;
		e->attributes = attributes & (OBJ_INHERIT | OBJ_PROTECT_CLOSE);
		entry_drop(e, o);
		h->count++;
	}
	lock_drop(&h->lock);
	*handle = (uint64_t)place * HANDLE_STEP;
	if (status != STATUS_SUCCESS) {
		ob_uncount(o, p);
		ob_put(o);
	}
	return status;
}

NTSTATUS ob_handle_add(struct nt_process *p, struct ob_object *o, uint32_t access, uint32_t attributes, uint64_t *handle)
{
	ob_get(o);
	ob_count(o);
	return ob_handle_give(p, o, access, attributes, handle);
}

static bool is_pseudo(uint64_t handle)
{
	return handle >= UINT64_MAX - 5;
}

/* What pseudo handles mean, to the calling thread; with a reference. */
static NTSTATUS pseudo_object(struct nt_process *p, uint64_t handle, struct ob_object **o)
{
	if (handle == NtCurrentProcess()) {
		*o = &p->ob;
	} else if (handle == NtCurrentThread()) {
		*o = &nt_current()->ob;
	} else {
		return handle == UINT64_MAX - 2 ? (NTSTATUS)STATUS_INVALID_HANDLE : se_pseudo_token(handle, o);
	}
	ob_get(*o);
	return STATUS_SUCCESS;
}

static NOINLINE NTSTATUS pseudo_by_handle(struct nt_process *p, uint64_t handle, enum ob_type_id type, struct ob_object **o)
{
	NTSTATUS status = pseudo_object(p, handle, o);

	if (status == STATUS_SUCCESS && type != OB_NONE && (*o)->type != type) {
		ob_put(*o);
		*o = NULL;
		status = STATUS_OBJECT_TYPE_MISMATCH;
	}
	return status;
}

/* What is behind it, with a reference; object NULL: no such handle. */
static inline struct ob_grant look_up(const struct ob_handle_table *h, uint64_t handle)
{
	struct ob_entry *e = entry_at(h, handle / HANDLE_STEP);
	struct ob_grant g = { .object = NULL };
	struct pico_thread *t;

	if (UNLIKELY(e == NULL))
		return g;
	t = hold();
	g.object = entry_take(e);
	if (LIKELY(g.object != NULL)) {
		g.access = e->access;
		g.attributes = e->attributes;
		ob_get(g.object);
		entry_drop(e, g.object);
	}
	unhold(t);
	return g;
}

bool ob_alone(struct nt_process *p, uint64_t handle, uint32_t access, uint32_t refs, struct ob_alone *a)
{
	struct ob_entry *e = entry_at(p->handles, handle / HANDLE_STEP);
	uint64_t v = e != NULL ? atomic_load_explicit(&e->object, memory_order_relaxed) : 0;
	struct pico_thread *t;

	if (v == 0 || (v & BUSY))
		return false;
	t = hold();
	if (!atomic_compare_exchange_strong_explicit(&e->object, &v, v | BUSY, memory_order_acquire, memory_order_relaxed)) {
		unhold(t);
		return false;
	}
	*a = (struct ob_alone){ (struct ob_object *)v, e };
	if ((a->object->flags & OB_ALONE) && atomic_load_explicit(&a->object->ref.count, memory_order_acquire) == refs && (access & ~e->access) == 0)
		return true;
	ob_alone_end(a);
	return false;
}

void ob_alone_end(const struct ob_alone *a)
{
	entry_drop(a->entry, a->object);
	unhold(pico_current());
}

NTSTATUS ob_by_handle_of(struct nt_process *p, uint64_t handle, enum ob_type_id type, uint32_t access, struct ob_object **o)
{
	NTSTATUS status = STATUS_SUCCESS;
	struct ob_grant g;

	if (UNLIKELY(is_pseudo(handle)))
		return pseudo_by_handle(p, handle, type, o);
	g = look_up(p->handles, handle);
	*o = g.object;
	if (UNLIKELY(g.object == NULL))
		return STATUS_INVALID_HANDLE;
	if (UNLIKELY(type != OB_NONE && g.object->type != type))
		status = STATUS_OBJECT_TYPE_MISMATCH;
	else if (UNLIKELY((access & ~g.access) != 0))
		status = STATUS_ACCESS_DENIED;
	if (UNLIKELY(status != STATUS_SUCCESS)) {
		*o = NULL; /* callers put what they have, whatever came before */
		ob_put(g.object);
	}
	return status;
}

NTSTATUS ob_by_handle(uint64_t handle, enum ob_type_id type, uint32_t access, struct ob_object **o)
{
	return ob_by_handle_of(nt_current_process(), handle, type, access, o);
}

NTSTATUS ob_grant_of(struct nt_process *p, uint64_t handle, struct ob_grant *g)
{
	*g = (struct ob_grant){ .object = NULL };
	if (is_pseudo(handle)) {
		NTSTATUS status = pseudo_object(p, handle, &g->object);

		if (status == STATUS_SUCCESS)
			g->access = ob_type_of(g->object)->all;
		return status;
	}
	*g = look_up(p->handles, handle);
	return g->object != NULL ? (NTSTATUS)STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

uint32_t ob_handle_access(struct nt_process *p, uint64_t handle)
{
	struct ob_grant g;

	if (ob_grant_of(p, handle, &g) != STATUS_SUCCESS)
		return 0;
	ob_put(g.object);
	return g.access;
}

NTSTATUS ob_handle_set_attributes(struct nt_process *p, uint64_t handle, uint32_t attributes)
{
	struct ob_entry *e = is_pseudo(handle) ? NULL : entry_at(p->handles, handle / HANDLE_STEP);
	struct ob_object *o;
	struct pico_thread *t;

	if (e == NULL)
		return STATUS_INVALID_HANDLE;
	t = hold();
	o = entry_take(e);
	if (o != NULL) {
		e->attributes = attributes & (OBJ_INHERIT | OBJ_PROTECT_CLOSE);
		entry_drop(e, o);
	}
	unhold(t);
	return o != NULL ? (NTSTATUS)STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

uint32_t ob_handle_count(const struct nt_process *p)
{
	return p->handles->count;
}

void ob_handles_each(struct nt_process *p, void (*fn)(void *arg, uint64_t handle, struct ob_object *o, uint32_t access, uint32_t attributes), void *arg)
{
	struct ob_handle_table *h = p->handles;

	lock_take(&h->lock);
	for (uint32_t place = 1; place <= h->used; place++) {
		const struct ob_entry *e = entry_at(h, place);

		if (object_of(e) != NULL)
			fn(arg, (uint64_t)place * HANDLE_STEP, object_of(e), e->access, e->attributes);
	}
	lock_drop(&h->lock);
}

void ob_count(struct ob_object *o)
{
	if (ob_is_alone(o))
		atomic_store_explicit(&o->handles, atomic_load_explicit(&o->handles, memory_order_relaxed) + 1, memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&o->handles, 1, memory_order_relaxed);
}

static bool uncount(struct ob_object *o)
{
	uint32_t handles = atomic_load_explicit(&o->handles, memory_order_relaxed);

	if (!ob_is_alone(o))
		return atomic_fetch_sub_explicit(&o->handles, 1, memory_order_acq_rel) == 1;
	atomic_store_explicit(&o->handles, handles - 1, memory_order_relaxed);
	return handles == 1;
}

void ob_uncount(struct ob_object *o, struct nt_process *p)
{
	bool last = uncount(o);

	if (ob_type_of(o)->close != NULL)
		ob_type_of(o)->close(o, p, last);
	if (last && __atomic_load_n(&o->name, __ATOMIC_RELAXED) != NULL)
		ob_name_unused(o);
}

/* Takes the object of that handle out of the table, or NULL; protected: not those that are not to be closed. */
static struct ob_object *take_out(struct ob_handle_table *h, uint64_t place, bool protect, NTSTATUS *status) REQUIRES(HANDLE)
{
	struct ob_entry *e = entry_at(h, place);
	struct ob_object *o = e != NULL ? entry_take(e) : NULL; /* the table's lock is held, so no hold */

	*status = o != NULL ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
	if (o == NULL)
		return NULL;
	if (protect && (e->attributes & OBJ_PROTECT_CLOSE)) {
		entry_drop(e, o);
		*status = STATUS_HANDLE_NOT_CLOSABLE;
		return NULL;
	}
	place_free(h, (uint32_t)place);
	h->count--;
	return o;
}

NTSTATUS ob_handle_close(struct nt_process *p, uint64_t handle)
{
	struct ob_handle_table *h = p->handles;
	struct ob_object *o;
	NTSTATUS status;

	lock_take(&h->lock);
	o = take_out(h, handle / HANDLE_STEP, true, &status);
	lock_drop(&h->lock);
	if (o != NULL) {
		ob_uncount(o, p);
		ob_put(o);
	}
	return status;
}

void ob_table_empty(struct nt_process *p)
{
	struct ob_handle_table *h = p->handles;
	uint32_t place = 1;

	for (;;) {
		struct ob_object *o = NULL;
		NTSTATUS status;

		lock_take(&h->lock);
		h->closed = true;
		while (o == NULL && place <= h->used)
			o = take_out(h, place++, false, &status);
		lock_drop(&h->lock);
		if (o == NULL)
			return;
		ob_uncount(o, p);
		ob_put(o);
	}
}

/* Both locks are held; to is new. */
static NTSTATUS inherit_locked(const struct ob_handle_table *from, struct ob_handle_table *to) LOCK_UNCHECKED("two of one class")
{
	for (; to->used < from->used; to->used = MIN(to->used + PER_CHUNK, from->used))
		if (!chunk_add(to))
			return STATUS_INSUFFICIENT_RESOURCES;
	for (uint32_t place = from->used; place > 0; place--) {
		struct ob_entry *e = entry_at(from, place);
		struct ob_entry *copy = entry_at(to, place);
		struct ob_object *o = entry_take(e);

		if (o == NULL || !(e->attributes & OBJ_INHERIT)) {
			if (o != NULL)
				entry_drop(e, o);
			place_free(to, place);
			continue;
		}
		ob_count(o);
		ob_get(o);
		copy->access = e->access;
		copy->attributes = e->attributes;
		entry_drop(copy, o);
		entry_drop(e, o);
		to->count++;
	}
	return STATUS_SUCCESS;
}

NTSTATUS ob_handles_inherit(struct nt_process *from, struct nt_process *to)
{
	NTSTATUS status;

	ASSERT(to->handles->used == 0);
	lock_take2(&from->handles->lock, &to->handles->lock);
	status = inherit_locked(from->handles, to->handles);
	lock_drop2(&from->handles->lock, &to->handles->lock);
	return status;
}

NTSTATUS ob_handle_out(struct ob_object *o, uint32_t access, uint32_t attributes, uint64_t handle_va)
{
	struct nt_process *p = nt_current_process();
	uint64_t handle;
	NTSTATUS status = ob_handle_add(p, o, access, attributes, &handle);

	if (status != STATUS_SUCCESS)
		return status;
	status = user_write(handle_va, &handle, sizeof handle);
	if (status != STATUS_SUCCESS)
		(void)ob_handle_close(p, handle);
	return status;
}
