/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/timer_heap.h - timers by deadline: a pairing heap, its links in the timers.
 *
 * The first is known; putting one in takes constant time, taking any out some steps of the logarithm of
 * their number, spread over all calls.  Of equal deadlines the one put in first comes first.
 * The caller's lock guards heap and links.
 */
#ifndef LINUX_MISC_TIMER_HEAP_H
#define LINUX_MISC_TIMER_HEAP_H

#include "linux/misc/timer.h"

struct timer_heap {
	struct lx_timer *first;
	uint64_t put; /* how many were ever put in */
};

static inline bool timer_heap_has(const struct lx_timer *tm)
{
	return tm->queued;
}
void timer_heap_put(struct timer_heap *h, struct lx_timer *tm);
void timer_heap_take(struct timer_heap *h, struct lx_timer *tm); /* harmless if it is not in the heap */
#endif
