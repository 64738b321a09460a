/* SPDX-License-Identifier: MIT */
/* linux/fs/seek.c - lseek, sendfile, copy_file_range, and advice about access. */
#include "linux/fs/fs.h"
#include "linux/fs/io.h"
#include "linux/sig/sig.h"

/* Files with a position and no length to speak of: /proc, /sys, /dev/zero. */
static long plain_seek(struct file *f, int64_t offset, int whence)
{
	int64_t to = offset;

	if (whence == SEEK_CUR) {
		if (ADD_OVERFLOW((int64_t)f->pos, offset, &to))
			return -EOVERFLOW;
	} else if (whence != SEEK_SET)
		return -EINVAL;
	if (to < 0)
		return -EINVAL;
	f->pos = (uint64_t)to;
	return to;
}

long lx_sys_lseek(struct lx_thread *t, int fd, int64_t offset, int whence)
{
	struct file *f = fd_get(t, fd);
	const struct file_ops *ops;
	long n;

	if (f == NULL)
		return -EBADF;
	ops = lx_file_ops[f->kind];
	if (f->kind == FILE_PATH)
		n = -EBADF;
	else if ((unsigned)whence > SEEK_MAX)
		n = -EINVAL;
	else if (ops->seek == NULL && !ops->seekable)
		n = -ESPIPE;
	else {
		lock_take(&f->lock);
		n = ops->seek != NULL ? ops->seek(t, f, offset, whence) : plain_seek(f, offset, whence);
		lock_drop(&f->lock);
	}
	file_put(f);
	return n;
}

#define CHUNK (64u * 1024)
#define SEND_SMALL 16384u /* copied in one piece, from a mapping mostly */

/* One end of a copy: at its own position, or at one given. */
struct copy_end {
	struct file *f;
	struct gva user; /* where the position is, 0 = the description's own */
	uint64_t pos;
	bool own;
};

static long end_open(struct lx_thread *t, int fd, struct gva user, struct copy_end *e)
{
	int64_t pos;

	*e = (struct copy_end){ .user = user, .own = user.va == 0 };
	if (!e->own) {
		if (copy_in(&pos, user, sizeof pos) != 0)
			return -EFAULT;
		if (pos < 0)
			return -EINVAL;
		e->pos = (uint64_t)pos;
	}
	e->f = fd_get(t, fd);
	if (e->f == NULL)
		return -EBADF;
	if (e->own) /* NONE: no position, or one that is the host's (FILE_STD) */
		e->pos = lx_file_ops[e->f->kind]->seekable ? e->f->pos : DK_OFFSET_NONE;
	else if (!lx_file_ops[e->f->kind]->seekable)
		return -ESPIPE;
	return 0;
}

static long end_close(struct copy_end *e, long n)
{
	if (n > 0 && e->own && lx_file_ops[e->f->kind]->seekable) {
		lock_take(&e->f->lock);
		e->f->pos = e->pos;
		lock_drop(&e->f->lock);
	} else if (n > 0 && !e->own && copy_out(e->user, &e->pos, sizeof e->pos) != 0)
		n = -EFAULT;
	if (e->f != NULL)
		file_put(e->f);
	return n;
}

/* Moves up to n bytes through buf.  What could not be written is not counted as read. */
static long copy_some(struct lx_thread *t, struct copy_end *in, struct copy_end *out, char *buf, uint64_t n)
{
	struct dk_segment seg = { buf, MIN(n, CHUNK) };
	struct iov v = { &seg, 1, true, seg.size };
	uint64_t pos = in->pos, at;
	long got = file_read(t, in->f, &v, &pos), put;

	if (got <= 0)
		return got;
	for (at = 0; at < (uint64_t)got; at += (uint64_t)put) {
		seg = (struct dk_segment){ buf + at, (uint64_t)got - at };
		v = (struct iov){ &seg, 1, true, seg.size };
		put = file_write(t, out->f, &v, &out->pos);
		if (put <= 0)
			break;
	}
	if (at == 0)
		return put;
	if (in->pos != DK_OFFSET_NONE)
		in->pos += at;
	return (long)at;
}

/* From the host to the host.  -ENOSYS: it is not that, or not worth while. */
static long send_host_file(struct lx_thread *t, struct copy_end *in, struct copy_end *out, uint64_t n)
{
	long got = -ENOSYS;

	if (n > SEND_SMALL && in->f->kind == FILE_HOST && in->f->stream != DK_NO_HANDLE && out->f->kind == FILE_SOCKET)
		got = socket_send_file(t, out->f, in->f->stream, in->pos, n);
	if (got > 0)
		in->pos += (uint64_t)got;
	if (got == -EPIPE)
		signal_thread(t, SIGPIPE, NULL);
	return got;
}

