/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/vma.c - regions in their tree.  What grows down counts as beginning REGION_GUARD_GAP lower when holes
 * are measured, so that nothing is placed just below it.
 */
#include "linux/mm/vma.h"

void region_insert(struct range_tree *t, struct region *r)
{
	r->range.margin = (r->flags & RF_GROWSDOWN) ? REGION_GUARD_GAP : 0;
	range_insert(t, &r->range);
}

void region_remove(struct range_tree *t, struct region *r)
{
	range_remove(t, &r->range);
}

void region_resize(struct range_tree *t, struct region *r, uint64_t start, uint64_t end)
{
	r->offset += start - r->start;
	r->range.margin = (r->flags & RF_GROWSDOWN) ? REGION_GUARD_GAP : 0;
	range_resize(t, &r->range, start, end);
}

void region_split(struct range_tree *t, struct region *r, uint64_t at, struct region *fresh)
{
	uint64_t end = r->end;

	*fresh = *r;
	fresh->start = at;
	fresh->offset = r->offset + (at - r->start);
	/* Only what is at the bottom grows down, and has the guard gap; the rest is still stack. */
	if (fresh->flags & RF_GROWSDOWN)
		fresh->flags = (fresh->flags & ~RF_GROWSDOWN) | RF_STACK;
	region_resize(t, r, r->start, at);
	fresh->end = end;
	region_insert(t, fresh);
}

bool region_mergeable(const struct region *a, const struct region *b)
{
	if (a->end != b->start || a->kind != b->kind || a->prot != b->prot || a->flags != b->flags ||
	    a->object != b->object || a->room != b->room || a->name != b->name || a->uffd != b->uffd || a->policy != b->policy || a->kind == REGION_ROOM || (b->flags & RF_GROWSDOWN))
		return false;
	return a->kind == REGION_ANON || a->offset + (a->end - a->start) == b->offset;
}
