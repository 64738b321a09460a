/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/splice.c - splice, tee, vmsplice.
 *
 * Pages cannot change owners between pipes and files here, so these calls copy, through
 * a buffer of the heap or straight between guest and ring.  What a pipe gave and the
 * other side did not take goes back to the pipe's front.
 */

#include "linux/fs/fs.h"
#include "linux/fs/pipe.h"

#define CHUNK            65536u
#define SPLICE_F_MOVE     1u
#define SPLICE_F_NONBLOCK 2u
#define SPLICE_F_MORE     4u
#define SPLICE_F_GIFT     8u
#define SPLICE_F_ALL      15u

/* The other side of a splice: a file, where in it, and the buffer between. */
struct side {
	struct file *f;
	uint64_t pos;
	bool own; /* pos is the description's, under its lock */
	void *buf;
};

static void side_begin(struct side *s) LOCK_UNCHECKED("held if own is set, until side_end")
{
	if (!s->own)
		return;
	lock_take(&s->f->lock);
	s->pos = s->f->pos;
}

static void side_end(struct side *s) LOCK_UNCHECKED("see side_begin")
{
	if (!s->own)
		return;
	s->f->pos = s->pos;
	lock_drop(&s->f->lock);
}

static struct iov kernel_iov(struct dk_segment *seg, void *buf, uint64_t n)
{
	*seg = (struct dk_segment){ buf, n };
	return (struct iov){ seg, 1, true, n };
}

static long side_read(struct lx_thread *t, struct side *s, uint64_t n)
{
	struct dk_segment seg;
	struct iov v = kernel_iov(&seg, s->buf, n);
	long done;

	side_begin(s);
	done = file_read(t, s->f, &v, &s->pos);
	side_end(s);
	return done;
}

/* All n bytes if possible: what was written, or -errno if nothing. */
static long side_write(struct lx_thread *t, struct side *s, uint64_t n)
{
	uint64_t done = 0;
	long part = 0;

	side_begin(s);
	while (done < n) {
		struct dk_segment seg;
		struct iov v = kernel_iov(&seg, (char *)s->buf + done, n - done);

		part = file_write(t, s->f, &v, &s->pos);
		if (part <= 0)
			break;
		done += (uint64_t)part;
	}
	side_end(s);
	return done > 0 ? (long)done : part;
}

static void give_back(struct pipe *p, const char *buf, uint64_t n)
{
	lock_take(&p->lock);
	if (!ring_unread(&p->ring, buf, (uint32_t)n))
		log_line(DK_LOG_WARNING, "splice: no memory to give %u bytes back to a pipe", (unsigned)n);
	lock_drop(&p->lock);
	(void)waitq_wake(&p->rq, 1, EPOLLIN | EPOLLRDNORM);
}

static long from_pipe(struct lx_thread *t, struct pipe *p, struct side *out, uint64_t len, bool nonblock)
{
	uint64_t total = 0;
	long n = 0;

	while (total < len) {
		struct dk_segment seg;
		struct iov v = kernel_iov(&seg, out->buf, MIN(len - total, (uint64_t)CHUNK));
		long done;

		n = pipe_read_mode(p, &v, nonblock || total > 0);
		if (n <= 0)
			break;
		done = side_write(t, out, (uint64_t)n);
		if (done < n)
			give_back(p, (char *)out->buf + MAX(done, 0l), (uint64_t)(n - MAX(done, 0l)));
		total += (uint64_t)MAX(done, 0l);
		if (done < n) {
			n = done;
			break;
		}
	}
	return total > 0 ? (long)total : n;
}

static long to_pipe(struct lx_thread *t, struct side *in, struct pipe *p, uint64_t len, bool nonblock)
{
	uint64_t total = 0;
	long n = 0;

	while (total < len) {
		struct dk_segment seg;
		struct iov v;
		uint64_t room = ring_free_bytes(&p->ring);

		if (!pipe_has_room(p) && p->readers != 0) {
			n = nonblock || total > 0 ? -EAGAIN : pipe_wait_room(p);
			if (n != 0)
				break;
			continue;
		}
		if (p->readers == 0) {
			n = pipe_broken(t);
			break;
		}
		n = side_read(t, in, MIN(MIN(room, len - total), (uint64_t)CHUNK));
		if (n <= 0)
			break;
		v = kernel_iov(&seg, in->buf, (uint64_t)n);
		n = pipe_write_mode(t, p, &v, false);
		if (n == -EPIPE)
			(void)pipe_broken(t);
		if (n <= 0)
			break;
		total += (uint64_t)n;
	}
	return total > 0 ? (long)total : n;
}

