/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/lock.c - record locks (POSIX and open file description) and flock.
 *
 * Every inode with locks has one list of them; one lock of the sandbox guards all
 * lists and one wait queue holds all who wait, because contended file locks are
 * rare.  A POSIX lock's owner is the descriptor table (threads share it, a fork does
 * not), the owner of the others is the open file.  Locks on files of -v folders are
 * also taken on the host, through the monitor, so that programs outside see them;
 * waiting for such a one is trying again every few milliseconds.
 */
#include "linux/fs/fs.h"

enum lock_kind { KIND_POSIX, KIND_OFD, KIND_FLOCK };

struct file_lock {
	struct list link;
	enum lock_kind kind;
	short type;          /* F_RDLCK or F_WRLCK */
	uint64_t start, end; /* last byte; INT64_MAX = to the end */
	void *owner;
	int pid;
	dk_handle stream;    /* it is held on the host too, through this one */
};

struct lock_list {
	struct list head;
	struct list waits;   /* struct lock_wait of this inode */
};

struct lock_wait {       /* somebody waits for a POSIX lock: for the deadlock check */
	struct list link;
	void *owner, *blocker;
};

static struct lock_list *list_of(struct inode *i)
{
	struct lock_list *l = i->flocks;

	if (l != NULL)
		return l;
	l = arena_alloc(sizeof *l);
	if (l == NULL)
		return NULL;
	list_init(&l->head);
	list_init(&l->waits);
	lock_take(&vfs()->locks_lock);
	if (i->flocks == NULL) {
		i->flocks = l;
		l = NULL;
	}
	lock_drop(&vfs()->locks_lock);
	arena_free(l);
	return i->flocks;
}

static bool conflicts(const struct file_lock *a, const struct file_lock *b)
{
	if ((a->kind == KIND_FLOCK) != (b->kind == KIND_FLOCK) || a->owner == b->owner)
		return false;
	if (a->type != F_WRLCK && b->type != F_WRLCK)
		return false;
	return a->start <= b->end && b->start <= a->end;
}

static struct file_lock *find_conflict(struct lock_list *l, const struct file_lock *want)
{
	LIST_FOR(k, &l->head, struct file_lock, link)
		if (conflicts(k, want))
			return k;
	return NULL;
}

static void host_unlock(const struct file_lock *k)
{
	struct dk_lock d = { .type = 0, .start = k->start, .length = k->end == INT64_MAX ? 0 : k->end - k->start + 1 };

	if (k->stream != DK_NO_HANDLE)
		(void)DkStreamAttributesSet(k->stream, NULL, DK_ATTR_LOCK, &d, sizeof d);
}

static struct file_lock *copy_of(const struct file_lock *from, uint64_t start, uint64_t end)
{
	struct file_lock *k = arena_alloc(sizeof *k);

	if (k == NULL)
		return NULL;
	*k = *from;
	k->start = start;
	k->end = end;
	list_init(&k->link);
	return k;
}

/* Takes [want->start, want->end] away from the owner's locks.  spare is used if one is cut in two. */
static void cut_own(struct lock_list *l, const struct file_lock *want, struct file_lock **spare)
{
	LIST_FOR_SAFE(k, n, &l->head, struct file_lock, link) {
		if (k->kind != want->kind || k->owner != want->owner || k->start > want->end || k->end < want->start)
			continue;
		if (k->start < want->start && k->end > want->end) {
			if (*spare != NULL) {
				struct file_lock *tail = *spare;

				*spare = NULL;
				*tail = *k;
				tail->start = want->end + 1;
				list_init(&tail->link);
				list_insert(&k->link, &tail->link);
			}
			k->end = want->start - 1;
		} else if (k->start < want->start) {
			k->end = want->start - 1;
		} else if (k->end > want->end) {
			k->start = want->end + 1;
		} else {
			list_remove(&k->link);
			arena_free(k);
		}
	}
}

/* Enters new and joins it with neighbours of the same owner and type. */
static void add_own(struct lock_list *l, struct file_lock *new)
{
	LIST_FOR_SAFE(k, n, &l->head, struct file_lock, link) {
		if (k->kind != new->kind || k->owner != new->owner || k->type != new->type || k->stream != new->stream)
			continue;
		if (k->end != INT64_MAX && k->end + 1 == new->start)
			new->start = k->start;
		else if (new->end != INT64_MAX && new->end + 1 == k->start)
			new->end = k->end;
		else
			continue;
		list_remove(&k->link);
		arena_free(k);
	}
	list_append(&l->head, &new->link);
}

/* True if owner would wait for itself through others.  Lists of all inodes are not walked: only
   this one's waits, which is where nearly all such knots are. */
