/* SPDX-License-Identifier: MIT */
/* linux/fs/inode_kinds.c - which operations each kind of inode has. */
#include "linux/fs/fs.h"

static long anon_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	return -ENXIO; /* nameless objects are not opened again by name */
}

void inode_set_members(struct inode *i, const struct inode_attr *a)
{
	if (a->valid & IATTR_MODE)
		i->mode = S_IFMT_(i->mode) | (a->mode & 07777);
	if (a->valid & IATTR_UID)
		i->uid = a->uid;
	if (a->valid & IATTR_GID)
		i->gid = a->gid;
	if (a->valid & IATTR_ATIME)
		i->atime_ns = a->atime_ns;
	if (a->valid & IATTR_MTIME)
		i->mtime_ns = a->mtime_ns;
}

/* Pipes and sockets have modes, owners and times that fchmod and its like change, and nobody else looks at. */
static long anon_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	struct inode *i = d->inode;

	if (S_IFMT_(i->mode) != S_IFIFO && S_IFMT_(i->mode) != S_IFSOCK)
		return -EPERM;
	lock_take(&i->lock);
	inode_set_members(i, a);
	i->ctime_ns = vfs_now();
	lock_drop(&i->lock);
	return 0;
}

const struct inode_ops inode_anon_ops = {
	.name = "anon",
	.setattr = anon_setattr,
	.open = anon_open,
};

const struct inode_ops *const lx_inode_ops[INODE_KINDS] = {
	[INODE_MEM] = &inode_mem_ops,
	[INODE_HOST] = &inode_host_ops,
	[INODE_PROC] = &inode_proc_ops,
	[INODE_DEV] = &inode_dev_ops,
	[INODE_PTS] = &inode_pts_ops,
	[INODE_SYS] = &inode_sys_ops,
	[INODE_NS] = &inode_ns_ops,
	[INODE_MQUEUE] = &inode_mqueue_ops,
	[INODE_OVL] = &inode_ovl_ops,
	[INODE_ANON] = &inode_anon_ops,
};
