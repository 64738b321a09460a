/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/send.c - giving a signal to a thread, a process or a group.
 *
 * Sending holds PROC (the list of threads, p->sighand) and SIGHAND (the queues).
 * A signal that nobody would see is dropped here.  Stop signals and SIGCONT cancel
 * each other at once, even blocked; SIGCONT continues a stopped process here,
 * while stopping happens in the thread that takes the signal.  A thread
 * that can take it gets a mark by pico_interrupt and looks on its way to the guest;
 * SIGKILL marks all, since some may be where marks do not reach them soon.
 *
 * A signal whose default ends the process without a core, and which some thread that
 * is not stopped does not block, ends it here and now, as in Linux: else the thread
 * that takes it off the queue is a moment away from the end, and the sender, back in
 * the guest, meanwhile sees its own kill() return.
 */
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sig/internal.h"

void signal_interrupt(struct lx_thread *t)
{
	if (t == lx_current())
		pico_tb()->work = 1;
	else
		pico_interrupt(&t->pico);
}

static bool blocks(const struct lx_thread *t, int sig)
{
	return (t->sigmask | t->sigwait_set) & SIGBIT(sig);
}

/* Ignored ones are dropped, unless they are blocked (the action may change) or waited for. */
static bool is_ignored(struct lx_proc *p, struct lx_thread *t, int sig)
{
	uint64_t handler = p->sighand->action[sig].handler;
	struct lx_thread *who = t ? t : p->leader;

	if (who && (blocks(who, sig) || UNLIKELY(who->tracer != NULL)))
		return false;
	return handler == LX_SIG_IGN || (handler == LX_SIG_DFL && (SIGBIT(sig) & SIGS_IGNORED));
}

/* Tracers that have seized are told of a SIGCONT by a stop. */
static void tell_tracers(struct lx_proc *p) REQUIRES(PROC) REQUIRES(SIGHAND)
{
	LIST_FOR(t, &p->threads, struct lx_thread, sibling)
		if (UNLIKELY(t->tracer != NULL) && t->pt->seized) {
			atomic_store(&t->pt->wanted, 1);
			signal_interrupt(t);
		}
}

/* Process 1 of a pid namespace: what it has no handler for, but SIGKILL and SIGSTOP from outside. */
static bool init_ignores(struct lx_proc *p, struct lx_thread *t, int sig, const siginfo_t *info)
{
	struct lx_thread *who = t ? t : p->leader;

	if (p->sighand->action[sig].handler != LX_SIG_DFL || (who && blocks(who, sig)))
		return false;
	if (sig != SIGKILL && sig != SIGSTOP)
		return true;
	return info && pid_ns_inside(pid_ns_of(lx_current()->proc), pid_ns_of(p));
}

static void continue_process(struct lx_proc *p) REQUIRES(PROC) REQUIRES(SIGHAND)
{
	p->cont_seq++;
	signal_flush_all(p, SIGS_STOP);
	tell_tracers(p);
	if (!p->stopped)
		return;
	p->stopped = 0;
	p->continued = 1;
	p->cont_notify = 1;
	LIST_FOR(t, &p->threads, struct lx_thread, sibling)
		pico_wake(&t->pico);
}

static void prepare(struct lx_proc *p, int sig) REQUIRES(PROC) REQUIRES(SIGHAND)
{
	if (SIGBIT(sig) & SIGS_STOP)
		signal_flush_all(p, SIGBIT(SIGCONT));
	else if (sig == SIGCONT)
		continue_process(p);
	else if (sig == SIGKILL)
		p->stopped = 0;
}

static bool wants(const struct lx_thread *t, int sig)
{
	uint64_t blocked = t->sigmask & ~t->sigwait_set;

	return !(blocked & SIGBIT(sig)) && !t->exiting;
}

static void wake_one(struct lx_proc *p, int sig)
{
	struct lx_thread *me = lx_current();

	if (me && me->proc == p && wants(me, sig)) {
		signal_interrupt(me);
		return;
	}
	if (p->leader && wants(p->leader, sig) && !list_empty(&p->leader->sibling)) {
		signal_interrupt(p->leader);
		return;
	}
	LIST_FOR(t, &p->threads, struct lx_thread, sibling) {
		if (wants(t, sig)) {
			signal_interrupt(t);
			return;
		}
	}
}

static void wake_all(struct lx_proc *p)
{
	LIST_FOR(t, &p->threads, struct lx_thread, sibling) {
		if (!t->exiting)
			signal_interrupt(t);
		if (t->jobctl_stopped || (t->pt && t->pt->stop))
			pico_wake(&t->pico);
	}
}

static void wake(struct lx_proc *p, struct lx_thread *t, int sig)
{
	atomic_thread_fence(memory_order_seq_cst); /* see mask.c */
	if (waitq_busy(&p->sighand->signalfd_wait))
		waitq_wake_all(&p->sighand->signalfd_wait);
	if (sig == SIGKILL)
		wake_all(p);
	else if (!t)
		wake_one(p, sig);
	else if (wants(t, sig))
		signal_interrupt(t);
}

