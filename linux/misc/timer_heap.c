/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/timer_heap.c - see timer_heap.h.
 *
 * Each timer is before all below it.  The children of one are a chain by next; prev is the one
 * before in the chain, or, of a first child, the parent.
 */
#include "linux/misc/timer_heap.h"

static bool is_before(const struct lx_timer *a, const struct lx_timer *b)
{
	return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

/* Two heaps become one; either may be NULL. */
static struct lx_timer *meld(struct lx_timer *a, struct lx_timer *b)
{
	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	if (is_before(b, a)) {
		struct lx_timer *swap = a;

		a = b;
		b = swap;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next != NULL)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* A chain of heaps becomes one: by pairs, then these from the last to the first. */
static struct lx_timer *meld_chain(struct lx_timer *chain)
{
	struct lx_timer *pairs = NULL, *all = NULL;

	while (chain != NULL) {
		struct lx_timer *a = chain, *b = a->next, *both;

		chain = b != NULL ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b != NULL)
			b->next = b->prev = NULL;
		both = meld(a, b);
		both->next = pairs;
		pairs = both;
	}
	while (pairs != NULL) {
		struct lx_timer *next = pairs->next;

		pairs->next = NULL;
		all = meld(all, pairs);
		pairs = next;
	}
	return all;
}

void timer_heap_put(struct timer_heap *h, struct lx_timer *tm)
{
	tm->child = tm->next = tm->prev = NULL;
	tm->order = h->put++;
	tm->queued = true;
	h->first = meld(h->first, tm);
}

void timer_heap_take(struct timer_heap *h, struct lx_timer *tm)
{
	struct lx_timer *below;

	if (!tm->queued)
		return;
	below = meld_chain(tm->child);
	if (tm == h->first) {
		h->first = below;
	} else {
		if (tm->prev->child == tm)
			tm->prev->child = tm->next;
		else
			tm->prev->next = tm->next;
		if (tm->next != NULL)
			tm->next->prev = tm->prev;
		h->first = meld(h->first, below);
	}
	tm->child = tm->next = tm->prev = NULL;
	tm->queued = false;
}
