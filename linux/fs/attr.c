/* SPDX-License-Identifier: MIT */
/* linux/fs/attr.c - changing modes, owners and times. */
#include "linux/fs/acl.h"
#include "linux/fs/filecaps.h"
#include "linux/fs/fs.h"
#include "linux/ns/ns.h"

/* libc's names; the kernel's user headers leave them out. */
#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe

long do_setattr(struct lx_thread *t, const struct path *p, struct inode_attr *a)
{
	const struct inode_ops *ops = inode_ops(p->dentry->inode);
	long err = may_write(t, p);

	if (err != 0)
		return err;
	if (ops->setattr == NULL)
		return -EPERM;
	err = ops->setattr(t, p->dentry, a);
	if (IS_DIR(p->dentry->inode))
		vfs_tree_changed();
	if (err == 0 && fs_watched())
		fs_notify_path(p, a->valid & IATTR_SIZE ? 2u : 4u /* IN_MODIFY, IN_ATTRIB */);
	return err;
}

/* The call on a path or a descriptor: what is to be done with each. */
struct change {
	long (*fn)(struct lx_thread *t, const struct path *p, struct change *c);
	uint32_t mode, uid, gid;
	int64_t atime, mtime; /* INT64_MIN: as it is */
	bool now;             /* both times are "now": write permission is enough */
	struct file *file;    /* as in struct inode_attr */
};

static long change_path(struct lx_thread *t, int dirfd, struct gva name, uint32_t walk, struct change *c)
{
	struct path p;
	long err = user_walk(t, dirfd, name, walk, &p);

	if (err != 0)
		return err;
	err = c->fn(t, &p, c);
	path_put(&p);
	return err;
}

static long change_fd(struct lx_thread *t, int fd, struct change *c)
{
	struct file *f = fd_get(t, fd);
	struct path p;
	long err;

	if (f == NULL)
		return -EBADF;
	if (f->kind == FILE_PATH) {
		err = -EBADF;
	} else if (f->path.dentry != NULL) {
		c->file = f;
		err = c->fn(t, &f->path, c);
	} else { /* a pipe or socket: a dentry for the moment */
		file_get(f);
		p.mnt = vfs()->anon_mount;
		p.dentry = dentry_for_file(f);
		if (p.dentry == NULL)
			file_put(f);
		err = p.dentry == NULL ? -ENOMEM : c->fn(t, &p, c);
		if (p.dentry != NULL)
			dentry_put(p.dentry);
	}
	file_put(f);
	return err;
}

