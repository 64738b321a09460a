/* SPDX-License-Identifier: MIT */
/*
 * linux/ns/pidns.c - pid namespaces: numbers, and process 1.
 *
 * Inside linux/ a process is known by its number in the initial namespace ("global":
 * lx_proc.pid, lx_thread.tid, pgrp, session).  A further namespace has a table of struct
 * pid_nr, number here <-> global, for each thread in it and in namespaces below it.
 * What a program names or sees is translated by the table of its process's namespace; its own
 * two numbers are kept beside (lx_proc.vpid, lx_thread.vtid), as they are asked for most.
 *
 * An entry goes when its thread is unlinked, unless a process group or session still
 * has the number; then it goes when the last member is reaped.  All under TASKLIST.
 *
 * Process 1 adopts the namespace's orphans, gets only signals that it has handlers for (and
 * SIGKILL and SIGSTOP from outside), and takes the others with it when it ends.
 */
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"

#define BUCKETS 512u

struct pid_nr {
	struct list by_nr, by_global;
	int nr, global;
};

static bool initial(const struct ns *ns)
{
	return ns->level == 0;
}

static struct list *bucket(struct list *table, const struct ns *ns, int n)
{
	return &table[(uint32_t)n % ns->pid.buckets];
}

long pid_ns_new(struct lx_thread *t, struct ns *parent, struct ns *user, struct ns **out)
{
	struct list *tables;
	struct ns *ns;
	long err;

	if (parent->level + 1 > NS_LEVELS)
		return -ENOSPC;
	tables = arena_alloc(2 * BUCKETS * sizeof *tables);
	err = tables ? ns_new(t, NS_PID, user, &ns) : -ENOMEM;
	if (err) {
		arena_free(tables);
		return err;
	}
	for (unsigned i = 0; i < 2 * BUCKETS; i++)
		list_init(&tables[i]);
	ns->pid.by_nr = tables;
	ns->pid.by_global = tables + BUCKETS;
	ns->pid.buckets = BUCKETS;
	waitq_init(&ns->pid.wait);
	ns->level = parent->level + 1;
	ns->parent = parent;
	ns_get(parent);
	*out = ns;
	return 0;
}

void pid_ns_free(struct ns *ns)
{
	for (unsigned i = 0; i < ns->pid.buckets; i++)
		LIST_FOR_SAFE (e, n, &ns->pid.by_nr[i], struct pid_nr, by_nr)
			arena_free(e);
	arena_free(ns->pid.by_nr);
}

bool pid_ns_inside(const struct ns *inner, const struct ns *outer)
{
	while (inner->level > outer->level)
		inner = inner->parent;
	return inner == outer;
}

/* ---- Translation ---- */

static struct pid_nr *find_nr(const struct ns *ns, int nr)
{
	LIST_FOR (e, bucket(ns->pid.by_nr, ns, nr), struct pid_nr, by_nr)
		if (e->nr == nr)
			return e;
	return NULL;
}

static struct pid_nr *find_global(const struct ns *ns, int global)
{
	LIST_FOR (e, bucket(ns->pid.by_global, ns, global), struct pid_nr, by_global)
		if (e->global == global)
			return e;
	return NULL;
}

int pid_in_ns(const struct ns *ns, int global)
{
	struct pid_nr *e;

	if (initial(ns) || global <= 0)
		return global;
	e = find_global(ns, global);
	return e ? e->nr : 0;
}

int pid_from_ns(const struct ns *ns, int nr)
{
	struct pid_nr *e;

	if (initial(ns) || nr <= 0)
		return nr;
	e = find_nr(ns, nr);
	return e ? e->global : 0;
}

int pid_out(const struct lx_thread *t, int global)
{
	int nr;

	if (LIKELY(!t->proc->pid_ns))
		return global;
	lock_take(&lx_state()->tasklist);
	nr = pid_in_ns(t->proc->pid_ns, global);
	lock_drop(&lx_state()->tasklist);
	return nr;
}

int pid_in(const struct lx_thread *t, int nr)
{
	int global;

	if (LIKELY(!t->proc->pid_ns) || nr <= 0)
		return nr;
	lock_take(&lx_state()->tasklist);
	global = pid_from_ns(t->proc->pid_ns, nr);
	lock_drop(&lx_state()->tasklist);
	return global != 0 ? global : -1;
}

/* ---- Numbers given and taken back ---- */

static int next_nr(struct ns *ns)
{
	int nr = ns->pid.last;

	do
		nr = nr + 1 < LX_PID_MAX ? nr + 1 : 2;
	while (find_nr(ns, nr));
	return ns->pid.last = nr;
}

/* nr 0: the next. */
static int add(struct ns *ns, int global, int nr)
{
	struct pid_nr *e;

	if (nr && find_nr(ns, nr))
		return -EEXIST;
	e = arena_alloc(sizeof *e);
	if (!e)
		return -ENOMEM;
	e->nr = nr ? nr : next_nr(ns);
	if (!ns->pid.last)
		ns->pid.last = 1;
	e->global = global;
	list_append(bucket(ns->pid.by_nr, ns, e->nr), &e->by_nr);
	list_append(bucket(ns->pid.by_global, ns, global), &e->by_global);
	ns->pid.count++;
	return e->nr;
}

static void drop(struct ns *ns, int global)
{
	for (; !initial(ns); ns = ns->parent) {
		struct pid_nr *e = find_global(ns, global);

		if (!e)
			continue;
		list_remove(&e->by_nr);
		list_remove(&e->by_global);
		arena_free(e);
		ns->pid.count--;
	}
}

long pid_ns_number(struct lx_thread *t, const int *set_tid, uint32_t set_tids)
{
	struct ns *inner = pid_ns_of(t->proc);
	uint32_t i = 0;
	int nr;

	for (struct ns *ns = inner; !initial(ns); ns = ns->parent) {
		if (ns->pid.dead)
			nr = -ENOMEM;
		else
			nr = add(ns, t->tid, i < set_tids ? set_tid[i] : 0);
		i++;
		if (nr < 0) {
			drop(inner, t->tid);
			return nr;
		}
		if (ns == inner)
			t->vtid = nr;
	}
	return 0;
}

static void drop_unused(struct ns *ns, int id) REQUIRES(TASKLIST)
{
	if (!tid_used(id))
		drop(ns, id);
}

void pid_ns_changed(struct ns *ns)
{
	for (; !initial(ns); ns = ns->parent)
		waitq_wake_all(&ns->pid.wait);
}

void pid_ns_unnumber(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;
	struct ns *ns = p->pid_ns;

	if (!ns)
		return;
	if (ns->pid.init == p && t->tid == p->pid)
		ns->pid.init = NULL;
	if (t->tid != p->pid) {
		drop(ns, t->tid);
	} else {
		drop_unused(ns, p->pid);
		drop_unused(ns, p->pgrp);
		drop_unused(ns, p->session);
	}
	pid_ns_changed(ns);
}

/* ---- Process 1 ---- */

bool pid_ns_kill(struct lx_proc *init)
{
	struct ns *ns = init->pid_ns;
	bool any = false;

	ns->pid.dead = true;
	LIST_FOR (p, &lx_state()->procs, struct lx_proc, all) {
		if (p == init || !pid_ns_inside(pid_ns_of(p), ns) || p->state == PROC_DEAD)
			continue;
		any = true;
		if (p->state == PROC_LIVE && !p->group_exit)
			(void)signal_proc(p, SIGKILL, NULL);
	}
	return any;
}
