/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/aio_submit.c - io_submit and io_cancel.
 *
 * Reads, writes and syncs are done while they are submitted, as Linux does without
 * O_DIRECT: what they work on is memory of the sandbox, or files the host has in its
 * cache.  Only IOCB_CMD_POLL goes on after the call.
 */
#include "linux/aio/aio.h"
#include "linux/fs/fs.h"

#define FAST_SEGMENTS 8
#define FLAGS_KNOWN (IOCB_FLAG_RESFD | IOCB_FLAG_IOPRIO)
#define RWF_AIO (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

static void drop(struct aio_req *r)
{
	aio_unreserve(r->ctx);
	if (r->eventfd != NULL)
		file_put(r->eventfd);
	io_req_done(&r->io);
	aio_put(r->ctx);
	arena_free(r);
}

/* ---- Reading and writing ---- */

static long after_write(struct lx_thread *t, struct file *f, const struct iocb *cb, long n)
{
	long err = 0;

	if (n > 0 && (cb->aio_rw_flags & (RWF_DSYNC | RWF_SYNC)) && lx_file_ops[f->kind]->sync != NULL)
		err = lx_file_ops[f->kind]->sync(t, f, !(cb->aio_rw_flags & RWF_SYNC));
	return err < 0 ? err : n;
}

static long move(struct lx_thread *t, struct file *f, const struct iocb *cb, const struct iov *v, bool write)
{
	uint32_t how = (write ? FILE_RW_WRITE : 0) | (lx_file_ops[f->kind]->seekable ? 0 : FILE_RW_HERE);
	int64_t offset = cb->aio_offset;
	long n;

	if (write && (cb->aio_rw_flags & RWF_APPEND) && f->inode != NULL)
		offset = (int64_t)f->inode->size;
	t->nowait = (cb->aio_rw_flags & RWF_NOWAIT) != 0;
	n = file_rw(t, f, v, offset, how);
	t->nowait = 0;
	return write ? after_write(t, f, cb, n) : n;
}

static long check_rw(const struct file *f, const struct iocb *cb, bool write)
{
	uint32_t mode = f->flags & O_ACCMODE;

	if (mode == (write ? O_RDONLY : O_WRONLY) || (f->flags & O_PATH))
		return -EBADF;
	if ((write ? lx_file_ops[f->kind]->write : lx_file_ops[f->kind]->read) == NULL)
		return -EINVAL;
	if (cb->aio_rw_flags & ~RWF_AIO)
		return -EOPNOTSUPP;
	if (cb->aio_offset < 0 && lx_file_ops[f->kind]->seekable)
		return -EINVAL;
	return 0;
}

static long do_rw(struct lx_thread *t, struct aio_req *r, const struct iocb *cb, bool write, bool vector)
{
	struct dk_segment fast[FAST_SEGMENTS] = { { (void *)cb->aio_buf, MIN(cb->aio_nbytes, RW_LIMIT) } };
	struct iov v = { fast, 1, false, fast[0].size };
	long err = check_rw(r->io.file, cb, write);

	if (err == 0 && vector)
		err = iov_in((struct gva){ cb->aio_buf }, cb->aio_nbytes, fast, FAST_SEGMENTS, &v);
	else if (err == 0 && v.size != 0 && !guest_range_ok(cb->aio_buf, v.size))
		err = -EFAULT;
	if (err != 0)
		return err;
	err = move(t, r->io.file, cb, &v, write);
	if (vector)
		iov_done(&v, fast);
	aio_complete(r, err);
	return 0;
}

static long do_sync(struct lx_thread *t, struct aio_req *r, const struct iocb *cb, bool data_only)
{
	struct file *f = r->io.file;

	if (cb->aio_buf != 0 || cb->aio_offset != 0 || cb->aio_nbytes != 0 || cb->aio_rw_flags != 0)
		return -EINVAL;
	if (lx_file_ops[f->kind]->sync == NULL)
		return -EINVAL;
	aio_complete(r, lx_file_ops[f->kind]->sync(t, f, data_only));
	return 0;
}

/* ---- Polling ---- */

/* What is told of a file that became ready: Linux passes on the waker's mask, which names the normal band too. */
static uint32_t woken_mask(struct lx_thread *t, struct io_req *io)
{
	uint32_t events = io->events | EPOLLERR | EPOLLHUP;
	uint32_t mask = file_poll(t, io->file, NULL);

	if (!(mask & events))
		return 0;
	return mask & (events | (events & EPOLLIN ? EPOLLRDNORM : 0) | (events & EPOLLOUT ? EPOLLWRNORM : 0));
}

void aio_run(struct lx_thread *t, struct io_req *io)
{
	struct aio_req *r = (struct aio_req *)io;
	uint32_t mask = io->armed ? woken_mask(t, io) : file_poll(t, io->file, NULL) & (io->events | EPOLLERR | EPOLLHUP);

	if (mask == 0 && !io_arm(t, io)) {
		aio_complete(r, -ENOMEM);
		return;
	}
	if (mask == 0) /* between the look and the queues it may have become so */
		mask = file_poll(t, io->file, NULL) & (io->events | EPOLLERR | EPOLLHUP);
	if (mask != 0)
		aio_complete(r, mask);
	else if (!io_park(t, io))
		aio_complete(r, -EAGAIN);
}

