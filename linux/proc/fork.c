/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/fork.c - fork, vfork, clone, clone3.
 *
 * Four ways, by CLONE_THREAD, CLONE_VM and CLONE_VFORK:
 *	thread        a host thread in the same picoprocess and process
 *	copy          the host's copy-on-write clone of the picoprocess
 *	borrow        VM and VFORK: the child runs on the caller's thread (vfork.c)
 *	share         VM alone: a further process on a new host thread of this picoprocess
 * Kernel objects are made first, by copying or sharing what the flags say, and are in
 * the tree before the child runs, so that it can do everything at once.
 */
#include "linux/aio/engine.h"
#include "linux/entry.h"
#include "linux/exec/exec.h"
#include "linux/misc/cputime.h"
#include "linux/misc/timer.h"
#include "linux/fs/vfs.h"
#include "linux/mm/mm.h"
#include "linux/ns/ns.h"
#include "linux/proc/exit.h"
#include "linux/proc/fork.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/sec.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"
#include <linux/capability.h>
#include "syscalls.gen.h"

#define FLAGS3 (CLONE_CLEAR_SIGHAND)

/* Threads of a process, and processes that share memory, are in one pid and one time namespace. */
static long check_namespaces(struct lx_thread *t, uint64_t f)
{
	if ((f & CLONE_FS) && (f & (CLONE_NEWNS | CLONE_NEWUSER)))
		return -EINVAL;
	if ((f & CLONE_SYSVSEM) && (f & CLONE_NEWIPC))
		return -EINVAL;
	if ((f & CLONE_THREAD) && (f & (CLONE_NEWUSER | CLONE_NEWPID)))
		return -EINVAL;
	if ((f & CLONE_PARENT) && t->proc->unkillable)
		return -EINVAL;
	if (!t->nsset)
		return 0;
	if ((f & CLONE_THREAD) && (t->nsset->pid_children != pid_ns_of(t->proc) || t->nsset->time_children != t->nsset->ns[NS_TIME]))
		return -EINVAL;
	return 0;
}

static long check_flags(struct lx_thread *t, const struct fork_args *a)
{
	uint64_t f = a->flags;

	if (UNLIKELY((f & CLONE_NAMESPACES) || t->nsset || t->proc->unkillable)) {
		long err = check_namespaces(t, f);

		if (err)
			return err;
	}
	if ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && !(f & CLONE_VM))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_PIDFD) && (f & (CLONE_THREAD | CLONE_DETACHED)))
		return -EINVAL;
	return a->exit_signal > LX_NSIG ? -EINVAL : 0;
}

/* ---- Ways to make it run ---- */

static void in_new_process(struct lx_thread *c, const struct fork_args *a)
{
	if (c->set_child_tid.va)
		(void)PUT_USER(c->set_child_tid, c->vtid);
	if (a->flags & CLONE_SETTLS)
		pico_set_fs_base(a->tls);
	c->fs_base = pico_get_fs_base();
	if (a->stack)
		pico_frame()->rsp = a->stack;
	if (c->proc->rlim[RLIMIT_CPU].rlim_cur != RLIM64_INFINITY)
		cpu_timers_arm(c);
}

/* Back twice: the child's pid, and 0 in the child. */
static long run_copy(struct lx_thread *t, struct lx_proc *p, const struct fork_args *a)
{
	struct lx_thread *c = p->leader;
	struct mm *mm = t->proc->mm;
	enum dk_status status;
	bool in_child = false;
	long err = mm_fork_begin(mm);

	if (err)
		return err;
	proc_get(p); /* the picoprocess's */
	status = pico_clone_process(&p->pico, &c->pico, &in_child);
	if (in_child) {
		proc_set_host(p, p->pico.process);
		pico_users_forked();
		exit_forked();
		mm_after_fork(mm);
		if (UNLIKELY(c->nsset != NULL))
			vdso_clocks(c);
		in_new_process(c, a);
		return 0;
	}
	mm_fork_end(mm, status == DK_OK);
	if (status != DK_OK) {
		proc_put(p);
		return status == DK_TOO_MANY ? -EAGAIN : lx_err(status);
	}
	proc_set_host(p, p->pico.process);
	return p->pid;
}

static long start_thread(struct lx_thread *c, const struct fork_args *a)
{
	struct dk_context regs = a->regs ? *a->regs : *pico_frame();
	enum dk_status status;

	regs.rax = 0;
	if (a->stack)
		regs.rsp = a->stack;
	c->fs_base = a->flags & CLONE_SETTLS ? a->tls : pico_get_fs_base();
	status = pico_create_thread(&c->pico, &regs, c->fs_base);
	if (status == DK_OK)
		return 0;
	return status == DK_TOO_MANY || status == DK_NO_MEMORY ? -EAGAIN : lx_err(status);
}

static long run_shared(struct lx_thread *t, struct lx_proc *p, const struct fork_args *a)
{
	long err;

	proc_move_host(p, t->proc->host);
	p->mm_borrowed = 1;
	proc_get(p);
	pico_users_add(1);
	err = start_thread(p->leader, a);
	if (err) {
		proc_move_host(p, DK_NO_HANDLE);
		pico_users_add(-1);
		proc_put(p);
	}
	return err ? err : p->pid;
}

