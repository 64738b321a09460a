/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/fork_child.c - the kernel objects of a child: copied or shared by clone's flags.
 *
 * All are the caller's alone until fork_link_child puts the process into the tree under
 * the tasklist's lock; from then on anybody may signal it, though it does not run yet.
 */
#include "linux/fs/tty.h"
#include "linux/fs/vfs.h"
#include "linux/misc/cputime.h"
#include "linux/misc/cred.h"
#include "linux/mm/mm.h"
#include "linux/ns/ns.h"
#include "linux/proc/fork.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/keys.h"
#include "linux/sec/sec.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include <linux/capability.h>

void fork_copy_thread(struct lx_thread *to, const struct lx_thread *from, const struct fork_args *a)
{
	memcpy(to->comm, from->comm, sizeof to->comm);
	to->cred = from->cred;
	cred_refs_get(&to->cred);
	sec_inherit(to, from);
	keys_inherit(to, from);
	to->timer_slack = to->timer_slack_default = from->timer_slack;
	to->mempolicy = from->mempolicy;
	sched_inherit(to, from);
	memcpy(to->affinity, from->affinity, sizeof to->affinity);
	to->sigmask = from->restore_sigmask ? from->saved_sigmask : from->sigmask;
	if (!(a->flags & CLONE_VM) || (a->flags & CLONE_VFORK))
		to->altstack = from->altstack;
	if (a->flags & CLONE_CHILD_CLEARTID)
		to->clear_child_tid = a->child_tid;
	if (a->flags & CLONE_CHILD_SETTID)
		to->set_child_tid = a->child_tid;
}

static void copy_values(struct lx_proc *to, struct lx_proc *from)
{
	memcpy(to->exe_path, from->exe_path, sizeof to->exe_path);
	lock_take(&from->lock);
	memcpy(to->rlim, from->rlim, sizeof to->rlim);
	to->cmdline = from->cmdline;
	to->cmdline_len = from->cmdline_len;
	to->environ_copy = from->environ_copy;
	to->environ_len = from->environ_len;
	blob_get(to->cmdline);
	blob_get(to->environ_copy);
	lock_drop(&from->lock);
	to->dumpable = from->dumpable;
	to->coredump_filter = from->coredump_filter;
	to->personality = from->personality;
	to->mdwe = from->mdwe & PR_MDWE_NO_INHERIT ? 0 : from->mdwe;
	to->oom_score_adj = from->oom_score_adj;
	to->vm_pages = from->vm_pages;
	to->rss_pages = from->rss_pages;
	to->data_pages = from->data_pages;
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->stack_start = from->stack_start;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
}

static bool copy_shared(struct lx_proc *to, struct lx_proc *from, uint64_t flags)
{
	if (flags & CLONE_FILES)
		fdt_get_table(to->fdt = from->fdt);
	else
		to->fdt = fdt_copy(from->fdt);
	if (flags & CLONE_FS)
		fs_get(to->fs = from->fs);
	else
		to->fs = fs_copy(from->fs);
	if (flags & CLONE_SIGHAND)
		sighand_get(to->sighand = from->sighand);
	else
		to->sighand = sighand_copy(from->sighand);
	if (!to->fdt || !to->fs || !to->sighand)
		return false;
	if (flags & CLONE_CLEAR_SIGHAND)
		sighand_exec_reset(to);
	if (from->exe) {
		to->exe = exe_hold(from->exe);
		if (!to->exe)
			return false;
	}
	return true;
}

/* How deep the child's pid namespace is. */
static uint32_t child_level(struct lx_thread *t, uint64_t flags)
{
	struct ns *ns = t->nsset && !(flags & CLONE_THREAD) ? t->nsset->pid_children : pid_ns_of(t->proc);

	return ns->level + (flags & CLONE_NEWPID ? 1 : 0);
}

int fork_global_tid(struct lx_thread *t, const struct fork_args *a)
{
	uint32_t level = child_level(t, a->flags);

	return a->set_tid_size == level + 1 ? a->set_tid[level] : 0;
}

/* Numbers by choice need privilege in each of the namespaces; 1 is for process 1. */
long fork_check_set_tid(struct lx_thread *t, const struct fork_args *a)
{
	struct ns *ns = t->nsset ? t->nsset->pid_children : pid_ns_of(t->proc);
	uint32_t i = 0;
	long err = 0;

	if (a->set_tid_size > child_level(t, a->flags) + 1)
		return -EINVAL;
	if (a->flags & CLONE_NEWPID) {
		if (a->set_tid[0] != 1)
			return -EINVAL;
		i = 1;
	}
	lock_take(&lx_state()->tasklist);
	for (; i < a->set_tid_size && !err; i++, ns = ns->parent) {
		int nr = a->set_tid[i];

		if (nr < 1 || nr >= LX_PID_MAX || (nr != 1 && ns->level && !ns->pid.init))
			err = -EINVAL;
		else if (!ns_capable(t, ns->user, CAP_SYS_ADMIN) && !ns_capable(t, ns->user, CAP_CHECKPOINT_RESTORE))
			err = -EPERM;
		else if (ns->level ? pid_from_ns(ns, nr) != 0 : tid_used(nr))
			err = -EEXIST;
	}
	lock_drop(&lx_state()->tasklist);
	return err;
}

void fork_drop_child(struct lx_proc *p)
{
	lock_take(&lx_state()->tasklist);
	pid_ns_unnumber(p->leader);
	lock_drop(&lx_state()->tasklist);
	thread_free(p->leader);
	proc_put(p);
}

struct lx_proc *fork_make_child(struct lx_thread *t, const struct fork_args *a, long *err)
{
	struct lx_proc *p = proc_new(), *me = t->proc;
	struct lx_thread *c;

	*err = -ENOMEM;
	if (!p)
		return NULL;
	copy_values(p, me);
	c = copy_shared(p, me, a->flags) ? thread_new(p, fork_global_tid(t, a)) : NULL;
	if (!c) {
		proc_put(p);
		return NULL;
	}
	p->pid = p->vpid = c->tid;
	p->pid_round = lx_state()->tid_round;
	p->exit_signal = a->exit_signal;
	p->forked_by = t->tid;
	p->start_ns = c->start_ns;
	p->mm = me->mm;
	fork_copy_thread(c, t, a);
	p->leader = c;
	*err = ns_fork(c, t, a->flags, p->fs, a->set_tid, a->set_tid_size);
	if (*err || !ptrace_child_prepare(t, c, a->flags, a->event)) {
		*err = *err ? *err : -ENOMEM;
		fork_drop_child(p);
		return NULL;
	}
	return p;
}

void fork_link_child(struct lx_thread *t, struct lx_proc *p, const struct fork_args *a)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *me = t->proc, *parent = me;

	lock_take(&lx->tasklist);
	if (a->flags & CLONE_PARENT) {
		parent = me->parent ? me->parent : me;
		p->exit_signal = me->exit_signal;
	}
	p->pgrp = me->pgrp;
	p->session = me->session;
	p->tty = tty_get(me->tty);
	proc_link(p, parent);
	thread_link(p->leader);
	ptrace_child_link(t, p->leader);
	lock_drop(&lx->tasklist);
}

void fork_unlink_child(struct lx_proc *p)
{
	struct lx_state *lx = lx_state();

	lock_take(&lx->tasklist);
	proc_reap(p);
	lock_drop(&lx->tasklist);
	proc_put(p);
}
