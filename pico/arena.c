/* SPDX-License-Identifier: MIT */
/*
 * pico/arena.c - the arena and arena-data.
 *
 *	arena:	root page(s) | records of both page allocators | pages
 *
 * The records (a state byte and a link pair for each page) are sparse: only those
 * of pages ever used exist.  Pages are reserved against the sandbox's limit
 * before they are handed out, so a guest meets its limit as ENOMEM here and not as
 * the host's out-of-memory killer.  Each time 8 MB have been freed, free blocks of
 * 2 MB and more are given back to the host: taking back costs 3.6 us a page.
 */

#include "pico/arena.h"
#include "pico/buddy.h"
#include "pico/internal.h"
#include "pico/slab.h"
#include "rt/mem.h"

#define ARENA_MAGIC   0x79656c696162ull
#define ARENA_PAGES   (ARENA_SIZE >> PAGE_SHIFT)
#define DATA_PAGES    (DATA_SIZE >> PAGE_SHIFT)
#define POOLS         4u   /* of small objects: threads that allocate at the same time mostly use different ones */
#define GIVE_BACK     9u   /* order: 2 MB */
#define TRIM_AFTER    2048 /* dirty pages freed */

struct allocators {
	LOCK(PAGES) arena_lock, data_lock;
	struct buddy arena, data;
	struct slab_pool pool[POOLS];
};
_Static_assert(sizeof(struct allocators) <= sizeof(((struct arena_root *)0)->allocator), "arena_root.allocator is too small");

/* Places within the arena, in bytes from its base. */
#define AT_ARENA_STATE ALIGN_UP(sizeof(struct arena_root), PAGE_SIZE)
#define AT_ARENA_LINK  (AT_ARENA_STATE + ARENA_PAGES)
#define AT_DATA_STATE  (AT_ARENA_LINK + ARENA_PAGES * sizeof(struct buddy_link))
#define AT_DATA_LINK   (AT_DATA_STATE + DATA_PAGES)
#define AT_PAGES       ALIGN_UP(AT_DATA_LINK + DATA_PAGES * sizeof(struct buddy_link), 1ull << 32)

static struct allocators *alloc_state(void)
{
	return (struct allocators *)(void *)arena_root()->allocator;
}

void arena_make(uint64_t limit_pages, bool overcommit)
{
	struct arena_root *r = arena_root();
	struct allocators *a = alloc_state();
	char *base = (char *)r;

	r->version = ARENA_VERSION;
	r->limit_pages = limit_pages;
	r->overcommit = overcommit;
	lock_init(&a->arena_lock, LOCK_PAGES);
	lock_init(&a->data_lock, LOCK_PAGES);
	a->arena = (struct buddy){ .state = (uint8_t *)base + AT_ARENA_STATE, .link = (void *)(base + AT_ARENA_LINK),
		.pages = ARENA_PAGES, .top = AT_PAGES >> PAGE_SHIFT };
	/* Page 0 of arena-data is never handed out: offset 0 reads as "none". */
	a->data = (struct buddy){ .state = (uint8_t *)base + AT_DATA_STATE, .link = (void *)(base + AT_DATA_LINK),
		.pages = DATA_PAGES, .top = 1 };
	for (unsigned i = 0; i < POOLS; i++)
		slab_pool_init(&a->pool[i], SLAB_ARENA);
	r->magic = ARENA_MAGIC;
	__atomic_store_n(&r->ready, 1, __ATOMIC_RELEASE);
}

void arena_attach(void)
{
	struct arena_root *r = arena_root();

	if (!__atomic_load_n(&r->ready, __ATOMIC_ACQUIRE) || r->magic != ARENA_MAGIC || r->version != ARENA_VERSION)
		panic("the arena is not one of this build");
}

void arena_ask(void)
{
	struct arena_root *r = arena_root();
	struct dk_memory_usage u;
	uint64_t done;

	atomic_store(&r->asked_at, atomic_load(&r->pages_used) + atomic_load(&r->data_pages_used));
	if (DkVirtualMemoryQuery(DK_NO_HANDLE, 0, 0, DK_QUERY_TOTAL, &u, sizeof u, &done) == DK_OK && done == sizeof u)
		atomic_store(&r->guest_resident, u.anon);
}

