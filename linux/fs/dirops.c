/* SPDX-License-Identifier: MIT */
/* linux/fs/dirops.c - names that come and go: mkdir, mknod, symlink, link, unlink, rmdir. */
#include "linux/fs/fs.h"
#include "linux/fs/procfs.h"
#include "linux/sec/landlock.h"

#define IN_CREATE_ 0x100u
#define IN_DELETE_ 0x200u
#define IN_DELETE_SELF_ 0x400u
#define IN_ATTRIB_ 0x4u
#define IN_ISDIR_  0x40000000u

/* A path whose last component is to be made or removed. */
struct target {
	struct path dir;
	struct dentry *d; /* what has the name now: positive or negative */
	struct dentry *victim; /* unlink, rmdir: the same under a name that no rename changes */
	const char *last;
	uint32_t len;
	char *buf;
};

static void target_done(struct target *g)
{
	if (g->victim != NULL)
		dentry_put(g->victim);
	if (g->d != NULL)
		dentry_put(g->d);
	if (g->dir.dentry != NULL)
		path_put(&g->dir);
	path_buf_free(g->buf);
}

/* name is kernel memory that outlives g.  dots_err: what the call says to a last component "", "." or "..";
   0 = rmdir, which tells them apart. */
static long target_find_name(struct lx_thread *t, int dirfd, const char *name, long dots_err, struct target *g)
{
	long err = path_walk(t, dirfd, name, WALK_PARENT, &g->dir, &g->last);

	if (err == 0 && last_is_dots(g->last))
		err = dots_err != 0 ? dots_err : last_len(g->last) == 0 ? -EBUSY : last_len(g->last) == 1 ? -EINVAL : -ENOTEMPTY;
	if (err == 0) {
		g->len = last_len(g->last);
		err = walk_last(t, &g->dir, g->last, &g->d);
	}
	if (err != 0)
		target_done(g);
	return err;
}

static long target_find(struct lx_thread *t, int dirfd, struct gva name, long dots_err, struct target *g)
{
	long err;

	*g = (struct target){ 0 };
	g->buf = path_in(name, &err);
	return g->buf == NULL ? err : target_find_name(t, dirfd, g->buf, dots_err, g);
}

/* For calls that make a name: it must be free. */
static long check_free(struct lx_thread *t, bool directory, struct target *g)
{
	long err;

	if (g->d->inode != NULL)
		err = -EEXIST;
	else if (!directory && last_has_slash(g->last))
		err = -ENOENT;
	else
		err = may_create(t, &g->dir);
	if (err != 0)
		target_done(g);
	return err;
}

static long target_free(struct lx_thread *t, int dirfd, struct gva name, bool directory, struct target *g)
{
	long err = target_find(t, dirfd, name, -EEXIST, g);

	return err != 0 ? err : check_free(t, directory, g);
}

/* What a file system answered.  If it knows better than the cache, somebody is just making or removing the name:
   it is forgotten here too, so that the caller finds at once what he was told. */
static long answered(struct target *g, long err)
{
	if (err == -EEXIST || err == -ENOENT)
		dentry_doubt(g->dir.dentry, g->d);
	return err;
}

static long made(struct target *g, struct inode *i)
{
	struct dentry *d = dentry_made(g->dir.dentry, g->d->name, g->len, i);

	if (d == NULL)
		return -ENOMEM;
	fs_notify_entry(g->dir.dentry, IN_CREATE_, 0, d->name, d->inode);
	dentry_put(d);
	return 0;
}

static long mkdir_at(struct lx_thread *t, struct target *g, uint32_t mode)
{
	const struct inode_ops *ops = inode_ops(g->dir.dentry->inode);
	struct inode *i = NULL;
	long err = landlock_path(t, &g->dir, LL_MAKE_DIR);

	if (err == 0)
		err = ops->mkdir == NULL ? -EPERM
	                         : ops->mkdir(t, g->dir.dentry, g->d->name, g->len, S_IFDIR | mode_with_umask(t, g->dir.dentry->inode, mode & 01777), &i);
	return err == 0 ? made(g, i) : answered(g, err);
}

