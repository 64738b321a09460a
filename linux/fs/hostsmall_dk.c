/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/hostsmall_dk.c - small files of -v folders, opened for reading without a stream.
 *
 * Their contents came ahead with others of a folder that was listed (gather_dk.c).  They
 * belong to the inode and are shared by the files that were opened so, its sharers.
 * Contents are fresh for CONTENTS_NS, unless the file is changed from inside; a sharer
 * reads them while they are, and then, as for all but reading, gets a stream: by the name,
 * if that still is this file's.  If it is not, because the host has replaced it, what is
 * here is all there is.  Before a name or its rights are changed from inside, host_keep
 * opens a stream for the sharers, so that they notice nothing.
 *
 * What is changed from inside is known by device and number, hashed into a table, so that
 * other names, links and mounts of a file count too: how many files are open that may change
 * it, and when it was changed last.  Both may be another file's, which costs a trip.
 */
#include "linux/fs/hostfs.h"
#include "linux/fs/ovl.h"

#define CONTENTS_NS 50000000ull

/* file.priv[0] */
#define SMALL_SHARER 1u /* counted in sharers */
#define SMALL_GONE   2u /* no stream can be had */

static struct host_writing *writing(uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ dev << 32) * 0x9e3779b97f4a7c15ull;

	return &vfs()->writing[(h >> 32) % HOST_WRITING];
}

void host_written(struct inode *i)
{
	atomic_store(&writing(host(i)->dev, host(i)->ino)->last, pico_now_coarse());
}

void host_write_begin(struct inode *i)
{
	atomic_fetch_add(&writing(host(i)->dev, host(i)->ino)->writers, 1);
}

void host_write_end(struct inode *i)
{
	host_written(i);
	atomic_fetch_sub(&writing(host(i)->dev, host(i)->ino)->writers, 1);
}

bool host_unwritten(uint64_t dev, uint64_t ino, uint64_t when)
{
	struct host_writing *w = writing(dev, ino);

	return atomic_load(&w->writers) == 0 && atomic_load(&w->last) < when;
}

static bool is_fresh(struct inode *i, const struct gathered *g)
{
	return pico_now_coarse() < g->when + CONTENTS_NS && host_believed(g->when + TRUST_NS, g->when) && host_unwritten(host(i)->dev, host(i)->ino, g->when);
}

dk_handle host_open_same(struct dentry *d, struct inode *i, uint32_t access)
{
	struct dk_open o = { .access = access, .share = 7, .disposition = DK_OPEN_EXISTING };
	char *uri = d->flags & D_DELETED ? NULL : host_uri(d, NULL, 0);
	dk_handle stream;
	enum dk_status status;

	if (uri == NULL)
		return DK_NO_HANDLE;
	status = DkStreamOpen(uri, &o, &stream);
	heap_free(uri);
	if (status != DK_OK)
		return DK_NO_HANDLE;
	if (o.attr.inode == host(i)->ino && o.attr.device == host(i)->dev) {
		host_take_attr(i, &o.attr);
		return stream;
	}
	(void)DkObjectClose(stream); /* another file has the name now */
	return DK_NO_HANDLE;
}

/* ---- Opening ---- */

static struct listing *listing_of(struct inode *dir)
{
	struct listing *l;

	if (dir->kind != INODE_HOST || host(dir)->listing == NULL)
		return NULL;
	lock_take(&dir->lock);
	l = host(dir)->listing;
	if (l != NULL)
		ref_get(&l->ref);
	lock_drop(&dir->lock);
	return l;
}

static struct gathered *gathered_of(struct dentry *d)
{
	struct dentry *dir = dentry_parent(d);
	struct listing *l = listing_of(dir->inode);
	struct gathered *g = NULL;
	char *uri;

	if (l != NULL) {
		uri = host_uri(dir, NULL, 0);
		if (uri != NULL)
			g = gather_take(l, uri, d->name, d->name_len, CONTENTS_NS);
		heap_free(uri);
		listing_put(l);
	}
	dentry_put(dir);
	return g;
}

/* g is of i, fresh, and not older than what is known of i already. */
static bool is_newest(struct inode *i, const struct gathered *g)
{
	if (g->attr.inode != host(i)->ino || g->attr.device != host(i)->dev || !is_fresh(i, g))
		return false;
	return g->when + TRUST_NS >= host(i)->until ||
	       (g->attr.size == i->size && g->attr.mtime_ns == i->mtime_ns && g->attr.ctime_ns == i->ctime_ns);
}

