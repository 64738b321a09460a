/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/inode_ops.h - what each kind of inode can do, and the mount table's structs.
 *
 * A kind (enum inode_kind) has one static struct inode_ops in the image; a NULL
 * member means the usual error (EPERM for what makes or removes names, ENOTDIR for
 * look-ups, EINVAL for readlink, ENODATA and ENOTSUP for extended attributes).  The
 * generic code (namei.c, dirops.c, attr.c) has looked up the names, checked
 * permissions, read-only mounts and types; an operation makes the change and is
 * called with no lock held.  dir is the directory's dentry, dir->inode its inode;
 * name is kernel memory, len bytes, with a NUL behind.
 *
 * Operations that give an inode give a reference.
 */
#ifndef LINUX_FS_INODE_OPS_H
#define LINUX_FS_INODE_OPS_H

#include "linux/fs/vfs.h"

/* One file system instance; several mounts (bind) may show it. */
struct mount_fs {
	struct ref ref;
	uint32_t kind;        /* enum inode_kind of its inodes */
	uint64_t dev;         /* st_dev */
	uint64_t magic;       /* statfs f_type */
	char type[16];        /* "tmpfs", "proc" ... for /proc/mounts */
	struct inode *root;   /* a reference; it holds none on fs, all other inodes with i->fs set do (inode_put drops it) */
	_Atomic uint64_t next_ino;
	uint32_t flags;       /* [a] MS_RDONLY: all of it is read only */
	struct ns *user;      /* [I] user namespace of who mounted it, a reference; NULL: the initial one */
	uint64_t limit_pages; /* tmpfs size=; 0 = none */
	uint64_t limit_inodes; /* tmpfs nr_inodes=; 0 = none */
	_Atomic uint64_t inodes;
	_Atomic uint64_t pages;
	void *priv[4];
};

struct mount { /* fs/mount.h; what is not [I] is [MOUNT] */
	struct ref ref;
	struct list link;     /* in vfs()->mounts, in the order made */
	struct mount *parent; /* a reference; itself at the root of a tree */
	struct dentry *point; /* where it is mounted, in parent; a reference */
	struct list children; /* of mounts by child */
	struct list child;
	struct list hash;     /* in vfs()->mount_hash, by parent and point */
	struct dentry *root;  /* [I] its own root; a reference */
	struct mount_fs *fs;  /* [I] a reference */
	struct ns *ns;        /* mount namespace whose tree it is in; NULL: in none.  Compare only */
	uint32_t flags;       /* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC ... */
	uint32_t locked_flags; /* those that a less privileged namespace may not change */
	uint32_t locked;      /* it came with a less privileged namespace's tree and hides what is below */
	uint32_t id;          /* [I] */
	uint32_t expire;      /* MNT_EXPIRE was asked for, and nobody came by since */
	uint32_t unbindable;
	uint32_t group;       /* number of its peer group; 0: not shared */
	uint32_t visited;     /* propagate.c */
	uint32_t floating;    /* a file keeps it, as the root of a tree in no namespace (mount_api.c) */
	struct list peers;    /* ring of its group */
	struct mount *master; /* it gets what happens there */
	struct list slaves;   /* of mounts by slave */
	struct list slave;
	struct mount *copy;   /* while a tree is copied or attached: this one's copy */
	struct mount *below;  /* next in a struct gone, or of those free */
	struct mount *work;   /* next in propagate.c's work list */
	struct path was;      /* in a struct gone: the place it had */
	char source[64];
};
/* The mount table's text for /proc/PID/mounts (style 0) and mountinfo (style 1): malloc'ed from the
   heap, *len bytes; NULL without memory. */
char *mounts_text(struct lx_thread *t, int style, size_t *len);

/* What lookup may use to save trips to the host: the walk's own state (host_dk.c). */
struct lookup {
	const char *rest;          /* text of the path behind this component, NULL at the end */
	uint32_t access;           /* DK_READ: the walk's end is to be opened for reading */
	struct inode *ahead_dir;   /* directory in which ahead[at] is the next name; compare only */
	struct dk_attributes *ahead; /* in the current segment of answer */
	uint32_t count, at;        /* entries there are, the next to use */
	bool missing;              /* the name behind the last entry is known not to exist */
	const char *target;        /* text of the link that is the last entry, or NULL */
	uint32_t target_len;
	uint64_t now;              /* monotonic ns, or 0 = not asked yet */
	uint64_t names;            /* vfs->host_names before the last trip */
	char *answer;              /* heap: the last trip's segments, struct dk_walk */
	uint32_t next, size;       /* the segment behind the current one; bytes of all */
	dk_handle stream;          /* the file at the end of the last segment, open, for who takes it */
	struct dk_attributes opened; /* its attributes */
	uint32_t inline_size;      /* its contents, behind the segments, if they came along */
};

