/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/setns.c - setns(2): into namespaces there are.
 *
 * All that can fail is done on a copy of what the thread is in (struct entered); then it is put in place.
 */
#include "linux/ns/ns.h"
#include "linux/aio/engine.h"
#include "linux/boot.h"
#include "linux/exec/exec.h"
#include "linux/fs/procfs.h"
#include "linux/fs/vfs.h"
#include "linux/misc/cred.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

/* What t will be when all of it is allowed. */
struct entered {
	struct lx_cred cred;
	struct ns *user, *mnt; /* borrowed from target; NULL: stays */
	struct nsset *set;
};

static bool may_enter(const struct entered *e, const struct ns *ns)
{
	return cred_capable(&e->cred, ns->user, CAP_SYS_ADMIN) && cred_capable(&e->cred, cred_user_ns(&e->cred), CAP_SYS_ADMIN);
}

static long enter_user(struct lx_thread *t, struct ns *ns, struct entered *e)
{
	if (ns == user_ns_of(t) || t->proc->nthreads > 1 || atomic_load(&t->proc->fs->ref.count) > 1)
		return -EINVAL;
	if (!cred_capable(&e->cred, ns, CAP_SYS_ADMIN))
		return -EPERM;
	cred_enter_user_ns(&e->cred, ns);
	e->user = ns;
	return 0;
}

static long enter_mnt(struct lx_thread *t, struct ns *ns, struct entered *e)
{
	if (!may_enter(e, ns) || !cred_capable(&e->cred, cred_user_ns(&e->cred), CAP_SYS_CHROOT))
		return -EPERM;
	if (atomic_load(&t->proc->fs->ref.count) > 1)
		return -EINVAL;
	e->mnt = ns;
	return 0;
}

static long enter_pid(struct lx_thread *t, struct ns *ns, struct entered *e)
{
	if (!may_enter(e, ns))
		return -EPERM;
	if (!pid_ns_inside(ns, pid_ns_of(t->proc)))
		return -EINVAL;
	ns_get(ns);
	nsset_put_at(&e->set->pid_children, ns);
	return 0;
}

static long enter_time_ns(struct lx_thread *t, struct ns *ns, struct entered *e)
{
	if (t->proc->nthreads > 1)
		return -EUSERS;
	if (!may_enter(e, ns))
		return -EPERM;
	ns_get(ns);
	nsset_put_at(&e->set->time_children, ns);
	nsset_enter_time(e->set);
	return 0;
}

static long enter(struct lx_thread *t, struct ns *ns, struct entered *e)
{
	switch (ns->kind) {
	case NS_USER:
		return enter_user(t, ns, e);
	case NS_MNT:
		break;
	case NS_PID:
		return enter_pid(t, ns, e);
	case NS_TIME:
		return enter_time_ns(t, ns, e);
	default:
		if (!may_enter(e, ns))
			return -EPERM;
		break;
	}
	if (ns->kind == NS_MNT) {
		long err = enter_mnt(t, ns, e);

		if (err)
			return err;
	}
	ns_get(ns);
	nsset_put_at(&e->set->ns[ns->kind], ns);
	return 0;
}

/* All of them, or none.  The user namespace comes first: its capabilities count for the others. */
static long enter_all(struct lx_thread *t, struct ns **all)
{
	struct entered e = { .cred = t->cred, .set = nsset_copy(t) };
	long err = e.set ? 0 : -ENOMEM;

	if (!err && all[NS_USER])
		err = enter(t, all[NS_USER], &e);
	for (unsigned k = 0; k < NS_KINDS && !err; k++)
		if (all[k] && k != NS_USER)
			err = enter(t, all[k], &e);
	if (!err && e.mnt)
		err = mnt_ns_enter(t, e.mnt);
	if (err) {
		nsset_put(e.set);
		return err;
	}
	if (e.user) {
		ns_get(e.user);
		userns_install(t, e.user);
	}
	if (all[NS_IPC])
		ipc_exit(t->proc);
	nsset_install(t, e.set);
	if (all[NS_TIME])
		vdso_clocks(t);
	return 0;
}

static long of_process(struct lx_thread *t, struct lx_proc *p, uint32_t flags, struct ns **all)
{
	struct lx_thread *leader = p->leader;

	if (p->state != PROC_LIVE || !leader)
		return -ESRCH;
	if (!proc_may_access(t, p, ACCESS_FS))
		return -EPERM;
	for (unsigned k = 0; k < NS_KINDS; k++)
		if (flags & ns_clone_flag(k)) {
			all[k] = ns_of_thread(leader, k, false);
			if (!all[k])
				return -ESRCH;
		}
	return 0;
}

static long from_file(struct lx_thread *t, struct file *f, uint32_t flags, struct ns **all)
{
	struct lx_proc *p = pidfd_proc(f);
	struct ns *ns = ns_of_file(f);

	if (p)
		return !flags || (flags & ~(uint32_t)CLONE_NAMESPACES) ? -EINVAL : of_process(t, p, flags, all);
	if (!ns || (flags && flags != ns_clone_flag(ns->kind)))
		return -EINVAL;
	ns_get(ns);
	all[ns->kind] = ns;
	return 0;
}

long lx_sys_setns(struct lx_thread *t, int fd, int flags)
{
	struct ns *all[NS_KINDS] = { NULL };
	struct file *f = fd_get(t, fd);
	long err;

	if (!f)
		return -EBADF;
	FS_SETTLE(t);
	err = from_file(t, f, (uint32_t)flags, all);
	if (!err)
		err = enter_all(t, all);
	for (unsigned k = 0; k < NS_KINDS; k++)
		ns_put(all[k]);
	file_put(f);
	return err;
}