static bool would_deadlock(struct lock_list *l, void *owner, void *blocker)
{
	for (int depth = 0; depth < 16; depth++) {
		void *next = NULL;

		if (blocker == owner)
			return true;
		LIST_FOR(w, &l->waits, struct lock_wait, link)
			if (w->owner == blocker)
				next = w->blocker;
		if (next == NULL)
			return false;
		blocker = next;
	}
	return false;
}

static bool blocked(struct lock_list *l, const struct file_lock *want)
{
	bool yes;

	lock_take(&vfs()->locks_lock);
	yes = find_conflict(l, want) != NULL;
	lock_drop(&vfs()->locks_lock);
	return yes;
}

static long wait_for(struct lock_list *l, const struct file_lock *want)
{
	struct lock_wait *w = arena_alloc(sizeof *w);
	struct file_lock *k;
	long err = 0;

	if (w == NULL)
		return -ENOLCK;
	lock_take(&vfs()->locks_lock);
	k = find_conflict(l, want);
	if (k != NULL && want->kind == KIND_POSIX && would_deadlock(l, want->owner, k->owner))
		err = -EDEADLK;
	w->owner = want->owner;
	w->blocker = k != NULL ? k->owner : NULL;
	list_append(&l->waits, &w->link);
	lock_drop(&vfs()->locks_lock);
	if (err == 0)
		WAIT_EVENT(&vfs()->locks_wait, DK_FOREVER, !blocked(l, want), err);
	lock_take(&vfs()->locks_lock);
	list_remove(&w->link);
	lock_drop(&vfs()->locks_lock);
	arena_free(w);
	return err;
}

/* Inside the sandbox. */
static long set_inside(struct lock_list *l, const struct file_lock *want, bool wait)
{
	struct file_lock *new = want->type != F_UNLCK ? copy_of(want, want->start, want->end) : NULL;
	struct file_lock *spare = copy_of(want, 0, 0);
	long err = spare == NULL || (want->type != F_UNLCK && new == NULL) ? -ENOLCK : 0;

	while (err == 0) {
		lock_take(&vfs()->locks_lock);
		if (want->type == F_UNLCK || find_conflict(l, want) == NULL) {
			cut_own(l, want, &spare);
			if (new != NULL)
				add_own(l, new);
			new = NULL;
			lock_drop(&vfs()->locks_lock);
			break;
		}
		lock_drop(&vfs()->locks_lock);
		err = wait ? wait_for(l, want) : -EAGAIN;
	}
	arena_free(new);
	arena_free(spare);
	if (err == 0)
		waitq_wake_all(&vfs()->locks_wait);
	return err;
}

#define HOST_RETRY_NS 10000000ull

static long set_on_host(const struct file_lock *want, bool wait)
{
	struct dk_lock d = { .type = want->type == F_UNLCK ? 0 : want->type == F_RDLCK ? 1 : 2, .start = want->start,
		.length = want->end == INT64_MAX ? 0 : want->end - want->start + 1 };

	for (;;) {
		enum dk_status status = DkStreamAttributesSet(want->stream, NULL, DK_ATTR_LOCK, &d, sizeof d);

		if (status != DK_AGAIN || !wait)
			return lx_err(status);
		status = pico_wait(pico_now() + HOST_RETRY_NS, 0);
		if (status != DK_OK && status != DK_TIMEOUT)
			return lx_wait_err(status);
	}
}

static long set_lock(struct inode *i, struct file_lock *want, bool wait)
{
	struct lock_list *l = list_of(i);
	long err;

	if (l == NULL)
		return -ENOLCK;
	err = set_inside(l, want, wait);
	if (err != 0 || want->stream == DK_NO_HANDLE)
		return err;
	err = set_on_host(want, wait);
	if (err != 0 && want->type != F_UNLCK) {
		want->type = F_UNLCK;
		(void)set_inside(l, want, false);
	}
	return err;
}

/* Takes all locks that match out; those on the host are given up there. */
static void release(struct inode *i, void *owner, bool posix)
{
	struct lock_list *l = i->flocks;

	for (;;) {
		struct file_lock *gone = NULL;

		lock_take(&vfs()->locks_lock);
		LIST_FOR(k, &l->head, struct file_lock, link)
			if (k->owner == owner && (k->kind == KIND_POSIX) == posix) {
				gone = k;
				list_remove(&k->link);
				break;
			}
		lock_drop(&vfs()->locks_lock);
		if (gone == NULL)
			return;
		host_unlock(gone);
		arena_free(gone);
		waitq_wake_all(&vfs()->locks_wait);
	}
}

