/* SPDX-License-Identifier: MIT */
/* linux/fs/acl.h - POSIX access control lists (acl(5)) of files in memory. */
#ifndef LINUX_FS_ACL_H
#define LINUX_FS_ACL_H

#include "linux/fs/fs.h"

/* inode.special: which lists there are; has it capabilities?  (filecaps.h) */
#define ACL_ACCESS  1u
#define ACL_DEFAULT 2u
#define FILE_CAPS   4u

/* The list that the extended attribute of that name is, or 0. */
uint32_t acl_of_name(const char *name);
/* The extended attribute's calls, rights and ids included.  size 0: the length needed. */
long acl_get(struct lx_thread *t, struct inode *i, uint32_t which, void *buf, size_t size);
long acl_set(struct lx_thread *t, const struct path *p, uint32_t which, const void *value, size_t size); /* value NULL: remove */
/* What i's access list says to t, who is not the owner: 0, -EACCES, or -EAGAIN: there is none. */
int acl_permission(struct lx_thread *t, struct inode *i, uint32_t rwx);
/* chmod gave i a new mode: its access list follows. */
long acl_chmod(struct dentry *d);
/* i is new in dir, which has a default list: gets lists, and a mode that umask does not count for.  0, -ENOSPC. */
long acl_inherit(const struct inode *dir, struct inode *i);
#endif
