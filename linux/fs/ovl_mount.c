/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/ovl_mount.c - options of an overlay mount, its layers, its root.  See ovl.h.
 *
 * lowerdir=A:B:C (topmost first; "\:" is a colon in a name), upperdir and workdir, both or neither; userxattr.  Options that
 * choose among ways of keeping things (index, xino, redirect_dir, metacopy, volatile ...) are taken and change nothing.
 */
#include "linux/fs/mount.h"
#include "linux/fs/ovl.h"

long ovl_options_check(const char *data)
{
	static const char *const known[] = { "lowerdir", "lowerdir+", "upperdir", "workdir", "userxattr", "redirect_dir", "index", "xino", "metacopy",
		"volatile", "nfs_export", "uuid", "default_permissions" };
	struct fs_option o;

	while (data != NULL && (data = fs_option_next(data, &o)) != NULL) {
		bool found = false;

		for (unsigned k = 0; k < ARRAY_LEN(known); k++)
			found = found || fs_option_is(&o, known[k]);
		if (!found)
			return -EINVAL;
	}
	return 0;
}

/* ---- Layers ---- */

/* The folder named by n bytes, in which a backslash stands before what is meant as it is. */
static long folder_of(const char *text, size_t n, struct path *out)
{
	char *name = heap_alloc(n + 1);
	size_t len = 0;
	long err;

	if (name == NULL)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		if (text[k] == '\\' && k + 1 < n)
			k++;
		name[len++] = text[k];
	}
	name[len] = '\0';
	err = len == 0 ? -EINVAL : path_walk(lx_current(), AT_FDCWD, name, WALK_FOLLOW | WALK_DIRECTORY, out, NULL);
	heap_free(name);
	if (err != 0)
		*out = (struct path){ 0 };
	return err;
}

/* Up to the next colon, two of which begin layers that hold data only: those are not known. */
static size_t layer_len(const char *text, size_t n)
{
	size_t k = 0;

	while (k < n && text[k] != ':')
		k += text[k] == '\\' && k + 1 < n ? 2 : 1;
	return MIN(k, n);
}

static long add_lower(struct ovl_fs *o, const char *text, size_t n)
{
	long err;

	if (o->nlower == OVL_LAYERS) {
		log_line(DK_LOG_WARNING, "overlay: more than %u lower folders", OVL_LAYERS);
		return -EINVAL;
	}
	err = folder_of(text, n, &o->lower[o->nlower]);
	if (err == 0)
		o->nlower++;
	return err;
}

static long add_lowers(struct ovl_fs *o, const char *text, size_t n)
{
	long err = n == 0 ? -EINVAL : 0;

	for (size_t k = 0; err == 0 && k < n;) {
		size_t len = layer_len(text + k, n - k);

		err = add_lower(o, text + k, len);
		k += len + 1;
	}
	return err;
}

static long set_folder(struct path *p, const struct fs_option *o)
{
	if (p->dentry != NULL) {
		path_put(p);
		*p = (struct path){ 0 };
	}
	return folder_of(o->value, o->value_len, p);
}

static long read_options(struct ovl_fs *f, const char *data, struct path *workdir)
{
	struct fs_option o;
	long err = 0;

	while (err == 0 && data != NULL && (data = fs_option_next(data, &o)) != NULL) {
		if (fs_option_is(&o, "lowerdir"))
			err = add_lowers(f, o.value, o.value_len);
		else if (fs_option_is(&o, "lowerdir+"))
			err = add_lower(f, o.value, o.value_len);
		else if (fs_option_is(&o, "upperdir"))
			err = set_folder(&f->upper, &o);
		else if (fs_option_is(&o, "workdir"))
			err = set_folder(workdir, &o);
		else if (fs_option_is(&o, "userxattr"))
			f->userxattr = true;
	}
	return err;
}

/* The folder "work" in workdir, made if need be; what a picoprocess that was killed left in it stays out of the way by its name. */
static long open_work(struct ovl_fs *o, const struct path *workdir)
{
	const struct inode_ops *ops = inode_ops(workdir->dentry->inode);
	struct lx_thread *t = lx_current();
	struct dentry *d;
	struct inode *i;
	long err = ovl_child(t, workdir->dentry, "work", 4, &d, NULL);

	if (err == 0 && d->inode == NULL) {
		dentry_put(d);
		err = ops->mkdir(t, workdir->dentry, "work", 4, S_IFDIR | 0, &i);
		d = err == 0 ? dentry_made(workdir->dentry, "work", 4, i) : NULL;
		err = err == 0 && d == NULL ? -ENOMEM : err;
	} else if (err == 0 && !IS_DIR(d->inode)) {
		dentry_put(d);
		err = -ENOTDIR;
	}
	if (err != 0)
		return err;
	o->work = (struct path){ workdir->mnt, d };
	path_get(&o->work);
	dentry_put(d);
	atomic_store(&o->next, pico_now());
	return 0;
}