static long run_borrowed(struct lx_thread *t, struct lx_proc *p, const struct fork_args *a, int seen)
{
	proc_move_host(p, t->proc->host);
	p->mm_borrowed = 1;
	return vfork_borrow(t, p->leader, a->stack, a->flags & CLONE_SETTLS, a->tls, seen);
}

/* CLONE_VFORK of a copy: until it executes a program or ends. */
static void wait_for_exec(struct lx_proc *p)
{
	struct waiter *w = waiter_self(0);

	waitq_add(&p->leader->vfork_done, w);
	while (!__atomic_load_n(&p->did_exec, __ATOMIC_ACQUIRE) && p->state == PROC_LIVE) {
		if (pico_wait(DK_FOREVER, 0) == DK_OK)
			continue;
		if (thread_should_exit(lx_current()))
			break;
		/* Other signals wait until the child is done. */
		(void)pico_wait(pico_now() + 1000000, DK_WAIT_UNINTERRUPTIBLE);
	}
	waitq_remove(&p->leader->vfork_done, w);
}

void lx_thread_started(struct pico_thread *pt, struct dk_context *c)
{
	struct lx_thread *t = (struct lx_thread *)pt;

	(void)c;
	t->host_thread = t->pico.thread; /* the maker must not touch us any more: we may be gone by then */
	if (UNLIKELY(t->worker != NULL))
		io_worker_main(t);
	if (t->set_child_tid.va)
		(void)PUT_USER(t->set_child_tid, t->vtid);
}

/* ---- The calls ---- */

static void drop_thread(struct lx_thread *c)
{
	lock_take(&lx_state()->tasklist);
	pid_ns_unnumber(c);
	lock_drop(&lx_state()->tasklist);
	thread_free(c);
}

static long make_thread(struct lx_thread *t, const struct fork_args *a)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;
	struct lx_thread *c = thread_new(p, fork_global_tid(t, a));
	bool ending;
	long err;
	int tid;

	if (!c)
		return -ENOMEM;
	fork_copy_thread(c, t, a);
	err = ns_fork(c, t, a->flags, NULL, a->set_tid, a->set_tid_size);
	if (!err && !ptrace_child_prepare(t, c, a->flags, a->event))
		err = -ENOMEM;
	if (err) {
		drop_thread(c);
		return err;
	}
	tid = c->vtid;
	c->nt = a->nt;
	if (a->numbered)
		a->numbered(a->nt, c);
	if ((a->flags & CLONE_PARENT_SETTID) && PUT_USER(a->parent_tid, tid)) {
		drop_thread(c);
		return -EFAULT;
	}
	lock_take(&lx->tasklist);
	lock_take(&p->lock);
	ending = p->group_exit || p->exec_thread;
	if (UNLIKELY(c->seccomp != t->seccomp)) { /* TSYNC came meanwhile */
		c->cred.no_new_privs = t->cred.no_new_privs;
		sec_inherit(c, t);
	}
	lock_drop(&p->lock);
	if (!ending) {
		ptrace_child_link(t, c);
		thread_link(c); /* whoever marks the process ending does it under TASKLIST or sees us */
	}
	lock_drop(&lx->tasklist);
	if (ending) {
		drop_thread(c);
		return -ERESTARTNOINTR;
	}
	err = start_thread(c, a);
	if (!err) {
		if (a->event)
			ptrace_event(t, a->event, (uint64_t)tid);
		return tid;
	}
	lock_take(&lx->tasklist);
	ptrace_forget(c);
	thread_unlink(c);
	lock_take(&p->lock);
	list_remove(&c->sibling);
	p->nthreads--;
	lock_drop(&p->lock);
	lock_drop(&lx->tasklist);
	thread_free(c);
	return err;
}

/* A pidfd for a child that is not in the tree yet, installed and told to the caller. */
static long give_pidfd(struct lx_thread *t, struct lx_proc *p, struct gva where)
{
	struct file *f;
	int fd = pidfd_create(t, p, 0, &f);

	if (fd < 0)
		return fd;
	if (PUT_USER(where, fd)) {
		(void)fd_close(t, fd);
		return -EFAULT;
	}
	return fd;
}

/* The parent's side, with the child at work; p is referenced. */
static void child_made(struct lx_thread *t, struct lx_proc *p, const struct fork_args *a)
{
	int pid = pid_out(t->tracer ? t->tracer : t, p->pid);

	if (a->event)
		ptrace_event(t, a->event, (uint64_t)pid);
	if (a->flags & CLONE_VFORK) {
		wait_for_exec(p);
		ptrace_event(t, PTRACE_EVENT_VFORK_DONE, (uint64_t)pid);
	}
}

/* The child runs at the same time as its parent.  0 in the child of a copy. */
static long run_beside(struct lx_thread *t, struct lx_proc *p, const struct fork_args *a)
{
	long result;

	proc_get(p); /* in a copy, the reference stays with the parent's copy of this frame */
	result = a->flags & CLONE_VM ? run_shared(t, p, a) : run_copy(t, p, a);
	if (result == 0)
		return 0;
	if (result > 0)
		child_made(t, p, a);
	proc_put(p);
	return result;
}

