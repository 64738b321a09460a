/* SPDX-License-Identifier: MIT */
/* linux/fs/textfile.c - open files of /proc and /sys; see textfs.h. */
#include "linux/fs/textfs.h"

#define STORE_MAX 4096u

/* file->priv; file->object is a struct kept_text */
enum { TF_LEN }; /* and TEXT_POLLED */

struct kept_text {
	size_t len;
	char data[];
};

static void make_text(struct text *x, const struct text_node *n, struct node_ctx *c)
{
	if (n->text)
		text_put(x, n->text, strlen(n->text));
	else if (n->show)
		n->show(x, c);
}

/* Keeps what a reader has not got yet, for its next reads. */
static void keep_text(struct file *f, const struct text *x, bool all_read)
{
	struct kept_text *k = NULL, *old;

	if (!all_read && (k = arena_alloc(sizeof *k + x->len)) != NULL) {
		k->len = x->len;
		memcpy(k->data, x->buf, x->len);
	}
	lock_take(&f->inode->lock);
	old = f->object;
	f->object = k;
	f->priv[TF_LEN] = x->len;
	lock_drop(&f->inode->lock);
	arena_free(old);
}

/* From what was kept; false: nothing was, so it has to be made. */
static bool read_kept(struct file *f, const struct iov *v, uint64_t pos, size_t *got)
{
	struct kept_text *k;
	bool answered = true;

	*got = 0;
	lock_take(&f->inode->lock);
	k = f->object;
	if (k && pos < k->len)
		*got = iov_put(v, 0, k->data + pos, MIN(v->size, k->len - pos));
	else
		answered = k || pos >= f->priv[TF_LEN];
	lock_drop(&f->inode->lock);
	return answered;
}

static long read_text(struct file *f, struct node_ctx *c, const struct text_node *n, const struct iov *v, uint64_t *pos)
{
	struct text x = { 0 };
	size_t got = 0, there = 0;

	if (*pos == 0 || !read_kept(f, v, *pos, &got)) {
		make_text(&x, n, c);
		if (*pos < x.len) {
			there = MIN(v->size, x.len - *pos);
			got = iov_put(v, 0, x.buf + *pos, there);
		}
		keep_text(f, &x, *pos + got >= x.len);
		text_free(&x);
	}
	*pos += got;
	return got || !there ? (long)got : -EFAULT;
}

static long text_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	const struct text_node *n = text_node_of(f->inode);
	struct node_ctx c;
	long result;

	if (!n->show && !n->text && !n->raw)
		return -EINVAL;
	if (!text_ctx_init(&c, t, f->inode))
		return n->raw ? 0 : -ESRCH; /* a process that has ended has no memory */
	c.file = f;
	result = n->raw ? n->raw(&c, v, pos, false) : read_text(f, &c, n, v, pos);
	text_ctx_done(&c);
	return result;
}

static long store_text(struct node_ctx *c, const struct text_node *n, const struct iov *v)
{
	size_t size = MIN(v->size, (uint64_t)STORE_MAX - 1), got;
	char *buf = heap_alloc(size + 1);
	long result;

	if (!buf)
		return -ENOMEM;
	got = iov_take(v, 0, buf, size);
	buf[got] = '\0';
	result = got < size ? -EFAULT : n->store(c, buf, got);
	heap_free(buf);
	return result;
}

static long text_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	const struct text_node *n = text_node_of(f->inode);
	struct node_ctx c;
	long result;

	if (!n->store && !n->raw)
		return -EINVAL;
	if (!text_ctx_init(&c, t, f->inode))
		return n->raw ? 0 : -ESRCH; /* a process that has ended has no memory */
	c.file = f;
	result = n->raw ? n->raw(&c, v, pos, true) : store_text(&c, n, v);
	text_ctx_done(&c);
	if (result > 0 && !n->raw)
		*pos += (uint64_t)result;
	return result;
}

static long text_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	const struct text_node *n = text_node_of(f->inode);
	struct node_ctx c;
	long result;

	if (!n->ioctl)
		return -ENOTTY;
	if (!text_ctx_init(&c, t, f->inode))
		return -ESRCH;
	c.file = f;
	result = n->ioctl(&c, cmd, arg);
	text_ctx_done(&c);
	return result;
}

static uint32_t text_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	const struct text_node *n = text_node_of(f->inode);
	uint32_t mask = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	struct node_ctx c;

	if (!n->poll || !text_ctx_init(&c, t, f->inode))
		return mask;
	c.file = f;
	mask |= n->poll(&c, p);
	text_ctx_done(&c);
	return mask;
}

/* Those about processes only where a change is told. */
bool text_can_poll(const struct file *f)
{
	return !f->inode->priv[T_PID] || text_node_of(f->inode)->poll;
}

static void text_release(struct file *f)
{
	arena_free(f->object);
	f->object = NULL;
}

const struct file_ops file_proc_ops = {
	.name = "proc",
	.read = text_read,
	.write = text_write,
	.poll = text_poll,
	.ioctl = text_ioctl,
	.release = text_release,
	.seekable = true,
};
