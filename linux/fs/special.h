/* SPDX-License-Identifier: MIT */
/* linux/fs/special.h - between devfs.c, dev.c, pts.c, std.c, textfs.c. */
#ifndef LINUX_FS_SPECIAL_H
#define LINUX_FS_SPECIAL_H

#include "linux/fs/inode_ops.h"

/* inode->priv of INODE_DEV. */
enum dev_priv {
	DEV_NUMBER,   /* index into the table of names, DEV_ROOT, or DEV_IS_STD */
	DEV_STD_STREAM /* DEV_IS_STD: its file's stream */
};
#define DEV_ROOT   UINT64_MAX
#define DEV_IS_STD (UINT64_MAX - 1)

#define MISC_MAJOR        10u
#define MISC_LOOP_CONTROL 237u
#define MISC_UFFD         126u

/* An inode of fs; the root's holds no reference on it. */
struct inode *special_inode(struct mount_fs *fs, uint32_t mode, uint64_t ino);
/* Mode, owner and times of an inode that lives as long as its file system. */
long special_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a);

long std_getattr(struct inode *i);

#endif
