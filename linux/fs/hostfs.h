/* SPDX-License-Identifier: MIT */
/* linux/fs/hostfs.h - between hostfs_dk.c (names) and hostfile_dk.c (open files). */
#ifndef LINUX_FS_HOSTFS_H
#define LINUX_FS_HOSTFS_H

#include "linux/fs/fs.h"

struct host_priv { /* struct inode.priv of INODE_HOST */
	char *uri;            /* the name it was found by: for what has no dentry at hand */
	uint64_t until;       /* attributes are believed up to then */
	uint64_t dev, ino;    /* the host's */
	dk_handle fresh;      /* [INODE] stream for the open that follows: of a file just created, or from its walk */
	bool fresh_reads;     /* it is for reading only */
	struct listing *listing; /* [INODE] directories */
	char *target;         /* symbolic links: text, or NULL */
};
static inline struct host_priv *host(struct inode *i)
{
	return (struct host_priv *)i->priv;
}

/* The URI of d, or of name in d, in heap memory. */
char *host_uri(struct dentry *d, const char *name, uint32_t len);
void host_take_attr(struct inode *i, const struct dk_attributes *a);
void host_file_refresh(struct file *f);
/* lock_dk.c: f is released; true = its stream is a lock's now. */
bool host_lock_keeps(struct file *f);
long host_open(struct lx_thread *t, struct dentry *d, struct file *f);
#endif
