/* SPDX-License-Identifier: MIT */
/* linux/fs/fhandle.h - file handles: names of inodes that outlive descriptors; for fhandle.c and fanotify. */
#ifndef LINUX_FS_FHANDLE_H
#define LINUX_FS_FHANDLE_H

#include "linux/fs/fs.h"

#define FHANDLE_TYPE  0x71 /* our own, as a file system may have */
#define FHANDLE_LIMIT 128u /* MAX_HANDLE_SZ */

struct fhandle { /* f_handle */
	uint64_t ino;
	uint32_t birth, zero; /* another file with the number of one that is gone has another birth */
};
struct file_handle_head { /* struct file_handle without its end */
	uint32_t bytes;
	int32_t type;
};

/* Whether i has one: files of file systems that have names on storage. */
bool fhandle_there(const struct inode *i);
struct fhandle fhandle_of(const struct inode *i);
#endif
