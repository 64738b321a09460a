/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/mqueuefs.c - the mqueue file system: one folder with the message queues of an IPC
 * namespace, that of who mounted it.  An inode holds a reference on its queue; names are asked
 * for anew each time, as queues come and go by mq_open and mq_unlink too.
 */
#include "linux/fs/fs.h"
#include "linux/fs/special.h"
#include "linux/ipc/mqueue.h"
#include "linux/ns/ns.h"

#define STATUS_SIZE 80u /* what a queue's file says is not longer */

static struct ipc_root *root_of(const struct inode *dir)
{
	return ((struct ns *)dir->fs->priv[0])->ipc;
}

static struct mqueue *queue_of(const struct inode *i)
{
	return (struct mqueue *)i->priv[0];
}

/* mount_fs_put gives the namespace back. */
static struct inode *mq_root(struct mount_fs *fs, const char *data)
{
	struct ns *ns = ns_of(lx_current(), NS_IPC);
	struct inode *i = special_inode(fs, S_IFDIR | 01777, 1);

	if (i == NULL)
		return NULL;
	ns_get(ns);
	fs->priv[0] = ns;
	return i;
}

/* Takes over the reference on q. */
static struct inode *inode_of(struct mount_fs *fs, struct mqueue *q)
{
	struct inode *i = special_inode(fs, S_IFREG | q->mode, q->ino);

	if (i == NULL) {
		mqueue_put(q);
		return NULL;
	}
	i->uid = q->uid;
	i->gid = q->gid;
	i->size = STATUS_SIZE;
	i->priv[0] = (uint64_t)q;
	return i;
}

static long mq_lookup(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, struct lookup *hint,
	struct inode **out, uint64_t *valid_until)
{
	char text[NAME_MAX + 1];
	struct mqueue *q;

	*out = NULL;
	*valid_until = 0;
	memcpy(text, name, len);
	text[len] = '\0';
	ipc_lock();
	q = mqueue_find(root_of(dir->inode), text);
	if (q != NULL)
		ref_get(&q->ref);
	ipc_unlock();
	if (q == NULL)
		return 0;
	*out = inode_of(dir->inode->fs, q);
	return *out != NULL ? 0 : -ENOMEM;
}

static long mq_create(struct lx_thread *t, struct dentry *dir, const char *name, uint32_t len, uint32_t mode, struct inode **out)
{
	struct ns *ns = dir->inode->fs->priv[0];
	struct mqueue *q = NULL;
	long err;

	if (ns != ns_initial(NS_IPC) && atomic_load(&ns->members) == 0)
		return -EACCES; /* nobody is in it any more */
	ipc_lock();
	err = mqueue_find(root_of(dir->inode), name) != NULL ? -EEXIST : mqueue_create(t, root_of(dir->inode), name, mode, NULL, &q);
	if (err == 0)
		ref_get(&q->ref);
	ipc_unlock();
	if (err != 0)
		return err;
	*out = inode_of(dir->inode->fs, q);
	return *out != NULL ? 0 : -ENOMEM;
}

static long mq_unlink(struct lx_thread *t, struct dentry *dir, struct dentry *victim)
{
	struct mqueue *q = queue_of(victim->inode);
	bool named;

	ipc_lock();
	named = !list_empty(&q->link);
	if (named)
		mqueue_unname(q);
	ipc_unlock();
	if (!named)
		return -ENOENT;
	mqueue_put(q);
	return 0;
}

/* The first queue with a number of at least at. */
static bool next_queue(struct ipc_root *root, uint64_t at, char *name, uint64_t *ino)
{
	bool found = false;

	ipc_lock();
	LIST_FOR(q, &root->mqueues, struct mqueue, link)
		if (!found && q->ino >= at) {
			str_copy(name, q->name, NAME_MAX + 1);
			*ino = q->ino;
			found = true;
		}
	ipc_unlock();
	return found;
}

static long mq_readdir(struct lx_thread *t, struct dentry *dir, uint64_t *pos, struct dir_emit *d)
{
	char name[NAME_MAX + 1];
	uint64_t ino;

	while (next_queue(root_of(dir->inode), *pos, name, &ino)) {
		if (!d->emit(d, name, (uint32_t)strlen(name), ino, S_IFREG >> 12, ino + 1))
			break;
		*pos = ino + 1;
	}
	return 0;
}

static long mq_setattr(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	struct inode *i = d->inode;
	long err = special_setattr(t, d, a);

	if (err != 0 || IS_DIR(i))
		return err;
	ipc_lock();
	queue_of(i)->mode = i->mode & 0777;
	queue_of(i)->uid = i->uid;
	queue_of(i)->gid = i->gid;
	ipc_unlock();
	return 0;
}

static long mq_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	struct mqueue *q = queue_of(d->inode);

	ref_get(&q->ref);
	f->object = q;
	f->kind = FILE_MQUEUE;
	return 0;
}

static void mq_free(struct inode *i)
{
	if (!IS_DIR(i))
		mqueue_put(queue_of(i));
}

const struct inode_ops inode_mqueue_ops = {
	.name = "mqueue",
	.root = mq_root,
	.lookup = mq_lookup,
	.create = mq_create,
	.unlink = mq_unlink,
	.readdir = mq_readdir,
	.setattr = mq_setattr,
	.open = mq_open,
	.free = mq_free,
};
