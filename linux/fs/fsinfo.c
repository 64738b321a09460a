/* SPDX-License-Identifier: MIT */
/* linux/fs/fsinfo.c - questions about file systems: ustat, sysfs; and what of a file is in memory: cachestat. */
#include "linux/fs/mem.h"

/* ---- ustat ---- */

/* The file system with that device number, a reference; NULL: none is mounted. */
static struct mount_fs *fs_of_dev(uint32_t dev)
{
	uint64_t minor = (dev & 0xff) | (dev >> 12 & 0xfff00);
	struct mount_fs *fs = NULL;

	if ((dev & 0xfff00) != 0)
		return NULL;
	lock_take(&vfs()->mount_lock);
	LIST_FOR(m, &vfs()->mounts, struct mount, link)
		if (m->fs->dev == minor)
			fs = m->fs;
	if (fs != NULL)
		ref_get(&fs->ref);
	lock_drop(&vfs()->mount_lock);
	return fs;
}

long lx_sys_ustat(struct lx_thread *t, uint32_t dev, struct gva buf)
{
	struct { int32_t tfree; uint64_t tinode; char fname[6], fpack[6]; } out = { 0 };
	struct mount_fs *fs = fs_of_dev(dev);
	struct statfs s;
	long err = 0;

	if (fs == NULL)
		return -EINVAL;
	memset(&s, 0, sizeof s);
	if (inode_ops(fs->root)->statfs != NULL)
		err = inode_ops(fs->root)->statfs(t, fs->root, &s);
	mount_fs_put(fs);
	out.tfree = (int32_t)s.f_bfree;
	out.tinode = (uint64_t)s.f_ffree;
	return err != 0 ? err : copy_out(buf, &out, sizeof out);
}

/* ---- sysfs(2): the types of file systems, as numbers ---- */

static const char *const types[] = { "sysfs", "tmpfs", "proc", "devtmpfs", "devpts", "ramfs", "overlay", "mqueue" };

static long type_index(struct gva name)
{
	char text[32];
	long n = string_in(text, name, sizeof text);

	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	for (unsigned k = 0; k < ARRAY_LEN(types); k++)
		if (strcmp(types[k], text) == 0)
			return k;
	return -EINVAL;
}

long lx_sys_sysfs(struct lx_thread *t, int option, uint64_t a, uint64_t b)
{
	switch (option) {
	case 1:
		return type_index((struct gva){ a });
	case 2:
		if (a >= ARRAY_LEN(types))
			return -EINVAL;
		return copy_out((struct gva){ b }, types[a], strlen(types[a]) + 1);
	case 3:
		return ARRAY_LEN(types);
	default:
		return -EINVAL;
	}
}

/* ---- cachestat ---- */

struct lx_cachestat {
	uint64_t cache, dirty, writeback, evicted, recently_evicted;
};

/* Pages of [first, last] that are in memory.  Of the host's files that is not known here: what there is of the file counts. */
static uint64_t cached(struct inode *i, uint64_t first, uint64_t last)
{
	uint64_t end = PAGE_UP(i->size) >> PAGE_SHIFT, n = 0, run;

	if (end == 0 || first >= end)
		return 0;
	last = MIN(last, end - 1);
	if (i->kind != INODE_MEM || (mem(i)->flags & MEM_LOWER))
		return last - first + 1;
	lock_take(&i->lock);
	for (uint64_t at = first; at <= last; at += MAX(run, 1ul)) {
		struct mem_ext *e = mem_ext_at(i, at, &run);

		run = run == 0 ? last - at + 1 : MIN(run, last - at + 1);
		if (e != NULL)
			n += run;
	}
	lock_drop(&i->lock);
	return n;
}

long lx_sys_cachestat(struct lx_thread *t, int fd, struct gva range, struct gva stat, uint32_t flags)
{
	struct { uint64_t off, len; } r;
	struct lx_cachestat c = { 0 };
	struct file *f = fd_get(t, fd);
	uint64_t last;
	long err = 0;

	if (f == NULL)
		return -EBADF;
	if (f->kind == FILE_PATH)
		err = -EBADF;
	else if (copy_in(&r, range, sizeof r) != 0)
		err = -EFAULT;
	else if (flags != 0)
		err = -EINVAL;
	if (err == 0) {
		last = r.len == 0 || r.off + r.len < r.off ? UINT64_MAX >> PAGE_SHIFT : (r.off + r.len - 1) >> PAGE_SHIFT;
		if (f->inode != NULL && IS_REG(f->inode))
			c.cache = cached(f->inode, r.off >> PAGE_SHIFT, last);
		err = copy_out(stat, &c, sizeof c);
	}
	file_put(f);
	return err;
}
