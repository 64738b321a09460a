/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/memlower.c - the overlay's lower side: inodes that still show the host's.
 *
 * Attributes are believed for a second.  The host file is memopen.c's.
 */
#include "linux/fs/mem.h"

/* dir_uri/name as an arena string. */
static char *child_uri(const char *dir_uri, const char *name, uint32_t len)
{
	size_t room = strlen(dir_uri) + len + 8;
	char *uri = heap_alloc(room), *copy;

	if (uri == NULL)
		return NULL;
	str_copy(uri, dir_uri, room);
	uri_append_name(uri, room, name, len);
	copy = fs_text_copy(uri);
	heap_free(uri);
	return copy;
}

struct inode *mem_lower_new(struct mount_fs *fs, const char *dir_uri, const char *name, uint32_t len,
	const struct dk_attributes *a, char *target, uint64_t until)
{
	struct inode *i = mem_inode_bare(fs, S_IFREG);
	struct mem_priv *m;

	if (i == NULL)
		return NULL;
	m = mem(i);
	inode_from_attr(i, a);
	m->lower = child_uri(dir_uri, name, len);
	if (m->lower == NULL) {
		inode_put(i);
		return NULL;
	}
	m->flags = MEM_LOWER;
	m->lower_dev = a->device;
	m->lower_ino = a->inode;
	m->until = until;
	if (IS_LNK(i)) {
		m->u.target = target;
		if (target != NULL)
			m->flags &= ~MEM_LOWER;
	}
	return i;
}

/* ---- Names ---- */

/* The directory's listing if it is believed, a reference, or NULL. */
static struct listing *believed(struct inode *dir, uint64_t now)
{
	struct mem_dir *d = mem(dir)->u.dir;
	struct listing *l = NULL;

	if (d == NULL || d->listing == NULL)
		return NULL;
	lock_take(&d->lock);
	if (d->listing != NULL && d->listing->until > now) {
		l = d->listing;
		ref_get(&l->ref);
	}
	lock_drop(&d->lock);
	return l;
}

/* What such a listing says: 0, -ENOENT, or -EAGAIN = it does not know.  until: when it is not believed any more. */
static long from_listing(struct dentry *dir, const char *name, uint32_t len, uint64_t now, struct dk_attributes *out, char **target,
	uint64_t *until)
{
	struct listing *l = believed(dir->inode, now);
	long err;

	if (l == NULL)
		return -EAGAIN;
	err = listing_ask(&l, dir, mem(dir->inode)->lower, name, len, out, mem_listing);
	if (l == NULL)
		return err;
	*until = l->until;
	if (err == 0 && out->type == DK_TYPE_SYMLINK && target != NULL)
		*target = listing_target(l, name, len);
	listing_put(l);
	return err == -ENODATA ? -EAGAIN : err;
}

static long lower_attr(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
	struct dk_attributes *out, char **target, uint64_t *until)
{
	struct inode *i = dir->inode;
	long err;

	*until = hint_now(hint) + TRUST_NS;
	if (hint == NULL || hint->ahead_dir != i) {
		err = from_listing(dir, name, len, hint_now(hint), out, target, until);
		if (err != -EAGAIN)
			return err;
	}
	err = host_attr(t, i, mem(i)->lower, name, len, hint, out, target);
	return err == -ENOTDIR ? -ENOENT : err;
}

/* The directory's own table: 1 = it says (in *out), 0 = ask further. */
static int from_table(struct inode *dir, const char *name, uint32_t len, struct inode **out)
{
	struct mem_dir *d = __atomic_load_n(&mem(dir)->u.dir, __ATOMIC_ACQUIRE);
	struct mem_name *n;

	*out = NULL;
	if (d == NULL || d->count == 0)
		return 0;
	lock_take(&d->lock);
	n = mem_find(d, name, len);
	if (n != NULL && n->inode != NULL) {
		*out = n->inode;
		inode_get(*out);
	}
	lock_drop(&d->lock);
	return n != NULL;
}

