/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/exit.c - threads and processes end.
 *
 * A host thread or picoprocess is ended only when nobody in it can hold a lock:
 *	- exit_group, execve and fatal signals mark the process and interrupt its threads;
 *	  each ends itself on its way to the guest, where it holds nothing;
 *	- a thread counts itself in `leaving` (private memory) before it starts to end and
 *	  out when it has dropped its last lock; whoever ends the picoprocess, or empties
 *	  the address space, waits until it is alone.
 * The last thread gives back what the process has, makes the zombie, tells the parent,
 * and then ends the picoprocess, or gives a borrowed thread back.
 */
#include "linux/proc/exit.h"
#include "linux/aio/engine.h"
#include "linux/boot.h"
#include "linux/misc/cputime.h"
#include "linux/mm/mm.h"
#include "linux/ns/ns.h"
#include "linux/other.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/sec.h"
#include "linux/sig/sig.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"

static _Atomic uint32_t leaving;

void exit_forked(void)
{
	atomic_store(&leaving, 0);
}

void exit_leaving(void)
{
	atomic_fetch_add(&leaving, 1);
}

void exit_left(void)
{
	atomic_fetch_sub(&leaving, 1);
}

void exit_wait_others(uint32_t mine)
{
	for (unsigned i = 0; atomic_load(&leaving) > mine; i++) {
		if (i < 64)
			cpu_relax();
		else
			(void)DkThreadYieldExecution();
	}
}

/* ---- Marking ---- */