void locks_release_posix(struct inode *i, struct fdtable *owner)
{
	if (owner != NULL)
		release(i, owner, true);
}

void locks_release_file(struct file *f)
{
	release(f->inode, f, false);
}

static long range_of(struct file *f, const struct flock *fl, struct file_lock *out)
{
	int64_t start = fl->l_start, end;

	switch (fl->l_whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		start += (int64_t)f->pos;
		break;
	case SEEK_END:
		if (ADD_OVERFLOW(start, (int64_t)f->inode->size, &start))
			return -EOVERFLOW;
		break;
	default:
		return -EINVAL;
	}
	if (fl->l_len < 0) {
		end = start - 1;
		start += fl->l_len;
	} else if (fl->l_len == 0) {
		end = INT64_MAX;
	} else if (ADD_OVERFLOW(start, fl->l_len - 1, &end))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	out->start = (uint64_t)start;
	out->end = (uint64_t)end;
	return 0;
}

static long get_lock(struct file *f, struct file_lock *want, struct flock *fl)
{
	struct lock_list *l = f->inode->flocks;
	struct file_lock *k;

	fl->l_type = F_UNLCK;
	if (l == NULL)
		return 0;
	lock_take(&vfs()->locks_lock);
	k = find_conflict(l, want);
	if (k != NULL) {
		fl->l_type = k->type;
		fl->l_whence = SEEK_SET;
		fl->l_start = (int64_t)k->start;
		fl->l_len = k->end == INT64_MAX ? 0 : (int64_t)(k->end - k->start + 1);
		fl->l_pid = k->kind == KIND_POSIX ? k->pid : -1;
	}
	lock_drop(&vfs()->locks_lock);
	return 0;
}

static long may_lock(const struct file *f, short type)
{
	uint32_t how = f->flags & O_ACCMODE;

	if (f->flags & O_PATH)
		return -EBADF;
	if ((type == F_RDLCK && how == O_WRONLY) || (type == F_WRLCK && how == O_RDONLY))
		return -EBADF;
	return type == F_RDLCK || type == F_WRLCK || type == F_UNLCK ? 0 : -EINVAL;
}

long lock_fcntl(struct lx_thread *t, struct file *f, uint32_t cmd, struct gva arg)
{
	bool ofd = cmd >= F_OFD_GETLK, get = cmd == F_GETLK || cmd == F_OFD_GETLK;
	struct file_lock want = { 0 };
	struct flock fl;
	long err;

	if (copy_in(&fl, arg, sizeof fl) != 0)
		return -EFAULT;
	if (f->inode == NULL)
		return -EBADF;
	if (ofd && fl.l_pid != 0)
		return -EINVAL;
	err = range_of(f, &fl, &want);
	if (err != 0)
		return err;
	list_init(&want.link);
	want.kind = ofd ? KIND_OFD : KIND_POSIX;
	want.type = fl.l_type;
	want.owner = ofd ? (void *)f : (void *)t->proc->fdt;
	want.pid = t->proc->pid;
	want.stream = f->kind == FILE_HOST ? f->stream : DK_NO_HANDLE;
	if (get) {
		if (fl.l_type != F_RDLCK && fl.l_type != F_WRLCK)
			return -EINVAL;
		err = get_lock(f, &want, &fl);
		return err != 0 ? err : copy_out(arg, &fl, sizeof fl);
	}
	err = may_lock(f, fl.l_type);
	return err != 0 ? err : set_lock(f->inode, &want, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
}

/* flock(2)'s own numbers. */
#define LOCK_SH_ 1
#define LOCK_EX_ 2
#define LOCK_NB_ 4
#define LOCK_UN_ 8

long lx_sys_flock(struct lx_thread *t, int fd, int op)
{
	struct file_lock want = { .kind = KIND_FLOCK, .start = 0, .end = INT64_MAX };
	struct file *f = fd_get(t, fd);
	long err = 0;

	if (f == NULL)
		return -EBADF;
	switch (op & ~LOCK_NB_) {
	case LOCK_SH_:
		want.type = F_RDLCK;
		break;
	case LOCK_EX_:
		want.type = F_WRLCK;
		break;
	case LOCK_UN_:
		want.type = F_UNLCK;
		break;
	default:
		err = -EINVAL;
	}
	if (err == 0 && (f->kind == FILE_PATH || f->inode == NULL))
		err = -EBADF;
	if (err == 0) {
		want.owner = f;
		want.pid = t->proc->pid;
		err = set_lock(f->inode, &want, !(op & LOCK_NB_));
	}
	file_put(f);
	return err;
}
