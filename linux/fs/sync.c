/* SPDX-License-Identifier: MIT */
/* linux/fs/sync.c - making written data safe.  Only files of -v folders outlive the sandbox. */
#include "linux/fs/fs.h"

static long sync_fd(struct lx_thread *t, int fd, bool data_only)
{
	struct file *f = fd_get(t, fd);
	const struct file_ops *ops;
	long err;

	if (f == NULL)
		return -EBADF;
	ops = lx_file_ops[f->kind];
	if (f->kind == FILE_PATH)
		err = -EBADF;
	else
		err = ops->sync != NULL ? ops->sync(t, f, data_only) : -EINVAL;
	file_put(f);
	return err;
}

long lx_sys_fsync(struct lx_thread *t, int fd)
{
	return sync_fd(t, fd, false);
}

long lx_sys_fdatasync(struct lx_thread *t, int fd)
{
	return sync_fd(t, fd, true);
}

long lx_sys_sync(struct lx_thread *t)
{
	return 0; /* every write to a -v folder is the host's already; it writes back by itself */
}

long lx_sys_syncfs(struct lx_thread *t, int fd)
{
	struct file *f = fd_get(t, fd);
	long err = 0;

	if (f == NULL)
		return -EBADF;
	if (f->kind == FILE_PATH)
		err = -EBADF;
	else if (f->kind == FILE_HOST)
		err = lx_file_ops[f->kind]->sync(t, f, false);
	file_put(f);
	return err;
}

long lx_sys_sync_file_range(struct lx_thread *t, int fd, int64_t offset, int64_t count, uint32_t flags)
{
	struct file *f;
	long err = 0;

	if (offset < 0 || count < 0 || (flags & ~7u))
		return -EINVAL;
	f = fd_get(t, fd);
	if (f == NULL)
		return -EBADF;
	if (f->inode == NULL || (!IS_REG(f->inode) && !IS_DIR(f->inode) && !IS_LNK(f->inode)))
		err = -ESPIPE;
	else if (f->kind == FILE_HOST)
		err = lx_file_ops[f->kind]->sync(t, f, true);
	file_put(f);
	return err;
}
