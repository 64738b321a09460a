/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/landlock_check.c - what a Landlock domain allows.
 *
 * A right on a file is granted if in every layer that handles it a rule on the file or on a
 * folder above gives it.  Above means: up through the mounts to the end of their tree, without
 * the folders that are mounted over; the process's root does not matter.
 *
 * The way up is read under MOUNT and the lock of the dentries' tree, where nothing else is
 * taken: rules are compared by their inodes, or by file system, device and number.
 */
#include <linux/fs.h>

#include "linux/sec/landlock.h"
#include "linux/fs/fs.h"

/* By layer (depth - 1): rights that were asked for, are handled, and not granted so far. */
struct lacks {
	const struct landlock_domain *domain;
	uint32_t layer[LANDLOCK_LAYERS];
};

static void lacks_all(struct lacks *l, const struct landlock_domain *domain, uint32_t access)
{
	l->domain = domain;
	for (const struct landlock_domain *d = domain; d; d = d->parent)
		l->layer[d->depth - 1] = d->fs & access;
}

static uint32_t lacks_any(const struct lacks *l)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < l->domain->depth; i++)
		all |= l->layer[i];
	return all;
}

/* What d's rules say of i itself. */
static uint32_t granted(const struct landlock_domain *d, const struct inode *i)
{
	uint32_t access = 0;

	for (const struct landlock_rule *r = d->rule; r < d->rule + d->count; r++)
		if (r->inode == i || (r->ino == i->ino && r->dev == i->dev && r->fs == i->fs && r->ino))
			access |= r->access;
	return access;
}

static void grant(struct lacks *l, const struct inode *i)
{
	for (const struct landlock_domain *d = l->domain; d; d = d->parent)
		if (l->layer[d->depth - 1])
			l->layer[d->depth - 1] &= ~granted(d, i);
}

/* Files of the kernel's own file systems, which no path leads to, are everybody's. */
static bool is_internal(const struct mount *m)
{
	return m == vfs()->anon_mount || m == lx_state()->nsfs || m->fs == vfs()->memfd_fs;
}

/* d is nowhere mounted over: where it is in the tree that the walk up goes on in.  False: the end. */
static bool step_up(const struct mount **m, const struct dentry **d)
{
	while (*d == (*m)->root) {
		if ((*m)->parent == *m)
			return false;
		*d = (*m)->point;
		*m = (*m)->parent;
	}
	if ((*d)->parent == *d)
		return false;
	*d = (*d)->parent;
	return true;
}

static void climb(struct lacks *l, const struct path *p)
{
	const struct mount *m = p->mnt;
	const struct dentry *d = p->dentry;

	if (d->flags & D_FILE || is_internal(m)) {
		lacks_all(l, l->domain, 0);
		return;
	}
	lock_take(&vfs()->mount_lock);
	lock_take(&vfs()->dcache.tree);
	do {
		if (d->inode)
			grant(l, d->inode);
	} while (lacks_any(l) && step_up(&m, &d));
	if (is_internal(m))
		lacks_all(l, l->domain, 0);
	lock_drop(&vfs()->dcache.tree);
	lock_drop(&vfs()->mount_lock);
}

uint32_t landlock_missing(const struct lx_thread *t, const struct path *p, uint32_t access)
{
	struct lacks l;

	lacks_all(&l, t->cred.landlock, access);
	if (!lacks_any(&l))
		return 0;
	climb(&l, p);
	return lacks_any(&l);
}

/* ---- What calls need ---- */

uint32_t landlock_make_right(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return LL_MAKE_SYM;
	case S_IFDIR:
		return LL_MAKE_DIR;
	case S_IFCHR:
		return LL_MAKE_CHAR;
	case S_IFBLK:
		return LL_MAKE_BLOCK;
	case S_IFIFO:
		return LL_MAKE_FIFO;
	case S_IFSOCK:
		return LL_MAKE_SOCK;
	default:
		return LL_MAKE_REG;
	}
}

uint32_t landlock_open_rights(const struct inode *i, int flags, bool exec)
{
	int how = flags & O_ACCMODE;

	if (IS_DIR(i))
		return how == O_RDONLY ? LL_READ_DIR : 0;
	return (how == O_RDONLY || how == O_RDWR ? LL_READ_FILE : 0) | (how == O_WRONLY || how == O_RDWR ? LL_WRITE_FILE : 0) |
		(exec ? LL_EXECUTE : 0);
}