/* The walk that found i came with its host file open: for the open that follows, or the ring. */
static void take_opened(struct inode *i, struct lookup *hint)
{
	struct mem_priv *m = mem(i);
	void *data = NULL;
	bool idle = false;

	if (hint == NULL || hint->stream == DK_NO_HANDLE || !IS_REG(i) || hint->opened.inode != m->lower_ino ||
	    hint->opened.device != m->lower_dev)
		return;
	if (hint->inline_size != 0 && hint->inline_size == hint->opened.size && (data = arena_alloc(hint->inline_size)) != NULL)
		memcpy(data, hint->answer + hint->size, hint->inline_size);
	lock_take(&i->lock);
	if (m->stream == DK_NO_HANDLE && m->flags & MEM_LOWER) {
		m->stream = hint->stream;
		hint->stream = DK_NO_HANDLE;
		idle = !(m->flags & MEM_IDLE);
		m->flags |= MEM_IDLE;
		if (m->inline_data == NULL && hint->opened.mtime_ns == i->mtime_ns && hint->opened.size == i->size) {
			m->inline_data = data;
			m->inline_at = 0;
			m->inline_size = data != NULL ? hint->inline_size : 0;
			data = NULL;
		}
	}
	lock_drop(&i->lock);
	arena_free(data);
	if (idle)
		mem_lower_idle(i);
}

long mem_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
	struct inode **out, uint64_t *valid_until)
{
	struct inode *di = dir->inode;
	struct dk_attributes a;
	char *target = NULL;
	long err;

	*valid_until = UINT64_MAX;
	if (from_table(di, name, len, out) || !(mem(di)->flags & MEM_LOWER)) {
		hint_step(hint, di, *out);
		return 0;
	}
	err = lower_attr(t, dir, name, len, hint, &a, &target, valid_until);
	if (err == -ENOENT) {
		hint_step(hint, di, NULL);
		return 0;
	}
	if (err < 0)
		return err;
	*out = mem_lower_new(di->fs, mem(di)->lower, name, len, &a, target, *valid_until);
	if (*out == NULL) {
		arena_free(target);
		return -ENOMEM;
	}
	take_opened(*out, hint);
	hint_step(hint, di, *out);
	return 0;
}

/* New attributes of the same lower object; contents that changed are forgotten. */
static void new_attributes(struct inode *i, const struct dk_attributes *a, uint64_t until)
{
	struct mem_priv *m = mem(i);
	void *old = NULL;

	lock_take(&i->lock);
	if (!(m->flags & MEM_ATTR)) {
		if (i->mtime_ns != a->mtime_ns || i->size != a->size || i->ctime_ns != a->ctime_ns) {
			old = m->inline_data;
			m->inline_data = NULL;
			m->inline_size = 0;
		}
		inode_from_attr(i, a);
	}
	m->until = until;
	m->flags &= ~MEM_LAZY;
	lock_drop(&i->lock);
	arena_free(old);
}

void mem_lower_attributes(struct inode *i, const struct dk_attributes *a, uint64_t now)
{
	new_attributes(i, a, now + TRUST_NS);
}

bool mem_has_entry(struct inode *dir, const char *name, uint32_t len)
{
	struct inode *i = NULL;
	bool has = from_table(dir, name, len, &i);

	if (i != NULL)
		inode_put(i);
	return has;
}

bool mem_lower_again(struct inode *i, const struct dk_attributes *a, dk_handle stream, uint64_t until)
{
	struct mem_priv *m = i->kind == INODE_MEM ? mem(i) : NULL;
	bool took = false;

	if (m == NULL || !(m->flags & MEM_LOWER) || a->device != m->lower_dev || a->inode != m->lower_ino)
		return false;
	new_attributes(i, a, until);
	lock_take(&i->lock);
	if (m->stream == DK_NO_HANDLE && m->flags & MEM_LOWER && !(m->flags & MEM_IDLE)) {
		m->stream = stream;
		m->flags |= MEM_IDLE;
		took = true;
	}
	lock_drop(&i->lock);
	if (took)
		mem_lower_idle(i);
	else
		(void)DkObjectClose(stream);
	return true;
}

