/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/fasync.c - signals about files: who owns one, and O_ASYNC.
 *
 * A file with O_ASYNC keeps waiters on the queues it would be polled by, as an epoll
 * item does.  A wake-up there happens under the queue's lock, where no signal can be
 * sent: it notes what came and rings kproc, which sends the signals.  Files whose
 * events are the host's (its terminal) have no queue and send none.
 *
 * Locks: the list of such files is under one lock of class IPC, inside of the files'
 * own and outside of what a signal takes.
 */
#include "linux/fs/fasync.h"
#include "linux/ns/ns.h"

#include "linux/fs/io.h"
#include "linux/proc/proc.h"
#include "linux/sig/sig.h"

#define QUEUES 4u /* more than any kind of file is polled by */

struct fasync {
	struct list link;          /* in vfs()->fasyncs */
	struct file *file;         /* no reference: it calls fasync_file_gone first */
	int fd;
	uint32_t count;
	_Atomic uint32_t events;   /* that came and were not told */
	struct { struct waiter w; struct waitq *q; } queue[QUEUES];
};

/* ---- Owners ---- */

static bool may_signal(const struct file *f, const struct lx_cred *to)
{
	return f->owner_euid == 0 || f->owner_euid == to->suid || f->owner_euid == to->uid || f->owner_uid == to->suid ||
	       f->owner_uid == to->uid;
}

static void to_proc(struct file *f, struct lx_proc *p, int sig, const siginfo_t *info) REQUIRES(TASKLIST)
{
	if (p != NULL && p->state == PROC_LIVE && p->leader != NULL && may_signal(f, &p->leader->cred))
		(void)signal_proc(p, sig, info);
}

static void to_group(struct file *f, int pgrp, int sig, const siginfo_t *info) REQUIRES(TASKLIST)
{
	PROC_SET_FOR(p, PROC_GROUP, pgrp)
		to_proc(f, p, sig, info);
}

static void to_owner(struct file *f, int sig, const siginfo_t *info) REQUIRES(TASKLIST)
{
	struct lx_thread *t;

	switch (f->owner_type) {
	case F_OWNER_TID:
		t = thread_find_global(f->owner_pid);
		if (t != NULL && may_signal(f, &t->cred))
			(void)signal_thread(t, sig, info);
		break;
	case F_OWNER_PGRP:
		to_group(f, f->owner_pid, sig, info);
		break;
	default:
		to_proc(f, proc_find_global(f->owner_pid), sig, info);
	}
}

void owner_signal(struct file *f, int fd, int code, uint32_t band)
{
	siginfo_t info;
	int sig = f->owner_sig != 0 ? f->owner_sig : SIGIO;

	if (f->owner_pid == 0)
		return;
	memset(&info, 0, sizeof info);
	info.si_signo = sig;
	info.si_code = code;
	info.si_band = (long)band;
	info.si_fd = fd;
	lock_take(&lx_state()->tasklist);
	to_owner(f, sig, f->owner_sig != 0 ? &info : NULL);
	lock_drop(&lx_state()->tasklist);
}

void owner_urgent(struct file *f)
{
	if (f->owner_pid == 0)
		return;
	lock_take(&lx_state()->tasklist);
	to_owner(f, SIGURG, NULL);
	lock_drop(&lx_state()->tasklist);
}

static bool exists(int type, int pid)
{
	bool yes = false;

	lock_take(&lx_state()->tasklist);
	if (type == F_OWNER_TID)
		yes = thread_find_global(pid) != NULL;
	else if (type == F_OWNER_PID)
		yes = proc_find_global(pid) != NULL;
	else
		yes = proc_set_first(PROC_GROUP, pid) != NULL;
	lock_drop(&lx_state()->tasklist);
	return yes;
}

static long set_owner(struct lx_thread *t, struct file *f, int type, int pid)
{
	if (pid < 0)
		return -EINVAL;
	if (pid != 0 && !exists(type, pid))
		return -ESRCH;
	f->owner_type = type;
	f->owner_uid = t->cred.uid;
	f->owner_euid = t->cred.euid;
	f->owner_pid = pid;
	return 0;
}

void owner_default(struct lx_thread *t, struct file *f)
{
	if (f->owner_pid == 0)
		(void)set_owner(t, f, F_OWNER_PID, t->proc->pid);
}

/* pid as the caller counts. */
static long set_owner_in(struct lx_thread *t, struct file *f, int type, int pid)
{
	if (pid < 0)
		return -EINVAL;
	pid = pid_in(t, pid);
	return pid < 0 ? -ESRCH : set_owner(t, f, type, pid);
}

static long owner_ex(struct lx_thread *t, struct file *f, uint32_t cmd, struct gva arg)
{
	struct f_owner_ex o = { f->owner_pid != 0 ? f->owner_type : F_OWNER_PID, pid_out(t, f->owner_pid) };

	if (cmd == F_GETOWN_EX)
		return copy_out(arg, &o, sizeof o);
	if (copy_in(&o, arg, sizeof o) != 0)
		return -EFAULT;
	if (o.type < F_OWNER_TID || o.type > F_OWNER_PGRP)
		return -EINVAL;
	return set_owner_in(t, f, o.type, o.pid);
}

