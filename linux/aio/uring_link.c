/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring_link.c - from the submission queue to requests: copying SQEs,
 * chains (IOSQE_IO_LINK), and those that wait for all before them (IOSQE_IO_DRAIN).
 *
 * One thread at a time submits to a ring; it holds no lock meanwhile, as it runs what it
 * submits.  A chain is run from its head; a chain with a fault in it ends as a whole.
 */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

/* ---- Chains ---- */

void uring_cancel_chain(struct lx_thread *t, struct uring_req *r, bool quiet)
{
	while (r != NULL) {
		struct uring_req *next = r->link;

		r->link = NULL;
		r->failed = true;
		r->quiet = quiet;
		(void)uring_finish(t, r, r->init_err != 0 ? r->init_err : -ECANCELED);
		r = next;
	}
}

static uint32_t chain_length(const struct uring_req *r)
{
	uint32_t n = 0;

	for (; r != NULL; r = r->link)
		n++;
	return n;
}

static bool chain_drains(const struct uring_req *r)
{
	for (; r != NULL; r = r->link)
		if (r->sqe.flags & IOSQE_IO_DRAIN)
			return true;
	return false;
}

static bool chain_broken(const struct uring_req *r)
{
	for (; r != NULL; r = r->link)
		if (r->init_err != 0)
			return true;
	return false;
}

static void count_started(struct uring *ring, struct uring_req *head) REQUIRES(IOCTX)
{
	for (struct uring_req *r = head; r != NULL; r = r->link)
		r->started = true;
	ring->inflight += chain_length(head);
}

static bool must_defer(struct uring *ring, const struct uring_req *head) REQUIRES(IOCTX)
{
	return !list_empty(&ring->deferred) || (ring->inflight != 0 && chain_drains(head));
}

void uring_queue_chain(struct lx_thread *t, struct uring_req *head)
{
	struct uring *ring = head->ring;
	bool later;

	lock_take(&ring->lock);
	later = must_defer(ring, head);
	if (later)
		list_append(&ring->deferred, &head->io.pending);
	else
		count_started(ring, head);
	lock_drop(&ring->lock);
	if (later)
		return;
	if (head->link != NULL && chain_broken(head))
		uring_cancel_chain(t, head, false);
	else
		uring_start(t, head);
}

/* The first that need not wait any more, or NULL. */
static struct uring_req *take_deferred(struct uring *ring)
{
	struct uring_req *head = NULL;

	lock_take(&ring->lock);
	if (!list_empty(&ring->deferred)) {
		head = (struct uring_req *)LIST_FIRST(&ring->deferred, struct io_req, pending);
		if (ring->inflight != 0 && chain_drains(head)) {
			head = NULL;
		} else {
			list_remove(&head->io.pending);
			count_started(ring, head);
		}
	}
	lock_drop(&ring->lock);
	return head;
}

void uring_undefer(struct lx_thread *t, struct uring *ring)
{
	struct uring_req *head;

	while ((head = take_deferred(ring)) != NULL) {
		if (head->link != NULL && chain_broken(head))
			uring_cancel_chain(t, head, false);
		else
			uring_hand_over(t, head);
	}
}

/* ---- SQEs ---- */

/* The credentials of a registered personality, copied. */
static long take_personality(struct uring *ring, struct uring_req *r)
{
	uint32_t id = r->sqe.personality;

	if (id == 0)
		return 0;
	r->cred = arena_alloc(sizeof *r->cred);
	if (r->cred == NULL)
		return -ENOMEM;
	lock_take(&ring->lock);
	id = id <= URING_PERSONALITIES && ring->personality[id - 1] != NULL ? id : 0;
	if (id != 0)
		io_cred_keep(r->cred, ring->personality[id - 1]);
	lock_drop(&ring->lock);
	return id != 0 ? 0 : -EINVAL;
}

