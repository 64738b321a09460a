/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/barrier.c - membarrier for all threads of the sandbox (GLOBAL).
 *
 * Who runs guest code is interrupted and comes by on its way out, which is a barrier;
 * there it notes the number of the latest request it has seen (t->barrier_seen).  Who
 * sleeps in the library OS took locks to get there.  So a request is done when each thread
 * sleeps, ends, or has noted it.
 */
#include "linux/misc/cred.h"
#include "linux/proc/proc.h"
#include "linux/sig/internal.h"

static bool behind(const struct lx_thread *t, const struct lx_thread *o, uint32_t request)
{
	if (o == t || o->exiting || o->pico.sleeping || !o->pico.thread || o->proc == lx_state()->init)
		return false;
	return (int32_t)(__atomic_load_n(&o->barrier_seen, __ATOMIC_ACQUIRE) - request) < 0;
}

/* How many have not come by yet; first: they are asked to. */
static uint32_t count_behind(struct lx_thread *t, uint32_t request, bool first)
{
	struct lx_state *lx = lx_state();
	uint32_t n = 0;

	lock_take(&lx->tasklist);
	LIST_FOR(p, &lx->procs, struct lx_proc, all) {
		lock_take(&p->lock);
		LIST_FOR(o, &p->threads, struct lx_thread, sibling) {
			if (!behind(t, o, request))
				continue;
			n++;
			if (first)
				signal_interrupt(o);
		}
		lock_drop(&p->lock);
	}
	lock_drop(&lx->tasklist);
	return n;
}

long barrier_all(struct lx_thread *t)
{
	uint32_t request = atomic_fetch_add(&lx_state()->barriers, 1) + 1;

	atomic_thread_fence(memory_order_seq_cst);
	for (bool first = true; count_behind(t, request, first); first = false) {
		/* Who waits here is at a barrier himself: two who ask at once must not wait for each other. */
		__atomic_store_n(&t->barrier_seen, atomic_load(&lx_state()->barriers), __ATOMIC_SEQ_CST);
		if (thread_should_exit(t))
			return -EINTR;
		(void)DkThreadYieldExecution();
	}
	return 0;
}
