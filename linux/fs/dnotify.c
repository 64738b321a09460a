/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/dnotify.c - F_NOTIFY: a signal when something in a directory changes.
 *
 * All requests of the sandbox are in one list under one lock of class IPC; there are
 * few, and only changes while somebody watches something look at it.  A request
 * belongs to an open directory and goes with it, or with its first event unless it
 * was made with DN_MULTISHOT.
 */
#include <linux/inotify.h>

#include "linux/fs/fasync.h"

#define DN_EVENTS (DN_ACCESS | DN_MODIFY | DN_CREATE | DN_DELETE | DN_RENAME | DN_ATTRIB)

struct dnotify {
	struct list link;
	struct file *file; /* no reference: dnotify_file_gone comes first */
	int fd;
	uint32_t mask;     /* DN_* */
};

static uint32_t dn_of(uint32_t in)
{
	static const struct { uint32_t in, dn; } map[] = { { IN_ACCESS, DN_ACCESS }, { IN_MODIFY, DN_MODIFY }, { IN_CREATE, DN_CREATE },
		{ IN_DELETE, DN_DELETE }, { IN_MOVED_TO, DN_CREATE }, { IN_MOVED_FROM, DN_DELETE }, { DNOTIFY_RENAME, DN_RENAME },
		{ IN_ATTRIB, DN_ATTRIB } };
	uint32_t dn = 0;

	for (unsigned k = 0; k < ARRAY_LEN(map); k++)
		if (in & map[k].in)
			dn |= map[k].dn;
	return dn;
}

static struct dnotify *find(const struct file *f)
{
	LIST_FOR(d, &vfs()->dnotifies, struct dnotify, link)
		if (d->file == f)
			return d;
	return NULL;
}

/* Out of the list; the caller frees it. */
static struct dnotify *take(struct dnotify *d)
{
	list_remove(&d->link);
	d->file->dnotified = false;
	atomic_fetch_sub(&vfs()->dnotify_count, 1);
	atomic_fetch_sub(&lx_state()->watches, 1);
	return d;
}

static struct dnotify *drop(struct file *f)
{
	struct dnotify *d;

	lock_take(&vfs()->fasync_lock);
	d = find(f);
	if (d != NULL)
		d = take(d);
	lock_drop(&vfs()->fasync_lock);
	return d;
}

void dnotify_file_gone(struct file *f)
{
	arena_free(drop(f));
}

long dnotify_set(struct lx_thread *t, struct file *f, int fd, uint32_t mask)
{
	struct dnotify *d, *old;

	if (f->inode == NULL || !IS_DIR(f->inode))
		return -ENOTDIR;
	if ((mask & DN_EVENTS) == 0) {
		arena_free(drop(f));
		return 0;
	}
	d = arena_alloc(sizeof *d);
	if (d == NULL)
		return -ENOMEM;
	list_init(&d->link);
	d->file = f;
	d->fd = fd;
	d->mask = mask;
	owner_default(t, f);
	lock_take(&vfs()->fasync_lock);
	old = find(f);
	if (old != NULL) {
		old->mask |= mask;
	} else {
		list_append(&vfs()->dnotifies, &d->link);
		f->dnotified = true;
		atomic_fetch_add(&vfs()->dnotify_count, 1);
		atomic_fetch_add(&lx_state()->watches, 1);
		d = NULL;
	}
	lock_drop(&vfs()->fasync_lock);
	arena_free(d);
	return 0;
}

void dnotify_event(struct inode *dir, uint32_t mask)
{
	uint32_t dn = dn_of(mask);

	if (dn == 0 || atomic_load_explicit(&vfs()->dnotify_count, memory_order_relaxed) == 0)
		return;
	lock_take(&vfs()->fasync_lock);
	LIST_FOR_SAFE(d, n, &vfs()->dnotifies, struct dnotify, link) {
		if (d->file->inode != dir || !(d->mask & dn))
			continue;
		owner_signal(d->file, d->fd, POLL_MSG, POLLIN | POLLRDNORM | POLLMSG);
		if (!(d->mask & DN_MULTISHOT))
			arena_free(take(d));
	}
	lock_drop(&vfs()->fasync_lock);
}
