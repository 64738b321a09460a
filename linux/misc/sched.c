/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/sched.c - scheduling: policies, priorities, affinity.
 *
 * The host schedules; a picoprocess cannot tell it how.  What a program sets
 * is checked as Linux does, kept and reported, and has no further effect.
 */
#include "linux/misc/cputime.h"
#include "linux/misc/cred.h"
#include "linux/misc/sched.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "syscalls.gen.h"

struct lx_thread *sched_target(struct lx_thread *t, int pid)
{
	return pid ? thread_find(pid) : t;
}

bool sched_may_change(struct lx_thread *t, const struct lx_thread *o)
{
	return t->cred.euid == o->cred.uid || t->cred.euid == o->cred.euid || ns_capable(t, user_ns_of(o), CAP_SYS_NICE);
}

long lx_sys_sched_yield(struct lx_thread *t)
{
	(void)DkThreadYieldExecution();
	return 0;
}

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
	if (!sched_may_change(t, o))
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

long sched_set_policy(struct lx_thread *t, int pid, int policy, int priority, bool reset)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;
	long err = -ESRCH;

	if (pid < 0)
		return -EINVAL;
	lock_take(&lx->tasklist);
	o = sched_target(t, pid);
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
	return sched_set_policy(t, pid, -1, priority, false);
}

long lx_sys_sched_setscheduler(struct lx_thread *t, int pid, int policy, struct gva param)
{
	int priority;

	if (!param.va || policy < 0)
		return -EINVAL;
	if (copy_in(&priority, param, sizeof priority))
		return -EFAULT;
	return sched_set_policy(t, pid, policy & ~SCHED_RESET_ON_FORK, priority, policy & SCHED_RESET_ON_FORK);
}

long sched_get_policy(struct lx_thread *t, int pid, struct sched_state *out)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;

	if (pid < 0)
		return -EINVAL;
	lock_take(&lx->tasklist);
	o = sched_target(t, pid);
	if (o)
		*out = (struct sched_state){ o->policy, o->rt_priority, o->nice, (int)o->sched_reset,
			{ o->dl_runtime, o->dl_deadline, o->dl_period } };
	lock_drop(&lx->tasklist);
	return o ? 0 : -ESRCH;
}

long lx_sys_sched_getparam(struct lx_thread *t, int pid, struct gva param)
{
	struct sched_state s;
	long err = param.va ? sched_get_policy(t, pid, &s) : -EINVAL;

	return err ? err : PUT_USER(param, s.priority);
}

long lx_sys_sched_getscheduler(struct lx_thread *t, int pid)
{
	struct sched_state s;
	long err = sched_get_policy(t, pid, &s);

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
	struct sched_state s;
	int64_t ts[2] = { 0, 0 };
	long err = sched_get_policy(t, pid, &s);

	if (err)
		return err;
	if (s.policy == SCHED_RR)
		ts[1] = 100000000;
	else if (s.policy == SCHED_NORMAL || s.policy == SCHED_BATCH)
		ts[1] = 4000000;
	return copy_out(interval, ts, sizeof ts);
}
