/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/pathtext.c - from a dentry back to a path's text.
 *
 * A path is written from its end, up through the mounts, with MOUNT and the tree of dentries
 * locked; it stops at the root asked for, or where the tree ends.
 */
#include "linux/fs/fs.h"

static long put_text(char *buf, size_t size, size_t *at, const char *text, size_t len)
{
	if (*at < len)
		return -ENAMETOOLONG;
	*at -= len;
	memcpy(buf + *at, text, len);
	return 0;
}

/* Writes the path from its end backwards; root is where it stops.  *reached: it did. */
static long text_backwards(const struct path *root, const struct path *p, char *buf, size_t size, size_t *at, bool *reached)
{
	struct mount *m = p->mnt;
	struct dentry *d = p->dentry;
	long err = 0;

	while (err == 0 && !(d == root->dentry && m == root->mnt)) {
		if (d == m->root) {
			if (m->parent == m)
				break;
			d = m->point;
			m = m->parent;
			continue;
		}
		if (d->parent == d) /* a nameless file's: its name says all */
			return put_text(buf, size, at, d->name, d->name_len);
		err = put_text(buf, size, at, d->name, d->name_len);
		if (err == 0)
			err = put_text(buf, size, at, "/", 1);
		d = d->parent;
	}
	*reached = d == root->dentry && m == root->mnt;
	return err;
}

long dentry_text(struct dentry *d, char *buf, size_t size)
{
	struct vfs *v = vfs();
	size_t at = size;
	long err;

	lock_take(&v->dcache.tree);
	err = put_text(buf, size, &at, "", 1);
	if (d->parent == d && d->name_len != 0)
		err = put_text(buf, size, &at, d->name, d->name_len);
	else {
		if (d->flags & D_DELETED)
			err = put_text(buf, size, &at, "//deleted", 9);
		for (; err == 0 && d->parent != d; d = d->parent) {
			err = put_text(buf, size, &at, d->name, d->name_len);
			if (err == 0)
				err = put_text(buf, size, &at, "/", 1);
		}
		if (err == 0 && at == size - 1)
			err = put_text(buf, size, &at, "/", 1);
	}
	lock_drop(&v->dcache.tree);
	if (err < 0)
		return err;
	memmove(buf, buf + at, size - at);
	return (long)(size - at - 1);
}

static long text_below(const struct path *root, const struct path *p, char *buf, size_t size, bool *reached)
{
	struct vfs *v = vfs();
	size_t at = size;
	long err;

	lock_take(&v->mount_lock);
	lock_take(&v->dcache.tree);
	err = put_text(buf, size, &at, "", 1);
	if (err == 0 && (p->dentry->flags & D_DELETED))
		err = put_text(buf, size, &at, " (deleted)", 10);
	if (err == 0)
		err = text_backwards(root, p, buf, size, &at, reached);
	if (err == 0 && (at == size - 1 || buf[at] == ' '))
		err = put_text(buf, size, &at, "/", 1);
	lock_drop(&v->dcache.tree);
	lock_drop(&v->mount_lock);
	if (err < 0)
		return err;
	memmove(buf, buf + at, size - at);
	return (long)(size - at - 1);
}

long path_text_below(const struct path *root, const struct path *p, char *buf, size_t size)
{
	bool reached = false;
	long n = text_below(root, p, buf, size, &reached);

	return reached ? n : -ENOENT;
}

long path_text(struct lx_thread *t, const struct path *p, char *buf, size_t size)
{
	struct path root;
	bool reached;
	long n;

	if (p->dentry->flags & D_FILE) {
		if (size <= p->dentry->name_len)
			return -ENAMETOOLONG;
		memcpy(buf, p->dentry->name, p->dentry->name_len + 1);
		return p->dentry->name_len;
	}
	walk_root(t, &root);
	n = text_below(&root, p, buf, size, &reached);
	path_put(&root);
	return n;
}
