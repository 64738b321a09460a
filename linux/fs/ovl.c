/* SPDX-License-Identifier: MIT */
/* linux/fs/ovl.c - inodes of an overlay mount: life, attributes, opening.  See ovl.h. */
#include "linux/fs/ovl.h"

struct dentry *ovl_top(struct inode *i)
{
	struct dentry *up = ovl_upper(i);

	return up != NULL ? up : ovl(i)->lower[0];
}

struct dentry *ovl_real_dentry(struct dentry *d, const struct inode *i)
{
	struct dentry *up;

	if (LIKELY(d->inode->kind != INODE_OVL) || d->inode == i)
		return d;
	up = ovl_upper(d->inode);
	return up != NULL && up->inode == i ? up : ovl(d->inode)->lower[0];
}

/* ---- Attributes ---- */

/* Folders of different layers may have the same number, and are told apart by the layer's. */
static uint64_t number_of(struct inode *i, const struct inode *real)
{
	uint32_t layer = ovl_upper(i) != NULL ? 0 : 1;

	return IS_DIR(real) ? real->ino ^ (uint64_t)(layer + 1) << 52 : real->ino;
}

static uint32_t links_of(const struct ovl_inode *o, const struct inode *real)
{
	if (o->gone && (o->upper == NULL || IS_DIR(real)))
		return 0;
	return IS_DIR(real) && o->nlower + (o->upper != NULL) > 1 ? 1 : real->nlink;
}

static void take_attributes(struct inode *i, const struct inode *real)
{
	lock_take(&i->lock);
	i->mode = real->mode;
	i->uid = real->uid;
	i->gid = real->gid;
	i->size = real->size;
	i->blocks = real->blocks;
	i->rdev = real->rdev;
	i->atime_ns = real->atime_ns;
	i->mtime_ns = real->mtime_ns;
	i->ctime_ns = real->ctime_ns;
	i->btime_ns = real->btime_ns;
	i->attr_flags = real->attr_flags;
	i->nlink = links_of(ovl(i), real);
	i->dev = IS_DIR(real) || ovl_fs(i)->same ? i->fs->dev : real->dev;
	if (!IS_DIR(real) || i->ino == 0) /* a folder keeps its number when it is copied up */
		i->ino = number_of(i, real);
	lock_drop(&i->lock);
}

long ovl_getattr(struct lx_thread *t, struct inode *i)
{
	struct dentry *real = ovl_top(i);
	const struct inode_ops *ops = inode_ops(real->inode);
	long err = ops->refresh != NULL ? ops->refresh(t, real) : ops->getattr != NULL ? ops->getattr(t, real->inode) : 0;

	if (err == 0)
		take_attributes(i, real->inode);
	return err;
}

static long ovl_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	const struct inode_ops *ops;
	struct dentry *up;
	long err = ovl_copy_up(t, d, !(a->valid & IATTR_SIZE) || a->size != 0);

	if (err != 0)
		return err;
	up = ovl_upper(d->inode);
	ops = inode_ops(up->inode);
	err = ops->setattr == NULL ? -EPERM : ops->setattr(t, up, a);
	return err != 0 ? err : ovl_getattr(t, d->inode);
}

static long ovl_readlink(struct lx_thread *t, struct inode *i, char *buf, size_t size)
{
	struct inode *real = ovl_top(i)->inode;

	return inode_ops(real)->readlink == NULL ? -EINVAL : inode_ops(real)->readlink(t, real, buf, size);
}

static long ovl_statfs(struct lx_thread *t, struct inode *i, struct statfs *out)
{
	struct inode *real = ovl_top(i)->inode;

	return inode_ops(real)->statfs == NULL ? 0 : inode_ops(real)->statfs(t, real, out);
}

/* ---- Opening ---- */

