/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/deliver.c - the way out to the guest: exits, stops, restarts, signals.
 *
 * sig_return_to_user runs when tb->work was set, after pico has cleared it, so
 * whatever is sent after our look sets it again and we are called again.  All
 * signals that can be delivered get a frame, one on top of the other, as Linux
 * does; the last one pushed runs first.
 *
 * A system call that was cut short returned -ERESTART*.  With a handler about to run
 * it becomes -EINTR or is made again after the handler; without one it is always
 * made again: rip goes back to the `syscall` instruction, which is still there in
 * patched text, traps, and is served.
 *
 * Stops: the first thread that takes a stop signal marks the process and tells the
 * parent; the siblings are interrupted and stop here.  (Linux tells the parent when the
 * last thread has stopped; here a thread that waits uninterruptibly cannot
 * hold that up.)  Stopped threads wait here until SIGCONT, SIGKILL or an exit.
 */
#include "linux/misc/timer.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/remote.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

#define SYSCALL_SIZE 2 /* 0f 05 */

static bool is_restart(int64_t rax)
{
	return rax == -ERESTARTSYS || rax == -ERESTARTNOINTR || rax == -ERESTARTNOHAND || rax == -ERESTART_RESTARTBLOCK;
}

static void restart_at(struct dk_context *c, uint64_t nr)
{
	c->rax = nr;
	c->rip -= SYSCALL_SIZE;
}

static void restart_with_handler(struct dk_context *c, const struct lx_sigaction *a)
{
	int64_t rax = (int64_t)c->rax;

	if ((int64_t)c->orig_rax < 0)
		return;
	if (rax == -ERESTARTNOINTR || (rax == -ERESTARTSYS && (a->flags & SA_RESTART)))
		restart_at(c, c->orig_rax);
	else if (is_restart(rax))
		c->rax = (uint64_t)-EINTR;
	c->orig_rax = UINT64_MAX;
}

static void restart_without_handler(struct dk_context *c)
{
	if ((int64_t)c->orig_rax < 0)
		return;
	if ((int64_t)c->rax == -ERESTART_RESTARTBLOCK)
		restart_at(c, LX_NR_restart_syscall);
	else if (is_restart((int64_t)c->rax))
		restart_at(c, c->orig_rax);
	c->orig_rax = UINT64_MAX;
}

/* A call with a temporary mask that was not interrupted gets its own mask back first. */
static void restore_finished_mask(struct lx_thread *t, const struct dk_context *c)
{
	int64_t rax = (int64_t)c->rax;

	if (!t->restore_sigmask || (int64_t)c->orig_rax < 0 || rax == -EINTR || is_restart(rax))
		return;
	t->restore_sigmask = 0;
	sig_set_mask(t, t->saved_sigmask);
}

/* The mask a handler runs with, from now on: one lock for taking the signal and for this. */
static void mask_for_handler(struct lx_thread *t, struct sig_taken *s) REQUIRES(SIGHAND)
{
	uint64_t mask = t->sigmask | s->action.mask;

	if (!(s->action.flags & SA_NODEFER))
		mask |= SIGBIT(s->sig);
	s->mask_before = t->sigmask;
	t->sigmask = mask & ~SIG_NEVER_BLOCKED;
}

static int take_next(struct lx_thread *t, siginfo_t *info, bool *timer) REQUIRES(SIGHAND)
{
	int sig = t->straight.si_signo;

	if (sig == 0)
		return signal_take(t, t->sigmask, info, timer);
	*info = t->straight;
	*timer = false;
	t->straight.si_signo = 0;
	return sig;
}

/* Nobody else can change what signals do: no lock is needed to look at it. */
static bool alone(struct lx_proc *p)
{
	return p->nthreads == 1 && atomic_load_explicit(&p->sighand->ref.count, memory_order_acquire) == 1;
}

/*
 * The usual end of a signal to oneself.  False: not so.  What others send meanwhile they make pending before they look at the mask: who
 * finds it blocked leaves it for when the handler returns, who finds it as it was has marked this thread.
 */
