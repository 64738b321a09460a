/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/getdents.c - reading directories.  Position 0 is ".", 1 is "..", what
 * follows is the file system's; entries are written straight to the guest.
 */
#include "linux/fs/hostfs.h"

struct sink {
	struct dir_emit emit; /* first */
	struct gva buf;
	uint32_t room, used;
	bool old;             /* getdents: struct linux_dirent */
	bool full;
	long err;
};

struct old_dirent {
	uint64_t ino, off;
	uint16_t reclen;
};

static uint32_t put_old(struct sink *s, char *rec, uint32_t len, uint64_t ino, uint32_t type, uint64_t next)
{
	uint32_t size = (uint32_t)ALIGN_UP(18 + len + 2, 8);
	struct old_dirent d = { ino, next, (uint16_t)size };

	memcpy(rec, &d, 18);
	rec[size - 1] = (char)type;
	return size;
}

static uint32_t put_new(struct sink *s, char *rec, uint32_t len, uint64_t ino, uint32_t type, uint64_t next)
{
	uint32_t size = (uint32_t)ALIGN_UP(sizeof(struct lx_dirent64) + len + 1, 8);
	struct lx_dirent64 d = { ino, (int64_t)next, (uint16_t)size, (uint8_t)type };

	memcpy(rec, &d, sizeof d);
	return size;
}

static bool emit(struct dir_emit *e, const char *name, uint32_t len, uint64_t ino, uint32_t type, uint64_t next)
{
	struct sink *s = CONTAINER_OF(e, struct sink, emit);
	char rec[NAME_LIMIT + 32] = { 0 };
	uint32_t size;

	len = MIN(len, NAME_LIMIT);
	size = s->old ? put_old(s, rec, len, ino, type, next) : put_new(s, rec, len, ino, type, next);
	if (s->used + size > s->room) {
		s->full = true;
		return false;
	}
	memcpy(rec + (s->old ? 18 : sizeof(struct lx_dirent64)), name, len);
	if (copy_out(gva_add(s->buf, s->used), rec, size) != 0) {
		s->err = -EFAULT;
		return false;
	}
	s->used += size;
	return true;
}

/* ".." of a mount's root is the directory it is mounted in; only its number is needed. */
static uint64_t parent_ino(const struct path *p)
{
	struct path above;
	struct dentry *up;
	uint64_t ino;

	if (p->dentry == p->mnt->root && mount_above(p->mnt, &above)) {
		up = dentry_parent(above.dentry);
		path_put(&above);
	} else
		up = dentry_parent(p->dentry);
	ino = up->inode->ino;
	dentry_put(up);
	return ino;
}

static long read_entries(struct lx_thread *t, struct file *f, struct dir_emit *e)
{
	struct dentry *d = f->path.dentry;
	const struct inode_ops *ops = inode_ops(d->inode);

	if (d->inode->nlink == 0)
		return -ENOENT;
	if (f->pos == 0) {
		if (!e->emit(e, ".", 1, d->inode->ino, 4, 1))
			return 0;
		f->pos = 1;
	}
	if (f->pos == 1) {
		if (!e->emit(e, "..", 2, parent_ino(&f->path), 4, 2))
			return 0;
		f->pos = 2;
	}
	return ops->readdir == NULL ? -ENOTDIR : ops->readdir(t, d, &f->pos, e);
}

static long do_getdents(struct lx_thread *t, int fd, struct gva buf, uint32_t room, bool old)
{
	struct sink s = { { emit }, buf, room, 0, old, false, 0 };
	struct file *f = fd_get(t, fd);
	long err;

	if (f == NULL)
		return -EBADF;
	if (f->kind == FILE_PATH) {
		err = -EBADF;
	} else if (f->kind != FILE_DIR || f->path.dentry == NULL) {
		err = -ENOTDIR;
	} else {
		lock_take(&f->lock);
		err = read_entries(t, f, &s.emit);
		lock_drop(&f->lock);
		if (f->inode->kind == INODE_MEM)
			mem_touch_atime(f);
		if (err == 0 && s.used == 0 && s.err != 0)
			err = s.err;
		else if (err == 0 && s.used == 0 && s.full)
			err = -EINVAL; /* not even one entry fits */
	}
	if (err == 0 && fs_watched())
		fs_notify_file(f, 1u /* IN_ACCESS */);
	file_put(f);
	return err < 0 ? err : (long)s.used;
}

long lx_sys_getdents64(struct lx_thread *t, int fd, struct gva buf, uint32_t room)
{
	return do_getdents(t, fd, buf, room, false);
}

long lx_sys_getdents(struct lx_thread *t, int fd, struct gva buf, uint32_t room)
{
	return do_getdents(t, fd, buf, room, true);
}

static long dir_seek(struct lx_thread *t, struct file *f, int64_t offset, int whence)
{
	int64_t to = offset;

	if (whence == SEEK_CUR)
		to += (int64_t)f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (to < 0)
		return -EINVAL;
	f->pos = (uint64_t)to;
	return to;
}

static long dir_sync(struct lx_thread *t, struct file *f, bool data_only)
{
	return f->inode->kind == INODE_HOST ? host_dir_flush(f->path.dentry, DK_FLUSH_ALL) : 0;
}

extern const struct file_ops file_dir_ops;
const struct file_ops file_dir_ops = {
	.name = "dir",
	.seek = dir_seek,
	.sync = dir_sync,
};
