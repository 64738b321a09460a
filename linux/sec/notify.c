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
#include "linux/sec/notify.h"
#include "rt/mem.h"

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