/* What another file opened is fresh still. */
static bool share(struct inode *i)
{
	struct host_priv *h = host(i);
	bool have;

	if (h->contents == NULL)
		return false;
	lock_take(&i->lock);
	have = h->contents != NULL && is_fresh(i, h->contents);
	h->sharers += have;
	lock_drop(&i->lock);
	return have;
}

bool small_open(struct dentry *d, struct file *f)
{
	struct inode *i = d->inode;
	struct gathered *g, *old;

	if (i->size > DK_CONTENTS_FILE || (d->flags & D_DELETED))
		return false;
	if (!share(i)) {
		g = gathered_of(d);
		if (g == NULL)
			return false;
		if (!is_newest(i, g)) {
			arena_free(g);
			return false;
		}
		host_take_attr(i, &g->attr);
		lock_take(&i->lock);
		old = host(i)->contents;
		host(i)->contents = g;
		host(i)->sharers++;
		lock_drop(&i->lock);
		arena_free(old);
	}
	f->priv[0] = SMALL_SHARER;
	return true;
}

void small_release(struct file *f)
{
	struct host_priv *h = host(f->inode);
	struct gathered *old = NULL;
	dk_handle kept = DK_NO_HANDLE;

	if (!(f->priv[0] & SMALL_SHARER))
		return;
	lock_take(&f->inode->lock);
	if (--h->sharers == 0) {
		old = h->contents;
		h->contents = NULL;
		kept = h->kept;
		h->kept = DK_NO_HANDLE;
	}
	lock_drop(&f->inode->lock);
	arena_free(old);
	if (kept != DK_NO_HANDLE)
		(void)DkObjectClose(kept);
}

/* ---- Using ---- */

bool small_fresh(struct file *f)
{
	struct inode *i = f->inode;
	bool fresh;

	lock_take(&i->lock);
	fresh = host(i)->contents != NULL && is_fresh(i, host(i)->contents);
	lock_drop(&i->lock);
	return fresh;
}

long small_read(struct file *f, const struct iov *v, uint64_t pos)
{
	struct inode *i = f->inode;
	struct gathered *g;
	uint64_t size;
	long n = -EIO;

	if (!(f->priv[0] & SMALL_GONE) && !small_fresh(f) && host_stream(f) == 0)
		return -EAGAIN;
	lock_take(&i->lock);
	g = host(i)->contents; /* a sharer's inode has them */
	if (g != NULL) {
		size = pos < g->size ? MIN(v->size, g->size - pos) : 0;
		n = (long)iov_put(v, 0, g->data + pos, size);
		if (n == 0 && size != 0)
			n = -EFAULT;
	}
	lock_drop(&i->lock);
	return n;
}

long host_stream(struct file *f)
{
	dk_handle none = DK_NO_HANDLE, stream;

	if (LIKELY(f->stream != DK_NO_HANDLE))
		return 0;
	stream = host(f->inode)->kept; /* it stays while f is a sharer */
	if (stream == DK_NO_HANDLE || DkObjectReference(stream) != DK_OK)
		stream = host_open_same(ovl_real_dentry(f->path.dentry, f->inode), f->inode, DK_READ);
	if (stream == DK_NO_HANDLE) {
		f->priv[0] |= SMALL_GONE;
		return -ESTALE;
	}
	if (!__atomic_compare_exchange_n(&f->stream, &none, stream, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		(void)DkObjectClose(stream);
	return 0;
}

void host_keep(struct dentry *d)
{
	struct host_priv *h = host(d->inode);
	dk_handle stream;

	if (LIKELY(h->sharers == 0) || h->kept != DK_NO_HANDLE)
		return;
	stream = host_open_same(d, d->inode, DK_READ);
	if (stream == DK_NO_HANDLE)
		return;
	lock_take(&d->inode->lock);
	if (h->sharers != 0 && h->kept == DK_NO_HANDLE) {
		h->kept = stream;
		stream = DK_NO_HANDLE;
	}
	lock_drop(&d->inode->lock);
	if (stream != DK_NO_HANDLE)
		(void)DkObjectClose(stream);
}
