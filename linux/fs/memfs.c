/* SPDX-License-Identifier: MIT */
/* linux/fs/memfs.c - inodes of tmpfs and of the overlay: life, attributes, operations.  See mem.h. */
#include "linux/fs/acl.h"
#include "linux/fs/mem.h"
#include "linux/mm/mm.h"

static bool count_inode(struct mount_fs *fs)
{
	if (atomic_fetch_add(&fs->inodes, 1) < fs->limit_inodes)
		return true;
	atomic_fetch_sub(&fs->inodes, 1);
	return false;
}

struct inode *mem_inode_bare(struct mount_fs *fs, uint32_t mode)
{
	struct inode *i;

	if (fs != NULL && UNLIKELY(fs->limit_inodes != 0) && !count_inode(fs))
		return NULL;
	i = inode_new(INODE_MEM, mode);
	if (i == NULL)
		return NULL;
	i->fs = fs;
	if (fs != NULL) {
		ref_get(&fs->ref);
		i->dev = fs->dev;
		i->ino = (1ull << 36) + atomic_fetch_add(&fs->next_ino, 1);
	}
	mem(i)->flags = MEM_PINNED | MEM_ATTR;
	return i;
}

struct inode *mem_inode_new(struct mount_fs *fs, uint32_t mode)
{
	struct inode *i = mem_inode_bare(fs, mode);

	if (i != NULL)
		i->atime_ns = i->mtime_ns = i->ctime_ns = i->btime_ns = vfs_now();
	return i;
}

static void mem_free(struct inode *i)
{
	struct mem_priv *m = mem(i);

	if (i->fs != NULL && UNLIKELY(i->fs->limit_inodes != 0))
		atomic_fetch_sub(&i->fs->inodes, 1);
	if (IS_REG(i))
		mem_data_free(i);
	else if (IS_DIR(i))
		mem_dir_free(m->u.dir);
	else if (IS_LNK(i))
		arena_free(m->u.target);
	mem_lower_free(i);
	mem_xattr_free(i);
}

/* The root inode must not keep its own file system alive. */
static struct inode *root_inode(struct mount_fs *fs, uint32_t mode)
{
	struct inode *i = mem_inode_new(fs, mode);

	if (i == NULL)
		return NULL;
	i->nlink = 2;
	i->ino = 1;
	if (fs->root == NULL) /* fs->root will be i: inode_put does not drop fs then */
		mount_fs_put(fs); /* the caller has one */
	return i;
}

static struct inode *mem_root(struct mount_fs *fs, const char *data)
{
	struct inode *i = root_inode(fs, S_IFDIR | 01777);

	if (i != NULL)
		mem_root_options(fs, i, data);
	return i;
}

struct inode *mem_root_overlay(struct mount_fs *fs, const char *where)
{
	struct inode *i = root_inode(fs, S_IFDIR | 0755);
	size_t size = strlen(where) + 6;
	char *uri = arena_alloc(size);

	if (i == NULL || uri == NULL)
		return NULL;
	fmt_snprintf(uri, size, "file:%s", where);
	mem(i)->lower = uri;
	mem(i)->flags = MEM_LOWER | MEM_PINNED;
	if (strcmp(where, "/") == 0)
		mem(i)->flags |= MEM_ATTR;
	else
		mem(i)->flags |= MEM_LAZY;
	return i;
}

void mem_root_known(struct inode *i, struct inode *same)
{
	struct mem_priv *m = mem(i), *from = mem(same);

	if (same->kind != INODE_MEM || from->lower == NULL || strcmp(from->lower, m->lower) != 0)
		return;
	lock_take(&same->lock);
	if (!(from->flags & (MEM_ATTR | MEM_LAZY))) {
		i->mode = same->mode;
		i->uid = same->uid;
		i->gid = same->gid;
		i->nlink = same->nlink;
		i->size = same->size;
		i->blocks = same->blocks;
		i->ino = same->ino;
		i->atime_ns = same->atime_ns;
		i->mtime_ns = same->mtime_ns;
		i->ctime_ns = same->ctime_ns;
		i->btime_ns = same->btime_ns;
		i->generation = same->generation;
		m->lower_dev = from->lower_dev;
		m->lower_ino = from->lower_ino;
		m->until = from->until;
		m->flags &= ~MEM_LAZY;
	}
	lock_drop(&same->lock);
}

static bool boot_enter(struct mem_dir *d, const char *name, uint32_t len, struct inode *i, uint32_t flags)
{
	struct mem_name *n = d != NULL ? mem_name_new(name, len, i, flags) : NULL;

	if (n == NULL)
		return false;
	lock_take(&d->lock);
	mem_name_add(d, n);
	lock_drop(&d->lock);
	return true;
}

