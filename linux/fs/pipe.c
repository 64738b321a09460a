/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/pipe.c - pipes.
 *
 * Bytes go straight between guest memory and a ring in the arena, under the pipe's
 * lock.  Wake-ups: a write tells rq (nobody there: one fence), a read tells wq
 * when a writer's PIPE_BUF fits again, which is also what EPOLLOUT means; so a
 * small message costs one wake and a bulk writer is not woken for each byte.
 * Of those who sleep in read or write one is woken at a time; it wakes the next if it leaves
 * bytes, or room.
 * A write of up to PIPE_BUF bytes is done at once or not at all.
 */

#include <linux/capability.h>

#include "linux/fs/pipe.h"
#include "linux/sig/sig.h"
#include "syscalls.gen.h"

struct pipe *pipe_new(void)
{
	struct pipe *p = arena_alloc(sizeof *p);

	if (p == NULL)
		return NULL;
	ref_init(&p->ref);
	lock_init(&p->lock, LOCK_PIPE);
	waitq_init(&p->rq);
	waitq_init(&p->wq);
	ring_init(&p->ring, PIPE_LIMIT);
	return p;
}

void pipe_put(struct pipe *p)
{
	if (!ref_put(&p->ref))
		return;
	ring_free(&p->ring);
	arena_free(p);
}

void pipe_taken(struct pipe *p)
{
	if (pipe_has_room(p))
		(void)waitq_wake(&p->wq, 1, EPOLLOUT | EPOLLWRNORM);
}

static void pipe_added(struct pipe *p)
{
	(void)waitq_wake(&p->rq, 1, EPOLLIN | EPOLLRDNORM);
}

long pipe_wait_data(struct pipe *p)
{
	long err;

	WAIT_EVENT(&p->rq, DK_FOREVER, p->ring.used > 0 || p->writers == 0, err);
	return err;
}

long pipe_wait_room(struct pipe *p)
{
	long err;

	WAIT_EVENT(&p->wq, DK_FOREVER, pipe_has_room(p) || p->readers == 0, err);
	return err;
}

/* The same for read and write themselves. */
static long wait_data_one(struct pipe *p)
{
	long err;

	WAIT_EVENT_ONE(&p->rq, DK_FOREVER, p->ring.used > 0 || p->writers == 0, err);
	return err;
}

static long wait_room_one(struct pipe *p)
{
	long err;

	WAIT_EVENT_ONE(&p->wq, DK_FOREVER, pipe_has_room(p) || p->readers == 0, err);
	return err;
}

long pipe_broken(struct lx_thread *t)
{
	siginfo_t info;

	siginfo_user(t, &info, SIGPIPE, SI_USER);
	(void)signal_thread(t, SIGPIPE, &info);
	return -EPIPE;
}

/* ---- Reading ---- */

/* Takes out what there is for v.  Lock held, the ring is not empty.  Bytes or -EFAULT. */
static long take_bytes(struct pipe *p, const struct iov *v)
{
	uint32_t n = (uint32_t)MIN((uint64_t)p->ring.used, v->size);
	uint32_t done = ring_peek(&p->ring, 0, v, 0, n);

	ring_consume(&p->ring, done);
	return done > 0 ? (long)done : -EFAULT;
}

/* One packet; what does not fit into v is lost. */
static long take_packet(struct pipe *p, const struct iov *v)
{
	uint32_t len, want, done;

	ring_peek_mem(&p->ring, 0, &len, sizeof len);
	want = (uint32_t)MIN((uint64_t)len, v->size);
	done = ring_peek(&p->ring, sizeof len, v, 0, want);
	if (done < want)
		return -EFAULT;
	ring_consume(&p->ring, (uint32_t)sizeof len + len);
	return done;
}

