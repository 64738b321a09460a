/* SPDX-License-Identifier: MIT */
/* linux/fs/ovl_dir.c - names that come and go in an overlay mount; ovl_rename.c: those that move.  See ovl.h. */
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

long ovl_set_opaque(struct lx_thread *t, struct ovl_fs *o, struct dentry *dir)
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
		err = ovl_set_opaque(t, o, d);
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

long ovl_upper_entry(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct dentry **out)
{
	long err = ovl_child(t, ovl_upper(dir->inode), name, len, out, NULL);

	if (err == 0 && (*out)->inode == NULL) {
		dentry_put(*out);
		*out = NULL;
	}
	return err;
}

void ovl_is_gone(struct lx_thread *t, struct dentry *dir, struct inode *victim)
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
	err = below < 0 ? below : ovl_upper_entry(t, dir, victim->name, victim->name_len, &now);
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
		ovl_is_gone(t, dir, victim->inode);
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
	err = below < 0 ? below : ovl_upper_entry(t, dir, victim->name, victim->name_len, &now);
	if (err != 0)
		return err;
	if (now == NULL ? below == 0 : !IS_DIR(now->inode))
		err = -ENOENT;
	else
		err = remove_dir(t, dir, victim->name, victim->name_len, now, below == 1);
	if (now != NULL)
		dentry_put(now);
	if (err == 0)
		ovl_is_gone(t, dir, victim->inode);
	return err;
}
