/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/rw.c - read and write in all their forms.
 *
 * Each call makes a struct iov of checked guest segments and goes through file_read
 * or file_write, which look at the open mode and keep the position.  The
 * position's lock is held over the transfer, so that processes which share a
 * description never overwrite each other's output; files without a position
 * (pipes, terminals, sockets) are called without it, because they may wait.
 */
#include <linux/magic.h>

#include "linux/fs/fs.h"
#include "linux/sig/sig.h"

#define FAST_SEGMENTS 8

/* Vectors: in slices of what one Dk call takes.  Kept apart from the plain case, whose frame is small. */
long rw_read_slices(dk_handle stream, const struct iov *v, uint64_t pos, uint32_t flags)
{
	struct dk_segment part[DK_SEGMENTS_MAX];
	uint64_t total = 0, bytes, done;
	uint32_t count;
	enum dk_status status;

	while (total < v->size) {
		count = iov_slice(v, total, v->size, part, &bytes);
		status = DkStreamRead(stream, pos == DK_OFFSET_NONE ? pos : pos + total, part, count, flags, &done);
		if (status != DK_OK)
			return total != 0 ? (long)total : lx_wait_err(status);
		total += done;
		if (done < bytes)
			break;
	}
	return (long)total;
}

long rw_write_slices(dk_handle stream, const struct iov *v, uint64_t pos, uint32_t flags)
{
	struct dk_segment part[DK_SEGMENTS_MAX];
	uint64_t total = 0, bytes, done;
	uint32_t count;
	enum dk_status status;

	while (total < v->size) {
		count = iov_slice(v, total, v->size, part, &bytes);
		status = DkStreamWrite(stream, pos == DK_OFFSET_NONE ? pos : pos + total, part, count, flags, &done);
		if (status != DK_OK)
			return total != 0 ? (long)total : lx_wait_err(status);
		total += done;
		if (done < bytes)
			break;
	}
	return (long)total;
}