static void fill_info(struct sigqueue *q, int sig, const siginfo_t *info)
{
	if (info) {
		q->info = *info;
	} else {
		memset(&q->info, 0, sizeof q->info);
		q->info.si_code = SI_KERNEL;
	}
	q->info.si_signo = sig;
}

static struct sigqueue *entry_new(struct sighand *s) REQUIRES(SIGHAND)
{
	struct sigqueue *q = s->spare;

	if (!q)
		return arena_alloc(sizeof *q);
	s->spare = NULL;
	return q;
}

/* 0; -EAGAIN if a real-time signal of a program finds the queue full. */
static int enqueue(struct lx_proc *p, struct sigpending *pend, int sig, const siginfo_t *info) REQUIRES(SIGHAND)
{
	bool realtime = sig >= 32;
	struct sigqueue *q = NULL;

	if (!realtime && (pend->set & SIGBIT(sig)))
		return 0;
	if (atomic_load(&p->nqueued) < p->rlim[RLIMIT_SIGPENDING].rlim_cur || (!realtime && info && info->si_code >= 0))
		q = entry_new(p->sighand);
	if (q) {
		fill_info(q, sig, info);
		atomic_fetch_add(&p->nqueued, 1);
		list_append(&pend->queue, &q->link);
	} else if (realtime && info && info->si_code != SI_USER && info->si_code != SI_KERNEL) {
		return -EAGAIN;
	}
	pend->set |= SIGBIT(sig);
	return 0;
}

static bool ends_at_once(struct lx_proc *p, struct lx_thread *t, int sig) REQUIRES(PROC) REQUIRES(SIGHAND)
{
	if (sig == SIGKILL)
		return true;
	if (p->stopped || p->unkillable || p->sighand->action[sig].handler != LX_SIG_DFL || SIGBIT(sig) & (SIGS_IGNORED | SIGS_STOP | SIGS_CORE | SIGBIT(SIGCONT)))
		return false;
	/* Tracers see it first. */
	if (t)
		return !(t->sigmask & SIGBIT(sig)) && !t->exiting && !t->tracer;
	LIST_FOR(o, &p->threads, struct lx_thread, sibling)
		if (!(o->sigmask & SIGBIT(sig)) && !o->exiting)
			return !o->tracer;
	return false;
}

static int send_locked(struct lx_proc *p, struct lx_thread *t, int sig, const siginfo_t *info) REQUIRES(PROC) REQUIRES(SIGHAND)
{
	int err;

	if (p == lx_state()->init || p->state != PROC_LIVE)
		return 0;
	prepare(p, sig);
	if (is_ignored(p, t, sig) || (UNLIKELY(p->unkillable) && init_ignores(p, t, sig, info)))
		return 0;
	err = enqueue(p, t && sig != SIGKILL ? &t->pending : &p->pending, sig, info);
	if (err)
		return err;
	if (ends_at_once(p, t, sig))
		proc_mark_exit_locked(p, (uint32_t)sig);
	wake(p, t, sig);
	return 0;
}

static int send(struct lx_proc *p, struct lx_thread *t, int sig, const siginfo_t *info)
{
	int err = 0;

	lock_take(&p->lock);
	if (p->sighand) {
		struct sighand *s = p->sighand;

		lock_take(&s->lock);
		err = send_locked(p, t, sig, info);
		lock_drop(&s->lock);
	}
	lock_drop(&p->lock);
	return err;
}

/*
 * A signal that its own sender takes on its way out of this very call, with none before it: it need not
 * be in a queue, nor count as pending, as nobody can look meanwhile.  The action is looked at
 * again, under its lock, when it is taken.
 */
bool signal_goes_straight(const struct lx_thread *t, int sig)
{
	const struct lx_proc *p = t->proc;
	uint64_t handler = __atomic_load_n(&p->sighand->action[sig].handler, __ATOMIC_RELAXED);

	return !(SIGBIT(sig) & (SIGS_STOP | SIGBIT(SIGCONT))) && handler != LX_SIG_DFL && handler != LX_SIG_IGN && !blocks(t, sig) && !t->tracer && !t->straight.si_signo &&
		!(t->pending.set | p->pending.set);
}

/*
 * To the thread that runs this, for a handler: nothing of the process changes, so PROC is not
 * needed.  False if it is not of that kind.
 */
static bool send_self(struct lx_thread *t, int sig, const siginfo_t *info, int *err)
{
	struct sighand *s = t->proc->sighand;
	bool plain;

	if (SIGBIT(sig) & (SIGS_STOP | SIGBIT(SIGCONT)))
		return false;
	if (LIKELY(info != NULL) && signal_goes_straight(t, sig)) {
		t->straight = *info;
		t->straight.si_signo = sig;
		pico_tb()->work = 1;
		*err = 0;
		return true;
	}
	lock_take(&s->lock);
	plain = s->action[sig].handler != LX_SIG_DFL && s->action[sig].handler != LX_SIG_IGN;
	if (plain) {
		*err = enqueue(t->proc, &t->pending, sig, info);
		if (!*err)
			wake(t->proc, t, sig);
	}
	lock_drop(&s->lock);
	return plain;
}

