/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/loop_ioctl.c - binding loop devices to files (loop(4)), and what every
 * block device answers: size, block size, read-only (blockdev(8)).
 */
#include "linux/fs/hostfs.h"
#include "linux/fs/loop.h"

#define FLAGS_SET   (LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN)
#define FLAGS_CLEAR LO_FLAGS_AUTOCLEAR
#define FLAGS_BIND  (LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN | LO_FLAGS_DIRECT_IO)

struct file *loop_unbind(struct loop *l)
{
	struct file *f = l->backing;
	uint32_t number = l->number, openers = l->openers;

	*l = (struct loop){ .number = number, .openers = openers, .block_size = LOOP_SECTOR, .read_ahead = 256 };
	return f;
}

/* Whole sectors of the file from the offset on. */
static uint64_t device_size(const struct file *backing, uint64_t offset, uint64_t limit)
{
	uint64_t size = backing->inode->size;

	size = size > offset ? size - offset : 0;
	if (limit != 0)
		size = MIN(size, limit);
	return size & ~(uint64_t)(LOOP_SECTOR - 1);
}

static bool block_size_ok(uint32_t size)
{
	return size >= LOOP_SECTOR && size <= PAGE_SIZE && (size & (size - 1)) == 0;
}

/* A file that may be under a device: a reference. */
static struct file *backing_file(struct lx_thread *t, int fd, long *err)
{
	struct file *f = fd_get(t, fd);

	*err = f == NULL ? -EBADF : 0;
	if (f == NULL)
		return NULL;
	if (f->kind == FILE_PATH)
		*err = -EBADF;
	else if (f->inode == NULL || !IS_REG(f->inode) || lx_file_ops[f->kind]->read == NULL)
		*err = -EINVAL;
	if (*err == 0)
		return f;
	file_put(f);
	return NULL;
}

/* Whatever may be said at once: file, block size, place, flags. */
static long configure(struct lx_thread *t, struct file *dev, const struct loop_config *c)
{
	struct loop *l = dev->object;
	struct file *backing;
	long err;

	if (c->block_size != 0 && !block_size_ok(c->block_size))
		return -EINVAL;
	if ((c->info.lo_flags & ~(uint32_t)FLAGS_BIND) || c->info.lo_encrypt_key_size != 0)
		return -EINVAL;
	if (c->info.lo_offset > INT64_MAX || c->info.lo_sizelimit > INT64_MAX)
		return -EOVERFLOW;
	backing = backing_file(t, (int)c->fd, &err);
	if (backing == NULL)
		return err;
	lock_take(&loop_table()->lock);
	if (l->state != LOOP_UNBOUND) {
		err = -EBUSY;
	} else {
		l->state = LOOP_BOUND;
		l->backing = backing;
		l->offset = c->info.lo_offset;
		l->size_limit = c->info.lo_sizelimit;
		l->size = device_size(backing, l->offset, l->size_limit);
		l->flags = c->info.lo_flags;
		if ((backing->flags & O_ACCMODE) == O_RDONLY || (dev->flags & O_ACCMODE) == O_RDONLY)
			l->flags |= LO_FLAGS_READ_ONLY;
		l->block_size = c->block_size != 0 ? c->block_size : LOOP_SECTOR;
		memcpy(l->name, c->info.lo_file_name, sizeof l->name);
		l->name[sizeof l->name - 1] = 0;
	}
	lock_drop(&loop_table()->lock);
	if (err != 0)
		file_put(backing);
	return err;
}

static long configure_from(struct lx_thread *t, struct file *dev, struct gva arg)
{
	struct loop_config c;

	if (copy_in(&c, arg, sizeof c) != 0)
		return -EFAULT;
	return configure(t, dev, &c);
}

static long set_fd(struct lx_thread *t, struct file *dev, uint64_t fd)
{
	struct loop_config c = { .fd = (uint32_t)fd };

	return configure(t, dev, &c);
}