static long set_own(struct lx_thread *t, struct file *f, int who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	return who < 0 ? set_owner_in(t, f, F_OWNER_PGRP, -who) : set_owner_in(t, f, F_OWNER_PID, who);
}

long owner_fcntl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case F_SETOWN:
		return set_own(t, f, (int)arg);
	case F_GETOWN:
		return pid_out(lx_current(), f->owner_pid) * (f->owner_type == F_OWNER_PGRP ? -1 : 1);
	case F_SETSIG:
		if (arg > LX_NSIG)
			return -EINVAL;
		f->owner_sig = (int)arg;
		return 0;
	case F_GETSIG:
		return f->owner_sig;
	default:
		return owner_ex(t, f, cmd, (struct gva){ arg });
	}
}

/* ---- O_ASYNC ---- */

void fasync_add_queue(struct poll_table *p, struct waitq *q)
{
	struct fasync *a = p->fasync;
	uint32_t n = a->count;

	if (n == QUEUES)
		return;
	a->queue[n].q = q;
	list_init(&a->queue[n].w.link);
	a->queue[n].w = (struct waiter){ .link = a->queue[n].w.link, .kind = LX_WAITER_FASYNC, .data = a, .key = UINT32_MAX };
	list_init(&a->queue[n].w.link);
	a->count = n + 1;
	waitq_add(q, &a->queue[n].w);
}

void fasync_wake(struct waiter *w, uint32_t key)
{
	struct fasync *a = w->data;

	atomic_fetch_or(&a->events, key);
	atomic_store(&vfs()->fasync_came, 1);
	kproc_kick();
}

/* Off all queues; what came before is in events. */
static void leave(struct fasync *a)
{
	for (uint32_t n = 0; n < a->count; n++)
		waitq_remove(a->queue[n].q, &a->queue[n].w);
	lock_take(&vfs()->fasync_lock);
	list_remove(&a->link);
	lock_drop(&vfs()->fasync_lock);
	arena_free(a);
}

void fasync_file_gone(struct file *f)
{
	leave(f->fasync);
	f->fasync = NULL;
}

static struct fasync *start(struct lx_thread *t, struct file *f, int fd)
{
	struct fasync *a = arena_alloc(sizeof *a);
	struct poll_table p;

	if (a == NULL)
		return NULL;
	kproc_need();
	list_init(&a->link);
	a->file = f;
	a->fd = fd;
	lock_take(&vfs()->fasync_lock);
	list_append(&vfs()->fasyncs, &a->link);
	lock_drop(&vfs()->fasync_lock);
	poll_table_init(&p);
	p.fasync = a;
	if (lx_file_ops[f->kind]->poll != NULL)
		(void)file_poll(t, f, &p);
	return a;
}

long fasync_set(struct lx_thread *t, struct file *f, int fd, bool on)
{
	struct fasync *a, *none = NULL;

	if (!on || __atomic_load_n(&f->fasync, __ATOMIC_ACQUIRE) != NULL)
		return 0; /* once set up it stays, and looks at the flag */
	a = start(t, f, fd);
	if (a == NULL)
		return -ENOMEM;
	if (!__atomic_compare_exchange_n(&f->fasync, &none, a, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		leave(a);
	return 0;
}

static void tell(struct fasync *a, uint32_t events)
{
	static const struct { uint32_t event; int code; uint32_t band; } kinds[] = { { EPOLLIN, POLL_IN, POLLIN | POLLRDNORM },
		{ EPOLLOUT, POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND }, { EPOLLPRI, POLL_PRI, POLLPRI | POLLRDBAND },
		{ EPOLLERR, POLL_ERR, POLLERR }, { EPOLLHUP, POLL_HUP, POLLHUP | POLLERR } };

	if (events == UINT32_MAX) /* a wake of all, by who does not say why */
		events = EPOLLIN;
	if (!(a->file->flags & FASYNC))
		return;
	for (unsigned n = 0; n < ARRAY_LEN(kinds); n++)
		if (events & kinds[n].event)
			owner_signal(a->file, a->fd, kinds[n].code, kinds[n].band);
}

void fasync_run(void)
{
	struct vfs *v = vfs();
	uint32_t events;

	if (v == NULL || atomic_load_explicit(&v->fasync_came, memory_order_relaxed) == 0)
		return;
	atomic_store(&v->fasync_came, 0);
	lock_take(&v->fasync_lock);
	LIST_FOR(a, &v->fasyncs, struct fasync, link) {
		events = atomic_exchange(&a->events, 0);
		if (events != 0)
			tell(a, events);
	}
	lock_drop(&v->fasync_lock);
}
