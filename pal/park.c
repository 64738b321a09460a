/* SPDX-License-Identifier: MIT */
/*
 * pal/park.c - host threads that wait to be used again.
 *
 * Making a host thread and ending it costs several times what waking one does.  So a thread
 * that has ended, for the Dk ABI, offers itself in one of a few places for PARK_MS, and
 * DkThreadCreate takes it from there: with its slot, host tid, alternate stack and filter, all of
 * which are every thread's alike.  Nobody has a handle to a parked thread, and it holds nothing
 * (thread.c has let go of its entry); it ends with the picoprocess, is not copied by a clone, and
 * ends by itself when its time is over, so that an idle sandbox has no wake-ups.
 *
 * A place's state goes
 *	FREE -> OWNED -> OFFERED <-> ASLEEP		by the thread itself
 *	OFFERED, ASLEEP -> TAKEN -> GO			by the maker
 *	GO -> FREE, ASLEEP -> FREE (time is over)	by the thread itself
 * and the other fields belong to whoever made it OWNED or TAKEN.
 */
#include "pal/pal.h"
#include "rt/mem.h"

#define PARKS   4u
#define PARK_MS 20
/*
 * Whom the end of a thread woke and who then makes the next takes longer for that than another waker would, since
 * its CPU slept; when both look, neither is woken again.
 */
#define PARK_SPIN_NS 60000u

enum { FREE, OWNED, OFFERED, ASLEEP, TAKEN, GO };

struct park {
	_Atomic uint32_t state; /* futex of a thread that is ASLEEP */
	uint32_t tid;
	uint64_t used; /* CPU time of the thread's earlier lives, ns */
	struct birth birth;
	struct spin spin; /* of the place's sleepers, one after the other */
} __attribute__((aligned(64)));
static struct park parks[PARKS];

void parks_after_clone(void)
{
	memset(parks, 0, sizeof parks);
}

struct park *park_offer(uint32_t tid)
{
	for (struct park *p = parks; p < parks + PARKS; p++) {
		uint32_t free = FREE;

		if (atomic_load_explicit(&p->state, memory_order_relaxed) != FREE || !atomic_compare_exchange_strong(&p->state, &free, OWNED))
			continue;
		p->tid = tid;
		p->used = thread_cpu_ns();
		atomic_store(&p->state, OFFERED);
		return p;
	}
	return NULL;
}

/* Waits until the state is another, or the time is over: then true. */
static bool doze(struct park *p)
{
	struct host_timespec ts = { 0, PARK_MS * 1000000 };
	uint32_t offered = OFFERED;
	uint64_t start;
	long result;

	if (spin_look(&p->spin, &p->state, OFFERED, DK_FOREVER))
		return false;
	if (!atomic_compare_exchange_strong(&p->state, &offered, ASLEEP) && offered != ASLEEP)
		return false;
	start = pal_now();
	result = HOST4(futex, &p->state, FUTEX_WAIT | FUTEX_PRIVATE, ASLEEP, &ts);
	if (pal_boot.ncpus > 1)
		spin_learn(&p->spin, pal_now() - start, PARK_SPIN_NS);
	return result == -HOST_ETIMEDOUT;
}

bool park_wait(struct park *p, struct birth *birth)
{
	uint32_t state;

	while ((state = atomic_load(&p->state)) != GO) {
		uint32_t asleep = ASLEEP;

		if (state == TAKEN) /* for a few instructions */
			(void)HOST0(sched_yield);
		else if (doze(p) && atomic_compare_exchange_strong(&p->state, &asleep, FREE))
			return false;
	}
	*birth = p->birth;
	atomic_store(&p->state, FREE);
	return true;
}

static void park_go(struct park *p, uint32_t was, const struct birth *birth)
{
	p->birth = *birth;
	p->birth.thread->cpu_base = p->used;
	atomic_store(&p->birth.thread->tid, p->tid);
	atomic_store(&p->state, GO);
	if (was == ASLEEP)
		(void)HOST3(futex, &p->state, FUTEX_WAKE | FUTEX_PRIVATE, 1);
}

bool park_take(const struct birth *birth)
{
	for (struct park *p = parks; p < parks + PARKS; p++) {
		uint32_t state = atomic_load_explicit(&p->state, memory_order_relaxed);

		if ((state != OFFERED && state != ASLEEP) || !atomic_compare_exchange_strong(&p->state, &state, TAKEN))
			continue;
		park_go(p, state, birth);
		return true;
	}
	return false;
}
