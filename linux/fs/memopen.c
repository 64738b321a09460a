/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/memopen.c - the host's file of an overlay inode that still shows it.
 *
 * It is opened by the first open (one trip, with the contents if it is small) and
 * shared by all that follow; when the last one closes it waits in a ring of IDLE_SLOTS
 * for the next open, so that a program run again costs no trip.
 *
 * Small files of a folder that was listed come many at a time (gather_dk.c), with no
 * stream.  Reads need none as long as the attributes say that the contents are right;
 * whatever else does asks mem_lower_stream.  They wait in a ring of their own: a tree
 * that is searched must not drive out the programs that search it.
 */
#include "linux/fs/mem.h"

/* Drops stream and contents of an inode that nobody has open. */
static void forget_host(struct inode *i)
{
	struct mem_priv *m = mem(i);
	dk_handle stream = DK_NO_HANDLE;
	void *data = NULL;

	lock_take(&i->lock);
	m->flags &= ~MEM_IDLE;
	if (m->opens == 0) {
		stream = m->stream;
		data = m->inline_data;
		m->stream = DK_NO_HANDLE;
		m->inline_data = NULL;
		m->inline_size = 0;
	}
	lock_drop(&i->lock);
	if (stream != DK_NO_HANDLE)
		(void)DkObjectClose(stream);
	arena_free(data);
}

/* The ring takes a reference; what was longest in it goes. */
void mem_lower_idle(struct inode *i)
{
	struct vfs *v = vfs();
	struct idle_ring *r = mem(i)->stream != DK_NO_HANDLE ? &v->idle : &v->idle_small;
	struct inode *old;

	inode_get(i);
	lock_take(&v->idle_lock);
	old = r->slot[r->next];
	r->slot[r->next] = i;
	r->next = (r->next + 1) % IDLE_SLOTS;
	lock_drop(&v->idle_lock);
	if (old != NULL) {
		forget_host(old);
		inode_put(old);
	}
}

static long open_host(struct inode *i)
{
	struct mem_priv *m = mem(i);
	bool small = i->size != 0 && i->size <= DK_CONTENTS_FILE;
	struct dk_open o = { .access = DK_READ, .share = 7, .disposition = DK_OPEN_EXISTING };
	dk_handle stream = DK_NO_HANDLE;
	void *room = small ? heap_alloc_dirty(DK_CONTENTS_FILE) : NULL, *data = NULL;
	enum dk_status status;

	if (room != NULL) {
		o.options = DK_OPTION_INLINE;
		o.inline_data = room;
		o.inline_size = DK_CONTENTS_FILE;
	}
	status = DkStreamOpen(m->lower, &o, &stream);
	if (status == DK_OK && room != NULL && o.inline_size != 0 && o.inline_size == o.attr.size) {
		data = arena_alloc(o.inline_size);
		if (data != NULL)
			memcpy(data, room, o.inline_size);
	}
	heap_free(room);
	if (status != DK_OK)
		return status == DK_NOT_FOUND || status == DK_SYMLINK || status == DK_NOT_DIRECTORY ? -ESTALE : lx_err(status);
	if (mode_of_type(o.attr.type) != S_IFMT_(i->mode) || o.attr.inode != m->lower_ino) {
		(void)DkObjectClose(stream);
		arena_free(data);
		return -ESTALE; /* the name is something else now */
	}
	mem_lower_attributes(i, &o.attr, pico_now_coarse());
	lock_take(&i->lock);
	if (m->stream == DK_NO_HANDLE) {
		m->stream = stream;
		stream = DK_NO_HANDLE;
	}
	if (m->inline_data == NULL && data != NULL) {
		m->inline_data = data;
		m->inline_at = 0;
		m->inline_size = o.inline_size;
		data = NULL;
	}
	lock_drop(&i->lock);
	if (stream != DK_NO_HANDLE)
		(void)DkObjectClose(stream);
	arena_free(data);
	return 0;
}

/* The folder's listing, if it is believed; a reference. */
static struct listing *listing_of(struct inode *dir)
{
	struct mem_dir *d = IS_DIR(dir) && (mem(dir)->flags & MEM_LOWER) ? __atomic_load_n(&mem(dir)->u.dir, __ATOMIC_ACQUIRE) : NULL;
	struct listing *l;