bool mem_revalidate(struct lx_thread *t, struct dentry *d, struct lookup *hint)
{
	struct dentry *dir = d->parent;
	struct mem_priv *m = mem(d->inode);
	struct dk_attributes a;
	uint64_t until;

	if ((m->flags & MEM_PINNED) || m->lower == NULL) {
		d->valid_until = UINT64_MAX;
		return true;
	}
	if (!(mem(dir->inode)->flags & MEM_LOWER))
		return false;
	if (lower_attr(t, dir, d->name, d->name_len, hint, &a, NULL, &until) != 0)
		return false;
	if (a.device != m->lower_dev || a.inode != m->lower_ino || mode_of_type(a.type) != S_IFMT_(d->inode->mode))
		return false;
	new_attributes(d->inode, &a, until);
	take_opened(d->inode, hint);
	d->valid_until = until;
	return true;
}

/* A name may be another file's by now; a folder's inode is only known once it was looked at. */
static bool is_same(const struct mem_priv *m, const struct dk_attributes *a)
{
	return m->lower_ino == 0 || (a->inode == m->lower_ino && a->device == m->lower_dev);
}

void mem_settle(struct inode *i)
{
	if (mem(i)->flags & MEM_LAZY)
		(void)mem_lower_refresh(i);
}

long mem_lower_refresh(struct inode *i)
{
	struct mem_priv *m = mem(i);
	struct dk_attributes a;
	enum dk_status status;
	uint64_t done, now;

	if (m->lower == NULL || (m->flags & MEM_ATTR))
		return 0;
	now = pico_now_coarse();
	if (now < m->until && !(m->flags & MEM_LAZY))
		return 0;
	if (m->stream != DK_NO_HANDLE)
		status = DkStreamAttributesQueryByHandle(m->stream, DK_ATTR_BASIC, &a, sizeof a, &done);
	else
		status = DkStreamAttributesQuery(m->lower, DK_ATTR_BASIC, &a, sizeof a, &done);
	if (status == DK_OK && (m->flags & MEM_LAZY || (mode_of_type(a.type) == S_IFMT_(i->mode) && is_same(m, &a)))) {
		if (m->flags & MEM_LAZY) {
			m->lower_dev = a.device;
			m->lower_ino = a.inode;
		}
		mem_lower_attributes(i, &a, now);
		return 0;
	}
	/* Gone or hidden: what is known stays true enough for those that have it open. */
	lock_take(&i->lock);
	m->until = now + TRUST_NS;
	m->flags &= ~MEM_LAZY;
	lock_drop(&i->lock);
	return 0;
}

struct listing *mem_listing(struct dentry *dir, enum listing_wanted what, long *err)
{
	struct mem_dir *d = mem_dir(dir->inode);
	struct listing *l = NULL, *old;

	*err = 0;
	if (d == NULL) {
		*err = -ENOMEM;
		return NULL;
	}
	lock_take(&d->lock);
	if (d->listing != NULL && (what == LISTING_ANY || d->listing->until > pico_now_coarse()) && !(what == LISTING_FULL && d->listing->partial)) {
		l = d->listing;
		ref_get(&l->ref);
	}
	lock_drop(&d->lock);
	if (l != NULL)
		return l;
	l = what == LISTING_FULL ? listing_fetch(mem(dir->inode)->lower, err) : tree_listing(dir, mem(dir->inode)->lower, err);
	if (l == NULL)
		return NULL;
	ref_get(&l->ref);
	lock_take(&d->lock);
	old = d->listing;
	d->listing = l;
	lock_drop(&d->lock);
	if (old != NULL && what == LISTING_FULL)
		listing_replaces(l, old);
	if (old != NULL)
		listing_put(old);
	else
		listing_remember(dir->inode);
	return l;
}

/* ---- Copy-up ---- */

