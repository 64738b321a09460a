/* SPDX-License-Identifier: MIT */
/* linux/fs/ovl_copy.c - what is about to change comes to the upper folder of an overlay mount.  See ovl.h. */
#include "linux/fs/ovl.h"

#define COPY_AT_ONCE 65536u
#define XATTRS_MAX   65536u

uint32_t ovl_tmp_name(struct ovl_fs *o, char name[OVL_TMP])
{
	return (uint32_t)fmt_snprintf(name, OVL_TMP, "#%lx", (unsigned long)atomic_fetch_add(&o->next, 1));
}

static struct dentry *tmp_dentry(struct ovl_fs *o, struct inode *i, const char *tmp)
{
	struct dentry *d;

	inode_get(i);
	d = dentry_new(o->work.dentry, tmp, (uint32_t)strlen(tmp), i);
	if (d == NULL)
		inode_put(i);
	return d;
}

void ovl_discard(struct lx_thread *t, struct ovl_fs *o, struct inode *i, const char *tmp)
{
	struct dentry *work = o->work.dentry, *d = tmp_dentry(o, i, tmp);

	if (d == NULL)
		return;
	if (IS_DIR(i))
		(void)inode_ops(work->inode)->rmdir(t, work, d);
	else
		(void)inode_ops(work->inode)->unlink(t, work, d);
	dentry_put(d);
}

long ovl_put_in_place(struct lx_thread *t, struct ovl_fs *o, struct inode *i, const char *tmp, struct dentry *dir, const char *name,
	uint32_t len, struct dentry *over, struct dentry **out)
{
	struct dentry *work = o->work.dentry, *d = tmp_dentry(o, i, tmp);
	long err;

	if (d == NULL)
		return -ENOMEM;
	err = inode_ops(work->inode)->rename(t, work, d, dir, name, len, over, 0);
	dentry_put(d);
	if (err != 0)
		return err;
	if (over != NULL)
		dentry_drop(over);
	inode_get(i);
	d = dentry_made(dir, name, len, i);
	if (d == NULL)
		return -ENOMEM;
	if (out != NULL)
		*out = d;
	else
		dentry_put(d);
	return 0;
}

/* ---- Contents and attributes ---- */

static bool all_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static long copy_bytes(struct lx_thread *t, struct file *in, struct file *out, char *buf)
{
	long n, done, err = 0;

	for (uint64_t at = 0; err == 0; at += (uint64_t)n) {
		n = vfs_pread(t, in, buf, COPY_AT_ONCE, at);
		if (n <= 0)
			return n;
		for (long k = 0; k < n && !all_zero(buf, (size_t)n); k += done) {
			done = vfs_pwrite(t, out, buf + k, (size_t)(n - k), at + (uint64_t)k);
			if (done <= 0)
				return done < 0 ? done : -ENOSPC;
		}
	}
	return err;
}

static long copy_contents(struct lx_thread *t, struct ovl_fs *o, struct dentry *from, struct dentry *to)
{
	struct path in_path = { o->upper.mnt, from }, out_path = { o->upper.mnt, to };
	struct inode_attr whole = { .valid = IATTR_SIZE };
	struct file *in, *out;
	char *buf;
	long err = open_quiet(t, &in_path, O_RDONLY, &in);

	if (err != 0)
		return err;
	err = open_quiet(t, &out_path, O_WRONLY, &out);
	if (err == 0) {
		buf = heap_alloc_dirty(COPY_AT_ONCE);
		err = buf != NULL ? copy_bytes(t, in, out, buf) : -ENOMEM;
		heap_free(buf);
		whole.size = from->inode->size;
		if (err == 0 && to->inode->size < whole.size) /* zeros at the end */
			err = inode_ops(to->inode)->setattr(t, to, &whole);
		file_put(out);
	}
	file_put(in);
	return err;
}

static long copy_xattr(struct lx_thread *t, struct inode *from, struct dentry *to, const char *name, char *value)
{
	long n = inode_ops(from)->getxattr(t, from, name, value, XATTRS_MAX);

	if (n < 0) /* one that may be listed and not read */
		return 0;
	n = inode_ops(to->inode)->setxattr(t, to, name, value, (size_t)n, 0);
	return n == -EOPNOTSUPP ? 0 : n;
}

static long copy_xattrs(struct lx_thread *t, struct ovl_fs *o, struct inode *from, struct dentry *to)
{
	const struct inode_ops *ops = inode_ops(from);
	char *names, *value;
	long err = 0, n;

	if (ops->listxattr == NULL || ops->getxattr == NULL)
		return 0;
	names = heap_alloc(XATTRS_MAX);
	value = heap_alloc_dirty(XATTRS_MAX);
	n = names != NULL && value != NULL ? ops->listxattr(t, from, names, XATTRS_MAX) : -ENOMEM;
	for (long at = 0; at < n && err == 0; at += (long)strlen(names + at) + 1)
		if (!str_starts(names + at, "trusted.overlay.") && !str_starts(names + at, "user.overlay."))
			err = copy_xattr(t, from, to, names + at, value);
	heap_free(names);
	heap_free(value);
	return n == -ENOMEM ? n : err;
}

static long copy_attributes(struct lx_thread *t, const struct inode *from, struct dentry *to)
{
	struct inode_attr a = { .valid = IATTR_UID | IATTR_GID | IATTR_ATIME | IATTR_MTIME, .uid = from->uid, .gid = from->gid,
		.atime_ns = from->atime_ns, .mtime_ns = from->mtime_ns, .mode = from->mode & 07777 };

	if (!IS_LNK(from))
		a.valid |= IATTR_MODE;
	return inode_ops(to->inode)->setattr(t, to, &a);
}

