/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/access.c - who may look into whom: ptrace(2), "Ptrace access mode checking".
 *
 * All of a sandbox share one address range of kernel state, so this keeps programs to
 * Linux's manners; it protects nobody from a hostile guest (CAVEATS.md).
 */
#include "linux/fs/procfs.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/landlock.h"
#include <linux/capability.h>

#define ANYBODY (-1)

static bool same_ids(const struct lx_cred *me, const struct lx_cred *o, bool fs)
{
	uint32_t uid = fs ? me->fsuid : me->uid, gid = fs ? me->fsgid : me->gid;

	return uid == o->euid && uid == o->suid && uid == o->uid && gid == o->egid && gid == o->sgid && gid == o->gid;
}

static bool descends(const struct lx_proc *p, const struct lx_proc *from)
{
	while (p && p != from)
		p = p->parent;
	return p != NULL;
}

/* /proc/sys/kernel/yama/ptrace_scope: 0 by default here. */
static bool yama_allows(const struct lx_thread *t, const struct lx_thread *o)
{
	uint64_t scope = sysctl_value(CTL_PTRACE);
	const struct lx_proc *p = o->proc;

	if (scope == 0)
		return true;
	if (scope == 1 && (descends(p, t->proc) || p->ptracer == ANYBODY || (p->ptracer > 0 && p->ptracer == t->proc->pid)))
		return true;
	return scope < 3 && ns_capable(t, user_ns_of(o), CAP_SYS_PTRACE);
}

bool ptrace_may_access(const struct lx_thread *t, const struct lx_thread *o, unsigned how)
{
	bool may_all = ns_capable(t, user_ns_of(o), CAP_SYS_PTRACE);

	if (t->proc == o->proc)
		return true;
	if (!landlock_may_trace(t, o))
		return false;
	if (!may_all && (!same_ids(&t->cred, &o->cred, how & ACCESS_FS) || !o->proc->dumpable))
		return false;
	if (!may_all && (o->cred.user_ns != t->cred.user_ns || (o->cred.cap_permitted & ~t->cred.cap_permitted)))
		return false;
	return !(how & ACCESS_ATTACH) || yama_allows(t, o);
}

bool proc_may_access(const struct lx_thread *t, struct lx_proc *p, unsigned how)
{
	struct lx_state *lx = lx_state();
	bool may;

	if (p == t->proc)
		return true;
	lock_take(&lx->tasklist);
	may = p->leader != NULL && ptrace_may_access(t, p->leader, how);
	lock_drop(&lx->tasklist);
	return may;
}
