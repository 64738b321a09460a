/* SPDX-License-Identifier: MIT */
/* linux/fs/memname.c - directories in memory: names that come and names that go. */
#include "linux/fs/acl.h"
#include "linux/fs/mem.h"

/* ---- New names ---- */

/* Before a directory's entries change: it must stay, and its times become ours. */
long mem_own_dir(struct dentry *dir)
{
	return mem_take_attr(dir);
}

void mem_touch_dir(struct inode *dir)
{
	lock_take(&dir->lock);
	inode_touch(dir, true);
	lock_drop(&dir->lock);
}

/* Enters i under a name that is not there.  A whiteout in its place goes; the name still hides the host's. */
static long enter(struct dentry *dir, const char *name, uint32_t len, struct inode *i)
{
	struct mem_dir *d;
	struct mem_name *n, *old;
	long err = mem_own_dir(dir);

	if (err < 0)
		return err;
	d = mem_dir(dir->inode);
	n = mem_name_new(name, len, i, 0);
	if (d == NULL || n == NULL) {
		mem_name_free(n);
		return -ENOSPC;
	}
	lock_take(&d->lock);
	old = mem_find(d, name, len);
	if (d->dead)
		err = -ENOENT;
	else if (old != NULL && old->inode != NULL)
		err = -EEXIST;
	else {
		if (old != NULL) {
			n->flags |= old->flags & NAME_LOWER;
			mem_name_remove(d, old);
		}
		mem_name_add(d, n);
		n = NULL;
	}
	lock_drop(&d->lock);
	mem_name_free(n);
	if (err == 0) {
		mem_name_free(old);
		mem_touch_dir(dir->inode);
	}
	return err;
}

static struct inode *new_in(struct lx_thread *t, struct dentry *dir, uint32_t mode)
{
	struct inode *i = mem_inode_new(dir->inode->fs, mode);

	if (i == NULL)
		return NULL;
	inode_take_owner(t, dir->inode, i);
	if (LIKELY(!(dir->inode->special & ACL_DEFAULT)) || acl_inherit(dir->inode, i) == 0)
		return i;
	inode_put(i);
	return NULL;
}

static long enter_new(struct dentry *dir, const char *name, uint32_t len, struct inode *i, struct inode **out)
{
	long err = enter(dir, name, len, i);

	if (err < 0)
		inode_put(i);
	else
		*out = i;
	return err;
}

long mem_create(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	struct inode *i = new_in(t, dir, mode);

	return i == NULL ? -ENOSPC : enter_new(dir, name, len, i, out);
}

void mem_link_count(struct inode *i, int by)
{
	lock_take(&i->lock);
	i->nlink += (uint32_t)by;
	i->ctime_ns = vfs_now();
	lock_drop(&i->lock);
}

long mem_mkdir(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	struct inode *i = new_in(t, dir, mode);
	long err;

	if (i == NULL)
		return -ENOSPC;
	i->nlink = 2;
	err = enter_new(dir, name, len, i, out);
	if (err == 0)
		mem_link_count(dir->inode, 1);
	return err;
}

long mem_mknod(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	struct inode *i = new_in(t, dir, mode);

	if (i == NULL)
		return -ENOSPC;
	i->rdev = rdev;
	return enter_new(dir, name, len, i, out);
}

long mem_symlink(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *target, struct inode **out)
{
	struct inode *i = new_in(t, dir, S_IFLNK | 0777);
	size_t size = strlen(target);
	char *text = arena_alloc(size + 1);

	if (i == NULL || text == NULL) {
		arena_free(text);
		if (i != NULL)
			inode_put(i);
		return -ENOSPC;
	}
	memcpy(text, target, size + 1);
	mem(i)->u.target = text;
	i->size = size;
	return enter_new(dir, name, len, i, out);
}

long mem_link(struct lx_thread *t, struct dentry *from, struct dentry *dir, const char *name, uint32_t len)
{
	struct inode *i = from->inode;
	long err;

	if (mem(i)->flags & MEM_UNLINKABLE)
		return -ENOENT;
	err = IS_REG(i) ? mem_copy_up(from, true, UINT64_MAX) : mem_take_attr(from);
	if (err < 0)
		return err;
	mem_link_count(i, 1); /* first, so that it never has too few */
	err = enter(dir, name, len, i);
	if (err < 0)
		mem_link_count(i, -1);
	return err;
}

/* ---- Names that go ---- */

/* What stays when a name goes: nothing, or a whiteout if the host has it too. */
static bool needs_whiteout(struct inode *dir, const struct mem_name *n)
{
	return mem(dir)->lower != NULL && (mem(dir)->flags & MEM_LOWER) && (n == NULL || (n->flags & NAME_LOWER));
}