/* Another file of the same size under a read-only device. */
static long change_fd(struct lx_thread *t, struct loop *l, uint64_t fd)
{
	long err;
	struct file *new = backing_file(t, (int)fd, &err), *old = new;

	if (new == NULL)
		return err;
	lock_take(&loop_table()->lock);
	if (l->state != LOOP_BOUND)
		err = -ENXIO;
	else if (!(l->flags & LO_FLAGS_READ_ONLY) || device_size(new, l->offset, l->size_limit) != l->size)
		err = -EINVAL;
	else {
		old = l->backing;
		l->backing = new;
	}
	lock_drop(&loop_table()->lock);
	file_put(old);
	return err;
}

static long clear_fd(struct loop *l)
{
	long err = 0;

	lock_take(&loop_table()->lock);
	if (l->state != LOOP_BOUND)
		err = -ENXIO;
	else if (l->openers > 1)
		l->flags |= LO_FLAGS_AUTOCLEAR; /* goes with the last of them */
	else
		l->state = LOOP_ENDING;
	lock_drop(&loop_table()->lock);
	return err;
}

static long set_status(struct loop *l, const struct loop_info64 *info)
{
	long err = 0;

	if (info->lo_encrypt_key_size > LO_KEY_SIZE)
		return -EINVAL;
	if (info->lo_offset > INT64_MAX || info->lo_sizelimit > INT64_MAX)
		return -EOVERFLOW;
	lock_take(&loop_table()->lock);
	if (l->state != LOOP_BOUND) {
		err = -ENXIO;
	} else {
		l->offset = info->lo_offset;
		l->size_limit = info->lo_sizelimit;
		l->size = device_size(l->backing, l->offset, l->size_limit);
		l->flags = (l->flags & ~(uint32_t)FLAGS_CLEAR) | (info->lo_flags & FLAGS_SET);
		memcpy(l->name, info->lo_file_name, sizeof l->name);
		l->name[sizeof l->name - 1] = 0;
		memcpy(l->init, info->lo_init, sizeof l->init);
	}
	lock_drop(&loop_table()->lock);
	return err;
}

static long get_status(struct loop *l, struct loop_info64 *info)
{
	long err = 0;

	memset(info, 0, sizeof *info);
	lock_take(&loop_table()->lock);
	if (l->state != LOOP_BOUND) {
		err = -ENXIO;
	} else {
		info->lo_number = l->number;
		info->lo_offset = l->offset;
		info->lo_sizelimit = l->size_limit;
		info->lo_flags = l->flags;
		info->lo_device = l->backing->inode->dev;
		info->lo_inode = l->backing->inode->ino;
		memcpy(info->lo_file_name, l->name, sizeof l->name);
		memcpy(info->lo_init, l->init, sizeof l->init);
	}
	lock_drop(&loop_table()->lock);
	return err;
}

/* The older struct has the same members, some of them smaller. */
static long set_status_old(struct loop *l, struct gva arg)
{
	struct loop_info64 info = { 0 };
	struct loop_info old;

	if (copy_in(&old, arg, sizeof old) != 0)
		return -EFAULT;
	info.lo_offset = (uint64_t)(int64_t)old.lo_offset;
	info.lo_encrypt_key_size = (uint32_t)old.lo_encrypt_key_size;
	info.lo_flags = (uint32_t)old.lo_flags;
	memcpy(info.lo_file_name, old.lo_name, sizeof info.lo_file_name);
	info.lo_init[0] = old.lo_init[0];
	info.lo_init[1] = old.lo_init[1];
	return set_status(l, &info);
}

