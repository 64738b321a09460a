/* SPDX-License-Identifier: MIT */
/*
 * nt/os/pipefile.c - an end of one of NT's own pipes as a file of Linux programs: what a Windows program gives one that it starts as
 * standard handles.
 *
 * The file holds a reference on the end's file object and counts as one of its handles, so that the other end hears when the last Linux
 * program that has it is gone, as it hears of Windows programs.  It looks like a pipe.  Its lock is the pipe's, of class NTPIPE.
 */
#include "linux/fs/fs.h"
#include "linux/fs/io.h"
#include "linux/fs/pipe.h"
#include "linux/fs/poll.h"
#include "nt/io/io.h"
#include "nt/ob/ob.h"
#include "nt/os/pipefile.h"

#define PIECE 65536u /* bytes of one message of a byte pipe */

struct piece {
	const struct iov *v;
	uint64_t at;
};

static bool put(void *arg, uint32_t at, const void *from, uint32_t n)
{
	const struct piece *p = arg;

	return iov_put(p->v, p->at + at, from, n) == n;
}

static uint32_t fill(void *arg, void *to, uint32_t n)
{
	const struct piece *p = arg;

	return (uint32_t)iov_take(p->v, p->at, to, n);
}

static long wait_for(struct ob_object *o, uint32_t what)
{
	long err;

	WAIT_EVENT(npfs_linux_wait(o), DK_FOREVER, npfs_linux_ready(o) & what, err);
	return err;
}

static long ntpipe_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct piece p = { v, 0 };
	uint32_t done = 0;
	long err = 0;

	while (v->size != 0 && err == 0) {
		NTSTATUS status = npfs_linux_read(f->object, (uint32_t)MIN(v->size, (uint64_t)UINT32_MAX), put, &p, &done);

		if (status == STATUS_SUCCESS || done != 0)
			return done;
		if (status == (NTSTATUS)STATUS_PIPE_BROKEN)
			return 0;
		if (status != (NTSTATUS)STATUS_PENDING)
			return -EFAULT;
		err = file_nonblock(t, f) ? -EAGAIN : wait_for(f->object, OS_PIPE_DATA | OS_PIPE_OVER);
	}
	return err;
}

static long ntpipe_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct piece p = { v, 0 };
	uint32_t done = 0;
	long err = 0;

	while (p.at < v->size && err == 0) {
		NTSTATUS status = npfs_linux_write(f->object, (uint32_t)MIN(v->size - p.at, (uint64_t)PIECE), fill, &p, &done);

		p.at += done;
		if (status == (NTSTATUS)STATUS_PENDING)
			err = file_nonblock(t, f) ? -EAGAIN : wait_for(f->object, OS_PIPE_ROOM | OS_PIPE_OVER);
		else if (status == (NTSTATUS)STATUS_PIPE_BROKEN)
			err = pipe_broken(t);
		else if (status != STATUS_SUCCESS)
			err = status == (NTSTATUS)STATUS_ACCESS_VIOLATION ? -EFAULT : -ENOMEM;
	}
	return p.at != 0 ? (long)p.at : err;
}

static uint32_t ntpipe_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	uint32_t ready, mask = 0;

	poll_wait(p, npfs_linux_wait(f->object));
	ready = npfs_linux_ready(f->object);
	if (pipe_reads(f))
		mask |= (ready & OS_PIPE_DATA ? EPOLLIN | EPOLLRDNORM : 0) | (ready & OS_PIPE_OVER ? EPOLLHUP : 0);
	if (pipe_writes(f))
		mask |= (ready & OS_PIPE_ROOM ? EPOLLOUT | EPOLLWRNORM : 0) | (ready & OS_PIPE_OVER ? EPOLLERR : 0);
	return mask;
}

static long ntpipe_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	return cmd == FIONREAD ? PUT_USER((struct gva){ arg }, (int)npfs_linux_available(f->object)) : -ENOTTY;
}

static void ntpipe_release(struct file *f)
{
	if (f->object == NULL)
		return;
	ob_uncount(f->object, NULL);
	ob_put(f->object);
}

extern const struct file_ops file_ntpipe_ops; /* linux/fs/file_kinds.c */
const struct file_ops file_ntpipe_ops = {
	.name = "ntpipe",
	.read = ntpipe_read,
	.write = ntpipe_write,
	.ioctl = ntpipe_ioctl,
	.poll = ntpipe_poll,
	.release = ntpipe_release,
};

struct file *os_pipe_file(struct ob_object *o, uint32_t access)
{
	uint32_t flags = !(access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) ? O_RDONLY : access & FILE_READ_DATA ? O_RDWR : O_WRONLY;
	struct file *f = anon_file(FILE_NTPIPE, flags, S_IFIFO | 0600, NULL);

	if (f == NULL)
		return NULL;
	ob_get(o);
	ob_count(o);
	f->object = o;
	return f;
}
