/* SPDX-License-Identifier: MIT */
/* linux/fs/mount_sys.c - mount(2), umount2(2): what the flags ask for, and who may. */
#include "linux/fs/mount.h"
#include "linux/fs/procfs.h"
#include "linux/proc/proc.h"
#include "linux/sec/landlock.h"

/* umount2's flags, which the kernel's user headers leave to libc. */
#define MNT_FORCE       1
#define MNT_DETACH      2
#define MNT_EXPIRE      4
#define UMOUNT_NOFOLLOW 8

/* ---- New mounts ---- */

long mount_fs_at(struct lx_thread *t, struct mount_fs *fs, const struct path *at, uint32_t flags, const char *source)
{
	struct dentry *root;
	long err;

	inode_get(fs->root);
	root = dentry_new(NULL, "", 0, fs->root);
	if (root == NULL) {
		inode_put(fs->root);
		return -ENOMEM;
	}
	err = mount_attach(t, fs, root, at, flags, source, NULL);
	dentry_put(root);
	return err;
}

/* /proc and /sys show more than a user namespace's root should see, unless it sees them already. */
static bool is_revealing(struct lx_thread *t, const struct fs_type *ft)
{
	bool seen = false;

	if (mount_ns(t)->user->level == 0 || (ft->kind != INODE_PROC && ft->kind != INODE_SYS))
		return false;
	mounts_lock();
	LIST_FOR(m, &vfs()->mounts, struct mount, link)
		if (m->ns == mount_ns(t) && m->fs->kind == ft->kind && m->root->inode == m->fs->root)
			seen = true;
	mounts_unlock();
	return !seen;
}

static uint32_t kept_flags(uint64_t flags)
{
	uint32_t f = (uint32_t)flags & (MS_KEPT & ~MS_RELATIME);

	if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
		f |= MS_RELATIME;
	return f;
}

static long type_in(struct gva from, char *name, size_t size)
{
	long n;

	if (from.va == 0)
		return -EINVAL;
	n = string_in(name, from, size);
	return n == -EFAULT ? n : n < 0 ? -ENODEV : 0;
}

static long new_mount(struct lx_thread *t, const char *source, struct gva type, const struct path *at, uint64_t flags, const char *data)
{
	const struct fs_type *ft;
	struct mount_fs *fs;
	char name[32];
	long err = type_in(type, name, sizeof name);

	if (err != 0)
		return err;
	ft = fs_type_find(name);
	if (ft == NULL)
		return -ENODEV;
	if ((!ft->userns && !lx_capable(t, CAP_SYS_ADMIN)) || is_revealing(t, ft))
		return -EPERM;
	if (!IS_DIR(at->dentry->inode))
		return -ENOTDIR;
	if (!mount_is_ours(t, at->mnt))
		return -EINVAL;
	fs = fs_new(t, ft, data, &err);
	if (fs == NULL)
		return err;
	if (flags & MS_RDONLY)
		fs->flags |= MS_RDONLY;
	if (err == 0)
		err = mount_fs_at(t, fs, at, kept_flags(flags), source);
	mount_fs_put(fs);
	return err;
}

/* ---- Bind ---- */

/* A folder of m below which something lies that a copy without it would uncover. */
static bool hides_something(struct mount *m, struct dentry *root) REQUIRES(MOUNT)
{
	LIST_FOR(k, &m->children, struct mount, child)
		if (k->locked && dentry_is_below(k->point, root))
			return true;
	return false;
}

/* A mount namespace must not keep itself alive: only ones made later can be mounted in it. */
static bool makes_a_loop(struct lx_thread *t, const struct path *from)
{
	const struct ns *ns = nsfs_ns(from->dentry->inode);

	return ns != NULL && ns->kind == NS_MNT && ns->ino <= mount_ns(t)->ino;
}