void thread_mark_exit(struct lx_thread *t)
{
	uint32_t lives = 0;

	if (__atomic_compare_exchange_n(&t->exiting, &lives, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		pico_interrupt(&t->pico);
}

void proc_mark_exit_locked(struct lx_proc *p, uint32_t code)
{
	if (p->group_exit || p->state != PROC_LIVE)
		return;
	p->exit_code = code;
	__atomic_store_n(&p->group_exit, 1, __ATOMIC_SEQ_CST);
	LIST_FOR (t, &p->threads, struct lx_thread, sibling)
		thread_mark_exit(t);
}

void proc_mark_exit(struct lx_proc *p, uint32_t code)
{
	lock_take(&p->lock);
	proc_mark_exit_locked(p, code);
	lock_drop(&p->lock);
}

bool thread_should_exit(const struct lx_thread *t)
{
	const struct lx_proc *p = t->proc;
	const struct lx_thread *exec = __atomic_load_n(&p->exec_thread, __ATOMIC_ACQUIRE);

	if (LIKELY(!__atomic_load_n(&t->exiting, __ATOMIC_ACQUIRE) && !__atomic_load_n(&p->group_exit, __ATOMIC_ACQUIRE)))
		return exec && exec != t;
	return true;
}

uint32_t thread_exit_code(const struct lx_thread *t)
{
	return t->proc->group_exit ? t->proc->exit_code : t->exit_code;
}

long exit_siblings(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;
	struct lx_thread *old;
	bool refused;

	lock_take(&lx->tasklist);
	lock_take(&p->lock);
	refused = p->group_exit || p->exec_thread || t->exiting;
	if (!refused) {
		__atomic_store_n(&p->exec_thread, t, __ATOMIC_SEQ_CST);
		LIST_FOR (other, &p->threads, struct lx_thread, sibling)
			if (other != t)
				thread_mark_exit(other);
	}
	lock_drop(&p->lock);
	lock_drop(&lx->tasklist);
	if (refused)
		return -EAGAIN;
	while (__atomic_load_n(&p->nthreads, __ATOMIC_ACQUIRE) > 1)
		(void)pico_wait(DK_FOREVER, DK_WAIT_UNINTERRUPTIBLE);
	io_stop_workers(t, 0);
	exit_wait_others(0);

	lock_take(&lx->tasklist);
	lock_take(&p->lock);
	old = p->leader;
	if (old != t) {
		list_remove(&old->sibling);
		ptrace_forget(old);
		thread_unhash(old);
		thread_unlink(t);
		t->tid = p->pid;
		t->vtid = p->vpid;
		p->leader = t;
	}
	p->exec_thread = NULL;
	lock_drop(&p->lock);
	if (old != t) {
		thread_bury(old);
		thread_hash(t);
	}
	lock_drop(&lx->tasklist);
	return 0;
}

/* ---- One thread ---- */

/*
 * Who waits for the thread (pthread_join) is told when it is off all lists: woken earlier, it would only
 * run into the locks that are still needed for that.  The event to be set as the last thing, if any.
 */
static dk_handle clear_child_tid(struct lx_thread *t, bool last)
{
	uint64_t addr = t->clear_child_tid.va;

	t->clear_child_tid = GVA_NULL;
	if (!last && !t->vfork_parent)
		pico_keep_wake();
	if (addr && uaccess_store32(addr, 0))
		futex_wake_addr(t, addr, 1, true);
	return pico_kept_wake();
}

/* True: t was the last. */
static bool count_out(struct lx_thread *t, uint32_t code)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;
	bool last, traced;

	lock_take(&lx->tasklist);
	lock_take(&p->lock);
	t->exit_code = code;
	cputime_thread_exit(t);
	__atomic_store_n(&t->exiting, 2, __ATOMIC_SEQ_CST);
	if (t == p->leader && !p->group_exit)
		p->exit_code = code;
	last = p->nthreads == 1;
	__atomic_store_n(&p->nthreads, p->nthreads - 1, __ATOMIC_SEQ_CST);
	if (!last && t != p->leader)
		list_remove(&t->sibling);
	if (!last && p->exec_thread && p->nthreads == 1)
		pico_wake(&p->exec_thread->pico);
	lock_drop(&p->lock);
	traced = t != p->leader && t->tracer;
	if (!last && t != p->leader)
		thread_unlink(t);
	if (traced)
		ptrace_thread_dead(t, code, last);
	else if (!last && t != p->leader)
		thread_bury(t);
	lock_drop(&lx->tasklist);
	return last;
}

/* ---- The process ---- */

/* The last thread: everything goes, the parent hears. */
static void process_end(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;
	bool reaped;

	cputime_proc_exit(t, p);
	io_stop_workers(t, 1);
	exit_resources(p);
	if (pico_users() == 1 && p->mm)
		mm_exit(p->mm);
	lock_take(&lx->tasklist);
	if (t->vfork_parent)
		proc_move_host(p, DK_NO_HANDLE); /* no picoprocess's death is to be waited for */
	reaped = proc_make_zombie(p);
	waitq_wake_all(&p->exit_wait);
	waitq_wake_all(&p->leader->vfork_done);
	lock_drop(&lx->tasklist);
	if (reaped)
		proc_put(p);
	if (p == lx->first)
		kproc_kick();
}

static void end_host_thread(struct lx_thread *t, bool last, dk_handle told) NORETURN;
static void end_host_thread(struct lx_thread *t, bool last, dk_handle told)
{
	struct lx_proc *p = t->proc;

	if (t->vfork_parent) {
		struct lx_thread *parent = vfork_give_back(t);

		if (last)
			proc_put(p);
		else
			pico_users_add(1); /* its other threads stay here; they keep the reference, as CLONE_VM has it */
		exit_left();
		vfork_resume(parent);
	}
	if (last && pico_users_add(-1) == 0) {
		exit_wait_others(1);
		pico_exit_process(0);
	}
	exit_left();
	path_buf_forget();
	pico_exit_thread(told);
}

/*
 * The last thread of the only process: its end is the sandbox's, and nobody is left to see
 * what process_end does.  A kproc that comes just now, for a signal, sees the state.
 */
static void end_if_alone(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;

	if (p != lx->first || __atomic_load_n(&lx->kproc_started, __ATOMIC_ACQUIRE))
		return;
	__atomic_store_n(&p->state, PROC_ZOMBIE, __ATOMIC_RELEASE);
	kproc_kick();
	exit_wait_others(1);
	end_sandbox(p->exit_code);
}

/* Of the others in a namespace whose process 1 has ended: those that are its zombies go. */
static bool reap_child(struct lx_proc *init)
{
	struct lx_proc *found = NULL;

	lock_take(&lx_state()->tasklist);
	LIST_FOR (c, &init->children, struct lx_proc, child)
		if (c->state == PROC_ZOMBIE && pid_ns_inside(pid_ns_of(c), init->pid_ns)) {
			found = c;
			break;
		}
	if (found)
		proc_reap(found);
	lock_drop(&lx_state()->tasklist);
	proc_put(found);
	return found != NULL;
}

static bool others_gone(struct lx_proc *init)
{
	bool any;

	while (reap_child(init))
		;
	lock_take(&lx_state()->tasklist);
	any = pid_ns_kill(init);
	lock_drop(&lx_state()->tasklist);
	return !any;
}

/* Process 1 of a namespace takes all others with it, and ends as the last.  It holds nothing here. */
static void end_namespace(struct lx_proc *init)
{
	struct ns *ns = init->pid_ns;
	struct waiter *w = waiter_self(0);

	exit_left();
	waitq_add(&ns->pid.wait, w);
	while (!others_gone(init))
		(void)pico_wait(DK_FOREVER, DK_WAIT_UNINTERRUPTIBLE);
	waitq_remove(&ns->pid.wait, w);
	exit_leaving();
}

void lx_thread_exit(struct lx_thread *t, uint32_t code)
{
	struct lx_proc *p = t->proc;
	dk_handle told;
	bool last;

	ptrace_event(t, PTRACE_EVENT_EXIT, code);
	exit_leaving();
	ptrace_tracer_exit(t);
	if (t->vfork_parent)
		proc_get(t->proc); /* the parent may reap it before we are off it */
	futex_exit_robust(t);
	if (t->nt)
		nt_thread_exit(t);
	sig_thread_exit(t);
	sec_thread_end(t);
	thread_sweep();
	cputime_thread_ends(t);
	last = count_out(t, code);
	told = clear_child_tid(t, last);
	if (last) {
		end_if_alone(t);
		if (UNLIKELY(p->pid_ns && p->pid_ns->pid.init == p))
			end_namespace(p);
		process_end(t);
	} else if (t != p->leader)
		ns_exit(t);
	end_host_thread(t, last, told);
}

void lx_group_exit(struct lx_thread *t, uint32_t code)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;

	lock_take(&lx->tasklist);
	lock_take(&p->lock);
	t->exiting = 1;
	proc_mark_exit_locked(p, code);
	code = p->group_exit ? p->exit_code : code;
	lock_drop(&p->lock);
	lock_drop(&lx->tasklist);
	lx_thread_exit(t, code);
}

long lx_sys_exit(struct lx_thread *t, int code)
{
	lx_thread_exit(t, (uint32_t)(code & 0xff) << 8);
}

long lx_sys_exit_group(struct lx_thread *t, int code)
{
	lx_group_exit(t, (uint32_t)(code & 0xff) << 8);
}
