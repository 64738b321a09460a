/* SPDX-License-Identifier: MIT */
/* linux/aio/uring_rw.c - reading, writing, syncing. */
#include "linux/aio/uring.h"
#include "linux/fs/fs.h"

#define FAST_SEGMENTS 8
#define RWF_URING (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

static long check_rw(const struct uring_req *r, bool write)
{
	const struct file *f = r->io.file;
	const struct file_ops *ops = lx_file_ops[f->kind];

	if ((f->flags & O_ACCMODE) == (write ? O_RDONLY : O_WRONLY))
		return -EBADF;
	if ((write ? ops->write : ops->read) == NULL)
		return f->kind == FILE_DIR && !write ? -EISDIR : -EINVAL;
	if (r->ring->flags & IORING_SETUP_IOPOLL)
		return -EOPNOTSUPP; /* no device to poll, as with most file systems */
	if (r->sqe.rw_flags & ~RWF_URING)
		return -EOPNOTSUPP;
	return 0;
}

static long sync_after(struct lx_thread *t, struct uring_req *r, long n)
{
	struct file *f = r->io.file;
	long err = 0;

	if (n > 0 && (r->sqe.rw_flags & (RWF_DSYNC | RWF_SYNC)) && lx_file_ops[f->kind]->sync != NULL)
		err = lx_file_ops[f->kind]->sync(t, f, !(r->sqe.rw_flags & RWF_SYNC));
	return err < 0 ? err : n;
}

static long move(struct lx_thread *t, struct uring_req *r, const struct iov *v, bool write)
{
	struct file *f = r->io.file;
	int64_t offset = (int64_t)r->sqe.off;
	bool here = offset == -1 || !lx_file_ops[f->kind]->seekable;
	long n;

	if (!here && offset < 0)
		return -EINVAL;
	if (write && (r->sqe.rw_flags & RWF_APPEND) && f->inode != NULL && !here)
		offset = (int64_t)f->inode->size;
	n = file_rw(t, f, v, offset, (write ? FILE_RW_WRITE : 0) | (here ? FILE_RW_HERE : 0));
	if (n >= 0 && (uint64_t)n != v->size)
		r->failed = true; /* for what is linked */
	return write ? sync_after(t, r, n) : n;
}

static long single(struct lx_thread *t, struct uring_req *r, uint64_t addr, uint64_t len, bool write)
{
	struct dk_segment seg = { (void *)addr, MIN(len, RW_LIMIT) };
	struct iov v = { &seg, 1, false, seg.size };

	if (seg.size != 0 && !guest_range_ok(addr, seg.size))
		return -EFAULT;
	return move(t, r, &v, write);
}

/* Into a provided buffer. */
static long selected(struct lx_thread *t, struct uring_req *r, uint64_t len)
{
	uint64_t addr;
	long n = uring_buf_select(r, &addr, &len);

	if (n == 0)
		n = single(t, r, addr, len, false);
	if (n < 0)
		uring_buf_back(r);
	return n;
}

static long vector(struct lx_thread *t, struct uring_req *r, bool write)
{
	struct dk_segment fast[FAST_SEGMENTS];
	struct iov v;
	long n = iov_in((struct gva){ r->sqe.addr }, r->sqe.len, fast, FAST_SEGMENTS, &v);

	if (n != 0)
		return n;
	n = check_rw(r, write);
	if (n != 0)
		;
	else if (!(r->sqe.flags & IOSQE_BUFFER_SELECT))
		n = move(t, r, &v, write);
	else
		n = r->sqe.len == 1 ? selected(t, r, v.size) : -EINVAL;
	iov_done(&v, fast);
	return n;
}

URING_OP(readv)
{
	return vector(t, r, false);
}

URING_OP(writev)
{
	return vector(t, r, true);
}

URING_OP(read)
{
	long err = check_rw(r, false);

	if (err != 0)
		return err;
	if (r->sqe.flags & IOSQE_BUFFER_SELECT)
		return selected(t, r, r->sqe.len);
	return single(t, r, r->sqe.addr, r->sqe.len, false);
}

URING_OP(write)
{
	long err = check_rw(r, true);

	return err != 0 ? err : single(t, r, r->sqe.addr, r->sqe.len, true);
}

static long fixed(struct lx_thread *t, struct uring_req *r, bool write)
{
	long err = uring_buffer_check(r->ring, r->sqe.buf_index, r->sqe.addr, r->sqe.len);

	if (err == 0)
		err = check_rw(r, write);
	return err != 0 ? err : single(t, r, r->sqe.addr, r->sqe.len, write);
}

URING_OP(read_fixed)
{
	return fixed(t, r, false);
}

URING_OP(write_fixed)
{
	return fixed(t, r, true);
}

URING_OP(fsync)
{
	return file_sync(t, r->io.file, r->sqe.fsync_flags & IORING_FSYNC_DATASYNC);
}

URING_OP(sync_range)
{
	return file_sync_range(t, r->io.file, (int64_t)r->sqe.off, r->sqe.len, r->sqe.sync_range_flags);
}

URING_OP(fallocate)
{
	return file_fallocate(t, r->io.file, (int)r->sqe.len, (int64_t)r->sqe.off, (int64_t)r->sqe.addr);
}

URING_OP(fadvise)
{
	return file_fadvise(r->io.file, r->sqe.len, (int)r->sqe.fadvise_advice);
}

/* Where to, moved on only in a copy: an io_uring's splice has its offsets by value; -1 is none. */
static long splice(struct lx_thread *t, struct uring_req *r, bool tee)
{
	bool is_fixed = r->sqe.splice_flags & SPLICE_F_FD_IN_FIXED;
	struct file *in = is_fixed ? uring_fixed_get(r->ring, (uint32_t)r->sqe.splice_fd_in) : fd_get(t, r->sqe.splice_fd_in);
	uint32_t flags = r->sqe.splice_flags & ~SPLICE_F_FD_IN_FIXED;
	uint64_t from = r->sqe.splice_off_in, to = r->sqe.off;
	long n;

	if (in == NULL)
		return -EBADF;
	if (r->sqe.len == 0)
		n = 0;
	else if (tee)
		n = file_tee(t, in, r->io.file, r->sqe.len, flags);
	else
		n = file_splice(t, in, from == UINT64_MAX ? NULL : &from, r->io.file, to == UINT64_MAX ? NULL : &to, r->sqe.len, flags);
	file_put(in);
	if (n != (long)r->sqe.len)
		r->failed = true;
	return n;
}

URING_OP(splice)
{
	return splice(t, r, false);
}

URING_OP(tee)
{
	return splice(t, r, true);
}
