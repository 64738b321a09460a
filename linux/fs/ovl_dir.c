/* SPDX-License-Identifier: MIT */
/* linux/fs/ovl_dir.c - names that come, go and move in an overlay mount.  See ovl.h. */
#include "linux/fs/ovl.h"
#include <linux/fs.h>

/* ---- Names that come ---- */

/* What is to be made: one of these. */
struct making {
	uint32_t mode;
	uint64_t rdev;
	const char *target;   /* of a symbolic link */
	struct dentry *from;  /* a link's other name, in the upper folder */
};

static long make_in(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const struct making *m, struct inode **out)
{
	const struct inode_ops *ops = inode_ops(dir->inode);
	long err;

	if (m->from != NULL) {
		err = ops->link(t, m->from, dir, name, len);
		if (err == 0) {
			*out = m->from->inode;
			inode_get(*out);
		}
		return err;
	}
	if (m->target != NULL)
		return ops->symlink(t, dir, name, len, m->target, out);
	if (S_IFMT_(m->mode) == S_IFDIR)
		return ops->mkdir(t, dir, name, len, m->mode, out);
	if (S_IFMT_(m->mode) == S_IFREG)
		return ops->create(t, dir, name, len, m->mode, out);
	return ops->mknod(t, dir, name, len, m->mode, m->rdev, out);
}

static long set_opaque(struct lx_thread *t, struct ovl_fs *o, struct dentry *dir)
{
	return inode_ops(dir->inode)->setxattr == NULL ? -EOPNOTSUPP : inode_ops(dir->inode)->setxattr(t, dir, ovl_opaque_name(o), "y", 1, 0);
}

/* What it would have got from the folder it will be in: made in the work folder it has not. */
static long inherit(struct lx_thread *t, const struct inode *dir, struct dentry *d)
{
	struct inode_attr a = { .valid = IATTR_GID, .gid = dir->gid };

	if (!(dir->mode & LX_S_ISGID))
		return 0;
	if (IS_DIR(d->inode)) {
		a.valid |= IATTR_MODE;
		a.mode = (d->inode->mode & 07777) | LX_S_ISGID;
	}
	return inode_ops(d->inode)->setattr(t, d, &a);
}

/* In the place of a whiteout: whole or not at all. */
static long make_over(struct lx_thread *t, struct ovl_fs *o, struct dentry *dir, struct dentry *whiteout, const char *name, uint32_t len,
	const struct making *m, struct inode **out, struct dentry **placed)
{
	char tmp[OVL_TMP];
	uint32_t n = ovl_tmp_name(o, tmp);
	struct dentry *d;
	long err = make_in(t, o->work.dentry, tmp, n, m, out);

	if (err != 0)
		return err;
	inode_get(*out);
	d = dentry_new(o->work.dentry, tmp, n, *out);
	err = d == NULL ? -ENOMEM : m->from != NULL ? 0 : inherit(t, dir->inode, d);
	if (err == 0 && IS_DIR(*out))
		err = set_opaque(t, o, d);
	if (err == 0)
		err = ovl_put_in_place(t, o, *out, tmp, dir, name, len, whiteout, placed);
	if (err != 0) {
		ovl_discard(t, o, *out, tmp);
		inode_put(*out);
	}
	if (d != NULL)
		dentry_put(d);
	else
		inode_put(*out);
	return err;
}

/* Makes it in the upper folder: its inode and its dentry there. */
static long make(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const struct making *m, struct inode **real, struct dentry **placed)
{
	struct dentry *up, *now;
	long err = ovl_copy_up(t, dir, true);

	if (err != 0)
		return err;
	up = ovl_upper(dir->inode);
	err = ovl_child(t, up, name, len, &now, NULL);
	if (err != 0)
		return err;
	if (ovl_is_whiteout(now->inode)) {
		err = make_over(t, ovl_fs(dir->inode), up, now, name, len, m, real, placed);
	} else if (now->inode != NULL) {
		err = -EEXIST;
	} else {
		err = make_in(t, up, name, len, m, real);
		if (err == 0) {
			inode_get(*real);
			*placed = dentry_made(up, name, len, *real);
			if (*placed == NULL) {
				inode_put(*real);
				err = -ENOMEM;
			}
		} else if (err == -EEXIST)
			dentry_doubt(up, now);
	}
	dentry_put(now);
	return err;
}

