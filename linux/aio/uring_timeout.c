/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring_timeout.c - TIMEOUT, TIMEOUT_REMOVE, LINK_TIMEOUT.
 *
 * A timeout is a parked request with a timer of kproc's (misc/timer.c).  Whoever claims the
 * request ends it: kproc when the time is over, who posts the CQE that it counted to, who
 * removes it.  Who claims it turns the timer off, which waits for a firing under way; kproc,
 * as the timer's own thread, does not.
 *
 * A LINK_TIMEOUT is tied to the request it watches (guard, head) under the ring's lock, and
 * begins when that one waits.  Whichever ends first unties them.
 */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

static int clock_of(uint32_t flags)
{
	if (flags & IORING_TIMEOUT_BOOTTIME)
		return 7; /* CLOCK_BOOTTIME */
	return flags & IORING_TIMEOUT_REALTIME ? 0 : 1;
}

/* The guest's timespec at addr as a deadline of our clock. */
static long deadline_of(struct gva addr, uint32_t flags, uint64_t *deadline)
{
	uint64_t ns;
	long err = user_timespec_in(addr, &ns);

	if (err != 0)
		return err;
	if (flags & IORING_TIMEOUT_ABS)
		*deadline = clock_of(flags) == 1 ? ns : clock_to_mono(clock_of(flags), ns);
	else if (ADD_OVERFLOW(pico_now(), ns, deadline))
		*deadline = DK_FOREVER - 1;
	*deadline = MAX(*deadline, (uint64_t)1);
	return 0;
}

void uring_timer_off(struct uring_req *r)
{
	timer_disarm(&r->timer);
	r->has_timer = false;
}

static void set_timer(struct uring_req *r, uint64_t deadline)
{
	timer_init(&r->timer, TIMER_URING, r);
	r->has_timer = true;
	timer_arm(&r->timer, deadline, 0);
}

/* A claimed timeout ends. */
static void end_timeout(struct lx_thread *t, struct uring_req *r, long res)
{
	struct uring *ring = r->ring;

	if (r->has_timer)
		uring_timer_off(r);
	lock_take(&ring->lock);
	ring->timeouts_done++;
	ring->completions--; /* its own CQE does not count */
	if (r->counted)
		ring->counted--;
	r->counted = false;
	lock_drop(&ring->lock);
	uring_end(t, r, res);
}

/* ---- Time is over ---- */

static struct uring_req *untie_head(struct uring_req *guard)
{
	struct uring *ring = guard->ring;
	struct uring_req *head;

	lock_take(&ring->lock);
	head = guard->head;
	if (head != NULL)
		head->guard = NULL;
	guard->head = NULL;
	if (head != NULL && !io_claim(&head->io))
		head = NULL; /* it is being run: told to give up, and not freed while we hold the lock */
	lock_drop(&ring->lock);
	return head;
}

void uring_timer_fired(struct lx_timer *tm)
{
	struct uring_req *r = tm->owner, *head = NULL;
	struct lx_thread *t = lx_current();

	if (!io_claim(&r->io))
		return;
	if (r->sqe.opcode == IORING_OP_LINK_TIMEOUT)
		head = untie_head(r);
	end_timeout(t, r, -ETIME);
	if (head != NULL)
		uring_cancelled(t, &head->io);
}

/* ---- TIMEOUT ---- */

URING_OP(timeout)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	struct uring *ring = r->ring;
	uint64_t deadline;
	long err;

	err = deadline_of((struct gva){ sqe->addr }, sqe->timeout_flags, &deadline);
	if (err != 0)
		return err;
	lock_take(&ring->lock);
	if ((uint32_t)sqe->off != 0) {
		r->counted = true;
		r->target = ring->completions + (uint32_t)sqe->off;
		ring->counted++;
	}
	lock_drop(&ring->lock);
	uring_list(r);
	set_timer(r, deadline);
	if (io_park(t, &r->io))
		return URING_KEEP;
	/* It fired, or was cancelled, before it was parked. */
	return pico_now() >= deadline ? -ETIME : r->io.state & IO_CANCEL ? -ECANCELED : -ENOMEM;
}