int signal_thread(struct lx_thread *t, int sig, const siginfo_t *info)
{
	int err;

	if (t == lx_current() && send_self(t, sig, info, &err))
		return err;
	return send(t->proc, t, sig, info);
}

int signal_proc(struct lx_proc *p, int sig, const siginfo_t *info)
{
	return send(p, NULL, sig, info);
}

int signal_pgrp(int pgrp, int sig, const siginfo_t *info)
{
	int found = -ESRCH;

	PROC_SET_FOR(p, PROC_GROUP, pgrp) {
		if (p->state == PROC_DEAD)
			continue;
		found = 0;
		(void)signal_proc(p, sig, info);
	}
	return found;
}

int signal_queue_timer_locked(struct lx_proc *p, struct lx_thread *t, struct sigqueue *q)
{
	struct sigpending *pend = t ? &t->pending : &p->pending;
	int sig = q->info.si_signo, result = 0;

	if (!p->sighand || p->state != PROC_LIVE)
		return -1;
	lock_take(&p->sighand->lock);
	if (is_ignored(p, t, sig)) {
		result = -1;
	} else if (list_empty(&q->link)) {
		list_append(&pend->queue, &q->link);
		pend->set |= SIGBIT(sig);
		wake(p, t, sig);
		result = 1;
	}
	lock_drop(&p->sighand->lock);
	return result;
}

int signal_queue_timer(struct lx_proc *p, struct lx_thread *t, struct sigqueue *q)
{
	int result;

	lock_take(&p->lock);
	result = signal_queue_timer_locked(p, t, q);
	lock_drop(&p->lock);
	return result;
}

/* The bit goes only if no other entry needs it; a thread's bit may stay and is then taken as bare. */
static void unqueue(struct sigpending *pend, struct sigqueue *q)
{
	int sig = q->info.si_signo;

	list_remove(&q->link);
	LIST_FOR(o, &pend->queue, struct sigqueue, link)
		if (o->info.si_signo == sig)
			return;
	pend->set &= ~SIGBIT(sig);
}

void signal_unqueue_timer(struct lx_proc *p, struct sigqueue *q, bool to_process)
{
	lock_take(&p->lock);
	lock_take(&p->sighand->lock);
	if (!list_empty(&q->link)) {
		if (to_process)
			unqueue(&p->pending, q);
		else
			LIST_FOR(t, &p->threads, struct lx_thread, sibling)
				if (t->pending.set & SIGBIT(q->info.si_signo)) {
					LIST_FOR(o, &t->pending.queue, struct sigqueue, link)
						if (o == q) {
							unqueue(&t->pending, q);
							goto out;
						}
				}
		list_remove(&q->link);
	}
out:
	lock_drop(&p->sighand->lock);
	lock_drop(&p->lock);
}

void signal_force_info(struct lx_thread *t, const siginfo_t *info, bool fatal)
{
	struct lx_proc *p = t->proc;
	int sig = info->si_signo;
	struct lx_sigaction *a = &p->sighand->action[sig];

	lock_take(&p->sighand->lock);
	if (fatal || a->handler == LX_SIG_IGN || (t->sigmask & SIGBIT(sig))) {
		a->handler = LX_SIG_DFL;
		t->sigmask &= ~SIGBIT(sig);
	}
	if (a->handler == LX_SIG_DFL)
		p->unkillable = 0;
	sigpending_remove(p, &t->pending, SIGBIT(sig));
	(void)enqueue(p, &t->pending, sig, info);
	lock_drop(&p->sighand->lock);
	pico_tb()->work = 1;
}

void signal_force(struct lx_thread *t, int sig, int code, uint64_t addr, int trapno, int err)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = sig;
	info.si_code = code;
	info.si_addr = (void *)addr;
	t->trapno = trapno;
	t->trap_err = err;
	signal_force_info(t, &info, false);
}

void signal_retarget(struct lx_thread *t, uint64_t set)
{
	struct lx_proc *p = t->proc;

	lock_take(&p->lock);
	LIST_FOR(o, &p->threads, struct lx_thread, sibling) {
		if (o == t || o->exiting || !(set & ~o->sigmask))
			continue;
		set &= o->sigmask;
		signal_interrupt(o);
	}
	lock_drop(&p->lock);
}

void sig_thread_exit(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;
	uint64_t set;

	lock_take(&p->sighand->lock);
	t->exiting = 1;
	sigpending_remove(p, &t->pending, ~0ull);
	set = p->pending.set & ~t->sigmask;
	lock_drop(&p->sighand->lock);
	if (set)
		signal_retarget(t, set);
}
