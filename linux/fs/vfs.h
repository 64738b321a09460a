/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/vfs.h - files, inodes, dentries, mounts, descriptors.
 *
 * All in the arena.  What an object does is chosen by a kind number: each kind
 * has an ops table in the image (function pointers never go into the arena).
 */
#ifndef LINUX_FS_VFS_H
#define LINUX_FS_VFS_H

#include "linux/linux.h"

enum inode_kind { INODE_NONE, INODE_MEM /* tmpfs, and what is over the host's root */, INODE_HOST /* -v folders */, INODE_PROC, INODE_DEV,
	INODE_PTS, INODE_SYS, INODE_NS /* namespaces */, INODE_MQUEUE, INODE_OVL /* overlay mounts */, INODE_ANON /* pipes, sockets, eventfds ... without a name */, INODE_KINDS };
enum file_kind { FILE_NONE, FILE_MEM, FILE_HOST, FILE_DIR, FILE_PROC, FILE_DEV, FILE_STD /* host's stdin/out/err */,
	FILE_PIPE, FILE_EVENTFD, FILE_TIMERFD, FILE_SIGNALFD, FILE_EPOLL, FILE_SOCKET, FILE_PTY, FILE_PIDFD, FILE_INOTIFY,
	FILE_LOOP, FILE_LOOP_CONTROL, /* block devices on files */
	FILE_FANOTIFY,
	FILE_KMSG, FILE_UFFD,
	FILE_PATH /* O_PATH */, FILE_MQUEUE, FILE_SECCOMP, FILE_NS, FILE_FSCONTEXT /* fsopen */, FILE_URING, FILE_LANDLOCK,
	FILE_NTPIPE /* an end of one of NT's pipes: nt/os/pipefile.c */, FILE_KINDS };

struct inode {
	struct ref ref;
	uint32_t kind;
	LOCK(INODE) lock;
	struct mount_fs *fs;
	uint64_t ino, dev, rdev, generation;
	uint32_t mode, uid, gid, nlink; /* mode with S_IF*; [INODE] */
	uint64_t size, blocks;
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
	struct watched *watch;      /* inotify's (fs/watched.c); NULL mostly */
	void *flocks;               /* record and flock locks: fs/lock.c */
	uint32_t writers, readers;  /* open for writing; for reading alone */
	uint32_t deny_write;        /* being executed */
	uint32_t attr_flags;        /* FS_*_FL: immutable, append only ...; fileattr.c */
	uint32_t special;           /* attributes that decide about rights: ACL_* (acl.h), FILE_CAPS */
	uint32_t write_sealed;      /* F_SEAL_WRITE: no mapping of it may become writable */
	uint32_t dos_attr;          /* hidden, system, archive: as an NT program set them; they last as long as this does */
	_Atomic uint64_t dirgen;    /* directories: counts changes of names */
	void *object;               /* a FIFO's pipe, a bound socket */
	uint64_t priv[16];          /* the kind's own */
};

struct dentry {
	struct ref ref;
	struct dentry *parent;      /* itself at a root */
	struct inode *inode;        /* NULL = negative */
	struct list hash, lru, child, children;
	uint64_t valid_until;       /* monotonic ns; UINT64_MAX = always */
	uint32_t name_len, name_hash, flags;
	uint32_t mounted;           /* how many mounts have it as their place; [MOUNT], read without */
	uint64_t priv[2];
	char *name;
};

struct path { /* holds references on both */
	struct mount *mnt;
	struct dentry *dentry;
};

struct fs_context {
	struct ref ref;
	LOCK(FS) lock;
	struct path cwd, root;
	uint32_t umask;
	char *later;         /* cwd's text, not looked up yet: only while one thread is all there is */
};
/* Looks cwd up, if that was put off; ends the process if it is not to be had. */
void fs_settle_cwd(struct lx_thread *t);
#define FS_SETTLE(t)                                                                                 \
	do {                                                                                          \
		if (UNLIKELY((t)->proc->fs != NULL && (t)->proc->fs->later != NULL))                  \
			fs_settle_cwd(t);                                                             \
	} while (0)

/* An open file description. */
struct file {
	struct ref ref;
	uint32_t kind;      /* enum file_kind */
	_Atomic uint32_t flags; /* O_ACCMODE, O_APPEND, O_NONBLOCK, ... */
	LOCK(FILE) lock;    /* pos */
	uint64_t pos;
	struct path path;   /* dentry NULL for anonymous ones */
	struct inode *inode;
	dk_handle stream;   /* the host's, sandbox-wide; 0 = none (yet) */
	int owner_pid, owner_sig, owner_type; /* fs/fasync.c: F_SETOWN, F_SETSIG; type: F_OWNER_* */
	uint32_t owner_uid, owner_euid;       /* who said so */
	bool created;          /* open(2) made the file */
	bool dnotified;        /* F_NOTIFY */
	uint8_t landlock_denied; /* LL_TRUNCATE >> 14 and LL_IOCTL_DEV >> 14 that its opener may not */
	bool no_notify;        /* fanotify's: what is done by it is nobody's event */
	struct fasync *fasync; /* [a] O_ASYNC was set once */
	struct list epitems;/* EPOLL items that watch it; fs/epoll.c */
	void *object;       /* pipe, eventfd, socket ...: the kind's own */
	uint64_t priv[6];
};

