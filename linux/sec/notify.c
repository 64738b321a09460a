/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/notify.c - SECCOMP_RET_USER_NOTIF: a supervisor answers for the kernel
 * (seccomp_unotify(2)).
 *
 * A listener belongs to one filter and is seen by the supervisor as a descriptor.  A call
 * that the filter hands over becomes a struct notice in the listener's list: NEW until the
 * supervisor received it, SENT until it answered, DONE.  A descriptor the supervisor
 * gives (ADDFD) is installed by the waiting thread itself, whose table it is.
 *
 * All of a listener is under its lock, of class SECCOMP, inside which only wait queues and
 * memory are used.  A notice goes away with the thread that waits; if that died at the
 * host, kproc takes it off (notify_forget).
 */
#include "linux/fs/io.h"
#include "linux/ns/ns.h"
#include "linux/fs/poll.h"
#include "linux/proc/proc.h"
#include "linux/sec/internal.h"
#include "rt/mem.h"

enum notice_state { NOTICE_NEW, NOTICE_SENT, NOTICE_DONE };

struct addfd {
	struct list link;
	struct file *file; /* a reference, which the installer takes over */
	int fd;            /* wanted place, or -1 */
	bool cloexec, send;
	bool taken, done; /* being installed; installed or failed, and off the list */
	long result;
};

struct notice {
	struct list link;
	uint64_t id;
	int pid;
	enum notice_state state;
	uint32_t flags;
	int64_t val;
	int error;
	struct seccomp_data data;
	struct list addfds;
	struct notify *notify;
	struct waitq wait; /* the thread whose call this is */
};

struct notify {
	struct ref ref; /* the filter's, the file's, one each waiting thread */
	LOCK(SECCOMP) lock;
	struct list notices;
	uint64_t next_id;
	bool closed; /* nobody listens any more */
	bool hung_up; /* nobody will ask any more */
	struct waitq wait; /* supervisors */
	struct waitq added; /* who waits for an ADDFD to be done */
};

struct notify *notify_new(void)
{
	struct notify *n = arena_alloc(sizeof *n);

	if (!n)
		return NULL;
	ref_init(&n->ref);
	lock_init(&n->lock, LOCK_SECCOMP);
	list_init(&n->notices);
	waitq_init(&n->wait);
	waitq_init(&n->added);
	(void)DkRandomBitsRead(&n->next_id, sizeof n->next_id / 2);
	return n;
}

void notify_put(struct notify *n)
{
	if (n && ref_put(&n->ref))
		arena_free(n);
}

void notify_hang_up(struct notify *n)
{
	n->hung_up = true;
	waitq_wake_all(&n->wait);
}

/* ---- The asking thread ---- */

static struct addfd *next_addfd(struct notice *q)
{
	struct addfd *a = NULL;

	lock_take(&q->notify->lock);
	if (!list_empty(&q->addfds)) {
		a = LIST_FIRST(&q->addfds, struct addfd, link);
		a->taken = true;
	}
	lock_drop(&q->notify->lock);
	return a;
}

/* The last look at a: its owner frees it. */
static void addfd_done(struct addfd *a, long result) REQUIRES(SECCOMP)
{
	list_remove(&a->link);
	a->result = result;
	__atomic_store_n(&a->done, true, __ATOMIC_RELEASE);
}

/* Puts the supervisor's descriptors into the caller's table.  With SEND the number is the answer. */
static void install_fds(struct lx_thread *t, struct notice *q)
{
	struct notify *n = q->notify;
	struct addfd *a;

	while ((a = next_addfd(q))) {
		long fd = a->fd >= 0 ? fd_replace(t, a->file, a->fd, a->cloexec) : fd_install(t, a->file, a->cloexec, 0);

		if (fd < 0)
			file_put(a->file);
		lock_take(&n->lock);
		a->file = NULL;
		if (fd >= 0 && a->send && q->state != NOTICE_DONE) {
			q->state = NOTICE_DONE;
			q->val = fd;
			q->error = 0;
			q->flags = 0;
		}
		addfd_done(a, fd);
		lock_drop(&n->lock);
		waitq_wake_all(&n->added);
	}
}

