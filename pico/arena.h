/* SPDX-License-Identifier: MIT */
/*
 * pico/arena.h - memory: the arena (shared kernel objects), arena-data (shared
 * pages of files, pipes, shared memory) and the private heap.
 *
 * All three are allocators for any thread.  Objects up to 2 KB come from size
 * classes (one kind of object per page run), larger ones from whole pages.  The
 * page allocator reserves against the sandbox's memory limit before it hands out
 * pages, and gives pages back to the host in batches.
 */
#ifndef PICO_ARENA_H
#define PICO_ARENA_H

#include "abi/layout.h"
#include "rt/base.h"

#define ARENA_VERSION 1u

/* First bytes of the arena. */
struct arena_root {
	uint64_t magic;
	uint32_t version, ready;
	uint64_t generation;        /* identity word: changes after restore or clone */
	uint32_t tracing, pad;      /* system calls are printed: 0 none, UINT32_MAX all, else of this process; read at each */
	void *provider_root[8];     /* by enum pico_provider_id: each personality's global state */
	_Atomic uint64_t pages_used, data_pages_used; /* 4 KB pages taken from arena and arena-data */
	uint64_t limit_pages;       /* memory limit of the sandbox in pages */
	_Atomic uint64_t guest_pages; /* private pages the guests' address spaces have committed */
	_Atomic uint64_t guest_resident; /* those in use, when the host was asked last (arena_ask) */
	_Atomic uint64_t asked_at;    /* pages_used + data_pages_used then */
	_Atomic uint64_t lazy_pages; /* arena-data given to shared mappings, which may not be touched */
	uint64_t overcommit;        /* 1: guests may commit what they like; the limit is for what is in use */
	_Atomic uint64_t faults_left;
	_Atomic uint64_t traps;       /* system calls that came by a trap, for --stats */
	_Atomic uint64_t text_pages;  /* pages of text that were changed */
	_Atomic uint32_t lock_spun[64], lock_slept[64]; /* by class: taken while somebody had it; after a sleep */
	uint64_t text[16];          /* pico/patch.c's own */
	uint64_t cpuid;             /* pico/cpuid.c's table */
	uint64_t allocator[512];    /* pico/arena.c's own */
};
static inline struct arena_root *arena_root(void)
{
	return (struct arena_root *)ARENA_BASE;
}

/* Pages in use: the library OS's shared ones, and the guests' private ones as known. */
static inline uint64_t arena_in_use(void)
{
	struct arena_root *r = arena_root();

	return atomic_load_explicit(&r->pages_used, memory_order_relaxed) + atomic_load_explicit(&r->data_pages_used, memory_order_relaxed) +
		atomic_load_explicit(r->overcommit ? &r->guest_resident : &r->guest_pages, memory_order_relaxed);
}
/* Asks the host what the guests' private pages in use are. */
void arena_ask(void);

/* Zeroed, 16-byte aligned; NULL when the limit is reached. */
void *arena_alloc(size_t size) MUST_CHECK;
void arena_free(void *p); /* NULL is fine */
void *arena_alloc_pages(size_t count) MUST_CHECK; /* contiguous, zeroed */
void arena_free_pages(void *p, size_t count);

/* The same from private memory (copied by fork).  heap_free needs no size. */
void *heap_alloc(size_t size) MUST_CHECK;
/* The same with unknown contents: for buffers that are written before they are read. */
void *heap_alloc_dirty(size_t size) MUST_CHECK;
void *heap_realloc(void *p, size_t size) MUST_CHECK;
void heap_free(void *p);

/* Contiguous zeroed pages of arena-data; number of the first in *page.  False: limit reached.
   data_ptr is their address in every picoprocess; data_offset what DkStreamMap takes. */
bool data_alloc(size_t count, uint64_t *page) MUST_CHECK;
void data_free(uint64_t page, size_t count);
/* The same for memory that guests map and may never touch: it counts when it is in use (where that is known). */
bool data_alloc_lazy(size_t count, uint64_t *page) MUST_CHECK;
void data_free_lazy(uint64_t page, size_t count);
static inline void *data_ptr(uint64_t page)
{
	return (void *)(DATA_BASE + (page << PAGE_SHIFT));
}
static inline uint64_t data_offset(uint64_t page)
{
	return page << PAGE_SHIFT;
}

/* Reference counts that trap on misuse. */
struct ref {
	_Atomic uint32_t count;
};
static inline void ref_init(struct ref *r)
{
	atomic_store_explicit(&r->count, 1, memory_order_relaxed);
}
#define REF_MAX 0x7fffffffu
void ref_misused(const struct ref *r, uint32_t count) NORETURN; /* panics */
static inline void ref_get(struct ref *r)
{
	uint32_t old = atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);

	if (UNLIKELY(old == 0 || old >= REF_MAX))
		ref_misused(r, old);
}
bool ref_get_live(struct ref *r) MUST_CHECK; /* false if it already reached 0 */
/* True: that was the last one. */
static inline MUST_CHECK bool ref_put(struct ref *r)
{
	/* Release our writes to whoever destroys; acquire everybody's if we do. */
	uint32_t old = atomic_fetch_sub_explicit(&r->count, 1, memory_order_acq_rel);

	if (UNLIKELY(old == 0))
		ref_misused(r, old);
	return old == 1;
}
#endif
