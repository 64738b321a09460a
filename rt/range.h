/* SPDX-License-Identifier: MIT */
/*
 * rt/range.h - a balanced tree of address ranges that do not overlap.
 *
 * The regions of a Linux process, the allocations of an NT process and the runs of alike pages in one are such
 * trees.  Each node also knows its subtree's edges and largest hole, so that a place is found without walking
 * over all of them.  The tree allocates nothing: a node is the first member of its owner.  Who uses a tree
 * locks it.
 */
#ifndef RT_RANGE_H
#define RT_RANGE_H

#include "rt/base.h"

struct range {
	uint64_t start, end;
	struct range *left, *right;
	uint64_t low, high, hole; /* of the subtree */
	uint32_t priority;
	uint32_t margin; /* so many bytes below start belong to no hole either, though they are free */
};
struct range_tree {
	struct range *root;
	uint32_t count, seed;
};

/* First range that ends above addr; last one that begins below addr; the one that has addr.  NULL: none. */
struct range *range_next(const struct range_tree *t, uint64_t addr);
struct range *range_prev(const struct range_tree *t, uint64_t addr);
struct range *range_find(const struct range_tree *t, uint64_t addr);
bool range_is_free(const struct range_tree *t, uint64_t start, uint64_t end);
void range_insert(struct range_tree *t, struct range *r); /* overlaps nothing */
void range_remove(struct range_tree *t, struct range *r);
/* Moves r's edges; its place in the order stays. */
void range_resize(struct range_tree *t, struct range *r, uint64_t start, uint64_t end);
/* Lowest (highest) multiple of align >= low with len free bytes that end at or below high; 0: none. */
uint64_t range_hole_up(const struct range_tree *t, uint64_t low, uint64_t high, uint64_t len, uint64_t align);
uint64_t range_hole_down(const struct range_tree *t, uint64_t low, uint64_t high, uint64_t len, uint64_t align);
/* Order, heap and subtree values are right: for tests. */
bool range_tree_check(const struct range_tree *t);
#endif