static bool answered(const struct notice *q)
{
	return __atomic_load_n(&q->state, __ATOMIC_ACQUIRE) == NOTICE_DONE;
}

static long sleep_one(struct lx_thread *t, struct notice *q, bool killable)
{
	if (pico_wait(DK_FOREVER, 0) != DK_INTERRUPTED)
		return 0;
	if (killable && q->state == NOTICE_SENT && !thread_should_exit(t)) {
		/* Only a fatal signal ends this wait; others stay pending, so sleep in steps. */
		(void)pico_wait(pico_now() + 1000000, DK_WAIT_UNINTERRUPTIBLE);
		return 0;
	}
	return answered(q) ? 0 : -ERESTARTSYS;
}

static long wait_for_answer(struct lx_thread *t, struct notice *q, bool killable)
{
	struct waiter *w = waiter_self(0);
	long err = 0;

	waitq_add(&q->wait, w);
	while (!err && !answered(q)) {
		install_fds(t, q);
		if (!answered(q))
			err = sleep_one(t, q, killable);
	}
	waitq_remove(&q->wait, w);
	return err;
}

/* Takes it off the list; ADDFDs that were not done fail. */
static void notice_end(struct notify *n, struct notice *q)
{
	lock_take(&n->lock);
	list_remove(&q->link);
	LIST_FOR_SAFE(a, next, &q->addfds, struct addfd, link)
		addfd_done(a, -ESRCH);
	lock_drop(&n->lock);
	waitq_wake_all(&n->added);
}

