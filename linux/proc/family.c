/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/family.c - which processes belong together: a group, a session, a picoprocess.
 *
 * The members of a group (or session) form a ring; one of them, whichever, stands for the ring in a
 * hash table by the group's number.  So a look-up meets each group once, however many members it has,
 * and nothing has to be allocated.  Under TASKLIST.
 *
 * Processes are also found by the picoprocess they live in.  That changes where TASKLIST
 * is not held, so this table has a lock of its own, HOSTS.
 *
 * lx->procs is in the order of numbers.  Numbers are given in that order, so a new process
 * mostly belongs behind the one that was linked before it.
 */
#include "linux/proc/proc.h"

static struct list *head_of(enum proc_set set, int id)
{
	struct list *head = &lx_state()->set_hash[set][(uint32_t)id % LX_SET_BUCKETS];

	if (UNLIKELY(!head->next))
		list_init(head); /* pages of the table are touched when they are needed */
	return head;
}

static int number_of(const struct lx_proc *p, enum proc_set set)
{
	return set == PROC_GROUP ? p->pgrp : p->session;
}

static struct lx_proc *owner_of(struct proc_member *m, enum proc_set set)
{
	return CONTAINER_OF(m - set, struct lx_proc, member[0]);
}

struct lx_proc *proc_set_first(enum proc_set set, int id)
{
	LIST_FOR (m, head_of(set, id), struct proc_member, hash)
		if (number_of(owner_of(m, set), set) == id)
			return owner_of(m, set);
	return NULL;
}

struct lx_proc *proc_set_next(enum proc_set set, struct lx_proc *p, const struct lx_proc *first)
{
	struct lx_proc *next = owner_of(LIST_ENTRY(p->member[set].ring.next, struct proc_member, ring), set);

	return next == first ? NULL : next;
}

static void enter(struct lx_proc *p, enum proc_set set) REQUIRES(TASKLIST)
{
	struct lx_proc *first = proc_set_first(set, number_of(p, set));

	list_init(&p->member[set].ring);
	list_init(&p->member[set].hash);
	if (first)
		list_append(&first->member[set].ring, &p->member[set].ring);
	else
		list_insert(head_of(set, number_of(p, set)), &p->member[set].hash);
}

static void leave(struct lx_proc *p, enum proc_set set) REQUIRES(TASKLIST)
{
	struct proc_member *m = &p->member[set];

	if (!list_empty(&m->hash)) {
		struct proc_member *next = LIST_ENTRY(m->ring.next, struct proc_member, ring);

		list_remove(&m->hash);
		if (next != m)
			list_insert(head_of(set, number_of(p, set)), &next->hash);
	}
	list_remove(&m->ring);
}

void proc_set_change(struct lx_proc *p, int pgrp, int session)
{
	leave(p, PROC_GROUP);
	leave(p, PROC_SESSION);
	p->pgrp = pgrp;
	p->session = session;
	enter(p, PROC_GROUP);
	enter(p, PROC_SESSION);
}

/* ---- All processes ---- */

static struct lx_proc *before(struct lx_proc *p)
{
	return p->all.prev == &lx_state()->procs ? NULL : LIST_ENTRY(p->all.prev, struct lx_proc, all);
}

static struct lx_proc *behind(struct lx_proc *p)
{
	return p->all.next == &lx_state()->procs ? NULL : LIST_ENTRY(p->all.next, struct lx_proc, all);
}

void procs_enter(struct lx_proc *p)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *at = lx->linked_last, *next;

	while (at && at->pid > p->pid)
		at = before(at);
	next = at ? behind(at) : NULL;
	for (; next && next->pid < p->pid; next = behind(at))
		at = next;
	list_insert(at ? &at->all : &lx->procs, &p->all);
	lx->linked_last = p;
	enter(p, PROC_GROUP);
	enter(p, PROC_SESSION);
}

void procs_leave(struct lx_proc *p)
{
	struct lx_state *lx = lx_state();

	if (lx->linked_last == p)
		lx->linked_last = before(p) ? before(p) : behind(p);
	list_remove(&p->all);
	leave(p, PROC_GROUP);
	leave(p, PROC_SESSION);
}

#define PROBES 64

/* A process or the one before it is mostly there: who lists has just seen it. */
struct lx_proc *procs_from(int pid)
{
	struct lx_proc *p = NULL;

	for (int back = 1; back <= PROBES && back < pid && !p; back++)
		p = proc_find_global(pid - back);
	if (!p || list_empty(&p->all))
		p = list_empty(&lx_state()->procs) ? NULL : LIST_FIRST(&lx_state()->procs, struct lx_proc, all);
	while (p && p->pid < pid)
		p = behind(p);
	return p;
}

/* ---- By picoprocess ---- */

static struct list *host_head(dk_handle host)
{
	struct list *head = &lx_state()->host_hash[DK_HANDLE_INDEX(host) % LX_SET_BUCKETS];

	if (UNLIKELY(!head->next))
		list_init(head);
	return head;
}

static void host_change(struct lx_proc *p, dk_handle host) REQUIRES(HOSTS)
{
	list_remove(&p->by_host);
	__atomic_store_n(&p->host, host, __ATOMIC_SEQ_CST);
	if (host != DK_NO_HANDLE && host != HOST_GONE)
		list_insert(host_head(host), &p->by_host);
}

void proc_set_host(struct lx_proc *p, dk_handle host)
{
	lock_take(&lx_state()->hosts);
	if (p->host == DK_NO_HANDLE)
		host_change(p, host);
	lock_drop(&lx_state()->hosts);
}

void proc_move_host(struct lx_proc *p, dk_handle host)
{
	lock_take(&lx_state()->hosts);
	host_change(p, host);
	lock_drop(&lx_state()->hosts);
}

struct lx_proc *proc_find_host(dk_handle host)
{
	struct lx_proc *found = NULL;

	lock_take(&lx_state()->hosts);
	LIST_FOR (p, host_head(host), struct lx_proc, by_host)
		if (p->host == host) {
			found = p;
			break;
		}
	lock_drop(&lx_state()->hosts);
	return found;
}
