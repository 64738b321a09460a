/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/mount_api.c - mounts by descriptor: open_tree, move_mount, mount_setattr.
 *
 * What open_tree copies and fsmount makes is the root of a tree in no namespace ("floating"),
 * kept by an O_PATH file; if it was not moved to a place when that is closed, it goes.
 */
#include "linux/fs/mount.h"
#include "linux/sec/landlock.h"

#define OPEN_TREE_AT (AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW)
#ifndef MOVE_MOUNT_SET_GROUP
#define MOVE_MOUNT_SET_GROUP 0x00000100
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200
#endif
#define MOVE_KNOWN (0x77u | MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_BENEATH)

/* ---- The file ---- */

static void path_file_release(struct file *f)
{
	struct gone g = { NULL };

	if (f->path.mnt == NULL || !f->path.mnt->floating)
		return;
	mounts_lock();
	if (f->path.mnt->floating && f->priv[0] == 1) {
		f->path.mnt->floating = 0;
		mount_umount_tree(f->path.mnt, &g);
	}
	mounts_unlock();
	vfs_tree_changed();
	mount_put_gone(&g);
}

extern const struct file_ops file_path_ops;
const struct file_ops file_path_ops = {
	.name = "path",
	.release = path_file_release,
};

static void drop_tree(struct mount *m)
{
	struct gone g = { NULL };

	mounts_lock();
	mount_umount_tree(m, &g);
	mounts_unlock();
	mount_put_gone(&g);
}