/* f becomes the real file's.  It counts as open at both inodes: undo_open. */
static long open_real(struct lx_thread *t, struct dentry *real, struct file *f)
{
	const struct inode_ops *ops = inode_ops(real->inode);
	bool writes = (f->flags & O_ACCMODE) != O_RDONLY;

	if (ops->open == NULL)
		return -ENXIO;
	__atomic_fetch_add(writes ? &real->inode->writers : &real->inode->readers, 1, __ATOMIC_SEQ_CST);
	inode_get(real->inode);
	inode_put(f->inode); /* the dentry has it */
	f->inode = real->inode;
	return ops->open(t, real, f);
}

static long ovl_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	bool writes = (f->flags & O_ACCMODE) != O_RDONLY || (f->flags & O_TRUNC);
	long err = 0;

	if (IS_REG(d->inode) && writes)
		err = ovl_copy_up(t, d, !(f->flags & O_TRUNC));
	return err != 0 ? err : open_real(t, ovl_top(d->inode), f);
}

/* ---- Extended attributes ---- */

static bool is_own(const char *name)
{
	return str_starts(name, "trusted.overlay.") || str_starts(name, "user.overlay.");
}

static long ovl_getxattr(struct lx_thread *t, struct inode *i, const char *name, void *buf, size_t size)
{
	struct inode *real = ovl_top(i)->inode;

	if (is_own(name))
		return -ENODATA;
	return inode_ops(real)->getxattr == NULL ? -EOPNOTSUPP : inode_ops(real)->getxattr(t, real, name, buf, size);
}

static long ovl_setxattr(struct lx_thread *t, struct dentry *d, const char *name, const void *value, size_t size, int flags)
{
	struct dentry *up;
	long err;

	if (is_own(name))
		return -EPERM;
	if (value == NULL && (err = ovl_getxattr(t, d->inode, name, NULL, 0)) < 0) /* nothing to copy up for */
		return err;
	err = ovl_copy_up(t, d, true);
	if (err != 0)
		return err;
	up = ovl_upper(d->inode);
	err = inode_ops(up->inode)->setxattr == NULL ? -EOPNOTSUPP : inode_ops(up->inode)->setxattr(t, up, name, value, size, flags);
	return err != 0 ? err : ovl_getattr(t, d->inode);
}

/* Without the overlay's own. */
static long own_out(char *buf, long n)
{
	long kept = 0;

	for (long at = 0; at < n;) {
		long len = (long)strlen(buf + at) + 1;

		if (!is_own(buf + at)) {
			memmove(buf + kept, buf + at, (size_t)len);
			kept += len;
		}
		at += len;
	}
	return kept;
}

static long ovl_listxattr(struct lx_thread *t, struct inode *i, char *buf, size_t size)
{
	struct inode *real = ovl_top(i)->inode;
	long n = inode_ops(real)->listxattr == NULL ? 0 : inode_ops(real)->listxattr(t, real, buf, size);

	return n > 0 && size != 0 ? own_out(buf, n) : n;
}

/* ---- The end ---- */

static void ovl_free(struct inode *i)
{
	struct ovl_inode *o = ovl(i);

	if (o->upper != NULL)
		dentry_put(o->upper);
	for (uint32_t k = 0; k < o->nlower; k++)
		dentry_put(o->lower[k]);
	if (o->lower != &o->one)
		arena_free(o->lower);
	if (o->names != NULL)
		listing_put(o->names);
}

const struct inode_ops inode_ovl_ops = {
	.name = "overlay",
	.prepare = ovl_prepare,
	.root = ovl_root,
	.lookup = ovl_lookup,
	.revalidate = ovl_revalidate,
	.create = ovl_create,
	.mkdir = ovl_mkdir,
	.mknod = ovl_mknod,
	.symlink = ovl_symlink,
	.link = ovl_link,
	.unlink = ovl_unlink,
	.rmdir = ovl_rmdir,
	.rename = ovl_rename,
	.readlink = ovl_readlink,
	.readdir = ovl_readdir,
	.getattr = ovl_getattr,
	.setattr = ovl_setattr,
	.open = ovl_open,
	.getxattr = ovl_getxattr,
	.setxattr = ovl_setxattr,
	.listxattr = ovl_listxattr,
	.statfs = ovl_statfs,
	.free = ovl_free,
};
