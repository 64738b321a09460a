/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fhandle.c - name_to_handle_at and open_by_handle_at.
 *
 * A handle says inode number and birth.  An inode cannot be found by its number
 * here, so the newest few thousand files that a handle was asked for are remembered,
 * with a reference on their dentries; a handle of another one is stale, which every
 * user of handles must expect.
 */
#include "linux/fs/fhandle.h"

#define REMEMBERED 4096u

struct fhandles { /* vfs()->fhandles */
	LOCK(IPC) lock;
	uint32_t next;
	struct dentry *dentry[REMEMBERED];
};

static struct fhandles *table(void)
{
	struct vfs *v = vfs();
	struct fhandles *h = __atomic_load_n(&v->fhandles, __ATOMIC_ACQUIRE), *none = NULL;

	if (h != NULL)
		return h;
	h = arena_alloc(sizeof *h);
	if (h == NULL)
		return NULL;
	lock_init(&h->lock, LOCK_IPC);
	if (__atomic_compare_exchange_n(&v->fhandles, &none, h, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return h;
	arena_free(h);
	return none;
}

bool fhandle_there(const struct inode *i)
{
	return i->fs != NULL && (i->kind == INODE_MEM || i->kind == INODE_HOST) && i->fs != vfs()->memfd_fs;
}

struct fhandle fhandle_of(const struct inode *i)
{
	return (struct fhandle){ .ino = i->ino, .birth = (uint32_t)((uint64_t)i->btime_ns * 0x9e3779b97f4a7c15ull >> 32) };
}

static uint32_t slot_of(const struct fhandle *h)
{
	return (uint32_t)(h->ino ^ h->ino >> 12 ^ h->birth) % REMEMBERED;
}

/* The slot is the handle's own, so that the newest of two that share one is known. */
static void remember(struct dentry *d)
{
	struct fhandles *h = table();
	struct fhandle id = fhandle_of(d->inode);
	struct dentry *old;

	if (h == NULL)
		return;
	dentry_get(d);
	lock_take(&h->lock);
	old = h->dentry[slot_of(&id)];
	h->dentry[slot_of(&id)] = d;
	lock_drop(&h->lock);
	if (old != NULL)
		dentry_put(old);
}

static struct dentry *recall(const struct fhandle *id, const struct mount_fs *fs)
{
	struct fhandles *h = table();
	struct dentry *d = NULL;
	struct fhandle own;

	if (h == NULL)
		return NULL;
	lock_take(&h->lock);
	d = h->dentry[slot_of(id)];
	if (d != NULL) {
		own = fhandle_of(d->inode);
		if (memcmp(&own, id, sizeof own) != 0 || d->inode->fs != fs || (d->flags & D_DELETED) || d->inode->nlink == 0)
			d = NULL;
		else
			dentry_get(d);
	}
	lock_drop(&h->lock);
	return d;
}

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif
#ifndef AT_HANDLE_CONNECTABLE
#define AT_HANDLE_CONNECTABLE 0x002
#endif

static long give(struct gva ptr, struct gva mount, const struct path *p)
{
	struct file_handle_head head;
	struct fhandle id = fhandle_of(p->dentry->inode);
	int mnt = (int)p->mnt->id;
	uint32_t room;

	if (copy_in(&head, ptr, sizeof head) != 0)
		return -EFAULT;
	if (head.bytes > FHANDLE_LIMIT)
		return -EINVAL;
	room = head.bytes;
	head = (struct file_handle_head){ .bytes = sizeof id, .type = FHANDLE_TYPE };
	if (copy_out(mount, &mnt, sizeof mnt) != 0)
		return -EFAULT;
	if (room < sizeof id)
		return copy_out(ptr, &head, sizeof head.bytes) != 0 ? -EFAULT : -EOVERFLOW;
	if (copy_out(ptr, &head, sizeof head) != 0 || copy_out(gva_add(ptr, sizeof head), &id, sizeof id) != 0)
		return -EFAULT;
	remember(p->dentry);
	return 0;
}

long lx_sys_name_to_handle_at(struct lx_thread *t, int dirfd, struct gva name, struct gva handle, struct gva mount, int flags)
{
	struct path p;
	long err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID | AT_HANDLE_CONNECTABLE))
		return -EINVAL;
	/* All handles here lead back to a name; one that only identifies, or has no name, need not. */
	if ((flags & AT_HANDLE_CONNECTABLE) && (flags & (AT_HANDLE_FID | AT_EMPTY_PATH)))
		return -EINVAL;
	err = user_walk(t, dirfd, name, (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0), &p);
	if (err != 0)
		return err;
	err = fhandle_there(p.dentry->inode) || (flags & AT_HANDLE_FID) ? give(handle, mount, &p) : -EOPNOTSUPP;
	path_put(&p);
	return err;
}

static long take(struct gva ptr, struct fhandle *id)
{
	struct file_handle_head head;

	if (copy_in(&head, ptr, sizeof head) != 0)
		return -EFAULT;
	if (head.bytes == 0 || head.bytes > FHANDLE_LIMIT)
		return -EINVAL;
	if (head.type != FHANDLE_TYPE || head.bytes != sizeof *id)
		return -ESTALE;
	return copy_in(id, gva_add(ptr, sizeof head), sizeof *id) != 0 ? -EFAULT : 0;
}

/* The mount that fd is on: a reference. */
static long mount_of(struct lx_thread *t, int fd, struct mount **out)
{
	struct path cwd;
	struct file *f;
	long err = 0;

	if (fd == AT_FDCWD) {
		err = path_walk(t, AT_FDCWD, ".", 0, &cwd, NULL);
		if (err != 0)
			return err;
		*out = cwd.mnt;
		ref_get(&cwd.mnt->ref);
		path_put(&cwd);
		return 0;
	}
	f = fd_get(t, fd);
	if (f == NULL)
		return -EBADF;
	if (f->path.mnt == NULL)
		err = -ESTALE;
	else {
		*out = f->path.mnt;
		ref_get(&f->path.mnt->ref);
	}
	file_put(f);
	return err;
}

long lx_sys_open_by_handle_at(struct lx_thread *t, int mountfd, struct gva handle, int flags)
{
	struct path p = { NULL, NULL };
	struct fhandle id;
	struct file *f;
	long err;

	if (!lx_capable(t, CAP_DAC_READ_SEARCH))
		return -EPERM;
	err = take(handle, &id);
	if (err == 0 || err == -ESTALE) {
		long bad = mount_of(t, mountfd, &p.mnt);

		err = bad != 0 ? bad : err;
	}
	if (err == 0) {
		p.dentry = recall(&id, p.mnt->fs);
		err = p.dentry == NULL ? -ESTALE : open_checked(t, &p, flags, &f);
	}
	if (err == 0) {
		err = fd_install(t, f, (flags & O_CLOEXEC) != 0, 0);
		if (err < 0)
			file_put(f);
	}
	if (p.dentry != NULL)
		dentry_put(p.dentry);
	if (p.mnt != NULL)
		mount_put(p.mnt);
	return err;
}