static ALWAYS_INLINE long may_read(const struct file *f)
{
	if (UNLIKELY(f->flags & O_PATH) || (f->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (lx_file_ops[f->kind]->read == NULL)
		return f->kind == FILE_DIR ? -EISDIR : -EINVAL;
	return 0;
}

static ALWAYS_INLINE long may_write_file(const struct file *f)
{
	if (UNLIKELY(f->flags & O_PATH) || (f->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	return lx_file_ops[f->kind]->write == NULL ? -EINVAL : 0;
}

static ALWAYS_INLINE long read_file(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	long n = may_read(f);

	if (n == 0 && f->path.dentry != NULL && !f->no_notify)
		n = fs_permission_event(t, &f->path, 0x20000u /* FAN_ACCESS_PERM */);
	if (n < 0)
		return n;
	n = lx_file_ops[f->kind]->read(t, f, v, pos);
	if (fs_watched() && n > 0)
		fs_notify_file(f, 1u /* IN_ACCESS */);
	return n;
}

long file_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	return read_file(t, f, v, pos);
}

/* RLIMIT_FSIZE: how much of size may be written at pos; 0 = none, and SIGXFSZ was sent. */
static uint64_t within_limit(struct lx_thread *t, struct file *f, uint64_t pos, uint64_t size)
{
	uint64_t limit = t->proc->rlim[RLIMIT_FSIZE].rlim_cur;

	if (f->inode == NULL || !IS_REG(f->inode) || f->kind == FILE_STD)
		return size;
	if (f->flags & O_APPEND)
		pos = f->inode->size;
	if (pos >= limit && size != 0) {
		signal_thread(t, SIGXFSZ, NULL);
		return 0;
	}
	return MIN(size, limit - pos);
}

static NOINLINE long write_within(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct iov cut = *v;

	cut.size = within_limit(t, f, *pos, v->size);
	if (cut.size == 0 && v->size != 0)
		return -EFBIG;
	if (cut.size < v->size && cut.count == 1)
		cut.seg[0].size = cut.size;
	return lx_file_ops[f->kind]->write(t, f, &cut, pos);
}

static ALWAYS_INLINE long write_file(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	long n = may_write_file(f);

	if (n < 0)
		return n;
	if (LIKELY(t->proc->rlim[RLIMIT_FSIZE].rlim_cur == RLIM64_INFINITY))
		n = lx_file_ops[f->kind]->write(t, f, v, pos);
	else
		n = write_within(t, f, v, pos);
	if (n == -EPIPE)
		signal_thread(t, SIGPIPE, NULL);
	if (fs_watched() && n > 0)
		fs_notify_file(f, 2u /* IN_MODIFY */);
	return n;
}

long file_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	return write_file(t, f, v, pos);
}

#define RW_FN(fn) long (*fn)(struct lx_thread *, struct file *, const struct iov *, uint64_t *)

/* At the description's own position. */
static ALWAYS_INLINE long at_position(struct lx_thread *t, struct file *f, const struct iov *v, RW_FN(fn))
{
	uint64_t pos = DK_OFFSET_NONE; /* no position, or one that is the host's (FILE_STD) */
	long n;

	if (!lx_file_ops[f->kind]->seekable)
		return fn(t, f, v, &pos);
	lock_take(&f->lock);
	pos = f->pos;
	n = fn(t, f, v, &pos);
	if (n >= 0)
		f->pos = pos;
	lock_drop(&f->lock);
	return n;
}

static ALWAYS_INLINE long at_offset(struct lx_thread *t, struct file *f, const struct iov *v, int64_t offset, RW_FN(fn))
{
	uint64_t pos = (uint64_t)offset;

	if (offset < 0)
		return -EINVAL;
	if (!lx_file_ops[f->kind]->seekable && f->kind != FILE_DIR && !(f->kind == FILE_STD && f->inode != NULL && IS_REG(f->inode)))
		return -ESPIPE;
	return fn(t, f, v, &pos);
}

long file_rw(struct lx_thread *t, struct file *f, const struct iov *v, int64_t offset, uint32_t how)
{
	if (how & FILE_RW_HERE)
		return at_position(t, f, v, how & FILE_RW_WRITE ? file_write : file_read);
	return at_offset(t, f, v, offset, how & FILE_RW_WRITE ? file_write : file_read);
}

/* For /proc/PID/io, as Linux counts: what went through read and write, whatever the file. */
static void count_io(struct lx_thread *t, bool wrote, long n)
{
	t->io[wrote] += n > 0 ? (uint64_t)n : 0;
	t->io[2 + wrote]++;
}

/* Inline, as all below it but the file's own: each return behind a host call costs (pal/stream_io.c). */
static ALWAYS_INLINE long single(struct lx_thread *t, int fd, struct gva buf, uint64_t size, int64_t offset, bool here, bool write)
{
	struct dk_segment seg = { (void *)buf.va, MIN(size, RW_LIMIT) };
	struct iov v = { &seg, 1, false, seg.size };
	bool held;
	struct file *f = fd_borrow(t, fd, &held);
	long n;

	if (UNLIKELY(f == NULL))
		return -EBADF;
	if (UNLIKELY((int64_t)size < 0))
		n = -EINVAL;
	else if (UNLIKELY(seg.size != 0 && !guest_range_ok(buf.va, seg.size)))
		n = -EFAULT;
	else if (here)
		n = at_position(t, f, &v, write ? write_file : read_file);
	else
		n = at_offset(t, f, &v, offset, write ? write_file : read_file);
	if (UNLIKELY(held))
		file_put(f);
	count_io(t, write, n);
	return n;
}

long lx_sys_read(struct lx_thread *t, int fd, struct gva buf, uint64_t size)
{
	return single(t, fd, buf, size, 0, true, false);
}

long lx_sys_write(struct lx_thread *t, int fd, struct gva buf, uint64_t size)
{
	return single(t, fd, buf, size, 0, true, true);
}

long lx_sys_pread64(struct lx_thread *t, int fd, struct gva buf, uint64_t size, int64_t offset)
{
	return single(t, fd, buf, size, offset, false, false);
}

long lx_sys_pwrite64(struct lx_thread *t, int fd, struct gva buf, uint64_t size, int64_t offset)
{
	return single(t, fd, buf, size, offset, false, true);
}

static long vector(struct lx_thread *t, int fd, struct gva vec, uint64_t count, int64_t offset, bool here, RW_FN(fn))
{
	struct dk_segment fast[FAST_SEGMENTS];
	struct file *f = fd_get(t, fd);
	struct iov v;
	long n;

	if (f == NULL)
		return -EBADF;
	n = iov_in(vec, count, fast, FAST_SEGMENTS, &v);
	if (n == 0) {
		n = here ? at_position(t, f, &v, fn) : at_offset(t, f, &v, offset, fn);
		iov_done(&v, fast);
	}
	file_put(f);
	count_io(t, fn == file_write, n);
	return n;
}

long lx_sys_readv(struct lx_thread *t, int fd, struct gva vec, uint64_t count)
{
	return vector(t, fd, vec, count, 0, true, file_read);
}

long lx_sys_writev(struct lx_thread *t, int fd, struct gva vec, uint64_t count)
{
	return vector(t, fd, vec, count, 0, true, file_write);
}

long lx_sys_preadv(struct lx_thread *t, int fd, struct gva vec, uint64_t count, uint64_t low, uint64_t high)
{
	return vector(t, fd, vec, count, (int64_t)low, false, file_read);
}

long lx_sys_pwritev(struct lx_thread *t, int fd, struct gva vec, uint64_t count, uint64_t low, uint64_t high)
{
	return vector(t, fd, vec, count, (int64_t)low, false, file_write);
}

#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

/* tmpfs does not know RWF_NOWAIT. */
static bool may_nowait(struct lx_thread *t, int fd)
{
	struct file *f = fd_get(t, fd);
	bool may = f == NULL || f->kind != FILE_MEM || f->inode->fs == NULL || f->inode->fs->magic != TMPFS_MAGIC;

	if (f != NULL)
		file_put(f);
	return may;
}

static long vector2(struct lx_thread *t, int fd, struct gva vec, uint64_t count, uint64_t low, int flags, RW_FN(fn))
{
	long n;

	if ((flags & ~RWF_KNOWN) || ((flags & RWF_NOWAIT) && !may_nowait(t, fd)))
		return -EOPNOTSUPP;
	t->nowait = (flags & RWF_NOWAIT) != 0;
	n = vector(t, fd, vec, count, (int64_t)low, (int64_t)low == -1, fn);
	t->nowait = 0;
	return n;
}

long lx_sys_preadv2(struct lx_thread *t, int fd, struct gva vec, uint64_t count, uint64_t low, uint64_t high, int flags)
{
	return vector2(t, fd, vec, count, low, flags & ~RWF_APPEND, file_read);
}

static long sync_if(struct lx_thread *t, int fd, long n, bool data_only)
{
	struct file *f = n > 0 ? fd_get(t, fd) : NULL;
	const struct file_ops *ops = f != NULL ? lx_file_ops[f->kind] : NULL;
	long err = 0;

	if (f == NULL)
		return n;
	if (ops->sync != NULL)
		err = ops->sync(t, f, data_only);
	file_put(f);
	return err < 0 ? err : n;
}

static long append(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	if (f->inode != NULL)
		*pos = f->inode->size;
	return file_write(t, f, v, pos);
}

long lx_sys_pwritev2(struct lx_thread *t, int fd, struct gva vec, uint64_t count, uint64_t low, uint64_t high, int flags)
{
	long n = vector2(t, fd, vec, count, low, flags, flags & RWF_APPEND ? append : file_write);

	if (flags & (RWF_DSYNC | RWF_SYNC))
		n = sync_if(t, fd, n, !(flags & RWF_SYNC));
	return n;
}

static struct iov kernel_iov(struct dk_segment *seg, void *buf, size_t n)
{
	*seg = (struct dk_segment){ buf, n };
	return (struct iov){ seg, 1, true, n };
}

long vfs_pread(struct lx_thread *t, struct file *f, void *buf, size_t n, uint64_t pos)
{
	struct dk_segment seg;
	struct iov v = kernel_iov(&seg, buf, n);

	return lx_file_ops[f->kind]->read == NULL ? -EINVAL : lx_file_ops[f->kind]->read(t, f, &v, &pos);
}

long vfs_pwrite(struct lx_thread *t, struct file *f, const void *buf, size_t n, uint64_t pos)
{
	struct dk_segment seg;
	struct iov v = kernel_iov(&seg, (void *)(uintptr_t)buf, n);

	return lx_file_ops[f->kind]->write == NULL ? -EINVAL : lx_file_ops[f->kind]->write(t, f, &v, &pos);
}