/* setattr: which members of struct inode_attr are meant. */
#define IATTR_MODE  1u
#define IATTR_UID   2u
#define IATTR_GID   4u
#define IATTR_SIZE  8u
#define IATTR_ATIME 16u
#define IATTR_MTIME 32u
#define IATTR_CTIME 64u
struct inode_attr {
	uint32_t valid;
	uint32_t mode, uid, gid;
	uint64_t size;
	int64_t atime_ns, mtime_ns, ctime_ns;
	struct file *file; /* through which it is asked for, whatever its name is by now; NULL: by name */
};
/* All that is meant but size and ctime, whose rules differ: into i, whose kind has no more to it.  inode_kinds.c */
void inode_set_members(struct inode *i, const struct inode_attr *a) REQUIRES(INODE);

struct inode_ops {
	const char *name;
	/* What a new file system is to be, before its root; NULL: nothing to prepare.  0 or -errno.  data as below. */
	long (*prepare)(struct mount_fs *fs, const char *data);
	/* A new file system's root inode (one reference); fs->kind is set.  data: mount(2)'s option text or NULL. */
	struct inode *(*root)(struct mount_fs *fs, const char *data);
	/*
	 * 0 and *out: an inode, or NULL = there is no such name.  *valid_until: monotonic ns
	 * up to which the answer may be remembered: UINT64_MAX = for ever, 0 = not at all.
	 * hint may be NULL.
	 */
	long (*lookup)(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
		struct inode **out, uint64_t *valid_until);
	/* A remembered answer is too old: true = d still holds (d->valid_until was set anew). */
	bool (*revalidate)(struct lx_thread *t, struct dentry *d, struct lookup *hint);
	long (*create)(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out);
	long (*mkdir)(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out);
	long (*mknod)(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, uint64_t rdev, struct inode **out);
	long (*symlink)(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *target, struct inode **out);
	/* from: a dentry of the same file system. */
	long (*link)(struct lx_thread *t, struct dentry *from, struct dentry *dir, const char *name, uint32_t len);
	long (*unlink)(struct lx_thread *t, struct dentry *dir, struct dentry *victim);
	long (*rmdir)(struct lx_thread *t, struct dentry *dir, struct dentry *victim);
	/* over: what has the new name now (positive), or NULL.  flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. */
	long (*rename)(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir,
		const char *name, uint32_t len, struct dentry *over, uint32_t flags);
	/* An unnamed file in dir: O_TMPFILE. */
	long (*tmpfile)(struct lx_thread *t, struct dentry *dir, uint32_t mode, struct inode **out);
	/* Text of a symbolic link, no NUL: its length. */
	long (*readlink)(struct lx_thread *t, struct inode *i, char *buf, size_t size);
	/*
	 * A link that jumps rather than has a text (/proc/PID/fd/3, exe, cwd, root): either
	 * *out with references, or *file with one (dentry-less files).  -ENOLINK: use readlink.
	 */
	long (*follow)(struct lx_thread *t, struct inode *i, struct path *out, struct file **file);
	/* From *pos on; generic code has given "." (0) and ".." (1), so kinds start at 2.  Sets *pos to where to go on. */
	long (*readdir)(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *d);
	/* Brings size, times, mode ... of i up to date before somebody looks; NULL: they always are. */
	long (*getattr)(struct lx_thread *t, struct inode *i);
	long (*setattr)(struct lx_thread *t, struct dentry *d, const struct inode_attr *a);
	/* Last part of open(2): f has flags, path and inode; sets f->kind and what the kind needs.  NULL: by type:
	   directories become FILE_DIR, others ENXIO. */
	long (*open)(struct lx_thread *t, struct dentry *d, struct file *f);
	/* Replaces the usual mode-bit check (proc). */
	long (*permission)(struct lx_thread *t, struct inode *i, uint32_t rwx);
	/* size 0: the length needed.  list: names with NULs. */
	long (*getxattr)(struct lx_thread *t, struct inode *i, const char *name, void *buf, size_t size);
	long (*setxattr)(struct lx_thread *t, struct dentry *d, const char *name, const void *value, size_t size, int flags); /* value NULL: remove */
	long (*listxattr)(struct lx_thread *t, struct inode *i, char *buf, size_t size);
	long (*statfs)(struct lx_thread *t, struct inode *i, struct statfs *out);
	/* getattr for kinds that need the name to ask (hostfs); used instead of it when there is a dentry. */
	long (*refresh)(struct lx_thread *t, struct dentry *d);
	/* Last reference is gone; no lock held. */
	void (*free)(struct inode *i);
};
extern const struct inode_ops *const lx_inode_ops[INODE_KINDS]; /* fs/inode_kinds.c */

