/* SPDX-License-Identifier: MIT */
/* Timers come out by deadline, equal ones in the order they went in, whatever was taken out between. */
#include "linux/misc/timer_heap.h"
#include "tests/unit/t.h"

#define N 2000

static struct lx_timer timer[N];

static uint32_t random_next(void)
{
	static uint32_t x = 1;

	x = x * 1664525 + 1013904223;
	return x >> 8;
}

int main(void)
{
	struct timer_heap h = { 0 };
	unsigned in = 0;

	T_CASE("timers come out in order after 20,000 changes");
	for (unsigned round = 0; round < 20000; round++) {
		struct lx_timer *tm = &timer[random_next() % N];

		if (timer_heap_has(tm)) {
			timer_heap_take(&h, tm);
			timer_heap_take(&h, tm);
			in--;
		} else {
			tm->deadline = 1 + random_next() % 500;
			timer_heap_put(&h, tm);
			in++;
		}
	}
	for (uint64_t last = 0, order = 0; h.first != NULL; in--) {
		struct lx_timer *tm = h.first;

		T_OK(tm->deadline > last || (tm->deadline == last && tm->order > order));
		last = tm->deadline;
		order = tm->order;
		timer_heap_take(&h, tm);
	}
	T_OK(in == 0);
	return T_DONE();
}