/* Both of one mount, neither in the other, in memory, and writable. */
static long check_upper(struct ovl_fs *o, const struct path *workdir)
{
	if (o->upper.dentry == NULL)
		return workdir->dentry == NULL ? 0 : -EINVAL;
	if (workdir->dentry == NULL)
		return -EINVAL;
	if (workdir->mnt != o->upper.mnt || dentry_is_below(workdir->dentry, o->upper.dentry) ||
	    dentry_is_below(o->upper.dentry, workdir->dentry)) {
		log_line(DK_LOG_WARNING, "overlay: upperdir and workdir must be two folders of one mount");
		return -EINVAL;
	}
	if (o->upper.dentry->inode->kind != INODE_MEM) {
		log_line(DK_LOG_WARNING, "overlay: upperdir must be in memory (the root or a tmpfs): folders of the host keep no whiteouts");
		return -EINVAL;
	}
	if ((o->upper.mnt->flags | o->upper.mnt->fs->flags) & MS_RDONLY)
		return -EROFS;
	return open_work(o, workdir);
}

static bool of_one_fs(const struct ovl_fs *o)
{
	const struct mount_fs *fs = o->upper.dentry != NULL ? o->upper.mnt->fs : o->lower[0].mnt->fs;

	for (uint32_t k = 0; k < o->nlower; k++)
		if (o->lower[k].mnt->fs != fs)
			return false;
	return fs->kind == INODE_MEM;
}

static long check_lowers(const struct ovl_fs *o)
{
	if (o->nlower == 0 || (o->upper.dentry == NULL && o->nlower == 1))
		return -EINVAL;
	for (uint32_t k = 0; k < o->nlower; k++)
		if (o->upper.dentry != NULL && o->lower[k].dentry->inode == o->upper.dentry->inode)
			return -ELOOP;
	return 0;
}

long ovl_prepare(struct mount_fs *fs, const char *data)
{
	struct ovl_fs *o = arena_alloc(sizeof *o + OVL_LAYERS * sizeof o->lower[0]);
	struct path workdir = { 0 };
	long err;

	if (o == NULL)
		return -ENOMEM;
	fs->priv[0] = o;
	o->options = fs_text_copy(data != NULL ? data : "");
	err = o->options != NULL ? read_options(o, data, &workdir) : -ENOMEM;
	if (err == 0)
		err = check_lowers(o);
	if (err == 0)
		err = check_upper(o, &workdir);
	if (err == 0 && o->upper.dentry == NULL)
		fs->flags |= MS_RDONLY;
	o->same = err == 0 && of_one_fs(o);
	if (workdir.dentry != NULL)
		path_put(&workdir);
	return err;
}

void ovl_fs_free(struct mount_fs *fs)
{
	struct ovl_fs *o = fs->priv[0];

	if (o == NULL)
		return;
	if (o->upper.dentry != NULL)
		path_put(&o->upper);
	if (o->work.dentry != NULL)
		path_put(&o->work);
	for (uint32_t k = 0; k < o->nlower; k++)
		path_put(&o->lower[k]);
	arena_free(o->options);
	arena_free(o);
}

struct inode *ovl_root(struct mount_fs *fs, const char *data)
{
	struct ovl_fs *o = fs->priv[0];
	struct ovl_found f = { .upper = o->upper.dentry, .lower = heap_alloc(o->nlower * sizeof *f.lower) };
	struct inode *i;

	if (f.lower == NULL)
		return NULL;
	if (f.upper != NULL)
		dentry_get(f.upper);
	for (; f.nlower < o->nlower; f.nlower++) {
		f.lower[f.nlower] = o->lower[f.nlower].dentry;
		dentry_get(f.lower[f.nlower]);
	}
	i = ovl_inode_new(lx_current(), fs, &f);
	ovl_found_done(&f);
	if (i != NULL && fs->root == NULL) /* fs->root will be i: inode_put does not drop fs then */
		mount_fs_put(fs);          /* the caller has one */
	return i;
}
