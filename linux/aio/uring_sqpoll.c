/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring_sqpoll.c - IORING_SETUP_SQPOLL: a worker looks at the submission queue, so
 * that a program submits without a call.
 *
 * It yields between looks, and when nothing came for sq_thread_idle it says
 * IORING_SQ_NEED_WAKEUP, looks once more and sleeps until io_uring_enter kicks it.  It ends
 * with the ring or with the process that made it (EOWNERDEAD for others).
 */
#include "linux/aio/uring.h"

bool uring_sq_start(struct lx_thread *t, struct uring *ring)
{
	struct io_engine *eng = io_engine_get(t);

	if (eng == NULL)
		return false;
	uring_get(ring);
	ring->sq_worker = io_sq_worker(t, eng, ring);
	if (ring->sq_worker == NULL)
		uring_put(ring);
	return ring->sq_worker != NULL;
}

void uring_sq_kick(struct uring *ring)
{
	lock_take(&ring->lock); /* uring_sq_gone takes it too: the worker is there */
	if (ring->sq_worker != NULL)
		pico_wake(&ring->sq_worker->thread->pico);
	lock_drop(&ring->lock);
}

static bool sq_empty(struct uring *ring)
{
	return atomic_load(&ring->shared->sq_tail) == ring->sq_head;
}

static bool sq_full(struct uring *ring)
{
	return atomic_load(&ring->shared->sq_tail) - atomic_load(&ring->shared->sq_head) >= ring->sq_entries;
}

long uring_sq_wait(struct uring *ring)
{
	long err;

	WAIT_EVENT(&ring->sq_wq, DK_FOREVER, !sq_full(ring) || ring->sq_worker == NULL, err);
	return err == -ERESTARTSYS ? -EINTR : err;
}

void uring_sq_gone(struct io_worker *w)
{
	struct uring *ring = w->ring;

	lock_take(&ring->lock);
	ring->sq_worker = NULL;
	lock_drop(&ring->lock);
	(void)waitq_wake(&ring->sq_wq, UINT32_MAX, UINT32_MAX);
	uring_wake(ring);
	uring_put(ring);
}

static void sleep_until_kicked(struct uring *ring)
{
	atomic_fetch_or(&ring->shared->sq_flags, IORING_SQ_NEED_WAKEUP);
	atomic_thread_fence(memory_order_seq_cst);
	if (sq_empty(ring) && !ring->dying)
		(void)pico_wait(DK_FOREVER, DK_WAIT_UNINTERRUPTIBLE);
	atomic_fetch_and(&ring->shared->sq_flags, ~IORING_SQ_NEED_WAKEUP);
}

void uring_sq_loop(struct lx_thread *t, struct io_worker *w)
{
	struct uring *ring = w->ring;
	uint64_t last = pico_now();

	while (!ring->dying && __atomic_load_n(&w->eng->stopper, __ATOMIC_ACQUIRE) == NULL) {
		pico_tb()->work = 0;
		if (!ring->disabled && !sq_empty(ring)) {
			(void)uring_submit(t, ring, ring->sq_entries);
			last = pico_now();
		} else if (pico_now() - last > ring->sq_idle_ns) {
			sleep_until_kicked(ring);
			last = pico_now();
		} else {
			(void)DkThreadYieldExecution();
		}
	}
	uring_sq_gone(w);
}
