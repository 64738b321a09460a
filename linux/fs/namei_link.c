/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/namei_link.c - a walk comes to a symbolic link: one with a text, or one of /proc that jumps.
 */
#include "linux/fs/namei.h"
#include "linux/fs/procfs.h"

struct dentry *dentry_for_file(struct file *f)
{
	struct inode *i = f->inode;
	struct dentry *d;
	char name[48];
	int n;

	if (i == NULL) {
		i = inode_new(INODE_ANON, S_IFCHR | 0600);
		if (i == NULL)
			return NULL;
	} else
		inode_get(i);
	n = fmt_snprintf(name, sizeof name, "%s:[%lu]", lx_file_ops[f->kind]->name, (unsigned long)i->ino);
	d = dentry_new(NULL, name, (uint32_t)n, i);
	if (d == NULL) {
		inode_put(i);
		return NULL;
	}
	d->flags |= D_FILE;
	d->priv[0] = (uint64_t)f;
	return d;
}

/* Links that jump: 0 and w->cur is there; -ENOLINK: it has a text. */
static NOINLINE long jump(struct walk *w, struct inode *link)
{
	const struct inode_ops *ops = inode_ops(link);
	struct path to = { 0 };
	struct file *file = NULL;
	struct dentry *d;
	long err;

	if (ops->follow == NULL)
		return -ENOLINK;
	err = ops->follow(w->t, link, &to, &file);
	if (err < 0)
		return err;
	if (w->flags & (WALK_NO_MAGIC | WALK_BENEATH | WALK_IN_ROOT)) {
		if (file != NULL)
			file_put(file);
		else
			path_put(&to);
		return w->flags & WALK_NO_MAGIC ? -ELOOP : -EXDEV;
	}
	if (file != NULL) {
		d = dentry_for_file(file);
		if (d == NULL) {
			file_put(file);
			return -ENOMEM;
		}
		to.mnt = vfs()->anon_mount;
		to.dentry = d;
		ref_get(&to.mnt->ref);
	}
	path_put(&w->cur);
	w->cur = to;
	w->jumped = true;
	return 0;
}

/* The link's text, a slash and the rest become the new text. */
static long splice_text(struct walk *w, struct inode *link, const char **p, const char **end)
{
	size_t rest = (size_t)(*end - *p);
	char *buf = heap_alloc_dirty(PATH_MAX + rest + 2);
	long n;

	if (buf == NULL)
		return -ENOMEM;
	n = inode_ops(link)->readlink == NULL ? -EINVAL : inode_ops(link)->readlink(w->t, link, buf, PATH_MAX);
	if (n == 0)
		n = -ENOENT;
	if (n < 0) {
		heap_free(buf);
		return n;
	}
	if (rest != 0 && **p != '/')
		buf[n++] = '/';
	memcpy(buf + n, *p, rest);
	buf[n + (long)rest] = '\0';
	heap_free(w->buf);
	w->buf = buf;
	*p = buf;
	*end = buf + n + rest;
	return 0;
}

static long start_at_root(struct walk *w)
{
	struct path root;

	if (w->flags & WALK_BENEATH)
		return -EXDEV;
	walk_want_root(w);
	root = w->root;
	path_get(&root);
	path_put(&w->cur);
	w->cur = root;
	return 0;
}

/* fs.protected_symlinks (proc(5)): the last link of a path, in a folder like /tmp, counts if it is one's own or the folder's owner's. */
static bool may_follow(const struct walk *w, const struct inode *link)
{
	const struct inode *dir = w->cur.dentry->inode;

	if (LIKELY((dir->mode & (LX_S_ISVTX | 02)) != (LX_S_ISVTX | 02)) || link->uid == w->t->cred.fsuid || link->uid == dir->uid)
		return true;
	return sysctl_value(CTL_SYMLINKS) == 0;
}

long walk_follow_link(struct walk *w, struct dentry *d, const char **p, const char **end, bool last)
{
	struct inode *link = d->inode;
	long err;

	w->hint.ahead_dir = NULL; /* it may go; its address must not be taken for another's */
	if (w->flags & WALK_NO_SYMLINKS || w->cur.mnt->flags & MS_NOSYMFOLLOW || ++w->links > LINK_LIMIT)
		err = -ELOOP;
	else if (last && UNLIKELY(!may_follow(w, link)))
		err = -EACCES;
	else
		err = jump(w, link);
	if (err == -ENOLINK) {
		err = splice_text(w, link, p, end);
		if (err == 0 && **p == '/')
			err = start_at_root(w);
	}
	dentry_put(d);
	return err;
}
