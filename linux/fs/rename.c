/* SPDX-License-Identifier: MIT */
/* linux/fs/rename.c - rename(2): one at a time, so that the tree cannot be tied into a loop. */
#include "linux/fs/fanotify.h"
#include "linux/fs/fs.h"
#include "linux/sec/landlock.h"

struct end {
	struct path dir;
	struct dentry *d;
	const char *last;
	char *buf;
};

static void end_done(struct end *e)
{
	if (e->d != NULL)
		dentry_put(e->d);
	if (e->dir.dentry != NULL)
		path_put(&e->dir);
	path_buf_free(e->buf);
}

/* name is kernel memory that outlives e. */
static long end_find_name(struct lx_thread *t, int dirfd, const char *name, struct end *e)
{
	long err = path_walk(t, dirfd, name, WALK_PARENT, &e->dir, &e->last);

	if (err == 0 && last_is_dots(e->last))
		err = -EBUSY;
	if (err != 0)
		end_done(e);
	return err;
}

static long end_find(struct lx_thread *t, int dirfd, struct gva name, struct end *e)
{
	long err;

	*e = (struct end){ 0 };
	e->buf = path_in(name, &err);
	return e->buf == NULL ? err : end_find_name(t, dirfd, e->buf, e);
}

static long check_types(const struct end *from, const struct end *to, uint32_t flags)
{
	bool from_dir = IS_DIR(from->d->inode), to_there = to->d->inode != NULL;

	if (!from_dir && (last_has_slash(from->last) || (last_has_slash(to->last) && !(flags & RENAME_EXCHANGE))))
		return -ENOTDIR;
	if (!to_there)
		return flags & RENAME_EXCHANGE ? -ENOENT : 0;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (flags & RENAME_EXCHANGE)
		return 0;
	if (from_dir && !IS_DIR(to->d->inode))
		return -ENOTDIR;
	if (!from_dir && IS_DIR(to->d->inode))
		return -EISDIR;
	return 0;
}

static long check_rights(struct lx_thread *t, const struct end *from, const struct end *to, uint32_t flags)
{
	long err = may_delete(t, &from->dir, from->d, IS_DIR(from->d->inode));

	if (err == 0)
		err = to->d->inode == NULL ? may_create(t, &to->dir) : may_delete(t, &to->dir, to->d, IS_DIR(to->d->inode));
	/* A directory that changes its parent gets another "..". */
	if (err == 0 && IS_DIR(from->d->inode) && from->dir.dentry != to->dir.dentry)
		err = inode_permission(t, from->d->inode, 2);
	return err;
}

static void notify(const struct end *from, const struct end *to, const char *old_name, struct inode *moved)
{
	static _Atomic uint32_t next_cookie; /* per picoprocess; only the pair needs to match */
	struct inode *a = from->dir.dentry->inode, *b = to->dir.dentry->inode;
	uint32_t cookie, far = a != b ? FS_MOVED_FAR : 0;

	if (LIKELY(!fs_watched()))
		return;
	cookie = atomic_fetch_add(&next_cookie, 1) + 1;
	if (a == b)
		dnotify_event(a, DNOTIFY_RENAME);
	fanotify_renamed(a, old_name, b, from->d->name, moved);
	fs_notify_entry(from->dir.dentry, 0x40u | far, cookie, old_name, moved);      /* IN_MOVED_FROM */
	fs_notify_entry(to->dir.dentry, 0x80u | far, cookie, from->d->name, moved); /* IN_MOVED_TO */
	fs_notify_self(moved, 0x800u);                           /* IN_MOVE_SELF */
}

static void update_names(struct end *from, struct end *to, uint32_t flags)
{
	if (flags & RENAME_EXCHANGE) {
		dentry_swap(from->d, to->d);
		return;
	}
	if (to->d->inode != NULL)
		dentry_deleted(to->d);
	dentry_move(from->d, to->dir.dentry, to->d->name, to->d->name_len);
}

