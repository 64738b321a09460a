/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/shared.c - shared anonymous memory: pages of arena-data with a reference
 * count, mapped MAP_SHARED, so that fork's copy of an address space shows the same
 * pages.  SysV segments are the same with a struct behind them that counts attaches.
 */
#include "linux/mm/futex.h"
#include "linux/mm/mm_int.h"

struct shared_mem *shared_mem_new(uint64_t pages)
{
	struct shared_mem *m = arena_alloc(sizeof *m);

	if (m == NULL)
		return NULL;
	if (!data_alloc_lazy(pages, &m->page)) {
		arena_free(m);
		return NULL;
	}
	ref_init(&m->ref);
	m->count = pages;
	m->id = futex_new_mm_id();
	return m;
}

void shared_mem_get(struct shared_mem *m)
{
	ref_get(&m->ref);
	if (m->segment != NULL)
		sysv_shm_attached(m);
}

void shared_mem_put(struct shared_mem *m)
{
	if (m->segment != NULL)
		sysv_shm_detached(m);
	if (!ref_put(&m->ref))
		return;
	data_free_lazy(m->page, m->count);
	arena_free(m);
}
