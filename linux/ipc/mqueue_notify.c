/* SPDX-License-Identifier: MIT */
/* linux/ipc/mqueue_notify.c - mq_notify: one process a queue is told, once, that a message came into the empty queue. */
#include "linux/fs/io.h"
#include "linux/ipc/mqueue.h"
#include "linux/net/net.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

/* The socket's message: the caller's cookie, with what happened in its last byte. */
static void take_socket(struct mqueue *q, struct mq_notice *n, char what) REQUIRES(IPC)
{
	n->sock = q->notify_sock;
	q->notify_sock = NULL;
	memcpy(n->cookie, q->notify_cookie, sizeof n->cookie);
	n->cookie[sizeof n->cookie - 1] = what;
}

struct mq_notice mqueue_notice_take(struct mqueue *q)
{
	struct mq_notice n = { 0 };

	if (q->notify_pid != 0 && q->notify_how == SIGEV_SIGNAL)
		n = (struct mq_notice){ .pid = q->notify_pid, .sig = q->notify_sig, .value = q->notify_value };
	else if (q->notify_pid != 0 && q->notify_how == SIGEV_THREAD)
		take_socket(q, &n, NOTIFY_WOKENUP);
	q->notify_pid = 0;
	return n;
}

void mqueue_notice_send(struct lx_thread *t, const struct mq_notice *n)
{
	struct lx_proc *p = n->pid != 0 ? proc_get_global(n->pid) : NULL;
	siginfo_t info;

	if (n->sock != NULL) {
		sock_tell(n->sock, n->cookie, sizeof n->cookie);
		sock_put(n->sock);
	}
	if (p == NULL)
		return;
	memset(&info, 0, sizeof info);
	info.si_signo = n->sig;
	info.si_code = SI_MESGQ;
	lock_take(&lx_state()->tasklist);
	info.si_pid = pid_seen_by(p, t->proc->pid);
	info.si_uid = p->leader != NULL ? uid_out(p->leader, t->cred.uid) : 0;
	lock_drop(&lx_state()->tasklist);
	info.si_value.sival_ptr = (void *)n->value;
	(void)signal_proc(p, n->sig, &info);
	proc_put(p);
}

struct mq_notice mqueue_notify_drop(struct mqueue *q, int pid)
{
	struct mq_notice n = { 0 };

	if (q->notify_pid != pid)
		return n;
	q->notify_pid = 0;
	if (q->notify_how == SIGEV_THREAD)
		take_socket(q, &n, NOTIFY_REMOVED);
	return n;
}

/* One queue's, if there is one left. */
static bool drop_one(struct lx_proc *p, struct ipc_root *root)
{
	struct mq_notice n = { 0 };
	bool found = false;

	ipc_lock();
	LIST_FOR(q, &root->mqueues, struct mqueue, link) {
		if (q->notify_pid != p->pid)
			continue;
		n = mqueue_notify_drop(q, p->pid);
		found = true;
		break;
	}
	ipc_unlock();
	mqueue_notice_send(lx_current(), &n);
	return found;
}

void mqueue_exit(struct lx_proc *p, struct ipc_root *root)
{
	if (__atomic_load_n(&root->nmqueues, __ATOMIC_RELAXED) == 0)
		return;
	while (drop_one(p, root))
		;
}

/* What SIGEV_THREAD brings: a socket by its descriptor, and the cookie. */
struct thread_wish {
	struct sock *sock; /* a reference */
	char cookie[NOTIFY_COOKIE_LEN];
};

static long thread_in(struct lx_thread *t, const struct sigevent *e, struct thread_wish *w)
{
	struct file *f;

	if (copy_in(w->cookie, (struct gva){ (uint64_t)e->sigev_value.sival_ptr }, sizeof w->cookie) != 0)
		return -EFAULT;
	f = fd_get(t, e->sigev_signo);
	if (f == NULL)
		return -EBADF;
	w->sock = sock_netlink(f);
	file_put(f);
	return w->sock != NULL ? 0 : -EINVAL;
}

/* e NULL: no more.  The wish's socket is taken over if that worked. */
static long set_notify(struct lx_thread *t, struct mqueue *q, const struct sigevent *e, struct thread_wish *w, struct mq_notice *gone) REQUIRES(IPC)
{
	if (e == NULL) {
		*gone = mqueue_notify_drop(q, t->proc->pid);
		return 0;
	}
	if (q->notify_pid != 0)
		return -EBUSY;
	q->notify_pid = t->proc->pid;
	q->notify_how = e->sigev_notify;
	q->notify_sig = e->sigev_signo;
	q->notify_value = (uint64_t)e->sigev_value.sival_ptr;
	q->notify_sock = w->sock;
	w->sock = NULL;
	memcpy(q->notify_cookie, w->cookie, sizeof w->cookie);
	return 0;
}

long lx_sys_mq_notify(struct lx_thread *t, int fd, struct gva event)
{
	struct mq_notice gone = { 0 };
	struct thread_wish w = { 0 };
	struct sigevent e;
	struct file *f;
	long err = 0;

	if (event.va != 0 && copy_in(&e, event, sizeof e) != 0)
		return -EFAULT;
	if (event.va != 0 && e.sigev_notify != SIGEV_NONE && e.sigev_notify != SIGEV_SIGNAL && e.sigev_notify != SIGEV_THREAD)
		return -EINVAL;
	if (event.va != 0 && e.sigev_notify == SIGEV_SIGNAL && (e.sigev_signo < 0 || e.sigev_signo > LX_NSIG))
		return -EINVAL;
	if (event.va != 0 && e.sigev_notify == SIGEV_THREAD)
		err = thread_in(t, &e, &w);
	if (err != 0)
		return err;
	f = mqueue_get(t, fd, -1);
	if (f != NULL) {
		ipc_lock();
		err = set_notify(t, f->object, event.va != 0 ? &e : NULL, &w, &gone);
		ipc_unlock();
		file_put(f);
	}
	mqueue_notice_send(t, &gone);
	if (w.sock != NULL)
		sock_put(w.sock);
	return f != NULL ? err : -EBADF;
}