static bool enlist(struct lx_thread *t, struct notify *n, struct notice *q)
{
	bool closed;

	lock_take(&n->lock);
	closed = n->closed;
	if (!closed) {
		q->id = n->next_id++;
		list_append(&n->notices, &q->link);
		t->notice = q;
	}
	lock_drop(&n->lock);
	if (!closed)
		(void)waitq_wake(&n->wait, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
	return !closed;
}

bool notify_ask(struct lx_thread *t, struct notify *n, const struct seccomp_data *data, bool killable, long *result)
{
	struct notice *q = arena_alloc(sizeof *q);
	bool go_on = false;
	long err;

	*result = -ENOSYS;
	if (!q)
		return false;
	q->pid = t->tid;
	q->data = *data;
	q->notify = n;
	list_init(&q->link);
	list_init(&q->addfds);
	waitq_init(&q->wait);
	ref_get(&n->ref);
	if (enlist(t, n, q)) {
		err = wait_for_answer(t, q, killable);
		notice_end(n, q);
		t->notice = NULL;
		go_on = !err && (q->flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE);
		*result = err ? err : q->error ? q->error : (long)q->val;
	}
	arena_free(q);
	notify_put(n);
	return go_on;
}

void notify_forget(struct lx_thread *t)
{
	struct notice *q = t->notice;

	if (!q)
		return;
	t->notice = NULL;
	notice_end(q->notify, q);
	notify_put(q->notify);
	arena_free(q);
}

/* ---- The supervisor ---- */

static struct notice *find(struct notify *n, uint64_t id) REQUIRES(SECCOMP)
{
	LIST_FOR(q, &n->notices, struct notice, link)
		if (q->id == id)
			return q;
	return NULL;
}

static bool take_new(struct notify *n, struct seccomp_notif *out)
{
	bool found = false;

	lock_take(&n->lock);
	LIST_FOR(q, &n->notices, struct notice, link) {
		if (q->state != NOTICE_NEW)
			continue;
		q->state = NOTICE_SENT;
		*out = (struct seccomp_notif){ .id = q->id, .pid = (uint32_t)pid_out(lx_current(), q->pid), .data = q->data };
		found = true;
		break;
	}
	lock_drop(&n->lock);
	return found;
}

static void take_back(struct notify *n, uint64_t id)
{
	struct notice *q;

	lock_take(&n->lock);
	q = find(n, id);
	if (q && q->state == NOTICE_SENT)
		q->state = NOTICE_NEW;
	lock_drop(&n->lock);
	(void)waitq_wake(&n->wait, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
}

static long receive(struct lx_thread *t, struct file *f, struct gva arg)
{
	struct notify *n = f->object;
	struct seccomp_notif out = { 0 };
	struct waiter *w;
	long err = 0;

	(void)t;
	if (copy_in(&out, arg, sizeof out))
		return -EFAULT;
	for (size_t i = 0; i < sizeof out; i++)
		if (((const char *)&out)[i])
			return -EINVAL;
	w = waiter_self(0);
	waitq_add(&n->wait, w);
	while (!take_new(n, &out)) {
		if (n->hung_up) {
			err = -ENOENT;
			break;
		}
		if (pico_wait(DK_FOREVER, 0) == DK_INTERRUPTED) {
			err = -ERESTARTSYS;
			break;
		}
	}
	waitq_remove(&n->wait, w);
	if (err)
		return err;
	(void)waitq_wake(&n->wait, UINT32_MAX, EPOLLOUT | EPOLLWRNORM);
	if (!copy_out(arg, &out, sizeof out))
		return 0;
	take_back(n, out.id);
	return -EFAULT;
}

static long answer(struct file *f, struct gva arg)
{
	struct notify *n = f->object;
	struct seccomp_notif_resp r;
	struct notice *q;
	long err = 0;

	if (copy_in(&r, arg, sizeof r))
		return -EFAULT;
	if (r.flags & ~(uint32_t)SECCOMP_USER_NOTIF_FLAG_CONTINUE || ((r.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE) && (r.error || r.val)))
		return -EINVAL;
	lock_take(&n->lock);
	q = find(n, r.id);
	if (!q) {
		err = -ENOENT;
	} else if (q->state != NOTICE_SENT) {
		err = -EINPROGRESS;
	} else {
		q->val = r.val;
		q->error = r.error;
		q->flags = r.flags;
		__atomic_store_n(&q->state, NOTICE_DONE, __ATOMIC_RELEASE);
		waitq_wake_all(&q->wait);
	}
	lock_drop(&n->lock);
	return err;
}

static long id_valid(struct file *f, struct gva arg)
{
	struct notify *n = f->object;
	struct notice *q;
	uint64_t id;
	bool ok;

	if (copy_in(&id, arg, sizeof id))
		return -EFAULT;
	lock_take(&n->lock);
	q = find(n, id);
	ok = q && q->state == NOTICE_SENT;
	lock_drop(&n->lock);
	return ok ? 0 : -ENOENT;
}

static long queue_addfd(struct notify *n, uint64_t id, struct addfd *a)
{
	struct notice *q;
	long err = 0;

	lock_take(&n->lock);
	q = find(n, id);
	if (!q) {
		err = -ENOENT;
	} else if (q->state != NOTICE_SENT) {
		err = -EINPROGRESS;
	} else if (a->send && !list_empty(&q->addfds)) {
		err = -EBUSY;
	} else {
		list_append(&q->addfds, &a->link);
		waitq_wake_all(&q->wait);
	}
	lock_drop(&n->lock);
	return err;
}

/* Waits until the other thread has it; takes it back if a signal comes first. */
static long wait_for_addfd(struct notify *n, struct addfd *a)
{
	struct waiter *w = waiter_self(0);
	long err = 0;

	waitq_add(&n->added, w);
	while (!err && !__atomic_load_n(&a->done, __ATOMIC_ACQUIRE)) {
		if (pico_wait(DK_FOREVER, 0) != DK_INTERRUPTED)
			continue;
		lock_take(&n->lock);
		if (!a->taken && !a->done) {
			list_remove(&a->link);
			err = -ERESTARTSYS;
		}
		lock_drop(&n->lock);
		if (!err) /* it is just being installed */
			(void)pico_wait(pico_now() + 1000000, DK_WAIT_UNINTERRUPTIBLE);
	}
	waitq_remove(&n->added, w);
	return err ? err : a->result;
}

static long addfd(struct lx_thread *t, struct file *f, struct gva arg)
{
	struct seccomp_notif_addfd in;
	struct notify *n = f->object;
	struct addfd *a;
	long err;

	if (copy_in(&in, arg, sizeof in))
		return -EFAULT;
	if (in.newfd_flags & ~(uint32_t)O_CLOEXEC || in.flags & ~(uint32_t)(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND))
		return -EINVAL;
	if (in.newfd && !(in.flags & SECCOMP_ADDFD_FLAG_SETFD))
		return -EINVAL;
	a = arena_alloc(sizeof *a);
	if (!a)
		return -ENOMEM;
	list_init(&a->link);
	a->file = fd_get(t, (int)in.srcfd);
	a->fd = in.flags & SECCOMP_ADDFD_FLAG_SETFD ? (int)in.newfd : -1;
	a->cloexec = in.newfd_flags & O_CLOEXEC;
	a->send = in.flags & SECCOMP_ADDFD_FLAG_SEND;
	err = a->file ? queue_addfd(n, in.id, a) : -EBADF;
	if (!err)
		err = wait_for_addfd(n, a);
	if (a->file)
		file_put(a->file);
	arena_free(a);
	return err;
}

static long notify_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	const struct gva at = { arg };

	switch (cmd) {
	case SECCOMP_IOCTL_NOTIF_RECV:
		return receive(t, f, at);
	case SECCOMP_IOCTL_NOTIF_SEND:
		return answer(f, at);
	case SECCOMP_IOCTL_NOTIF_ID_VALID:
	case SECCOMP_IOR(2, __u64): /* as the first kernels had it */
		return id_valid(f, at);
	case SECCOMP_IOCTL_NOTIF_ADDFD:
		return addfd(t, f, at);
	default:
		return -EINVAL;
	}
}

static uint32_t notify_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct notify *n = f->object;
	uint32_t mask = 0;

	(void)t;
	poll_wait(p, &n->wait);
	lock_take(&n->lock);
	LIST_FOR(q, &n->notices, struct notice, link) {
		if (q->state == NOTICE_NEW)
			mask |= EPOLLIN | EPOLLRDNORM;
		else if (q->state == NOTICE_SENT)
			mask |= EPOLLOUT | EPOLLWRNORM;
	}
	lock_drop(&n->lock);
	return n->hung_up ? mask | EPOLLHUP : mask;
}

/* Nobody listens any more: calls that wait, and those to come, get ENOSYS. */
static void notify_release(struct file *f)
{
	struct notify *n = f->object;

	if (!n)
		return;
	lock_take(&n->lock);
	n->closed = true;
	LIST_FOR(q, &n->notices, struct notice, link) {
		if (q->state == NOTICE_DONE)
			continue;
		q->error = -ENOSYS;
		q->flags = 0;
		__atomic_store_n(&q->state, NOTICE_DONE, __ATOMIC_RELEASE);
		waitq_wake_all(&q->wait);
	}
	lock_drop(&n->lock);
	notify_put(n);
}

extern const struct file_ops file_seccomp_ops; /* fs/file_kinds.c lists it */
const struct file_ops file_seccomp_ops = {
	.name = "seccomp notify",
	.ioctl = notify_ioctl,
	.poll = notify_poll,
	.release = notify_release,
};

int notify_fd(struct lx_thread *t, struct notify *n)
{
	struct file *f = anon_file(FILE_SECCOMP, O_RDWR, 0600, n);

	if (!f)
		return -ENOMEM;
	ref_get(&n->ref);
	return (int)anon_fd(t, f, true);
}