static long make_shown(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const struct making *m, struct inode **out)
{
	struct ovl_found f = { 0 };
	struct inode *real;
	long err = make(t, dir, name, len, m, &real, &f.upper);

	if (err != 0)
		return err;
	inode_put(real); /* the dentry has it */
	*out = ovl_inode_new(t, dir->inode->fs, &f);
	ovl_found_done(&f);
	(void)ovl_getattr(t, dir->inode);
	return *out == NULL ? -ENOMEM : 0;
}

long ovl_create(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	return make_shown(t, dir, name, len, &(struct making){ .mode = mode }, out);
}

long ovl_mkdir(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	return make_shown(t, dir, name, len, &(struct making){ .mode = mode }, out);
}

long ovl_mknod(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, uint64_t rdev, struct inode **out)
{
	return make_shown(t, dir, name, len, &(struct making){ .mode = mode, .rdev = rdev }, out);
}

long ovl_symlink(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, const char *target, struct inode **out)
{
	return make_shown(t, dir, name, len, &(struct making){ .target = target }, out);
}

long ovl_link(struct lx_thread *t, struct dentry *from, struct dentry *dir, const char *name, uint32_t len)
{
	struct dentry *placed = NULL;
	struct inode *real;
	struct making m = { 0 };
	long err = ovl_copy_up(t, from, true);

	if (err != 0)
		return err;
	m.from = from->inode->kind == INODE_OVL ? ovl_upper(from->inode) : from;
	err = make(t, dir, name, len, &m, &real, &placed);
	if (err != 0)
		return err;
	inode_put(real);
	dentry_put(placed);
	(void)ovl_getattr(t, dir->inode);
	return from->inode->kind == INODE_OVL ? ovl_getattr(t, from->inode) : 0;
}

/* ---- Names that go ---- */

/* A whiteout becomes dir/name, which `now` has; a folder there changes places with it, and is tmp in the work folder then. */
static long put_whiteout(struct lx_thread *t, struct ovl_fs *o, struct dentry *dir, const char *name, uint32_t len, struct dentry *now, char tmp[OVL_TMP])
{
	bool swap = now != NULL && IS_DIR(now->inode);
	struct dentry *work = o->work.dentry, *d;
	uint32_t n = ovl_tmp_name(o, tmp);
	struct inode *i = NULL;
	long err = inode_ops(work->inode)->mknod(t, work, tmp, n, S_IFCHR, 0, &i);

	if (err != 0)
		return err;
	inode_get(i);
	d = dentry_new(work, tmp, n, i);
	err = d != NULL ? inode_ops(work->inode)->rename(t, work, d, dir, name, len, now, swap ? RENAME_EXCHANGE : 0) : -ENOMEM;
	if (d != NULL)
		dentry_put(d);
	else
		inode_put(i);
	if (err != 0) {
		ovl_discard(t, o, i, tmp);
		inode_put(i);
		return err;
	}
	if (now != NULL)
		dentry_drop(now);
	d = dentry_made(dir, name, len, i);
	if (d != NULL)
		dentry_put(d);
	return 0;
}

/* The upper folder's entry for a name of dir, NULL where it has none: a reference. */
static long upper_entry(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct dentry **out)
{
	long err = ovl_child(t, ovl_upper(dir->inode), name, len, out, NULL);

	if (err == 0 && (*out)->inode == NULL) {
		dentry_put(*out);
		*out = NULL;
	}
	return err;
}

static void is_gone(struct lx_thread *t, struct dentry *dir, struct inode *victim)
{
	(void)ovl_getattr(t, dir->inode);
	if (victim->kind != INODE_OVL)
		return;
	ovl(victim)->gone = 1;
	(void)ovl_getattr(t, victim);
}

long ovl_unlink(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	struct ovl_fs *o = ovl_fs(dir->inode);
	char tmp[OVL_TMP];
	struct dentry *now = NULL, *up;
	long below, err = ovl_copy_up(t, dir, true);

	if (err != 0)
		return err;
	up = ovl_upper(dir->inode);
	below = ovl_is_below(t, dir, victim->name, victim->name_len);
	err = below < 0 ? below : upper_entry(t, dir, victim->name, victim->name_len, &now);
	if (err != 0)
		return err;
	if (now == NULL ? below == 0 : ovl_is_whiteout(now->inode)) {
		err = -ENOENT;
	} else if (below == 1) {
		err = put_whiteout(t, o, up, victim->name, victim->name_len, now, tmp);
	} else {
		err = inode_ops(up->inode)->unlink(t, up, now);
		if (err == 0)
			dentry_deleted(now);
	}
	if (now != NULL)
		dentry_put(now);
	if (err == 0)
		is_gone(t, dir, victim->inode);
	return err;
}

