/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/namei.c - from a path's text to a dentry.
 *
 * A walk holds references on where it is (cur) and on the root it may not leave,
 * and the text still to go.  A symbolic link's text is put before the rest in a new
 * buffer.  The final component of the text given is never touched by that when
 * WALK_PARENT is asked for, because the walk then ends before it.
 *
 * The look-up hint travels along: a directory of the host answers for all the
 * components that follow in one trip (struct lookup in inode_ops.h), so a path
 * that is not in the cache costs one trip and one that is costs none.
 */
#include "linux/fs/namei.h"

void path_get(const struct path *p)
{
	ref_get(&p->mnt->ref);
	dentry_get(p->dentry);
}

void path_put(struct path *p)
{
	dentry_put(p->dentry);
	mount_put(p->mnt);
	p->dentry = NULL;
	p->mnt = NULL;
}

static void fs_path(struct lx_thread *t, struct path *out, bool cwd)
{
	struct fs_context *fs = t->proc->fs;

	if (UNLIKELY(fs == NULL)) {
		fs_root_path(out);
		return;
	}
	if (cwd)
		FS_SETTLE(t);
	lock_take(&fs->lock);
	*out = cwd ? fs->cwd : fs->root;
	path_get(out);
	lock_drop(&fs->lock);
}

void walk_root(struct lx_thread *t, struct path *out)
{
	fs_path(t, out, false);
}

static void set_cur(struct walk *w, struct mount *mnt, struct dentry *d)
{
	if (mnt != w->cur.mnt) {
		mount_put(w->cur.mnt);
		w->cur.mnt = mnt;
	}
	dentry_put(w->cur.dentry);
	w->cur.dentry = d;
}

/* Goes through what is mounted on w->cur. */
static NOINLINE long into_mounts(struct walk *w)
{
	while (w->cur.dentry->mounted != 0) {
		struct mount *m = mount_at(w->cur.mnt, w->cur.dentry);

		if (m == NULL)
			return 0;
		if (m->expire && !(w->flags & WALK_UMOUNT))
			m->expire = 0;
		if (w->flags & WALK_NO_XDEV) {
			mount_put(m);
			return -EXDEV;
		}
		dentry_get(m->root);
		set_cur(w, m, m->root);
	}
	return 0;
}

void walk_want_root(struct walk *w)
{
	if (w->root.dentry == NULL)
		fs_path(w->t, &w->root, false);
}

static bool at_root(struct walk *w)
{
	walk_want_root(w);
	return w->cur.dentry == w->root.dentry && w->cur.mnt == w->root.mnt;
}

static long go_up(struct walk *w)
{
	if (at_root(w))
		return w->flags & WALK_BENEATH ? -EXDEV : 0;
	while (w->cur.dentry == w->cur.mnt->root) {
		struct path up;

		if (!mount_above(w->cur.mnt, &up))
			return 0;
		if (w->flags & WALK_NO_XDEV) {
			path_put(&up);
			return -EXDEV;
		}
		set_cur(w, up.mnt, up.dentry);
		if (at_root(w))
			return 0;
	}
	set_cur(w, w->cur.mnt, dentry_parent(w->cur.dentry));
	return into_mounts(w);
}

static long component(struct walk *w, const char *name, uint32_t len, const char **p, const char **end, bool last)
{
	struct dentry *dir = w->cur.dentry, *d;
	bool slash = **p == '/' && *p < *end;
	long err;

	if (len > NAME_LIMIT)
		return -ENAMETOOLONG;
	w->hint.rest = last ? NULL : *p;
	err = dentry_lookup(w->t, dir, name, len, &w->hint, &d);
	if (UNLIKELY(err < 0))
		return err;
	w->until = MIN(w->until, d->valid_until);
	if (d->inode == NULL) {
		if (!last || !(w->flags & WALK_CREATE)) {
			dentry_put(d);
			return -ENOENT;
		}
	} else if (UNLIKELY(IS_LNK(d->inode)) && (!last || slash || (w->flags & WALK_FOLLOW)))
		return walk_follow_link(w, d, p, end, last);
	dentry_put(w->cur.dentry);
	w->cur.dentry = d;
	return UNLIKELY(d->mounted != 0) ? into_mounts(w) : 0;
}

static long walk_text(struct walk *w, const char *p, const char *end)
{
	for (;;) {
		const char *name, *next;
		struct inode *dir;
		uint32_t len;
		long err;

		while (p < end && *p == '/')
			p++;
		if (p == end)
			return 0;
		name = p;
		while (p < end && *p != '/')
			p++;
		len = (uint32_t)(p - name);
		for (next = p; next < end && *next == '/';)
			next++;
		dir = w->cur.dentry->inode;
		if (dir == NULL)
			return -ENOENT;
		if (!IS_DIR(dir))
			return -ENOTDIR;
		err = inode_permission(w->t, dir, 1);
		if (err < 0)
			return err;
		if (len == 1 && name[0] == '.')
			continue;
		if (len == 2 && name[0] == '.' && name[1] == '.')
			err = go_up(w);
		else
			err = component(w, name, len, &p, &end, next == end);
		if (err < 0)
			return err;
	}
}

