/* SPDX-License-Identifier: MIT */
/* nt/os/watch.c - from linux/fs's events to NT's. */
#include <linux/inotify.h>

#include "linux/fs/fs.h"
#include "linux/other.h"
#include "nt/os/watch.h"

#define FILE_NOTIFY_FILE_NAME   0x001u
#define FILE_NOTIFY_DIR_NAME    0x002u
#define FILE_NOTIFY_ATTRIBUTES  0x004u
#define FILE_NOTIFY_SIZE        0x008u
#define FILE_NOTIFY_LAST_WRITE  0x010u
#define FILE_NOTIFY_LAST_ACCESS 0x020u
#define FILE_NOTIFY_CREATION    0x040u
#define FILE_NOTIFY_SECURITY    0x100u

static _Atomic uint32_t *count(void)
{
	return &lx_state()->nt_watches;
}

bool nt_watching(void)
{
	return atomic_load_explicit(count(), memory_order_relaxed) != 0;
}

void os_watch_count(int by)
{
	atomic_fetch_add(count(), (uint32_t)by);
	atomic_fetch_add(&lx_state()->watches, (uint32_t)by);
}

void nt_fs_event(struct dentry *dir, uint32_t mask, const char *name)
{
	uint32_t named = mask & IN_ISDIR ? FILE_NOTIFY_DIR_NAME : FILE_NOTIFY_FILE_NAME;

	if (mask & IN_CREATE)
		os_changed(dir, 1, named | FILE_NOTIFY_CREATION, name);
	if (mask & IN_DELETE)
		os_changed(dir, 2, named, name);
	if (mask & IN_MODIFY)
		os_changed(dir, 3, FILE_NOTIFY_SIZE | FILE_NOTIFY_LAST_WRITE, name);
	if (mask & IN_ATTRIB)
		os_changed(dir, 3, FILE_NOTIFY_ATTRIBUTES | FILE_NOTIFY_SECURITY | FILE_NOTIFY_LAST_ACCESS | FILE_NOTIFY_LAST_WRITE | FILE_NOTIFY_CREATION, name);
	if (mask & IN_MOVED_FROM) /* to another folder: it goes here, and comes there */
		os_changed(dir, mask & FS_MOVED_FAR ? 2 : 4, named, name);
	if (mask & IN_MOVED_TO)
		os_changed(dir, mask & FS_MOVED_FAR ? 1 : 5, named, name);
}

bool os_ancestors(struct dentry *dir, const char *name, uint32_t len, struct os_ancestors *up)
{
	uint32_t at = (uint32_t)sizeof up->text - len;

	if (len > sizeof up->text)
		return false;
	memcpy(up->text + at, name, len);
	lock_take(&vfs()->dcache.tree);
	for (struct dentry *d = dir; up->count < ARRAY_LEN(up->inode); d = d->parent) {
		up->inode[up->count] = d->inode;
		up->at[up->count++] = at;
		if (d->parent == d || at < d->name_len + 1)
			break;
		at -= d->name_len + 1;
		memcpy(up->text + at, d->name, d->name_len);
		up->text[at + d->name_len] = '/';
	}
	lock_drop(&vfs()->dcache.tree);
	up->size = (uint32_t)sizeof up->text;
	return true;
}