/* Each time the shared pages have grown by a sixty-fourth of the limit, once they are a quarter of it. */
static void ask_sometimes(struct arena_root *r)
{
	uint64_t now = atomic_load_explicit(&r->pages_used, memory_order_relaxed) + atomic_load_explicit(&r->data_pages_used, memory_order_relaxed);

	if (UNLIKELY(now + r->limit_pages / 64 < atomic_load_explicit(&r->asked_at, memory_order_relaxed)))
		atomic_store_explicit(&r->asked_at, now, memory_order_relaxed);
	if (now > r->limit_pages / 4 && now > atomic_load_explicit(&r->asked_at, memory_order_relaxed) + r->limit_pages / 64)
		arena_ask();
}

/*
 * Guests that use more than there is are dealt with elsewhere (kproc ends one).  Until that has
 * happened kernel objects, up to a quarter of the limit, are had all the same, so that fork and
 * the like do not fail for somebody who has done nothing wrong; files and shared memory are not.
 */
static bool kernel_may(struct arena_root *r, const _Atomic uint64_t *used)
{
	return used == &r->pages_used && atomic_load_explicit(used, memory_order_relaxed) <= r->limit_pages / 4;
}

/* Takes pages against the limit, or says no. */
static bool reserve(_Atomic uint64_t *used, uint64_t pages)
{
	struct arena_root *r = arena_root();

	atomic_fetch_add_explicit(used, pages, memory_order_relaxed);
	if (UNLIKELY(r->overcommit))
		ask_sometimes(r);
	if (LIKELY(arena_in_use() <= r->limit_pages))
		return true;
	if (r->overcommit) {
		if (kernel_may(r, used))
			return true;
		arena_ask(); /* what was known may be old: processes have ended */
		if (arena_in_use() <= r->limit_pages)
			return true;
	}
	atomic_fetch_sub_explicit(used, pages, memory_order_relaxed);
	return false;
}

static bool take_count(_Atomic uint64_t *used, uint64_t pages)
{
	if (used != &arena_root()->lazy_pages)
		return reserve(used, pages);
	atomic_fetch_add_explicit(used, pages, memory_order_relaxed);
	return true;
}

static int64_t pages_take(struct buddy *b, LOCK(PAGES) *l, _Atomic uint64_t *used, size_t count, char *base)
{
	unsigned order = buddy_order(count);
	bool clean = false;
	int64_t page;

	if (count == 0 || order >= BUDDY_ORDERS || !reserve(used, 1ull << order))
		return -1;
	lock_take(l);
	page = buddy_alloc(b, order, &clean);
	lock_drop(l);
	if (page < 0)
		atomic_fetch_sub_explicit(used, 1ull << order, memory_order_relaxed);
	else if (!clean)
		memset(base + ((uint64_t)page << PAGE_SHIFT), 0, PAGE_SIZE << order);
	return page;
}

static bool give_arena(uint64_t page, unsigned order)
{
	return DkVirtualMemoryFree(ARENA_BASE + (page << PAGE_SHIFT), PAGE_SIZE << order, DK_MEM_DECOMMIT) == DK_OK;
}

static bool give_data(uint64_t page, unsigned order)
{
	return DkVirtualMemoryFree(DATA_BASE + (page << PAGE_SHIFT), PAGE_SIZE << order, DK_MEM_DECOMMIT) == DK_OK;
}

/* Frees count blocks from page on; all under one hold of the lock, a trim included: a block
   handed out meanwhile must not lose its new contents. */
static void pages_give(struct buddy *b, LOCK(PAGES) *l, _Atomic uint64_t *used, uint64_t page, size_t count)
{
	uint64_t freed = 0;

	lock_take(l);
	for (size_t i = 0; i < count; i++) {
		if (buddy_used_order(b, page + i) >= BUDDY_ORDERS)
			panic("free of page %lu, which is not in use", (unsigned long)(page + i));
		freed += 1ull << buddy_free(b, page + i, false);
	}
	if (b->freed >= TRIM_AFTER)
		buddy_trim(b, GIVE_BACK, b == &alloc_state()->arena ? give_arena : give_data);
	lock_drop(l);
	atomic_fetch_sub_explicit(used, freed, memory_order_relaxed);
}

void *arena_alloc_pages(size_t count)
{
	struct allocators *a = alloc_state();
	int64_t page = pages_take(&a->arena, &a->arena_lock, &arena_root()->pages_used, count, (char *)ARENA_BASE);

	return page < 0 ? NULL : (char *)ARENA_BASE + ((uint64_t)page << PAGE_SHIFT);
}

