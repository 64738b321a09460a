/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/dentry_lookup.c - a name in a directory: from the cache, or from its file system.
 *
 * What the cache says is used while it is valid; an answer of the file system is entered unless the
 * directory changed while it was asked (dentry.c says why), and then it is asked again.  No lock is held here.
 */
#include "linux/fs/fs.h"

/* Asks the file system, and remembers the answer if it may be. */
static long ask(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint, struct dentry **out)
{
	const struct inode_ops *ops = inode_ops(dir->inode);
	uint64_t gen = atomic_load(&dir->inode->dirgen), until = 0;
	struct inode *i = NULL;
	struct dentry *d;
	long err;

	if (ops->lookup == NULL)
		return -ENOTDIR;
	err = ops->lookup(t, dir, name, len, hint, &i, &until);
	if (err < 0)
		return err;
	d = dentry_new(dir, name, len, i);
	if (d == NULL) {
		if (i != NULL)
			inode_put(i);
		return -ENOMEM;
	}
	d->valid_until = until;
	*out = until == 0 ? d : dentry_insert(d, gen);
	if (*out != d)
		dentry_put(d);
	return *out == NULL ? -EAGAIN : 0;
}

/* True if what the cache says may be used. */
static bool still_valid(struct lx_thread *t, struct dentry *d, struct lookup *hint)
{
	const struct inode_ops *ops;

	if (LIKELY(d->valid_until == UINT64_MAX))
		return true;
	if (d->parent->inode->kind == INODE_HOST ? host_believed(d->valid_until, hint_now(hint)) : d->valid_until > hint_now(hint))
		return true;
	if (d->mounted != 0)
		return true;
	ops = inode_ops(d->parent->inode);
	return d->inode != NULL && ops->revalidate != NULL && ops->revalidate(t, d, hint);
}

long dentry_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint, struct dentry **out)
{
	struct dentry *d = dentry_find(dir, name, len);
	long err;

	if (LIKELY(d != NULL)) {
		if (still_valid(t, d, hint)) {
			if (UNLIKELY(hint->ahead_dir != NULL))
				hint_step(hint, dir->inode, d->inode);
			*out = d;
			return 0;
		}
		dentry_drop(d);
		dentry_put(d);
	}
	do
		err = ask(t, dir, name, len, hint, out);
	while (err == -EAGAIN);
	return err;
}
