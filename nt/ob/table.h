/* SPDX-License-Identifier: MIT */
/* nt/ob/table.h - the entries of handle tables, and how one is held: for handle.c, which says how it goes together. */
#ifndef NT_OB_TABLE_H
#define NT_OB_TABLE_H

#include "nt/nt.h"
#include "nt/ob/ob.h"

#define PER_CHUNK   256u /* entries: a page */
#define PER_ARRAY   256u
#define ARRAYS      64u
#define HANDLE_STEP 4u
#define BUSY        1u
#define SPINS       200u

struct ob_entry {
	_Atomic uint64_t object; /* its address, and BUSY; 0: free */
	uint32_t access;         /* [BUSY] */
	uint32_t attributes;     /* [BUSY] OBJ_INHERIT, OBJ_PROTECT_CLOSE; of a free one [HANDLE]: place of the next, 0 = none */
};

struct ob_handle_table {
	LOCK(HANDLE) lock;
	uint32_t used;          /* [HANDLE] places up to this were in use once */
	uint32_t free;          /* [HANDLE] first free place among those, 0 = none */
	uint32_t count;         /* [HANDLE] */
	bool closed;            /* [HANDLE] its process has ended */
	struct ob_entry **arrays[ARRAYS]; /* set once, under HANDLE */
};

/* NULL: there is no such place yet. */
static inline struct ob_entry *entry_at(const struct ob_handle_table *h, uint64_t place)
{
	uint64_t i = place - 1;
	struct ob_entry **array, *chunk;

	if (i >= (uint64_t)ARRAYS * PER_ARRAY * PER_CHUNK)
		return NULL;
	array = __atomic_load_n(&h->arrays[i / PER_CHUNK / PER_ARRAY], __ATOMIC_ACQUIRE);
	if (array == NULL)
		return NULL;
	chunk = __atomic_load_n(&array[i / PER_CHUNK % PER_ARRAY], __ATOMIC_ACQUIRE);
	return chunk != NULL ? &chunk[i % PER_CHUNK] : NULL;
}

static inline struct ob_object *object_of(const struct ob_entry *e)
{
	return (struct ob_object *)(atomic_load_explicit(&((struct ob_entry *)(uintptr_t)e)->object, memory_order_relaxed) & ~(uint64_t)BUSY);
}

/*
 * The calling thread holds something in the arena that is no lock, for some instructions without a call: to die in between is as
 * bad as with a lock, and ends the sandbox.
 */
static inline struct pico_thread *hold(void)
{
	struct pico_thread *t = pico_current();

	atomic_store_explicit(&t->held, atomic_load_explicit(&t->held, memory_order_relaxed) + 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	return t;
}
static inline void unhold(struct pico_thread *t)
{
	atomic_store_explicit(&t->held, atomic_load_explicit(&t->held, memory_order_relaxed) - 1, memory_order_release);
}

/* Waits until it is not busy and makes it so; hold was called.  NULL: it is free. */
static inline struct ob_object *entry_take(struct ob_entry *e)
{
	for (unsigned n = 0;; n++) {
		uint64_t v = atomic_load_explicit(&e->object, memory_order_relaxed);

		if (v == 0)
			return NULL;
		if (LIKELY(!(v & BUSY)) && atomic_compare_exchange_weak_explicit(&e->object, &v, v | BUSY, memory_order_acquire, memory_order_relaxed))
			return (struct ob_object *)v;
		if (n % SPINS == SPINS - 1)
			(void)DkThreadYieldExecution(); /* its holder does not run */
		cpu_relax();
	}
}

static inline void entry_drop(struct ob_entry *e, struct ob_object *o)
{
	atomic_store_explicit(&e->object, (uint64_t)o, memory_order_release);
}
#endif
