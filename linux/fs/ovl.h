/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/ovl.h - overlay mounts made inside (mount -t overlay): one folder that is written, over others that are read.
 *
 * Not to be taken for the sandbox's own root, whose inodes are INODE_MEM with a lower URI (mem.h).
 *
 * An inode of the overlay (INODE_OVL) has the dentries of what it shows: `upper`, once there is one, and the lower ones, the topmost first;
 * a folder may have several, which it merges.  Whatever is asked of a file goes to the inode of the topmost; its
 * attributes are copied from there each time somebody is about to look.  An open file has the real inode in f->inode, so that reads,
 * writes, mappings and locks know nothing of all this; f->path stays the overlay's.  Sockets, FIFOs and devices of the upper folder are shown by their
 * own inodes, which programs meet at.
 *
 * The first change copies up: made in the work folder and renamed into its place, so that it is there whole or not
 * at all, whenever a picoprocess is killed.  What is removed and is there below leaves a whiteout (a character device 0,0),
 * a new folder in a whiteout's place is opaque (an extended attribute): Linux' forms, so that layers made elsewhere do.
 *
 * Names of the upper folder are always looked up by name: the dentry `upper` of something that was renamed has its old one.
 * Folders that are there below cannot be renamed (EXDEV; Linux without redirect_dir).  The upper folder must be in memory.
 * Changing layers behind the overlay's back gives what it gives, as in Linux.
 *
 * Locks: none is held when a layer is asked.  `upper` is set once, with a compare and exchange, and goes with the inode.
 *
 * Source: Documentation/filesystems/overlayfs.rst, mount(8).
 */
#ifndef LINUX_FS_OVL_H
#define LINUX_FS_OVL_H

#include "linux/fs/fs.h"

#define OVL_LAYERS 128u /* lower folders of one mount */

/* mount_fs.priv[0]. */
struct ovl_fs {
	struct path upper, work; /* dentry NULL: read only; work: the folder "work" in workdir */
	uint32_t nlower;
	bool same;               /* all layers are of one file system in memory, whose numbers are different, then */
	bool userxattr;          /* user.overlay.* instead of trusted.overlay.* */
	_Atomic uint64_t next;   /* names in the work folder */
	char *options;           /* as they were given */
	struct path lower[];
};

struct ovl_inode {
	struct dentry *upper;  /* [a] NULL: not yet */
	struct dentry **lower; /* [I] nlower of them, a reference each */
	struct dentry *one;    /* where lower points if there is one */
	struct listing *names; /* [INODE] of a folder: what is merged, since somebody began to read it */
	uint32_t nlower;       /* [I] */
	uint32_t gone;         /* its name in the overlay was removed */
};
_Static_assert(sizeof(struct ovl_inode) <= sizeof(((struct inode *)0)->priv), "inode.priv");

static inline struct ovl_inode *ovl(struct inode *i)
{
	return (struct ovl_inode *)i->priv;
}
static inline struct ovl_fs *ovl_fs(const struct inode *i)
{
	return i->fs->priv[0];
}
static inline struct dentry *ovl_upper(struct inode *i)
{
	return __atomic_load_n(&ovl(i)->upper, __ATOMIC_ACQUIRE);
}
/* What a file's dentry is to its kind: of the overlay's the one that has inode i. */
struct dentry *ovl_real_dentry(struct dentry *d, const struct inode *i);
struct dentry *ovl_top(struct inode *i); /* borrowed: lives as long as i */
static inline bool ovl_is_whiteout(const struct inode *i)
{
	return i != NULL && S_IFMT_(i->mode) == S_IFCHR && i->rdev == 0;
}

/* ovl_lookup.c.  What a name is made of; references. */
struct ovl_found {
	struct dentry *upper;
	struct dentry **lower; /* heap, room for all of the folder's layers; NULL: none */
	uint32_t nlower;
};
/* The name in a layer's folder, positive or negative; *until, if not NULL, becomes no later than the answer is valid. */
long ovl_child(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct dentry **out, uint64_t *until);
/* An inode that shows f, of whose references it takes what it needs. */
struct inode *ovl_inode_new(struct lx_thread *t, struct mount_fs *fs, struct ovl_found *f);
void ovl_found_done(struct ovl_found *f);
long ovl_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint, struct inode **out, uint64_t *until);
bool ovl_revalidate(struct lx_thread *t, struct dentry *d, struct lookup *hint);
/* 1: dir has the name below, 0, -errno. */
long ovl_is_below(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len);
const char *ovl_opaque_name(const struct ovl_fs *o);

/* ovl_readdir.c */
long ovl_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *e);
long ovl_dir_empty(struct lx_thread *t, struct dentry *dir); /* 0, -ENOTEMPTY, -errno */
/* Names of one layer's folder, whiteouts too: a listing, to be put, or NULL with *err. */
struct listing *ovl_layer_names(struct lx_thread *t, struct dentry *dir, long *err);

/* ovl_copy.c */
long ovl_copy_up(struct lx_thread *t, struct dentry *d, bool contents); /* and the folders above; 0, -EROFS, -errno */
/* A name in the work folder that nothing else has: its length. */
#define OVL_TMP 24u
uint32_t ovl_tmp_name(struct ovl_fs *o, char name[OVL_TMP]);
/* What is there under that name, and has inode i, goes. */
void ovl_discard(struct lx_thread *t, struct ovl_fs *o, struct inode *i, const char *tmp);
/* Renames what is in the work folder to dir/name, which `over` has now (or NULL): the dentry there. */
long ovl_put_in_place(struct lx_thread *t, struct ovl_fs *o, struct inode *i, const char *tmp, struct dentry *dir, const char *name,
	uint32_t len, struct dentry *over, struct dentry **out);

/* ovl.c */
long ovl_getattr(struct lx_thread *t, struct inode *i);

/* ovl_dir.c */
long ovl_create(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out);
long ovl_mkdir(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out);
long ovl_mknod(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, uint64_t rdev, struct inode **out);
long ovl_symlink(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *target, struct inode **out);
long ovl_link(struct lx_thread *t, struct dentry *from, struct dentry *dir, const char *name, uint32_t len);
long ovl_unlink(struct lx_thread *t, struct dentry *dir, struct dentry *victim);
long ovl_rmdir(struct lx_thread *t, struct dentry *dir, struct dentry *victim);
/* Whiteouts are all that the upper folder dir has: they go. */
long ovl_clear_whiteouts(struct lx_thread *t, struct dentry *dir);
long ovl_set_opaque(struct lx_thread *t, struct ovl_fs *o, struct dentry *dir); /* dir, of the upper folder, hides what is below */
/* The upper folder's entry for a name of dir, NULL where it has none: a reference. */
long ovl_upper_entry(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct dentry **out);
void ovl_is_gone(struct lx_thread *t, struct dentry *dir, struct inode *victim); /* its name in dir was removed or taken over */

/* ovl_rename.c */
long ovl_rename(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, const char *name, uint32_t len,
	struct dentry *over, uint32_t flags);

/* ovl_mount.c */
long ovl_options_check(const char *data); /* names of options: 0, -EINVAL */
long ovl_prepare(struct mount_fs *fs, const char *data);
struct inode *ovl_root(struct mount_fs *fs, const char *data);
void ovl_fs_free(struct mount_fs *fs);

#endif