static long get_status_old(struct loop *l, struct gva arg)
{
	struct loop_info64 info;
	struct loop_info old = { 0 };
	long err = get_status(l, &info);

	if (err != 0)
		return err;
	old.lo_number = (int)info.lo_number;
	old.lo_device = (__kernel_old_dev_t)info.lo_device;
	old.lo_inode = info.lo_inode;
	old.lo_offset = (int)info.lo_offset;
	old.lo_flags = (int)info.lo_flags;
	memcpy(old.lo_name, info.lo_file_name, sizeof old.lo_name);
	old.lo_init[0] = info.lo_init[0];
	old.lo_init[1] = info.lo_init[1];
	if ((uint64_t)(int64_t)old.lo_offset != info.lo_offset || old.lo_inode != info.lo_inode)
		return -EOVERFLOW;
	return copy_out(arg, &old, sizeof old);
}

static long status_ioctl(struct loop *l, uint32_t cmd, struct gva arg)
{
	struct loop_info64 info;
	long err;

	switch (cmd) {
	case LOOP_SET_STATUS:
		return set_status_old(l, arg);
	case LOOP_GET_STATUS:
		return get_status_old(l, arg);
	case LOOP_SET_STATUS64:
		return copy_in(&info, arg, sizeof info) != 0 ? -EFAULT : set_status(l, &info);
	default:
		err = get_status(l, &info);
		return err != 0 ? err : copy_out(arg, &info, sizeof info);
	}
}

static long set_capacity(struct loop *l)
{
	uint64_t offset, size;
	struct file *backing = loop_backing(l, &offset, &size);
	long err = -ENXIO;

	if (backing != NULL) { /* it was cut or has grown: perhaps by a name, or outside */
		if (backing->kind == FILE_HOST)
			host_file_refresh(backing);
		file_put(backing);
	}

	lock_take(&loop_table()->lock);
	if (l->state == LOOP_BOUND) {
		l->size = device_size(l->backing, l->offset, l->size_limit);
		err = 0;
	}
	lock_drop(&loop_table()->lock);
	return err;
}

static long set_block_size(struct loop *l, uint64_t size)
{
	long err = 0;

	lock_take(&loop_table()->lock);
	if (l->state != LOOP_BOUND)
		err = -ENXIO;
	else if (size > PAGE_SIZE || !block_size_ok((uint32_t)size))
		err = -EINVAL;
	else
		l->block_size = (uint32_t)size;
	lock_drop(&loop_table()->lock);
	return err;
}

static long set_direct_io(struct loop *l, uint64_t on)
{
	long err = 0;

	lock_take(&loop_table()->lock);
	if (l->state != LOOP_BOUND)
		err = -ENXIO;
	else if (on != 0 && l->offset % l->block_size != 0)
		err = -EINVAL;
	else
		l->flags = on != 0 ? l->flags | LO_FLAGS_DIRECT_IO : l->flags & ~(uint32_t)LO_FLAGS_DIRECT_IO;
	lock_drop(&loop_table()->lock);
	return err;
}

