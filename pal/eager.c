/* SPDX-License-Identifier: MIT */
/*
 * pal/eager.c - what a thread does before it sleeps in a wait.
 *
 * Who sleeps has to be woken, by a host call of somebody else, and where that is on another CPU it takes tens of microseconds. So
 * a thread whose last sleep was short stays awake a while and looks for what it waits for; who brings that calls nobody then.
 * The personality does so before it has queued itself anywhere (DkThreadLinger), which spares the queueing too; a wait of other
 * kinds looks for its word to change.
 *
 * First it gives its CPU away (sched_yield): the one that is to wake it may be waiting for just that CPU.  Two processes on one CPU
 * that answer each other then change places with one host call each instead of two.  Where that fails twice it spins: the other one
 * runs elsewhere.  What that is worth, and how long it rests when it was in vain too, spin.c knows.
 *
 * A yield is dear where others want the CPU as well, since the kernel lets each of them have a turn of milliseconds first.  One that
 * took so long makes for a long rest, longer each time, and those that do not make it shorter again.
 *
 * Times are in cycles of the CPU's counter: some 0.3 ns each, and nothing here has to be exact.
 */
#include "pal/pal.h"

#define CYCLES_NS      3u       /* roughly */
#define YIELD_CYCLES   100000u  /* longest time of giving the CPU away */
#define ALONE_CYCLES   1500u    /* a yield that was over that soon: nobody else wants the CPU */
#define CROWDED_CYCLES 1000000u
#define SPIN_NS        15000u
#define SPIN_LOOKS     4u       /* pauses between two looks of others than us */
#define SOON_NS        1000000u /* a deadline as near as that is not to be missed by a turn of somebody else's */
#define YIELD_FAILURES 2u
#define CROWDED_FIRST  1024u    /* sleeps */
#define CROWDED_MOST   65536u
#define CROWDED_HEALS  16u      /* a yield in time makes the next rest so much shorter */

enum yielded { ALONE, TURNED, CROWDED };
/* eager.linger: the last one began, and ended well if nothing else is said; or ended in vain, so the wait that follows is to
   sleep at once. */
enum { LINGER_NO, LINGER_BEGUN, LINGER_VAIN };

_Static_assert(sizeof(struct eager) == 8 * (TBP_EAGER_END - TBP_EAGER + 1), "its place in the thread block");

static struct eager *self(void)
{
	return (struct eager *)&pal_tb()->pal[TBP_EAGER];
}

static uint64_t cycles(void)
{
	return __builtin_ia32_rdtsc();
}

static bool changed(const struct thread *t, uint32_t word)
{
	return atomic_load_explicit(&t->word, memory_order_relaxed) != word;
}

static void succeeded(struct eager *e)
{
	e->spin.failures = e->spin.rest = 0;
}

static void failed(struct eager *e)
{
	if (!e->spins && pal_boot.ncpus > 1) {
		if (++e->spin.failures >= YIELD_FAILURES) {
			e->spins = 1;
			e->spin.failures = 0;
		}
	} else if (spin_failed(&e->spin)) {
		e->spins = 0;
	}
}

static enum yielded yield(struct eager *e, uint64_t now)
{
	uint64_t took;

	(void)HOST0(sched_yield);
	took = cycles() - now;
	if (took < ALONE_CYCLES)
		return ALONE;
	if (LIKELY(took < CROWDED_CYCLES)) {
		e->crowded -= MIN(e->crowded, CROWDED_HEALS);
		return TURNED;
	}
	e->crowded = e->crowded < CROWDED_FIRST ? CROWDED_FIRST : MIN(2 * e->crowded, CROWDED_MOST);
	e->spin.budget = e->spin.failures = 0;
	e->spin.left = e->crowded;
	return CROWDED;
}

static bool yields(struct eager *e, const struct thread *t, uint32_t word)
{
	uint64_t begin = cycles(), now = begin;
	enum yielded y;

	do {
		y = yield(e, now);
		if (changed(t, word)) {
			succeeded(e);
			return true;
		}
		now = cycles();
	} while (y == TURNED && now - begin < YIELD_CYCLES);
	if (y != CROWDED)
		failed(e);
	return false;
}

static bool is_soon(uint64_t deadline)
{
	return deadline != DK_FOREVER && deadline < pal_now() + SOON_NS;
}

bool eager_wait(const struct thread *t, uint32_t word, uint64_t deadline)
{
	struct eager *e = self();

	if (e->linger == LINGER_VAIN) {
		e->linger = LINGER_NO;
		return false;
	}
	if (e->spin.budget == 0)
		return false;
	if (!e->spins)
		return !is_soon(deadline) && yields(e, t, word);
	if (spin_look(&e->spin, &t->word, word, deadline))
		return true;
	e->spins = e->spin.budget != 0;
	return false;
}

uint64_t eager_sleeps(void)
{
	return cycles();
}

void eager_slept(uint64_t since)
{
	spin_learn(&self()->spin, (cycles() - since) / CYCLES_NS, SPIN_NS);
}

enum dk_status DkThreadLinger(uint64_t *since, uint64_t deadline)
{
	struct eager *e = self();
	uint64_t now;

	if (e->spin.budget == 0 || (*since == 0 && is_soon(deadline)))
		return DK_TIMEOUT;
	now = cycles();
	if (*since == 0) {
		if (e->linger == LINGER_BEGUN)
			succeeded(e);
		e->linger = LINGER_BEGUN;
		*since = now;
	} else if (now - *since > (e->spins ? CYCLES_NS * SPIN_NS : YIELD_CYCLES)) {
		failed(e);
		e->linger = LINGER_VAIN;
		return DK_TIMEOUT;
	}
	if (!e->spins && yield(e, now) == ALONE)
		*since = 1; /* long ago: one more look */
	for (unsigned i = 0; e->spins && i < SPIN_LOOKS; i++)
		cpu_relax();
	return DK_OK;
}