/* Bytes from ring to ring, both locks held.  keep: tee. */
static uint32_t move_bytes(struct ring *from, struct ring *to, uint32_t n, bool keep)
{
	n = MIN(n, MIN(from->used, ring_free_bytes(to)));
	if (n == 0 || !ring_reserve(to, n))
		return 0;
	for (uint32_t done = 0; done < n;) { /* in up to two parts: the ring's end may lie between */
		uint32_t place = from->head + done, part;

		place = place >= from->cap ? place - from->cap : place;
		part = MIN(n - done, from->cap - place);
		ring_append_mem(to, from->data + place, part);
		done += part;
	}
	if (!keep)
		ring_consume(from, n);
	return n;
}

static long between_pipes(struct lx_thread *t, struct pipe *from, struct pipe *to, uint64_t len, bool nonblock, bool keep)
{
	long err;

	if (from->packets || to->packets)
		return -EINVAL;
	for (;;) {
		bool empty, ended, broken;
		uint32_t n;

		lock_take2(&from->lock, &to->lock);
		broken = to->readers == 0;
		n = broken ? 0 : move_bytes(&from->ring, &to->ring, (uint32_t)MIN(len, (uint64_t)PIPE_LIMIT_MAX), keep);
		empty = from->ring.used == 0;
		ended = from->writers == 0;
		lock_drop2(&from->lock, &to->lock);
		if (broken)
			return pipe_broken(t);
		if (n > 0) {
			(void)waitq_wake(&to->rq, 1, EPOLLIN | EPOLLRDNORM);
			pipe_taken(from);
			return n;
		}
		if (empty && ended)
			return 0;
		if (nonblock)
			return -EAGAIN;
		err = empty ? pipe_wait_data(from) : pipe_wait_room(to);
		if (err != 0)
			return err;
	}
}

/* Sets where the side that is no pipe is read or written. */
static long side_init(struct side *s, struct file *f, const uint64_t *offset)
{
	bool seekable = lx_file_ops[f->kind]->seekable;

	s->f = f;
	s->pos = DK_OFFSET_NONE;
	s->own = offset == NULL && seekable;
	if (offset == NULL)
		return 0;
	if (!seekable)
		return -EINVAL;
	s->pos = *offset;
	return (int64_t)s->pos < 0 ? -EINVAL : 0;
}

/* Those whose bytes Linux moves to and from pipes: no folders, and nothing whose reads and writes are records. */
static bool splices(const struct file *f)
{
	switch (f->kind) {
	case FILE_MEM:
	case FILE_HOST:
	case FILE_PROC:
	case FILE_DEV:
	case FILE_STD:
	case FILE_SOCKET:
	case FILE_PTY:
	case FILE_LOOP:
		return f->inode == NULL || !S_ISDIR(f->inode->mode);
	default:
		return false;
	}
}

static long splice_side(struct lx_thread *t, struct file *in, struct file *out, uint64_t *offset, uint64_t len, bool nonblock)
{
	bool pipe_in = in->kind == FILE_PIPE;
	struct file *pf = pipe_in ? in : out;
	struct side s;
	long result = side_init(&s, pipe_in ? out : in, offset);

	if (result != 0)
		return result;
	if (!splices(s.f) || (pipe_in && (out->flags & O_APPEND)))
		return -EINVAL;
	s.buf = heap_alloc_dirty(CHUNK);
	if (s.buf == NULL)
		return -ENOMEM;
	nonblock = nonblock || file_nonblock(t, pf);
	result = pipe_in ? from_pipe(t, pf->object, &s, len, nonblock) : to_pipe(t, &s, pf->object, len, nonblock);
	heap_free(s.buf);
	if (offset != NULL && result > 0)
		*offset = s.pos;
	return result;
}

