/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/loop.c - /dev/loopN: a block device on a file.
 *
 * A device that is bound passes reads and writes to its backing file, shifted by
 * the offset and kept within its size; unbound it has size 0.  Programs that make,
 * check and change images of disks work on it.  No file system here reads a block
 * device, so that mounting one is ENODEV.
 *
 * The table is in the arena, under one lock, held for a look only: a transfer takes
 * a reference on the backing file first.  A device that is told to end while others
 * have it open ends with the last of them.
 */
#include "linux/fs/loop.h"

#include "linux/fs/io.h"

struct loop_table *loop_table(void)
{
	struct vfs *v = vfs();
	struct loop_table *l = __atomic_load_n(&v->loops, __ATOMIC_ACQUIRE), *other = NULL;

	if (l != NULL)
		return l;
	l = arena_alloc(sizeof *l);
	if (l == NULL)
		return NULL;
	lock_init(&l->lock, LOCK_IPC);
	for (uint32_t n = 0; n < LOOP_DEVICES; n++)
		l->loop[n] = (struct loop){ .number = n, .block_size = LOOP_SECTOR, .read_ahead = 256 };
	if (__atomic_compare_exchange_n(&v->loops, &other, l, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return l;
	arena_free(l);
	return other;
}

struct file *loop_backing(struct loop *l, uint64_t *offset, uint64_t *size)
{
	struct loop_table *table = loop_table();
	struct file *f = NULL;

	lock_take(&table->lock);
	*offset = l->offset;
	*size = 0;
	if (l->state != LOOP_UNBOUND) {
		f = l->backing;
		file_get(f);
		*size = l->size;
	}
	lock_drop(&table->lock);
	return f;
}

long loop_open(uint32_t number, struct file *f)
{
	struct loop_table *table = loop_table();

	if (number >= LOOP_DEVICES)
		return -ENXIO;
	if (table == NULL)
		return -ENOMEM;
	f->kind = FILE_LOOP;
	f->object = &table->loop[number];
	lock_take(&table->lock);
	table->loop[number].openers++;
	lock_drop(&table->lock);
	return 0;
}

long loop_control_open(struct file *f)
{
	if (loop_table() == NULL)
		return -ENOMEM;
	f->kind = FILE_LOOP_CONTROL;
	return 0;
}

static void loop_release(struct file *f)
{
	struct loop *l = f->object;
	struct file *gone = NULL;

	lock_take(&loop_table()->lock);
	if (--l->openers == 0 && (l->state == LOOP_ENDING || (l->state == LOOP_BOUND && (l->flags & LO_FLAGS_AUTOCLEAR))))
		gone = loop_unbind(l);
	lock_drop(&loop_table()->lock);
	if (gone != NULL)
		file_put(gone);
}

#define IO_FN(fn) long (*fn)(struct lx_thread *, struct file *, const struct iov *, uint64_t *)

/* The part of v that lies on the device, by fn on the backing file. */
static long transfer(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos, bool write)
{
	uint64_t offset, size, at, left;
	struct file *backing = loop_backing(f->object, &offset, &size);
	struct iov cut = *v;
	IO_FN(fn);
	long n;

	if (backing == NULL)
		return v->size == 0 ? 0 : write ? -ENOSPC : 0;
	left = *pos < size ? size - *pos : 0;
	at = *pos + offset;
	cut.size = MIN(v->size, left);
	fn = write ? lx_file_ops[backing->kind]->write : lx_file_ops[backing->kind]->read;
	if (cut.size == 0)
		n = v->size != 0 && write ? -ENOSPC : 0;
	else if (fn == NULL)
		n = -EIO;
	else if (cut.size == v->size) {
		n = fn(t, backing, v, &at);
	} else {
		struct dk_segment part[DK_SEGMENTS_MAX];

		cut.count = iov_slice(v, 0, cut.size, part, &cut.size);
		cut.seg = part;
		n = fn(t, backing, &cut, &at);
	}
	file_put(backing);
	if (n > 0)
		*pos += (uint64_t)n;
	return n;
}

static long loop_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	return transfer(t, f, v, pos, false);
}

static long loop_write(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	struct loop *l = f->object;

	if (l->read_only || (l->flags & LO_FLAGS_READ_ONLY))
		return -EPERM;
	return transfer(t, f, v, pos, true);
}

static long loop_seek(struct lx_thread *t, struct file *f, int64_t offset, int whence)
{
	uint64_t start, size;
	int64_t to = offset;
	struct file *backing = loop_backing(f->object, &start, &size);

	if (backing != NULL)
		file_put(backing);
	if (whence == SEEK_CUR && ADD_OVERFLOW((int64_t)f->pos, offset, &to))
		return -EOVERFLOW;
	if (whence == SEEK_END && ADD_OVERFLOW((int64_t)size, offset, &to))
		return -EOVERFLOW;
	if (whence > SEEK_END || to < 0 || (uint64_t)to > size)
		return -EINVAL;
	f->pos = (uint64_t)to;
	return to;
}

static long loop_sync(struct lx_thread *t, struct file *f, bool data_only)
{
	uint64_t offset, size;
	struct file *backing = loop_backing(f->object, &offset, &size);
	long err = 0;

	if (backing == NULL)
		return 0;
	if (lx_file_ops[backing->kind]->sync != NULL)
		err = lx_file_ops[backing->kind]->sync(t, backing, data_only);
	file_put(backing);
	return err;
}

extern const struct file_ops file_loop_ops, file_loop_control_ops;
const struct file_ops file_loop_ops = {
	.name = "loop",
	.read = loop_read,
	.write = loop_write,
	.seek = loop_seek,
	.sync = loop_sync,
	.ioctl = loop_ioctl,
	.release = loop_release,
	.seekable = true,
};
const struct file_ops file_loop_control_ops = {
	.name = "loop-control",
	.ioctl = loop_control_ioctl,
};
