/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/posix_timer_ids.c - a process's POSIX timers by number.
 *
 * The number is an index; free slots are a chain.  The table grows twofold and goes with the last timer.
 * All under PROC.
 */
#include "linux/misc/posix_timer.h"

/* Timers by number.  A free slot has the next free one's number and 1 more, doubled and 1 more: no pointer is odd. */
struct timer_ids {
	uint32_t size, free; /* free: the first free slot's number and 1 more */
	uint64_t slot[];
};

struct posix_timer *posix_timer_find(struct lx_proc *p, int id)
{
	const struct timer_ids *ids = p->timer_ids;

	if (!ids || id < 0 || (uint32_t)id >= ids->size || ids->slot[id] & 1)
		return NULL;
	return (struct posix_timer *)ids->slot[id];
}

static bool more_ids(struct lx_proc *p) REQUIRES(PROC)
{
	struct timer_ids *old = p->timer_ids, *new;
	uint32_t from = old ? old->size : 0, size = from ? from * 2 : 14;

	new = arena_alloc(sizeof *new + size * sizeof *new->slot);
	if (!new)
		return false;
	if (old)
		memcpy(new->slot, old->slot, from * sizeof *new->slot);
	new->size = size;
	new->free = from + 1;
	for (uint32_t i = from; i < size; i++)
		new->slot[i] = (i + 1 < size ? (i + 2ull) << 1 : 0) | 1;
	arena_free(old);
	p->timer_ids = new;
	return true;
}

/* A number for pt, and pt among the timers. */
bool posix_timer_enter(struct lx_proc *p, struct posix_timer *pt)
{
	struct timer_ids *ids;

	if ((!p->timer_ids || !p->timer_ids->free) && !more_ids(p))
		return false;
	ids = p->timer_ids;
	pt->id = (int)ids->free - 1;
	ids->free = (uint32_t)(ids->slot[pt->id] >> 1);
	ids->slot[pt->id] = (uint64_t)pt;
	list_append(posix_timers(p), &pt->link);
	return true;
}

void posix_timer_leave(struct lx_proc *p, struct posix_timer *pt)
{
	struct timer_ids *ids = p->timer_ids;

	list_remove(&pt->link);
	ids->slot[pt->id] = (uint64_t)ids->free << 1 | 1;
	ids->free = (uint32_t)pt->id + 1;
	if (!list_empty(posix_timers(p)))
		return;
	arena_free(ids);
	p->timer_ids = NULL;
}