/* A traced parent keeps its thread: its tracer may want to see the child before it lets the parent go on. */
static bool may_borrow(const struct lx_thread *t, uint64_t flags)
{
	return (flags & CLONE_VM) && (flags & CLONE_VFORK) && !t->tracer;
}

static long make_process(struct lx_thread *t, const struct fork_args *a)
{
	long result, fd = -1;
	struct lx_proc *p = fork_make_child(t, a, &result);
	int seen; /* its number as the caller counts: it may be gone when that is to be told */

	kproc_need();
	if (!p)
		return result;
	seen = pid_out(t, p->pid);
	if (a->flags & CLONE_PIDFD) {
		fd = give_pidfd(t, p, a->pidfd);
		if (fd < 0) {
			fork_drop_child(p);
			return fd;
		}
	}
	if (a->flags & CLONE_PARENT_SETTID)
		(void)PUT_USER(a->parent_tid, seen);
	fork_link_child(t, p, a);
	result = may_borrow(t, a->flags) ? run_borrowed(t, p, a, seen) : run_beside(t, p, a);
	if (result == 0)
		return 0; /* the child; a borrower is it on this thread */
	if (result < 0) {
		fork_unlink_child(p);
		if (fd >= 0)
			(void)fd_close(t, (int)fd);
	}
	return result > 0 ? seen : result;
}

static long do_fork(struct lx_thread *t, const struct fork_args *asked)
{
	struct fork_args args = *asked, *a = &args;
	long err = check_flags(t, a);

	if (!err && a->set_tid_size)
		err = fork_check_set_tid(t, a);
	if (!err)
		err = tasks_allowed(t);
	if (err)
		return err;
	thread_sweep();
	FS_SETTLE(t);
	a->event = ptrace_fork_event(t, a->flags, a->exit_signal);
	return a->flags & CLONE_THREAD ? make_thread(t, a) : make_process(t, a);
}

long fork_thread(struct lx_thread *t, const struct fork_args *a)
{
	return do_fork(t, a);
}

long lx_sys_fork(struct lx_thread *t)
{
	const struct fork_args a = { .exit_signal = SIGCHLD };

	return do_fork(t, &a);
}

long lx_sys_vfork(struct lx_thread *t)
{
	const struct fork_args a = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

	return do_fork(t, &a);
}

long lx_sys_clone(struct lx_thread *t, uint64_t flags, struct gva stack, struct gva parent_tid, struct gva child_tid, uint64_t tls)
{
	const struct fork_args a = {
		.flags = flags & 0xffffff00u,
		.exit_signal = flags & CSIGNAL,
		.stack = stack.va,
		.pidfd = parent_tid,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.tls = tls,
	};

	if ((a.flags & CLONE_PIDFD) && (a.flags & CLONE_PARENT_SETTID))
		return -EINVAL;
	return do_fork(t, &a);
}

static long clone3_args_in(struct gva from, uint64_t size, struct clone_args *ca)
{
	uint64_t have = MIN(size, sizeof *ca);

	memset(ca, 0, sizeof *ca);
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	for (uint64_t at = have; at < size; at += 8) {
		uint64_t rest = 0;

		if (copy_in(&rest, gva_add(from, at), MIN(8, size - at)))
			return -EFAULT;
		if (rest)
			return -E2BIG;
	}
	return copy_in(ca, from, have);
}

long lx_sys_clone3(struct lx_thread *t, struct gva args, uint64_t size)
{
	struct clone_args ca;
	struct fork_args a;
	int set_tid[NS_LEVELS];
	long err = clone3_args_in(args, size, &ca);

	if (err)
		return err;
	if ((ca.flags & ~(0xffffffffull | FLAGS3)) || (ca.flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME))) ||
	    ca.set_tid_size > ARRAY_LEN(set_tid) || !ca.set_tid != !ca.set_tid_size)
		return -EINVAL;
	if (ca.set_tid_size && copy_in(set_tid, (struct gva){ ca.set_tid }, ca.set_tid_size * sizeof set_tid[0]))
		return -EFAULT;
	if (ca.exit_signal > LX_NSIG || ((ca.flags & (CLONE_THREAD | CLONE_PARENT)) && ca.exit_signal))
		return -EINVAL;
	if (!ca.stack != !ca.stack_size)
		return -EINVAL;
	if (ca.stack && !ca.stack_size)
		return -EINVAL;
	a = (struct fork_args){
		.flags = ca.flags,
		.exit_signal = (uint32_t)ca.exit_signal,
		.stack = ca.stack ? ca.stack + ca.stack_size : 0,
		.pidfd = { ca.pidfd },
		.parent_tid = { ca.parent_tid },
		.child_tid = { ca.child_tid },
		.tls = ca.tls,
		.set_tid = set_tid,
		.set_tid_size = (uint32_t)ca.set_tid_size,
	};
	return do_fork(t, &a);
}