long ovl_clear_whiteouts(struct lx_thread *t, struct dentry *dir)
{
	long err = 0;
	struct listing *l = ovl_layer_names(t, dir, &err);

	for (uint32_t k = 0; l != NULL && k < l->count && err == 0; k++) {
		const struct listing_entry *x = &l->sorted[k];
		struct dentry *d;

		err = ovl_child(t, dir, x->name, x->name_len, &d, NULL);
		if (err != 0)
			break;
		if (ovl_is_whiteout(d->inode)) {
			err = inode_ops(dir->inode)->unlink(t, dir, d);
			if (err == 0)
				dentry_deleted(d);
		}
		dentry_put(d);
	}
	if (l != NULL)
		listing_put(l);
	return err;
}

/* What a whiteout has taken the place of: empty but for whiteouts, now in the work folder. */
static long remove_swapped(struct lx_thread *t, struct ovl_fs *o, struct dentry *was, const char *tmp)
{
	struct dentry *work = o->work.dentry, *d;
	long err = ovl_clear_whiteouts(t, was);

	if (err != 0)
		return err;
	inode_get(was->inode);
	d = dentry_new(work, tmp, (uint32_t)strlen(tmp), was->inode);
	if (d == NULL) {
		inode_put(was->inode);
		return -ENOMEM;
	}
	err = inode_ops(work->inode)->rmdir(t, work, d);
	dentry_put(d);
	return err;
}

/* Somebody made a name in it meanwhile: it comes back. */
static void swap_back(struct lx_thread *t, struct ovl_fs *o, struct dentry *dir, const char *name, uint32_t len, struct inode *i, const char *tmp)
{
	struct dentry *whiteout;

	if (ovl_child(t, dir, name, len, &whiteout, NULL) != 0)
		return;
	(void)ovl_put_in_place(t, o, i, tmp, dir, name, len, whiteout, NULL);
	dentry_put(whiteout);
}

static long remove_dir(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct dentry *now, bool below)
{
	struct dentry *up = ovl_upper(dir->inode);
	struct ovl_fs *o = ovl_fs(dir->inode);
	char tmp[OVL_TMP];
	long err;

	if (!below) {
		err = ovl_clear_whiteouts(t, now);
		if (err == 0)
			err = inode_ops(up->inode)->rmdir(t, up, now);
		if (err == 0)
			dentry_deleted(now);
		return err;
	}
	err = put_whiteout(t, o, up, name, len, now, tmp);
	if (err != 0 || now == NULL)
		return err;
	err = remove_swapped(t, o, now, tmp);
	if (err != 0)
		swap_back(t, o, up, name, len, now->inode, tmp);
	return err;
}

long ovl_rmdir(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	struct dentry *now = NULL;
	long below, err = ovl_dir_empty(t, victim);

	if (err == 0)
		err = ovl_copy_up(t, dir, true);
	if (err != 0)
		return err;
	below = ovl_is_below(t, dir, victim->name, victim->name_len);
	err = below < 0 ? below : upper_entry(t, dir, victim->name, victim->name_len, &now);
	if (err != 0)
		return err;
	if (now == NULL ? below == 0 : !IS_DIR(now->inode))
		err = -ENOENT;
	else
		err = remove_dir(t, dir, victim->name, victim->name_len, now, below == 1);
	if (now != NULL)
		dentry_put(now);
	if (err == 0)
		is_gone(t, dir, victim->inode);
	return err;
}

/* ---- Names that move ---- */

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
		err = upper_entry(t, from_dir, from->name, from->name_len, &m->from);
	if (err == 0)
		err = upper_entry(t, to_dir, name, len, &m->to);
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
		err = set_opaque(t, o, m->from);
	if (err == 0 && exchange && IS_DIR(m->to->inode) && m->from_below == 1)
		err = set_opaque(t, o, m->to);
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
		is_gone(t, to_dir, over->inode);
	(void)ovl_getattr(t, from_dir->inode);
	(void)ovl_getattr(t, to_dir->inode);
	return from->inode->kind == INODE_OVL ? ovl_getattr(t, from->inode) : 0;
}
