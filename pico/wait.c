/* SPDX-License-Identifier: MIT */
/* pico/wait.c - wait queues; pico/wait.h tells how they are used. */

#include "pico/wait.h"
#include "pico/internal.h"

void waitq_init(struct waitq *q)
{
	lock_init(&q->lock, LOCK_WAITQ);
	list_init(&q->head);
}

void waiter_init(struct waiter *w)
{
	list_init(&w->link);
	w->kind = PICO_WAITER_THREAD;
	w->flags = 0;
	w->thread = pico_current();
	w->data = NULL;
	w->fired = 0;
	w->key = UINT32_MAX;
	w->queue = NULL;
}

struct waiter *waiter_self(unsigned i)
{
	struct pico_thread *t = pico_current();

	ASSERT(i < PICO_THREAD_WAITERS);
	if (t->waiters_lent) {
		for (unsigned k = 0; k < PICO_THREAD_WAITERS; k++)
			waiter_init(&t->waiters[k]);
		t->waiters_lent = 0;
	}
	waiter_init(&t->waiters[i]);
	return &t->waiters[i];
}

/* Exclusive waiters queue at the end, so that a wake of all others comes first. */
void waitq_add(struct waitq *q, struct waiter *w)
{
	lock_take(&q->lock);
	if (w->flags & WAITER_EXCLUSIVE)
		list_append(&q->head, &w->link);
	else
		list_insert(&q->head, &w->link);
	w->queue = q;
	lock_drop(&q->lock);
}

void waitq_remove(struct waitq *q, struct waiter *w)
{
	lock_take(&q->lock);
	list_remove(&w->link);
	w->queue = NULL;
	lock_drop(&q->lock);
}

void waiter_abandon(struct waiter *w)
{
	struct waitq *q = w->queue;

	if (q == NULL)
		return;
	waitq_remove(q, w);
	waitq_wake_all(q);
}

void waiters_abandon(struct pico_thread *t)
{
	for (unsigned i = 0; i < PICO_THREAD_WAITERS && !t->waiters_lent; i++)
		waiter_abandon(&t->waiters[i]);
}

/* False: nobody was there to be woken, so that an exclusive wake goes on to the next. */
static bool tell(struct waiter *w, uint32_t key)
{
	if (w->kind == PICO_WAITER_THREAD) {
		dk_handle event = w->thread->event; /* once fired is seen, w may go */

		__atomic_store_n(&w->fired, 1, __ATOMIC_RELEASE);
		tell_handle(event);
	} else if (pico_provider->wake != NULL) {
		return pico_provider->wake(w, key);
	}
	return true;
}

static bool is_next(const struct waiter *w)
{
	return (w->flags & WAITER_EXCLUSIVE) && w->kind == PICO_WAITER_THREAD;
}

static NOINLINE unsigned wake_locked(struct waitq *q, unsigned n, uint32_t key, bool next_only)
{
	unsigned told = 0;

	lock_take(&q->lock);
	LIST_FOR_SAFE(w, next, &q->head, struct waiter, link) {
		if ((w->key & key) == 0 || (next_only && !is_next(w)))
			continue;
		if ((w->flags & WAITER_EXCLUSIVE) && n == 0)
			break;
		if (tell(w, key) && (w->flags & WAITER_EXCLUSIVE))
			n--;
		told++;
	}
	lock_drop(&q->lock);
	return told;
}

unsigned waitq_wake(struct waitq *q, unsigned n, uint32_t key)
{
	/* A waiter adds itself before it checks, a waker changes before it looks here: an empty
	   list seen behind a full fence means that the waiter will see the change. */
	atomic_thread_fence(memory_order_seq_cst);
	return list_empty(&q->head) ? 0 : wake_locked(q, n, key, false);
}

void waitq_wake_next(struct waitq *q)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (!list_empty(&q->head))
		(void)wake_locked(q, 1, UINT32_MAX, true);
}