static uint32_t walk_of(int flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

/* ---- chmod ---- */

static long chmod_path(struct lx_thread *t, const struct path *p, struct change *c)
{
	struct inode *i = p->dentry->inode;
	struct inode_attr a = { .valid = IATTR_MODE, .mode = c->mode & 07777, .file = c->file };
	long err;

	if (may_write(t, p) != 0)
		return -EROFS;
	if (IS_LNK(i))
		return -EOPNOTSUPP;
	if (!inode_owner_or_capable(t, i) || IS_FIXED(i))
		return -EPERM;
	if ((a.mode & LX_S_ISGID) && t->cred.fsgid != i->gid && !lx_in_group(t, i->gid) && !inode_capable(t, i, CAP_FSETID))
		a.mode &= ~LX_S_ISGID;
	err = do_setattr(t, p, &a);
	return err == 0 && UNLIKELY(i->special & ACL_ACCESS) ? acl_chmod(p->dentry) : err;
}

static long do_chmod(struct lx_thread *t, int dirfd, struct gva name, uint32_t mode, int flags)
{
	struct change c = { .fn = chmod_path, .mode = mode };

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_path(t, dirfd, name, walk_of(flags), &c);
}

long lx_sys_chmod(struct lx_thread *t, struct gva name, uint32_t mode)
{
	return do_chmod(t, AT_FDCWD, name, mode, 0);
}

long lx_sys_fchmod(struct lx_thread *t, int fd, uint32_t mode)
{
	struct change c = { .fn = chmod_path, .mode = mode };

	return change_fd(t, fd, &c);
}

long lx_sys_fchmodat(struct lx_thread *t, int dirfd, struct gva name, uint32_t mode)
{
	return do_chmod(t, dirfd, name, mode, 0);
}

long lx_sys_fchmodat2(struct lx_thread *t, int dirfd, struct gva name, uint32_t mode, int flags)
{
	return do_chmod(t, dirfd, name, mode, flags);
}

/* ---- chown ---- */

static long may_chown(struct lx_thread *t, const struct inode *i, const struct change *c)
{
	if (inode_capable(t, i, CAP_CHOWN))
		return 0;
	if (c->uid != UINT32_MAX && (t->cred.fsuid != i->uid || c->uid != i->uid))
		return -EPERM;
	if (c->gid != UINT32_MAX && (t->cred.fsuid != i->uid || (c->gid != i->gid && c->gid != t->cred.fsgid && !lx_in_group(t, c->gid))))
		return -EPERM;
	return 0;
}

static long chown_path(struct lx_thread *t, const struct path *p, struct change *c)
{
	struct inode *i = p->dentry->inode;
	struct inode_attr a = { .uid = c->uid, .gid = c->gid, .file = c->file };
	long err;

	if (may_write(t, p) != 0)
		return -EROFS;
	if (may_chown(t, i, c) != 0 || IS_FIXED(i))
		return -EPERM;
	a.valid = (c->uid != UINT32_MAX ? IATTR_UID : 0) | (c->gid != UINT32_MAX ? IATTR_GID : 0);
	/* Set-id bits go, as for whoever is not privileged to keep them; Linux drops them even for root. */
	if (!IS_DIR(i) && (i->mode & (LX_S_ISUID | LX_S_ISGID))) {
		uint32_t drop = LX_S_ISUID | ((i->mode & 010) ? LX_S_ISGID : 0);

		a.valid |= IATTR_MODE;
		a.mode = i->mode & 07777 & ~drop;
	}
	err = do_setattr(t, p, &a);
	if (err == 0 && UNLIKELY(i->special & FILE_CAPS))
		file_caps_drop(t, p->dentry);
	return err;
}

static long do_chown(struct lx_thread *t, int dirfd, struct gva name, uint32_t uid, uint32_t gid, int flags)
{
	struct change c = { .fn = chown_path, .uid = uid_in(t, uid), .gid = gid_in(t, gid) };

	if ((uid != NO_ID && c.uid == NO_ID) || (gid != NO_ID && c.gid == NO_ID))
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_path(t, dirfd, name, walk_of(flags), &c);
}

long lx_sys_chown(struct lx_thread *t, struct gva name, uint32_t uid, uint32_t gid)
{
	return do_chown(t, AT_FDCWD, name, uid, gid, 0);
}

long lx_sys_lchown(struct lx_thread *t, struct gva name, uint32_t uid, uint32_t gid)
{
	return do_chown(t, AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long lx_sys_fchown(struct lx_thread *t, int fd, uint32_t uid, uint32_t gid)
{
	struct change c = { .fn = chown_path, .uid = uid_in(t, uid), .gid = gid_in(t, gid) };

	if ((uid != NO_ID && c.uid == NO_ID) || (gid != NO_ID && c.gid == NO_ID))
		return -EINVAL;
	return change_fd(t, fd, &c);
}

long lx_sys_fchownat(struct lx_thread *t, int dirfd, struct gva name, uint32_t uid, uint32_t gid, int flags)
{
	return do_chown(t, dirfd, name, uid, gid, flags);
}

/* ---- Times ---- */

static long times_path(struct lx_thread *t, const struct path *p, struct change *c)
{
	struct inode *i = p->dentry->inode;
	struct inode_attr a = { .atime_ns = c->atime, .mtime_ns = c->mtime, .file = c->file };
	long err = may_write(t, p);

	a.valid = (c->atime != INT64_MIN ? IATTR_ATIME : 0) | (c->mtime != INT64_MIN ? IATTR_MTIME : 0);
	if (a.valid == 0)
		return 0;
	if (err != 0)
		return err;
	if (IS_IMMUTABLE(i) || (IS_APPEND(i) && !c->now))
		return -EPERM;
	if (!inode_owner_or_capable(t, i)) {
		if (!c->now)
			return -EPERM;
		err = inode_permission(t, i, 2);
		if (err != 0)
			return err;
	}
	return do_setattr(t, p, &a);
}

static long one_time(int64_t sec, int64_t nsec, int64_t *out, bool *is_now)
{
	*is_now = false;
	if (nsec == UTIME_OMIT) {
		*out = INT64_MIN;
		return 0;
	}
	if (nsec == UTIME_NOW) {
		*out = (int64_t)pico_now_realtime();
		*is_now = true;
		return 0;
	}
	if (nsec < 0 || nsec >= 1000000000)
		return -EINVAL;
	*out = sec * 1000000000 + nsec;
	return 0;
}

/* Two {seconds, part} pairs, part in units of unit ns; NULL: now. */
static long times_in(struct gva times, int64_t unit, struct change *c)
{
	int64_t v[4];
	bool now_a = false, now_m = false;
	long err;

	if (times.va == 0) {
		c->atime = c->mtime = (int64_t)pico_now_realtime();
		c->now = true;
		return 0;
	}
	if (copy_in(v, times, sizeof v) != 0)
		return -EFAULT;
	if (unit != 1 && (v[1] < 0 || v[1] >= 1000000 || v[3] < 0 || v[3] >= 1000000))
		return -EINVAL;
	err = one_time(v[0], v[1] * unit, &c->atime, &now_a);
	if (err == 0)
		err = one_time(v[2], v[3] * unit, &c->mtime, &now_m);
	c->now = err == 0 && now_a && now_m;
	return err;
}

long lx_sys_utimensat(struct lx_thread *t, int dirfd, struct gva name, struct gva times, int flags)
{
	struct change c = { .fn = times_path };
	long err = times_in(times, 1, &c);

	if (err != 0)
		return err;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (name.va == 0 && dirfd != AT_FDCWD)
		return flags != 0 ? -EINVAL : change_fd(t, dirfd, &c);
	return change_path(t, dirfd, name, walk_of(flags), &c);
}

long lx_sys_futimesat(struct lx_thread *t, int dirfd, struct gva name, struct gva times)
{
	struct change c = { .fn = times_path };
	long err = times_in(times, 1000, &c);

	if (err != 0)
		return err;
	return name.va == 0 ? change_fd(t, dirfd, &c) : change_path(t, dirfd, name, WALK_FOLLOW, &c);
}

long lx_sys_utimes(struct lx_thread *t, struct gva name, struct gva times)
{
	struct change c = { .fn = times_path };
	long err = times_in(times, 1000, &c);

	return err != 0 ? err : change_path(t, AT_FDCWD, name, WALK_FOLLOW, &c);
}

long lx_sys_utime(struct lx_thread *t, struct gva name, struct gva times)
{
	struct change c = { .fn = times_path };
	int64_t v[2];

	if (times.va == 0) {
		(void)times_in(times, 1, &c);
	} else {
		if (copy_in(v, times, sizeof v) != 0)
			return -EFAULT;
		c.atime = v[0] * 1000000000;
		c.mtime = v[1] * 1000000000;
	}
	return change_path(t, AT_FDCWD, name, WALK_FOLLOW, &c);
}

void file_remove_suid(struct lx_thread *t, struct file *f)
{
	struct inode *i = f->inode;
	struct inode_attr a = { .valid = IATTR_MODE };
	uint32_t drop = LX_S_ISUID | (i->mode & 010 ? LX_S_ISGID : 0);

	if (UNLIKELY(i->special & FILE_CAPS) && f->path.dentry != NULL)
		file_caps_drop(t, f->path.dentry);
	if (!(i->mode & drop) || inode_capable(t, i, CAP_FSETID))
		return;
	a.mode = i->mode & 07777 & ~drop;
	(void)inode_ops(f->path.dentry->inode)->setattr(t, f->path.dentry, &a);
}
