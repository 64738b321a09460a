/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/rlimit.c - resource limits: kept per process under PROC, looked at by
 * whoever hands out the resource.
 */
#include "linux/ns/ns.h"
#include "linux/misc/timer.h"
#include "linux/proc/proc.h"
#include "rt/mem.h"
#include "syscalls.gen.h"
#include <linux/capability.h>

#define NOFILE_MAX 1048576u

static long check_new(struct lx_thread *t, uint32_t which, const struct rlimit64 *old, const struct rlimit64 *new)
{
	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (which == RLIMIT_NOFILE && new->rlim_max > NOFILE_MAX)
		return -EPERM;
	if (new->rlim_max > old->rlim_max && !lx_capable(t, CAP_SYS_RESOURCE))
		return -EPERM;
	return 0;
}

static long change(struct lx_thread *t, struct lx_proc *p, uint32_t which, const struct rlimit64 *new, struct rlimit64 *old)
{
	long err = 0;

	lock_take(&p->lock);
	*old = p->rlim[which];
	if (new)
		err = check_new(t, which, old, new);
	if (new && !err)
		p->rlim[which] = *new;
	if (new && !err && which == RLIMIT_CPU)
		cpu_timers_ask(p);
	lock_drop(&p->lock);
	return err;
}

/* Another process's limits: its real ids must be the caller's, or CAP_SYS_RESOURCE. */
static bool may_look(struct lx_thread *t, struct lx_proc *p) REQUIRES(TASKLIST)
{
	const struct lx_cred *c = &t->cred, *o = p->leader ? &p->leader->cred : c;

	if (p == t->proc)
		return true;
	if (c->uid == o->euid && c->uid == o->suid && c->uid == o->uid && c->gid == o->egid && c->gid == o->sgid && c->gid == o->gid)
		return true;
	return ns_capable(t, p->leader ? user_ns_of(p->leader) : user_ns_of(t), CAP_SYS_RESOURCE);
}

static long change_pid(struct lx_thread *t, int pid, uint32_t which, const struct rlimit64 *new, struct rlimit64 *old)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p;
	long err = -ESRCH;

	if (!pid || pid == t->proc->vpid)
		return change(t, t->proc, which, new, old);
	lock_take(&lx->tasklist);
	p = proc_find(pid);
	if (p)
		err = may_look(t, p) ? change(t, p, which, new, old) : -EPERM;
	lock_drop(&lx->tasklist);
	return err;
}

long lx_sys_prlimit64(struct lx_thread *t, int pid, uint32_t which, struct gva new, struct gva old)
{
	struct rlimit64 want, was;
	long err;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	if (new.va && copy_in(&want, new, sizeof want))
		return -EFAULT;
	err = change_pid(t, pid, which, new.va ? &want : NULL, &was);
	if (err || !old.va)
		return err;
	return copy_out(old, &was, sizeof was);
}

long lx_sys_getrlimit(struct lx_thread *t, uint32_t which, struct gva limit)
{
	struct rlimit64 was;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	(void)change(t, t->proc, which, NULL, &was);
	return copy_out(limit, &was, sizeof was);
}

long lx_sys_setrlimit(struct lx_thread *t, uint32_t which, struct gva limit)
{
	struct rlimit64 want, was;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	if (copy_in(&want, limit, sizeof want))
		return -EFAULT;
	return change(t, t->proc, which, &want, &was);
}
