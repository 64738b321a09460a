/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/sched.c - scheduling: policies, priorities, affinity.
 *
 * The host schedules; a picoprocess cannot tell it how.  What a program sets
 * is checked as Linux does, kept and reported, and has no further effect.
 */
#include "linux/misc/cputime.h"
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "syscalls.gen.h"

#define NICE_MIN (-20)
#define NICE_MAX 19

/* The thread a pid argument means (0 = the caller) with TASKLIST held; NULL: none. */
static struct lx_thread *target(struct lx_thread *t, int pid) REQUIRES(TASKLIST)
{
	return pid ? thread_find(pid) : t;
}

static bool may_change(struct lx_thread *t, const struct lx_thread *o)
{
	return t->cred.euid == o->cred.uid || t->cred.euid == o->cred.euid || ns_capable(t, user_ns_of(o), CAP_SYS_NICE);
}

long lx_sys_sched_yield(struct lx_thread *t)
{
	(void)DkThreadYieldExecution();
	return 0;
}

/* ---- nice ---- */

struct nice_scan {
	int which, who, best, value;
	bool set;
	long err;
};

static void nice_one(struct lx_thread *t, struct lx_thread *o, struct nice_scan *s)
{
	uint64_t limit = o->proc->rlim[RLIMIT_NICE].rlim_cur;

	if (!s->set) {
		s->best = MAX(s->best, 20 - o->nice);
		s->err = 0;
		return;
	}
	if (!may_change(t, o))
		s->err = -EPERM;
	else if (s->value < o->nice && (uint64_t)(20 - s->value) > limit && !lx_capable(t, CAP_SYS_NICE))
		s->err = -EACCES;
	else {
		o->nice = s->value;
		s->err = s->err == -ESRCH ? 0 : s->err;
	}
}

static void nice_proc(struct lx_thread *t, struct lx_proc *p, struct nice_scan *s)
{
	lock_take(&p->lock);
	LIST_FOR(o, &p->threads, struct lx_thread, sibling)
		nice_one(t, o, s);
	lock_drop(&p->lock);
}

static void nice_scan(struct lx_thread *t, struct nice_scan *s)
{
	struct lx_state *lx = lx_state();

	s->err = -ESRCH;
	s->best = -1;
	lock_take(&lx->tasklist);
	if (s->which == 0 /* PRIO_PROCESS */) {
		struct lx_thread *o = target(t, s->who);

		if (o)
			nice_one(t, o, s);
	} else {
		int group = s->who ? pid_meant_by(t->proc, s->who) : t->proc->pgrp;
		uint32_t uid = s->who ? uid_in(t, (uint32_t)s->who) : t->cred.uid;

		LIST_FOR(p, &lx->procs, struct lx_proc, all)
			if (s->which == 1 ? p->pgrp == group : p->leader && p->leader->cred.uid == uid)
				nice_proc(t, p, s);
	}
	lock_drop(&lx->tasklist);
}

long lx_sys_getpriority(struct lx_thread *t, int which, int who)
{
	struct nice_scan s = { .which = which, .who = who };

	if (which < 0 || which > 2)
		return -EINVAL;
	nice_scan(t, &s);
	return s.err ? s.err : s.best;
}

long lx_sys_setpriority(struct lx_thread *t, int which, int who, int nice)
{
	struct nice_scan s = { .which = which, .who = who, .set = true };

	if (which < 0 || which > 2)
		return -EINVAL;
	s.value = MAX(NICE_MIN, MIN(NICE_MAX, nice));
	nice_scan(t, &s);
	return s.err;
}

/* ---- policies ---- */

static bool realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static long check_policy(struct lx_thread *t, const struct lx_thread *o, int policy, int priority)
{
	uint64_t limit = o->proc->rlim[RLIMIT_RTPRIO].rlim_cur;

	if (policy != SCHED_NORMAL && policy != SCHED_BATCH && policy != SCHED_IDLE && !realtime(policy))
		return -EINVAL;
	if (realtime(policy) ? priority < 1 || priority > 99 : priority != 0)
		return -EINVAL;
	if (lx_capable(t, CAP_SYS_NICE))
		return 0;
	if (!may_change(t, o))
		return -EPERM;
	if (realtime(policy) && (uint64_t)priority > limit && (policy != o->policy || priority > o->rt_priority))
		return -EPERM;
	return 0;
}

