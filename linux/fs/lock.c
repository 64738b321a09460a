/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/lock.c - record locks (POSIX and open file description) and flock.
 *
 * Every inode with locks has one list of them, by start; one lock of the sandbox
 * guards all lists and one wait queue holds all who wait, because contended file
 * locks are rare.  A POSIX lock's owner is the descriptor table (threads share it, a
 * fork does not), the owner of the others is the open file.
 *
 * Locks on files of -v folders are also taken on the host (lock_dk.c), so that
 * programs outside see them and are seen.  A change of such a list is one
 * transaction under its change lock: nobody here is in the way, the host agrees,
 * then it is entered here.  Who has to wait holds nothing meanwhile: for somebody
 * inside it sleeps until a lock goes, for somebody outside it asks again, at first
 * soon, then every few milliseconds.  Knots of waiters inside are found and refused
 * (EDEADLK); the host cannot find one through us, as it cannot for any lock of an
 * open file description.
 */
#include "linux/fs/lock.h"
#include "linux/ns/ns.h"

struct lock_wait { /* somebody waits for a POSIX lock: for the deadlock check */
	struct list link;
	void *owner, *blocker;
};

struct lock_list *lock_list_of(struct inode *i)
{
	struct lock_list *l = i->flocks;

	if (l != NULL)
		return l;
	l = arena_alloc(sizeof *l);
	if (l == NULL)
		return NULL;
	list_init(&l->head);
	list_init(&l->leases);
	lock_init(&l->change, LOCK_FILE);
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

/* Behind all that there is: the usual case of a program that locks record after record. */
static bool behind_all(const struct lock_list *l, const struct file_lock *want)
{
	return list_empty(&l->head) || (l->top != INT64_MAX && want->start > l->top + 1);
}

static struct file_lock *find_conflict(struct lock_list *l, const struct file_lock *want)
{
	if (behind_all(l, want))
		return NULL;
	LIST_FOR(k, &l->head, struct file_lock, link) {
		if (k->start > want->end)
			break;
		if (conflicts(k, want))
			return k;
	}
	return NULL;
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

/* By start. */
static void insert(struct lock_list *l, struct file_lock *new)
{
	struct list *at = l->head.prev;

	while (at != &l->head && LIST_ENTRY(at, struct file_lock, link)->start > new->start)
		at = at->prev;
	list_insert(at, &new->link);
}

static bool same_owner(const struct file_lock *a, const struct file_lock *b)
{
	return a->kind == b->kind && a->owner == b->owner;
}

/* Takes [want->start, want->end] away from the owner's locks.  spare is used if one is cut in two. */
static void cut_own(struct lock_list *l, const struct file_lock *want, struct file_lock **spare)
{
	if (behind_all(l, want))
		return;
	LIST_FOR_SAFE(k, n, &l->head, struct file_lock, link) {
		struct file_lock *tail;

		if (k->start > want->end)
			break;
		if (!same_owner(k, want) || k->end < want->start)
			continue;
		if (k->start < want->start && k->end > want->end) {
			tail = *spare;
			*spare = NULL;
			*tail = *k;
			k->end = want->start - 1;
			tail->start = want->end + 1;
			list_init(&tail->link);
			insert(l, tail);
			break;
		}
		if (k->start < want->start) {
			k->end = want->start - 1;
			continue;
		}
		list_remove(&k->link);
		if (k->end > want->end) {
			k->start = want->end + 1;
			insert(l, k);
			break;
		}
		arena_free(k);
	}
}

/* Enters new and joins it with neighbours of the same owner and type. */
static void add_own(struct lock_list *l, struct file_lock *new)
{
	bool last = behind_all(l, new);

	l->top = list_empty(&l->head) ? new->end : MAX(l->top, new->end);
	if (last) {
		list_append(&l->head, &new->link);
		return;
	}
	LIST_FOR_SAFE(k, n, &l->head, struct file_lock, link) {
		if (new->end != INT64_MAX && k->start > new->end + 1)
			break;
		if (!same_owner(k, new) || k->type != new->type)
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
	insert(l, new);
}

/* True if owner would wait for itself through others. */
static bool would_deadlock(void *owner, void *blocker)
{
	for (int depth = 0; depth < 64; depth++) {
		void *next = NULL;

		if (blocker == owner)
			return true;
		LIST_FOR(w, &vfs()->lock_waits, struct lock_wait, link)
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

/* Whether want's waiter w has to wait on; whom it waits for may have changed.  *err: it would wait for ever. */
static bool must_wait(struct lock_list *l, const struct file_lock *want, struct lock_wait *w, long *err)
{
	struct file_lock *k;

	lock_take(&vfs()->locks_lock);
	k = find_conflict(l, want);
	w->blocker = NULL;
	if (k != NULL && want->kind == KIND_POSIX && k->kind == KIND_POSIX) {
		if (would_deadlock(want->owner, k->owner))
			*err = -EDEADLK;
		w->blocker = k->owner;
	}
	lock_drop(&vfs()->locks_lock);
	return k != NULL && *err == 0;
}

/* Until nobody here is in the way. */
static long wait_inside(struct lock_list *l, const struct file_lock *want)
{
	struct lock_wait *w = arena_alloc(sizeof *w);
	long err = 0, refused = 0;

	if (w == NULL)
		return -ENOLCK;
	w->owner = want->owner;
	lock_take(&vfs()->locks_lock);
	list_append(&vfs()->lock_waits, &w->link);
	lock_drop(&vfs()->locks_lock);
	WAIT_EVENT(&vfs()->locks_wait, DK_FOREVER, !must_wait(l, want, w, &refused), err);
	lock_take(&vfs()->locks_lock);
	list_remove(&w->link);
	lock_drop(&vfs()->locks_lock);
	arena_free(w);
	return refused != 0 ? refused : err;
}

#define HOST_RETRY_MIN 200000ull
#define HOST_RETRY_MAX 10000000ull

/* Until it is worth asking the host again; longer each time. */
static long wait_outside(uint64_t *delay)
{
	enum dk_status status = pico_wait(pico_now() + *delay, 0);

	*delay = MIN(*delay * 2, HOST_RETRY_MAX);
	return status == DK_OK || status == DK_TIMEOUT ? 0 : lx_wait_err(status);
}

static bool on_host(const struct file *f)
{
	return f->kind == FILE_HOST;
}

/* Enters want, which is in nobody's way; new is used up if it locks, spare if it cuts a lock in two. */
static void enter(struct lock_list *l, const struct file_lock *want, struct file_lock **new, struct file_lock **spare)
{
	lock_take(&vfs()->locks_lock);
	cut_own(l, want, spare);
	if (want->type != F_UNLCK) {
		add_own(l, *new);
		*new = NULL;
	}
	lock_drop(&vfs()->locks_lock);
}

/* One try.  -EAGAIN: *outside says where who is in the way is. */
static long try_lock(struct lock_list *l, struct file *f, const struct file_lock *want, struct file_lock **new,
	struct file_lock **spare, bool *outside)
{
	long err = 0;

	*outside = false;
	lock_take(&l->change);
	if (want->type != F_UNLCK && blocked(l, want)) {
		err = -EAGAIN;
	} else if (want->type != F_UNLCK && on_host(f)) {
		err = host_lock_set(l, f, want);
		*outside = err == -EAGAIN;
	}
	if (err == 0)
		enter(l, want, new, spare);
	if (err == 0 && want->type == F_UNLCK && on_host(f))
		host_lock_clear(l, want);
	lock_drop(&l->change);
	return err;
}

static long set_lock(struct file *f, const struct file_lock *want, bool wait)
{
	struct lock_list *l = lock_list_of(f->inode);
	struct file_lock *new = copy_of(want, want->start, want->end), *spare = copy_of(want, 0, 0);
	uint64_t delay = HOST_RETRY_MIN;
	bool outside = false;
	long err = l == NULL || new == NULL || spare == NULL ? -ENOLCK : 0;

	while (err == 0) {
		err = try_lock(l, f, want, &new, &spare, &outside);
		if (err != -EAGAIN || !wait)
			break;
		err = outside ? wait_outside(&delay) : wait_inside(l, want);
	}
	arena_free(new);
	arena_free(spare);
	if (err == 0)
		waitq_wake_all(&vfs()->locks_wait);
	return err;
}

/* All that match go; where they were is in gone, to be freed. */
static void take_out(struct lock_list *l, void *owner, bool posix, struct list *gone)
{
	lock_take(&vfs()->locks_lock);
	LIST_FOR_SAFE(k, n, &l->head, struct file_lock, link)
		if (k->owner == owner && (k->kind == KIND_POSIX) == posix) {
			list_remove(&k->link);
			list_append(gone, &k->link);
		}
	lock_drop(&vfs()->locks_lock);
}

/* The file is f's; its owner's locks of that sort go. */
static void release(struct file *f, void *owner, bool posix)
{
	struct lock_list *l = f->inode->flocks;
	struct list gone;

	list_init(&gone);
	lock_take(&l->change);
	take_out(l, owner, posix, &gone);
	if (on_host(f)) {
		LIST_FOR(k, &gone, struct file_lock, link)
			host_lock_clear(l, k);
		if (!posix && list_empty(&l->head))
			host_lock_idle(l);
	}
	lock_drop(&l->change);
	if (list_empty(&gone))
		return;
	LIST_FOR_SAFE(k, n, &gone, struct file_lock, link)
		arena_free(k);
	waitq_wake_all(&vfs()->locks_wait);
}

void locks_release_posix(struct file *f, struct fdtable *owner)
{
	release(f, owner, true);
}

void locks_release_file(struct file *f)
{
	release(f, f, false);
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

static void describe(const struct file_lock *k, struct flock *fl)
{
	fl->l_type = k->type;
	fl->l_whence = SEEK_SET;
	fl->l_start = (int64_t)k->start;
	fl->l_len = k->end == INT64_MAX ? 0 : (int64_t)(k->end - k->start + 1);
	fl->l_pid = k->kind == KIND_POSIX ? pid_out(lx_current(), k->pid) : -1;
}

static long get_lock(struct file *f, struct file_lock *want, struct flock *fl)
{
	struct lock_list *l = on_host(f) ? lock_list_of(f->inode) : f->inode->flocks;
	struct file_lock *k;
	short type;

	fl->l_type = F_UNLCK;
	if (l == NULL)
		return 0;
	lock_take(&vfs()->locks_lock);
	k = find_conflict(l, want);
	if (k != NULL)
		describe(k, fl);
	lock_drop(&vfs()->locks_lock);
	if (k != NULL || !on_host(f))
		return 0;
	lock_take(&l->change);
	type = host_lock_test(l, f, want);
	lock_drop(&l->change);
	if (type != F_UNLCK) { /* somebody outside: who and exactly where is not for us to know */
		want->type = type;
		want->pid = 0;
		describe(want, fl);
	}
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
	if (get) {
		if (fl.l_type != F_RDLCK && fl.l_type != F_WRLCK)
			return -EINVAL;
		err = get_lock(f, &want, &fl);
		return err != 0 ? err : copy_out(arg, &fl, sizeof fl);
	}
	err = may_lock(f, fl.l_type);
	return err != 0 ? err : set_lock(f, &want, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
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
		err = set_lock(f, &want, !(op & LOCK_NB_));
	}
	file_put(f);
	return err;
}
