/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/vma.c - the tree of regions: a treap with, in each node, its subtree's
 * lowest and highest address and largest hole.
 *
 * Priorities are pseudo-random, so the depth stays near 2 log n and recursion is
 * bounded by that: 60 levels for the 65,530 regions that a host lets us have.
 * What grows down counts as beginning REGION_GUARD_GAP lower when holes are
 * measured, so that nothing is placed just below it.
 */
#include "linux/mm/vma.h"

static uint64_t region_low(const struct region *r)
{
	uint64_t gap = (r->flags & RF_GROWSDOWN) ? REGION_GUARD_GAP : 0;

	return r->start > gap ? r->start - gap : 0;
}

static uint64_t distance(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* Computes n's subtree values from its children's. */
static void pull(struct region *n)
{
	uint64_t hole = 0;

	n->low = region_low(n);
	n->high = n->end;
	if (n->left != NULL) {
		hole = MAX(n->left->hole, distance(n->left->high, n->low));
		n->low = n->left->low;
	}
	if (n->right != NULL) {
		hole = MAX(hole, MAX(n->right->hole, distance(n->end, n->right->low)));
		n->high = n->right->high;
	}
	n->hole = hole;
}

/* Parts n into what begins below addr and the rest. */
static void part(struct region *n, uint64_t addr, struct region **below, struct region **above)
{
	if (n == NULL) {
		*below = *above = NULL;
	} else if (n->start < addr) {
		part(n->right, addr, &n->right, above);
		pull(n);
		*below = n;
	} else {
		part(n->left, addr, below, &n->left);
		pull(n);
		*above = n;
	}
}

static struct region *join(struct region *a, struct region *b)
{
	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	if (a->priority > b->priority) {
		a->right = join(a->right, b);
		pull(a);
		return a;
	}
	b->left = join(a, b->left);
	pull(b);
	return b;
}

void region_tree_init(struct region_tree *t, uint32_t seed)
{
	*t = (struct region_tree){ .seed = seed != 0 ? seed : 1 };
}

struct region *region_next(const struct region_tree *t, uint64_t addr)
{
	struct region *best = NULL;

	for (struct region *n = t->root; n != NULL;) {
		if (n->end > addr) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

struct region *region_prev(const struct region_tree *t, uint64_t addr)
{
	struct region *best = NULL;

	for (struct region *n = t->root; n != NULL;) {
		if (n->start < addr) {
			best = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return best;
}

struct region *region_find(const struct region_tree *t, uint64_t addr)
{
	struct region *r = region_next(t, addr);

	return r != NULL && r->start <= addr ? r : NULL;
}

bool region_free_range(const struct region_tree *t, uint64_t start, uint64_t end)
{
	const struct region *r = region_next(t, start);

	return r == NULL || r->start >= end;
}

/* xorshift32 */
static uint32_t next_priority(struct region_tree *t)
{
	uint32_t x = t->seed;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	t->seed = x;
	return x;
}

static struct region *insert_at(struct region *n, struct region *r)
{
	if (n == NULL || r->priority > n->priority) {
		part(n, r->start, &r->left, &r->right);
		pull(r);
		return r;
	}
	if (r->start < n->start)
		n->left = insert_at(n->left, r);
	else
		n->right = insert_at(n->right, r);
	pull(n);
	return n;
}

void region_insert(struct region_tree *t, struct region *r)
{
	r->priority = next_priority(t);
	r->left = r->right = NULL;
	t->root = insert_at(t->root, r);
	t->count++;
}

static struct region *remove_at(struct region *n, struct region *r)
{
	if (n == r)
		return join(n->left, n->right);
	if (r->start < n->start)
		n->left = remove_at(n->left, r);
	else
		n->right = remove_at(n->right, r);
	pull(n);
	return n;
}

void region_remove(struct region_tree *t, struct region *r)
{
	t->root = remove_at(t->root, r);
	r->left = r->right = NULL;
	t->count--;
}

/* Recomputes the values on the way to r, which is found by its old start. */
static void refresh(struct region *n, const struct region *r, uint64_t key)
{
	if (n != r)
		refresh(key < n->start ? n->left : n->right, r, key);
	pull(n);
}

void region_resize(struct region_tree *t, struct region *r, uint64_t start, uint64_t end)
{
	r->offset += start - r->start;
	r->start = start;
	r->end = end;
	refresh(t->root, r, start);
}

void region_split(struct region_tree *t, struct region *r, uint64_t at, struct region *fresh)
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

struct hole_wish {
	uint64_t len, align;
};

static uint64_t fit_down(uint64_t low, uint64_t high, const struct hole_wish *w)
{
	uint64_t a;

	if (high < low || high - low < w->len)
		return 0;
	a = ALIGN_DOWN(high - w->len, w->align);
	return a >= low ? a : 0;
}

static uint64_t fit_up(uint64_t low, uint64_t high, const struct hole_wish *w)
{
	uint64_t a = ALIGN_UP(low, w->align);

	return a >= low && a < high && high - a >= w->len ? a : 0;
}

/* False if no hole in n's subtree or between it and the window's edges is large enough. */
static bool worth(const struct region *n, uint64_t low, uint64_t high, uint64_t len)
{
	return n->hole >= len || distance(low, n->low) >= len || distance(n->high, high) >= len;
}

static uint64_t search_down(const struct region *n, uint64_t low, uint64_t high, const struct hole_wish *w)
{
	uint64_t a;

	if (high <= low || high - low < w->len)
		return 0;
	if (n == NULL)
		return fit_down(low, high, w);
	if (!worth(n, low, high, w->len))
		return 0;
	a = search_down(n->right, MAX(low, n->end), high, w);
	return a != 0 ? a : search_down(n->left, low, MIN(high, region_low(n)), w);
}

static uint64_t search_up(const struct region *n, uint64_t low, uint64_t high, const struct hole_wish *w)
{
	uint64_t a;

	if (high <= low || high - low < w->len)
		return 0;
	if (n == NULL)
		return fit_up(low, high, w);
	if (!worth(n, low, high, w->len))
		return 0;
	a = search_up(n->left, low, MIN(high, region_low(n)), w);
	return a != 0 ? a : search_up(n->right, MAX(low, n->end), high, w);
}

uint64_t region_hole_down(const struct region_tree *t, uint64_t low, uint64_t high, uint64_t len, uint64_t align)
{
	struct hole_wish w = { len, align };

	return search_down(t->root, low, high, &w);
}

uint64_t region_hole_up(const struct region_tree *t, uint64_t low, uint64_t high, uint64_t len, uint64_t align)
{
	struct hole_wish w = { len, align };

	return search_up(t->root, low, high, &w);
}

bool region_mergeable(const struct region *a, const struct region *b)
{
	if (a->end != b->start || a->kind != b->kind || a->prot != b->prot || a->flags != b->flags ||
	    a->object != b->object || a->room != b->room || a->name != b->name || a->uffd != b->uffd || a->policy != b->policy || a->kind == REGION_ROOM || (b->flags & RF_GROWSDOWN))
		return false;
	return a->kind == REGION_ANON || a->offset + (a->end - a->start) == b->offset;
}

static bool check(const struct region *n, uint64_t low, uint64_t high, uint32_t *count)
{
	struct region copy;

	if (n == NULL)
		return true;
	copy = *n;
	pull(&copy);
	if (n->start >= n->end || n->start < low || n->end > high || copy.low != n->low || copy.high != n->high || copy.hole != n->hole)
		return false;
	if ((n->left != NULL && n->left->priority > n->priority) || (n->right != NULL && n->right->priority > n->priority))
		return false;
	(*count)++;
	return check(n->left, low, n->start, count) && check(n->right, n->end, high, count);
}

bool region_tree_check(const struct region_tree *t)
{
	uint32_t count = 0;

	return check(t->root, 0, UINT64_MAX, &count) && count == t->count;
}