static long do_mkdir(struct lx_thread *t, int dirfd, struct gva name, uint32_t mode)
{
	struct target g;
	long err = target_free(t, dirfd, name, true, &g);

	if (err != 0)
		return err;
	err = mkdir_at(t, &g, mode);
	target_done(&g);
	return err;
}

long vfs_mkdir(struct lx_thread *t, int dirfd, const char *name, uint32_t mode)
{
	struct target g = { 0 };
	long err = target_find_name(t, dirfd, name, -EEXIST, &g);

	if (err == 0)
		err = check_free(t, true, &g);
	if (err != 0)
		return err;
	err = mkdir_at(t, &g, mode);
	target_done(&g);
	return err;
}

long lx_sys_mkdir(struct lx_thread *t, struct gva name, uint32_t mode)
{
	return do_mkdir(t, AT_FDCWD, name, mode);
}

long lx_sys_mkdirat(struct lx_thread *t, int dirfd, struct gva name, uint32_t mode)
{
	return do_mkdir(t, dirfd, name, mode);
}

static long check_node(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		return 0;
	case S_IFCHR:
	case S_IFBLK:
		return 0;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

static long node_at(struct lx_thread *t, struct target *g, uint32_t mode, uint64_t dev)
{
	const struct inode_ops *ops = inode_ops(g->dir.dentry->inode);
	uint32_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
	struct inode *i = NULL;
	long err = landlock_path(t, &g->dir, landlock_make_right(type));

	if (err != 0)
		return err;
	mode = type | create_mode(t, g->dir.dentry->inode, mode & 07777);
	if (type == S_IFREG)
		err = ops->create == NULL ? -EPERM : ops->create(t, g->dir.dentry, g->d->name, g->len, mode, &i);
	else
		err = ops->mknod == NULL ? -EPERM : ops->mknod(t, g->dir.dentry, g->d->name, g->len, mode, dev, &i);
	return err == 0 ? made(g, i) : answered(g, err);
}

static long do_mknod(struct lx_thread *t, int dirfd, struct gva name, uint32_t mode, uint32_t dev)
{
	struct target g;
	long err = check_node(mode);

	if (err == 0)
		err = target_free(t, dirfd, name, false, &g);
	if (err != 0)
		return err;
	/* 0,0 is an overlay's whiteout: harmless. */
	if ((S_IFMT_(mode) == S_IFBLK || (S_IFMT_(mode) == S_IFCHR && dev != 0)) && !lx_capable(t, CAP_MKNOD))
		err = -EPERM;
	if (err == 0)
		err = node_at(t, &g, mode, dev);
	target_done(&g);
	return err;
}

long vfs_mknod(struct lx_thread *t, int dirfd, const char *name, uint32_t mode, uint64_t rdev)
{
	struct target g = { 0 };
	long err = target_find_name(t, dirfd, name, -EEXIST, &g);

	if (err == 0)
		err = check_free(t, false, &g);
	if (err != 0)
		return err;
	err = node_at(t, &g, mode, rdev);
	target_done(&g);
	return err;
}

long lx_sys_mknod(struct lx_thread *t, struct gva name, uint32_t mode, uint32_t dev)
{
	return do_mknod(t, AT_FDCWD, name, mode, dev);
}

long lx_sys_mknodat(struct lx_thread *t, int dirfd, struct gva name, uint32_t mode, uint32_t dev)
{
	return do_mknod(t, dirfd, name, mode, dev);
}

static long symlink_at(struct lx_thread *t, struct target *g, const char *text)
{
	const struct inode_ops *ops = inode_ops(g->dir.dentry->inode);
	struct inode *i = NULL;
	long err = landlock_path(t, &g->dir, LL_MAKE_SYM);

	if (err == 0)
		err = ops->symlink == NULL ? -EPERM : ops->symlink(t, g->dir.dentry, g->d->name, g->len, text, &i);
	return err == 0 ? made(g, i) : answered(g, err);
}

static long do_symlink(struct lx_thread *t, struct gva target, int dirfd, struct gva name)
{
	struct target g;
	long err;
	char *text = path_in(target, &err);

	if (text == NULL)
		return err;
	err = *text == '\0' ? -ENOENT : target_free(t, dirfd, name, false, &g);
	if (err == 0) {
		err = symlink_at(t, &g, text);
		target_done(&g);
	}
	path_buf_free(text);
	return err;
}

long vfs_symlink(struct lx_thread *t, const char *target, const char *name)
{
	struct target g = { 0 };
	long err = target_find_name(t, AT_FDCWD, name, -EEXIST, &g);

	if (err == 0)
		err = check_free(t, false, &g);
	if (err != 0)
		return err;
	err = symlink_at(t, &g, target);
	target_done(&g);
	return err;
}

long lx_sys_symlink(struct lx_thread *t, struct gva target, struct gva name)
{
	return do_symlink(t, target, AT_FDCWD, name);
}

long lx_sys_symlinkat(struct lx_thread *t, struct gva target, int dirfd, struct gva name)
{
	return do_symlink(t, target, dirfd, name);
}

static long may_link(struct lx_thread *t, const struct path *from, const struct path *dir)
{
	struct inode *i = from->dentry->inode;

	if (from->mnt != dir->mnt)
		return -EXDEV;
	if (IS_DIR(i))
		return -EPERM;
	if (from->dentry->flags & D_FILE)
		return -EXDEV;
	if (IS_FIXED(i))
		return -EPERM;
	/* fs.protected_hardlinks: only what one owns, or may read and write and is not set-id. */
	if (sysctl_value(CTL_HARDLINKS) == 0 || inode_owner_or_capable(t, i) || (IS_REG(i) && !(i->mode & LX_S_ISUID) &&
	    (i->mode & (LX_S_ISGID | 010)) != (LX_S_ISGID | 010) && inode_permission(t, i, 6) == 0))
		return 0;
	return -EPERM;
}

/* A new name elsewhere: Landlock looks at both folders. */
static NOINLINE long ask_landlock(struct lx_thread *t, const struct path *from, const struct path *dir)
{
	struct path old = { from->mnt, dentry_parent(from->dentry) };
	struct landlock_ends e;

	landlock_ends(t, &old, dir, &e);
	dentry_put(old.dentry);
	return landlock_refer(t, &e, from->dentry->inode, NULL, false, false);
}

static long link_to(struct lx_thread *t, const struct path *from, struct target *g)
{
	const struct inode_ops *ops = inode_ops(g->dir.dentry->inode);
	long err = may_link(t, from, &g->dir);

	if (err == 0 && landlocked(t))
		err = ask_landlock(t, from, &g->dir);
	if (err == 0)
		err = ops->link == NULL ? -EPERM : ops->link(t, from->dentry, g->dir.dentry, g->d->name, g->len);
	if (err == 0) {
		inode_get(from->dentry->inode);
		err = made(g, from->dentry->inode);
		fs_notify_self(from->dentry->inode, IN_ATTRIB_);
	} else
		err = answered(g, err);
	target_done(g);
	return err;
}

static long link_path(struct lx_thread *t, const struct path *from, int tofd, struct gva to)
{
	struct target g;
	long err = target_free(t, tofd, to, false, &g);

	return err != 0 ? err : link_to(t, from, &g);
}

long vfs_link(struct lx_thread *t, const struct path *from, const char *to)
{
	struct target g = { 0 };
	long err = target_find_name(t, AT_FDCWD, to, -EEXIST, &g);

	if (err == 0)
		err = check_free(t, false, &g);
	return err != 0 ? err : link_to(t, from, &g);
}

static long do_link(struct lx_thread *t, int fromfd, struct gva from, int tofd, struct gva to, int flags)
{
	struct path p;
	long err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_walk(t, fromfd, from, (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0), &p);
	if (err != 0)
		return err;
	err = link_path(t, &p, tofd, to);
	path_put(&p);
	return err;
}

long lx_sys_link(struct lx_thread *t, struct gva from, struct gva to)
{
	return do_link(t, AT_FDCWD, from, AT_FDCWD, to, 0);
}

long lx_sys_linkat(struct lx_thread *t, int fromfd, struct gva from, int tofd, struct gva to, int flags)
{
	return do_link(t, fromfd, from, tofd, to, flags);
}

static void removed(struct target *g, uint32_t isdir)
{
	struct inode *i = g->d->inode;

	dentry_deleted(g->d); /* first: who hears of it finds no such name */
	if (!isdir)
		fs_notify_self(i, IN_ATTRIB_); /* one link less */
	if (i->nlink == 0 || isdir)
		fs_notify_self(i, IN_DELETE_SELF_);
	fs_notify_entry(g->dir.dentry, IN_DELETE_, 0, g->d->name, i);
}

/* A rename may move g->d at any time; the file system is given a dentry that stays. */
static long hold_victim(struct target *g)
{
	inode_get(g->d->inode);
	g->victim = dentry_new(g->dir.dentry, g->last, g->len, g->d->inode);
	if (g->victim != NULL)
		return 0;
	inode_put(g->d->inode);
	return -ENOMEM;
}

static long unlink_target(struct lx_thread *t, struct target *g)
{
	const struct inode_ops *ops = inode_ops(g->dir.dentry->inode);
	long err;

	if (g->d->inode == NULL)
		err = -ENOENT;
	else if (last_has_slash(g->last))
		err = IS_DIR(g->d->inode) ? -EISDIR : -ENOTDIR;
	else
		err = may_delete(t, &g->dir, g->d, false);
	if (err == 0)
		err = landlock_path(t, &g->dir, LL_REMOVE_FILE);
	if (err == 0)
		err = hold_victim(g);
	if (err == 0) {
		err = ops->unlink == NULL ? -EPERM : ops->unlink(t, g->dir.dentry, g->victim);
		if (err == 0)
			removed(g, 0);
		else
			err = answered(g, err);
	}
	target_done(g);
	return err;
}

static long do_unlink(struct lx_thread *t, int dirfd, struct gva name)
{
	struct target g;
	long err = target_find(t, dirfd, name, -EISDIR, &g);

	return err != 0 ? err : unlink_target(t, &g);
}

static long rmdir_target(struct lx_thread *t, struct target *g)
{
	const struct inode_ops *ops = inode_ops(g->dir.dentry->inode);
	long err = g->d->inode == NULL ? -ENOENT : may_delete(t, &g->dir, g->d, true);

	if (err == 0)
		err = landlock_path(t, &g->dir, LL_REMOVE_DIR);
	if (err == 0)
		err = hold_victim(g);
	if (err == 0) {
		err = ops->rmdir == NULL ? -EPERM : ops->rmdir(t, g->dir.dentry, g->victim);
		if (err == 0)
			removed(g, IN_ISDIR_);
		else
			err = answered(g, err);
	}
	target_done(g);
	return err;
}

static long do_rmdir(struct lx_thread *t, int dirfd, struct gva name)
{
	struct target g;
	long err = target_find(t, dirfd, name, 0, &g);

	return err != 0 ? err : rmdir_target(t, &g);
}

long vfs_unlink(struct lx_thread *t, int dirfd, const char *name, bool directory)
{
	struct target g = { 0 };
	long err = target_find_name(t, dirfd, name, directory ? 0 : -EISDIR, &g);

	return err != 0 ? err : directory ? rmdir_target(t, &g) : unlink_target(t, &g);
}

long lx_sys_unlink(struct lx_thread *t, struct gva name)
{
	return do_unlink(t, AT_FDCWD, name);
}

long lx_sys_rmdir(struct lx_thread *t, struct gva name)
{
	return do_rmdir(t, AT_FDCWD, name);
}

long lx_sys_unlinkat(struct lx_thread *t, int dirfd, struct gva name, int flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return flags & AT_REMOVEDIR ? do_rmdir(t, dirfd, name) : do_unlink(t, dirfd, name);
}
