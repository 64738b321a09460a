/* SPDX-License-Identifier: MIT */
/*
 * rt/range.c - the tree of address ranges: a treap.  Priorities are pseudo-random, so its depth, and with
 * it recursion, stays near 2 log n.
 */
#include "rt/range.h"

static uint64_t gap(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* Where the hole below n ends. */
static uint64_t edge(const struct range *n)
{
	return gap(n->margin, n->start);
}

/* What n's subtree is, from its children's. */
static void pull(struct range *n)
{
	uint64_t hole = 0;

	n->low = edge(n);
	n->high = n->end;
	if (n->left != NULL) {
		hole = MAX(n->left->hole, gap(n->left->high, n->low));
		n->low = n->left->low;
	}
	if (n->right != NULL) {
		hole = MAX(hole, MAX(n->right->hole, gap(n->end, n->right->low)));
		n->high = n->right->high;
	}
	n->hole = hole;
}

/* Parts n into what begins below addr and the rest. */
static void part(struct range *n, uint64_t addr, struct range **below, struct range **above)
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

static struct range *join(struct range *a, struct range *b)
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

struct range *range_next(const struct range_tree *t, uint64_t addr)
{
	struct range *best = NULL;

	for (struct range *n = t->root; n != NULL;) {
		bool above = n->end > addr;

		if (above)
			best = n;
		n = above ? n->left : n->right;
	}
	return best;
}

struct range *range_prev(const struct range_tree *t, uint64_t addr)
{
	struct range *best = NULL;

	for (struct range *n = t->root; n != NULL;) {
		bool below = n->start < addr;

		if (below)
			best = n;
		n = below ? n->right : n->left;
	}
	return best;
}

struct range *range_find(const struct range_tree *t, uint64_t addr)
{
	struct range *r = range_next(t, addr);

	return r != NULL && r->start <= addr ? r : NULL;
}

bool range_is_free(const struct range_tree *t, uint64_t start, uint64_t end)
{
	const struct range *r = range_next(t, start);

	return r == NULL || r->start >= end;
}

static uint32_t next_priority(struct range_tree *t)
{
	uint32_t x = t->seed != 0 ? t->seed : 0x9e3779b9u; /* xorshift */

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	t->seed = x;
	return x;
}

static struct range *insert_into(struct range *n, struct range *r)
{
	if (n == NULL || r->priority > n->priority) {
		part(n, r->start, &r->left, &r->right);
		pull(r);
		return r;
	}
	if (r->start < n->start)
		n->left = insert_into(n->left, r);
	else
		n->right = insert_into(n->right, r);
	pull(n);
	return n;
}

void range_insert(struct range_tree *t, struct range *r)
{
	r->left = r->right = NULL;
	r->priority = next_priority(t);
	t->root = insert_into(t->root, r);
	t->count++;
}

static struct range *remove_from(struct range *n, const struct range *r)
{
	if (n == r)
		return join(n->left, n->right);
	if (r->start < n->start)
		n->left = remove_from(n->left, r);
	else
		n->right = remove_from(n->right, r);
	pull(n);
	return n;
}

void range_remove(struct range_tree *t, struct range *r)
{
	t->root = remove_from(t->root, r);
	t->count--;
	r->left = r->right = NULL;
}

/* Pulls all nodes on the way down to r. */
static void pull_path(struct range *n, const struct range *r)
{
	if (n != r)
		pull_path(r->start < n->start ? n->left : n->right, r);
	pull(n);
}

void range_resize(struct range_tree *t, struct range *r, uint64_t start, uint64_t end)
{
	r->start = start;
	r->end = end;
	pull_path(t->root, r);
}

/* Lowest fitting place in [from, to). */
static uint64_t fit_up(uint64_t from, uint64_t to, uint64_t len, uint64_t align)
{
	uint64_t at = ALIGN_UP(from, align);

	return at >= from && at < to && to - at >= len ? at : 0;
}

static uint64_t fit_down(uint64_t from, uint64_t to, uint64_t len, uint64_t align)
{
	uint64_t at;

	if (to < from || to - from < len)
		return 0;
	at = ALIGN_DOWN(to - len, align);
	return at >= from ? at : 0;
}

struct hunt {
	uint64_t low, high, len, align;
};

/* In the subtree, which lies between the free edges from and to. */
static uint64_t hunt_up(const struct range *n, const struct hunt *h, uint64_t from, uint64_t to)
{
	uint64_t at;

	if (from >= h->high || to <= h->low)
		return 0;
	if (n == NULL)
		return fit_up(MAX(from, h->low), MIN(to, h->high), h->len, h->align);
	if (MAX(n->hole, MAX(gap(from, n->low), gap(n->high, to))) < h->len)
		return 0;
	at = hunt_up(n->left, h, from, edge(n));
	return at != 0 ? at : hunt_up(n->right, h, n->end, to);
}

static uint64_t hunt_down(const struct range *n, const struct hunt *h, uint64_t from, uint64_t to)
{
	uint64_t at;

	if (from >= h->high || to <= h->low)
		return 0;
	if (n == NULL)
		return fit_down(MAX(from, h->low), MIN(to, h->high), h->len, h->align);
	if (MAX(n->hole, MAX(gap(from, n->low), gap(n->high, to))) < h->len)
		return 0;
	at = hunt_down(n->right, h, n->end, to);
	return at != 0 ? at : hunt_down(n->left, h, from, edge(n));
}

uint64_t range_hole_up(const struct range_tree *t, uint64_t low, uint64_t high, uint64_t len, uint64_t align)
{
	struct hunt h = { low, high, len, align };

	return len == 0 || low >= high ? 0 : hunt_up(t->root, &h, 0, UINT64_MAX);
}

uint64_t range_hole_down(const struct range_tree *t, uint64_t low, uint64_t high, uint64_t len, uint64_t align)
{
	struct hunt h = { low, high, len, align };

	return len == 0 || low >= high ? 0 : hunt_down(t->root, &h, 0, UINT64_MAX);
}

static bool check(const struct range *n, uint64_t *last, uint32_t *count)
{
	struct range copy;

	if (n == NULL)
		return true;
	if ((n->left != NULL && n->left->priority > n->priority) || (n->right != NULL && n->right->priority > n->priority))
		return false;
	if (!check(n->left, last, count) || n->start < *last || n->end <= n->start)
		return false;
	*last = n->end;
	(*count)++;
	copy = *n;
	pull(&copy);
	return copy.low == n->low && copy.high == n->high && copy.hole == n->hole && check(n->right, last, count);
}

bool range_tree_check(const struct range_tree *t)
{
	uint64_t last = 0;
	uint32_t count = 0;

	return check(t->root, &last, &count) && count == t->count;
}
