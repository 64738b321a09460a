/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/landlock.h - Landlock: what a thread gave up for itself and its children
 * (landlock(7), Documentation/userspace-api/landlock.rst), ABI 6.
 *
 * t->cred.landlock is the thread's domain, NULL for most; each question begins with landlocked(t).
 */
#ifndef LINUX_SEC_LANDLOCK_H
#define LINUX_SEC_LANDLOCK_H

#include "linux/fs/vfs.h"

#define LANDLOCK_ABI    6
#define LANDLOCK_LAYERS 16u

/* landlock_ruleset_attr.handled_access_fs, landlock_path_beneath_attr.allowed_access */
#define LL_EXECUTE     (1u << 0)
#define LL_WRITE_FILE  (1u << 1)
#define LL_READ_FILE   (1u << 2)
#define LL_READ_DIR    (1u << 3)
#define LL_REMOVE_DIR  (1u << 4)
#define LL_REMOVE_FILE (1u << 5)
#define LL_MAKE_CHAR   (1u << 6)
#define LL_MAKE_DIR    (1u << 7)
#define LL_MAKE_REG    (1u << 8)
#define LL_MAKE_SOCK   (1u << 9)
#define LL_MAKE_FIFO   (1u << 10)
#define LL_MAKE_BLOCK  (1u << 11)
#define LL_MAKE_SYM    (1u << 12)
#define LL_REFER       (1u << 13)
#define LL_TRUNCATE    (1u << 14)
#define LL_IOCTL_DEV   (1u << 15)
#define LL_FS_ALL      0xffffu
#define LL_FS_FILE     (LL_EXECUTE | LL_WRITE_FILE | LL_READ_FILE | LL_TRUNCATE | LL_IOCTL_DEV) /* those a file can have */
#define LL_NET_BIND    1u /* of TCP ports */
#define LL_NET_CONNECT 2u
#define LL_NET_ALL     3u
#define LL_SCOPE_ABSTRACT 1u
#define LL_SCOPE_SIGNAL   2u
#define LL_SCOPE_ALL   3u

struct landlock_rule {
	struct dentry *dentry; /* a reference, so that the inode stays the one that is found there */
	struct inode *inode;   /* dentry's */
	struct mount_fs *fs;   /* with dev and ino: the same file should its inode have been made anew.  Compare only */
	uint64_t dev, ino;
	uint32_t access;
};

struct landlock_port {
	uint16_t port;
	uint16_t access;       /* LL_NET_* */
};

/* A layer: what one landlock_restrict_self took away.  In the arena, immutable; domains form a tree, each
   younger one refers to the one it was stacked upon. */
struct landlock_domain {
	struct ref ref;
	struct landlock_domain *parent; /* a reference, or NULL */
	uint32_t depth;                 /* 1 without a parent */
	uint32_t fs, scoped;            /* what it handles; with any right on files also LL_REFER */
	uint32_t any_fs;                /* it or one above handles rights on files */
	uint32_t net, nports;           /* LL_NET_* that it handles */
	struct landlock_port *port;     /* in the arena; NULL: none */
	uint32_t count;
	struct landlock_rule rule[];
};

void landlock_get(struct landlock_domain *d); /* NULL is fine */
void landlock_put(struct landlock_domain *d); /* NULL is fine; hold no lock */

static inline bool landlocked(const struct lx_thread *t)
{
	return UNLIKELY(t->cred.landlock != NULL);
}

/* Those of access that some layer does not grant for p.  Takes MOUNT. */
uint32_t landlock_missing(const struct lx_thread *t, const struct path *p, uint32_t access);
/* 0, or -EACCES: not all of access is granted. */
static inline long landlock_path(const struct lx_thread *t, const struct path *p, uint32_t access)
{
	return landlocked(t) && landlock_missing(t, p, access) != 0 ? -EACCES : 0;
}
/* What making a name of something with that mode (S_IF*) asks of the directory. */
uint32_t landlock_make_right(uint32_t mode);
/* What opening needs, by open(2)'s flags. */
uint32_t landlock_open_rights(const struct inode *i, int flags, bool exec);
/* ioctl on a device whose file was opened without LL_IOCTL_DEV: 0 or -EACCES. */
long landlock_ioctl(const struct file *f, uint32_t cmd);

/* link and rename.  landlock_ends looks at the directories and takes MOUNT; the answer needs no lock. */
struct landlock_ends {
	uint32_t from[LANDLOCK_LAYERS], to[LANDLOCK_LAYERS]; /* by layer: rights missing there */
	bool same;
};
void landlock_ends(const struct lx_thread *t, const struct path *from_dir, const struct path *to_dir, struct landlock_ends *e);
/* from moves to (or, for a link, is named again in) the other directory, where over is or NULL: 0, -EACCES, -EXDEV. */
long landlock_refer(const struct lx_thread *t, const struct landlock_ends *e, const struct inode *from, const struct inode *over,
	bool removes, bool exchange);

/* Mounting: -EPERM if files are restricted at all. */
long landlock_mount(const struct lx_thread *t);
/* Does t's domain allow to look into o?  Under TASKLIST. */
bool landlock_may_trace(const struct lx_thread *t, const struct lx_thread *o);
/* May t do that (LL_NET_*) with a TCP port?  0 or -EACCES. */
long landlock_port_check(const struct lx_thread *t, uint16_t port, uint32_t access);
static inline long landlock_port(const struct lx_thread *t, uint16_t port, uint32_t access)
{
	return landlocked(t) ? landlock_port_check(t, port, access) : 0;
}
/* Is who is in that domain out of reach for t, by a scope of t's? */
bool landlock_scoped(const struct lx_thread *t, const struct landlock_domain *whose, uint32_t scope);
#endif
