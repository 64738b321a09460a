/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/mem.h - inodes in memory: tmpfs, and the overlay over the host's root.
 *
 * An overlay inode starts as a view of a host name ("lower": MEM_LOWER, its URI in
 * lower).  The first change copies it up: a file's contents come into pages of
 * arena-data, an attribute is simply kept, and the inode is pinned: its
 * directory, itself pinned first, gets an entry for it and so keeps it for ever.  A
 * directory shows its own entries, which hide lower ones of the same name (an
 * entry without inode is a whiteout), and then the lower listing.
 *
 * Locks: mem_dir.lock (DIR) for a directory's entries, inode->lock for attributes,
 * flags and pages.
 */
#ifndef LINUX_FS_MEM_H
#define LINUX_FS_MEM_H

#include "linux/fs/fs.h"

/* mem_priv.flags [INODE] */
#define MEM_LOWER  1u  /* contents (of a directory: also) come from the host's lower */
#define MEM_PINNED 2u  /* its directory has an entry for it, or it has no lower name */
#define MEM_ATTR   4u  /* attributes are ours, not the host's any more */
#define MEM_MAPPED 8u  /* pages were mapped into a guest: they are not given back before the end */
#define MEM_LAZY   16u /* lower's attributes were not asked for yet */
#define MEM_SEALS  32u /* a memfd: F_ADD_SEALS works */
#define MEM_UNLINKABLE 64u /* O_TMPFILE with O_EXCL: cannot get a name */
#define MEM_IDLE   128u /* in a ring of idle host files */

struct mem_ext { /* pages [fpage, fpage+count) of the file are arena-data pages from dpage on */
	uint64_t fpage, dpage, count;
};

struct mem_name {
	struct list link;        /* in mem_dir.entries, by cookie */
	struct mem_name *next;   /* in its hash chain */
	struct inode *inode;     /* NULL: a whiteout */
	uint64_t cookie;
	uint32_t hash, len, flags;
	char name[];
};
#define NAME_LOWER 1u /* the host has this name too: removing it leaves a whiteout */

#define MEM_STOPS 4u

struct mem_dir {
	LOCK(DIR) lock;
	struct list entries;     /* by cookie */
	struct mem_name **hash;
	uint32_t hash_size;      /* power of two */
	uint32_t count, live;    /* entries; those with an inode */
	uint64_t next_cookie;
	bool dead;               /* removed: nothing can be made in it */
	struct listing *listing; /* lower's, or NULL */
	struct mem_name *stopped[MEM_STOPS]; /* [DIR] where those who list it stopped last */
	uint32_t stop;           /* [DIR] which is overwritten next */
};

struct mem_xattr {
	struct mem_xattr *next;
	uint32_t name_len, size;
	char data[];             /* name, NUL, value */
};

/* struct inode.priv of INODE_MEM. */
struct mem_priv {
	uint32_t flags, seals;
	char *lower;             /* [I] URI of the host's name, or NULL */
	dk_handle stream;        /* [INODE] lower, open for reading, or 0 */
	uint32_t opens;          /* [INODE] files that may use stream */
	uint32_t inline_size, next; /* next: extents in use */
	void *inline_data;       /* [INODE] all of a small lower file, inline_at bytes behind this, or NULL */
	uint64_t until;          /* attributes of lower are believed up to then */
	union {
		struct mem_ext *ext; /* regular: sorted [INODE] */
		struct mem_dir *dir; /* directory: made when needed */
		char *target;        /* symbolic link: text, or NULL = not fetched */
	} u;
	uint32_t ext_cap;
	_Atomic uint32_t map_writers; /* shared mappings that may write: no F_SEAL_WRITE while there are any */
	struct mem_xattr *xattrs;
	uint64_t lower_dev, lower_ino;
	uint64_t npages;         /* pages in extents */
	uint32_t inline_at;
};
_Static_assert(sizeof(struct mem_priv) <= sizeof(((struct inode *)0)->priv), "inode.priv");

static inline struct mem_priv *mem(struct inode *i)
{
	return (struct mem_priv *)i->priv;
}

struct inode *mem_inode_bare(struct mount_fs *fs, uint32_t mode); /* without times: the caller knows them */

/* fsoptions.c */
long mem_options_check(const char *data); /* of tmpfs: 0, -EINVAL */
void mem_root_options(struct mount_fs *fs, struct inode *root, const char *data);
long mem_reconfigure(struct mount_fs *fs, const char *data); /* checked: 0, -EINVAL: it holds more already */

/* memdir.c */
struct mem_dir *mem_dir(struct inode *i); /* made if needed; NULL: no memory */
struct mem_name *mem_find(struct mem_dir *d, const char *name, uint32_t len) REQUIRES(DIR);
struct mem_name *mem_name_new(const char *name, uint32_t len, struct inode *i, uint32_t flags); /* takes a reference */
void mem_name_free(struct mem_name *n);
void mem_name_add(struct mem_dir *d, struct mem_name *n) REQUIRES(DIR);
void mem_name_remove(struct mem_dir *d, struct mem_name *n) REQUIRES(DIR);
void mem_dir_free(struct mem_dir *d);
long mem_pin(struct dentry *d);
long mem_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *e);

/* memname.c, memrename.c */
long mem_dir_empty(struct dentry *dir); /* 0, -ENOTEMPTY */
long mem_own_dir(struct dentry *dir); /* before its entries change: it must stay, and its times become ours */
void mem_touch_dir(struct inode *dir);
void mem_link_count(struct inode *i, int by);
/* Takes the name of inode i out of d (i may be there by the host's listing only).
   spare: a whiteout made beforehand, used or freed by the caller afterwards (*used). */
