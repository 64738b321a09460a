/* SPDX-License-Identifier: MIT */
/*
 * nt/ob/handle.c - handle tables.
 *
 * A table is pages of entries, and an array of their addresses that doubles.  What was freed last is used first.
 * The value of a handle is 4 times its place, from 1 on; its two low bits mean nothing.
 * Other processes reach a table too (NtDuplicateObject), and kproc empties it when the process has died: all under
 * its lock, HANDLE, which nearly everything may be held over.  An object is closed with no lock held.
 */
#include "nt/nt.h"
#include "nt/ke/user.h"
#include "nt/ob/ob.h"
#include "nt/ob/ob_int.h"
#include "rt/mem.h"

#define PER_CHUNK   256u
#define CHUNKS_MAX  65536u
#define HANDLE_STEP 4u

struct entry {
	struct ob_object *object; /* NULL: free */
	uint32_t access;
	uint32_t attributes; /* OBJ_INHERIT, OBJ_PROTECT_CLOSE; of a free one: place of the next, 0 = none */
};

struct ob_handle_table {
	LOCK(HANDLE) lock;
	struct entry **chunks;
	uint32_t nchunks, room; /* room: of the array chunks */
	uint32_t used;          /* places up to this were in use once */
	uint32_t free;          /* first free place among those, 0 = none */
	uint32_t count;
	bool closed;            /* its process has ended */
};

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
	for (uint32_t i = 0; i < h->nchunks; i++)
		arena_free(h->chunks[i]);
	arena_free(h->chunks);
	arena_free(h);
}

static struct entry *entry_at(const struct ob_handle_table *h, uint32_t place)
{
	return &h->chunks[(place - 1) / PER_CHUNK][(place - 1) % PER_CHUNK];
}

/* NULL: no such handle. */
static struct entry *entry_of(const struct ob_handle_table *h, uint64_t handle)
{
	uint64_t place = handle / HANDLE_STEP;
	struct entry *e;

	if (place == 0 || place > h->used)
		return NULL;
	e = entry_at(h, (uint32_t)place);
	return e->object != NULL ? e : NULL;
}

static bool array_grow(struct ob_handle_table *h)
{
	uint32_t room = h->room ? h->room * 2 : 4;
	struct entry **chunks = arena_alloc(room * sizeof *chunks);

	if (chunks == NULL)
		return false;
	if (h->nchunks != 0)
		memcpy(chunks, h->chunks, h->nchunks * sizeof *chunks);
	arena_free(h->chunks);
	h->chunks = chunks;
	h->room = room;
	return true;
}

static bool chunk_add(struct ob_handle_table *h)
{
	struct entry *chunk;

	if (h->nchunks == CHUNKS_MAX || (h->nchunks == h->room && !array_grow(h)))
		return false;
	chunk = arena_alloc(PER_CHUNK * sizeof *chunk);
	if (chunk == NULL)
		return false;
	h->chunks[h->nchunks++] = chunk;
	return true;
}

/* A free place, which is taken off the free ones; 0: no memory. */
static uint32_t place_take(struct ob_handle_table *h)
{
	uint32_t place = h->free;

	if (place != 0) {
		h->free = entry_at(h, place)->attributes;
		return place;
	}
	if (h->used == h->nchunks * PER_CHUNK && !chunk_add(h))
		return 0;
	return ++h->used;
}

static void place_free(struct ob_handle_table *h, uint32_t place)
{
	*entry_at(h, place) = (struct entry){ .attributes = h->free };
	h->free = place;
}

NTSTATUS ob_handle_add_counted(struct nt_process *p, struct ob_object *o, uint32_t access, uint32_t attributes, uint64_t *handle)
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
		ob_get(o);
		*entry_at(h, place) = (struct entry){ .object = o, .access = access, .attributes = attributes & (OBJ_INHERIT | OBJ_PROTECT_CLOSE) };
		h->count++;
	}
	lock_drop(&h->lock);
	*handle = (uint64_t)place * HANDLE_STEP;
	if (status != STATUS_SUCCESS)
		ob_uncount(o, p);
	return status;
}

NTSTATUS ob_handle_add(struct nt_process *p, struct ob_object *o, uint32_t access, uint32_t attributes, uint64_t *handle)
{
	atomic_fetch_add_explicit(&o->handles, 1, memory_order_relaxed);
	return ob_handle_add_counted(p, o, access, attributes, handle);
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
		status = STATUS_OBJECT_TYPE_MISMATCH;
	}
	return status;
}