extern const struct inode_ops inode_mem_ops, inode_host_ops, inode_ovl_ops, inode_anon_ops; /* helper FS */
extern const struct inode_ops inode_proc_ops, inode_dev_ops, inode_pts_ops, inode_sys_ops, inode_ns_ops, inode_mqueue_ops; /* procfs*.c, dev*.c, pty*.c, sysfs.c */

static inline const struct inode_ops *inode_ops(const struct inode *i)
{
	return lx_inode_ops[i->kind];
}

/* Names in a directory changed other than by the generic calls (a pty came or went): forget what is remembered. */
void dentry_forget(struct dentry *dir, const char *name, uint32_t len);
/* The file system said of d, which is in dir, that it is not so (any more): neither d nor an answer on its way is used again. */
void dentry_doubt(struct dentry *dir, struct dentry *d);

/*
 * Special files that may lie in any file system.  Called by the kind's open with
 * f prepared; they set f->kind, f->object.  dev_open finds the driver by i->rdev.
 */
long dev_open(struct lx_thread *t, struct inode *i, struct file *f);   /* fs/dev.c */
long kmsg_open(struct lx_thread *t, struct file *f);                   /* fs/kmsg.c: dev_open's part */
long fifo_open(struct lx_thread *t, struct inode *i, struct file *f);  /* fs/pipe.c; keeps its pipe in i->object */
void fifo_inode_free(struct inode *i);                                 /* fs/pipe.c: i is going, drop i->object */
void unix_inode_free(struct inode *i);                                 /* net/: the same for a bound socket */
struct file *std_file_open(int fd, const char *attr);                  /* fs/std.c: the host's descriptor 0, 1 or 2 */

/*
 * Telling who watches (fs/notify.c).  Masks are IN_*, whose bits fanotify shares.  While nobody watches
 * anything, only fs_watched is looked at.
 */
static inline bool fs_watched(void)
{
	return UNLIKELY(atomic_load_explicit(&lx_state()->watches, memory_order_relaxed) != 0);
}
/* A name came to, went from or moved in dir; i has or had it. */
void fs_tell_entry(struct dentry *dir, uint32_t mask, uint32_t cookie, const char *name, struct inode *i);
/* Something happened to i itself, by no path. */
void fs_tell_self(struct inode *i, uint32_t mask);
/* The object and, with its name, the directory it is in. */
void fs_tell_path(const struct path *p, uint32_t mask);
static inline void fs_notify_entry(struct dentry *dir, uint32_t mask, uint32_t cookie, const char *name, struct inode *i)
{
	if (fs_watched())
		fs_tell_entry(dir, mask, cookie, name, i);
}
static inline void fs_notify_self(struct inode *i, uint32_t mask)
{
	if (fs_watched())
		fs_tell_self(i, mask);
}
static inline void fs_notify_path(const struct path *p, uint32_t mask)
{
	if (fs_watched())
		fs_tell_path(p, mask);
}
/* By an open file; fanotify's own descriptors make no events. */
static inline void fs_notify_file(const struct file *f, uint32_t mask)
{
	if (fs_watched() && !f->no_notify)
		fs_tell_path(&f->path, mask);
}
/* Who must be asked before i is opened or read (fanotify's permission events): 0, -EPERM, -ERESTARTSYS. */
long fs_ask(struct lx_thread *t, const struct path *p, uint32_t mask);
static inline long fs_permission_event(struct lx_thread *t, const struct path *p, uint32_t mask)
{
	return UNLIKELY(atomic_load_explicit(&lx_state()->askers, memory_order_relaxed) != 0) ? fs_ask(t, p, mask) : 0;
}

#define FS_MOVED_FAR     0x04000000u /* with IN_MOVED_FROM and IN_MOVED_TO: to another folder; only NT's are told */
#define INOTIFY_UNLINKED 0x08000000u /* the name in the directory is gone already */
/* name NULL for the object itself. */
void inotify_event(struct inode *i, uint32_t mask, uint32_t cookie, const char *name); /* fs/inotify.c */
void inotify_inode_free(struct inode *i);                              /* i->watch was set and i goes: fs/inotify.c */
#define DNOTIFY_RENAME 0x10000000u                                     /* a name became another one in dir */
void dnotify_event(struct inode *dir, uint32_t mask);                  /* fs/dnotify.c: to dir or something named in it */
#endif