long mem_name_take_out(struct inode *dir, struct mem_dir *d, const char *name, uint32_t len, struct inode *i,
	struct mem_name *spare, bool *used, struct mem_name **gone) REQUIRES(DIR);
void mem_lost_name(struct inode *i);        /* it has one name less */
long mem_kill_dir(struct dentry *victim);   /* if it is empty: nothing can be made in it any more */
void mem_bury_dir(struct inode *dir, struct inode *victim); /* victim, killed, has lost its name in dir */
long mem_create(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out);
long mem_mkdir(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out);
long mem_mknod(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, uint64_t rdev, struct inode **out);
long mem_symlink(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *target, struct inode **out);
long mem_link(struct lx_thread *t, struct dentry *from, struct dentry *dir, const char *name, uint32_t len);
long mem_unlink(struct lx_thread *t, struct dentry *dir, struct dentry *victim);
long mem_rmdir(struct lx_thread *t, struct dentry *dir, struct dentry *victim);
long mem_rename(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, const char *name,
	uint32_t len, struct dentry *over, uint32_t flags);

/* memlower.c */
struct inode *mem_lower_new(struct mount_fs *fs, const char *dir_uri, const char *name, uint32_t len,
	const struct dk_attributes *a, char *target, uint64_t until);
long mem_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
	struct inode **out, uint64_t *valid_until);
bool mem_has_entry(struct inode *dir, const char *name, uint32_t len); /* of its own, or a whiteout */
/* The host's file of i was opened again (ahead_dk.c): takes stream over.  False: nothing was taken, i is another file. */
bool mem_lower_again(struct inode *i, const struct dk_attributes *a, dk_handle stream, uint64_t until);
bool mem_revalidate(struct lx_thread *t, struct dentry *d, struct lookup *hint);
/* i, mem_root_overlay's and nobody else's yet, shows the same folder of the host as `same`: what is known of that is taken. */
void mem_root_known(struct inode *i, struct inode *same);
/* New attributes of the same lower object, as of now; contents that changed are forgotten. */
void mem_lower_attributes(struct inode *i, const struct dk_attributes *a, uint64_t now);
void mem_settle(struct inode *i);           /* ... if they were never asked for, before something depends on them */
long mem_lower_refresh(struct inode *i);   /* attributes, if they are too old */
long mem_copy_up(struct dentry *d, bool contents, uint64_t keep); /* keep: bytes of the contents that are wanted */
struct listing *mem_listing(struct dentry *dir, enum listing_wanted what, long *err); /* a reference */
long mem_take_attr(struct dentry *d);      /* attributes become ours; pins */

/* memopen.c */
/* d's file is opened, for its contents if not for more: the stream or inline contents are there.  Counts in opens. */
long mem_lower_open(struct dentry *d, bool contents);
/* Opens it to be copied, until mem_lower_close: 1; 0: it has no contents, and is not open. */
long mem_lower_contents(struct dentry *d);
/* The stream, for what needs more than inline contents, of a file that is open: 0, -ESTALE = the name is another's. */
long mem_lower_stream(struct inode *i);
void mem_lower_close(struct inode *i);
void mem_lower_idle(struct inode *i);      /* nobody has it open: it waits for the next, MEM_IDLE is set */
void mem_lower_free(struct inode *i);

/* memdata.c; all under inode->lock */
struct mem_ext *mem_ext_at(struct inode *i, uint64_t fpage, uint64_t *run); /* NULL: a hole of *run pages (0 = to the end) */
long mem_fill(struct inode *i, uint64_t fpage, uint64_t count);  /* allocates holes in the range */
long mem_reserve(struct inode *i, uint64_t fpage, uint64_t count); /* the same, but ENOSPC at once, and nothing taken, where it cannot fit */
uint64_t mem_pages_left(struct mount_fs *fs, uint64_t *total); /* pages that files may still take; fs NULL: of no file system */
void mem_drop_pages(struct inode *i, uint64_t fpage, uint64_t count); /* gives back, or zeroes what is mapped */
long mem_resize(struct inode *i, uint64_t size);
void mem_punch(struct inode *i, uint64_t offset, uint64_t length);
uint64_t mem_blocks(struct inode *i);
void mem_data_free(struct inode *i);
long mem_data_read(struct inode *i, const struct iov *v, uint64_t pos);
long mem_data_write(struct inode *i, const struct iov *v, uint64_t pos, uint64_t n);

/* memfile.c: pages of a private mapping once more, as nobody has written them.  Holes are zeros that can be written. */
long mem_map_afresh(struct inode *i, uint64_t addr, uint64_t pages, int prot, uint64_t fpage);

/* memxattr.c */
long mem_getxattr(struct lx_thread *t, struct inode *i, const char *name, void *buf, size_t size);
const void *mem_xattr_value(struct inode *i, const char *name, size_t *size); /* [INODE] one of ours, or NULL */
long mem_setxattr(struct lx_thread *t, struct dentry *d, const char *name, const void *value, size_t size, int flags);
long mem_listxattr(struct lx_thread *t, struct inode *i, char *buf, size_t size);
/* Lists of extended attributes.  value NULL: one that hides the host's.  The caller's lock guards the list. */
struct mem_xattr *mem_xattr_new(const char *name, const void *value, size_t size);
struct mem_xattr *mem_xattrs_exchange(struct mem_xattr **list, const char *name, struct mem_xattr *x); /* the old one, the caller's now */
long mem_xattrs_get(struct mem_xattr *list, const char *name, void *buf, size_t size);
long mem_xattrs_list(const struct mem_xattr *x, char *buf, size_t size, long at); /* names behind at bytes: the new length, -ERANGE */
void mem_xattrs_free(struct mem_xattr *x);
void mem_xattr_free(struct inode *i);
#endif
