/* SPDX-License-Identifier: MIT */
/*
 * pico/heap.c - the private heap: memory that fork copies with the address space.
 *
 * The same two allocators as the arena's, over a range of this picoprocess alone;
 * their records are in the image's own data.  Pages are committed in pieces of
 * CHUNK as the range grows and stay committed.  All locks here are private and are
 * taken by fork around the clone, so the child's copy is at rest.
 */

#include "pico/arena.h"
#include "pico/buddy.h"
#include "pico/internal.h"
#include "pico/slab.h"
#include "rt/mem.h"

#define HEAP_PAGES (1u << 18) /* 1 GB is room for the regions of any address space */
#define CHUNK      64u        /* pages */
#define FIRST_CHUNK 32u       /* what each start touches: all at once costs half as much as one by one */

static uint8_t heap_state[HEAP_PAGES] __attribute__((section(".bss.near"))); /* before the links: one page table for the start of both */
static struct buddy_link heap_links[HEAP_PAGES] BIG_BSS;
static struct {
	LOCK(PAGES) lock;
	struct buddy buddy;
	uint64_t committed; /* pages */
	struct slab_pool pool;
} heap FIRST_BSS;

void *heap_pages(size_t count);
void heap_pages_free(void *pages, size_t count);

void heap_boot(void)
{
	lock_init(&heap.lock, LOCK_PAGES);
	heap.buddy = (struct buddy){ .state = heap_state, .link = heap_links, .pages = HEAP_PAGES };
	slab_pool_init(&heap.pool, SLAB_HEAP);
}

/* Makes pages below top usable. */
static bool commit(uint64_t top)
{
	bool first = heap.committed == 0;
	uint64_t want = first ? ALIGN_UP(top, FIRST_CHUNK) : ALIGN_UP(top, CHUNK);
	uint64_t address = HEAP_BASE + (heap.committed << PAGE_SHIFT);

	if (top <= heap.committed)
		return true;
	if (DkVirtualMemoryAlloc(&address, (want - heap.committed) << PAGE_SHIFT, DK_MEM_COMMIT | DK_MEM_FIXED | (first ? DK_MEM_POPULATE : 0),
		DK_PROT_R | DK_PROT_W) != DK_OK)
		return false;
	heap.committed = want;
	return true;
}

static void *pages_dirty(size_t count, bool *clean)
{
	int64_t page;
	void *p = NULL;

	if (count == 0 || count > HEAP_PAGES)
		return NULL;
	lock_take(&heap.lock);
	page = buddy_alloc(&heap.buddy, buddy_order(count), clean);
	if (page >= 0 && commit(heap.buddy.top))
		p = (char *)HEAP_BASE + ((uint64_t)page << PAGE_SHIFT);
	else if (page >= 0)
		(void)buddy_free(&heap.buddy, (uint64_t)page, true);
	lock_drop(&heap.lock);
	return p;
}

void *heap_pages(size_t count)
{
	bool clean = false;
	void *p = pages_dirty(count, &clean);

	if (p != NULL && !clean)
		memset(p, 0, count << PAGE_SHIFT);
	return p;
}

void heap_pages_free(void *pages, size_t count)
{
	(void)count;
	lock_take(&heap.lock);
	(void)buddy_free(&heap.buddy, ((uint64_t)pages - HEAP_BASE) >> PAGE_SHIFT, false);
	lock_drop(&heap.lock);
}

void *heap_alloc(size_t size)
{
	if (size <= SLAB_MAX)
		return slab_alloc(&heap.pool, size);
	return heap_pages((size + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

void *heap_alloc_dirty(size_t size)
{
	bool clean = false;

	if (size <= SLAB_MAX)
		return slab_alloc(&heap.pool, size);
	return pages_dirty((size + PAGE_SIZE - 1) >> PAGE_SHIFT, &clean);
}

void heap_free(void *p)
{
	if (p == NULL)
		return;
	if ((uint64_t)p < HEAP_BASE || (uint64_t)p >= HEAP_BASE + HEAP_SIZE)
		panic("heap_free of %p", p);
	if (((uint64_t)p & ~PAGE_MASK) == 0)
		heap_pages_free(p, 0);
	else
		slab_free(p);
}

static size_t room_of(const void *p)
{
	if (((uint64_t)p & ~PAGE_MASK) != 0)
		return slab_size(p);
	return PAGE_SIZE << buddy_used_order(&heap.buddy, ((uint64_t)p - HEAP_BASE) >> PAGE_SHIFT);
}

void *heap_realloc(void *p, size_t size)
{
	void *q;

	if (p != NULL && room_of(p) >= size)
		return p;
	q = heap_alloc(size);
	if (q != NULL && p != NULL) {
		memcpy(q, p, room_of(p));
		heap_free(p);
	}
	return q;
}

void heap_fork_begin(void) LOCK_PRIMITIVE
{
	for (unsigned i = 0; i < SLAB_CLASSES; i++)
		lock_take(&heap.pool.class[i].lock);
	lock_take(&heap.lock);
}

void heap_fork_end(bool child) LOCK_PRIMITIVE
{
	if (child) {
		/* Siblings that queue here do not exist in the child. */
		for (unsigned i = 0; i < SLAB_CLASSES; i++)
			lock_init(&heap.pool.class[i].lock, LOCK_SLAB);
		lock_init(&heap.lock, LOCK_PAGES);
		return;
	}
	lock_drop(&heap.lock);
	for (unsigned i = 0; i < SLAB_CLASSES; i++)
		lock_drop(&heap.pool.class[i].lock);
}