NTSTATUS ob_by_handle_of(struct nt_process *p, uint64_t handle, enum ob_type_id type, uint32_t access, struct ob_object **o)
{
	struct ob_handle_table *h = p->handles;
	NTSTATUS status = STATUS_SUCCESS;
	struct entry *e;

	if (UNLIKELY(is_pseudo(handle)))
		return pseudo_by_handle(p, handle, type, o);
	lock_take(&h->lock);
	e = entry_of(h, handle);
	if (e == NULL)
		status = STATUS_INVALID_HANDLE;
	else if (type != OB_NONE && e->object->type != type)
		status = STATUS_OBJECT_TYPE_MISMATCH;
	else if ((access & ~e->access) != 0)
		status = STATUS_ACCESS_DENIED;
	else
		ob_get(*o = e->object);
	lock_drop(&h->lock);
	return status;
}

NTSTATUS ob_by_handle(uint64_t handle, enum ob_type_id type, uint32_t access, struct ob_object **o)
{
	return ob_by_handle_of(nt_current_process(), handle, type, access, o);
}

NTSTATUS ob_grant_of(struct nt_process *p, uint64_t handle, struct ob_grant *g)
{
	struct ob_handle_table *h = p->handles;
	struct entry *e;

	*g = (struct ob_grant){ .object = NULL };
	if (is_pseudo(handle)) {
		NTSTATUS status = pseudo_object(p, handle, &g->object);

		if (status == STATUS_SUCCESS)
			g->access = ob_type_of(g->object)->all;
		return status;
	}
	lock_take(&h->lock);
	e = entry_of(h, handle);
	if (e != NULL) {
		ob_get(e->object);
		*g = (struct ob_grant){ e->object, e->access, e->attributes };
	}
	lock_drop(&h->lock);
	return e != NULL ? (NTSTATUS)STATUS_SUCCESS : STATUS_INVALID_HANDLE;
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
	struct ob_handle_table *h = p->handles;
	struct entry *e;

	if (is_pseudo(handle))
		return STATUS_INVALID_HANDLE;
	lock_take(&h->lock);
	e = entry_of(h, handle);
	if (e != NULL)
		e->attributes = attributes & (OBJ_INHERIT | OBJ_PROTECT_CLOSE);
	lock_drop(&h->lock);
	return e != NULL ? (NTSTATUS)STATUS_SUCCESS : STATUS_INVALID_HANDLE;
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
		const struct entry *e = entry_at(h, place);

		if (e->object != NULL)
			fn(arg, (uint64_t)place * HANDLE_STEP, e->object, e->access, e->attributes);
	}
	lock_drop(&h->lock);
}

void ob_uncount(struct ob_object *o, struct nt_process *p)
{
	bool last = atomic_fetch_sub_explicit(&o->handles, 1, memory_order_acq_rel) == 1;

	if (ob_type_of(o)->close != NULL)
		ob_type_of(o)->close(o, p, last);
	if (last && __atomic_load_n(&o->name, __ATOMIC_RELAXED) != NULL)
		ob_name_unused(o);
}

NTSTATUS ob_handle_close(struct nt_process *p, uint64_t handle)
{
	struct ob_handle_table *h = p->handles;
	struct ob_object *o = NULL;
	NTSTATUS status = STATUS_SUCCESS;
	struct entry *e;

	lock_take(&h->lock);
	e = entry_of(h, handle);
	if (e == NULL) {
		status = STATUS_INVALID_HANDLE;
	} else if (e->attributes & OBJ_PROTECT_CLOSE) {
		status = STATUS_HANDLE_NOT_CLOSABLE;
	} else {
		o = e->object;
		place_free(h, (uint32_t)(handle / HANDLE_STEP));
		h->count--;
	}
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

		lock_take(&h->lock);
		h->closed = true;
		for (; o == NULL && place <= h->used; place++) {
			struct entry *e = entry_at(h, place);

			o = e->object;
			e->object = NULL;
		}
		h->count -= o != NULL;
		lock_drop(&h->lock);
		if (o == NULL)
			return;
		ob_uncount(o, p);
		ob_put(o);
	}
}

/* Both locks are held; to is new. */
static NTSTATUS inherit_locked(const struct ob_handle_table *from, struct ob_handle_table *to)
{
	while (to->nchunks < from->nchunks)
		if (!chunk_add(to))
			return STATUS_INSUFFICIENT_RESOURCES;
	for (uint32_t place = from->used; place > 0; place--) {
		struct entry *e = entry_at(from, place), *copy = entry_at(to, place);

		if (e->object == NULL || !(e->attributes & OBJ_INHERIT)) {
			place_free(to, place);
			continue;
		}
		atomic_fetch_add_explicit(&e->object->handles, 1, memory_order_relaxed);
		ob_get(e->object);
		*copy = *e;
		to->count++;
	}
	to->used = from->used;
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
