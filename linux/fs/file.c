/* SPDX-License-Identifier: MIT */
/* linux/fs/file.c - life of open file descriptions. */
#include "linux/fs/fasync.h"
#include "linux/fs/fs.h"
#include "linux/fs/io.h"

struct file *file_new(enum file_kind kind, uint32_t flags)
{
	struct file *f = arena_alloc(sizeof *f);

	if (f == NULL)
		return NULL;
	ref_init(&f->ref);
	f->kind = kind;
	atomic_store_explicit(&f->flags, flags, memory_order_relaxed);
	lock_init(&f->lock, LOCK_FILE);
	list_init(&f->epitems);
	return f;
}

void file_get(struct file *f)
{
	ref_get(&f->ref);
}

/* What an open for writing did to the inode. */
static void undo_open(struct file *f)
{
	uint32_t how = f->flags & O_ACCMODE;

	if (f->inode == NULL || f->path.dentry == NULL || (f->flags & O_PATH))
		return;
	__atomic_fetch_sub(how != O_RDONLY ? &f->inode->writers : &f->inode->readers, 1, __ATOMIC_RELAXED);
	if (UNLIKELY(f->path.dentry->inode != f->inode)) /* of an overlay mount: at both (ovl.c) */
		__atomic_fetch_sub(how != O_RDONLY ? &f->path.dentry->inode->writers : &f->path.dentry->inode->readers, 1, __ATOMIC_RELAXED);
	if (fs_watched())
		fs_notify_file(f, how != O_RDONLY ? 0x8u /* IN_CLOSE_WRITE */ : 0x10u /* IN_CLOSE_NOWRITE */);
}

static NOINLINE void file_free(struct file *f)
{
	const struct file_ops *ops = lx_file_ops[f->kind];

	if (!list_empty(&f->epitems))
		epoll_file_gone(f);
	if (UNLIKELY(f->dnotified))
		dnotify_file_gone(f);
	if (UNLIKELY(f->fasync != NULL))
		fasync_file_gone(f);
	if (f->inode != NULL && f->inode->flocks != NULL) {
		locks_release_file(f);
		lease_release(f);
	}
	undo_open(f);
	if (ops->release != NULL)
		ops->release(f);
	if (f->path.dentry != NULL)
		path_put(&f->path);
	if (f->inode != NULL)
		inode_put(f->inode);
	arena_free(f);
}

void file_put(struct file *f)
{
	if (ref_put(&f->ref))
		file_free(f);
}
