/* SPDX-License-Identifier: MIT */
/*
 * pal/spin.c - looking a while before sleeping.
 *
 * Waking a CPU costs tens of microseconds, so who slept only shortly the last time looks a
 * while for its word to change first.  When that fails a few times in a row (the other one runs
 * on this CPU, say), it rests for some sleeps, each time for twice as many, until a look is worth it
 * again: who can gain finds out soon, who cannot pays nearly nothing.  What is learnt belongs to one
 * sleeper at a time: no locks.
 */
#include "pal/pal.h"

#define SHORT_SLEEP   100000u /* ns: a sleep this short would better have been a spin */
#define SPIN_FAILURES 2u
#define REST_FIRST    16u /* sleeps */
#define REST_MOST     2048u

static void rest(struct spin *s)
{
	s->budget = 0;
	s->failures = 0;
	s->left = MAX(s->rest, REST_FIRST);
	s->rest = MIN(s->left * 2, REST_MOST);
}

bool spin_failed(struct spin *s)
{
	if (++s->failures < SPIN_FAILURES)
		return false;
	rest(s);
	return true;
}

bool spin_look(struct spin *s, const _Atomic uint32_t *word, uint32_t old, uint64_t deadline)
{
	uint64_t end, now;

	if (s->budget == 0)
		return false;
	now = pal_now();
	end = MIN(now + s->budget, deadline);
	for (; now < end; now = pal_now()) {
		for (unsigned i = 0; i < 20; i++) {
			if (atomic_load_explicit(word, memory_order_relaxed) != old) {
				s->failures = s->rest = 0;
				return true;
			}
			cpu_relax();
		}
	}
	(void)spin_failed(s);
	return false;
}

void spin_learn(struct spin *s, uint64_t slept, uint32_t budget)
{
	if (s->left)
		s->left--;
	else if (s->budget == 0 && slept < SHORT_SLEEP)
		s->budget = budget;
}
