/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/vma_test.c - the region tree against a plain array of pages: random
 * inserts, splits, removals and growths, and after each the same answers from both.
 * Hosted; run with the address and undefined-behaviour sanitizers.
 */
#include <stdlib.h>

#include "linux/mm/vma.h"
#include "tests/unit/t.h"

#define PAGES 3000u
#define BASE  0x10000ull
#define STEPS 60000u

static struct range_tree tree;
static struct region *owner[PAGES]; /* by page */

static uint64_t addr_of(unsigned page)
{
	return BASE + page * PAGE_SIZE;
}

static unsigned page_of(uint64_t addr)
{
	return (unsigned)((addr - BASE) / PAGE_SIZE);
}

static void paint(struct region *r, struct region *who)
{
	for (unsigned p = page_of(r->start); p < page_of(r->end); p++)
		owner[p] = who;
}

static unsigned pick(unsigned n)
{
	return (unsigned)rand() % n;
}

static bool is_free(unsigned from, unsigned to)
{
	for (unsigned p = from; p < to; p++)
		if (owner[p] != NULL)
			return false;
	return true;
}

static void add(void)
{
	unsigned from = pick(PAGES), len = 1 + pick(20);
	struct region *r;

	if (from + len > PAGES || !is_free(from, from + len))
		return;
	r = calloc(1, sizeof *r);
	r->start = addr_of(from);
	r->end = addr_of(from + len);
	r->offset = (uint64_t)pick(100) * PAGE_SIZE;
	region_insert(&tree, r);
	paint(r, r);
}

static void take(void)
{
	struct region *r = owner[pick(PAGES)];

	if (r == NULL)
		return;
	region_remove(&tree, r);
	paint(r, NULL);
	free(r);
}

static void split(void)
{
	struct region *r = owner[pick(PAGES)], *upper;
	unsigned len;
	uint64_t offset;

	if (r == NULL || (len = page_of(r->end) - page_of(r->start)) < 2)
		return;
	upper = calloc(1, sizeof *upper);
	offset = r->offset;
	region_split(&tree, r, r->start + (1 + pick(len - 1)) * PAGE_SIZE, upper);
	T_OK(r->end == upper->start && upper->offset == offset + (upper->start - r->start) && r->offset == offset);
	paint(upper, upper);
}

static void resize(void)
{
	struct region *r = owner[pick(PAGES)];
	unsigned from, to;

	if (r == NULL)
		return;
	from = page_of(r->start);
	to = page_of(r->end);
	paint(r, NULL);
	while (from > 0 && owner[from - 1] == NULL && pick(3) != 0)
		from--;
	while (to < PAGES && owner[to] == NULL && pick(3) != 0)
		to++;
	region_resize(&tree, r, addr_of(from), addr_of(to));
	paint(r, r);
}

static void compare_points(void)
{
	for (unsigned i = 0; i < 20; i++) {
		unsigned p = pick(PAGES), q = p;
		uint64_t a = addr_of(p) + pick(PAGE_SIZE);
		struct region *next = region_next(&tree, a), *prev = region_prev(&tree, addr_of(p));

		T_OK(region_find(&tree, a) == owner[p]);
		while (q < PAGES && owner[q] == NULL)
			q++;
		T_OK(next == (q < PAGES ? owner[q] : NULL));
		for (q = p; q > 0 && owner[q - 1] == NULL; q--)
			;
		T_OK(prev == (q > 0 ? owner[q - 1] : NULL));
		q = p + pick(PAGES - p);
		T_OK(range_is_free(&tree, addr_of(p), addr_of(q)) == is_free(p, q) || p == q);
	}
}