void aio_cancelled(struct lx_thread *t, struct io_req *r)
{
	aio_complete((struct aio_req *)r, 0);
}

static long do_poll(struct lx_thread *t, struct aio_req *r, const struct iocb *cb)
{
	if (cb->aio_buf != (uint16_t)cb->aio_buf || cb->aio_offset != 0 || cb->aio_nbytes != 0 || cb->aio_rw_flags != 0)
		return -EINVAL;
	r->io.events = (uint32_t)cb->aio_buf;
	lock_take(&r->ctx->lock);
	list_append(&r->ctx->pending, &r->io.pending);
	lock_drop(&r->ctx->lock);
	aio_run(t, &r->io);
	return 0;
}

/* ---- io_submit ---- */

static long start(struct lx_thread *t, struct aio_req *r, const struct iocb *cb)
{
	switch (cb->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
		return do_rw(t, r, cb, cb->aio_lio_opcode == IOCB_CMD_PWRITE, false);
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		return do_rw(t, r, cb, cb->aio_lio_opcode == IOCB_CMD_PWRITEV, true);
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC:
		return do_sync(t, r, cb, cb->aio_lio_opcode == IOCB_CMD_FDSYNC);
	case IOCB_CMD_POLL:
		return do_poll(t, r, cb);
	default:
		return -EINVAL; /* IOCB_CMD_NOOP too, as in Linux */
	}
}

static long take_eventfd(struct lx_thread *t, struct aio_req *r, const struct iocb *cb)
{
	if (!(cb->aio_flags & IOCB_FLAG_RESFD))
		return 0;
	r->eventfd = fd_get(t, (int)cb->aio_resfd);
	if (r->eventfd == NULL)
		return -EBADF;
	return r->eventfd->kind == FILE_EVENTFD ? 0 : -EINVAL;
}

static long check_iocb(const struct iocb *cb)
{
	if (cb->aio_reserved2 != 0 || (int64_t)cb->aio_nbytes < 0)
		return -EINVAL;
	if (cb->aio_flags & ~FLAGS_KNOWN)
		return -EINVAL;
	if ((cb->aio_flags & IOCB_FLAG_IOPRIO) && (uint16_t)cb->aio_reqprio >> 13 > 3)
		return -EINVAL;
	return 0;
}

static long submit_one(struct lx_thread *t, struct aio_ctx *ctx, struct gva at)
{
	struct iocb cb;
	struct aio_req *r;
	long err;

	if (copy_in(&cb, at, sizeof cb) != 0)
		return -EFAULT;
	err = check_iocb(&cb);
	if (err != 0)
		return err;
	if (!aio_reserve(ctx))
		return -EAGAIN;
	r = arena_alloc(sizeof *r);
	if (r == NULL) {
		aio_unreserve(ctx);
		return -EAGAIN;
	}
	io_req_init(&r->io, t->proc->io, IO_SOURCE_AIO);
	ref_get(&ctx->ref);
	r->ctx = ctx;
	r->iocb = at.va;
	r->data = cb.aio_data;
	r->io.file = fd_get(t, (int)cb.aio_fildes);
	err = r->io.file == NULL ? -EBADF : take_eventfd(t, r, &cb);
	if (err == 0 && PUT_USER(gva_add(at, offsetof(struct iocb, aio_key)), (uint32_t)0) != 0)
		err = -EFAULT;
	if (err == 0)
		err = start(t, r, &cb);
	if (err != 0)
		drop(r);
	return err;
}

long lx_sys_io_submit(struct lx_thread *t, uint64_t id, int64_t count, struct gva iocbs)
{
	struct aio_ctx *ctx;
	int64_t done = 0;
	long err = 0;

	if (count < 0)
		return -EINVAL;
	ctx = aio_find(t, id);
	if (ctx == NULL)
		return -EINVAL;
	count = MIN(count, (int64_t)ctx->nr);
	for (; done < count; done++) {
		struct gva at;

		err = copy_in(&at, gva_add(iocbs, (uint64_t)done * sizeof at), sizeof at) != 0 ? -EFAULT : submit_one(t, ctx, at);
		if (err != 0)
			break;
	}
	aio_put(ctx);
	return done > 0 ? (long)done : err;
}

/* ---- io_cancel ---- */

static struct io_req *claim_iocb(struct aio_ctx *ctx, uint64_t iocb)
{
	struct io_req *mine = NULL;

	lock_take(&ctx->lock);
	LIST_FOR(r, &ctx->pending, struct io_req, pending)
		if (((struct aio_req *)r)->iocb == iocb) {
			mine = io_claim(r) ? r : NULL;
			break;
		}
	lock_drop(&ctx->lock);
	return mine;
}

/* The event comes by the ring, as since Linux 4.20: result is not used. */
long lx_sys_io_cancel(struct lx_thread *t, uint64_t id, struct gva iocb, struct gva result)
{
	struct aio_ctx *ctx;
	struct io_req *r;
	uint32_t key;

	if (copy_in(&key, gva_add(iocb, offsetof(struct iocb, aio_key)), sizeof key) != 0)
		return -EFAULT;
	ctx = key == 0 ? aio_find(t, id) : NULL;
	if (ctx == NULL)
		return -EINVAL;
	r = claim_iocb(ctx, iocb.va);
	if (r != NULL)
		aio_cancelled(t, r);
	aio_put(ctx);
	return r != NULL ? -EINPROGRESS : -EINVAL;
}