long mount_to_fd(struct lx_thread *t, struct mount *m, bool cloexec)
{
	struct path p = { m, m->root };
	struct file *f;
	long fd = open_path(t, &p, O_PATH, &f);

	if (fd != 0) {
		drop_tree(m);
		return fd;
	}
	m->floating = 1;
	f->priv[0] = 1;
	fd = fd_install(t, f, cloexec, 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

static uint32_t walk_of(uint32_t at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (at_flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

static long open_tree(struct lx_thread *t, int dirfd, struct gva name, uint32_t flags)
{
	struct mount *m;
	struct file *f;
	struct path p;
	long err;

	if ((flags & ~(OPEN_TREE_AT | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)) || (flags & (AT_RECURSIVE | OPEN_TREE_CLONE)) == AT_RECURSIVE)
		return -EINVAL;
	if (flags & OPEN_TREE_CLONE && !may_mount(t))
		return -EPERM;
	err = user_walk(t, dirfd, name, walk_of(flags), &p);
	if (err != 0)
		return err;
	if (flags & OPEN_TREE_CLONE) {
		err = mount_copy_of(t, &p, flags & AT_RECURSIVE, &m);
		if (err == 0)
			err = mount_to_fd(t, m, flags & OPEN_TREE_CLOEXEC);
	} else {
		err = open_path(t, &p, O_PATH, &f);
		if (err == 0 && (err = fd_install(t, f, flags & OPEN_TREE_CLOEXEC, 0)) < 0)
			file_put(f);
	}
	path_put(&p);
	return err;
}

long lx_sys_open_tree(struct lx_thread *t, int dirfd, struct gva name, uint32_t flags)
{
	return open_tree(t, dirfd, name, flags);
}

/* ---- move_mount ---- */

/* MOVE_MOUNT_SET_GROUP: to, which is private, propagates as from does. */
static long set_group(struct lx_thread *t, const struct path *from, const struct path *to)
{
	struct mount *f = from->mnt, *m = to->mnt;
	long err = -EINVAL;

	mounts_lock();
	if (from->dentry == f->root && to->dentry == m->root && f->ns != NULL && m->ns != NULL && f->fs == m->fs && m->group == 0 &&
	    m->master == NULL && (f->group != 0 || f->master != NULL) && dentry_is_below(m->root, f->root))
		err = ns_capable(t, f->ns->user, CAP_SYS_ADMIN) && ns_capable(t, m->ns->user, CAP_SYS_ADMIN) ? 0 : -EPERM;
	if (err == 0 && f->master != NULL)
		mount_enslave(m, f->master);
	if (err == 0 && f->group != 0)
		mount_join(m, f);
	mounts_unlock();
	return err;
}

/* MOVE_MOUNT_BENEATH: to, the mount on top, stays there, and what is moved comes to its place. */
static long below_it(struct lx_thread *t, struct path *to)
{
	struct path above;

	if (to->dentry != to->mnt->root || to->mnt->locked || !mount_is_ours(t, to->mnt) || !mount_above(to->mnt, &above))
		return -EINVAL;
	path_put(to);
	*to = above;
	return 0;
}

long lx_sys_move_mount(struct lx_thread *t, int fromfd, struct gva from_name, int tofd, struct gva to_name, uint32_t flags)
{
	uint32_t from_walk = (flags & MOVE_MOUNT_F_SYMLINKS ? WALK_FOLLOW : 0) | (flags & MOVE_MOUNT_F_EMPTY_PATH ? WALK_EMPTY : 0);
	uint32_t to_walk = (flags & MOVE_MOUNT_T_SYMLINKS ? WALK_FOLLOW : 0) | (flags & MOVE_MOUNT_T_EMPTY_PATH ? WALK_EMPTY : 0);
	struct path from, to;
	long err;

	if (!may_mount(t) || landlock_mount(t) != 0)
		return -EPERM;
	if (flags & ~MOVE_KNOWN)
		return -EINVAL;
	err = user_walk(t, fromfd, from_name, from_walk, &from);
	if (err != 0)
		return err;
	err = user_walk(t, tofd, to_name, to_walk, &to);
	if (err == 0) {
		if (flags & MOVE_MOUNT_SET_GROUP)
			err = set_group(t, &from, &to);
		else {
			path_to_top(&to);
			err = flags & MOVE_MOUNT_BENEATH ? below_it(t, &to) : 0;
			if (err == 0)
				err = mount_move(t, &from, &to);
		}
		path_put(&to);
	}
	path_put(&from);
	return err;
}

/* ---- mount_setattr ---- */

static const struct { uint64_t attr; uint32_t flag; } attr_map[] = {
	{ MOUNT_ATTR_RDONLY, MS_RDONLY }, { MOUNT_ATTR_NOSUID, MS_NOSUID }, { MOUNT_ATTR_NODEV, MS_NODEV },
	{ MOUNT_ATTR_NOEXEC, MS_NOEXEC }, { MOUNT_ATTR_NODIRATIME, MS_NODIRATIME }, { MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW },
};

uint64_t flags_to_attr(uint32_t flags)
{
	uint64_t attr = flags & MS_NOATIME ? MOUNT_ATTR_NOATIME : flags & MS_RELATIME ? MOUNT_ATTR_RELATIME : MOUNT_ATTR_STRICTATIME;

	for (unsigned i = 0; i < ARRAY_LEN(attr_map); i++)
		if (flags & attr_map[i].flag)
			attr |= attr_map[i].attr;
	return attr;
}

uint32_t attr_to_flags(uint64_t attr)
{
	uint32_t flags = 0;

	for (unsigned i = 0; i < ARRAY_LEN(attr_map); i++)
		if (attr & attr_map[i].attr)
			flags |= attr_map[i].flag;
	if ((attr & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME)
		flags |= MS_NOATIME;
	else if ((attr & MOUNT_ATTR__ATIME) == MOUNT_ATTR_RELATIME)
		flags |= MS_RELATIME;
	return flags;
}

static long attr_in(struct gva from, uint64_t size, struct mount_attr *a)
{
	memset(a, 0, sizeof *a);
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < sizeof *a)
		return -EINVAL;
	for (uint64_t at = sizeof *a; at < size; at += 8) {
		uint64_t rest = 0;

		if (copy_in(&rest, gva_add(from, at), MIN(8, size - at)))
			return -EFAULT;
		if (rest)
			return -E2BIG;
	}
	return copy_in(a, from, sizeof *a);
}

static long attr_check(const struct mount_attr *a)
{
	uint64_t type = a->propagation;

	if ((type & ~(uint64_t)MS_PROPAGATION) || (type & (type - 1)) || ((a->attr_set | a->attr_clr) & ~(uint64_t)ATTR_KNOWN))
		return -EINVAL;
	if (a->attr_clr & MOUNT_ATTR__ATIME) {
		uint64_t set = a->attr_set & MOUNT_ATTR__ATIME;

		if ((a->attr_clr & MOUNT_ATTR__ATIME) != MOUNT_ATTR__ATIME ||
		    (set != MOUNT_ATTR_RELATIME && set != MOUNT_ATTR_NOATIME && set != MOUNT_ATTR_STRICTATIME))
			return -EINVAL;
	} else if (a->attr_set & MOUNT_ATTR__ATIME)
		return -EINVAL;
	return 0;
}

static uint32_t changed(const struct mount *m, const struct mount_attr *a)
{
	uint32_t clear = attr_to_flags(a->attr_clr & ~(uint64_t)MOUNT_ATTR__ATIME) & ~(uint32_t)MS_RELATIME;
	uint32_t set = attr_to_flags(a->attr_set), flags = m->flags & ~clear;

	if (a->attr_clr & MOUNT_ATTR__ATIME)
		return (flags & ~(uint32_t)(MS_NOATIME | MS_RELATIME)) | set;
	return flags | (set & ~(uint32_t)MS_RELATIME);
}

/* All of them, or none. */
static long set_attr(struct mount *top, bool tree, const struct mount_attr *a) REQUIRES(MOUNT)
{
	struct mount *m;
	long err = 0;

	for (m = top; m != NULL && err == 0; m = tree ? mount_next(m, top) : NULL)
		err = mount_flags_allowed(m, changed(m, a));
	if (err != 0)
		return err;
	for (m = top; m != NULL; m = tree ? mount_next(m, top) : NULL) {
		m->flags = changed(m, a);
		if (a->propagation != 0)
			mount_set_type(m, a->propagation);
	}
	return 0;
}

long lx_sys_mount_setattr(struct lx_thread *t, int dirfd, struct gva name, uint32_t flags, struct gva attr, uint64_t size)
{
	struct mount_attr a;
	struct path p;
	long err;

	if (flags & ~(uint32_t)OPEN_TREE_AT)
		return -EINVAL;
	err = attr_in(attr, size, &a);
	if (err == 0 && !may_mount(t))
		err = -EPERM;
	if (err != 0)
		return err;
	if (a.attr_set == 0 && a.attr_clr == 0 && a.propagation == 0)
		return 0;
	err = attr_check(&a);
	if (err == 0)
		err = user_walk(t, dirfd, name, walk_of(flags), &p);
	if (err != 0)
		return err;
	mounts_lock();
	if (p.dentry != p.mnt->root || (!mount_is_ours(t, p.mnt) && !p.mnt->floating))
		err = -EINVAL;
	else
		err = set_attr(p.mnt, flags & AT_RECURSIVE, &a);
	mounts_unlock();
	path_put(&p);
	return err;
}

long lx_sys_open_tree_attr(struct lx_thread *t, int dirfd, struct gva name, uint32_t flags, struct gva attr, uint64_t size)
{
	struct mount_attr a = { 0 };
	struct file *f;
	long fd, err;

	if (attr.va == 0 && size != 0)
		return -EINVAL;
	err = attr.va != 0 ? attr_in(attr, size, &a) : 0;
	if (err == 0)
		err = attr_check(&a);
	if (err != 0)
		return err;
	if (attr.va != 0 && !may_mount(t))
		return -EPERM;
	fd = open_tree(t, dirfd, name, flags);
	f = fd >= 0 && attr.va != 0 ? fd_get(t, (int)fd) : NULL;
	if (f == NULL)
		return fd;
	mounts_lock();
	err = f->path.dentry == f->path.mnt->root ? set_attr(f->path.mnt, flags & AT_RECURSIVE, &a) : -EINVAL;
	mounts_unlock();
	file_put(f);
	if (err == 0)
		return fd;
	(void)fd_close(t, (int)fd);
	return err;
}
