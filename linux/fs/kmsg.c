/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/kmsg.c - /dev/kmsg and /proc/kmsg, two ways to the kernel log (misc/klog.c).
 *
 * /dev/kmsg gives one record a read, each open file from its own place (f->pos is the
 * number of the next record), and takes lines of programs.  /proc/kmsg is syslog(2)'s
 * READ in the form of a file.
 */
#include "linux/fs/procfs.h"

#include "linux/fs/io.h"
#include "linux/misc/klog.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define OUT_MAX (64u + 4 * KLOG_LINE_MAX)

/* "level and facility,number,microseconds,-;text\n", what is no text as \xHH; its length. */
static size_t format_record(const struct klog_line *l, char *out)
{
	size_t n = (size_t)fmt_snprintf(out, 64, "%u,%lu,%lu,-;", l->facility << 3 | l->level, (unsigned long)l->seq,
		(unsigned long)(l->time_ns / 1000));

	for (uint32_t i = 0; i < l->len; i++) {
		uint8_t c = (uint8_t)l->text[i];

		if (c < ' ' || c >= 127 || c == '\\')
			n += (size_t)fmt_snprintf(out + n, 5, "\\x%02x", c);
		else
			out[n++] = (char)c;
	}
	out[n++] = '\n';
	return n;
}

struct kmsg_buf {
	struct klog_line line;
	char out[OUT_MAX];
};

static long read_record(struct file *f, const struct iov *v, struct kmsg_buf *b)
{
	size_t n;

	if (f->priv[0] < klog_first()) {
		f->priv[0] = klog_first();
		return -EPIPE; /* some were overwritten: said once */
	}
	if (!klog_read(f->priv[0], &b->line))
		return -EAGAIN;
	n = format_record(&b->line, b->out);
	if (n > v->size)
		return -EINVAL;
	if (iov_put(v, 0, b->out, n) < n)
		return -EFAULT;
	f->priv[0] = b->line.seq + 1;
	return (long)n;
}

static long kmsg_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct kmsg_buf *b = heap_alloc_dirty(sizeof *b);
	long ret;

	if (b == NULL)
		return -ENOMEM;
	while ((ret = read_record(f, v, b)) == -EAGAIN) {
		ret = file_wait(t, f, EPOLLIN, DK_FOREVER);
		if (ret != 0)
			break;
	}
	heap_free(b);
	return ret;
}

/* A guest's line: "<level and facility>text", else of level 4; never of the kernel's own facility. */
static long kmsg_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	char line[KLOG_LINE_MAX + 1], *text = line;
	uint32_t pri = KLOG_WARNING, n = 0;

	if (v->size > KLOG_LINE_MAX)
		return -EINVAL;
	if (iov_take(v, 0, line, v->size) < v->size)
		return -EFAULT;
	line[v->size] = '\0';
	if (line[0] == '<') {
		for (text++; *text >= '0' && *text <= '9' && n < 100000; text++)
			n = n * 10 + (uint32_t)(*text - '0');
		if (*text == '>' && text > line + 1) {
			pri = n;
			text++;
		} else {
			text = line;
		}
	}
	klog_write(pri & 7, MAX(pri >> 3, 1u), text, strlen(text));
	return (long)v->size;
}

static uint32_t kmsg_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct waitq *wq = klog_waitq();

	if (wq == NULL)
		return EPOLLERR;
	poll_wait(p, wq);
	if (f->priv[0] < klog_first())
		return EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLPRI;
	return klog_next() > f->priv[0] ? EPOLLIN | EPOLLRDNORM : 0;
}

static long kmsg_seek(struct lx_thread *t, struct file *f, int64_t offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_END && whence != SEEK_DATA)
		return -EINVAL;
	if (offset != 0)
		return -ESPIPE;
	f->priv[0] = whence == SEEK_SET ? klog_first() : whence == SEEK_DATA ? klog_cleared() : klog_next();
	return 0;
}

const struct file_ops file_kmsg_ops = {
	.name = "kmsg",
	.read = kmsg_read,
	.write = kmsg_write,
	.poll = kmsg_poll,
	.seek = kmsg_seek,
};

long kmsg_open(struct lx_thread *t, struct file *f)
{
	if ((f->flags & O_ACCMODE) != O_WRONLY && !klog_allowed(t, true))
		return -EPERM;
	f->kind = FILE_KMSG;
	f->priv[0] = klog_first();
	return 0;
}

/* Straight to the reader's memory: its first segment is enough, a read may be short. */
long raw_kmsg(struct node_ctx *c, const struct iov *v, uint64_t *pos, bool write)
{
	if (write)
		return -EIO;
	if (!klog_allowed(c->t, false))
		return -EPERM;
	if (v->size == 0 || v->kernel)
		return 0;
	return klog_syslog_read((struct gva){ (uint64_t)v->seg[0].base }, v->seg[0].size, c->file != NULL && (c->file->flags & O_NONBLOCK));
}