/* A range of bytes {start, length}: its contents become zeros. */
static long zero_range(struct lx_thread *t, struct file *dev, struct gva arg)
{
	uint64_t range[2], offset, size, end;
	struct file *backing;
	long err = -EOPNOTSUPP;

	if ((dev->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (copy_in(range, arg, sizeof range) != 0)
		return -EFAULT;
	backing = loop_backing(dev->object, &offset, &size);
	if (backing == NULL)
		return -ENXIO;
	if (ADD_OVERFLOW(range[0], range[1], &end) || end > size || (range[0] | range[1]) % LOOP_SECTOR != 0)
		err = -EINVAL;
	else if (range[1] == 0)
		err = 0;
	else if (lx_file_ops[backing->kind]->fallocate != NULL)
		err = lx_file_ops[backing->kind]->fallocate(t, backing, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range[0] + offset,
			range[1]);
	file_put(backing);
	return err;
}

static long set_read_only(struct lx_thread *t, struct loop *l, struct gva arg)
{
	int on;

	if (!lx_capable(t, CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_in(&on, arg, sizeof on) != 0)
		return -EFAULT;
	l->read_only = on != 0;
	return 0;
}

static long block_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, struct gva arg)
{
	struct loop *l = f->object;

	switch (cmd) {
	case BLKGETSIZE64:
		return PUT_USER(arg, l->size);
	case BLKGETSIZE:
		return PUT_USER(arg, (unsigned long)(l->size / LOOP_SECTOR));
	case BLKSSZGET:
	case BLKPBSZGET:
	case BLKIOMIN:
		return PUT_USER(arg, l->block_size);
	case BLKBSZGET:
		return PUT_USER(arg, (int)PAGE_SIZE);
	case BLKIOOPT:
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return PUT_USER(arg, 0u);
	case BLKROTATIONAL:
		return PUT_USER(arg, (unsigned short)0);
	case BLKSECTGET:
		return PUT_USER(arg, (unsigned short)2560);
	case BLKROGET:
		return PUT_USER(arg, (int)(l->read_only || (l->flags & LO_FLAGS_READ_ONLY)));
	case BLKROSET:
		return set_read_only(t, l, arg);
	case BLKRAGET:
	case BLKFRAGET:
		return PUT_USER(arg, (long)l->read_ahead);
	case BLKRASET:
	case BLKFRASET:
		if (!lx_capable(t, CAP_SYS_ADMIN))
			return -EACCES;
		l->read_ahead = (uint32_t)arg.va;
		return 0;
	case BLKFLSBUF:
		return lx_capable(t, CAP_SYS_ADMIN) ? lx_file_ops[FILE_LOOP]->sync(t, f, false) : -EACCES;
	case BLKDISCARD:
	case BLKZEROOUT:
		return zero_range(t, f, arg);
	case BLKRRPART:
		return -EINVAL; /* no partitions */
	default:
		return -ENOTTY;
	}
}

static bool may_configure(struct lx_thread *t, const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY || lx_capable(t, CAP_SYS_ADMIN);
}

long loop_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	struct loop *l = f->object;

	switch (cmd) {
	case LOOP_SET_FD:
		return set_fd(t, f, arg);
	case LOOP_CONFIGURE:
		return configure_from(t, f, (struct gva){ arg });
	case LOOP_CHANGE_FD:
		return change_fd(t, l, arg);
	case LOOP_CLR_FD:
		return clear_fd(l);
	case LOOP_SET_STATUS:
	case LOOP_SET_STATUS64:
		return may_configure(t, f) ? status_ioctl(l, cmd, (struct gva){ arg }) : -EPERM;
	case LOOP_GET_STATUS:
	case LOOP_GET_STATUS64:
		return status_ioctl(l, cmd, (struct gva){ arg });
	case LOOP_SET_CAPACITY:
		return may_configure(t, f) ? set_capacity(l) : -EPERM;
	case LOOP_SET_DIRECT_IO:
		return may_configure(t, f) ? set_direct_io(l, arg) : -EPERM;
	case LOOP_SET_BLOCK_SIZE:
		return may_configure(t, f) ? set_block_size(l, arg) : -EPERM;
	default:
		return block_ioctl(t, f, cmd, (struct gva){ arg });
	}
}

static long first_free(void)
{
	struct loop_table *table = loop_table();
	long n = -ENOSPC;

	lock_take(&table->lock);
	for (uint32_t k = 0; k < LOOP_DEVICES && n < 0; k++)
		if (table->loop[k].state == LOOP_UNBOUND)
			n = k;
	lock_drop(&table->lock);
	return n;
}

/* All devices there can be are there. */
long loop_control_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case LOOP_CTL_GET_FREE:
		return first_free();
	case LOOP_CTL_ADD:
		return arg < LOOP_DEVICES ? -EEXIST : -ENOSPC;
	case LOOP_CTL_REMOVE:
		return arg < LOOP_DEVICES ? -EBUSY : -ENODEV;
	default:
		return -ENOSYS;
	}
}
