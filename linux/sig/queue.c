/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/queue.c - pending signals: putting in, taking out, flushing.
 *
 * A pending set has one bit a signal and a list of what came with it.  Standard
 * signals are there at most once; real-time ones queue up to RLIMIT_SIGPENDING.  A
 * bit without a list entry is a signal whose siginfo could not be kept (no
 * memory): it is still delivered.  POSIX timers bring a list entry of their own.
 */
#include "linux/misc/timer.h"
#include "linux/sig/internal.h"

void sigpending_init(struct sigpending *p)
{
	p->set = 0;
	list_init(&p->queue);
}

static void entry_drop(struct lx_proc *p, struct sigqueue *q)
{
	list_remove(&q->link);
	if (q->timer)
		return; /* the timer's own */
	if (p)
		atomic_fetch_sub(&p->nqueued, 1);
	if (p && !p->sighand->spare)
		p->sighand->spare = q;
	else
		arena_free(q);
}

void sigpending_flush(struct sigpending *pend)
{
	LIST_FOR_SAFE(q, n, &pend->queue, struct sigqueue, link)
		entry_drop(NULL, q);
	pend->set = 0;
}

void sigpending_remove(struct lx_proc *p, struct sigpending *pend, uint64_t mask)
{
	if (!(pend->set & mask))
		return;
	pend->set &= ~mask;
	LIST_FOR_SAFE(q, n, &pend->queue, struct sigqueue, link)
		if (SIGBIT(q->info.si_signo) & mask)
			entry_drop(p, q);
}

void signal_flush_all(struct lx_proc *p, uint64_t mask)
{
	sigpending_remove(p, &p->pending, mask);
	LIST_FOR(t, &p->threads, struct lx_thread, sibling)
		sigpending_remove(p, &t->pending, mask);
}

/* Faults of the thread itself come first, then the lowest number. */
static int next_signal(const struct sigpending *pend, uint64_t blocked)
{
	uint64_t set = pend->set & ~blocked;

	if (!set)
		return 0;
	if (set & SIGS_SYNC)
		set &= SIGS_SYNC;
	return __builtin_ctzll(set) + 1;
}

/* Takes the first entry of sig; the bit stays while there are more. */
static void take_entry(struct lx_proc *p, struct sigpending *pend, int sig, siginfo_t *info, bool *timer)
{
	struct sigqueue *first = NULL;
	bool more = false;

	LIST_FOR(q, &pend->queue, struct sigqueue, link) {
		if (q->info.si_signo != sig)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		pend->set &= ~SIGBIT(sig);
	if (first) {
		*info = first->info;
		*timer = first->timer != NULL;
		entry_drop(p, first);
		return;
	}
	memset(info, 0, sizeof *info);
	info->si_signo = sig;
	info->si_code = SI_USER;
}

int signal_take(struct lx_thread *t, uint64_t blocked, siginfo_t *info, bool *timer)
{
	struct lx_proc *p = t->proc;
	struct sigpending *pend = &t->pending;
	int sig = next_signal(pend, blocked);

	if (!sig) {
		pend = &p->pending;
		sig = next_signal(pend, blocked);
	}
	*timer = false;
	if (!sig)
		return 0;
	take_entry(p, pend, sig, info, timer);
	if (sig == SIGALRM && pend == &p->pending && p->itimer_real)
		*timer = true;
	return sig;
}

void signal_timer_next(struct lx_thread *t, siginfo_t *info)
{
	if (info->si_code == SI_TIMER)
		posix_timer_rearm(t->proc, info);
	if (info->si_signo == SIGALRM)
		itimer_rearm(t->proc);
}

int signal_dequeue(struct lx_thread *t, uint64_t blocked, siginfo_t *info)
{
	struct sighand *s = t->proc->sighand;
	bool timer;
	int sig;

	/* Nothing there is the common answer, and what comes later wakes us. */
	if (!((t->pending.set | t->proc->pending.set) & ~blocked))
		return 0;
	lock_take(&s->lock);
	sig = signal_take(t, blocked, info, &timer);
	lock_drop(&s->lock);
	if (timer)
		signal_timer_next(t, info);
	return sig;
}