static bool take_straight(struct lx_thread *t, struct sig_taken *s) LOCK_UNCHECKED("nobody else looks: alone")
{
	int sig = t->straight.si_signo;
	const struct lx_sigaction *a = &t->proc->sighand->action[sig];

	if (a->handler == LX_SIG_DFL || a->handler == LX_SIG_IGN || (a->flags & SA_RESETHAND) || t->tracer != NULL || !alone(t->proc))
		return false;
	s->sig = sig;
	s->action = *a;
	s->handler = true;
	s->cont_seq = 0; /* for stops only */
	if (a->flags & SA_SIGINFO)
		s->info = t->straight;
	t->straight.si_signo = 0;
	mask_for_handler(t, s);
	return true;
}

/*
 * Takes the next signal that means anything; ignored ones are dropped on the way.  What is sent
 * after the look without the lock marks the thread.
 */
static bool take(struct lx_thread *t, struct dk_context *c, struct sig_taken *s)
{
	struct sighand *h = t->proc->sighand;
	struct lx_sigaction *a;
	bool timer;

	if (t->straight.si_signo != 0 && take_straight(t, s))
		return true;
	for (;;) {
		if (!((t->pending.set | t->proc->pending.set) & ~t->sigmask) && !t->straight.si_signo)
			return false;
		lock_take(&h->lock);
		s->sig = take_next(t, &s->info, &timer);
		if (!s->sig) {
			lock_drop(&h->lock);
			return false;
		}
		if (UNLIKELY(t->tracer != NULL) && s->sig != SIGKILL) {
			lock_drop(&h->lock);
			if (timer)
				signal_timer_next(t, &s->info);
			timer = false;
			s->sig = ptrace_signal(t, c, s->sig, &s->info);
			if (!s->sig)
				return true; /* nothing, but look at everything again */
			lock_take(&h->lock);
		}
		a = &h->action[s->sig];
		s->action = *a;
		s->handler = a->handler != LX_SIG_DFL && a->handler != LX_SIG_IGN;
		s->cont_seq = t->proc->cont_seq;
		if (s->handler && (a->flags & SA_RESETHAND))
			a->handler = LX_SIG_DFL;
		if (s->handler)
			mask_for_handler(t, s);
		lock_drop(&h->lock);
		if (timer)
			signal_timer_next(t, &s->info);
		if (s->handler)
			return true;
		if (UNLIKELY(t->proc->unkillable) && s->sig != SIGKILL && s->sig != SIGSTOP)
			continue;
		if (s->action.handler == LX_SIG_DFL && !(SIGBIT(s->sig) & SIGS_IGNORED))
			return true;
	}
}

static void mark_stopped(struct lx_thread *t, const struct sig_taken *s, bool *first) REQUIRES(TASKLIST)
{
	struct lx_proc *p = t->proc;

	lock_take(&p->lock);
	lock_take(&p->sighand->lock);
	*first = false;
	if (!p->stopped && p->cont_seq == s->cont_seq && !p->group_exit) {
		p->stopped = s->sig;
		p->stop_seq++;
		p->stop_reported = 0;
		p->continued = 0;
		p->cont_notify = 0;
		*first = true;
	}
	lock_drop(&p->sighand->lock);
	if (*first)
		LIST_FOR(o, &p->threads, struct lx_thread, sibling)
			if (o != t)
				signal_interrupt(o);
	lock_drop(&p->lock);
}

/* The default action of a stop signal.  Orphaned groups have nobody who would continue them. */
static void stop_process(struct lx_thread *t, const struct sig_taken *s)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;
	bool first;

	lock_take(&lx->tasklist);
	if (s->sig != SIGSTOP && pgrp_is_orphaned(p->pgrp, NULL)) {
		lock_drop(&lx->tasklist);
		return;
	}
	mark_stopped(t, s, &first);
	if (first)
		proc_notify_parent(p, CLD_STOPPED, s->sig);
	lock_drop(&lx->tasklist);
}

static bool must_stay(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;
	bool stay;

	lock_take(&p->sighand->lock);
	stay = p->stopped && !thread_should_exit(t) && !((p->pending.set | t->pending.set) & SIGBIT(SIGKILL)) && !t->tracer;
	t->jobctl_stopped = stay;
	lock_drop(&p->sighand->lock);
	return stay;
}

static void notify_continued(struct lx_proc *p)
{
	struct lx_state *lx = lx_state();
	bool notify;

	lock_take(&p->sighand->lock);
	notify = p->cont_notify && !p->stopped;
	if (notify)
		p->cont_notify = 0;
	lock_drop(&p->sighand->lock);
	if (!notify)
		return;
	lock_take(&lx->tasklist);
	proc_notify_parent(p, CLD_CONTINUED, SIGCONT);
	lock_drop(&lx->tasklist);
}

