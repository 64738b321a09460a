/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/prctl.c - prctl and personality.
 *
 * What only tunes the host (transparent huge pages, timer slack) is remembered or accepted without effect; what would promise protection
 * that is not given is refused.
 */
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "linux/mm/mm.h"
#include "linux/proc/proc.h"
#include "linux/sec/sec.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

static long set_name(struct lx_thread *t, struct gva from)
{
	char name[sizeof t->comm] = { 0 };

	for (unsigned i = 0; i < sizeof name - 1; i++) {
		if (copy_in(&name[i], gva_add(from, i), 1))
			return -EFAULT;
		if (!name[i])
			break;
	}
	memcpy(t->comm, name, sizeof name);
	return 0;
}

static long put_int(struct gva to, int value)
{
	return PUT_USER(to, value);
}

static long set_pdeath(struct lx_thread *t, uint64_t sig)
{
	if (sig > LX_NSIG)
		return -EINVAL;
	t->pdeath_signal = sig;
	return 0;
}

static long set_no_new_privs(struct lx_thread *t, uint64_t on)
{
	struct lx_cred new = t->cred;

	if (on != 1)
		return -EINVAL;
	new.no_new_privs = 1;
	cred_commit(t, &new);
	return 0;
}

static long mce_kill(uint64_t a, uint64_t b)
{
	if (a == PR_MCE_KILL_CLEAR)
		return b ? -EINVAL : 0;
	return a == PR_MCE_KILL_SET && b <= PR_MCE_KILL_DEFAULT ? 0 : -EINVAL;
}

/* The host decides; a thread cannot change it, and mitigations that are per thread are off. */
static long speculation(uint64_t which)
{
	switch (which) {
	case PR_SPEC_STORE_BYPASS:
	case PR_SPEC_INDIRECT_BRANCH:
		return PR_SPEC_ENABLE;
	case PR_SPEC_L1D_FLUSH:
		return PR_SPEC_FORCE_DISABLE;
	default:
		return -ENODEV;
	}
}

/* What was asked for stays. */
static long set_mdwe(struct lx_proc *p, uint64_t bits)
{
	if ((bits & ~(uint64_t)(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT)) || bits == PR_MDWE_NO_INHERIT)
		return -EINVAL;
	if (p->mdwe && bits != p->mdwe)
		return -EPERM;
	p->mdwe = (uint32_t)bits;
	return 0;
}

static long process_option(struct lx_thread *t, int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct lx_proc *p = t->proc;

	switch (option) {
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_DUMPABLE:
		if (a > 1)
			return -EINVAL;
		p->dumpable = (uint32_t)a;
		return 0;
	case PR_SET_CHILD_SUBREAPER:
		p->is_subreaper = !!a;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_int((struct gva){ a }, p->is_subreaper);
	case PR_SET_THP_DISABLE:
		if (b || c || d)
			return -EINVAL;
		p->thp_disable = !!a;
		return 0;
	case PR_GET_THP_DISABLE:
		return a || b || c || d ? -EINVAL : (long)p->thp_disable;
	case PR_SET_MDWE:
		return b || c || d ? -EINVAL : set_mdwe(p, a);
	case PR_GET_MDWE:
		return a || b || c || d ? -EINVAL : (long)p->mdwe;
	case PR_MCE_KILL:
		return c || d ? -EINVAL : mce_kill(a, b);
	case PR_MCE_KILL_GET:
		return a || b || c || d ? -EINVAL : PR_MCE_KILL_DEFAULT;
	case PR_SET_VMA:
		return a == PR_SET_VMA_ANON_NAME ? mm_set_name(p->mm, b, c, (struct gva){ d }) : -EINVAL;
	case PR_SET_PTRACER:
		if ((int64_t)a < -1 || (int64_t)a > INT32_MAX)
			return -EINVAL;
		p->ptracer = (int)a > 0 ? pid_in(t, (int)a) : (int)a;
		return 0;
	case PR_GET_SPECULATION_CTRL:
		return b || c || d ? -EINVAL : speculation(a);
	case PR_SET_SPECULATION_CTRL:
		return c || d ? -EINVAL : speculation(a) < 0 ? speculation(a) : a == PR_SPEC_STORE_BYPASS ? -ENXIO : -EPERM;
	case PR_SET_IO_FLUSHER:
		return !lx_capable(lx_current(), CAP_SYS_RESOURCE) ? -EPERM : a > 1 || b || c || d ? -EINVAL : 0;
	case PR_GET_IO_FLUSHER:
		return !lx_capable(lx_current(), CAP_SYS_RESOURCE) ? -EPERM : a || b || c || d ? -EINVAL : 0;
	case PR_TASK_PERF_EVENTS_DISABLE:
	case PR_TASK_PERF_EVENTS_ENABLE:
		return 0;
	default:
		return -EINVAL;
	}
}

long lx_sys_prctl(struct lx_thread *t, int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	switch (option) {
	case PR_SET_NAME:
		return set_name(t, (struct gva){ a });
	case PR_GET_NAME:
		return copy_out((struct gva){ a }, t->comm, sizeof t->comm);
	case PR_SET_PDEATHSIG:
		return set_pdeath(t, a);
	case PR_GET_PDEATHSIG:
		return put_int((struct gva){ a }, (int)t->pdeath_signal);
	case PR_SET_NO_NEW_PRIVS:
		return b || c || d ? -EINVAL : set_no_new_privs(t, a);
	case PR_GET_NO_NEW_PRIVS:
		return a || b || c || d ? -EINVAL : (long)t->cred.no_new_privs;
	case PR_GET_SECCOMP:
		return t->seccomp_mode;
	case PR_SET_SECCOMP:
		return seccomp_prctl_set(t, a, (struct gva){ b });
	case PR_SET_SYSCALL_USER_DISPATCH:
		return dispatch_prctl(t, a, b, c, d);
	case PR_SET_TIMERSLACK:
		t->timer_slack = (int64_t)a > 0 ? a : t->timer_slack_default;
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)t->timer_slack;
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return a == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TSC:
		return put_int((struct gva){ a }, PR_TSC_ENABLE);
	case PR_SET_TSC: /* the host's time stamp counter cannot be taken away */
		return a == PR_TSC_ENABLE ? 0 : -EINVAL;
	case PR_GET_TID_ADDRESS:
		return PUT_USER(((struct gva){ a }), t->clear_child_tid.va);
	case PR_CAPBSET_READ:
	case PR_CAPBSET_DROP:
	case PR_GET_SECUREBITS:
	case PR_SET_SECUREBITS:
	case PR_GET_KEEPCAPS:
	case PR_SET_KEEPCAPS:
	case PR_CAP_AMBIENT:
		return cap_prctl(t, option, a, b, c, d);
	default:
		return process_option(t, option, a, b, c, d);
	}
}

long lx_sys_personality(struct lx_thread *t, uint32_t persona)
{
	uint32_t was = (uint32_t)t->proc->personality;

	if (persona != UINT32_MAX)
		t->proc->personality = persona;
	return was;
}
