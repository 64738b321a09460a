/* SPDX-License-Identifier: MIT */
/* linux/sec/notify_fd.c - the supervisor's side of a seccomp listener: its descriptor (seccomp_unotify(2)). */
#include "linux/fs/io.h"
#include "linux/ns/ns.h"
#include "linux/fs/poll.h"
#include "linux/proc/proc.h"
#include "linux/sec/notify.h"
#include "rt/mem.h"

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
