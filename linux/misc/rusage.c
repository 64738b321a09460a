/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/rusage.c - what a process has used.
 */
#include "linux/misc/cputime.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

struct user_rusage {
	int64_t utime[2], stime[2], maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
		nsignals, nvcsw, nivcsw;
};

static void to_timeval(uint64_t ns, int64_t tv[2])
{
	tv[0] = ns / 1000000000u;
	tv[1] = ns % 1000000000u / 1000;
}

static void of_self(struct lx_thread *t, struct user_rusage *u)
{
	struct lx_proc *p = t->proc;

	struct cpu_times now;

	proc_cpu_times(t, p, &now);
	to_timeval(now.user, u->utime);
	to_timeval(now.system, u->stime);
	lock_take(&p->lock);
	u->minflt = p->min_flt;
	u->majflt = p->maj_flt;
	u->maxrss = MAX(p->max_rss, p->rss_pages) * 4;
	u->nvcsw = p->nvcsw;
	LIST_FOR(o, &p->threads, struct lx_thread, sibling) {
		u->minflt += o->min_flt;
		u->majflt += o->maj_flt;
		u->nvcsw += o->exiting < 2 ? o->pico.waits : 0;
		u->nivcsw += o->nivcsw;
	}
	lock_drop(&p->lock);
}

static void of_children(struct lx_proc *p, struct user_rusage *u)
{
	lock_take(&p->lock);
	to_timeval(p->cutime_ns, u->utime);
	to_timeval(p->cstime_ns, u->stime);
	u->minflt = p->cmin_flt;
	u->majflt = p->cmaj_flt;
	u->maxrss = p->cmax_rss * 4;
	lock_drop(&p->lock);
}

static void of_thread(struct lx_thread *t, struct user_rusage *u)
{
	struct cpu_times now;

	thread_cpu_times(t, t, &now);
	to_timeval(now.user, u->utime);
	to_timeval(now.system, u->stime);
	u->minflt = t->min_flt;
	u->majflt = t->maj_flt;
	u->nvcsw = t->pico.waits;
	u->nivcsw = t->nivcsw;
	u->maxrss = MAX(t->proc->max_rss, t->proc->rss_pages) * 4;
}

long lx_sys_getrusage(struct lx_thread *t, int who, struct gva usage)
{
	uint64_t began = cputime_begin(t);
	struct user_rusage u;

	memset(&u, 0, sizeof u);
	if (who == RUSAGE_SELF)
		of_self(t, &u);
	else if (who == RUSAGE_CHILDREN)
		of_children(t->proc, &u);
	else if (who == RUSAGE_THREAD)
		of_thread(t, &u);
	else
		return -EINVAL;
	cputime_asked(t, began);
	return copy_out(usage, &u, sizeof u);
}