static void stay_stopped(struct lx_thread *t)
{
	for (;;) {
		pico_tb()->work = 0; /* marks that come from here on end the wait */
		if (remote_asked(t->proc))
			remote_serve(t);
		if (!must_stay(t))
			break;
		(void)pico_wait(DK_FOREVER, 0);
	}
	notify_continued(t->proc);
	pico_tb()->work = 1; /* what those marks were for is looked at again */
}

static void NORETURN die(struct lx_thread *t, const struct dk_context *c, int sig)
{
	uint32_t code = sig;

	if ((SIGBIT(sig) & SIGS_CORE) && core_dump(t, c, sig))
		code |= 0x80;
	lx_group_exit(t, code);
}

/* What the handler's mask newly blocks goes to other threads; what it lets through is looked for again. */
static void after_mask(struct lx_thread *t, const struct sig_taken *s)
{
	uint64_t blocked = t->sigmask & ~s->mask_before & t->proc->pending.set;

	if (blocked && t->proc->nthreads > 1)
		signal_retarget(t, blocked);
}

/* Runs a handler: a frame that brings everything back. */
static void run_handler(struct lx_thread *t, struct dk_context *c, struct sig_taken *s)
{
	uint64_t saved = t->restore_sigmask ? t->saved_sigmask : s->mask_before;

	restart_with_handler(c, &s->action);
	if (UNLIKELY(t->pt != NULL))
		ptrace_disarm_step(t, c);
	if (sig_push_frame(t, c, s, saved)) {
		sig_set_mask(t, s->mask_before);
		/* No stack to put it on: SIGSEGV, and if that was the one, its default. */
		if (s->sig == SIGSEGV) {
			lock_take(&t->proc->sighand->lock);
			t->proc->sighand->action[SIGSEGV].handler = LX_SIG_DFL;
			lock_drop(&t->proc->sighand->lock);
		}
		signal_force(t, SIGSEGV, SI_KERNEL, 0, 0, 0);
		return;
	}
	t->restore_sigmask = 0;
	after_mask(t, s);
	if (UNLIKELY(t->tracer != NULL))
		ptrace_handler_entered(t, c);
}

static void one_signal(struct lx_thread *t, struct dk_context *c, struct sig_taken *s)
{
	if (!s->sig)
		return;
	if (s->handler)
		run_handler(t, c, s);
	else if (SIGBIT(s->sig) & SIGS_STOP)
		stop_process(t, s);
	else
		die(t, c, s->sig);
}

/* Stops of the process, and what a tracer wants.  True: time has passed, look again. */
static bool stops(struct lx_thread *t, struct dk_context *c)
{
	if (UNLIKELY(t->tracer != NULL) && ptrace_trap(t, c))
		return true;
	if (t->proc->stopped && !t->tracer)
		stay_stopped(t);
	else if (t->proc->cont_notify)
		notify_continued(t->proc);
	return false;
}

void sig_return_to_user(struct lx_thread *t, struct dk_context *c)
{
	struct lx_proc *p = t->proc;
	struct sig_taken s UNINIT; /* filled by take */

	if (UNLIKELY(atomic_load_explicit(&p->cpu_check, memory_order_relaxed)) && atomic_exchange(&p->cpu_check, 0))
		cpu_timers_check(t);
	restore_finished_mask(t, c);
	for (;;) {
		if (thread_should_exit(t))
			lx_thread_exit(t, thread_exit_code(t));
		if (stops(t, c) || thread_should_exit(t))
			continue;
		if (!take(t, c, &s))
			break;
		one_signal(t, c, &s);
	}
	restart_without_handler(c);
	if (t->restore_sigmask) {
		t->restore_sigmask = 0;
		sig_set_mask(t, t->saved_sigmask);
	}
	if (UNLIKELY(t->pt != NULL))
		ptrace_arm_step(t, c);
}

long lx_sys_restart_syscall(struct lx_thread *t)
{
	uint32_t kind = t->restart.kind;

	t->restart.kind = RESTART_NONE;
	if (kind == RESTART_NANOSLEEP)
		return nanosleep_restart(t);
	if (kind == RESTART_FUTEX && futex_restart)
		return futex_restart(t);
	if (kind == RESTART_POLL && poll_restart)
		return poll_restart(t);
	return -EINTR;
}
