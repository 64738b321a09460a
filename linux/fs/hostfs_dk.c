/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/hostfs_dk.c - folders of the host given with -v, read and written in place.
 *
 * Every change goes to the host at once; names and attributes are believed for a
 * second.  A URI is built from the dentries above, which renames move, so it is
 * right after a directory was renamed.  The host enforces its own permissions for
 * the user who runs the sandbox, beside ours.
 */
#include "linux/fs/hostfs.h"

/* Components from the file system's root to d, backwards into buf; where they start. */
static size_t components(struct dentry *d, char *buf, size_t size)
{
	size_t at = size - 1;

	buf[at] = '\0';
	lock_take(&vfs()->dcache.tree);
	for (; d->parent != d && at > d->name_len + 1; d = d->parent) {
		at -= d->name_len;
		memcpy(buf + at, d->name, d->name_len);
		buf[--at] = '/';
	}
	lock_drop(&vfs()->dcache.tree);
	return at;
}

char *host_uri(struct dentry *d, const char *name, uint32_t len)
{
	const char *base = d->inode != NULL ? d->inode->fs->priv[0] : d->parent->inode->fs->priv[0];
	char *uri = heap_alloc_dirty(2 * HOST_URI_MAX), *part, *p;

	if (uri == NULL)
		return NULL;
	part = uri + HOST_URI_MAX;
	str_copy(uri, base, HOST_URI_MAX);
	p = part + components(d, part, HOST_URI_MAX);
	while (*p == '/') {
		uint32_t n = last_len(++p);

		uri_append_name(uri, HOST_URI_MAX, p, n);
		p += n;
	}
	if (name != NULL)
		uri_append_name(uri, HOST_URI_MAX, name, len);
	return uri;
}

void host_take_attr(struct inode *i, const struct dk_attributes *a)
{
	lock_take(&i->lock);
	inode_from_attr(i, a);
	host(i)->dev = a->device;
	host(i)->ino = a->inode;
	host(i)->type = S_IFMT_(i->mode);
	host(i)->until = pico_now_coarse() + TRUST_NS;
	host(i)->reopened = false;
	shade_apply(i);
	lock_drop(&i->lock);
}

bool host_is(struct inode *i, const struct dk_attributes *a)
{
	return a->inode == host(i)->ino && a->device == host(i)->dev && mode_of_type(a->type) == host(i)->type;
}

void host_doubt(struct dentry *d)
{
	struct dentry *dir = dentry_parent(d);

	lock_take(&dir->inode->lock);
	if (dir->inode->kind == INODE_HOST && host(dir->inode)->listing != NULL)
		host(dir->inode)->listing->until = 0;
	lock_drop(&dir->inode->lock);
	dentry_put(dir);
	dentry_drop(d);
}

struct inode *host_inode(struct mount_fs *fs, const char *uri, const struct dk_attributes *a)
{
	struct inode *i = inode_new(INODE_HOST, S_IFREG);
	size_t n = strlen(uri) + 1;

	if (i == NULL)
		return NULL;
	i->fs = fs;
	ref_get(&fs->ref);
	i->dev = fs->dev;
	host(i)->uri = arena_alloc(n);
	if (host(i)->uri == NULL) {
		inode_put(i);
		return NULL;
	}
	memcpy(host(i)->uri, uri, n);
	host_take_attr(i, a);
	return i;
}

struct inode *host_root(struct mount_fs *fs, const char *guest_path)
{
	struct dk_attributes a = { .type = DK_TYPE_DIR, .mode = 0755, .nlink = 2, .inode = 1 };
	size_t room = strlen(guest_path) + 16;
	char *base = arena_alloc(room);
	struct inode *i;

	if (base == NULL)
		return NULL;
	memcpy(base, "file:/", 7);
	while (*guest_path == '/') {
		uint32_t n = last_len(++guest_path);

		if (n != 0)
			uri_append_name(base, room, guest_path, n);
		guest_path += n;
	}
	fs->priv[0] = base;
	i = host_inode(fs, base, &a);
	if (i == NULL)
		return NULL;
	host(i)->until = 0; /* asked when somebody looks */
	mount_fs_put(fs); /* the root holds none; the caller has one */
	return i;
}