/*
 * Takes the name of inode i out of d (i may be there by the host's listing only).
 * spare: a whiteout made beforehand, used or freed by the caller afterwards (*used).
 */
long mem_name_take_out(struct inode *dir, struct mem_dir *d, const char *name, uint32_t len, struct inode *i,
	struct mem_name *spare, bool *used, struct mem_name **gone) REQUIRES(DIR)
{
	struct mem_name *n = mem_find(d, name, len);

	*used = false;
	*gone = NULL;
	if (n != NULL && n->inode != i)
		return -ENOENT;
	if (n == NULL && !needs_whiteout(dir, NULL))
		return -ENOENT;
	*used = needs_whiteout(dir, n);
	if (n != NULL) {
		mem_name_remove(d, n);
		*gone = n;
	}
	if (*used)
		mem_name_add(d, spare);
	return 0;
}

static long remove_name(struct dentry *dir, struct dentry *victim)
{
	struct mem_dir *d;
	struct mem_name *spare, *gone;
	bool used = false;
	long err = mem_own_dir(dir);

	if (err < 0)
		return err;
	d = mem_dir(dir->inode);
	spare = mem_name_new(victim->name, victim->name_len, NULL, NAME_LOWER);
	if (d == NULL || spare == NULL) {
		mem_name_free(spare);
		return -ENOSPC;
	}
	lock_take(&d->lock);
	err = mem_name_take_out(dir->inode, d, victim->name, victim->name_len, victim->inode, spare, &used, &gone);
	lock_drop(&d->lock);
	if (!used)
		mem_name_free(spare);
	if (err == 0) {
		mem_name_free(gone);
		mem_touch_dir(dir->inode);
	}
	return err;
}

/* The inode lost a name.  A lower one becomes ours with one name less than the host counts; only
   one of its names is known here, so it has none left. */
void mem_lost_name(struct inode *i)
{
	struct mem_priv *m = mem(i);

	lock_take(&i->lock);
	if ((m->flags & MEM_LOWER) && !IS_DIR(i) && !(m->flags & MEM_PINNED))
		i->nlink = 0;
	else if (i->nlink > 0)
		i->nlink--;
	m->flags |= MEM_ATTR | MEM_PINNED;
	i->ctime_ns = vfs_now();
	lock_drop(&i->lock);
}

long mem_unlink(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	long err = mem_lower_refresh(victim->inode);

	if (err == 0)
		err = remove_name(dir, victim);
	if (err == 0)
		mem_lost_name(victim->inode);
	return err;
}

long mem_dir_empty(struct dentry *dir)
{
	struct mem_dir *d = mem_dir(dir->inode);
	struct listing *l;
	uint32_t shown = 0;
	long err = 0;

	if (d == NULL)
		return -ENOMEM;
	if (__atomic_load_n(&d->live, __ATOMIC_RELAXED) != 0)
		return -ENOTEMPTY;
	if (!(mem(dir->inode)->flags & MEM_LOWER))
		return 0;
	l = mem_listing(dir, LISTING_FRESH, &err);
	if (l == NULL)
		return err == -ENOENT ? 0 : err;
	lock_take(&d->lock);
	for (uint32_t n = 0; n < l->count && shown == 0; n++)
		shown += mem_find(d, l->sorted[n].name, l->sorted[n].name_len) == NULL;
	lock_drop(&d->lock);
	listing_put(l);
	return shown != 0 ? -ENOTEMPTY : 0;
}

/* Marks an empty directory as one in which nothing can be made any more. */
long mem_kill_dir(struct dentry *victim)
{
	struct mem_dir *d = mem_dir(victim->inode);
	long err = mem_dir_empty(victim);

	if (err < 0)
		return err;
	lock_take(&d->lock);
	if (d->live != 0)
		err = -ENOTEMPTY;
	else
		d->dead = true;
	lock_drop(&d->lock);
	return err;
}

void mem_bury_dir(struct inode *dir, struct inode *victim)
{
	lock_take(&victim->lock);
	victim->nlink = 0;
	mem(victim)->flags |= MEM_ATTR | MEM_PINNED;
	lock_drop(&victim->lock);
	mem_link_count(dir, -1);
}

long mem_rmdir(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	long err = mem_kill_dir(victim);

	if (err < 0)
		return err;
	err = remove_name(dir, victim);
	if (err < 0) {
		mem_dir(victim->inode)->dead = false;
		return err;
	}
	mem_bury_dir(dir->inode, victim->inode);
	return 0;
}