long pipe_read_mode(struct pipe *p, const struct iov *v, bool nonblock)
{
	bool more;
	long result;

	if (v->size == 0)
		return 0;
	for (;;) {
		lock_take(&p->lock);
		if (p->ring.used > 0) {
			result = p->packets ? take_packet(p, v) : take_bytes(p, v);
			more = p->ring.used > 0;
			lock_drop(&p->lock);
			if (more)
				waitq_wake_next(&p->rq);
			pipe_taken(p);
			return result;
		}
		result = p->writers == 0 ? 0 : -EAGAIN;
		lock_drop(&p->lock);
		if (result == 0 || nonblock)
			return result;
		result = wait_data_one(p);
		if (result != 0)
			return result;
	}
}

long pipe_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	return pipe_read_mode(f->object, v, file_nonblock(t, f));
}

/* ---- Writing ---- */

static long put_packet(struct pipe *p, const struct iov *v, uint64_t at, uint32_t n)
{
	uint32_t done;

	if (!ring_reserve(&p->ring, n + (uint32_t)sizeof n))
		return -ENOMEM;
	ring_append_mem(&p->ring, &n, sizeof n);
	done = ring_append(&p->ring, v, at, n);
	if (done == n)
		return n;
	p->ring.used -= done + (uint32_t)sizeof n;
	return -EFAULT;
}

/* As much as fits now of v from position at on.  Bytes, -EAGAIN if it has to wait, or -errno. */
static long put_some(struct pipe *p, const struct iov *v, uint64_t at)
{
	uint64_t left = v->size - at;
	uint32_t room = ring_free_bytes(&p->ring);
	uint32_t done;

	if (p->readers == 0)
		return -EPIPE;
	if (p->packets) {
		left = MIN(left, (uint64_t)PIPE_BUF);
		return room < left + sizeof(uint32_t) ? -EAGAIN : put_packet(p, v, at, (uint32_t)left);
	}
	if (room == 0 || (v->size <= PIPE_BUF && room < left))
		return -EAGAIN;
	done = ring_append(&p->ring, v, at, (uint32_t)MIN(left, (uint64_t)room));
	if (done == 0)
		return p->ring.used == p->ring.cap ? -ENOMEM : -EFAULT;
	return done;
}

long pipe_write_mode(struct lx_thread *t, struct pipe *p, const struct iov *v, bool nonblock)
{
	uint64_t done = 0;
	long result = 0;

	while (done < v->size) {
		uint64_t before = done;

		lock_take(&p->lock);
		while (done < v->size && (result = put_some(p, v, done)) > 0)
			done += (uint64_t)result;
		lock_drop(&p->lock);
		if (done > before) {
			pipe_added(p);
			if (pipe_has_room(p))
				waitq_wake_next(&p->wq);
		}
		if (result != -EAGAIN || nonblock)
			break;
		result = wait_room_one(p);
		if (result != 0)
			break;
	}
	if (result == -EPIPE && done > 0)
		(void)pipe_broken(t);
	return done > 0 ? (long)done : MIN(result, 0l);
}

long pipe_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	return pipe_write_mode(t, f->object, v, file_nonblock(t, f));
}

/* ---- The rest ---- */

static uint32_t pipe_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct pipe *pipe = f->object;
	uint32_t mask = 0;

	if (pipe_reads(f)) {
		poll_wait(p, &pipe->rq);
		if (pipe->ring.used > 0)
			mask |= EPOLLIN | EPOLLRDNORM;
		if (pipe->writers == 0 && pipe->w_opens != (uint32_t)f->priv[0])
			mask |= EPOLLHUP;
	}
	if (pipe_writes(f)) {
		poll_wait(p, &pipe->wq);
		if (pipe_has_room(pipe))
			mask |= EPOLLOUT | EPOLLWRNORM;
		if (pipe->readers == 0)
			mask |= EPOLLERR;
	}
	return mask;
}

