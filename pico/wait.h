/* SPDX-License-Identifier: MIT */
/*
 * pico/wait.h - wait queues.  The pattern, which loses no wake-up:
 *
 *	waitq_add(&o->wq, w);            w = waiter_self(i): one of the thread's own four
 *	while (!ready(o)) {              ready takes o's lock itself, or is atomic
 *		status = pico_wait(deadline, 0);
 *		if (status != DK_OK) break;  INTERRUPTED -> -ERESTARTSYS or -EINTR, TIMEOUT
 *	}
 *	waitq_remove(&o->wq, w);
 *
 * and the waker changes the object under its lock, then waitq_wake(&o->wq, n, key).
 * The event is latched, so a wake between the check and the wait is kept.
 */
#ifndef PICO_WAIT_H
#define PICO_WAIT_H

#include "pico/pico.h"

#define PICO_WAITER_THREAD   0u
#define PICO_WAITER_PROVIDER 1u /* first of the provider's own kinds */
#define WAITER_EXCLUSIVE     1u /* waitq_wake's n counts these only */

struct waitq {
	LOCK(WAITQ) lock;
	struct list head;
};

void waitq_init(struct waitq *q);
/* The calling thread's i-th waiter, reset: kind THREAD, key ~0. */
struct waiter *waiter_self(unsigned i);
/* Resets a waiter from elsewhere (arena) for the calling thread. */
void waiter_init(struct waiter *w);
void waitq_add(struct waitq *q, struct waiter *w);
void waitq_remove(struct waitq *q, struct waiter *w); /* harmless if it is not queued */
/* kproc: a thread that died at the host, waiting perhaps, leaves all queues; who queued behind it is woken. */
void waiter_abandon(struct waiter *w);
void waiters_abandon(struct pico_thread *t);
/*
 * Wakes all non-exclusive waiters and up to n exclusive ones whose w->key & key != 0;
 * returns how many were told.  With a THREAD waiter: w->fired = 1, pico_wake.
 * May be called with any lock above WAITQ held.
 */
unsigned waitq_wake(struct waitq *q, unsigned n, uint32_t key);
/* Tells one exclusive waiter that is a thread, and nobody else: who was woken leaves something for the next. */
void waitq_wake_next(struct waitq *q);
static inline void waitq_wake_all(struct waitq *q)
{
	(void)waitq_wake(q, UINT32_MAX, UINT32_MAX);
}
static inline bool waitq_busy(const struct waitq *q)
{
	return !list_empty(&q->head);
}
#endif
