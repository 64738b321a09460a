/* SPDX-License-Identifier: MIT */
/* linux/fs/hostfs.h - between hostfs_dk.c (names) and hostfile_dk.c (open files). */
#ifndef LINUX_FS_HOSTFS_H
#define LINUX_FS_HOSTFS_H

#include "linux/fs/fs.h"

struct host_priv { /* struct inode.priv of INODE_HOST */
	char *uri;            /* the name it was found by: for what has no dentry at hand */
	uint64_t until;       /* attributes are believed up to then */
	uint64_t dev, ino;    /* the host's */
	uint32_t type;        /* S_IFMT part of what it is on the host */
	dk_handle fresh;      /* [INODE] stream for the open that follows: of a file just created, or from its walk */
	bool fresh_reads;     /* it is for reading only */
	struct listing *listing; /* [INODE] directories */
	char *target;         /* symbolic links: text, or NULL */
	struct gathered *contents; /* [INODE] of a small file, for sharers; see hostsmall_dk.c */
	dk_handle kept;       /* [INODE] stream for sharers of a file whose name may be gone */
	uint32_t sharers;     /* [INODE] open files that were opened without a stream */
	dk_handle again;      /* [INODE] stream for opens to come; hostagain_dk.c */
	uint8_t opens;        /* up to opens_until, a hint */
	bool in_ring;         /* [INODE: idle_lock] */
	bool reopened;        /* length and times may be older than the last open */
	uint64_t again_until, opens_until;
};
_Static_assert(sizeof(struct host_priv) <= sizeof(((struct inode *)0)->priv), "inode.priv");
static inline struct host_priv *host(struct inode *i)
{
	return (struct host_priv *)i->priv;
}

/* One file of the host may have several inodes: one a name, and more, see watched.c. */
static inline bool same_file(struct inode *a, struct inode *b)
{
	return a == b || (a != NULL && b != NULL && a->kind == INODE_HOST && b->kind == INODE_HOST && host(a)->ino == host(b)->ino &&
	                     host(a)->dev == host(b)->dev && a->btime_ns == b->btime_ns);
}

/* hostattr_dk.c: operations of inode_host_ops. */
long host_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a);
long host_getxattr(struct lx_thread *t, struct inode *i, const char *name, void *buf, size_t size);
long host_setxattr(struct lx_thread *t, struct dentry *d, const char *name, const void *value, size_t size, int flags);
long host_listxattr(struct lx_thread *t, struct inode *i, char *buf, size_t size);
long host_statfs(struct lx_thread *t, struct inode *i, struct statfs *out);

/* hostchange_dk.c: the same. */
long host_create(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out);
long host_mkdir(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out);
long host_mknod(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, uint64_t rdev, struct inode **out);
long host_symlink(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *target, struct inode **out);
long host_link(struct lx_thread *t, struct dentry *from, struct dentry *dir, const char *name, uint32_t len);
long host_unlink(struct lx_thread *t, struct dentry *dir, struct dentry *victim);
long host_rmdir(struct lx_thread *t, struct dentry *dir, struct dentry *victim);
long host_rename(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, const char *name,
	uint32_t len, struct dentry *over, uint32_t flags);

/* hostshade.c: what the host does not hold.  i's device, number and birth time are the host's. */
void shade_apply(struct inode *i);                      /* onto the host's attributes; inode lock held */
long shade_set_bits(struct inode *i, uint32_t bits);    /* LX_S_ISUID, LX_S_ISGID */
long shade_set_flags(struct inode *i, uint32_t flags);  /* inode.attr_flags */
long shade_set_node(struct inode *i, uint32_t type, uint64_t rdev); /* S_IFCHR, S_IFBLK, S_IFSOCK */
void shade_forget(struct inode *i);                     /* its last name is gone */
long shade_getxattr(struct inode *i, const char *name, void *buf, size_t size);
long shade_setxattr(struct inode *i, const char *name, const void *value, size_t size); /* value NULL: remove */
long shade_listxattr(struct inode *i, char *buf, size_t size, long at); /* names behind at bytes: the new length */

/* The URI of d, or of name in d, in heap memory. */
char *host_uri(struct dentry *d, const char *name, uint32_t len);
#define HOST_URI_MAX 8000u /* bytes in such memory */
/* Are these attributes of i's file?  An inode is one file for as long as it lives, whatever its name becomes. */
bool host_is(struct inode *i, const struct dk_attributes *a);
/* d's name is another file's by now, whatever its folder's listing says: both are not believed any more. */
void host_doubt(struct dentry *d);
/* What has these attributes and was found by uri. */
struct inode *host_inode(struct mount_fs *fs, const char *uri, const struct dk_attributes *a);
void host_take_attr(struct inode *i, const struct dk_attributes *a);
/* Makes a folder's names, or all of its file system, safe: enum dk_flush_mode.  d: a folder of a -v mount. */
long host_dir_flush(struct dentry *d, uint32_t mode);
void host_file_refresh(struct file *f);
/* The host's file of d, open; DK_NO_HANDLE = it cannot be, or the name is another file's. */
dk_handle host_open_same(struct dentry *d, struct inode *i, uint32_t access);

/* Before attributes are told through an open file. */
void host_file_current(struct file *f);

/* hostagain_dk.c: files that are opened again and again. */
bool again_wanted(struct inode *i);  /* it is opened, for reading: the stream is to be kept */
bool again_open(struct file *f);     /* true: f has the kept one */
void again_keep(struct file *f);     /* f's stream can be kept */
void again_drop(struct inode *i);

/* hostsmall_dk.c: small files that are opened without a stream. */
bool small_open(struct dentry *d, struct file *f);        /* true: f is open, for reading */
bool small_fresh(struct file *f);                         /* what is known of the file is what it is */
long small_read(struct file *f, const struct iov *v, uint64_t pos); /* -EAGAIN: read f->stream */
void small_release(struct file *f);
long host_stream(struct file *f);                         /* f->stream is there: 0, or -ESTALE = it cannot be */
void host_keep(struct dentry *d);                         /* d's name or rights are about to change */
/* A file of that device and number is changed from inside: by files open for writing, or once, now. */
void host_write_begin(struct inode *i);
void host_write_end(struct inode *i);
void host_written(struct inode *i);
/* Nobody inside has changed that file since when, or may do so now. */
bool host_unwritten(uint64_t dev, uint64_t ino, uint64_t when);

long host_open(struct lx_thread *t, struct dentry *d, struct file *f);
#endif
