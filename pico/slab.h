/* SPDX-License-Identifier: MIT */
/*
 * pico/slab.h - objects up to 2 KB out of page runs, for arena and heap alike.
 *
 * A run starts with struct slab, so no object lies at a page's first byte, and a
 * page-aligned pointer is a whole-page allocation.  Runs are SLAB_RUN pages,
 * aligned to their size, so the run of an object is its address rounded down.
 */
#ifndef PICO_SLAB_H
#define PICO_SLAB_H

#include "pico/lock.h"
#include "rt/list.h"

#define SLAB_RUN     4u /* pages */
#define SLAB_MAX     2048u
#define SLAB_CLASSES 12u

struct slab {
	struct list link; /* in its class's partial list; empty when full */
	void *free;       /* freed ones, linked through the objects' first words */
	uint32_t class, used, fresh, magic; /* fresh: offset from which on none was ever handed out */
	struct slab_pool *pool; /* it belongs to */
};
struct slab_class {
	LOCK(SLAB) lock;
	struct list partial;
	uint32_t spare; /* runs without a used object kept in partial */
	uint32_t pad;
};
struct slab_pool {
	struct slab_class class[SLAB_CLASSES];
	uint32_t ops; /* which page source: SLAB_ARENA, SLAB_HEAP */
	uint32_t pad;
};
enum { SLAB_ARENA, SLAB_HEAP };

void slab_pool_init(struct slab_pool *p, uint32_t ops);
void *slab_alloc(struct slab_pool *p, size_t size); /* zeroed; size <= SLAB_MAX */
void slab_free(void *object); /* into the pool it is from */
size_t slab_size(const void *object);
#endif
