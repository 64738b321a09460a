/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/nsfs.c - namespaces as files: what /proc/PID/ns/X leads to, and what can be
 * opened, compared by stat, kept by a bind mount, given to setns and asked by ioctl.
 *
 * An inode holds a reference on its namespace and has its number; there may be several for
 * one.  They lie in a mount of their own that is in no tree.
 */
#include <linux/nsfs.h>

#include "linux/fs/fs.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"

#define NSFS_MAGIC 0x6e736673
#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(NSIO, 0x5, __u64)
#endif
#ifndef NS_GET_PID_FROM_PIDNS
#define NS_GET_PID_FROM_PIDNS  _IOR(NSIO, 0x6, int)
#define NS_GET_TGID_FROM_PIDNS _IOR(NSIO, 0x7, int)
#define NS_GET_PID_IN_PIDNS    _IOR(NSIO, 0x8, int)
#define NS_GET_TGID_IN_PIDNS   _IOR(NSIO, 0x9, int)
#endif

static struct mount *nsfs_mount(void)
{
	return lx_state()->nsfs;
}

/* Made by the first that needs it. */
static struct mount *make_mount(void)
{
	struct mount_fs *fs = mount_fs_new(INODE_NS, "nsfs", NSFS_MAGIC);
	struct inode *root = fs ? inode_new(INODE_NS, S_IFDIR | 0500) : NULL;
	struct dentry *d = root ? dentry_new(NULL, "", 0, root) : NULL;
	struct mount *m = NULL, *none = NULL;