void arena_free_pages(void *p, size_t count)
{
	struct allocators *a = alloc_state();

	(void)count;
	pages_give(&a->arena, &a->arena_lock, &arena_root()->pages_used, ((uint64_t)p - ARENA_BASE) >> PAGE_SHIFT, 1);
}

static struct slab_pool *own_pool(void)
{
	const struct pico_thread *t = pico_current();

	return &alloc_state()->pool[t != NULL ? DK_HANDLE_INDEX(t->thread) % POOLS : 0];
}

void *arena_alloc(size_t size)
{
	if (size <= SLAB_MAX)
		return slab_alloc(own_pool(), size);
	return arena_alloc_pages((size + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

void arena_free(void *p)
{
	if (p == NULL)
		return;
	if ((uint64_t)p < ARENA_BASE || (uint64_t)p >= ARENA_BASE + ARENA_SIZE)
		panic("arena_free of %p", p);
	if (((uint64_t)p & ~PAGE_MASK) == 0)
		arena_free_pages(p, 0);
	else
		slab_free(p);
}

/* Largest power of two that keeps an exact count in one block is taken; the rest of the block is
   given back page-run by page-run, so that a 5-page file costs 5 pages and data_free may free any
   part of it.  Each page run is a block of its own in the records. */
static void split_tail(struct buddy *b, uint64_t page, unsigned order, size_t count, bool clean)
{
	uint64_t end = page + (1ull << order), at = page;

	/* Re-label [page, page+count) as single used pages, the tail as blocks, then free the tail. */
	for (; at < page + count; at++)
		b->state[at] = BUDDY_USED;
	while (at < end) {
		unsigned o = (unsigned)__builtin_ctzll(at);

		while (at + (1ull << o) > end)
			o--;
		b->state[at] = (uint8_t)(BUDDY_USED | o);
		(void)buddy_free(b, at, clean);
		at += 1ull << o;
	}
}

/* Makes used pages zero.  lazy: nobody may ever touch them, so they are given back instead. */
static void wipe(uint64_t page, size_t count, bool lazy)
{
	if (!lazy || DkVirtualMemoryFree(DATA_BASE + (page << PAGE_SHIFT), count << PAGE_SHIFT, DK_MEM_DECOMMIT) != DK_OK)
		memset(data_ptr(page), 0, count << PAGE_SHIFT);
}

static bool data_take(size_t count, uint64_t *page, _Atomic uint64_t *used, bool lazy)
{
	struct allocators *a = alloc_state();
	unsigned order = buddy_order(count);
	bool clean = false;
	int64_t got;

	if (count == 0 || order >= BUDDY_ORDERS || !take_count(used, count))
		return false;
	lock_take(&a->data_lock);
	got = buddy_alloc(&a->data, order, &clean);
	if (got >= 0)
		split_tail(&a->data, (uint64_t)got, order, count, clean);
	lock_drop(&a->data_lock);
	if (got < 0) {
		atomic_fetch_sub_explicit(used, count, memory_order_relaxed);
		return false;
	}
	if (!clean)
		wipe((uint64_t)got, count, lazy);
	*page = (uint64_t)got;
	return true;
}

/* Where what is in use is known, what was only asked for need not be counted. */
static _Atomic uint64_t *lazy_count(void)
{
	struct arena_root *r = arena_root();

	return r->overcommit ? &r->lazy_pages : &r->data_pages_used;
}

bool data_alloc(size_t count, uint64_t *page)
{
	return data_take(count, page, &arena_root()->data_pages_used, false);
}

bool data_alloc_lazy(size_t count, uint64_t *page)
{
	return data_take(count, page, lazy_count(), true);
}

void data_free_lazy(uint64_t page, size_t count)
{
	struct allocators *a = alloc_state();

	pages_give(&a->data, &a->data_lock, lazy_count(), page, count);
}

void data_free(uint64_t page, size_t count)
{
	struct allocators *a = alloc_state();

	pages_give(&a->data, &a->data_lock, &arena_root()->data_pages_used, page, count);
}

void ref_misused(const struct ref *r, uint32_t count)
{
	panic("reference count of %p: misused at %u", (const void *)r, count);
}

bool ref_get_live(struct ref *r)
{
	uint32_t old = atomic_load_explicit(&r->count, memory_order_relaxed);

	do {
		if (old == 0)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&r->count, &old, old + 1, memory_order_acquire, memory_order_relaxed));
	return true;
}
