/* SPDX-License-Identifier: MIT */
/* tests/unit/buddy_test.c - the page allocator: no overlap, full merging, cleanliness. */

#include <stdint.h>
#include <stdlib.h>

#include "pico/buddy.h"
#include "tests/unit/t.h"

#define PAGES 4096
static uint8_t state[PAGES];
static struct buddy_link links[PAGES];
static uint8_t owner[PAGES];

static struct buddy fresh(void)
{
	memset(state, 0, sizeof state);
	memset(owner, 0, sizeof owner);
	return (struct buddy){ .state = state, .link = links, .pages = PAGES };
}

static void test_limits(void)
{
	struct buddy b = fresh();
	bool clean;

	T_CASE("an order beyond the range is refused");
	T_EQ(buddy_alloc(&b, 13, &clean), -1);
	T_EQ(buddy_alloc(&b, BUDDY_ORDERS, &clean), -1);
	T_CASE("the whole range can be had once");
	T_EQ(buddy_alloc(&b, 12, &clean), 0);
	T_OK(clean);
	T_EQ(buddy_alloc(&b, 0, &clean), -1);
	T_CASE("freed pages are dirty and come back");
	T_EQ(buddy_free(&b, 0, false), 12);
	T_EQ(buddy_alloc(&b, 3, &clean), 0);
	T_OK(!clean);
	T_EQ(buddy_order(1), 0);
	T_EQ(buddy_order(5), 3);
}

static void take(struct buddy *b, unsigned order, int64_t *page)
{
	bool clean;

	*page = buddy_alloc(b, order, &clean);
	if (*page < 0)
		return;
	T_EQ(*page & ((1 << order) - 1), 0);
	for (int i = 0; i < 1 << order; i++) {
		T_EQ(owner[*page + i], 0);
		owner[*page + i] = 1;
	}
}

static void test_random(void)
{
	struct buddy b = fresh();
	static struct { int64_t page; unsigned order; } held[512];
	bool clean;

	T_CASE("100,000 random allocations and frees never overlap");
	srand(1);
	for (int i = 0; i < 512; i++)
		held[i].page = -1;
	for (int n = 0; n < 100000; n++) {
		int i = rand() % 512;

		if (held[i].page < 0) {
			held[i].order = (unsigned)rand() % 6;
			take(&b, held[i].order, &held[i].page);
		} else {
			memset(owner + held[i].page, 0, 1u << held[i].order);
			T_EQ(buddy_free(&b, (uint64_t)held[i].page, rand() % 2), held[i].order);
			held[i].page = -1;
		}
	}
	T_CASE("all freed, all merges: the whole range can be had again");
	for (int i = 0; i < 512; i++)
		if (held[i].page >= 0)
			(void)buddy_free(&b, (uint64_t)held[i].page, false);
	T_OK(buddy_alloc(&b, 11, &clean) >= 0);
}

static unsigned given;
static bool give(uint64_t page, unsigned order)
{
	(void)page;
	given += 1u << order;
	return true;
}

static void test_trim(void)
{
	struct buddy b = fresh();
	bool clean;

	T_CASE("trim gives dirty blocks back once");
	(void)buddy_alloc(&b, 10, &clean);
	(void)buddy_alloc(&b, 10, &clean);
	(void)buddy_free(&b, 0, false);
	buddy_trim(&b, 9, give);
	T_EQ(given, 1024);
	buddy_trim(&b, 9, give);
	T_EQ(given, 1024);
	T_EQ(buddy_alloc(&b, 10, &clean), 0);
	T_OK(clean);
}

int main(void)
{
	test_limits();
	test_random();
	test_trim();
	return T_DONE();
}