void sched_inherit(struct lx_thread *to, const struct lx_thread *from)
{
	to->nice = from->nice;
	to->policy = from->policy;
	to->rt_priority = from->rt_priority;
	if (!from->sched_reset)
		return;
	to->nice = MAX(to->nice, 0);
	if (realtime(to->policy) || to->policy == SCHED_DEADLINE) {
		to->policy = SCHED_NORMAL;
		to->rt_priority = 0;
	}
}

/* policy < 0 keeps the policy. */
static long set_policy(struct lx_thread *t, int pid, int policy, int priority, bool reset)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;
	long err = -ESRCH;

	if (pid < 0)
		return -EINVAL;
	lock_take(&lx->tasklist);
	o = target(t, pid);
	if (o) {
		err = check_policy(t, o, policy < 0 ? o->policy : policy, priority);
		if (!err) {
			o->policy = policy < 0 ? o->policy : policy;
			o->rt_priority = priority;
			o->sched_reset = policy < 0 ? o->sched_reset : reset;
		}
	}
	lock_drop(&lx->tasklist);
	return err;
}

long lx_sys_sched_setparam(struct lx_thread *t, int pid, struct gva param)
{
	int priority;

	if (!param.va)
		return -EINVAL;
	if (copy_in(&priority, param, sizeof priority))
		return -EFAULT;
	return set_policy(t, pid, -1, priority, false);
}

long lx_sys_sched_setscheduler(struct lx_thread *t, int pid, int policy, struct gva param)
{
	int priority;

	if (!param.va || policy < 0)
		return -EINVAL;
	if (copy_in(&priority, param, sizeof priority))
		return -EFAULT;
	return set_policy(t, pid, policy & ~SCHED_RESET_ON_FORK, priority, policy & SCHED_RESET_ON_FORK);
}

struct policy_state {
	int policy, priority, nice, reset;
	uint64_t dl[3];
};

static long get_policy(struct lx_thread *t, int pid, struct policy_state *out)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;

	if (pid < 0)
		return -EINVAL;
	lock_take(&lx->tasklist);
	o = target(t, pid);
	if (o)
		*out = (struct policy_state){ o->policy, o->rt_priority, o->nice, (int)o->sched_reset,
			{ o->dl_runtime, o->dl_deadline, o->dl_period } };
	lock_drop(&lx->tasklist);
	return o ? 0 : -ESRCH;
}

long lx_sys_sched_getparam(struct lx_thread *t, int pid, struct gva param)
{
	struct policy_state s;
	long err = param.va ? get_policy(t, pid, &s) : -EINVAL;

	return err ? err : PUT_USER(param, s.priority);
}

long lx_sys_sched_getscheduler(struct lx_thread *t, int pid)
{
	struct policy_state s;
	long err = get_policy(t, pid, &s);

	return err ? err : s.policy | (s.reset ? SCHED_RESET_ON_FORK : 0);
}

