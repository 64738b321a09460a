/* SPDX-License-Identifier: MIT */
/* linux/fs/inode_kinds.c - which operations each kind of inode has. */
#include "linux/fs/inode_ops.h"

static long anon_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	return -ENXIO; /* nameless objects are not opened again by name */
}

const struct inode_ops inode_anon_ops = {
	.name = "anon",
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
	[INODE_ANON] = &inode_anon_ops,
};
