/* SPDX-License-Identifier: MIT */
/* linux/misc/nice.c - nice values of threads, process groups and users: kept and reported, as sched.c says. */
#include "linux/misc/cred.h"
#include "linux/misc/sched.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "syscalls.gen.h"

static void nice_one(struct lx_thread *t, struct lx_thread *o, struct nice_scan *s)
{
	uint64_t limit = o->proc->rlim[RLIMIT_NICE].rlim_cur;

	if (!s->set) {
		s->best = MAX(s->best, 20 - o->nice);
		s->err = 0;
		return;
	}
	if (!sched_may_change(t, o))
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

void nice_scan(struct lx_thread *t, struct nice_scan *s)
{
	struct lx_state *lx = lx_state();

	s->err = -ESRCH;
	s->best = -1;
	lock_take(&lx->tasklist);
	if (s->which == 0 /* PRIO_PROCESS */) {
		struct lx_thread *o = sched_target(t, s->who);

		if (o)
			nice_one(t, o, s);
	} else {
		int group = s->who ? pid_meant_by(t->proc, s->who) : t->proc->pgrp;
		uint32_t uid = s->who ? uid_in(t, (uint32_t)s->who) : t->cred.uid;

		if (s->which == 1 /* PRIO_PGRP */) {
			PROC_SET_FOR(p, PROC_GROUP, group)
				nice_proc(t, p, s);
		} else {
			LIST_FOR(p, &lx->procs, struct lx_proc, all)
				if (p->leader && p->leader->cred.uid == uid)
					nice_proc(t, p, s);
		}
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
