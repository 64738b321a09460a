/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/notify.c - hands what happens to files on to inotify, F_NOTIFY and fanotify.
 *
 * Called only while somebody watches something, after the change, with no lock held
 * but renames'.  An event about an object that has a name is told to the directory it
 * is in first, as on Linux.
 */
#include <linux/inotify.h>

#include "linux/fs/fanotify.h"
#include "linux/other.h"

/* inotify and F_NOTIFY. */
static void tell(struct inode *i, uint32_t mask, uint32_t cookie, const char *name)
{
	mask &= ~(uint32_t)FAN_OPEN_EXEC; /* not theirs */
	inotify_event(i, mask, cookie, name);
	if (IS_DIR(i))
		dnotify_event(i, mask);
}

void fs_tell_entry(struct dentry *dir, uint32_t mask, uint32_t cookie, const char *name, struct inode *i)
{
	struct fs_event e = { .mask = mask, .inode = i, .dir = dir->inode, .name = name, .entry = true };

	if (i != NULL && IS_DIR(i))
		e.mask |= IN_ISDIR;
	if (nt_watching())
		nt_fs_event(dir, e.mask, name);
	e.mask &= ~FS_MOVED_FAR;
	tell(dir->inode, e.mask, cookie, name);
	fanotify_event(&e);
}

void fs_tell_self(struct inode *i, uint32_t mask)
{
	struct fs_event e = { .mask = mask | (IS_DIR(i) ? IN_ISDIR : 0), .inode = i };

	tell(i, mask == IN_DELETE_SELF || mask == IN_MOVE_SELF ? mask : e.mask, 0, NULL);
	fanotify_event(&e);
}

/* A copy of d's name, as a rename may change it: heap, or NULL. */
static char *name_of(struct dentry *d)
{
	char *name = path_buf();

	if (name == NULL)
		return NULL;
	lock_take(&vfs()->dcache.tree);
	memcpy(name, d->name, d->name_len + 1);
	lock_drop(&vfs()->dcache.tree);
	return name;
}

/* fn with the event about p's object; its directory and name are there unless it has none. */
static long with_event(struct lx_thread *t, const struct path *p, uint32_t mask, long (*fn)(struct lx_thread *, const struct fs_event *))
{
	struct dentry *d = p->dentry, *dir;
	struct fs_event e = { .mask = mask, .path = p };
	char *name = NULL;
	long err;

	if (d == NULL || d->inode == NULL)
		return 0;
	e.inode = d->inode;
	if (IS_DIR(d->inode))
		e.mask |= IN_ISDIR;
	dir = dentry_parent(d);
	if (dir != d && dir->inode != NULL && (name = name_of(d)) != NULL) {
		e.dir = dir->inode;
		e.name = name;
	}
	err = fn(t, &e);
	path_buf_free(name);
	dentry_put(dir);
	return err;
}

static long tell_both(struct lx_thread *t, const struct fs_event *e)
{
	if (e->dir != NULL && nt_watching()) {
		struct dentry *dir = dentry_parent(e->path->dentry);

		nt_fs_event(dir, e->mask, e->name);
		dentry_put(dir);
	}
	if (e->dir != NULL)
		tell(e->dir, e->mask | (e->path->dentry->flags & D_DELETED ? INOTIFY_UNLINKED : 0), 0, e->name);
	tell(e->inode, e->mask, 0, NULL);
	fanotify_event(e);
	return 0;
}

void fs_tell_path(const struct path *p, uint32_t mask)
{
	(void)with_event(lx_current(), p, mask, tell_both);
}

long fs_ask(struct lx_thread *t, const struct path *p, uint32_t mask)
{
	return with_event(t, p, mask, fanotify_ask);
}