long file_splice(struct lx_thread *t, struct file *in, uint64_t *in_off, struct file *out, uint64_t *out_off, uint64_t len, uint32_t flags)
{
	bool nonblock = flags & SPLICE_F_NONBLOCK;

	if (!pipe_reads(in) || !pipe_writes(out) || in->kind == FILE_PATH || out->kind == FILE_PATH)
		return -EBADF;
	if (in->kind != FILE_PIPE && out->kind != FILE_PIPE)
		return -EINVAL;
	if ((in->kind == FILE_PIPE && in_off != NULL) || (out->kind == FILE_PIPE && out_off != NULL))
		return -ESPIPE;
	if (in->kind != FILE_PIPE || out->kind != FILE_PIPE)
		return splice_side(t, in, out, in->kind == FILE_PIPE ? out_off : in_off, len, nonblock);
	if (in->object == out->object)
		return -EINVAL;
	nonblock = nonblock || ((in->flags | out->flags) & O_NONBLOCK) || t->nowait;
	return between_pipes(t, in->object, out->object, len, nonblock, false);
}

static long splice_at(struct lx_thread *t, struct file *in, struct gva in_off, struct file *out, struct gva out_off, uint64_t len,
	uint32_t flags)
{
	uint64_t from, to;
	long n;

	if ((in_off.va != 0 && copy_in(&from, in_off, sizeof from) != 0) || (out_off.va != 0 && copy_in(&to, out_off, sizeof to) != 0))
		return -EFAULT;
	n = file_splice(t, in, in_off.va != 0 ? &from : NULL, out, out_off.va != 0 ? &to : NULL, len, flags);
	if (n > 0 && ((in_off.va != 0 && PUT_USER(in_off, from) != 0) || (out_off.va != 0 && PUT_USER(out_off, to) != 0)))
		return -EFAULT;
	return n;
}

long lx_sys_splice(struct lx_thread *t, int in, struct gva in_off, int out, struct gva out_off, uint64_t len, uint32_t flags)
{
	struct file *fi, *fo;
	long result = -EBADF;

	if (len == 0)
		return 0;
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	len = MIN(len, RW_LIMIT);
	fi = fd_get(t, in);
	fo = fd_get(t, out);
	if (fi != NULL && fo != NULL)
		result = splice_at(t, fi, in_off, fo, out_off, len, flags);
	if (fi != NULL)
		file_put(fi);
	if (fo != NULL)
		file_put(fo);
	return result;
}

long file_tee(struct lx_thread *t, struct file *in, struct file *out, uint64_t len, uint32_t flags)
{
	if (!pipe_reads(in) || !pipe_writes(out))
		return -EBADF;
	if (in->kind != FILE_PIPE || out->kind != FILE_PIPE || in->object == out->object)
		return -EINVAL;
	return between_pipes(t, in->object, out->object, len,
		(flags & SPLICE_F_NONBLOCK) || ((in->flags | out->flags) & O_NONBLOCK) || t->nowait, true);
}

long lx_sys_tee(struct lx_thread *t, int in, int out, uint64_t len, uint32_t flags)
{
	struct file *fi, *fo;
	long result = -EBADF;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (len == 0)
		return 0;
	fi = fd_get(t, in);
	fo = fd_get(t, out);
	if (fi != NULL && fo != NULL)
		result = file_tee(t, fi, fo, len, flags);
	if (fi != NULL)
		file_put(fi);
	if (fo != NULL)
		file_put(fo);
	return result;
}

/* Waits for room, and then puts in what fits: unlike a write it does not wait for the rest. */
static long put_now(struct lx_thread *t, struct pipe *p, const struct iov *v, bool nonblock)
{
	for (;;) {
		long n = pipe_write_mode(t, p, v, true);

		if (n != -EAGAIN || nonblock)
			return n;
		n = pipe_wait_room(p);
		if (n != 0)
			return n;
	}
}

long lx_sys_vmsplice(struct lx_thread *t, int fd, struct gva iov, uint64_t count, uint32_t flags)
{
	struct dk_segment small[8];
	struct file *f;
	struct iov v;
	bool nonblock;
	long result;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	f = fd_get_kind(t, fd, FILE_PIPE, -EBADF, &result);
	if (f == NULL)
		return result;
	result = iov_in(iov, count, small, ARRAY_LEN(small), &v);
	if (result == 0) {
		nonblock = (flags & SPLICE_F_NONBLOCK) || file_nonblock(t, f);
		result = pipe_writes(f) ? put_now(t, f->object, &v, nonblock) : pipe_read_mode(f->object, &v, nonblock);
		if (result == -EPIPE)
			(void)pipe_broken(t);
		iov_done(&v, small);
	}
	file_put(f);
	return result;
}