/* A directory that is there without asking the host: where something will be mounted, or on the
   way to it (merged: what the host has in it shows). */
struct inode *mem_boot_dir(struct dentry *dir, const char *name, uint32_t len, bool merged)
{
	struct inode *di = dir->inode, *i;
	struct dk_attributes a = { .type = DK_TYPE_DIR, .mode = 0755, .nlink = 2 };
	struct mem_dir *d = mem_dir(di);

	i = merged && mem(di)->lower != NULL ? mem_lower_new(di->fs, mem(di)->lower, name, len, &a, NULL, 0)
	                                     : mem_inode_new(di->fs, S_IFDIR | 0755);
	if (i == NULL || d == NULL)
		return NULL;
	i->nlink = 2;
	mem(i)->flags |= MEM_PINNED;
	if (mem(i)->lower != NULL)
		mem(i)->flags |= MEM_LAZY;
	return boot_enter(d, name, len, i, 0) ? i : NULL;
}

long mem_boot_file(struct dentry *dir, const char *name, uint32_t len, const char *text)
{
	struct inode *i = mem_inode_new(dir->inode->fs, S_IFREG | 0644);
	struct dk_segment seg = { (void *)text, strlen(text) };
	struct iov v = { &seg, 1, true, seg.size };
	long err;

	if (i == NULL)
		return -ENOMEM;
	i->nlink = 1;
	mem(i)->flags |= MEM_PINNED;
	lock_take(&i->lock);
	err = mem_data_write(i, &v, 0, seg.size);
	lock_drop(&i->lock);
	if (err >= 0 && !boot_enter(mem_dir(dir->inode), name, len, i, NAME_LOWER))
		err = -ENOMEM;
	inode_put(i);
	return MIN(err, 0L);
}

static long mem_getattr(struct lx_thread *t, struct inode *i)
{
	struct mem_priv *m = mem(i);
	long err;

	if (m->lower != NULL && !(m->flags & MEM_ATTR)) {
		err = mem_lower_refresh(i);
		if (err < 0)
			return err;
	}
	if (IS_REG(i) && !(m->flags & MEM_LOWER))
		i->blocks = mem_blocks(i);
	return 0;
}

static long set_size(struct inode *i, uint64_t size)
{
	struct mem_priv *m = mem(i);

	if (size < i->size && (m->seals & F_SEAL_SHRINK))
		return -EPERM;
	if (size > i->size && (m->seals & F_SEAL_GROW))
		return -EPERM;
	return mem_resize(i, size);
}

static void set_members(struct inode *i, const struct inode_attr *a) REQUIRES(INODE)
{
	inode_set_members(i, a);
	i->ctime_ns = a->valid & IATTR_CTIME ? a->ctime_ns : vfs_now();
}

static long mem_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	struct inode *i = d->inode;
	uint64_t before;
	bool cut;
	long err;

	err = a->valid & IATTR_SIZE ? mem_copy_up(d, true, a->size) : mem_take_attr(d);
	if (err < 0)
		return err;
	lock_take(&i->lock);
	before = i->size;
	if (a->valid & IATTR_SIZE)
		err = set_size(i, a->size);
	if (err == 0) {
		set_members(i, a);
		if ((a->valid & (IATTR_SIZE | IATTR_MTIME)) == IATTR_SIZE)
			i->mtime_ns = i->ctime_ns;
	}
	cut = i->size < before && (mem(i)->flags & MEM_MAPPED);
	lock_drop(&i->lock);
	if (UNLIKELY(cut))
		mm_file_cut(t->proc->mm, i, a->size, before);
	return err;
}

