/* SPDX-License-Identifier: MIT */
/* linux/ipc/mqueue_notify.c - mq_notify: one process a queue is told, once, that a message came into the empty queue. */
#include "linux/fs/io.h"
#include "linux/ipc/mqueue.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

struct mq_notice mqueue_notice_take(struct mqueue *q)
{
	struct mq_notice n = { 0 };

	if (q->notify_pid != 0 && q->notify_how == SIGEV_SIGNAL)
		n = (struct mq_notice){ q->notify_pid, q->notify_sig, q->notify_value };
	q->notify_pid = 0;
	return n;
}

void mqueue_notice_send(struct lx_thread *t, const struct mq_notice *n)
{
	struct lx_proc *p = n->pid != 0 ? proc_get_global(n->pid) : NULL;
	siginfo_t info;

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

bool mqueue_notify_drop(struct mqueue *q, int pid)
{
	if (q->notify_pid != pid)
		return false;
	q->notify_pid = 0;
	return true;
}

void mqueue_exit(struct lx_proc *p, struct ipc_root *root)
{
	if (__atomic_load_n(&root->nmqueues, __ATOMIC_RELAXED) == 0)
		return;
	ipc_lock();
	LIST_FOR(q, &root->mqueues, struct mqueue, link)
		(void)mqueue_notify_drop(q, p->pid);
	ipc_unlock();
}

static long set_notify(struct lx_thread *t, struct mqueue *q, const struct sigevent *e)
{
	if (e == NULL) {
		(void)mqueue_notify_drop(q, t->proc->pid);
		return 0;
	}
	if (q->notify_pid != 0)
		return -EBUSY;
	q->notify_pid = t->proc->pid;
	q->notify_how = e->sigev_notify;
	q->notify_sig = e->sigev_signo;
	q->notify_value = (uint64_t)e->sigev_value.sival_ptr;
	return 0;
}

long lx_sys_mq_notify(struct lx_thread *t, int fd, struct gva event)
{
	struct sigevent e;
	struct file *f;
	long err;

	if (event.va != 0 && copy_in(&e, event, sizeof e) != 0)
		return -EFAULT;
	/* SIGEV_THREAD wants a netlink socket to tell. */
	if (event.va != 0 && e.sigev_notify != SIGEV_NONE && e.sigev_notify != SIGEV_SIGNAL)
		return e.sigev_notify == SIGEV_THREAD ? -ENOSYS : -EINVAL;
	if (event.va != 0 && e.sigev_notify == SIGEV_SIGNAL && (e.sigev_signo < 0 || e.sigev_signo > LX_NSIG))
		return -EINVAL;
	f = mqueue_get(t, fd, -1);
	if (f == NULL)
		return -EBADF;
	ipc_lock();
	err = set_notify(t, f->object, event.va != 0 ? &e : NULL);
	ipc_unlock();
	file_put(f);
	return err;
}
