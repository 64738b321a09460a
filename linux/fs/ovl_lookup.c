/* SPDX-License-Identifier: MIT */
/* linux/fs/ovl_lookup.c - a name in an overlay mount: which layers show it.  See ovl.h. */
#include "linux/fs/ovl.h"

long ovl_child(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct dentry **out, uint64_t *until)
{
	struct lookup hint = { 0 };
	long err = dentry_lookup(t, dir, name, len, &hint, out);

	hint_done(&hint);
	if (err == 0 && until != NULL)
		*until = MIN(*until, (*out)->valid_until);
	return err;
}

const char *ovl_opaque_name(const struct ovl_fs *o)
{
	return o->userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

/* A folder that hides what is below. */
static bool is_opaque(struct lx_thread *t, const struct ovl_fs *o, struct inode *i)
{
	const struct inode_ops *ops = inode_ops(i);
	char value[2];

	return ops->getxattr != NULL && ops->getxattr(t, i, ovl_opaque_name(o), value, sizeof value) >= 1 && value[0] == 'y';
}

void ovl_found_done(struct ovl_found *f)
{
	if (f->upper != NULL)
		dentry_put(f->upper);
	for (uint32_t k = 0; k < f->nlower; k++)
		dentry_put(f->lower[k]);
	heap_free(f->lower);
	*f = (struct ovl_found){ 0 };
}

/* Goes on to the next layer? */
enum step { STEP_ON, STEP_END };

/* d, what a lower layer has under the name, is taken over. */
static enum step take_lower(struct lx_thread *t, const struct ovl_fs *o, struct ovl_found *f, struct dentry *d)
{
	bool first = f->upper == NULL && f->nlower == 0;

	if (d->inode == NULL || ovl_is_whiteout(d->inode) || (!first && !IS_DIR(d->inode))) {
		enum step s = d->inode == NULL ? STEP_ON : STEP_END;

		dentry_put(d);
		return s;
	}
	f->lower[f->nlower++] = d;
	return IS_DIR(d->inode) && !is_opaque(t, o, d->inode) ? STEP_ON : STEP_END;
}

static long find_lower(struct lx_thread *t, struct inode *dir, const char *name, uint32_t len, struct ovl_found *f, uint64_t *until)
{
	const struct ovl_inode *o = ovl(dir);
	struct dentry *d;
	long err;

	if (o->nlower == 0)
		return 0;
	f->lower = heap_alloc(o->nlower * sizeof *f->lower);
	if (f->lower == NULL)
		return -ENOMEM;
	for (uint32_t k = 0; k < o->nlower; k++) {
		err = ovl_child(t, o->lower[k], name, len, &d, until);
		if (err != 0)
			return err;
		if (take_lower(t, ovl_fs(dir), f, d) == STEP_END)
			break;
	}
	return 0;
}

static long find(struct lx_thread *t, struct inode *dir, const char *name, uint32_t len, struct ovl_found *f, uint64_t *until)
{
	struct dentry *up = ovl_upper(dir), *d;
	long err;

	*f = (struct ovl_found){ 0 };
	if (up != NULL) {
		err = ovl_child(t, up, name, len, &d, until);
		if (err != 0)
			return err;
		if (d->inode != NULL && !ovl_is_whiteout(d->inode))
			f->upper = d;
		if (d->inode != NULL && (!IS_DIR(d->inode) || is_opaque(t, ovl_fs(dir), d->inode))) {
			if (f->upper == NULL)
				dentry_put(d);
			return 0;
		}
		if (f->upper == NULL)
			dentry_put(d);
	}
	err = find_lower(t, dir, name, len, f, until);
	if (err != 0)
		ovl_found_done(f);
	return err;
}

static bool keep_lower(struct ovl_inode *o, struct ovl_found *f)
{
	o->lower = &o->one;
	if (f->nlower > 1)
		o->lower = arena_alloc(f->nlower * sizeof *o->lower);
	if (o->lower == NULL)
		return false;
	memcpy(o->lower, f->lower, f->nlower * sizeof *o->lower);
	o->nlower = f->nlower;
	f->nlower = 0;
	return true;
}

struct inode *ovl_inode_new(struct lx_thread *t, struct mount_fs *fs, struct ovl_found *f)
{
	struct dentry *top = f->upper != NULL ? f->upper : f->lower[0];
	struct inode *i;

	if (f->upper != NULL && !IS_DIR(top->inode) && !IS_REG(top->inode) && !IS_LNK(top->inode)) {
		inode_get(top->inode);
		return top->inode;
	}
	i = inode_new(INODE_OVL, top->inode->mode);
	if (i == NULL)
		return NULL;
	i->fs = fs;
	ref_get(&fs->ref);
	ovl(i)->lower = &ovl(i)->one;
	if (f->nlower != 0 && !keep_lower(ovl(i), f)) {
		inode_put(i);
		return NULL;
	}
	ovl(i)->upper = f->upper;
	f->upper = NULL;
	if (ovl_getattr(t, i) == 0)
		return i;
	inode_put(i);
	return NULL;
}

long ovl_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint, struct inode **out, uint64_t *until)
{
	struct ovl_found f;
	long err;

	*until = UINT64_MAX;
	err = find(t, dir->inode, name, len, &f, until);
	*out = NULL;
	if (err == 0 && (f.upper != NULL || f.nlower != 0)) {
		*out = ovl_inode_new(t, dir->inode->fs, &f);
		err = *out == NULL ? -ENOMEM : 0;
	}
	ovl_found_done(&f);
	return err;
}

/* Does i still show what was found? */
static bool shows(struct inode *i, const struct ovl_found *f)
{
	const struct ovl_inode *o = ovl(i);
	const struct dentry *up = i->kind == INODE_OVL ? ovl_upper(i) : NULL;

	if (i->kind != INODE_OVL)
		return f->upper != NULL && f->upper->inode == i;
	if ((up != NULL) != (f->upper != NULL) || (up != NULL && up->inode != f->upper->inode))
		return false;
	if (up != NULL && !IS_DIR(i)) /* it was copied up: what is below does not show */
		return true;
	if (o->nlower != f->nlower)
		return false;
	for (uint32_t k = 0; k < f->nlower; k++)
		if (o->lower[k]->inode != f->lower[k]->inode)
			return false;
	return true;
}

bool ovl_revalidate(struct lx_thread *t, struct dentry *d, struct lookup *hint)
{
	struct dentry *dir = dentry_parent(d);
	uint64_t until = UINT64_MAX;
	struct ovl_found f;
	bool same;

	same = find(t, dir->inode, d->name, d->name_len, &f, &until) == 0;
	dentry_put(dir);
	if (!same)
		return false;
	same = shows(d->inode, &f);
	if (same) {
		d->valid_until = until;
		(void)ovl_getattr(t, d->inode);
	}
	ovl_found_done(&f);
	return same;
}

long ovl_is_below(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len)
{
	struct ovl_found f = { 0 };
	long err = find_lower(t, dir->inode, name, len, &f, NULL);

	err = err != 0 ? err : f.nlower != 0;
	ovl_found_done(&f);
	return err;
}
