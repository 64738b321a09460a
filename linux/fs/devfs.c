/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/devfs.c - /dev: a fixed set of names.  What the devices do is in dev.c,
 * as their nodes may lie in any file system.
 */
#include "linux/fs/fs.h"
#include "linux/fs/loop.h"
#include "linux/fs/special.h"
#include "linux/fs/tty.h"

struct dev_node {
	const char *name;
	uint32_t mode, major, minor;
	const char *link;
};
static const struct dev_node nodes[] = {
	{ "null", S_IFCHR | 0666, 1, 3, NULL },
	{ "zero", S_IFCHR | 0666, 1, 5, NULL },
	{ "full", S_IFCHR | 0666, 1, 7, NULL },
	{ "random", S_IFCHR | 0666, 1, 8, NULL },
	{ "urandom", S_IFCHR | 0666, 1, 9, NULL },
	{ "kmsg", S_IFCHR | 0644, 1, 11, NULL },
	{ "tty", S_IFCHR | 0666, 5, 0, NULL },
	{ "console", S_IFCHR | 0620, 5, 1, NULL },
	{ "ptmx", S_IFCHR | 0666, 5, 2, NULL },
	{ "pts", S_IFDIR | 0755, 0, 0, NULL },
	{ "shm", S_IFDIR | 01777, 0, 0, NULL },
	{ "mqueue", S_IFDIR | 01777, 0, 0, NULL },
	{ "fd", S_IFLNK | 0777, 0, 0, "/proc/self/fd" },
	{ "stdin", S_IFLNK | 0777, 0, 0, "/proc/self/fd/0" },
	{ "stdout", S_IFLNK | 0777, 0, 0, "/proc/self/fd/1" },
	{ "stderr", S_IFLNK | 0777, 0, 0, "/proc/self/fd/2" },
	{ "userfaultfd", S_IFCHR | 0600, MISC_MAJOR, MISC_UFFD, NULL },
	{ "loop-control", S_IFCHR | 0660, MISC_MAJOR, MISC_LOOP_CONTROL, NULL },
#define LOOP_NODE(n) { "loop" #n, S_IFBLK | 0660, LOOP_MAJOR, n, NULL }
	LOOP_NODE(0), LOOP_NODE(1), LOOP_NODE(2), LOOP_NODE(3), LOOP_NODE(4), LOOP_NODE(5), LOOP_NODE(6), LOOP_NODE(7),
	LOOP_NODE(8), LOOP_NODE(9), LOOP_NODE(10), LOOP_NODE(11), LOOP_NODE(12), LOOP_NODE(13), LOOP_NODE(14), LOOP_NODE(15),
};

struct inode *special_inode(struct mount_fs *fs, uint32_t mode, uint64_t ino)
{
	struct inode *i = inode_new(fs->kind, mode);

	if (!i)
		return NULL;
	if (fs->root)
		ref_get(&fs->ref);
	i->fs = fs;
	i->dev = fs->dev;
	i->ino = ino;
	i->nlink = S_IFMT_(mode) == S_IFDIR ? 2 : 1;
	i->atime_ns = i->mtime_ns = i->ctime_ns = i->btime_ns = vfs_now();
	return i;
}

long special_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	struct inode *i = d->inode;

	lock_take(&i->lock);
	inode_set_members(i, a);
	if (a->valid & IATTR_CTIME)
		i->ctime_ns = a->ctime_ns;
	lock_drop(&i->lock);
	return 0;
}

static struct inode *dev_root(struct mount_fs *fs, const char *data)
{
	struct inode *i = special_inode(fs, S_IFDIR | 0755, 1);

	if (i)
		i->priv[DEV_NUMBER] = DEV_ROOT;
	return i;
}

static struct inode *make_node(struct mount_fs *fs, unsigned n)
{
	struct inode *i = special_inode(fs, nodes[n].mode, n + 2);

	if (!i)
		return NULL;
	i->priv[DEV_NUMBER] = n;
	i->rdev = LX_DEV(nodes[n].major, nodes[n].minor);
	if (nodes[n].link)
		i->size = strlen(nodes[n].link);
	if (nodes[n].major == 5)
		i->gid = nodes[n].minor == 1 ? 0 : 5; /* group tty */
	if (nodes[n].major == LOOP_MAJOR || nodes[n].major == MISC_MAJOR)
		i->gid = 6; /* group disk */
	return i;
}

static long dev_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
	struct inode **out, uint64_t *valid_until)
{
	*valid_until = UINT64_MAX;
	*out = NULL;
	if (dir->inode->priv[DEV_NUMBER] != DEV_ROOT)
		return 0;
	for (unsigned n = 0; n < ARRAY_LEN(nodes); n++) {
		if (strlen(nodes[n].name) == len && !memcmp(nodes[n].name, name, len)) {
			*out = make_node(dir->inode->fs, n);
			return *out ? 0 : -ENOMEM;
		}
	}
	return 0;
}

static long dev_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *d)
{
	if (dir->inode->priv[DEV_NUMBER] != DEV_ROOT)
		return 0;
	for (; *pos - 2 < ARRAY_LEN(nodes); ++*pos) {
		const struct dev_node *n = &nodes[*pos - 2];

		if (!d->emit(d, n->name, (uint32_t)strlen(n->name), *pos, n->mode >> 12, *pos + 1))
			break;
	}
	return 0;
}

static long dev_readlink(struct lx_thread *t, struct inode *i, char *buf, size_t size)
{
	const char *link = i->priv[DEV_NUMBER] < ARRAY_LEN(nodes) ? nodes[i->priv[DEV_NUMBER]].link : NULL;
	size_t n;

	if (!link)
		return -EINVAL;
	n = MIN(strlen(link), size);
	memcpy(buf, link, n);
	return (long)n;
}

static long dev_getattr(struct lx_thread *t, struct inode *i)
{
	return i->priv[DEV_NUMBER] == DEV_IS_STD ? std_getattr(i) : 0;
}

static long dev_node_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	if (IS_DIR(f->inode)) {
		f->kind = FILE_DIR;
		return 0;
	}
	return dev_open(t, f->inode, f);
}

const struct inode_ops inode_dev_ops = {
	.name = "dev",
	.root = dev_root,
	.lookup = dev_lookup,
	.readdir = dev_readdir,
	.readlink = dev_readlink,
	.getattr = dev_getattr,
	.setattr = special_setattr,
	.open = dev_node_open,
};
