/* SPDX-License-Identifier: MIT */
/*
 * pico/buddy.h - a page allocator over a sparse range, with all its records outside
 * the range: free pages of arena-data must stay untouched once given back.
 *
 * Blocks are powers of two.  state[page] of a block's first page is FREE|order or
 * USED|order, 0 inside blocks and beyond `top`.  Free blocks are linked by page
 * number through link[].  A block knows whether its contents are zero (CLEAN):
 * the caller clears a dirty one, and gives large dirty ones back to the host.
 */
#ifndef PICO_BUDDY_H
#define PICO_BUDDY_H

#include "rt/base.h"

#define BUDDY_ORDERS 25 /* up to 2^24 pages = 64 GB in one block */
#define BUDDY_FREE   0x80
#define BUDDY_USED   0x40
#define BUDDY_CLEAN  0x20
#define BUDDY_ORDER  0x1f

struct buddy_link {
	uint32_t next, prev; /* page + 1; 0 = none */
};
struct buddy {
	uint8_t *state;
	struct buddy_link *link;
	uint64_t pages; /* in the range */
	uint64_t top;   /* pages below were in use at some time */
	uint64_t freed; /* dirty pages freed since the last trim */
	uint32_t head[BUDDY_ORDERS]; /* page + 1 of the first free block of each order */
};

/* The order that holds count pages. */
unsigned buddy_order(size_t count);
/* First page of a free block, or -1.  *clean: its pages are zero.  Caller locks. */
int64_t buddy_alloc(struct buddy *b, unsigned order, bool *clean);
/* Frees the block that starts at page, clean if its pages are zero; returns its order.  Merges
   with its neighbours; the result is clean only if all parts are. */
unsigned buddy_free(struct buddy *b, uint64_t page, bool clean);
/* Calls give(page, order) for each dirty free block of at least order min; those for which it
   returns true are clean from then on. */
void buddy_trim(struct buddy *b, unsigned min, bool (*give)(uint64_t page, unsigned order));
unsigned buddy_used_order(const struct buddy *b, uint64_t page);
#endif