	if (d == NULL || d->listing == NULL)
		return NULL;
	lock_take(&d->lock);
	l = d->listing;
	if (l != NULL)
		ref_get(&l->ref);
	lock_drop(&d->lock);
	return l;
}

/* g is of i, and not older than what is known of i already. */
static bool is_newest(const struct inode *i, const struct mem_priv *m, const struct gathered *g)
{
	if (g->attr.inode != m->lower_ino || g->attr.device != m->lower_dev)
		return false;
	return g->when + TRUST_NS >= m->until ||
	       (g->attr.size == i->size && g->attr.mtime_ns == i->mtime_ns && g->attr.ctime_ns == i->ctime_ns);
}

/* Contents that were or are gathered become i's. */
static bool take_gathered(struct inode *i, struct gathered *g)
{
	struct mem_priv *m = mem(i);
	bool took = false;

	if (!is_newest(i, m, g))
		return false;
	mem_lower_attributes(i, &g->attr, g->when);
	lock_take(&i->lock);
	if (m->inline_data == NULL && (m->flags & MEM_LOWER)) {
		m->inline_data = g;
		m->inline_at = offsetof(struct gathered, data);
		m->inline_size = g->size;
		took = true;
	}
	lock_drop(&i->lock);
	return took;
}

/* True: d's file has its contents, and needs no stream to be read. */
static bool open_gathered(struct dentry *d)
{
	struct dentry *dir;
	struct listing *l;
	struct gathered *g = NULL;

	/* What is pinned may have another name below. */
	if (d->inode->size > DK_CONTENTS_FILE || (mem(d->inode)->flags & MEM_PINNED))
		return false;
	dir = dentry_parent(d);
	l = dir->inode->kind == INODE_MEM ? listing_of(dir->inode) : NULL;
	if (l != NULL) {
		g = gather_take(l, mem(dir->inode)->lower, d->name, d->name_len, TRUST_NS);
		listing_put(l);
	}
	dentry_put(dir);
	if (g == NULL || take_gathered(d->inode, g))
		return g != NULL;
	arena_free(g);
	return false;
}

long mem_lower_stream(struct inode *i)
{
	struct mem_priv *m = mem(i);

	return m->stream == DK_NO_HANDLE && (m->flags & MEM_LOWER) ? open_host(i) : 0;
}

long mem_lower_open(struct dentry *d, bool contents)
{
	struct inode *i = d->inode;
	struct mem_priv *m = mem(i);
	bool have;
	long err = 0;

	lock_take(&i->lock);
	m->opens++;
	have = m->stream != DK_NO_HANDLE || !(m->flags & MEM_LOWER);
	if (contents && m->inline_data != NULL && m->until > pico_now_coarse())
		have = true;
	lock_drop(&i->lock);
	if (!have && (!contents || !open_gathered(d)))
		err = open_host(i);
	if (err < 0) {
		lock_take(&i->lock);
		m->opens--;
		lock_drop(&i->lock);
	}
	return err;
}

long mem_lower_contents(struct dentry *d)
{
	long err = mem_lower_open(d, false);

	/* A lock file of root's, for example: the view does not show its contents, and there are none. */
	if (err == -EACCES && d->inode->size == 0)
		return 0;
	return err == 0 ? 1 : err;
}

void mem_lower_close(struct inode *i)
{
	struct mem_priv *m = mem(i);
	bool idle;

	lock_take(&i->lock);
	idle = --m->opens == 0 && (m->stream != DK_NO_HANDLE || m->inline_data != NULL) && !(m->flags & MEM_IDLE);
	if (idle)
		m->flags |= MEM_IDLE;
	lock_drop(&i->lock);
	if (idle)
		mem_lower_idle(i);
}

void mem_lower_free(struct inode *i)
{
	struct mem_priv *m = mem(i);

	if (m->stream != DK_NO_HANDLE)
		(void)DkObjectClose(m->stream);
	arena_free(m->inline_data);
	arena_free(m->lower);
}

const char *file_lower(const struct file *f)
{
	return f->inode->kind == INODE_MEM && (mem(f->inode)->flags & MEM_LOWER) ? mem(f->inode)->lower : NULL;
}