/* What any descriptor can do, or what concerns the file and not the device. */
static bool is_general(uint32_t cmd)
{
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
	case FIONBIO:
	case FIOASYNC:
	case FIOQSIZE:
	case FIFREEZE:
	case FITHAW:
	case FIGETBSZ:
	case FICLONE:
	case FICLONERANGE:
	case FIDEDUPERANGE:
	case 0xc020660bu: /* FS_IOC_FIEMAP */
	case 0x80111500u: /* FS_IOC_GETFSUUID */
	case 0x80811501u: /* FS_IOC_GETFSSYSFSPATH */
		return true;
	default:
		return false;
	}
}

long landlock_ioctl(const struct file *f, uint32_t cmd)
{
	uint32_t type = f->inode ? S_IFMT_(f->inode->mode) : 0;

	return (type == S_IFCHR || type == S_IFBLK) && !is_general(cmd) ? -EACCES : 0;
}

/* ---- link and rename ---- */

void landlock_ends(const struct lx_thread *t, const struct path *from_dir, const struct path *to_dir, struct landlock_ends *e)
{
	struct lacks l;

	lacks_all(&l, t->cred.landlock, LL_FS_ALL);
	climb(&l, from_dir);
	memcpy(e->from, l.layer, sizeof e->from);
	e->same = from_dir->dentry == to_dir->dentry;
	if (!e->same) {
		lacks_all(&l, t->cred.landlock, LL_FS_ALL);
		climb(&l, to_dir);
	}
	memcpy(e->to, l.layer, sizeof e->to);
}

static uint32_t lost(const struct landlock_domain *d, const uint32_t *layer)
{
	uint32_t all = 0;

	for (; d; d = d->parent)
		all |= layer[d->depth - 1];
	return all;
}

/* Would child, coming from a folder with those rights missing to the other, get rights it did not have? */
static bool gains(const struct landlock_domain *d, const struct inode *child, const uint32_t *here, const uint32_t *there)
{
	uint32_t kind = IS_DIR(child) ? LL_FS_ALL : LL_FS_FILE;

	for (; d; d = d->parent) {
		uint32_t had_not = here[d->depth - 1] & ~granted(d, child) & kind;

		if (had_not & ~there[d->depth - 1])
			return true;
	}
	return false;
}

static uint32_t remove_right(const struct inode *i)
{
	return !i ? 0 : IS_DIR(i) ? LL_REMOVE_DIR : LL_REMOVE_FILE;
}

long landlock_refer(const struct lx_thread *t, const struct landlock_ends *e, const struct inode *from, const struct inode *over,
	bool removes, bool exchange)
{
	const struct landlock_domain *d = t->cred.landlock;
	uint32_t here = exchange ? landlock_make_right(over->mode) : 0, there = landlock_make_right(from->mode);
	uint32_t lacks_here = lost(d, e->from), lacks_there = lost(d, e->to);

	if (!d->any_fs)
		return 0;
	if (removes) {
		here |= remove_right(from);
		there |= remove_right(over);
	}
	if (e->same)
		return (here | there) & lacks_here ? -EACCES : 0;
	if ((here & lacks_here) || (there & lacks_there))
		return -EACCES;
	if (LL_REFER & (lacks_here | lacks_there))
		return -EXDEV;
	if (gains(d, from, e->from, e->to) || (exchange && gains(d, over, e->to, e->from)))
		return -EXDEV;
	return 0;
}

long landlock_mount(const struct lx_thread *t)
{
	return landlocked(t) && t->cred.landlock->any_fs ? -EPERM : 0;
}

/* ---- Other processes ---- */

static bool is_within(const struct landlock_domain *d, const struct landlock_domain *above)
{
	while (d && d->depth > above->depth)
		d = d->parent;
	return d == above;
}

bool landlock_may_trace(const struct lx_thread *t, const struct lx_thread *o)
{
	return !landlocked(t) || is_within(o->cred.landlock, t->cred.landlock);
}

bool landlock_scoped(const struct lx_thread *t, const struct landlock_domain *whose, uint32_t scope)
{
	for (const struct landlock_domain *d = t->cred.landlock; d; d = d->parent)
		if ((d->scoped & scope) && !is_within(whose, d))
			return true;
	return false;
}

long landlock_port_check(const struct lx_thread *t, uint16_t port, uint32_t access)
{
	for (const struct landlock_domain *d = t->cred.landlock; d; d = d->parent) {
		uint32_t missing = d->net & access;

		for (uint32_t i = 0; i < d->nports; i++)
			if (d->port[i].port == port)
				missing &= ~(uint32_t)d->port[i].access;
		if (missing)
			return -EACCES;
	}
	return 0;
}
