/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring_poll.c - POLL_ADD, POLL_REMOVE, and messages from ring to ring.
 *
 * A multishot poll stays on its file's queues and reports the mask each time it is woken.  On a
 * stream of the host, where only levels are seen, it reports once and ends without
 * IORING_CQE_F_MORE, which tells the program to ask again.
 */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

#define POLL_ALWAYS (EPOLLERR | EPOLLHUP)

static uint32_t mask_of(struct lx_thread *t, const struct uring_req *r)
{
	return file_poll(t, r->io.file, NULL) & (r->io.events | POLL_ALWAYS);
}

URING_OP(poll_add)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	bool many = sqe->len & IORING_POLL_ADD_MULTI, first = !r->io.armed;
	uint32_t mask;

	if (first) {
		r->io.events = sqe->poll32_events & ~(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE);
		uring_list(r);
		if (!io_arm(t, &r->io))
			return -ENOMEM;
		uring_guard_start(t, r);
	}
	mask = mask_of(t, r);
	if (mask != 0 && (!many || r->io.nstreams != 0 || !list_empty(&r->ring->overflow)))
		return (long)mask;
	if (mask != 0)
		uring_report(r, (int32_t)mask, IORING_CQE_F_MORE);
	if (io_park(t, &r->io))
		return URING_KEEP;
	return r->io.state & IO_CANCEL ? -ECANCELED : -ENOMEM;
}

/* ---- POLL_REMOVE ---- */

static struct uring_req *take_poll(struct uring *ring, uint64_t user_data, long *err)
{
	struct uring_req *found = NULL;

	*err = -ENOENT;
	lock_take(&ring->lock);
	LIST_FOR(io, &ring->pending, struct io_req, pending) {
		struct uring_req *r = (struct uring_req *)io;

		if (r->sqe.opcode != IORING_OP_POLL_ADD || r->sqe.user_data != user_data)
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

/* The poll goes on with other events, or another name. */
static void update(struct lx_thread *t, struct uring_req *old, const struct io_uring_sqe *sqe)
{
	if (sqe->len & IORING_POLL_UPDATE_EVENTS) {
		old->sqe.poll32_events = sqe->poll32_events;
		io_disarm(&old->io);
	}
	if (sqe->len & IORING_POLL_UPDATE_USER_DATA)
		old->sqe.user_data = sqe->off;
	uring_hand_over(t, old);
}

URING_OP(poll_remove)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	const uint32_t updates = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA;
	struct uring_req *old;
	long err;

	old = take_poll(r->ring, sqe->addr, &err);
	if (old == NULL)
		return err;
	if (sqe->len & updates)
		update(t, old, sqe);
	else
		uring_cancelled(t, &old->io);
	return 0;
}

/* ---- MSG_RING ---- */

static long send_fd(struct uring *from, struct uring *to, const struct io_uring_sqe *sqe)
{
	struct file *f = from != to ? uring_fixed_get(from, (uint32_t)sqe->addr3) : NULL;
	long n;

	if (from == to)
		return -EINVAL;
	if (f == NULL)
		return -EBADF;
	n = uring_fixed_install(to, sqe->file_index, f);
	if (n < 0)
		file_put(f);
	else if (!(sqe->msg_ring_flags & IORING_MSG_RING_CQE_SKIP))
		uring_post(to, sqe->off, (int32_t)n, 0, NULL);
	return n;
}

URING_OP(msg_ring)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	struct uring *to = uring_of(r->io.file);

	if (to == NULL)
		return -EBADFD;
	if (sqe->personality != 0 || (sqe->msg_ring_flags & ~IORING_MSG_RING_CQE_SKIP))
		return -EINVAL;
	if (to->disabled)
		return -EBADFD;
	if (sqe->addr == IORING_MSG_SEND_FD)
		return sqe->len != 0 ? -EINVAL : send_fd(r->ring, to, sqe);
	if (sqe->addr != IORING_MSG_DATA || sqe->file_index != 0 || sqe->msg_ring_flags != 0)
		return -EINVAL;
	uring_post(to, sqe->off, (int32_t)sqe->len, 0, NULL);
	return 0;
}