/* What one read or write moves: guest or kernel memory, in segments. */
struct iov {
	struct dk_segment *seg; /* kernel copy of the vector */
	uint32_t count;
	bool kernel;            /* segments are library-OS memory, not the guest's */
	uint64_t size;          /* sum */
};
/* Copies between a kernel buffer and iov at byte position at: bytes done (short on a fault). */
size_t iov_put(const struct iov *v, uint64_t at, const void *src, size_t n);
size_t iov_take(const struct iov *v, uint64_t at, void *dst, size_t n);

struct poll_table; /* fs/poll.h */
struct dir_emit {  /* readdir's sink: emit returns false when full */
	bool (*emit)(struct dir_emit *d, const char *name, uint32_t len, uint64_t ino, uint32_t type, uint64_t next_pos);
};

/* NULL members have the usual default (EINVAL, ESPIPE, ENOTTY, always ready ...). */
struct file_ops {
	const char *name;
	long (*read)(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos);
	long (*write)(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos);
	long (*readdir)(struct lx_thread *t, struct file *f, struct dir_emit *d);
	long (*ioctl)(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg);
	/* Mask of EPOLL* bits that hold now; adds waiters to p if p is not NULL. */
	uint32_t (*poll)(struct lx_thread *t, struct file *f, struct poll_table *p);
	/* Maps into the calling address space at addr exactly (MAP_FIXED); the region is already chosen. */
	long (*map)(struct lx_thread *t, struct file *f, uint64_t addr, uint64_t len, int prot, int flags, uint64_t offset);
	long (*seek)(struct lx_thread *t, struct file *f, int64_t offset, int whence);
	long (*sync)(struct lx_thread *t, struct file *f, bool data_only);
	long (*truncate)(struct lx_thread *t, struct file *f, uint64_t length);
	long (*fallocate)(struct lx_thread *t, struct file *f, int mode, uint64_t offset, uint64_t length);
	void (*flush)(struct lx_thread *t, struct file *f); /* each close of a descriptor */
	void (*release)(struct file *f);                    /* last reference; no lock held; may run in kproc */
	bool seekable; /* has a position: pread works */
};
extern const struct file_ops *const lx_file_ops[FILE_KINDS]; /* fs/file_kinds.c */

struct file *file_new(enum file_kind kind, uint32_t flags); /* one reference; NULL: no memory */
/* Is the call under way to answer -EAGAIN where it would have to wait? */
static inline bool file_nonblock(const struct lx_thread *t, const struct file *f)
{
	return (f->flags & O_NONBLOCK) || t->nowait;
}
void file_get(struct file *f);
void file_put(struct file *f); /* hold no lock */

/* ---- Descriptors ---- */
struct fdtable {
	struct ref ref;
	LOCK(FDTABLE) lock;
	uint32_t size;         /* slots there are */
	uint32_t next;         /* lowest that may be free */
	struct file **slot;    /* by descriptor; changed by fdt_put_slot only */
	uint8_t *cloexec;
	uint64_t *used;        /* a bit a slot */
	uint64_t *full;        /* a bit a word of used that has no 0 */
};
/* Puts f, or NULL, into a slot there is.  The table's lock is held. */
void fdt_put_slot(struct fdtable *fdt, uint32_t fd, struct file *f, bool cloexec) REQUIRES(FDTABLE);
struct fdtable *fdt_new(void);
struct fdtable *fdt_copy(struct fdtable *from);  /* fork: a reference on each file */
void fdt_get_table(struct fdtable *fdt);
void fdt_put_table(struct fdtable *fdt);         /* last one closes all */
void fdt_close_on_exec(struct lx_thread *t);
struct file *fd_get(struct lx_thread *t, int fd); /* a reference, or NULL (EBADF) */
/* The same for the time of a call; *held: it is a reference, to be put.  If not, nobody but this thread can close it. */
struct file *fd_borrow(struct lx_thread *t, int fd, bool *held);
struct file *fd_get_kind(struct lx_thread *t, int fd, enum file_kind kind, long other_err, long *err);
/* Lowest free descriptor from min on; takes over the reference.  -EMFILE keeps it with the caller. */
int fd_install(struct lx_thread *t, struct file *f, bool cloexec, int min);
/* Puts f at fd exactly, closing what was there: fd; takes over the reference if it succeeds. */
long fd_replace(struct lx_thread *t, struct file *f, int fd, bool cloexec);
long fd_close(struct lx_thread *t, int fd);