long mem_take_attr(struct dentry *d)
{
	struct inode *i = d->inode;
	struct mem_priv *m = mem(i);
	long err = 0;

	if (LIKELY((m->flags & (MEM_ATTR | MEM_PINNED)) == (MEM_ATTR | MEM_PINNED)))
		return 0;
	if (m->lower != NULL) {
		err = mem_lower_refresh(i);
		if (err == 0)
			err = mem_pin(d);
	}
	if (err < 0)
		return err;
	lock_take(&i->lock);
	m->flags |= MEM_ATTR;
	lock_drop(&i->lock);
	return 0;
}

/* Fills a free run of arena-data pages from the host file; bytes read or -errno. */
static long read_pages(dk_handle stream, uint64_t page, uint64_t offset, uint64_t size)
{
	struct dk_segment seg = { data_ptr(page), size };
	uint64_t total = 0, done;

	while (total < size) {
		enum dk_status status;

		seg.base = (char *)data_ptr(page) + total;
		seg.size = size - total;
		status = DkStreamRead(stream, offset + total, &seg, 1, 0, &done);
		if (status == DK_INTERRUPTED || status == DK_ABORTED)
			continue;
		if (status != DK_OK)
			return lx_err(status);
		if (done == 0)
			break;
		total += done;
	}
	return (long)total;
}

#define COPY_PAGES 1024u

/* The contents into extents that are nobody's yet. */
static long copy_contents(struct inode *i, struct inode *into, uint64_t keep)
{
	uint64_t at = 0, size = MIN(i->size, keep);
	long err = 0;

	while (at < size && err == 0) {
		uint64_t n = MIN(size - at, (uint64_t)COPY_PAGES << PAGE_SHIFT), run;
		struct mem_ext *e;

		lock_take(&into->lock);
		err = mem_fill(into, at >> PAGE_SHIFT, PAGE_UP(n) >> PAGE_SHIFT);
		e = mem_ext_at(into, at >> PAGE_SHIFT, &run);
		lock_drop(&into->lock);
		if (err < 0 || e == NULL)
			break;
		n = MIN(n, run << PAGE_SHIFT);
		err = read_pages(mem(i)->stream, e->dpage + (at >> PAGE_SHIFT) - e->fpage, at, n);
		if (err >= 0 && (uint64_t)err < n)
			size = at + (uint64_t)err; /* it became shorter meanwhile */
		at += n;
		err = err < 0 ? err : 0;
	}
	into->size = MIN(size, at);
	return err;
}

/* The new contents become i's, unless another thread was first. */
static void install_contents(struct inode *i, struct inode *from)
{
	struct mem_priv *m = mem(i), *n = mem(from);
	void *old = NULL;

	lock_take(&i->lock);
	if (m->flags & MEM_LOWER) {
		m->u.ext = n->u.ext;
		m->next = n->next;
		m->ext_cap = n->ext_cap;
		m->npages = n->npages;
		n->u.ext = NULL;
		n->next = n->ext_cap = 0;
		n->npages = 0;
		i->size = from->size;
		i->generation = 0;
		m->flags = (m->flags & ~MEM_LOWER) | MEM_ATTR;
		old = m->inline_data;
		m->inline_data = NULL;
		m->inline_size = 0;
	}
	lock_drop(&i->lock);
	arena_free(old);
}

long mem_copy_up(struct dentry *d, bool contents, uint64_t keep)
{
	struct inode *i = d->inode, *into;
	long err;

	if (!(mem(i)->flags & MEM_LOWER) || !IS_REG(i))
		return mem_take_attr(d);
	into = mem_inode_new(i->fs, S_IFREG);
	if (into == NULL)
		return -ENOSPC;
	err = contents && keep != 0 ? mem_lower_contents(d) : 0;
	if (err >= 0) {
		if (err > 0) {
			err = copy_contents(i, into, keep);
			mem_lower_close(i);
		}
		if (err == 0)
			err = mem_take_attr(d);
		if (err == 0)
			install_contents(i, into);
	}
	inode_put(into);
	return err;
}