/* ---- One name ---- */

static long make_link(struct lx_thread *t, struct dentry *work, const char *tmp, uint32_t len, struct inode *from, struct inode **out)
{
	char *text = heap_alloc(PATH_MAX);
	long n = text != NULL ? inode_ops(from)->readlink(t, from, text, PATH_MAX - 1) : -ENOMEM;

	if (n >= 0) {
		text[n] = '\0';
		n = inode_ops(work->inode)->symlink(t, work, tmp, len, text, out);
	}
	heap_free(text);
	return n;
}

/* Something like from, empty, in the work folder. */
static long make_tmp(struct lx_thread *t, struct dentry *work, const char *tmp, struct inode *from, struct inode **out)
{
	const struct inode_ops *ops = inode_ops(work->inode);
	uint32_t len = (uint32_t)strlen(tmp);

	if (IS_DIR(from))
		return ops->mkdir(t, work, tmp, len, S_IFDIR | 0700, out);
	if (IS_REG(from))
		return ops->create(t, work, tmp, len, S_IFREG | 0600, out);
	if (IS_LNK(from))
		return make_link(t, work, tmp, len, from, out);
	return ops->mknod(t, work, tmp, len, S_IFMT_(from->mode) | 0600, from->rdev, out);
}

static long fill_tmp(struct lx_thread *t, struct ovl_fs *o, struct dentry *from, struct dentry *to, bool contents)
{
	long err = contents && IS_REG(from->inode) ? copy_contents(t, o, from, to) : 0;

	if (err == 0)
		err = copy_xattrs(t, o, from->inode, to);
	return err == 0 ? copy_attributes(t, from->inode, to) : err;
}

/* Gives d's inode its upper dentry, which is taken over, unless another thread has. */
static void set_upper(struct dentry *d, struct dentry *up)
{
	struct dentry *none = NULL;

	if (!__atomic_compare_exchange_n(&ovl(d->inode)->upper, &none, up, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		dentry_put(up);
	d->valid_until = UINT64_MAX;
}

/* d's name is gone, but somebody has it open: a copy without a name. */
static long place_nameless(struct lx_thread *t, struct ovl_fs *o, struct dentry *d, struct inode *i, const char *tmp)
{
	struct dentry *up = tmp_dentry(o, i, tmp);

	if (up == NULL)
		return -ENOMEM;
	set_upper(d, up);
	ovl_discard(t, o, i, tmp);
	return 0;
}

static long place(struct lx_thread *t, struct ovl_fs *o, struct dentry *d, struct dentry *dir, struct inode *i, const char *tmp)
{
	struct dentry *up = NULL;
	long err;

	if (d->flags & D_DELETED)
		return place_nameless(t, o, d, i, tmp);
	err = ovl_put_in_place(t, o, i, tmp, dir, d->name, d->name_len, NULL, &up);
	if (err == -EEXIST) { /* another thread copied it up meanwhile */
		ovl_discard(t, o, i, tmp);
		err = ovl_child(t, dir, d->name, d->name_len, &up, NULL);
	}
	if (err == 0 && (up->inode == NULL || ovl_is_whiteout(up->inode))) { /* or removed it */
		dentry_put(up);
		err = -ENOENT;
	}
	if (err == 0)
		set_upper(d, up);
	return err;
}

static long copy_one(struct lx_thread *t, struct dentry *d, struct dentry *parent, bool contents)
{
	struct ovl_fs *o = ovl_fs(d->inode);
	struct dentry *from = ovl(d->inode)->lower[0], *to, *dir = ovl_upper(parent->inode);
	struct inode *i = NULL;
	char tmp[OVL_TMP];
	long err;

	(void)ovl_tmp_name(o, tmp);
	err = make_tmp(t, o->work.dentry, tmp, from->inode, &i);
	if (err != 0)
		return err;
	to = tmp_dentry(o, i, tmp);
	err = to != NULL ? fill_tmp(t, o, from, to, contents) : -ENOMEM;
	if (err == 0)
		err = place(t, o, d, dir, i, tmp);
	else
		ovl_discard(t, o, i, tmp);
	if (to != NULL)
		dentry_put(to);
	inode_put(i);
	return err;
}

static bool needs_copy(struct dentry *d)
{
	return d->inode->kind == INODE_OVL && ovl_upper(d->inode) == NULL;
}

/* The folder nearest to the root that is not in the upper folder yet, d itself at last; its parent, too: references. */
static struct dentry *next_to_copy(struct dentry *d, struct dentry **parent)
{
	struct dentry *up;

	dentry_get(d);
	while (up = dentry_parent(d), needs_copy(up)) {
		dentry_put(d);
		d = up;
	}
	*parent = up;
	return d;
}

long ovl_copy_up(struct lx_thread *t, struct dentry *d, bool contents)
{
	if (d->inode->kind == INODE_OVL && ovl_fs(d->inode)->upper.dentry == NULL)
		return -EROFS;
	while (needs_copy(d)) {
		struct dentry *parent, *next = next_to_copy(d, &parent);
		long err = copy_one(t, next, parent, contents || next != d);

		dentry_put(parent);
		dentry_put(next);
		if (err != 0)
			return err;
	}
	return 0;
}
