/* SPDX-License-Identifier: MIT */
/* linux/fs/length.c - lengths of files and room for them: truncate, ftruncate, fallocate. */
#include "linux/fs/fasync.h"
#include "linux/fs/acl.h"
#include "linux/fs/filecaps.h"
#include "linux/fs/fs.h"
#include "linux/ns/ns.h"
#include "linux/sec/landlock.h"
#include "linux/sig/sig.h"

static bool over_limit(struct lx_thread *t, uint64_t length)
{
	if (LIKELY(length <= t->proc->rlim[RLIMIT_FSIZE].rlim_cur))
		return false;
	if (t->submitting == NULL && t->worker == NULL) /* an io_uring's is done by a worker on Linux, who takes no signals */
		signal_thread(t, SIGXFSZ, NULL);
	return true;
}

long do_truncate(struct lx_thread *t, const struct path *p, uint64_t length)
{
	struct inode_attr a = { .valid = IATTR_SIZE, .size = length };
	struct inode *i = p->dentry->inode;

	if (i->mode & (LX_S_ISUID | LX_S_ISGID) && !inode_capable(t, i, CAP_FSETID)) {
		a.valid |= IATTR_MODE;
		a.mode = i->mode & 07777 & ~(LX_S_ISUID | (i->mode & 010 ? LX_S_ISGID : 0));
	}
	if (UNLIKELY(i->special & FILE_CAPS))
		file_caps_drop(t, p->dentry);
	return do_setattr(t, p, &a);
}

static long truncate_path(struct lx_thread *t, const struct path *p, uint64_t length)
{
	struct inode *i = p->dentry->inode;
	long err;

	if (IS_DIR(i))
		return -EISDIR;
	if (!IS_REG(i))
		return -EINVAL;
	err = inode_permission(t, i, 2);
	if (err == 0)
		err = landlock_path(t, p, LL_TRUNCATE);
	if (err == 0 && IS_APPEND(i))
		err = -EPERM;
	if (err == 0 && i->deny_write != 0)
		err = -ETXTBSY;
	if (err == 0 && lease_there(i)) {
		__atomic_fetch_add(&i->writers, 1, __ATOMIC_SEQ_CST);
		err = lease_break(i, true, true);
		__atomic_fetch_sub(&i->writers, 1, __ATOMIC_SEQ_CST);
	}
	if (err == 0 && over_limit(t, length))
		err = -EFBIG;
	return err != 0 ? err : do_truncate(t, p, length);
}

long lx_sys_truncate(struct lx_thread *t, struct gva name, int64_t length)
{
	struct path p;
	long err;

	if (length < 0)
		return -EINVAL;
	err = user_walk(t, AT_FDCWD, name, WALK_FOLLOW, &p);
	if (err != 0)
		return err;
	err = truncate_path(t, &p, (uint64_t)length);
	path_put(&p);
	return err;
}

long lx_sys_ftruncate(struct lx_thread *t, int fd, int64_t length)
{
	struct file *f;
	const struct file_ops *ops;
	long err = -EINVAL;

	if (length < 0)
		return -EINVAL;
	f = fd_get(t, fd);
	if (f == NULL)
		return -EBADF;
	ops = lx_file_ops[f->kind];
	if (f->flags & O_PATH)
		err = -EBADF;
	else if (UNLIKELY(f->landlock_denied & LL_TRUNCATE >> 14))
		err = -EACCES;
	else if (ops->truncate != NULL && (f->flags & O_ACCMODE) != O_RDONLY && f->inode != NULL && IS_REG(f->inode)) {
		err = IS_APPEND(f->inode) ? -EPERM : over_limit(t, (uint64_t)length) ? -EFBIG : ops->truncate(t, f, (uint64_t)length);
		if (err == 0 && fs_watched())
			fs_notify_file(f, 2u /* IN_MODIFY */);
	}
	file_put(f);
	return err;
}

static long check_fallocate(struct lx_thread *t, struct file *f, int mode, int64_t offset, int64_t len)
{
	int64_t end;

	if (offset < 0 || len <= 0)
		return -EINVAL;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((f->flags & O_PATH) || (f->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (f->inode != NULL && S_IFMT_(f->inode->mode) == S_IFIFO)
		return -ESPIPE;
	if (f->inode == NULL || !IS_REG(f->inode))
		return -ENODEV;
	if (IS_IMMUTABLE(f->inode) || (IS_APPEND(f->inode) && (mode & ~FALLOC_FL_KEEP_SIZE)))
		return -EPERM;
	if (ADD_OVERFLOW(offset, len, &end))
		return -EFBIG;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && over_limit(t, (uint64_t)end))
		return -EFBIG;
	return lx_file_ops[f->kind]->fallocate == NULL ? -EOPNOTSUPP : 0;
}

long file_fallocate(struct lx_thread *t, struct file *f, int mode, int64_t offset, int64_t len)
{
	long err = check_fallocate(t, f, mode, offset, len);

	return err != 0 ? err : lx_file_ops[f->kind]->fallocate(t, f, mode, (uint64_t)offset, (uint64_t)len);
}

long lx_sys_fallocate(struct lx_thread *t, int fd, int mode, int64_t offset, int64_t len)
{
	struct file *f = fd_get(t, fd);
	long err;

	if (f == NULL)
		return -EBADF;
	err = file_fallocate(t, f, mode, offset, len);
	file_put(f);
	return err;
}
