/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring_cq.c - the completion queue.
 *
 * A CQE goes to the ring, or, if the guest has not taken enough out, to a list in the arena
 * that io_uring_enter works off in order (IORING_FEAT_NODROP).  Only cq_head is the guest's:
 * a wild one makes the ring look full or empty to that guest, and nothing else.
 */
#include "linux/aio/uring.h"

static uint32_t used(const struct uring *ring)
{
	return ring->cq_tail - atomic_load_explicit(&ring->shared->cq_head, memory_order_acquire);
}

uint32_t uring_cq_ready(struct uring *ring)
{
	return __atomic_load_n(&ring->cq_tail, __ATOMIC_ACQUIRE) - atomic_load(&ring->shared->cq_head);
}

static void put(struct uring *ring, uint64_t user_data, int32_t res, uint32_t cflags, const uint64_t *extra) REQUIRES(IOCTX)
{
	bool big = ring->flags & IORING_SETUP_CQE32;
	uint64_t at = ring->cq_tail & (ring->cq_entries - 1);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(void *)(ring->cqes + at * (big ? 32 : 16));

	cqe->user_data = user_data;
	cqe->res = res;
	cqe->flags = cflags;
	if (big) {
		cqe->big_cqe[0] = extra != NULL ? extra[0] : 0;
		cqe->big_cqe[1] = extra != NULL ? extra[1] : 0;
	}
	__atomic_store_n(&ring->cq_tail, ring->cq_tail + 1, __ATOMIC_RELEASE);
	atomic_store_explicit(&ring->shared->cq_tail, ring->cq_tail, memory_order_release);
}

static struct uring_overflow *cqe_new(struct uring *ring, uint64_t user_data, int32_t res, uint32_t cflags, const uint64_t *extra)
{
	struct uring_overflow *o = arena_alloc(sizeof *o);

	if (o == NULL) { /* lost: the one case in which Linux loses one too */
		atomic_fetch_add(&ring->shared->cq_overflow, 1);
		return NULL;
	}
	o->user_data = user_data;
	o->res = res;
	o->flags = cflags;
	if (extra != NULL) {
		o->extra[0] = extra[0];
		o->extra[1] = extra[1];
	}
	return o;
}

static void put_aside(struct uring *ring, uint64_t user_data, int32_t res, uint32_t cflags, const uint64_t *extra) REQUIRES(IOCTX)
{
	struct uring_overflow *o = cqe_new(ring, user_data, res, cflags, extra);

	if (o == NULL)
		return;
	list_append(&ring->overflow, &o->link);
	ring->noverflow++;
	atomic_fetch_or(&ring->shared->sq_flags, IORING_SQ_CQ_OVERFLOW);
}

static void put_or_aside(struct uring *ring, uint64_t user_data, int32_t res, uint32_t cflags, const uint64_t *extra) REQUIRES(IOCTX)
{
	if (list_empty(&ring->overflow) && used(ring) < ring->cq_entries)
		put(ring, user_data, res, cflags, extra);
	else
		put_aside(ring, user_data, res, cflags, extra);
}

/* ---- IORING_SETUP_DEFER_TASKRUN: what ends by itself is seen when the issuer asks for events ---- */

static bool held_back(struct uring *ring)
{
	struct lx_thread *t = lx_current();

	return (ring->flags & IORING_SETUP_DEFER_TASKRUN) && t->submitting != ring && atomic_load(&ring->reaper) != t;
}

static void hold(struct uring *ring, uint64_t user_data, int32_t res, uint32_t cflags, const uint64_t *extra) REQUIRES(IOCTX)
{
	struct uring_overflow *o = cqe_new(ring, user_data, res, cflags, extra);

	if (o == NULL)
		return;
	list_append(&ring->held, &o->link);
	if (ring->flags & IORING_SETUP_TASKRUN_FLAG)
		atomic_fetch_or(&ring->shared->sq_flags, IORING_SQ_TASKRUN);
}

static void release_held(struct uring *ring)
{
	if (list_empty(&ring->held))
		return;
	lock_take(&ring->lock);
	while (!list_empty(&ring->held)) {
		struct uring_overflow *o = LIST_FIRST(&ring->held, struct uring_overflow, link);

		list_remove(&o->link);
		put_or_aside(ring, o->user_data, o->res, o->flags, o->extra);
		arena_free(o);
	}
	atomic_fetch_and(&ring->shared->sq_flags, ~IORING_SQ_TASKRUN);
	lock_drop(&ring->lock);
}

void uring_reap(struct uring *ring, bool on)
{
	if (!(ring->flags & IORING_SETUP_DEFER_TASKRUN))
		return;
	atomic_store(&ring->reaper, on ? lx_current() : NULL);
	release_held(ring);
}

void uring_wake(struct uring *ring)
{
	(void)waitq_wake(&ring->wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
}

/* The eventfd, with a reference, if it is to be told. */
static struct file *eventfd_of(struct uring *ring) REQUIRES(IOCTX)
{
	struct file *f = ring->eventfd;

	if (f == NULL || (atomic_load(&ring->shared->cq_flags) & IORING_CQ_EVENTFD_DISABLED))
		return NULL;
	if (ring->eventfd_async && lx_current()->submitting == ring)
		return NULL; /* ended while it was submitted */
	file_get(f);
	return f;
}

void uring_post(struct uring *ring, uint64_t user_data, int32_t res, uint32_t cflags, const uint64_t *extra)
{
	struct file *f;

	lock_take(&ring->lock);
	if (UNLIKELY(held_back(ring)))
		hold(ring, user_data, res, cflags, extra);
	else
		put_or_aside(ring, user_data, res, cflags, extra);
	ring->completions++;
	f = eventfd_of(ring);
	lock_drop(&ring->lock);
	uring_wake(ring);
	if (f != NULL) {
		eventfd_signal(f);
		file_put(f);
	}
}

bool uring_flush_overflow(struct uring *ring)
{
	bool empty;

	if (atomic_load(&ring->reaper) == lx_current())
		release_held(ring);
	if (list_empty(&ring->overflow))
		return true;
	lock_take(&ring->lock);
	while (!list_empty(&ring->overflow) && used(ring) < ring->cq_entries) {
		struct uring_overflow *o = LIST_FIRST(&ring->overflow, struct uring_overflow, link);

		put(ring, o->user_data, o->res, o->flags, o->extra);
		list_remove(&o->link);
		ring->noverflow--;
		arena_free(o);
	}
	empty = list_empty(&ring->overflow);
	if (empty)
		atomic_fetch_and(&ring->shared->sq_flags, ~IORING_SQ_CQ_OVERFLOW);
	lock_drop(&ring->lock);
	return empty;
}
