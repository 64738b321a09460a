/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/mount.h - between the files that know of mount trees: mount.c (objects and trees),
 * propagate.c (shared subtrees), mount_sys.c and mount_api.c (the calls), mntns.c (namespaces,
 * pivot_root), mountinfo.c (their texts).
 *
 * All of it under lock MOUNT.  What is taken out of a tree is collected in a chain and given
 * back when the lock is dropped (mount_put_gone), since that may free inodes and files.
 */
#ifndef LINUX_FS_MOUNT_H
#define LINUX_FS_MOUNT_H

#include "linux/fs/fs.h"
#include "linux/ns/ns.h"

#define MS_KEPT (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_NOSYMFOLLOW)
#define MS_ATIME (MS_NOATIME | MS_NODIRATIME | MS_RELATIME)
#define MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* mount_copy */
#define COPY_PRIVATE    1u /* in no peer group */
#define COPY_SLAVE      2u /* a slave of the original, if that is shared */
#define COPY_SHARE      4u /* shared, in a group of its own if the original's is not */
#define COPY_UNBINDABLE 8u /* unbindable ones too */
#define COPY_TO_SLAVE   16u /* shared ones become slaves, others stay as they are */

/* mount.c */
static inline bool mount_has_parent(const struct mount *m)
{
	return m->parent != m;
}
static inline void mounts_lock(void) ACQUIRES(MOUNT)
{
	lock_take(&vfs()->mount_lock);
}
static inline void mounts_unlock(void) RELEASES(MOUNT)
{
	lock_drop(&vfs()->mount_lock);
}
/* A mount of fs that is in no tree, one reference: the caller's.  References on fs and root are taken.  NULL: no memory. */
struct mount *mount_make(struct mount_fs *fs, struct dentry *root, uint32_t flags, const char *source) REQUIRES(MOUNT);
/* m, which is in no tree, with what is below it, comes to (parent, point): the tree takes over m's reference. */
void mount_link(struct mount *m, struct mount *parent, struct dentry *point) REQUIRES(MOUNT);
/* Out of its parent, which is given back to be put; what is mounted on it stays on it, and the tree's reference with it. */
struct path mount_unlink(struct mount *m) REQUIRES(MOUNT);
struct gone {
	struct mount *chain;  /* mounts to be put, by `below`, each with its old place */
};
/* m and all below it, out of everything, each for itself. */
void mount_umount_tree(struct mount *m, struct gone *g) REQUIRES(MOUNT);
void mount_put_gone(struct gone *g);
struct mount *mount_child_at(struct mount *parent, struct dentry *d) REQUIRES(MOUNT); /* borrowed, or NULL */
struct mount *mount_next(struct mount *m, const struct mount *top) REQUIRES(MOUNT);   /* depth first; NULL at the end */
/* A copy of m showing root, and, if tree, of what is mounted below root; NULL: no memory. */
struct mount *mount_copy(struct mount *m, struct dentry *root, uint32_t how, bool tree, struct gone *g) REQUIRES(MOUNT);
void mount_set_ns(struct mount *top, struct ns *ns) REQUIRES(MOUNT);
static inline struct ns *mount_ns(const struct lx_thread *t)
{
	return ns_of(t, NS_MNT);
}
/* In the caller's own tree? */
static inline bool mount_is_ours(const struct lx_thread *t, const struct mount *m)
{
	return m->ns == mount_ns(t);
}
bool may_mount(const struct lx_thread *t);
/* p leads to what is mounted there last. */
void path_to_top(struct path *p);

/* propagate.c */
void mount_share(struct mount *m) REQUIRES(MOUNT);
void mount_join(struct mount *m, struct mount *peer) REQUIRES(MOUNT);
void mount_enslave(struct mount *m, struct mount *master) REQUIRES(MOUNT);
void mount_leave(struct mount *m) REQUIRES(MOUNT); /* becomes private */
void mount_set_type(struct mount *m, uint64_t type) REQUIRES(MOUNT); /* MS_SHARED ... */
/* mount_link, and the same at all places that parent propagates to: 0, -ENOMEM, -ENOSPC. */
long mount_attach_tree(struct mount *m, struct mount *parent, struct dentry *point, struct gone *g) REQUIRES(MOUNT);
/* mount_umount_tree, and the same where it propagates to. */
void mount_detach_tree(struct mount *m, struct gone *g) REQUIRES(MOUNT);

/* fstypes.c */
struct fs_type {
	const char *name;
	uint32_t kind;
	uint64_t magic;
	bool userns;     /* may be mounted by who has CAP_SYS_ADMIN in a user namespace only */
};
const struct fs_type *fs_type_find(const char *name);
/* A new file system: a reference, with root; data: options with commas. */
struct mount_fs *fs_new(struct lx_thread *t, const struct fs_type *ft, const char *data, long *err);
/* fsoptions.c.  One option of a list: its name and value, both without a NUL.  A backslash takes what follows as it is. */
struct fs_option {
	const char *name, *value;
	size_t len, value_len;
};
const char *fs_option_next(const char *s, struct fs_option *o); /* where the next one begins, or NULL: there is none at s */
bool fs_option_is(const struct fs_option *o, const char *name);
/* May data be given to a file system of that type?  0, -EINVAL. */
long fs_options_check(const struct fs_type *ft, const char *data);
struct text;
void fs_options_text(struct mount_fs *fs, struct text *x); /* ",size=..." for /proc/mounts */
long fs_reconfigure(struct lx_thread *t, struct mount_fs *fs, const char *data);

/* mount_sys.c */
long mount_fs_at(struct lx_thread *t, struct mount_fs *fs, const struct path *at, uint32_t flags, const char *source);
long mount_move(struct lx_thread *t, const struct path *from, const struct path *at);
/* May flags of m become these?  -EPERM: some are locked. */
long mount_flags_allowed(const struct mount *m, uint32_t flags);
/* Checks, then a copy of what from shows: bind and open_tree. */
long mount_copy_of(struct lx_thread *t, const struct path *from, bool tree, struct mount **out);
/* Flags of fs to MS_RDONLY or not: 0, -EBUSY: something is open for writing. */
long fs_set_readonly(struct mount_fs *fs, bool readonly);

/* mount_api.c: a file (O_PATH) that keeps m, the root of a tree of its own, whose reference it takes; its descriptor. */
long mount_to_fd(struct lx_thread *t, struct mount *m, bool cloexec);
#define ATTR_KNOWN                                                                                   \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME | \
		MOUNT_ATTR_NOSYMFOLLOW)
uint32_t attr_to_flags(uint64_t attr); /* MOUNT_ATTR_* to MS_* */
uint64_t flags_to_attr(uint32_t flags);
/* statmount.c: its number for statmount, statx and listmount. */
uint64_t mount_unique_id(const struct mount *m);
#endif
