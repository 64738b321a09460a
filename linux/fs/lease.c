/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/lease.c - F_SETLEASE: a program is told before somebody else opens its file.
 *
 * Leases are in the inode's lock list, under the lock of all file locks.  An open or
 * truncation that is in a lease's way marks it as being broken, signals its holder
 * and waits until he gave it back or up, or his time is over (fs.lease-break-time,
 * 45 s): then it is taken.  Programs outside of the sandbox break none.
 */
#include "linux/fs/fasync.h"
#include "linux/ns/ns.h"
#include "linux/fs/lock.h"
#include "linux/fs/procfs.h"

struct lease {
	struct list link;     /* [INODE: vfs()->locks_lock] in lock_list.leases */
	struct file *file;    /* no reference: its end takes the lease away */
	int fd;
	short type, target;   /* target: what it is to become; the same while nobody breaks it */
	uint64_t deadline;    /* of a break */
};

bool lease_there(const struct inode *i)
{
	const struct lock_list *l = __atomic_load_n(&i->flocks, __ATOMIC_ACQUIRE);

	return l != NULL && !list_empty(&l->leases);
}

static struct lease *find(struct lock_list *l, const struct file *f)
{
	LIST_FOR(k, &l->leases, struct lease, link)
		if (k->file == f)
			return k;
	return NULL;
}

/* May f have a lease of that type, as far as who has the file open goes? */
static bool open_by_others(const struct file *f, short type)
{
	const struct inode *i = f->inode;
	bool writes = (f->flags & O_ACCMODE) != O_RDONLY;

	if (type == F_RDLCK)
		return __atomic_load_n(&i->writers, __ATOMIC_SEQ_CST) != 0;
	return i->writers != (writes ? 1u : 0u) || i->readers != (writes ? 0u : 1u);
}

static long conflicts(struct lock_list *l, const struct file *f, short type)
{
	LIST_FOR(k, &l->leases, struct lease, link) {
		if (k->file == f)
			continue;
		if (type == F_WRLCK || k->target == F_UNLCK)
			return -EAGAIN;
	}
	return 0;
}

static long change(struct lock_list *l, struct file *f, short type, struct lease **fresh)
{
	struct lease *k = find(l, f);

	if (type == F_UNLCK) {
		if (k == NULL)
			return -EAGAIN;
		list_remove(&k->link);
		*fresh = k; /* the caller frees it */
		return 0;
	}
	if (open_by_others(f, type) || conflicts(l, f, type) != 0)
		return -EAGAIN;
	if (k == NULL) {
		k = *fresh;
		*fresh = NULL;
		list_append(&l->leases, &k->link);
	}
	k->type = k->target = type;
	return 0;
}

long lease_set(struct lx_thread *t, struct file *f, int fd, uint64_t type)
{
	struct lock_list *l;
	struct lease *k;
	long err;

	if (f->inode == NULL || !IS_REG(f->inode))
		return -EINVAL;
	if (t->cred.fsuid != f->inode->uid && !inode_capable(t, f->inode, CAP_LEASE))
		return -EACCES;
	if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
		return -EINVAL;
	l = lock_list_of(f->inode);
	k = type == F_UNLCK ? NULL : arena_alloc(sizeof *k);
	if (l == NULL || (k == NULL && type != F_UNLCK))
		return -ENOLCK;
	if (k != NULL) {
		list_init(&k->link);
		k->file = f;
		k->fd = fd;
		owner_default(t, f);
	}
	lock_take(&vfs()->locks_lock);
	err = change(l, f, (short)type, &k);
	lock_drop(&vfs()->locks_lock);
	arena_free(k);
	waitq_wake_all(&vfs()->locks_wait);
	return err;
}

long lease_get(struct file *f)
{
	struct lock_list *l = f->inode != NULL ? f->inode->flocks : NULL;
	struct lease *k;
	long type = F_UNLCK;

	if (l == NULL)
		return F_UNLCK;
	lock_take(&vfs()->locks_lock);
	k = find(l, f);
	if (k != NULL)
		type = k->target;
	lock_drop(&vfs()->locks_lock);
	return type;
}

void lease_release(struct file *f)
{
	struct lock_list *l = f->inode->flocks;
	struct lease *k;

	lock_take(&vfs()->locks_lock);
	k = find(l, f);
	if (k != NULL)
		list_remove(&k->link);
	lock_drop(&vfs()->locks_lock);
	if (k == NULL)
		return;
	arena_free(k);
	waitq_wake_all(&vfs()->locks_wait);
}

static bool in_the_way(const struct lease *k, bool writes)
{
	return writes || k->type == F_WRLCK;
}

/* Marks and tells; a lease whose time is over is taken.  False: none is in the way any more.  *until: the next end. */
static bool still_leased(struct inode *i, bool writes, uint64_t *until)
{
	struct lock_list *l = i->flocks;
	uint64_t now = pico_now();
	bool any = false;

	*until = DK_FOREVER;
	lock_take(&vfs()->locks_lock);
	LIST_FOR_SAFE(k, n, &l->leases, struct lease, link) {
		short target = writes ? F_UNLCK : F_RDLCK;

		if (!in_the_way(k, writes))
			continue;
		if (k->target == k->type || (target == F_UNLCK && k->target != F_UNLCK)) { /* told of each further demand */
			k->deadline = now + sysctl_value(CTL_LEASE_BREAK) * 1000000000ull;
			k->target = target;
			owner_signal(k->file, k->fd, POLL_MSG, POLLIN | POLLRDNORM | POLLMSG);
		} else if (now >= k->deadline) {
			k->type = k->target;
			if (k->type == F_UNLCK) {
				list_remove(&k->link);
				arena_free(k);
			}
			continue;
		}
		any = true;
		*until = MIN(*until, k->deadline);
	}
	lock_drop(&vfs()->locks_lock);
	return any;
}

long lease_break(struct inode *i, bool writes, bool wait)
{
	struct waiter *w = waiter_self(0);
	uint64_t until;
	long err = 0;

	if (!still_leased(i, writes, &until))
		return 0;
	if (!wait)
		return -EWOULDBLOCK;
	waitq_add(&vfs()->locks_wait, w);
	while (err == 0 && still_leased(i, writes, &until)) {
		enum dk_status status = pico_wait(until, 0);

		if (status != DK_OK && status != DK_TIMEOUT)
			err = lx_wait_err(status);
	}
	waitq_remove(&vfs()->locks_wait, w);
	return err;
}