long lx_sys_sched_get_priority_max(struct lx_thread *t, int policy)
{
	if (realtime(policy))
		return 99;
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long lx_sys_sched_get_priority_min(struct lx_thread *t, int policy)
{
	if (realtime(policy))
		return 1;
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long lx_sys_sched_rr_get_interval(struct lx_thread *t, int pid, struct gva interval)
{
	struct policy_state s;
	int64_t ts[2] = { 0, 0 };
	long err = get_policy(t, pid, &s);

	if (err)
		return err;
	if (s.policy == SCHED_RR)
		ts[1] = 100000000;
	else if (s.policy == SCHED_NORMAL || s.policy == SCHED_BATCH)
		ts[1] = 4000000;
	return copy_out(interval, ts, sizeof ts);
}

#define SCHED_ATTR_MIN 48u
#define DL_RUNTIME_MIN 1024u

struct user_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

/* Of a size the caller says; what we do not know of it must be 0. */
static long attr_in(struct gva from, struct user_sched_attr *a)
{
	uint32_t size;
	uint8_t more;

	memset(a, 0, sizeof *a);
	if (copy_in(&size, from, sizeof size))
		return -EFAULT;
	size = size ? size : SCHED_ATTR_MIN;
	if (size < SCHED_ATTR_MIN || size > PAGE_SIZE) {
		(void)PUT_USER(from, (uint32_t)sizeof *a);
		return -E2BIG;
	}
	if (copy_in(a, from, MIN(size, (uint32_t)sizeof *a)))
		return -EFAULT;
	for (uint32_t i = sizeof *a; i < size; i++) {
		if (copy_in(&more, gva_add(from, i), 1))
			return -EFAULT;
		if (more) {
			(void)PUT_USER(from, (uint32_t)sizeof *a);
			return -E2BIG;
		}
	}
	return 0;
}

static bool deadline_ok(const struct user_sched_attr *a)
{
	if (!a->deadline || a->runtime < DL_RUNTIME_MIN || a->deadline >> 63 || a->period >> 63)
		return false;
	return (!a->period || a->period >= a->deadline) && a->deadline >= a->runtime && !a->priority;
}

static long set_deadline(struct lx_thread *t, int pid, const struct user_sched_attr *a)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;
	long err = 0;

	lock_take(&lx->tasklist);
	o = target(t, pid);
	if (!o)
		err = -ESRCH;
	else if (!deadline_ok(a))
		err = -EINVAL;
	else if (!lx_capable(t, CAP_SYS_NICE))
		err = -EPERM;
	if (!err) {
		o->policy = SCHED_DEADLINE;
		o->rt_priority = 0;
		o->dl_runtime = a->runtime;
		o->dl_deadline = a->deadline;
		o->dl_period = a->period ? a->period : a->deadline;
		o->sched_reset = a->flags & SCHED_FLAG_RESET_ON_FORK;
	}
	lock_drop(&lx->tasklist);
	return err;
}

long lx_sys_sched_setattr(struct lx_thread *t, int pid, struct gva attr, uint32_t flags)
{
	struct nice_scan s = { .who = pid, .set = true };
	struct user_sched_attr a;
	long err;

	if (!attr.va || pid < 0 || flags)
		return -EINVAL;
	err = attr_in(attr, &a);
	if (err)
		return err;
	if (a.flags & ~(uint64_t)SCHED_FLAG_ALL || (int)a.policy < 0)
		return -EINVAL;
	if (a.flags & SCHED_FLAG_UTIL_CLAMP)
		return -EOPNOTSUPP; /* as a kernel without utilization clamps */
	if (a.policy == SCHED_DEADLINE && !(a.flags & SCHED_FLAG_KEEP_POLICY))
		return set_deadline(t, pid, &a);
	err = set_policy(t, pid, a.flags & SCHED_FLAG_KEEP_POLICY ? -1 : (int)a.policy, (int)a.priority,
		a.flags & SCHED_FLAG_RESET_ON_FORK);
	if (err || (a.policy != SCHED_NORMAL && a.policy != SCHED_BATCH))
		return err;
	s.value = MAX(NICE_MIN, MIN(NICE_MAX, a.nice));
	nice_scan(t, &s);
	return s.err;
}

long lx_sys_sched_getattr(struct lx_thread *t, int pid, struct gva attr, uint32_t size, uint32_t flags)
{
	struct user_sched_attr a;
	struct policy_state s;
	long err;

	if (!attr.va || pid < 0 || flags || size < SCHED_ATTR_MIN || size > PAGE_SIZE)
		return -EINVAL;
	err = get_policy(t, pid, &s);
	if (err)
		return err;
	memset(&a, 0, sizeof a);
	a.size = MIN(size, (uint32_t)sizeof a);
	a.policy = (uint32_t)s.policy;
	a.flags = s.reset ? SCHED_FLAG_RESET_ON_FORK : 0;
	a.nice = s.policy == SCHED_NORMAL || s.policy == SCHED_BATCH ? s.nice : 0;
	a.priority = (uint32_t)s.priority;
	if (s.policy == SCHED_DEADLINE) {
		a.runtime = s.dl[0];
		a.deadline = s.dl[1];
		a.period = s.dl[2];
	}
	return copy_out(attr, &a, a.size);
}