static long mem_readlink(struct lx_thread *t, struct inode *i, char *buf, size_t size)
{
	struct mem_priv *m = mem(i);
	char *text = m->u.target, *none = NULL, *copy;
	long n;

	if (text != NULL) {
		n = (long)MIN(strlen(text), size);
		memcpy(buf, text, (size_t)n);
		return n;
	}
	if (m->lower == NULL)
		return -EINVAL;
	copy = arena_alloc(PATH_MAX);
	if (copy == NULL)
		return -ENOMEM;
	n = host_target(m->lower, copy, PATH_MAX - 1);
	if (n < 0) {
		arena_free(copy);
		return n;
	}
	text = arena_alloc((size_t)n + 1);
	if (text != NULL) {
		memcpy(text, copy, (size_t)n);
		if (!__atomic_compare_exchange_n(&m->u.target, &none, text, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			arena_free(text);
	}
	memcpy(buf, copy, MIN((size_t)n, size));
	arena_free(copy);
	return MIN(n, (long)size);
}

static long open_regular(struct lx_thread *t, struct dentry *d, struct file *f)
{
	bool writes = (f->flags & O_ACCMODE) != O_RDONLY;
	long err = 0;

	if (mem(d->inode)->seals & F_SEAL_FUTURE_WRITE && writes)
		return -EPERM;
	if (writes)
		err = mem_copy_up(d, true, f->flags & O_TRUNC ? 0 : UINT64_MAX);
	if (err == 0)
		err = mem_lower_open(d, true);
	if (err == -EACCES && !writes && d->inode->size == 0 && mem_copy_up(d, true, UINT64_MAX) == 0)
		err = mem_lower_open(d, true); /* root's, and empty: mem_lower_contents */
	if (err == -ESTALE)
		dentry_drop(d);
	if (err == 0)
		f->kind = FILE_MEM;
	return err;
}

static long mem_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	switch (S_IFMT_(d->inode->mode)) {
	case S_IFREG:
		return open_regular(t, d, f);
	case S_IFIFO:
		return fifo_open(t, d->inode, f);
	case S_IFCHR:
	case S_IFBLK:
		return dev_open(t, d->inode, f);
	default:
		return -ENXIO;
	}
}

static long mem_tmpfile(struct lx_thread *t, struct dentry *dir, uint32_t mode, struct inode **out)
{
	struct inode *i = mem_inode_new(dir->inode->fs, mode);

	if (i == NULL)
		return -ENOSPC;
	inode_take_owner(t, dir->inode, i);
	if (UNLIKELY(dir->inode->special & ACL_DEFAULT) && acl_inherit(dir->inode, i) != 0) {
		inode_put(i);
		return -ENOSPC;
	}
	i->nlink = 0;
	*out = i;
	return 0;
}

uint64_t mem_pages_left(struct mount_fs *fs, uint64_t *total)
{
	struct arena_root *a = arena_root();
	uint64_t used = atomic_load(&a->pages_used) + atomic_load(&a->data_pages_used);

	*total = a->limit_pages;
	if (*total == 0 || *total > lx_state()->memtotal >> PAGE_SHIFT)
		*total = lx_state()->memtotal >> PAGE_SHIFT;
	if (fs != NULL && fs->limit_pages != 0) {
		*total = fs->limit_pages;
		used = atomic_load(&fs->pages);
	}
	return used < *total ? *total - used : 0;
}

static long mem_statfs(struct lx_thread *t, struct inode *i, struct statfs *out)
{
	struct mount_fs *fs = i->fs;
	uint64_t total, left = mem_pages_left(fs, &total);

	out->f_bsize = out->f_frsize = PAGE_SIZE;
	out->f_blocks = (long)total;
	out->f_bfree = out->f_bavail = (long)left;
	out->f_files = (long)total;
	out->f_ffree = out->f_bfree;
	if (fs->limit_inodes != 0) {
		out->f_files = (long)fs->limit_inodes;
		out->f_ffree = (long)(fs->limit_inodes - MIN(atomic_load(&fs->inodes), fs->limit_inodes));
	}
	return 0;
}

uint32_t mem_seals(struct inode *i)
{
	return mem(i)->seals;
}

void mem_map_writers(struct inode *i, int delta)
{
	if (mem(i)->flags & MEM_SEALS)
		atomic_fetch_add_explicit(&mem(i)->map_writers, (uint32_t)delta, memory_order_relaxed);
}

long mem_add_seals(struct inode *i, uint32_t seals)
{
	struct mem_priv *m = mem(i);
	long err = 0;

	if (!(m->flags & MEM_SEALS))
		return -EINVAL;
	lock_take(&i->lock);
	if (m->seals & F_SEAL_SEAL)
		err = -EPERM;
	else if ((seals & F_SEAL_WRITE) && !(m->seals & F_SEAL_WRITE) && atomic_load(&m->map_writers) != 0)
		err = -EBUSY;
	else
		m->seals |= seals;
	i->write_sealed = (m->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0;
	lock_drop(&i->lock);
	return err;
}

const struct inode_ops inode_mem_ops = {
	.name = "mem",
	.root = mem_root,
	.lookup = mem_lookup,
	.revalidate = mem_revalidate,
	.create = mem_create,
	.mkdir = mem_mkdir,
	.mknod = mem_mknod,
	.symlink = mem_symlink,
	.link = mem_link,
	.unlink = mem_unlink,
	.rmdir = mem_rmdir,
	.rename = mem_rename,
	.tmpfile = mem_tmpfile,
	.readlink = mem_readlink,
	.readdir = mem_readdir,
	.getattr = mem_getattr,
	.setattr = mem_setattr,
	.open = mem_open,
	.getxattr = mem_getxattr,
	.setxattr = mem_setxattr,
	.listxattr = mem_listxattr,
	.statfs = mem_statfs,
	.free = mem_free,
};
