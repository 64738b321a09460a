/* SPDX-License-Identifier: MIT */
/* linux/fs/sync.c - making written data safe.  Only files of -v folders outlive the sandbox. */
#include "linux/fs/hostfs.h"

long file_sync(struct lx_thread *t, struct file *f, bool data_only)
{
	const struct file_ops *ops = lx_file_ops[f->kind];

	if (f->kind == FILE_PATH)
		return -EBADF;
	return ops->sync != NULL ? ops->sync(t, f, data_only) : -EINVAL;
}

static long sync_fd(struct lx_thread *t, int fd, bool data_only)
{
	struct file *f = fd_get(t, fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = file_sync(t, f, data_only);
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

/* The n-th mount of a -v folder: a reference, or NULL. */
static struct mount *host_mount(uint32_t n)
{
	struct mount *found = NULL;

	lock_take(&vfs()->mount_lock);
	LIST_FOR(m, &vfs()->mounts, struct mount, link)
		if (m->fs->kind == INODE_HOST && found == NULL && n-- == 0)
			found = m;
	if (found != NULL)
		ref_get(&found->ref);
	lock_drop(&vfs()->mount_lock);
	return found;
}

static long sync_mount(struct lx_thread *t, struct mount *m)
{
	struct file *f;
	long err;

	if (IS_DIR(m->root->inode))
		return host_dir_flush(m->root, DK_FLUSH_FS);
	err = open_quiet(t, &(struct path){ m, m->root }, O_RDONLY, &f); /* -v of a file */
	if (err != 0)
		return err;
	err = lx_err(DkStreamFlush(f->stream, DK_FLUSH_FS));
	file_put(f);
	return err;
}

/* What was written to -v folders is the host's; it is asked to write it back. */
long lx_sys_sync(struct lx_thread *t)
{
	struct mount *m;

	for (uint32_t n = 0; (m = host_mount(n)) != NULL; n++) {
		(void)sync_mount(t, m);
		mount_put(m);
	}
	return 0;
}

long lx_sys_syncfs(struct lx_thread *t, int fd)
{
	struct file *f = fd_get(t, fd);
	long err = 0;

	if (f == NULL)
		return -EBADF;
	if (f->kind == FILE_PATH)
		err = -EBADF;
	else if (f->inode != NULL && f->inode->kind == INODE_HOST && f->path.mnt != NULL)
		err = sync_mount(t, f->path.mnt);
	file_put(f);
	return err;
}

long file_sync_range(struct lx_thread *t, struct file *f, int64_t offset, int64_t count, uint32_t flags)
{
	if (offset < 0 || count < 0 || (flags & ~7u))
		return -EINVAL;
	if (f->inode == NULL || (!IS_REG(f->inode) && !IS_DIR(f->inode) && !IS_LNK(f->inode)))
		return -ESPIPE;
	return f->kind == FILE_HOST ? lx_file_ops[f->kind]->sync(t, f, true) : 0;
}

long lx_sys_sync_file_range(struct lx_thread *t, int fd, int64_t offset, int64_t count, uint32_t flags)
{
	struct file *f = fd_get(t, fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = file_sync_range(t, f, offset, count, flags);
	file_put(f);
	return err;
}