/* Where the text starts: root, cwd or the directory of dirfd. */
static long start(struct walk *w, int dirfd, const char *name)
{
	struct file *f;

	fs_path(w->t, &w->root, false);
	if (*name == '/' && !(w->flags & WALK_IN_ROOT)) {
		if (w->flags & WALK_BENEATH)
			return -EXDEV;
		w->cur = w->root;
		path_get(&w->cur);
		return 0;
	}
	if (dirfd == AT_FDCWD) {
		fs_path(w->t, &w->cur, true);
	} else {
		f = fd_get(w->t, dirfd);
		if (f == NULL)
			return -EBADF;
		if (f->path.dentry == NULL) {
			struct dentry *d = *name == '\0' ? dentry_for_file(f) : NULL;

			if (d == NULL) {
				file_put(f);
				return *name == '\0' ? -ENOMEM : -ENOTDIR;
			}
			w->cur.mnt = vfs()->anon_mount;
			ref_get(&w->cur.mnt->ref);
			w->cur.dentry = d; /* has f's reference now */
		} else {
			w->cur = f->path;
			path_get(&w->cur);
			file_put(f);
		}
	}
	if (w->flags & (WALK_BENEATH | WALK_IN_ROOT)) {
		path_put(&w->root);
		w->root = w->cur;
		path_get(&w->root);
	}
	return 0;
}

static void finish(struct walk *w)
{
	if (w->root.dentry != NULL)
		path_put(&w->root);
	heap_free(w->buf);
	hint_done(&w->hint);
}

/* Start of the last component in name, whose length without trailing slashes is given back. */
static const char *last_of(const char *name, size_t len)
{
	while (len > 0 && name[len - 1] == '/')
		len--;
	while (len > 0 && name[len - 1] != '/')
		len--;
	return name + len;
}

/* Walks the first len bytes of name again, which are all in the dentry cache by now, for the process to remember. */
static NOINLINE void remember(struct lx_thread *t, const char *name, uint32_t len)
{
	struct walk w = { .t = t, .flags = WALK_FOLLOW | WALK_DIRECTORY, .until = UINT64_MAX };
	uint64_t gen = atomic_load(&vfs()->tree_gen);

	if (start(&w, AT_FDCWD, name) == 0 && walk_text(&w, name, name + len) == 0 && !w.jumped && w.until != 0 &&
	    w.cur.dentry->inode != NULL && IS_DIR(w.cur.dentry->inode))
		walk_remember(t, name, len, gen, w.until, &w.cur);
	if (w.cur.dentry != NULL)
		path_put(&w.cur);
	finish(&w);
}

long path_walk(struct lx_thread *t, int dirfd, const char *name, uint32_t flags, struct path *out, const char **last)
{
	struct walk w = { .t = t, .flags = flags, .hint.access = flags & WALK_READ ? DK_READ : 0, .until = UINT64_MAX };
	size_t len = strlen(name);
	const char *from = name, *end = name + len;
	uint32_t prefix;
	long err = 0;

	if (len == 0 && !(flags & WALK_EMPTY))
		return -ENOENT;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	prefix = walk_prefix(name, len, flags);
	if (prefix != 0 && walk_cached(t, name, prefix, &w.hint, &w.cur))
		from = name + prefix;
	else
		err = start(&w, dirfd, name);
	if (flags & WALK_PARENT) {
		*last = last_of(name, len);
		end = *last;
	}
	if (err == 0)
		err = walk_text(&w, from, end);
	if (err == 0 && w.cur.dentry->inode != NULL && !IS_DIR(w.cur.dentry->inode) &&
	    ((flags & (WALK_DIRECTORY | WALK_PARENT)) || (len > 1 && name[len - 1] == '/' && !(flags & WALK_PARENT))))
		err = -ENOTDIR;
	if (err == 0)
		*out = w.cur;
	else if (w.cur.dentry != NULL)
		path_put(&w.cur);
	finish(&w);
	if (UNLIKELY(prefix != 0 && from == name && (err == 0 || err == -ENOENT) && walk_wanted(t, name, prefix)))
		remember(t, name, prefix);
	return err;
}

uint32_t last_len(const char *last)
{
	uint32_t n = 0;

	while (last[n] != '\0' && last[n] != '/')
		n++;
	return n;
}

bool last_has_slash(const char *last)
{
	return last[last_len(last)] == '/';
}

bool last_is_dots(const char *last)
{
	uint32_t n = last_len(last);

	return n == 0 || (last[0] == '.' && (n == 1 || (n == 2 && last[1] == '.')));
}

long walk_last(struct lx_thread *t, const struct path *dir, const char *last, struct dentry **out)
{
	struct lookup hint = { 0 };
	uint32_t len = last_len(last);
	struct inode *i = dir->dentry->inode;
	long err;

	if (len > NAME_LIMIT)
		return -ENAMETOOLONG;
	err = i == NULL ? -ENOENT : inode_permission(t, i, 1);
	if (err == 0)
		err = dentry_lookup(t, dir->dentry, last, len, &hint, out);
	hint_done(&hint);
	return err;
}

long user_walk(struct lx_thread *t, int dirfd, struct gva name, uint32_t flags, struct path *out)
{
	char *buf;
	long err;

	if (name.va == 0 && (flags & WALK_EMPTY)) { /* newer Linux: NULL means "" */
		return path_walk(t, dirfd, "", flags, out, NULL);
	}
	buf = path_in(name, &err);
	if (buf == NULL)
		return err;
	err = path_walk(t, dirfd, buf, flags, out, NULL);
	path_buf_free(buf);
	return err;
}
