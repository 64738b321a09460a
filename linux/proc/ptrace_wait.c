/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/ptrace_wait.c - wait4 and waitid, for a tracer: stops of its tracees and their ends.
 *
 * Tracees are there whatever __WCLONE says and without WUNTRACED.  A leader's end is its
 * process's: if the tracer is the parent too, wait.c has it among the children.
 */
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/wait.h"

static bool is_meant(const struct lx_thread *o, const struct wait_spec *w)
{
	if (w->which == WAIT_PID)
		return o->tid == w->id;
	return w->which == WAIT_ALL || o->proc->pgrp == w->id;
}

static bool take_dead(struct lx_thread *o, const struct wait_spec *w, struct wait_result *r) REQUIRES(TASKLIST)
{
	if (!o->pt->dead || !(w->options & WEXITED))
		return false;
	wait_fill_end(o->proc, o->tid, r, o->pt->code);
	if (!(w->options & WNOWAIT))
		r->reaped = ptrace_release(o);
	return true;
}

static bool take_stop(struct lx_thread *o, const struct wait_spec *w, struct wait_result *r) REQUIRES(TASKLIST)
{
	struct ptrace *pt = o->pt;

	if (pt->dead || !pt->stop || pt->reported)
		return false;
	wait_fill(o->proc, o->tid, r, pt->code << 8 | 0x7f, CLD_TRAPPED, (int)pt->code);
	if (!(w->options & WNOWAIT))
		pt->reported = 1;
	return true;
}

static int look_at(struct lx_thread *tracer, const struct wait_spec *w, struct wait_result *r) REQUIRES(TASKLIST)
{
	int result = -ECHILD;

	LIST_FOR (pt, &tracer->tracees, struct ptrace, link) {
		struct lx_thread *o = pt->self;

		if (!is_meant(o, w))
			continue;
		if (take_dead(o, w, r) || take_stop(o, w, r))
			return 1;
		result = 0;
	}
	return result;
}

int ptrace_wait_look(struct lx_thread *t, const struct wait_spec *w, struct wait_result *r)
{
	int result = look_at(t, w, r), found;

	if (result == 1 || (w->options & __WNOTHREAD))
		return result;
	lock_take(&t->proc->lock);
	LIST_FOR (o, &t->proc->threads, struct lx_thread, sibling) {
		if (o == t || list_empty(&o->tracees))
			continue;
		lock_drop(&t->proc->lock); /* TASKLIST keeps the list: threads come and go under it */
		found = look_at(o, w, r);
		lock_take(&t->proc->lock);
		result = MAX(result, found);
		if (found == 1)
			break;
	}
	lock_drop(&t->proc->lock);
	return result;
}
