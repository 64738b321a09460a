/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring_req.c - the life of a request: tried, parked, tried again, ended.
 *
 * An operation is tried by the thread that submits it with t->nowait set.  What would wait
 * (-EAGAIN) waits for its file (io_arm, io_park) and is tried again by whoever hears of that, or,
 * if nobody can be told (OP_BLOCK: splice, connect, a FIFO's open), goes to a worker
 * that may wait.  Between putting the waiters up and parking it is tried once more, so that nothing
 * that happened meanwhile is missed.
 *
 * uring_finish posts the CQE and says what is linked; only the process that submitted
 * a request runs it, so kproc and other processes hand over (uring_hand_over).
 */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

const struct uring_op uring_ops[IORING_OP_LAST] = {
	[IORING_OP_NOP] = { OP_IOPOLL, 0, uring_op_nop },
	[IORING_OP_READV] = { OP_FILE | OP_IN | OP_BUFSEL | OP_RW | OP_IOPRIO | OP_IOPOLL, 0, uring_op_readv },
	[IORING_OP_WRITEV] = { OP_FILE | OP_OUT | OP_RW | OP_IOPRIO | OP_IOPOLL, 0, uring_op_writev },
	[IORING_OP_FSYNC] = { OP_FILE, Z_ADDR | Z_BUF | Z_INDEX, uring_op_fsync, uring_check_fsync },
	[IORING_OP_READ_FIXED] = { OP_FILE | OP_IN | OP_RW | OP_IOPRIO | OP_IOPOLL, 0, uring_op_read_fixed },
	[IORING_OP_WRITE_FIXED] = { OP_FILE | OP_OUT | OP_RW | OP_IOPRIO | OP_IOPOLL, 0, uring_op_write_fixed },
	[IORING_OP_POLL_ADD] = { OP_FILE, Z_BUF | Z_OFF | Z_ADDR, uring_op_poll_add, uring_check_poll_add },
	[IORING_OP_POLL_REMOVE] = { 0, Z_BUF | Z_INDEX, uring_op_poll_remove, uring_check_poll_remove },
	[IORING_OP_SYNC_FILE_RANGE] = { OP_FILE, Z_ADDR | Z_BUF | Z_INDEX, uring_op_sync_range },
	[IORING_OP_SENDMSG] = { OP_FILE | OP_MSG | OP_OUT | OP_IOPRIO, Z_OFF | Z_INDEX, uring_op_sendmsg, uring_check_send },
	[IORING_OP_RECVMSG] = { OP_FILE | OP_MSG | OP_IN | OP_BUFSEL | OP_IOPRIO, Z_OFF | Z_INDEX, uring_op_recvmsg, uring_check_recv },
	[IORING_OP_TIMEOUT] = { 0, Z_BUF | Z_INDEX, uring_op_timeout, uring_check_timeout },
	[IORING_OP_TIMEOUT_REMOVE] = { 0, Z_BUF | Z_LEN | Z_INDEX, uring_op_timeout_remove, uring_check_timeout_remove },
	[IORING_OP_ACCEPT] = { OP_FILE | OP_IN | OP_IOPRIO, Z_LEN | Z_BUF, uring_op_accept, uring_check_accept },
	[IORING_OP_ASYNC_CANCEL] = { 0, Z_OFF | Z_INDEX, uring_op_async_cancel, uring_check_cancel },
	[IORING_OP_LINK_TIMEOUT] = { 0, Z_BUF | Z_INDEX | Z_OFF, uring_op_link_timeout, uring_check_timeout },
	[IORING_OP_CONNECT] = { OP_FILE | OP_BLOCK, Z_LEN | Z_BUF | Z_FLAGS | Z_INDEX, uring_op_connect },
	[IORING_OP_FALLOCATE] = { OP_FILE, Z_BUF | Z_FLAGS | Z_INDEX, uring_op_fallocate },
	[IORING_OP_OPENAT] = { OP_BLOCK, Z_BUF, uring_op_openat },
	[IORING_OP_CLOSE] = { 0, Z_OFF | Z_ADDR | Z_LEN | Z_FLAGS | Z_BUF, uring_op_close },
	[IORING_OP_FILES_UPDATE] = { OP_IOPOLL, Z_FLAGS | Z_INDEX, uring_op_files_update, uring_check_no_fixed },
	[IORING_OP_STATX] = { 0, Z_BUF | Z_INDEX, uring_op_statx },
	[IORING_OP_READ] = { OP_FILE | OP_IN | OP_BUFSEL | OP_RW | OP_IOPRIO | OP_IOPOLL, 0, uring_op_read },
	[IORING_OP_WRITE] = { OP_FILE | OP_OUT | OP_RW | OP_IOPRIO | OP_IOPOLL, 0, uring_op_write },
	[IORING_OP_FADVISE] = { OP_FILE, Z_BUF | Z_ADDR | Z_INDEX, uring_op_fadvise },
	[IORING_OP_MADVISE] = { 0, Z_BUF | Z_OFF | Z_INDEX, uring_op_madvise },
	[IORING_OP_SEND] = { OP_FILE | OP_MSG | OP_OUT | OP_IOPRIO, 0, uring_op_send, uring_check_send },
	[IORING_OP_RECV] = { OP_FILE | OP_MSG | OP_IN | OP_BUFSEL | OP_IOPRIO, Z_OFF | Z_INDEX, uring_op_recv, uring_check_recv },
	[IORING_OP_OPENAT2] = { OP_BLOCK, Z_BUF, uring_op_openat2 },
	[IORING_OP_EPOLL_CTL] = { 0, Z_BUF | Z_INDEX, uring_op_epoll_ctl },
	[IORING_OP_SPLICE] = { OP_FILE | OP_BLOCK, 0, uring_op_splice, uring_check_splice },
	[IORING_OP_PROVIDE_BUFFERS] = { OP_IOPOLL, Z_FLAGS | Z_INDEX, uring_op_provide_buffers },
	[IORING_OP_REMOVE_BUFFERS] = { OP_IOPOLL, Z_FLAGS | Z_ADDR | Z_LEN | Z_OFF | Z_INDEX, uring_op_remove_buffers },
	[IORING_OP_TEE] = { OP_FILE | OP_BLOCK, Z_OFF | Z_ADDR, uring_op_tee, uring_check_splice },
	[IORING_OP_SHUTDOWN] = { OP_FILE, Z_OFF | Z_ADDR | Z_FLAGS | Z_BUF | Z_INDEX, uring_op_shutdown },
	[IORING_OP_RENAMEAT] = { 0, Z_BUF | Z_INDEX, uring_op_renameat },
	[IORING_OP_UNLINKAT] = { 0, Z_OFF | Z_LEN | Z_BUF | Z_INDEX, uring_op_unlinkat, uring_check_unlink },
	[IORING_OP_MKDIRAT] = { 0, Z_OFF | Z_FLAGS | Z_BUF | Z_INDEX, uring_op_mkdirat },
	[IORING_OP_SYMLINKAT] = { 0, Z_LEN | Z_FLAGS | Z_BUF | Z_INDEX, uring_op_symlinkat },
	[IORING_OP_LINKAT] = { 0, Z_BUF | Z_INDEX, uring_op_linkat },
	[IORING_OP_MSG_RING] = { OP_FILE | OP_IOPOLL, Z_BUF, uring_op_msg_ring },
	[IORING_OP_FSETXATTR] = { OP_FILE, 0, uring_op_fsetxattr },
	[IORING_OP_SETXATTR] = { 0, 0, uring_op_setxattr },
	[IORING_OP_FGETXATTR] = { OP_FILE, Z_FLAGS, uring_op_fgetxattr },
	[IORING_OP_GETXATTR] = { 0, Z_FLAGS, uring_op_getxattr },
	[IORING_OP_SOCKET] = { 0, Z_ADDR | Z_FLAGS | Z_BUF, uring_op_socket },
	[IORING_OP_SEND_ZC] = { OP_FILE | OP_MSG | OP_OUT | OP_IOPRIO, 0, uring_op_send_zc },
	[IORING_OP_SENDMSG_ZC] = { OP_FILE | OP_MSG | OP_OUT | OP_IOPRIO, Z_OFF | Z_INDEX, uring_op_sendmsg_zc },
};

URING_OP(nop)
{
	return 0;
}

struct uring_req *uring_req_new(struct uring *ring, struct io_engine *eng)
{
	struct uring_req *r = arena_alloc(sizeof *r);

	if (r == NULL)
		return NULL;
	io_req_init(&r->io, eng, IO_SOURCE_URING);
	uring_get(ring);
	r->ring = ring;
	return r;
}

void uring_list(struct uring_req *r)
{
	if (!list_empty(&r->io.pending))
		return;
	lock_take(&r->ring->lock);
	list_append(&r->ring->pending, &r->io.pending);
	lock_drop(&r->ring->lock);
}

void uring_hand_over(struct lx_thread *t, struct uring_req *r)
{
	struct io_engine *eng = r->io.eng;

	lock_take(&eng->lock);
	r->io.state |= IO_QUEUED;
	lock_drop(&eng->lock);
	if (!io_park(t, &r->io))
		uring_end(t, r, -EAGAIN); /* there is no poller to be had */
}

/* ---- Ends ---- */

void uring_report(struct uring_req *r, int32_t res, uint32_t cflags)
{
	uring_post(r->ring, r->sqe.user_data, res, cflags, r->extra);
}

/* Does that end the chain? */
static bool breaks_chain(const struct uring_req *r, long res)
{
	bool timed_out = r->sqe.opcode == IORING_OP_TIMEOUT && res == -ETIME && (r->sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS);

	return (r->failed || (res < 0 && !timed_out)) && !(r->sqe.flags & IOSQE_IO_HARDLINK);
}

/* Off the ring's books; its memory goes. */
static void release(struct uring_req *r)
{
	struct uring *ring = r->ring;

	if (r->has_timer)
		uring_timer_off(r);
	lock_take(&ring->lock);
	list_remove(&r->io.pending);
	if (r->started)
		ring->inflight--;
	lock_drop(&ring->lock);
	io_req_done(&r->io);
	if (r->cred != NULL)
		io_cred_drop(r->cred);
	arena_free(r->cred);
	arena_free(r);
	uring_put(ring);
}

struct uring_req *uring_finish(struct lx_thread *t, struct uring_req *r, long res)
{
	struct uring_req *next = r->link;
	struct uring *ring = r->ring;
	bool failed, skip, timeout = r->sqe.opcode == IORING_OP_TIMEOUT || r->sqe.opcode == IORING_OP_LINK_TIMEOUT;

	if (res <= -ERESTARTSYS && res >= -ERESTART_RESTARTBLOCK)
		res = r->io.state & IO_CANCEL ? -ECANCELED : -EINTR;
	failed = breaks_chain(r, res);
	if (r->buf != NULL || r->buf_group != NULL) {
		if (res >= 0)
			r->cflags |= uring_buf_used(r);
		else
			uring_buf_back(r);
	}
	if (r->guard != NULL)
		uring_guard_done(t, r);
	uring_get(ring);
	skip = r->sqe.flags & IOSQE_CQE_SKIP_SUCCESS;
	if (!r->quiet && (!skip || (r->sqe.opcode != IORING_OP_LINK_TIMEOUT && (res < 0 || r->failed))))
		uring_report(r, (int32_t)res, r->cflags);
	release(r);
	if (next != NULL && failed) {
		uring_cancel_chain(t, next, skip); /* one CQE says it for all that wanted none */
		next = NULL;
	}
	if (ring->counted != 0 && !timeout)
		uring_count_timeouts(t, ring);
	if (!list_empty(&ring->deferred))
		uring_undefer(t, ring);
	uring_put(ring);
	return next;
}

void uring_end(struct lx_thread *t, struct uring_req *r, long res)
{
	struct uring_req *next = uring_finish(t, r, res);

	if (next != NULL)
		uring_hand_over(t, next);
}

void uring_cancelled(struct lx_thread *t, struct io_req *io)
{
	struct uring_req *r = (struct uring_req *)io;

	r->failed = true;
	uring_end(t, r, -ECANCELED);
}

/* ---- Running ---- */

static long find_file(struct lx_thread *t, struct uring_req *r)
{
	if (r->io.file != NULL)
		return 0;
	r->io.file = r->sqe.flags & IOSQE_FIXED_FILE ? uring_fixed_get(r->ring, (uint32_t)r->sqe.fd) : fd_get(t, r->sqe.fd);
	if (r->io.file == NULL)
		return -EBADF;
	return r->io.file->kind == FILE_PATH ? -EBADF : 0;
}

static long run_as(struct lx_thread *t, struct uring_req *r)
{
	const struct lx_cred *other = r->cred != NULL ? r->cred : t->worker != NULL && r->io.cred_kept ? &r->io.cred : NULL;
	struct lx_cred own;
	long res;

	if (other == NULL)
		return uring_ops[r->sqe.opcode].run(t, r);
	own = t->cred;
	t->cred = *other;
	res = uring_ops[r->sqe.opcode].run(t, r);
	t->cred = own;
	return res;
}

static long try(struct lx_thread *t, struct uring_req *r, bool block)
{
	long res;

	if (uring_ops[r->sqe.opcode].flags & OP_FILE) {
		res = find_file(t, r);
		if (res != 0)
			return res;
	}
	t->nowait = !block;
	res = run_as(t, r);
	t->nowait = 0;
	return res;
}

/* Is what cannot be done now to be tried again? */
static bool waits(const struct uring_req *r)
{
	uint32_t flags = r->sqe.opcode < IORING_OP_LAST ? uring_ops[r->sqe.opcode].flags : 0;

	if (flags & OP_BLOCK)
		return true;
	if (!(flags & (OP_IN | OP_OUT)) || r->io.file == NULL || lx_file_ops[r->io.file->kind]->poll == NULL)
		return false;
	if (flags & OP_MSG)
		return !(r->sqe.msg_flags & 0x40u /* MSG_DONTWAIT */);
	return !(flags & OP_RW) || !(r->sqe.rw_flags & RWF_NOWAIT); /* O_NONBLOCK does not keep it from waiting, in Linux either */
}

enum next { NEXT_END, NEXT_TRY, NEXT_GONE };

/* res was -EAGAIN. */
static enum next wait_for_it(struct lx_thread *t, struct uring_req *r, long *res)
{
	bool first = !r->io.armed;

	if (r->io.state & IO_CANCEL) {
		*res = -ECANCELED;
		return NEXT_END;
	}
	uring_list(r);
	if (uring_ops[r->sqe.opcode].flags & OP_BLOCK) {
		uring_guard_start(t, r);
		return io_punt(t, &r->io) ? NEXT_GONE : NEXT_END;
	}
	r->io.events = uring_ops[r->sqe.opcode].flags & OP_IN ? EPOLLIN | EPOLLRDNORM | EPOLLRDHUP : EPOLLOUT | EPOLLWRNORM;
	if (!io_arm(t, &r->io)) {
		*res = -ENOMEM;
		return NEXT_END;
	}
	if (first) {
		uring_guard_start(t, r);
		return NEXT_TRY;
	}
	if (io_park(t, &r->io))
		return NEXT_GONE;
	*res = r->io.state & IO_CANCEL ? -ECANCELED : -EAGAIN;
	return NEXT_END;
}

/* Runs r until it ends or waits: what is to be run next. */
static struct uring_req *run_one(struct lx_thread *t, struct uring_req *r, bool block)
{
	for (;;) {
		long res = r->init_err != 0 ? r->init_err : try(t, r, block);
		enum next next = NEXT_END;

		if (res == URING_KEEP)
			return NULL;
		if (res == -EAGAIN && !block && waits(r))
			next = wait_for_it(t, r, &res);
		if (next == NEXT_GONE)
			return NULL;
		if (next == NEXT_END)
			return uring_finish(t, r, res);
	}
}

void uring_start(struct lx_thread *t, struct uring_req *r)
{
	while (r != NULL)
		r = run_one(t, r, false);
}

void uring_run(struct lx_thread *t, struct io_req *io, bool block)
{
	uring_start(t, run_one(t, (struct uring_req *)io, block));
}
