/* SPDX-License-Identifier: MIT */
/* linux/misc/sched_attr.c - sched_setattr and sched_getattr, and with them SCHED_DEADLINE. */
#include "linux/misc/cred.h"
#include "linux/misc/sched.h"
#include "linux/proc/proc.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

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
	o = sched_target(t, pid);
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
	err = sched_set_policy(t, pid, a.flags & SCHED_FLAG_KEEP_POLICY ? -1 : (int)a.policy, (int)a.priority,
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
	struct sched_state s;
	long err;

	if (!attr.va || pid < 0 || flags || size < SCHED_ATTR_MIN || size > PAGE_SIZE)
		return -EINVAL;
	err = sched_get_policy(t, pid, &s);
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