static void host_free(struct inode *i)
{
	struct host_priv *h = host(i);

	if (h->fresh != DK_NO_HANDLE)
		(void)DkObjectClose(h->fresh);
	if (h->listing != NULL)
		listing_put(h->listing);
	if (h->kept != DK_NO_HANDLE)
		(void)DkObjectClose(h->kept);
	if (h->again != DK_NO_HANDLE)
		(void)DkObjectClose(h->again);
	arena_free(h->contents);
	arena_free(h->target);
	arena_free(h->uri);
}

/* ---- Looking ---- */

/* A listing of the folder; a reference. */
static struct listing *listing_of(struct dentry *dir, enum listing_wanted what, long *err)
{
	struct host_priv *h = host(dir->inode);
	struct listing *l = NULL, *old;
	uint64_t gen = atomic_load(&dir->inode->dirgen);
	char *uri;

	lock_take(&dir->inode->lock);
	if (h->listing != NULL && (what == LISTING_ANY || (!h->listing->changed && host_believed(h->listing->until, pico_now_coarse()))) &&
		!(what == LISTING_FULL && h->listing->partial)) {
		l = h->listing;
		ref_get(&l->ref);
	}
	lock_drop(&dir->inode->lock);
	*err = 0;
	if (l != NULL)
		return l;
	uri = host_uri(dir, NULL, 0);
	if (uri == NULL) {
		*err = -ENOMEM;
		return NULL;
	}
	l = what == LISTING_FULL ? listing_fetch(uri, err) : tree_listing(dir, uri, err);
	heap_free(uri);
	if (l == NULL)
		return NULL;
	ref_get(&l->ref);
	lock_take(&dir->inode->lock);
	if (atomic_load(&dir->inode->dirgen) != gen)
		l->until = 0; /* a name changed while it was read */
	old = h->listing;
	h->listing = l;
	lock_drop(&dir->inode->lock);
	if (old != NULL && what == LISTING_FULL)
		listing_replaces(l, old);
	if (old != NULL)
		listing_put(old);
	else
		listing_remember(dir->inode);
	return l;
}

/* The directory's listing if it is believed, a reference, or NULL. */
static struct listing *believed(struct inode *dir, uint64_t now)
{
	struct host_priv *h = host(dir);
	struct listing *l = NULL;

	if (h->listing == NULL)
		return NULL;
	lock_take(&dir->lock);
	if (h->listing != NULL && host_believed(h->listing->until, now)) {
		l = h->listing;
		ref_get(&l->ref);
	}
	lock_drop(&dir->lock);
	return l;
}

static long from_listing(struct dentry *dir, const char *dir_uri, const char *name, uint32_t len, uint64_t now, struct dk_attributes *out,
	char **target, uint64_t *until)
{
	struct listing *l = believed(dir->inode, now);
	long err;

	if (l == NULL)
		return -EAGAIN;
	if (UNLIKELY(listing_touched(l, name, len))) {
		listing_put(l);
		return -EAGAIN;
	}
	err = listing_ask(&l, dir, dir_uri, name, len, out, listing_of);
	if (l == NULL)
		return err;
	if (err == 0 && UNLIKELY(!host_unwritten(out->device, out->inode, l->when)))
		err = -EAGAIN; /* its size may be another by now */
	*until = l->until;
	if (err == 0 && out->type == DK_TYPE_SYMLINK && target != NULL)
		*target = listing_target(l, name, len);
	listing_put(l);
	return err == -ENODATA ? -EAGAIN : err;
}

/* until: when it is not to be believed any more. */
static long attr_of(struct lx_thread *t, struct dentry *dir, const char *dir_uri, const char *name, uint32_t len,
	struct lookup *hint, struct dk_attributes *out, char **target, uint64_t *until)
{
	long err;

	if (hint == NULL || hint->ahead_dir != dir->inode) {
		err = from_listing(dir, dir_uri, name, len, hint_now(hint), out, target, until);
		if (err != -EAGAIN)
			return err;
	}
	*until = hint_now(hint) + TRUST_NS;
	return host_attr(t, dir->inode, dir_uri, name, len, hint, out, target);
}

/* The walk that found i came with it open, for reading. */
static void take_opened(struct inode *i, struct lookup *hint)
{
	if (hint == NULL || hint->stream == DK_NO_HANDLE || !IS_REG(i) || hint->opened.inode != host(i)->ino ||
	    hint->opened.device != host(i)->dev)
		return;
	lock_take(&i->lock);
	if (host(i)->fresh == DK_NO_HANDLE) {
		host(i)->fresh = hint->stream;
		host(i)->fresh_reads = true;
		hint->stream = DK_NO_HANDLE;
	}
	lock_drop(&i->lock);
}

