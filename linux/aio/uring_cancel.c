/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_cancel.c - ASYNC_CANCEL, and the end of all that a ring has under way. */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

static bool matches(const struct uring_req *r, const struct uring_match *m)
{
	if (r == m->not || (r->sqe.opcode == IORING_OP_LINK_TIMEOUT && r->head != NULL))
		return false;
	if (m->flags & IORING_ASYNC_CANCEL_ANY)
		return true;
	if ((m->flags & IORING_ASYNC_CANCEL_FD) && r->io.file != m->file)
		return false;
	if ((m->flags & IORING_ASYNC_CANCEL_OP) && r->sqe.opcode != m->opcode)
		return false;
	if ((m->flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) && !(m->flags & IORING_ASYNC_CANCEL_USERDATA))
		return true;
	return r->sqe.user_data == m->user_data;
}

/* The next match, claimed; *busy: there is one that somebody runs just now. */
static struct uring_req *take(struct uring *ring, const struct uring_match *m, bool *busy)
{
	struct uring_req *found = NULL;

	lock_take(&ring->lock);
	LIST_FOR(io, &ring->pending, struct io_req, pending) {
		if (!matches((struct uring_req *)io, m))
			continue;
		if (io_claim(io)) {
			found = (struct uring_req *)io;
			break;
		}
		*busy = true;
	}
	lock_drop(&ring->lock);
	return found;
}

static struct uring_req *take_deferred(struct uring *ring, const struct uring_match *m)
{
	struct uring_req *found = NULL;

	lock_take(&ring->lock);
	LIST_FOR(io, &ring->deferred, struct io_req, pending)
		if (matches((struct uring_req *)io, m)) {
			found = (struct uring_req *)io;
			list_remove(&io->pending);
			break;
		}
	lock_drop(&ring->lock);
	return found;
}

static void end(struct lx_thread *t, struct uring_req *r)
{
	if (r->counted) {
		lock_take(&r->ring->lock);
		r->ring->counted--;
		r->counted = false;
		lock_drop(&r->ring->lock);
	}
	uring_cancelled(t, &r->io);
}

long uring_cancel(struct lx_thread *t, struct uring *ring, const struct uring_match *m)
{
	bool all = m->flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY), busy = false;
	struct uring_req *r;
	long n = 0;

	while ((r = take(ring, m, &busy)) != NULL) {
		end(t, r);
		n++;
		if (!all)
			return 0;
	}
	while ((all || (n == 0 && !busy)) && (r = take_deferred(ring, m)) != NULL) {
		uring_cancel_chain(t, r, false);
		n++;
		if (!all)
			return 0;
	}
	if (all)
		return n;
	return busy ? -EALREADY : -ENOENT;
}

void uring_cancel_all(struct lx_thread *t, struct uring *ring)
{
	const struct uring_match all = { .flags = IORING_ASYNC_CANCEL_ANY };

	(void)uring_cancel(t, ring, &all);
}

URING_OP(async_cancel)
{
	const struct io_uring_sqe *sqe = &r->sqe;
	struct uring_match m = { .user_data = sqe->addr, .flags = sqe->cancel_flags, .not = r };
	long result;

	if (m.flags & IORING_ASYNC_CANCEL_FD) {
		m.file = (m.flags & IORING_ASYNC_CANCEL_FD_FIXED) || (sqe->flags & IOSQE_FIXED_FILE) ?
			uring_fixed_get(r->ring, (uint32_t)sqe->fd) : fd_get(t, sqe->fd);
		if (m.file == NULL)
			return -EBADF;
	}
	result = uring_cancel(t, r->ring, &m);
	if (m.file != NULL)
		file_put(m.file);
	return result;
}
