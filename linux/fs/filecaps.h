/* SPDX-License-Identifier: MIT */
/* linux/fs/filecaps.h - capabilities of files: security.capability (capabilities(7), "File capabilities"). */
#ifndef LINUX_FS_FILECAPS_H
#define LINUX_FS_FILECAPS_H

#include "linux/fs/acl.h"

#define FILE_CAPS_NAME "security.capability"
#define FILE_CAPS_SIZE 24u /* of the longest value */

struct file_caps {
	uint64_t permitted, inheritable;
	uint32_t effective;
	uint32_t root; /* the user, by its global number, who is root in the user namespaces that they count in */
};

/* What a program in f gets by its file; false: nothing. */
bool file_caps_of(struct lx_thread *t, struct inode *i, struct file_caps *out);
/* The attribute's value as t gives it, into one to be kept (FILE_CAPS_SIZE): its size; -EINVAL, -EPERM, -EOVERFLOW. */
long file_caps_in(struct lx_thread *t, struct inode *i, const void *value, size_t size, void *out);
/* A kept value, n bytes, as t sees it, in place: its size, -EOVERFLOW. */
long file_caps_out(struct lx_thread *t, void *value, long n);
/* Contents or owner of d's file change: the attribute goes. */
void file_caps_drop(struct lx_thread *t, struct dentry *d);
#endif