static long pipe_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	struct pipe *p = f->object;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return PUT_USER((struct gva){ arg }, (int)p->ring.used);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->object;
	bool last;

	if (p == NULL)
		return;
	lock_take(&p->lock);
	p->readers -= pipe_reads(f);
	p->writers -= pipe_writes(f);
	last = p->readers == 0 && p->writers == 0;
	if (last)
		ring_free(&p->ring);
	lock_drop(&p->lock);
	waitq_wake_all(&p->rq);
	waitq_wake_all(&p->wq);
	if (last && f->inode != NULL && f->inode->kind == INODE_ANON) {
		lock_take(&f->inode->lock);
		f->inode->object = NULL; /* held no reference; a named FIFO's does */
		lock_drop(&f->inode->lock);
	}
	pipe_put(p);
}

const struct file_ops pipe_file_ops = {
	.name = "pipe",
	.read = pipe_read,
	.write = pipe_write,
	.ioctl = pipe_ioctl,
	.poll = pipe_poll,
	.release = pipe_release,
};

static uint64_t round_limit(uint64_t n)
{
	uint64_t limit = PAGE_SIZE;

	while (limit < n)
		limit *= 2;
	return limit;
}

long pipe_fcntl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	struct pipe *p = f->object;
	uint64_t limit;
	bool done;

	if (f->kind != FILE_PIPE)
		return -EBADF;
	if (cmd == F_GETPIPE_SZ)
		return p->ring.limit;
	if ((uint32_t)arg > 1u << 30)
		return -EINVAL;
	limit = round_limit((uint32_t)arg);
	if (limit > PIPE_LIMIT_MAX && limit > p->ring.limit && !lx_capable(t, CAP_SYS_RESOURCE))
		return -EPERM;
	lock_take(&p->lock);
	done = ring_set_limit(&p->ring, (uint32_t)limit);
	lock_drop(&p->lock);
	pipe_taken(p);
	return done ? (long)limit : -EBUSY;
}

/* Both ends of a new pipe, with a common inode. */
static long make_ends(uint32_t flags, struct file **r, struct file **w)
{
	struct pipe *p = pipe_new();

	if (p == NULL)
		return -ENOMEM;
	p->packets = flags & O_DIRECT;
	*r = anon_file(FILE_PIPE, O_RDONLY | flags, S_IFIFO | 0600, p);
	*w = *r != NULL ? file_new(FILE_PIPE, O_WRONLY | flags) : NULL;
	if (*w == NULL) {
		if (*r != NULL) {
			(*r)->object = NULL;
			file_put(*r);
		}
		pipe_put(p);
		return -ENOMEM;
	}
	ref_get(&p->ref); /* the second file's */
	inode_get((*r)->inode);
	(*r)->inode->object = p;
	(*w)->inode = (*r)->inode;
	(*w)->object = p;
	p->readers = p->writers = p->r_opens = p->w_opens = 1;
	return 0;
}

long lx_sys_pipe2(struct lx_thread *t, struct gva fds, int flags)
{
	struct file *r, *w;
	int fd[2];
	long err;

	if (flags & ~(O_CLOEXEC | O_DIRECT | O_NONBLOCK))
		return -EINVAL;
	err = make_ends((uint32_t)flags & (O_DIRECT | O_NONBLOCK), &r, &w);
	if (err != 0)
		return err;
	fd[0] = fd_install(t, r, flags & O_CLOEXEC, 0);
	if (fd[0] < 0) {
		file_put(r);
		file_put(w);
		return fd[0];
	}
	fd[1] = fd_install(t, w, flags & O_CLOEXEC, 0);
	if (fd[1] < 0) {
		file_put(w);
		(void)fd_close(t, fd[0]);
		return fd[1];
	}
	if (copy_out(fds, fd, sizeof fd) == 0)
		return 0;
	(void)fd_close(t, fd[0]);
	(void)fd_close(t, fd[1]);
	return -EFAULT;
}

long lx_sys_pipe(struct lx_thread *t, struct gva fds)
{
	return lx_sys_pipe2(t, fds, 0);
}