static void compare_holes(void)
{
	unsigned low = pick(PAGES), high = low + pick(PAGES - low), len = 1 + pick(30), align = 1u << pick(4);
	uint64_t down = 0, up = 0;

	for (unsigned p = low; p + len <= high; p++) {
		if (addr_of(p) % (align * PAGE_SIZE) != 0 || !is_free(p, p + len))
			continue;
		if (up == 0)
			up = addr_of(p);
		down = addr_of(p);
	}
	T_OK(range_hole_down(&tree, addr_of(low), addr_of(high), len * PAGE_SIZE, align * PAGE_SIZE) == down);
	T_OK(range_hole_up(&tree, addr_of(low), addr_of(high), len * PAGE_SIZE, align * PAGE_SIZE) == up);
}

static void random_steps(void)
{
	tree = (struct range_tree){ .seed = 12345 };
	for (unsigned i = 0; i < STEPS; i++) {
		switch (pick(i % 4000 < 2500 ? 4 : 8)) {
		case 0: case 1: add(); break;
		case 2: split(); break;
		case 3: resize(); break;
		default: take(); break;
		}
		if (i % 16 == 0) {
			T_OK(range_tree_check(&tree));
			compare_points();
			compare_holes();
		}
	}
	for (unsigned p = 0; p < PAGES; p++) {
		struct region *r = owner[p];

		if (r != NULL) {
			region_remove(&tree, r);
			paint(r, NULL);
			free(r);
		}
	}
	T_OK(tree.root == NULL && tree.count == 0);
}

static void guard_gap(void)
{
	struct region stack = { .start = 0x7f0000000000, .end = 0x7f0000100000, .flags = RF_GROWSDOWN }, upper = { 0 };

	tree = (struct range_tree){ .seed = 0 };
	region_insert(&tree, &stack);
	T_OK(range_hole_down(&tree, 0x10000, 0x7f0000100000, 0x1000, 0x1000) == 0x7f0000000000 - REGION_GUARD_GAP - 0x1000);
	region_split(&tree, &stack, 0x7f0000080000, &upper);
	T_OK((stack.flags & RF_GROWSDOWN) && !(upper.flags & RF_GROWSDOWN) && (upper.flags & RF_STACK));
	T_OK(range_tree_check(&tree));
}

static void merging(void)
{
	int file;
	struct region a = { .start = 0x1000, .end = 0x3000, .kind = REGION_FILE, .object = &file, .offset = 0x5000 };
	struct region b = { .start = 0x3000, .end = 0x4000, .kind = REGION_FILE, .object = &file, .offset = 0x7000 };
	struct region room = { .start = 0x1000, .end = 0x2000, .kind = REGION_ROOM }, room2 = { .start = 0x2000, .end = 0x3000, .kind = REGION_ROOM };

	T_OK(region_mergeable(&a, &b));
	b.offset = 0x8000;
	T_OK(!region_mergeable(&a, &b));
	a.kind = b.kind = REGION_ANON;
	T_OK(region_mergeable(&a, &b));
	b.prot = 1;
	T_OK(!region_mergeable(&a, &b));
	T_OK(!region_mergeable(&room, &room2));
}

/* As many regions as a host lets us have: the depth stays small enough for the library-OS stack. */
static unsigned depth(const struct range *n)
{
	unsigned l, r;

	if (n == NULL)
		return 0;
	l = depth(n->left);
	r = depth(n->right);
	return 1 + (l > r ? l : r);
}

static void many(void)
{
	enum { COUNT = 65530 };
	struct region *r = calloc(COUNT, sizeof *r);

	tree = (struct range_tree){ .seed = 99 };
	for (unsigned i = 0; i < COUNT; i++) {
		r[i].start = 0x100000000ull - i * 0x2000ull;
		r[i].end = r[i].start + 0x1000;
		region_insert(&tree, &r[i]);
	}
	T_OK(range_tree_check(&tree));
	T_OK(depth(tree.root) < 64);
	free(r);
}

int main(void)
{
	srand(1);
	T_CASE("random changes give the array's answers");
	random_steps();
	T_CASE("nothing is placed just below what grows down");
	guard_gap();
	T_CASE("what may be joined");
	merging();
	T_CASE("65,530 regions stay shallow");
	many();
	return T_DONE();
}