static long rename_locked(struct lx_thread *t, struct end *from, struct end *to, uint32_t flags, const struct landlock_ends *ends)
{
	const struct inode_ops *ops = inode_ops(from->dir.dentry->inode);
	struct inode *moved = from->d->inode;
	char old[NAME_LIMIT + 1];
	long err;

	if (moved == NULL)
		return -ENOENT;
	if (from->dir.mnt != to->dir.mnt)
		return -EXDEV;
	if (dentry_is_below(to->dir.dentry, from->d))
		return -EINVAL;
	if (to->d->inode != NULL && dentry_is_below(from->dir.dentry, to->d))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	err = check_types(from, to, flags);
	if (err == 0 && landlocked(t))
		err = landlock_refer(t, ends, moved, to->d->inode, true, flags & RENAME_EXCHANGE);
	if (err == 0)
		err = check_rights(t, from, to, flags);
	if (err != 0 || moved == to->d->inode) /* two names of one file: nothing to do */
		return err;
	if (ops->rename == NULL)
		return -EPERM;
	memcpy(old, from->d->name, from->d->name_len + 1);
	err = ops->rename(t, from->dir.dentry, from->d, to->dir.dentry, to->d->name, to->d->name_len,
		to->d->inode != NULL ? to->d : NULL, flags);
	if (err != 0) { /* the cache may have been behind */
		dentry_doubt(from->dir.dentry, from->d);
		dentry_doubt(to->dir.dentry, to->d);
		return err;
	}
	if (to->d->inode != NULL && to->d->inode->nlink == 0)
		fs_notify_self(to->d->inode, 0x400u); /* IN_DELETE_SELF */
	update_names(from, to, flags);
	notify(from, to, old, moved);
	return 0;
}

static LOCK(NAMES) *names_of(const struct dentry *dir)
{
	return &vfs()->names_lock[((uint64_t)dir * 0x9e3779b97f4a7c15ull) >> 40 & (NAMES_LOCKS - 1)];
}

/*
 * The names are looked up under these: another rename would move their dentries.  Within one directory
 * the tree stays as it is, so only renames there are kept away.
 */
static void names_lock(const struct end *a, const struct end *b) LOCK_UNCHECKED("RENAME only for two directories")
{
	if (a->dir.dentry != b->dir.dentry)
		lock_take(&vfs()->rename_lock);
	lock_take2(names_of(a->dir.dentry), names_of(b->dir.dentry));
}

static void names_unlock(const struct end *a, const struct end *b) LOCK_UNCHECKED("see names_lock")
{
	lock_drop2(names_of(a->dir.dentry), names_of(b->dir.dentry));
	if (a->dir.dentry != b->dir.dentry)
		lock_drop(&vfs()->rename_lock);
}

static long rename_ends(struct lx_thread *t, struct end *a, struct end *b, uint32_t flags)
{
	struct landlock_ends ends;
	long err;

	if (landlocked(t))
		landlock_ends(t, &a->dir, &b->dir, &ends);
	names_lock(a, b);
	err = walk_last(t, &a->dir, a->last, &a->d);
	if (err == 0)
		err = walk_last(t, &b->dir, b->last, &b->d);
	if (err == 0)
		err = rename_locked(t, a, b, flags, &ends);
	names_unlock(a, b);
	return err;
}

static long do_rename(struct lx_thread *t, int fromfd, struct gva from, int tofd, struct gva to, uint32_t flags)
{
	struct end a, b;
	long err;

	if (flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	err = end_find(t, fromfd, from, &a);
	if (err != 0)
		return err;
	err = end_find(t, tofd, to, &b);
	if (err == 0) {
		err = rename_ends(t, &a, &b, flags);
		end_done(&b);
	}
	end_done(&a);
	return err;
}

long vfs_rename(struct lx_thread *t, const char *from, const char *to, uint32_t flags)
{
	struct end a = { 0 }, b = { 0 };
	long err = end_find_name(t, AT_FDCWD, from, &a);

	if (err != 0)
		return err;
	err = end_find_name(t, AT_FDCWD, to, &b);
	if (err == 0) {
		err = rename_ends(t, &a, &b, flags);
		end_done(&b);
	}
	end_done(&a);
	return err;
}

long lx_sys_rename(struct lx_thread *t, struct gva from, struct gva to)
{
	return do_rename(t, AT_FDCWD, from, AT_FDCWD, to, 0);
}

long lx_sys_renameat(struct lx_thread *t, int fromfd, struct gva from, int tofd, struct gva to)
{
	return do_rename(t, fromfd, from, tofd, to, 0);
}

long lx_sys_renameat2(struct lx_thread *t, int fromfd, struct gva from, int tofd, struct gva to, uint32_t flags)
{
	return do_rename(t, fromfd, from, tofd, to, flags);
}
