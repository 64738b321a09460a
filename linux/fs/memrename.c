/* SPDX-License-Identifier: MIT */
/* linux/fs/memrename.c - directories in memory: names that move. */
#include "linux/fs/mem.h"

struct rename_names {
	struct mem_name *new, *hole, *back; /* made beforehand: the new entry, a whiteout, exchange's other entry */
	struct mem_name *gone_from, *gone_to;
	bool hole_used, new_used, back_used;
};

static void names_done(struct rename_names *n)
{
	if (!n->new_used)
		mem_name_free(n->new);
	if (!n->hole_used)
		mem_name_free(n->hole);
	if (!n->back_used)
		mem_name_free(n->back);
	mem_name_free(n->gone_from);
	mem_name_free(n->gone_to);
}

static bool names_make(struct rename_names *n, struct dentry *from, const char *name, uint32_t len, struct dentry *over)
{
	*n = (struct rename_names){ .new = mem_name_new(name, len, from->inode, 0),
		.hole = mem_name_new(from->name, from->name_len, NULL, NAME_LOWER) };
	if (over != NULL)
		n->back = mem_name_new(from->name, from->name_len, over->inode, 0);
	return n->new != NULL && n->hole != NULL && (over == NULL || n->back != NULL);
}

/* Puts n where what is there now (nothing, a whiteout, or over's entry) goes. */
static long put_at(struct inode *dir, struct mem_dir *d, struct mem_name *n, struct dentry *over, struct mem_name **gone) REQUIRES(DIR)
{
	struct mem_name *old = mem_find(d, n->name, n->len);

	if (d->dead)
		return -ENOENT;
	if (old != NULL && old->inode != (over != NULL ? over->inode : NULL))
		return -EEXIST;
	if (old != NULL) {
		n->flags |= old->flags & NAME_LOWER;
		mem_name_remove(d, old);
		*gone = old;
	} else if (over != NULL)
		n->flags |= NAME_LOWER;
	mem_name_add(d, n);
	return 0;
}

static long rename_locked(struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, struct dentry *over, uint32_t flags,
	struct rename_names *n) REQUIRES(DIR)
{
	struct mem_dir *fd = mem_dir(from_dir->inode), *td = mem_dir(to_dir->inode);
	struct mem_name *old = mem_find(fd, from->name, from->name_len);
	long err;

	if (old == NULL ? !(mem(from_dir->inode)->flags & MEM_LOWER) : old->inode != from->inode)
		return -ENOENT;
	err = put_at(to_dir->inode, td, n->new, over, &n->gone_to);
	if (err < 0)
		return err;
	n->new_used = true;
	if (flags & RENAME_EXCHANGE) {
		(void)put_at(from_dir->inode, fd, n->back, from, &n->gone_from);
		n->back_used = true;
		return 0;
	}
	err = mem_name_take_out(from_dir->inode, fd, from->name, from->name_len, from->inode, n->hole, &n->hole_used, &n->gone_from);
	ASSERT(err == 0);
	return 0;
}

/* The two inodes as they are to be before they move: with attributes and contents of their own. */
static long prepare_move(struct dentry *d)
{
	return mem_take_attr(d);
}

static void count_dirs(struct inode *from_dir, struct inode *to_dir, struct dentry *from, struct dentry *over, uint32_t flags)
{
	int moved = IS_DIR(from->inode) ? 1 : 0, back = over != NULL && (flags & RENAME_EXCHANGE) && IS_DIR(over->inode) ? 1 : 0;

	if (from_dir != to_dir && moved != back) {
		mem_link_count(from_dir, back - moved);
		mem_link_count(to_dir, moved - back);
	}
}

/* RENAME_WHITEOUT leaves a character device 0,0 under the old name. */
static void leave_whiteout(struct lx_thread *t, struct dentry *dir, struct dentry *from)
{
	struct inode *i = NULL;

	if (mem_mknod(t, dir, from->name, from->name_len, S_IFCHR, 0, &i) == 0)
		inode_put(i);
}

long mem_rename(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, const char *name,
	uint32_t len, struct dentry *over, uint32_t flags)
{
	struct rename_names n = { 0 };
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	long err = mem_own_dir(from_dir);

	if (err == 0)
		err = mem_own_dir(to_dir);
	if (err == 0)
		err = prepare_move(from);
	if (err == 0 && over != NULL)
		err = exchange ? prepare_move(over) : IS_DIR(over->inode) ? mem_kill_dir(over) : mem_lower_refresh(over->inode);
	if (err < 0)
		return err;
	if (mem_dir(from_dir->inode) == NULL || mem_dir(to_dir->inode) == NULL || !names_make(&n, from, name, len, over)) {
		names_done(&n);
		return -ENOSPC;
	}
	lock_take2(&mem_dir(from_dir->inode)->lock, &mem_dir(to_dir->inode)->lock);
	err = rename_locked(from_dir, from, to_dir, over, flags, &n);
	lock_drop2(&mem_dir(from_dir->inode)->lock, &mem_dir(to_dir->inode)->lock);
	names_done(&n);
	if (err < 0)
		return err;
	count_dirs(from_dir->inode, to_dir->inode, from, over, flags);
	if (over != NULL && !exchange) {
		if (IS_DIR(over->inode))
			mem_bury_dir(to_dir->inode, over->inode);
		else
			mem_lost_name(over->inode);
	}
	mem_touch_dir(from_dir->inode);
	mem_touch_dir(to_dir->inode);
	mem_link_count(from->inode, 0);
	if (flags & RENAME_WHITEOUT)
		leave_whiteout(t, from_dir, from);
	return 0;
}