/* ---- Paths ---- */
/* walkcache.c.  Something changed that paths go through: after it did, before the call that did it is over. */
void vfs_tree_changed(void);
/* What p remembers; its last thread, or kproc. */
void walk_cache_free(struct lx_proc *p);

#define WALK_FOLLOW    1u  /* follow a final symbolic link */
#define WALK_DIRECTORY 2u
#define WALK_PARENT    4u  /* stop at the last component: path is its directory, *last the name */
#define WALK_EMPTY     8u  /* AT_EMPTY_PATH: "" is dirfd itself */
#define WALK_CREATE    16u /* a negative final dentry is fine */
#define WALK_NO_SYMLINKS 32u
#define WALK_BENEATH   64u
#define WALK_IN_ROOT   128u
#define WALK_NO_XDEV   256u
#define WALK_NO_MAGIC  512u
#define WALK_CACHED    1024u
#define WALK_UMOUNT    4096u /* it ends at what shall be unmounted: that is no use of it */
#define WALK_READ      2048u /* what it ends at will be opened for reading: a host file may be opened on the way */
/* name is kernel memory.  0 with *out holding references, or -errno. */
long path_walk(struct lx_thread *t, int dirfd, const char *name, uint32_t flags, struct path *out, const char **last);
void path_get(const struct path *p);
void path_put(struct path *p);
/* Absolute path as seen from the thread's root into buf; " (deleted)" added where Linux does. Length or -errno. */
long path_text(struct lx_thread *t, const struct path *p, char *buf, size_t size);
/* The same as seen from root; -ENOENT: it does not lie below. */
long path_text_below(const struct path *root, const struct path *p, char *buf, size_t size);

/* open(2) from kernel memory: a file with one reference in *out. */
long vfs_open(struct lx_thread *t, int dirfd, const char *name, int flags, uint32_t mode, struct file **out);
/* The host's name (a URI) that an overlay's file shows; NULL: it is none, or not the host's any more. */
const char *file_lower(const struct file *f);
/* A guess: these files of a folder are about to be opened for reading (ahead_dk.c); at most DK_OPENED_NAMES of those not known yet are. */
void open_ahead(struct lx_thread *t, const char *folder, const char *const *names, uint32_t count);
/* mknod(2) from kernel memory, umask applied: 0, -EEXIST ...  For bind(2) of unix sockets. */
long vfs_mknod(struct lx_thread *t, int dirfd, const char *name, uint32_t mode, uint64_t rdev);
/* mkdir(2), symlink(2), unlink(2) or rmdir(2), rename(2) and link(2) from kernel memory. */
long vfs_mkdir(struct lx_thread *t, int dirfd, const char *name, uint32_t mode);
long vfs_symlink(struct lx_thread *t, const char *target, const char *name);
long vfs_unlink(struct lx_thread *t, int dirfd, const char *name, bool directory);
long vfs_rename(struct lx_thread *t, const char *from, const char *to, uint32_t flags);
long vfs_link(struct lx_thread *t, const struct path *from, const char *to);
long vfs_open_exec(struct lx_thread *t, int dirfd, const char *name, int at_flags, struct file **out);
long vfs_pread(struct lx_thread *t, struct file *f, void *buf, size_t n, uint64_t pos); /* kernel buffer */
long vfs_pwrite(struct lx_thread *t, struct file *f, const void *buf, size_t n, uint64_t pos);
long vfs_stat(struct inode *i, struct stat *out);
int inode_permission(struct lx_thread *t, struct inode *i, uint32_t rwx); /* 4 r, 2 w, 1 x; 0 or -EACCES */

/* A copy, in the arena, of the path of a program that runs: while it is held nobody may write the file (ETXTBSY).
   NULL: no memory. */
struct path *exe_hold(const struct path *p);
void exe_drop(struct path *p); /* NULL is fine; hold no lock */

struct inode *inode_new(enum inode_kind kind, uint32_t mode);
void inode_get(struct inode *i);
void inode_put(struct inode *i);

/* kproc, once: mounts as the settings say; descriptors 0,1,2 of the first process. */
long vfs_boot(const struct dk_boot *boot);
struct fs_context *fs_new_root(void);
struct fs_context *fs_copy(struct fs_context *from);
void fs_get(struct fs_context *fs);
void fs_put(struct fs_context *fs);
long vfs_std_files(struct lx_proc *p, const struct dk_boot *boot);
#endif