/* One that has counted enough, claimed. */
static struct uring_req *take_counted(struct uring *ring)
{
	struct uring_req *found = NULL;

	lock_take(&ring->lock);
	LIST_FOR(io, &ring->pending, struct io_req, pending) {
		struct uring_req *r = (struct uring_req *)io;

		if (r->counted && (int32_t)(ring->completions - r->target) >= 0 && io_claim(io)) {
			found = r;
			break;
		}
	}
	lock_drop(&ring->lock);
	return found;
}

void uring_count_timeouts(struct lx_thread *t, struct uring *ring)
{
	struct uring_req *r;

	while ((r = take_counted(ring)) != NULL)
		end_timeout(t, r, 0);
}

/* ---- TIMEOUT_REMOVE ---- */

struct uring_req *uring_take_timeout(struct uring *ring, uint64_t user_data, long *err)
{
	struct uring_req *found = NULL;

	*err = -ENOENT;
	lock_take(&ring->lock);
	LIST_FOR(io, &ring->pending, struct io_req, pending) {
		struct uring_req *r = (struct uring_req *)io;

		if (!r->has_timer || r->sqe.user_data != user_data)
			continue;
		*err = -EALREADY;
		if (io_claim(io)) {
			*err = 0;
			found = r;
			break;
		}
	}
	lock_drop(&ring->lock);
	return found;
}

static long update(struct lx_thread *t, struct uring_req *r)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	bool of_link = sqe->timeout_flags & IORING_LINK_TIMEOUT_UPDATE;
	struct uring_req *old;
	uint64_t deadline;
	long err;

	err = deadline_of((struct gva){ sqe->off }, sqe->timeout_flags, &deadline);
	old = err == 0 ? uring_take_timeout(r->ring, sqe->addr, &err) : NULL;
	if (old == NULL)
		return err;
	timer_disarm(&old->timer);
	if ((old->sqe.opcode == IORING_OP_LINK_TIMEOUT) != of_link)
		err = -ENOENT;
	timer_arm(&old->timer, deadline, 0);
	if (!io_park(t, &old->io))
		end_timeout(t, old, -ETIME);
	return err;
}

URING_OP(timeout_remove)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	struct uring_req *old;
	long err;

	if (sqe->timeout_flags & IORING_TIMEOUT_UPDATE_MASK)
		return update(t, r);
	old = uring_take_timeout(r->ring, sqe->addr, &err);
	if (old == NULL)
		return err;
	old->failed = true;
	end_timeout(t, old, -ECANCELED);
	return 0;
}

/* ---- LINK_TIMEOUT ---- */

URING_OP(link_timeout)
{
	return -EINVAL; /* behind nothing it could watch */
}

void uring_guard_start(struct lx_thread *t, struct uring_req *r)
{
	struct uring_req *g = r->guard;
	uint64_t deadline;

	if (g == NULL || g->has_timer)
		return;
	if (deadline_of((struct gva){ g->sqe.addr }, g->sqe.timeout_flags, &deadline) != 0)
		deadline = 1; /* it was not readable: over at once */
	uring_list(g);
	g->parked = true;
	set_timer(g, deadline);
	if (io_park(t, &g->io))
		return;
	g->parked = false;
	g->expired = true;
	lock_take(&r->io.eng->lock);
	r->io.state |= IO_CANCEL;
	lock_drop(&r->io.eng->lock);
}

void uring_guard_done(struct lx_thread *t, struct uring_req *r)
{
	struct uring *ring = r->ring;
	struct uring_req *g;
	bool mine = false;

	lock_take(&ring->lock);
	g = r->guard;
	r->guard = NULL;
	if (g != NULL) {
		g->head = NULL;
		mine = !g->parked || io_claim(&g->io);
	}
	lock_drop(&ring->lock);
	if (g == NULL || !mine)
		return;
	g->failed = true;
	end_timeout(t, g, g->expired ? -ETIME : -ECANCELED);
}
