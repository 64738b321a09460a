/* SPDX-License-Identifier: MIT */
/* linux/proc/pgrp.c - who am I, process groups and sessions. */
#include "linux/proc/proc.h"
#include "linux/ns/ns.h"
#include "linux/fs/tty.h"
#include "linux/sig/sig.h"
#include "syscalls.gen.h"

long lx_sys_getpid(struct lx_thread *t)
{
	return t->proc->vpid;
}

long lx_sys_gettid(struct lx_thread *t)
{
	return t->vtid;
}

long lx_sys_getppid(struct lx_thread *t)
{
	return t->proc->ppid;
}

long lx_sys_getpgrp(struct lx_thread *t)
{
	return pid_out(t, t->proc->pgrp);
}

bool pgrp_exists(int pgrp, int session)
{
	PROC_SET_FOR (p, PROC_GROUP, pgrp)
		if (p->session == session)
			return true;
	return false;
}

/* No member has a parent in the same session but in another group. */
bool pgrp_is_orphaned(int pgrp, struct lx_proc *ignored)
{
	PROC_SET_FOR (p, PROC_GROUP, pgrp) {
		struct lx_proc *parent = p->parent;

		if (p == ignored || p->state != PROC_LIVE || !parent || parent == lx_state()->init)
			continue;
		if (parent->pgrp != pgrp && parent->session == p->session)
			return false;
	}
	return true;
}

static bool pgrp_has_stopped(int pgrp) REQUIRES(TASKLIST)
{
	PROC_SET_FOR (p, PROC_GROUP, pgrp)
		if (p->state == PROC_LIVE && __atomic_load_n(&p->stopped, __ATOMIC_RELAXED))
			return true;
	return false;
}

void pgrp_check_orphan(int pgrp, int session, struct lx_proc *ignored)
{
	(void)session;
	if (!pgrp_has_stopped(pgrp) || !pgrp_is_orphaned(pgrp, ignored))
		return;
	signal_pgrp(pgrp, SIGHUP, NULL);
	signal_pgrp(pgrp, SIGCONT, NULL);
}

static long may_set_pgid(struct lx_proc *me, struct lx_proc *p, int pgid) REQUIRES(TASKLIST)
{
	if (p != me) {
		if (p->parent != me)
			return -ESRCH;
		if (p->session != me->session)
			return -EPERM;
		if (p->did_exec)
			return -EACCES;
	}
	if (p->session == p->pid)
		return -EPERM;
	if (pgid != p->pid && !pgrp_exists(pgid, me->session))
		return -EPERM;
	return 0;
}

long lx_sys_setpgid(struct lx_thread *t, int pid, int pgid)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p;
	long err;

	if (pid == 0)
		pid = t->proc->vpid;
	if (pgid < 0)
		return -EINVAL;
	if (pgid == 0)
		pgid = pid;
	lock_take(&lx->tasklist);
	p = proc_find(pid);
	pgid = pid_meant_by(t->proc, pgid);
	err = p ? may_set_pgid(t->proc, p, pgid) : -ESRCH;
	if (!err)
		proc_set_change(p, pgid, p->session);
	lock_drop(&lx->tasklist);
	return err;
}

static long pgrp_or_session(struct lx_thread *t, int pid, bool session)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p;
	long result = -ESRCH;

	if (pid == 0)
		return pid_out(t, session ? t->proc->session : t->proc->pgrp);
	if (pid < 0)
		return -ESRCH;
	lock_take(&lx->tasklist);
	p = proc_find(pid);
	if (!p) {
		struct lx_thread *other = thread_find(pid);

		p = other ? other->proc : NULL;
	}
	if (p)
		result = pid_seen_by(t->proc, session ? p->session : p->pgrp);
	lock_drop(&lx->tasklist);
	return result;
}

long lx_sys_getpgid(struct lx_thread *t, int pid)
{
	return pgrp_or_session(t, pid, false);
}

long lx_sys_getsid(struct lx_thread *t, int pid)
{
	return pgrp_or_session(t, pid, true);
}

long lx_sys_setsid(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;
	long err = 0;

	lock_take(&lx->tasklist);
	if (proc_set_first(PROC_GROUP, p->pid))
		err = -EPERM;
	else
		proc_set_change(p, p->pid, p->pid);
	lock_drop(&lx->tasklist);
	if (err)
		return err;
	tty_leave(p);
	return p->vpid;
}