long mount_copy_of(struct lx_thread *t, const struct path *from, bool tree, struct mount **out)
{
	struct gone g = { NULL };
	long err = -EINVAL;

	if (from->dentry->flags & D_FILE || makes_a_loop(t, from))
		return -EINVAL;
	mounts_lock();
	*out = NULL;
	if (from->mnt->unbindable || (!mount_is_ours(t, from->mnt) && nsfs_ns(from->dentry->inode) == NULL))
		err = -EINVAL;
	else if (tree || !hides_something(from->mnt, from->dentry)) {
		*out = mount_copy(from->mnt, from->dentry, 0, tree, &g);
		err = *out != NULL ? 0 : -ENOMEM;
	}
	if (*out != NULL)
		(*out)->locked = 0;
	mounts_unlock();
	mount_put_gone(&g);
	return err;
}

/* at is where it comes to lie; m's reference is the tree's then, or goes. */
static long attach(struct mount *m, const struct path *at)
{
	struct gone g = { NULL };
	long err = 0;

	mounts_lock();
	if (mount_child_at(at->mnt, at->dentry) != NULL)
		err = -EBUSY; /* somebody was faster */
	if (err == 0)
		err = mount_attach_tree(m, at->mnt, at->dentry, &g);
	if (err != 0)
		mount_umount_tree(m, &g);
	mounts_unlock();
	vfs_tree_changed();
	mount_put_gone(&g);
	return err;
}

static long bind_mount(struct lx_thread *t, struct gva source, const struct path *at, uint64_t flags)
{
	struct path from;
	struct mount *m;
	long err = user_walk(t, AT_FDCWD, source, WALK_FOLLOW, &from);

	if (err != 0)
		return err;
	if (!mount_is_ours(t, at->mnt))
		err = -EINVAL;
	else
		err = mount_copy_of(t, &from, flags & MS_REC, &m);
	if (err == 0) {
		if (IS_DIR(from.dentry->inode) != IS_DIR(at->dentry->inode)) {
			struct gone g = { NULL };

			mounts_lock();
			mount_umount_tree(m, &g);
			mounts_unlock();
			mount_put_gone(&g);
			err = -ENOTDIR;
		} else
			err = attach(m, at);
	}
	path_put(&from);
	return err;
}

/* ---- Move ---- */

static bool any_unbindable(struct mount *top) REQUIRES(MOUNT)
{
	for (struct mount *m = top; m != NULL; m = mount_next(m, top))
		if (m->unbindable)
			return true;
	return false;
}

static long may_move(struct lx_thread *t, const struct path *from, const struct path *at) REQUIRES(MOUNT)
{
	struct mount *m = from->mnt;

	if (from->dentry != m->root || m->locked || !mount_is_ours(t, at->mnt))
		return -EINVAL;
	if (mount_has_parent(m) ? !mount_is_ours(t, m) || m->parent->group != 0 : m->ns != NULL)
		return -EINVAL;
	if (IS_DIR(m->root->inode) != IS_DIR(at->dentry->inode))
		return -EINVAL;
	if (at->mnt->group != 0 && any_unbindable(m))
		return -EINVAL;
	for (struct mount *k = at->mnt;; k = k->parent) {
		if (k == m)
			return -ELOOP;
		if (!mount_has_parent(k))
			return 0;
	}
}

long mount_move(struct lx_thread *t, const struct path *from, const struct path *at)
{
	struct path was = { NULL, NULL };
	struct gone g = { NULL };
	long err;

	mounts_lock();
	err = may_move(t, from, at);
	if (err == 0) {
		was = mount_unlink(from->mnt);
		err = mount_attach_tree(from->mnt, at->mnt, at->dentry, &g);
		if (err != 0 && was.dentry != NULL)
			mount_link(from->mnt, was.mnt, was.dentry);
		else if (err == 0)
			from->mnt->floating = 0;
	}
	mounts_unlock();
	vfs_tree_changed();
	mount_put_gone(&g);
	if (was.dentry != NULL)
		path_put(&was);
	return err;
}