static long copy_all(struct lx_thread *t, struct copy_end *in, struct copy_end *out, uint64_t n)
{
	char *buf;
	uint64_t done = 0;
	long got;

	n = MIN(n, RW_LIMIT);
	got = send_host_file(t, in, out, n);
	if (got != -ENOSYS)
		return got;
	buf = heap_alloc_dirty(MIN(MAX(n, 1ull), (uint64_t)CHUNK));
	if (buf == NULL)
		return -ENOMEM;
	while (done < n) {
		got = copy_some(t, in, out, buf, n - done);
		if (got <= 0)
			break;
		done += (uint64_t)got;
		if (pico_tb()->work != 0 && signal_waiting(t))
			break;
	}
	heap_free(buf);
	return done != 0 ? (long)done : got;
}

long lx_sys_sendfile(struct lx_thread *t, int outfd, int infd, struct gva offset, uint64_t count)
{
	struct copy_end in = { 0 }, out = { 0 };
	long n = end_open(t, infd, offset, &in);

	if (n == 0)
		n = end_open(t, outfd, GVA_NULL, &out);
	if (n == 0 && ((in.f->flags & O_ACCMODE) == O_WRONLY || (out.f->flags & O_ACCMODE) == O_RDONLY))
		n = -EBADF;
	if (n == 0 && (out.f->flags & O_APPEND) && lx_file_ops[out.f->kind]->seekable)
		n = -EINVAL;
	if (n == 0 && !lx_file_ops[in.f->kind]->seekable && in.f->kind != FILE_STD)
		n = -EINVAL;
	if (n == 0)
		n = copy_all(t, &in, &out, count);
	/* The position is written back whatever came of it. */
	if (in.f != NULL && !in.own && n <= 0 && copy_out(in.user, &in.pos, sizeof in.pos) != 0)
		n = -EFAULT;
	n = end_close(&out, n);
	return end_close(&in, n);
}

static long check_copy(const struct copy_end *in, const struct copy_end *out, uint64_t len)
{
	if (in->f->inode == NULL || out->f->inode == NULL)
		return -EINVAL;
	if (IS_DIR(in->f->inode) || IS_DIR(out->f->inode))
		return -EISDIR;
	if (!IS_REG(in->f->inode) || !IS_REG(out->f->inode))
		return -EINVAL;
	if ((in->f->flags & O_ACCMODE) == O_WRONLY || (out->f->flags & O_ACCMODE) == O_RDONLY || (out->f->flags & O_APPEND))
		return -EBADF;
	if (in->f->inode == out->f->inode && in->pos < out->pos + len && out->pos < in->pos + len)
		return -EINVAL;
	return 0;
}

long lx_sys_copy_file_range(struct lx_thread *t, int infd, struct gva in_off, int outfd, struct gva out_off, uint64_t len, uint32_t flags)
{
	struct copy_end in = { 0 }, out = { 0 };
	long n = flags != 0 ? -EINVAL : end_open(t, infd, in_off, &in);

	if (n == 0)
		n = end_open(t, outfd, out_off, &out);
	if (n == 0)
		n = check_copy(&in, &out, MIN(len, RW_LIMIT));
	if (n == 0)
		n = copy_all(t, &in, &out, len);
	n = end_close(&out, n);
	return end_close(&in, n);
}

long lx_sys_readahead(struct lx_thread *t, int fd, int64_t offset, uint64_t count)
{
	struct file *f = fd_get(t, fd);
	long err = 0;

	if (f == NULL)
		return -EBADF;
	if ((f->flags & O_PATH) || (f->flags & O_ACCMODE) == O_WRONLY)
		err = -EBADF;
	else if (f->inode == NULL || !IS_REG(f->inode))
		err = -EINVAL;
	file_put(f);
	return err;
}

long file_fadvise(struct file *f, uint64_t len, int advice)
{
	if (f->kind == FILE_PATH)
		return -EBADF;
	if (f->inode != NULL && S_IFMT_(f->inode->mode) == S_IFIFO)
		return -ESPIPE;
	return advice < 0 || advice > 5 || (int64_t)len < 0 ? -EINVAL : 0;
}

long lx_sys_fadvise64(struct lx_thread *t, int fd, int64_t offset, uint64_t len, int advice)
{
	struct file *f = fd_get(t, fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = file_fadvise(f, len, advice);
	file_put(f);
	return err;
}
