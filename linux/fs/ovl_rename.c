/* SPDX-License-Identifier: MIT */
/* linux/fs/ovl_rename.c - names that move in an overlay mount.  See ovl.h. */
#include "linux/fs/ovl.h"
#include <linux/fs.h>

static bool is_merged_dir(struct inode *i)
{
	return i->kind == INODE_OVL && IS_DIR(i) && ovl(i)->nlower != 0;
}

/* Everything that a rename touches is to be in the upper folder. */
static long copy_ends(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, struct dentry *over, bool exchange)
{
	long err = ovl_copy_up(t, from_dir, true);

	if (err == 0)
		err = ovl_copy_up(t, to_dir, true);
	if (err == 0)
		err = ovl_copy_up(t, from, true);
	return err == 0 && exchange ? ovl_copy_up(t, over, true) : err;
}

struct move {
	struct dentry *from_dir, *to_dir;   /* of the upper folder */
	struct dentry *from, *to;           /* entries there; to: NULL = none, or a whiteout */
	long from_below, to_below;
	uint32_t flags;
};

static long find_move(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, const char *name, uint32_t len, struct move *m)
{
	long err;

	m->from_dir = ovl_upper(from_dir->inode);
	m->to_dir = ovl_upper(to_dir->inode);
	m->from_below = ovl_is_below(t, from_dir, from->name, from->name_len);
	m->to_below = ovl_is_below(t, to_dir, name, len);
	err = m->from_below < 0 ? m->from_below : m->to_below < 0 ? m->to_below : 0;
	if (err == 0)
		err = ovl_upper_entry(t, from_dir, from->name, from->name_len, &m->from);
	if (err == 0)
		err = ovl_upper_entry(t, to_dir, name, len, &m->to);
	if (err == 0 && (m->from == NULL || ovl_is_whiteout(m->from->inode)))
		err = -ENOENT;
	return err;
}

/* Folders that come where there is something below hide it; the one that goes is cleared. */
static long ready_move(struct lx_thread *t, struct ovl_fs *o, struct move *m)
{
	bool exchange = (m->flags & RENAME_EXCHANGE) != 0;
	long err = 0;

	if (IS_DIR(m->from->inode) && m->to_below == 1)
		err = ovl_set_opaque(t, o, m->from);
	if (err == 0 && exchange && IS_DIR(m->to->inode) && m->from_below == 1)
		err = ovl_set_opaque(t, o, m->to);
	if (err == 0 && !exchange && m->to != NULL && IS_DIR(m->to->inode))
		err = ovl_clear_whiteouts(t, m->to);
	return err;
}

/* The layer's cache of names: dentries there never move, so that `upper` of what has them stays what it is. */
static void moved(struct move *m, const char *old, uint32_t old_len, const char *name, uint32_t len)
{
	struct inode *i = m->from->inode, *j = m->flags & RENAME_EXCHANGE ? m->to->inode : NULL;
	struct dentry *d;

	dentry_drop(m->from);
	if (m->to != NULL)
		dentry_drop(m->to);
	inode_get(i);
	d = dentry_made(m->to_dir, name, len, i);
	if (d != NULL)
		dentry_put(d);
	dentry_forget(m->from_dir, old, old_len);
	if (j == NULL)
		return;
	inode_get(j);
	d = dentry_made(m->from_dir, old, old_len, j);
	if (d != NULL)
		dentry_put(d);
}

static long do_move(struct lx_thread *t, struct ovl_fs *o, struct move *m, const char *old, uint32_t old_len, const char *name, uint32_t len)
{
	uint32_t flags = m->flags | (m->from_below == 1 && !(m->flags & RENAME_EXCHANGE) ? RENAME_WHITEOUT : 0);
	long err = ready_move(t, o, m);

	if (err == 0)
		err = inode_ops(m->from_dir->inode)->rename(t, m->from_dir, m->from, m->to_dir, name, len, m->to, flags);
	if (err == 0)
		moved(m, old, old_len, name, len);
	return err;
}

long ovl_rename(struct lx_thread *t, struct dentry *from_dir, struct dentry *from, struct dentry *to_dir, const char *name, uint32_t len,
	struct dentry *over, uint32_t flags)
{
	struct move m = { .flags = flags & RENAME_EXCHANGE };
	bool exchange = m.flags != 0;
	long err;

	if (flags & RENAME_WHITEOUT)
		return -EINVAL;
	if (is_merged_dir(from->inode) || (exchange && is_merged_dir(over->inode)))
		return -EXDEV;
	err = over != NULL && IS_DIR(over->inode) && !exchange ? ovl_dir_empty(t, over) : 0;
	if (err == 0)
		err = copy_ends(t, from_dir, from, to_dir, over, exchange);
	if (err == 0)
		err = find_move(t, from_dir, from, to_dir, name, len, &m);
	if (err == 0)
		err = do_move(t, ovl_fs(from_dir->inode), &m, from->name, from->name_len, name, len);
	if (m.from != NULL)
		dentry_put(m.from);
	if (m.to != NULL)
		dentry_put(m.to);
	if (err != 0)
		return err;
	if (over != NULL && !exchange)
		ovl_is_gone(t, to_dir, over->inode);
	(void)ovl_getattr(t, from_dir->inode);
	(void)ovl_getattr(t, to_dir->inode);
	return from->inode->kind == INODE_OVL ? ovl_getattr(t, from->inode) : 0;
}
