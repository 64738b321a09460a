/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/zombie.c - a process that has ended: what it gives back, who gets its
 * children, what its parent hears, and how it goes.
 *
 * The process itself does this (exit.c), or kproc for one that the host ended.  The tree
 * changes under the tasklist's lock; a zombie is seen by its state, set with release.
 */
#include "linux/aio/engine.h"
#include "linux/boot.h"
#include "linux/fs/tty.h"
#include "linux/fs/vfs.h"
#include "linux/misc/timer.h"
#include "linux/ns/ns.h"
#include "linux/other.h"
#include "linux/proc/exit.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/keys.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"

static void close_descriptors(struct lx_proc *p)
{
	struct fdtable *fdt;

	lock_take(&p->lock);
	fdt = p->fdt;
	p->fdt = NULL;
	lock_drop(&p->lock);
	if (fdt)
		fdt_put_table(fdt);
}

void exit_resources(struct lx_proc *p)
{
	struct fs_context *fs;
	struct path *exe;

	if (p->nt) {
		close_descriptors(p); /* who waits for its end finds pipes' ends gone */
		nt_proc_exit(p);
	}
	io_exit(p);
	itimers_exit(p);
	keys_proc_end(p);
	ipc_exit(p);
	tty_session_end(p);
	lock_take(&p->lock);
	fs = p->fs;
	exe = p->exe;
	p->fs = NULL;
	p->exe = NULL;
	lock_drop(&p->lock);
	walk_cache_free(p);
	LIST_FOR (t, &p->threads, struct lx_thread, sibling)
		ns_exit(t); /* nobody is left to change the list */
	close_descriptors(p);
	if (fs)
		fs_put(fs);
	exe_drop(exe);
}

static struct lx_proc *new_parent(struct lx_proc *p)
{
	struct ns *ns = p->pid_ns;
	struct lx_proc *init;

	while (ns && ns->level && (!(init = ns->pid.init) || init == p || init->state != PROC_LIVE))
		ns = ns->parent;
	init = ns && ns->level ? ns->pid.init : lx_state()->init;
	for (struct lx_proc *a = p->parent; a && a != init && a != lx_state()->init; a = a->parent)
		if (a->is_subreaper && a->state == PROC_LIVE && !a->group_exit && a->pid_ns == p->pid_ns)
			return a;
	return init;
}

static void give_away(struct lx_proc *child, struct lx_proc *to) REQUIRES(TASKLIST)
{
	list_remove(&child->child);
	child->parent = to;
	child->ppid = pid_seen_by(child, to->pid);
	child->exit_signal = SIGCHLD;
	list_append(&to->children, &child->child);
	if (child->state == PROC_ZOMBIE && !ptrace_hidden(child, to))
		proc_notify_parent(child, 0, 0);
	else if (child->leader && child->leader->pdeath_signal)
		(void)signal_proc(child, (int)child->leader->pdeath_signal, NULL);
}

static void orphan_children(struct lx_proc *p) REQUIRES(TASKLIST)
{
	struct lx_proc *to;

	if (list_empty(&p->children))
		return;
	to = new_parent(p);
	LIST_FOR_SAFE (c, n, &p->children, struct lx_proc, child) {
		int pgrp = c->pgrp, session = c->session;

		give_away(c, to);
		if (pgrp != p->pgrp && session == p->session)
			pgrp_check_orphan(pgrp, session, p);
	}
}

/* Nobody will wait for p. */
static bool parent_ignores(struct lx_proc *p)
{
	struct lx_proc *parent = p->parent;
	struct lx_sigaction *sa;

	if (!parent)
		return true;
	if (parent == lx_state()->init)
		return p != lx_state()->first;
	if (p->exit_signal != SIGCHLD || !parent->sighand)
		return false;
	sa = &parent->sighand->action[SIGCHLD];
	return sa->handler == 1 /* SIG_IGN */ || (sa->flags & SA_NOCLDWAIT);
}

void proc_reap(struct lx_proc *p)
{
	p->state = PROC_DEAD;
	list_remove(&p->child);
	procs_leave(p);
	/* The leader, and the last one to go if that was another; all, if the host ended them. */
	LIST_FOR (t, &p->threads, struct lx_thread, sibling) {
		ptrace_forget(t);
		thread_unlink(t);
	}
	if (p->host != DK_NO_HANDLE && p->host != HOST_GONE)
		list_append(&lx_state()->graveyard, &p->all);
}

static void death_codes(uint32_t code, int *si_code, int *status)
{
	if ((code & 0x7f) == 0) {
		*si_code = CLD_EXITED;
		*status = code >> 8 & 0xff;
	} else {
		*si_code = code & 0x80 ? CLD_DUMPED : CLD_KILLED;
		*status = code & 0x7f;
	}
}

bool proc_tell_end(struct lx_proc *p)
{
	bool unwanted = parent_ignores(p);
	int si_code, status;

	death_codes(p->exit_code, &si_code, &status);
	if (UNLIKELY(p->pid_ns != NULL))
		pid_ns_changed(p->pid_ns);
	proc_notify_parent(p, si_code, status);
	if (unwanted)
		proc_reap(p);
	return unwanted;
}

bool proc_make_zombie(struct lx_proc *p)
{
	orphan_children(p);
	/* Only who connects its group with a parent outside it, in the same session, can leave it an orphan. */
	if (p->parent && p->parent->pgrp != p->pgrp && p->parent->session == p->session)
		pgrp_check_orphan(p->pgrp, p->session, p);
	__atomic_store_n(&p->state, PROC_ZOMBIE, __ATOMIC_RELEASE);
	return ptrace_proc_dead(p) ? false : proc_tell_end(p);
}

void proc_notify_parent(struct lx_proc *p, int si_code, int status)
{
	struct lx_proc *parent = p->parent;
	bool end = si_code == CLD_EXITED || si_code == CLD_KILLED || si_code == CLD_DUMPED || si_code == 0;
	int sig = end ? (int)p->exit_signal : SIGCHLD;
	struct lx_sigaction *sa;
	siginfo_t info;

	if (!parent)
		return;
	if (parent == lx_state()->init) {
		kproc_kick();
		return;
	}
	if (si_code == 0)
		death_codes(p->exit_code, &si_code, &status);
	memset(&info, 0, sizeof info);
	info.si_signo = sig;
	info.si_code = si_code;
	info.si_pid = pid_seen_by(parent, p->pid);
	info.si_uid = p->leader && parent->leader ? uid_out(parent->leader, p->leader->cred.uid) : 0;
	info.si_status = status;
	info.si_utime = (long)(p->utime_ns / 10000000);
	info.si_stime = (long)(p->stime_ns / 10000000);
	sa = parent->sighand ? &parent->sighand->action[SIGCHLD] : NULL;
	if (sig && !(sig == SIGCHLD && sa && (sa->handler == 1 || (!end && (sa->flags & SA_NOCLDSTOP)))))
		(void)signal_proc(parent, sig, &info);
	waitq_wake_all(&parent->child_wait);
}