	if (!d)
		return NULL;
	root->fs = fs;
	root->dev = fs->dev;
	fs->root = root;
	inode_get(root);
	if (mount_attach(NULL, fs, d, NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsfs", &m) != 0)
		return NULL;
	dentry_put(d);
	mount_fs_put(fs);
	if (!__atomic_compare_exchange_n(&lx_state()->nsfs, &none, m, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		mount_put(m);
		return none;
	}
	return m;
}

static struct inode *inode_of(struct ns *ns, struct mount_fs *fs)
{
	struct inode *i = inode_new(INODE_NS, S_IFREG | 0444);

	if (!i)
		return NULL;
	i->fs = fs;
	ref_get(&fs->ref);
	i->dev = fs->dev;
	i->ino = ns->ino;
	i->atime_ns = i->mtime_ns = i->ctime_ns = vfs_now();
	ns_get(ns);
	i->priv[0] = (uint64_t)ns;
	return i;
}

long nsfs_path(struct ns *ns, struct path *out)
{
	struct mount *m = nsfs_mount() ? nsfs_mount() : make_mount();
	struct inode *i = m ? inode_of(ns, m->fs) : NULL;
	char name[40];
	int n = fmt_snprintf(name, sizeof name, "%s:[%u]", ns_name(ns->kind), ns->ino);

	if (!i)
		return -ENOMEM;
	out->dentry = dentry_new(NULL, name, (uint32_t)n, i);
	if (!out->dentry) {
		inode_put(i);
		return -ENOMEM;
	}
	out->mnt = m;
	ref_get(&m->ref);
	return 0;
}

struct ns *nsfs_ns(const struct inode *i)
{
	return i && i->kind == INODE_NS && IS_REG(i) ? (struct ns *)i->priv[0] : NULL;
}

struct ns *ns_of_file(const struct file *f)
{
	return f->kind == FILE_NS ? nsfs_ns(f->inode) : NULL;
}

static void ns_inode_free(struct inode *i)
{
	ns_put(nsfs_ns(i));
}

static long ns_open(struct lx_thread *t, struct dentry *d, struct file *f)
{
	if ((f->flags & O_ACCMODE) != O_RDONLY)
		return -EPERM;
	f->kind = FILE_NS;
	return 0;
}

static long no_change(struct lx_thread *t, struct dentry *d, const struct inode_attr *a)
{
	return -EPERM;
}

const struct inode_ops inode_ns_ops = {
	.name = "ns",
	.open = ns_open,
	.setattr = no_change,
	.free = ns_inode_free,
};

/* ---- The files ---- */

static long open_ns(struct lx_thread *t, struct ns *ns)
{
	struct path p;
	struct file *f;
	long err = nsfs_path(ns, &p);

	if (err)
		return err;
	err = open_path(t, &p, O_RDONLY | O_CLOEXEC, &f);
	path_put(&p);
	if (err)
		return err;
	err = fd_install(t, f, true, 0);
	if (err < 0)
		file_put(f);
	return err;
}

/* NULL: it lies outside of what the caller can see. */
static struct ns *parent_of(struct lx_thread *t, struct ns *ns)
{
	struct ns *up = ns->kind == NS_PID ? ns->parent : ns->user, *own;

	if (ns->level == 0)
		return NULL;
	if (ns->kind == NS_PID)
		return pid_ns_inside(up, pid_ns_of(t->proc)) ? up : NULL;
	own = user_ns_of(t);
	for (struct ns *u = up;; u = u->user) {
		if (u == own)
			return up;
		if (u->level == 0)
			return NULL;
	}
}

static struct ns *owner_of(struct lx_thread *t, struct ns *ns)
{
	struct ns *own = user_ns_of(t);

	if (ns->kind == NS_USER)
		return parent_of(t, ns);
	for (struct ns *u = ns->user;; u = u->user) {
		if (u == own)
			return ns->user;
		if (u->level == 0)
			return NULL;
	}
}

/* A number of ns as the caller counts, or the other way round. */
static long other_number(struct lx_thread *t, struct ns *ns, uint32_t cmd, int nr)
{
	bool in = cmd == NS_GET_PID_IN_PIDNS || cmd == NS_GET_TGID_IN_PIDNS, group = cmd == NS_GET_TGID_FROM_PIDNS || cmd == NS_GET_TGID_IN_PIDNS;
	struct ns *own = pid_ns_of(t->proc);
	struct lx_thread *o;
	int found = 0;

	lock_take(&lx_state()->tasklist);
	o = thread_find_global(pid_from_ns(in ? own : ns, nr));
	if (o != NULL)
		found = pid_in_ns(in ? ns : own, group ? o->proc->pid : o->tid);
	lock_drop(&lx_state()->tasklist);
	return found != 0 ? found : -ESRCH;
}

static long ns_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	struct ns *ns = nsfs_ns(f->inode), *other;
	uint32_t owner;

	switch (cmd) {
	case NS_GET_USERNS:
		other = owner_of(t, ns);
		return other ? open_ns(t, other) : -EPERM;
	case NS_GET_PARENT:
		if (ns->kind != NS_USER && ns->kind != NS_PID)
			return -EINVAL;
		other = parent_of(t, ns);
		return other ? open_ns(t, other) : -EPERM;
	case NS_GET_NSTYPE:
		return ns_clone_flag(ns->kind);
	case NS_GET_OWNER_UID:
		if (ns->kind != NS_USER)
			return -EINVAL;
		owner = uid_out(t, ns->owner);
		return PUT_USER((struct gva){ arg }, owner);
	case NS_GET_MNTNS_ID:
		return ns->kind != NS_MNT ? -EINVAL : PUT_USER((struct gva){ arg }, (uint64_t)ns->ino);
	case NS_GET_PID_FROM_PIDNS:
	case NS_GET_TGID_FROM_PIDNS:
	case NS_GET_PID_IN_PIDNS:
	case NS_GET_TGID_IN_PIDNS:
		return ns->kind != NS_PID ? -EINVAL : other_number(t, ns, cmd, (int)arg);
	default:
		return -ENOTTY;
	}
}

extern const struct file_ops file_ns_ops;
const struct file_ops file_ns_ops = {
	.name = "ns",
	.ioctl = ns_ioctl,
};