static long host_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
	struct inode **out, uint64_t *valid_until)
{
	struct dk_attributes a;
	char *uri = host_uri(dir, NULL, 0), *target = NULL;
	long err;

	if (uri == NULL)
		return -ENOMEM;
	err = attr_of(t, dir, uri, name, len, hint, &a, &target, valid_until);
	if (err == 0) {
		uri_append_name(uri, HOST_URI_MAX, name, len);
		*out = host_inode(dir->inode->fs, uri, &a);
		if (*out == NULL) {
			arena_free(target);
			err = -ENOMEM;
		} else
			host(*out)->target = target;
		if (*out != NULL) {
			host(*out)->until = *valid_until;
			take_opened(*out, hint);
		}
	}
	heap_free(uri);
	if (err == -ENOENT) {
		*out = NULL;
		err = 0;
	}
	if (err == 0)
		hint_step(hint, dir->inode, *out);
	return err;
}

static bool host_revalidate(struct lx_thread *t, struct dentry *d, struct lookup *hint)
{
	struct dk_attributes a;
	struct dentry *dir = dentry_parent(d);
	char *uri = host_uri(dir, NULL, 0);
	uint64_t until = 0;
	bool same = false;

	if (uri != NULL && attr_of(t, dir, uri, d->name, d->name_len, hint, &a, NULL, &until) == 0)
		same = host_is(d->inode, &a);
	if (same) {
		host_take_attr(d->inode, &a);
		take_opened(d->inode, hint);
		host(d->inode)->until = until;
		d->valid_until = until;
	}
	heap_free(uri);
	dentry_put(dir);
	return same;
}

static long refresh(struct lx_thread *t, struct dentry *d)
{
	struct dk_attributes a;
	uint64_t done;
	char *uri;

	if (host_believed(host(d->inode)->until, pico_now_coarse()) || (d->flags & D_DELETED))
		return 0;
	uri = host_uri(d, NULL, 0);
	if (uri == NULL)
		return -ENOMEM;
	if (DkStreamAttributesQuery(uri, DK_ATTR_BASIC, &a, sizeof a, &done) == DK_OK) {
		/* Of a mount's root nothing was known yet. */
		if (host_is(d->inode, &a) || (d->parent == d && mode_of_type(a.type) == host(d->inode)->type))
			host_take_attr(d->inode, &a);
		else
			host_doubt(d);
	}
	heap_free(uri);
	return 0;
}

static long host_readlink(struct lx_thread *t, struct inode *i, char *buf, size_t size)
{
	char *text = host(i)->target;
	long n;

	if (text == NULL)
		return host_target(host(i)->uri, buf, size);
	n = (long)MIN(strlen(text), size);
	memcpy(buf, text, (size_t)n);
	return n;
}

static long host_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *e)
{
	long err;
	struct listing *l = listing_of(dir, *pos <= 2 ? LISTING_FRESH : LISTING_ANY, &err);

	if (l == NULL)
		return err;
	for (uint32_t k = *pos <= 2 ? 0 : listing_from(l, *pos - LISTING_POS); k < l->count; k++) {
		const struct listing_entry *ent = &l->sorted[k];
		uint64_t next = LISTING_POS + ent->hash + 1;

		if (!e->emit(e, ent->name, ent->name_len, ent->inode, dirent_type(mode_of_type(ent->type)), next))
			break;
		*pos = next;
	}
	listing_put(l);
	return 0;
}

const struct inode_ops inode_host_ops = {
	.name = "host",
	.lookup = host_lookup,
	.revalidate = host_revalidate,
	.create = host_create,
	.mkdir = host_mkdir,
	.mknod = host_mknod,
	.symlink = host_symlink,
	.link = host_link,
	.unlink = host_unlink,
	.rmdir = host_rmdir,
	.rename = host_rename,
	.readlink = host_readlink,
	.readdir = host_readdir,
	.setattr = host_setattr,
	.refresh = refresh,
	.open = host_open,
	.getxattr = host_getxattr,
	.setxattr = host_setxattr,
	.listxattr = host_listxattr,
	.statfs = host_statfs,
	.free = host_free,
};