/* Copies the next SQE: false if there is none (or a wrong index, which is counted as dropped). */
static bool take_sqe(struct uring *ring, struct io_uring_sqe *out)
{
	uint32_t index, tail = atomic_load_explicit(&ring->shared->sq_tail, memory_order_acquire);
	uint32_t step = ring->flags & IORING_SETUP_SQE128 ? 128 : 64;

	if (tail == ring->sq_head)
		return false;
	index = atomic_load_explicit(&ring->array[ring->sq_head & (ring->sq_entries - 1)], memory_order_relaxed);
	ring->sq_head++;
	if (index >= ring->sq_entries) {
		atomic_fetch_add(&ring->shared->sq_dropped, 1);
		return false;
	}
	memcpy(out, ring->sqes + (uint64_t)index * step, sizeof *out);
	atomic_signal_fence(memory_order_seq_cst); /* the copy is what counts from here on */
	return true;
}

/* ---- One io_uring_enter's worth ---- */

struct batch {
	struct uring_req *head, *last; /* the chain that is being built */
};

/* A LINK_TIMEOUT is no step of the chain: it watches the one before it. */
static void append(struct batch *b, struct uring_req *r)
{
	if (b->head == NULL)
		b->head = r;
	else if (r->sqe.opcode == IORING_OP_LINK_TIMEOUT && r->init_err == 0 && b->last->guard == NULL &&
		 b->last->sqe.opcode != IORING_OP_LINK_TIMEOUT) {
		b->last->guard = r;
		r->head = b->last;
		return;
	} else
		b->last->link = r;
	b->last = r;
}

/* True: the chain (or the single request) is complete. */
static bool add_to(struct batch *b, struct uring_req *r)
{
	bool more = r->sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);

	append(b, r);
	return !more;
}

static void flush(struct lx_thread *t, struct batch *b)
{
	struct uring_req *head = b->head;

	b->head = b->last = NULL;
	if (head != NULL)
		uring_queue_chain(t, head);
}

/* False: no more are taken now. */
static bool submit_one(struct lx_thread *t, struct uring *ring, struct io_engine *eng, struct batch *b, uint32_t *done)
{
	struct uring_req *r = uring_req_new(ring, eng);
	bool wrong;

	if (r == NULL)
		return false;
	if (!take_sqe(ring, &r->sqe)) {
		io_req_done(&r->io);
		uring_put(ring);
		arena_free(r);
		return false;
	}
	atomic_store_explicit(&ring->shared->sq_head, ring->sq_head, memory_order_release);
	r->init_err = uring_check(ring, &r->sqe);
	if (r->init_err == 0)
		r->init_err = take_personality(ring, r);
	wrong = r->init_err != 0 && !(r->sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK));
	if (add_to(b, r))
		flush(t, b);
	*done += 1;
	return !wrong || (ring->flags & IORING_SETUP_SUBMIT_ALL);
}

static long become_submitter(struct lx_thread *t, struct uring *ring)
{
	struct lx_thread *none = NULL;
	long err;

	if (atomic_compare_exchange_strong(&ring->submitter, &none, t)) {
		t->submitting = ring;
		return 0;
	}
	WAIT_EVENT(&ring->sq_wq, DK_FOREVER, (none = NULL, atomic_compare_exchange_strong(&ring->submitter, &none, t)), err);
	if (err == 0)
		t->submitting = ring;
	return err == -ERESTARTSYS ? -EINTR : err;
}

static void leave(struct lx_thread *t, struct uring *ring)
{
	t->submitting = NULL;
	atomic_store(&ring->submitter, NULL);
	(void)waitq_wake(&ring->sq_wq, 1, UINT32_MAX);
}

void uring_submitter_died(struct lx_thread *t)
{
	struct uring *ring = t->submitting;

	if (ring != NULL)
		leave(t, ring);
}

long uring_submit(struct lx_thread *t, struct uring *ring, uint32_t count)
{
	struct io_engine *eng = io_engine_get(t);
	struct batch b = { NULL, NULL };
	uint32_t done = 0;
	long err;

	if (eng == NULL)
		return -ENOMEM;
	err = become_submitter(t, ring);
	if (err != 0)
		return err;
	if (t->worker == NULL && (ring->flags & IORING_SETUP_SQPOLL))
		count = 0;
	count = MIN(count, ring->sq_entries);
	while (done < count && submit_one(t, ring, eng, &b, &done))
		;
	flush(t, &b);
	atomic_store_explicit(&ring->shared->sq_head, ring->sq_head, memory_order_release);
	leave(t, ring);
	if (!list_empty(&eng->ready))
		(void)io_run(t, eng);
	return done;
}
