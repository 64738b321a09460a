/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fifo.c - opening named FIFOs, and anonymous pipes through /proc/PID/fd.
 *
 * A FIFO's inode keeps its pipe (without ring while nobody has it open) until the
 * inode goes.  An opener counts itself in first and then waits for the count of the
 * other side's opens to change, so that a peer that comes and goes at once is seen.
 */

#include "linux/fs/pipe.h"

static struct pipe *inode_pipe(struct inode *i)
{
	struct pipe *fresh = NULL, *p;

	if (i->object == NULL && i->kind != INODE_ANON)
		fresh = pipe_new();
	lock_take(&i->lock);
	p = i->object;
	if (p == NULL && fresh != NULL) {
		p = i->object = fresh;
		fresh = NULL;
	}
	if (p != NULL && !ref_get_live(&p->ref))
		p = NULL;
	lock_drop(&i->lock);
	if (fresh != NULL)
		pipe_put(fresh);
	return p;
}

void fifo_inode_free(struct inode *i)
{
	if (i->object != NULL && i->kind != INODE_ANON)
		pipe_put(i->object);
	i->object = NULL;
}

static void count_in(struct pipe *p, struct file *f, int n)
{
	if (pipe_reads(f)) {
		p->readers += (uint32_t)n;
		p->r_opens += n > 0;
	}
	if (pipe_writes(f)) {
		p->writers += (uint32_t)n;
		p->w_opens += n > 0;
	}
}

static long wait_for_writer(struct pipe *p, uint32_t seen)
{
	long err;

	WAIT_EVENT(&p->rq, DK_FOREVER, p->w_opens != seen, err);
	return err;
}

static long wait_for_reader(struct pipe *p, uint32_t seen)
{
	long err;

	WAIT_EVENT(&p->wq, DK_FOREVER, p->r_opens != seen, err);
	return err;
}

/* Counts f in and waits for the other side: 0, -ENXIO, -ERESTARTSYS; -EAGAIN if it must not wait (t->nowait). */
static long join(struct lx_thread *t, struct pipe *p, struct file *f)
{
	bool nonblock = f->flags & O_NONBLOCK;
	uint32_t r_seen, w_seen;
	bool alone;
	long err = 0;

	lock_take(&p->lock);
	if (!pipe_reads(f) && nonblock && p->readers == 0) {
		lock_drop(&p->lock);
		return -ENXIO;
	}
	alone = pipe_reads(f) ? p->writers == 0 : p->readers == 0;
	if (pipe_reads(f) && pipe_writes(f))
		alone = false;
	if (alone && !nonblock && t->nowait) {
		lock_drop(&p->lock);
		return -EAGAIN;
	}
	count_in(p, f, 1);
	r_seen = p->r_opens;
	w_seen = p->w_opens;
	alone = pipe_reads(f) ? p->writers == 0 : p->readers == 0;
	if (alone && nonblock)
		f->priv[0] = w_seen; /* no writer yet is not a hang-up */
	lock_drop(&p->lock);
	waitq_wake_all(&p->rq);
	waitq_wake_all(&p->wq);
	if (alone && !nonblock)
		err = pipe_reads(f) ? wait_for_writer(p, w_seen) : wait_for_reader(p, r_seen);
	if (err == 0)
		return 0;
	lock_take(&p->lock);
	count_in(p, f, -1);
	lock_drop(&p->lock);
	waitq_wake_all(&p->rq);
	waitq_wake_all(&p->wq);
	return err;
}

long fifo_open(struct lx_thread *t, struct inode *inode, struct file *f)
{
	struct pipe *p = inode_pipe(inode);
	long err;

	if (p == NULL)
		return inode->kind == INODE_ANON ? -ENXIO : -ENOMEM;
	err = join(t, p, f);
	if (err != 0) {
		pipe_put(p);
		return err;
	}
	f->kind = FILE_PIPE;
	f->object = p;
	return 0;
}
