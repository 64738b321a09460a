/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/posix_timer.c - how timers of timer_create fire; the calls are in posix_timer_sys.c.
 *
 * A timer owns the queue entry of its signal, so that firing needs no memory and
 * the signal is queued once at most.  While it waits to be taken, the timer rests;
 * the thread that takes it counts the intervals that passed as overruns and arms
 * the timer again (posix_timer_rearm).  A process's timers are in p->timers, under PROC.
 * Those on a CPU clock of the process or of one of its threads are not in kproc's queue:
 * cpu_timer.c asks how long they have (posix_cpu_left) and has them looked at.
 */
#include "linux/fs/procfs.h"
#include "linux/misc/cputime.h"
#include "linux/misc/posix_timer.h"
#include "linux/proc/proc.h"

#define OVERRUN_MAX INT32_MAX
#define IGNORED_PACE_NS 10000000u /* a timer whose signal is ignored */

static int queue_signal(struct posix_timer *pt)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *t;
	int queued = -1;

	if (pt->notify != SIGEV_THREAD_ID)
		return signal_queue_timer(pt->proc, NULL, &pt->q);
	lock_take(&lx->tasklist);
	t = thread_find_global(pt->tid);
	if (t && t->proc == pt->proc)
		queued = signal_queue_timer(pt->proc, t, &pt->q);
	lock_drop(&lx->tasklist);
	return queued;
}

/* What a timer on a CPU clock counts by; 0 once the thread is gone. */
static uint64_t cpu_now(struct lx_thread *t, const struct posix_timer *pt) REQUIRES(PROC)
{
	if (!pt->cpu_tid)
		return proc_cpu_ns_locked(t, pt->proc);
	LIST_FOR(o, &pt->proc->threads, struct lx_thread, sibling)
		if (o->tid == pt->cpu_tid)
			return thread_cpu_ns(t, o);
	return 0;
}

uint64_t posix_timer_now(const struct posix_timer *pt)
{
	return pt->cpu ? cpu_now(lx_current(), pt) : pico_now();
}

static uint64_t advance(struct posix_timer *pt, uint64_t now) REQUIRES(PROC)
{
	uint64_t missed = now > pt->expires ? (now - pt->expires) / pt->interval : 0;

	pt->expires += (missed + 1) * pt->interval;
	return missed;
}

void posix_timer_fired(struct lx_timer *tm)
{
	struct posix_timer *pt = tm->owner;
	struct lx_proc *p = pt->proc;

	if (pt->notify != SIGEV_NONE && queue_signal(pt) >= 0)
		return;
	/* Nobody takes a signal: the timer goes on by itself, slowly, for timer_gettime. */
	lock_take(&p->lock);
	if (pt->interval && pt->expires) {
		(void)advance(pt, pico_now());
		timer_arm(tm, MAX(pt->expires, pico_now() + IGNORED_PACE_NS), 0);
	}
	lock_drop(&p->lock);
}

void posix_timer_rearm(struct lx_proc *p, siginfo_t *info)
{
	struct posix_timer *pt;
	bool cpu = false;

	lock_take(&p->lock);
	pt = posix_timer_find(p, info->si_tid);
	if (pt) {
		pt->overrun_last = 0;
		if (pt->interval && pt->expires && !pt->tm.deadline) {
			uint64_t missed = advance(pt, posix_timer_now(pt));

			pt->overrun_last = MIN(missed, (uint64_t)OVERRUN_MAX);
			cpu = pt->cpu;
			if (!cpu)
				timer_arm(&pt->tm, pt->expires, 0);
		}
		info->si_overrun = (int)pt->overrun_last;
	}
	lock_drop(&p->lock);
	if (cpu)
		cpu_timers_arm(lx_current());
}

uint64_t posix_cpu_left(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;
	uint64_t least = UINT64_MAX;

	if (!p->timers.next || list_empty(&p->timers))
		return least;
	lock_take(&p->lock);
	LIST_FOR(pt, posix_timers(p), struct posix_timer, link) {
		uint64_t now;

		if (!pt->cpu || !pt->expires || pt->notify == SIGEV_NONE || !list_empty(&pt->q.link))
			continue;
		now = cpu_now(t, pt);
		least = MIN(least, pt->expires > now ? pt->expires - now : 0);
	}
	lock_drop(&p->lock);
	return least;
}

/* What is due is queued with PROC held, so that nobody deletes the timer meanwhile. */
static void expire_one(struct posix_timer *pt, uint64_t now) REQUIRES(PROC)
{
	struct lx_thread *to = NULL;

	if (pt->notify == SIGEV_THREAD_ID)
		LIST_FOR(o, &pt->proc->threads, struct lx_thread, sibling)
			if (o->tid == pt->tid)
				to = o;
	if (pt->notify == SIGEV_THREAD_ID && !to)
		pt->expires = 0;
	else if (signal_queue_timer_locked(pt->proc, to, &pt->q) < 0 && pt->interval)
		(void)advance(pt, now); /* ignored */
	if (!pt->interval)
		pt->expires = 0;
}

void posix_cpu_expire(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;

	lock_take(&p->lock);
	LIST_FOR(pt, posix_timers(p), struct posix_timer, link) {
		uint64_t now;

		if (!pt->cpu || !pt->expires || pt->notify == SIGEV_NONE || !list_empty(&pt->q.link))
			continue;
		now = cpu_now(t, pt);
		if (now >= pt->expires)
			expire_one(pt, now);
	}
	lock_drop(&p->lock);
}

void posix_timer_destroy(struct posix_timer *pt)
{
	timer_disarm(&pt->tm);
	signal_unqueue_timer(pt->proc, &pt->q, pt->notify != SIGEV_THREAD_ID);
	arena_free(pt);
}

void posix_timers_delete_all(struct lx_proc *p)
{
	struct posix_timer *pt;

	for (;;) {
		lock_take(&p->lock);
		pt = list_empty(posix_timers(p)) ? NULL : LIST_FIRST(&p->timers, struct posix_timer, link);
		if (pt)
			posix_timer_leave(p, pt);
		lock_drop(&p->lock);
		if (!pt)
			return;
		posix_timer_destroy(pt);
	}
}

/* proc_pid_timers(5), newest first. */
SHOW(timers)
{
	static const char *const how[] = { "signal", "none", "thread" };
	struct lx_proc *p = c->proc;

	lock_take(&p->lock);
	for (struct list *at = posix_timers(p)->prev; at != &p->timers; at = at->prev) {
		const struct posix_timer *pt = LIST_ENTRY(at, struct posix_timer, link);
		bool thread = pt->notify == SIGEV_THREAD_ID;

		text_add(x, "ID: %d\nsignal: %d/%016lx\nnotify: %s/%s.%d\nClockID: %d\n", pt->id, pt->q.info.si_signo,
			(unsigned long)pt->q.info.si_value.sival_ptr, how[MIN(thread ? 0u : (unsigned)pt->notify, 2u)], thread ? "tid" : "pid",
			thread ? pt->tid : p->pid, pt->clock);
	}
	lock_drop(&p->lock);
}
