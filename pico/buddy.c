/* SPDX-License-Identifier: MIT */
/* pico/buddy.c - see buddy.h.  No locks, no host: tested hosted in tests/unit. */

#include "pico/buddy.h"

unsigned buddy_order(size_t count)
{
	unsigned order = 0;

	while (((size_t)1 << order) < count)
		order++;
	return order;
}

static void push(struct buddy *b, uint64_t page, unsigned order, bool clean)
{
	uint32_t first = b->head[order];

	b->state[page] = (uint8_t)(BUDDY_FREE | (clean ? BUDDY_CLEAN : 0) | order);
	b->link[page] = (struct buddy_link){ .next = first };
	if (first != 0)
		b->link[first - 1].prev = (uint32_t)page + 1;
	b->head[order] = (uint32_t)page + 1;
}

static void pull(struct buddy *b, uint64_t page)
{
	unsigned order = b->state[page] & BUDDY_ORDER;
	struct buddy_link l = b->link[page];

	if (l.prev != 0)
		b->link[l.prev - 1].next = l.next;
	else
		b->head[order] = l.next;
	if (l.next != 0)
		b->link[l.next - 1].prev = l.prev;
	b->state[page] = 0;
}

/* Takes new pages from above top, aligned; what alignment skips becomes free blocks. */
static int64_t extend(struct buddy *b, unsigned order)
{
	uint64_t size = (uint64_t)1 << order;
	uint64_t at = ALIGN_UP(b->top, size);

	if (at + size > b->pages)
		return -1;
	while (b->top < at) {
		unsigned skip = (unsigned)__builtin_ctzll(b->top);

		push(b, b->top, skip, true);
		b->top += (uint64_t)1 << skip;
	}
	b->top = at + size;
	return (int64_t)at;
}

int64_t buddy_alloc(struct buddy *b, unsigned order, bool *clean)
{
	unsigned have = order;
	int64_t page;

	while (have < BUDDY_ORDERS && b->head[have] == 0)
		have++;
	if (have >= BUDDY_ORDERS) {
		page = order < BUDDY_ORDERS ? extend(b, order) : -1;
		if (page < 0)
			return -1;
		*clean = true;
	} else {
		page = (int64_t)b->head[have] - 1;
		*clean = (b->state[page] & BUDDY_CLEAN) != 0;
		pull(b, (uint64_t)page);
		while (have > order) {
			have--;
			push(b, (uint64_t)page + ((uint64_t)1 << have), have, *clean);
		}
	}
	b->state[page] = (uint8_t)(BUDDY_USED | order);
	return page;
}

unsigned buddy_free(struct buddy *b, uint64_t page, bool clean)
{
	unsigned order = b->state[page] & BUDDY_ORDER;
	unsigned up = order;

	b->state[page] = 0;
	if (!clean)
		b->freed += (uint64_t)1 << order;
	while (up + 1 < BUDDY_ORDERS) {
		uint64_t twin = page ^ ((uint64_t)1 << up);

		if (twin + ((uint64_t)1 << up) > b->top || (b->state[twin] & ~BUDDY_CLEAN) != (BUDDY_FREE | up))
			break;
		clean = clean && (b->state[twin] & BUDDY_CLEAN) != 0;
		pull(b, twin);
		page = MIN(page, twin);
		up++;
	}
	push(b, page, up, clean);
	return order;
}

void buddy_trim(struct buddy *b, unsigned min, bool (*give)(uint64_t page, unsigned order))
{
	for (unsigned order = min; order < BUDDY_ORDERS; order++) {
		for (uint32_t p = b->head[order]; p != 0; p = b->link[p - 1].next) {
			if ((b->state[p - 1] & BUDDY_CLEAN) == 0 && give(p - 1, order))
				b->state[p - 1] |= BUDDY_CLEAN;
		}
	}
	b->freed = 0;
}

unsigned buddy_used_order(const struct buddy *b, uint64_t page)
{
	return b->state[page] & BUDDY_USED ? b->state[page] & BUDDY_ORDER : BUDDY_ORDERS;
}