static long move_from(struct lx_thread *t, struct gva source, const struct path *at)
{
	struct path from;
	long err;

	if (source.va == 0)
		return -EINVAL;
	err = user_walk(t, AT_FDCWD, source, WALK_FOLLOW, &from);
	if (err != 0)
		return err;
	err = mount_has_parent(from.mnt) ? mount_move(t, &from, at) : -EINVAL;
	path_put(&from);
	return err;
}

/* ---- Changes ---- */

long mount_flags_allowed(const struct mount *m, uint32_t flags)
{
	uint32_t locked = m->locked_flags;

	if (locked & MS_ATIME && (flags & MS_ATIME) != (m->flags & MS_ATIME))
		return -EPERM;
	locked &= ~(uint32_t)MS_ATIME;
	return (flags & locked) == locked ? 0 : -EPERM;
}

/* Flags that say nothing about access times leave those as they are. */
static uint32_t remount_flags(const struct mount *m, uint64_t flags)
{
	uint32_t f = kept_flags(flags);

	if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
		f = (f & ~(uint32_t)MS_ATIME) | (m->flags & MS_ATIME);
	return f;
}

static bool writes(const struct file *f, const struct mount_fs *fs)
{
	return f != NULL && f->path.mnt != NULL && f->path.mnt->fs == fs && (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

static bool writes_any(struct lx_proc *p, const struct mount_fs *fs)
{
	struct fdtable *fdt = proc_fdtable(p);
	bool found = false;

	if (fdt == NULL)
		return false;
	lock_take(&fdt->lock);
	for (uint32_t i = 0; i < fdt->size && !found; i++)
		found = writes(fdt->slot[i], fs);
	lock_drop(&fdt->lock);
	fdt_put_table(fdt);
	return found;
}

/* Does some process have a file of it open for writing?  They are looked at one by one: this is asked rarely. */
static bool is_written(const struct mount_fs *fs)
{
	struct lx_state *lx = lx_state();
	bool found = false;

	for (int last = 0; !found;) {
		struct lx_proc *next = NULL;

		lock_take(&lx->tasklist);
		next = procs_from(last + 1);
		if (next != NULL)
			proc_get(next);
		lock_drop(&lx->tasklist);
		if (next == NULL)
			return false;
		last = next->pid;
		found = writes_any(next, fs);
		proc_put(next);
	}
	return found;
}

long fs_set_readonly(struct mount_fs *fs, bool readonly)
{
	if (readonly && !(fs->flags & MS_RDONLY) && is_written(fs))
		return -EBUSY;
	fs->flags = (fs->flags & ~(uint32_t)MS_RDONLY) | (readonly ? MS_RDONLY : 0);
	return 0;
}

static long remount(struct lx_thread *t, const struct path *at, uint64_t flags, const char *data)
{
	struct mount *m = at->mnt;
	struct mount_fs *fs = m->fs;
	uint32_t f = remount_flags(m, flags);
	long err;

	if (at->dentry != m->root || !mount_is_ours(t, m))
		return -EINVAL;
	err = mount_flags_allowed(m, f);
	if (err == 0 && !(flags & MS_BIND)) {
		if (!ns_capable(t, fs->user != NULL ? fs->user : ns_initial(NS_USER), CAP_SYS_ADMIN))
			return -EPERM;
		err = fs_reconfigure(t, fs, data);
		if (err == 0)
			err = fs_set_readonly(fs, flags & MS_RDONLY);
	}
	if (err == 0) {
		mounts_lock();
		m->flags = f;
		mounts_unlock();
	}
	return err;
}

static long change_type(struct lx_thread *t, const struct path *at, uint64_t flags)
{
	uint64_t type = flags & MS_PROPAGATION;
	struct mount *top = at->mnt;

	if ((flags & ~(uint64_t)(MS_PROPAGATION | MS_REC | MS_SILENT)) || (type & (type - 1)))
		return -EINVAL;
	if (at->dentry != top->root || !mount_is_ours(t, top))
		return -EINVAL;
	mounts_lock();
	for (struct mount *m = top; m != NULL; m = flags & MS_REC ? mount_next(m, top) : NULL)
		mount_set_type(m, type);
	mounts_unlock();
	return 0;
}

static long by_source(struct lx_thread *t, struct gva source, const struct path *at, struct gva type, uint64_t flags, const char *data)
{
	char *text;
	long err;

	if (source.va == 0)
		return new_mount(t, "none", type, at, flags, data);
	text = path_in(source, &err);
	if (text == NULL && err != -ENOENT)
		return err;
	err = new_mount(t, text != NULL ? text : "none", type, at, flags, data);
	path_buf_free(text);
	return err;
}

static long mount_with(struct lx_thread *t, struct gva source, struct path *at, struct gva type, uint64_t flags, const char *data)
{
	if (!may_mount(t) || landlock_mount(t) != 0)
		return -EPERM;
	if (flags & MS_REMOUNT)
		return remount(t, at, flags, data);
	path_to_top(at);
	if (at->dentry->inode->kind == INODE_PROC && IS_LNK(at->dentry->inode))
		return -ENOENT; /* it is another one each time it is looked up */
	if (flags & MS_BIND)
		return bind_mount(t, source, at, flags);
	if (flags & MS_PROPAGATION)
		return change_type(t, at, flags);
	if (flags & MS_MOVE)
		return move_from(t, source, at);
	return by_source(t, source, at, type, flags, data);
}

long lx_sys_mount(struct lx_thread *t, struct gva source, struct gva target, struct gva type, uint64_t flags, struct gva data)
{
	struct path at;
	char *text = NULL;
	long err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(uint64_t)MS_MGC_MSK;
	err = user_walk(t, AT_FDCWD, target, WALK_FOLLOW, &at);
	if (err != 0)
		return err;
	if (data.va != 0) {
		text = path_buf();
		err = text == NULL ? -ENOMEM : string_in(text, data, PATH_MAX);
	}
	if (err >= 0)
		err = mount_with(t, source, &at, type, flags, text);
	path_buf_free(text);
	path_put(&at);
	return err;
}

/* ---- umount ---- */

/* References: the tree's and the path's are two. */
static bool is_busy(const struct mount *m) REQUIRES(MOUNT)
{
	return !list_empty(&m->children) || atomic_load(&m->ref.count) > 2;
}

static long expire(struct mount *m, int flags) REQUIRES(MOUNT)
{
	if (flags & (MNT_FORCE | MNT_DETACH))
		return -EINVAL;
	if (is_busy(m))
		return -EBUSY;
	if (m->expire)
		return 0;
	m->expire = 1;
	return -EAGAIN;
}

static long may_umount(struct lx_thread *t, const struct path *p, int flags) REQUIRES(MOUNT)
{
	struct mount *m = p->mnt;

	if (p->dentry != m->root || !mount_is_ours(t, m) || m->locked || !mount_has_parent(m))
		return -EINVAL;
	if (flags & MNT_FORCE && !lx_capable(t, CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & MNT_EXPIRE)
		return expire(m, flags);
	return !(flags & MNT_DETACH) && is_busy(m) ? -EBUSY : 0;
}

long lx_sys_umount2(struct lx_thread *t, struct gva target, int flags)
{
	uint32_t walk = WALK_UMOUNT | (flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW);
	struct gone g = { NULL };
	struct path p;
	long err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	err = user_walk(t, AT_FDCWD, target, walk, &p);
	if (err != 0)
		return err;
	path_to_top(&p);
	if (!may_mount(t) || landlock_mount(t) != 0)
		err = -EPERM;
	if (err == 0) {
		mounts_lock();
		err = may_umount(t, &p, flags);
		if (err == 0)
			mount_detach_tree(p.mnt, &g);
		mounts_unlock();
		vfs_tree_changed();
	}
	path_put(&p);
	mount_put_gone(&g);
	return err;
}
