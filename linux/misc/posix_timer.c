/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/posix_timer.c - timer_create and its family.
 *
 * A timer owns the queue entry of its signal, so that firing needs no memory and
 * the signal is queued once at most.  While it waits to be taken, the timer rests;
 * the thread that takes it counts the intervals that passed as overruns and arms
 * the timer again (posix_timer_rearm).  A process's timers are in p->timers, under PROC.
 * Those on a CPU clock of the process or of one of its threads are not in kproc's queue:
 * cpu_timer.c asks how long they have (posix_cpu_left) and has them looked at.
 */
#include "linux/ns/ns.h"
#include "linux/misc/cputime.h"
#include "linux/misc/timer.h"
#include "linux/proc/proc.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

#define OVERRUN_MAX INT32_MAX
#define IGNORED_PACE_NS 10000000u /* a timer whose signal is ignored */

struct posix_timer {
	struct lx_timer tm; /* first */
	struct list link;   /* [PROC] in p->timers */
	struct sigqueue q;
	struct lx_proc *proc;
	int id, clock, notify, tid;
	bool cpu;
	int cpu_tid;                /* its clock: of this thread, 0 = of the process */
	uint64_t expires, interval; /* [PROC] by its clock; kept while the signal waits */
	uint64_t overrun_last;      /* [PROC] of the last signal taken */
};

static struct list *timers(struct lx_proc *p) REQUIRES(PROC)
{
	if (!p->timers.next)
		list_init(&p->timers);
	return &p->timers;
}

static struct posix_timer *find(struct lx_proc *p, int id) REQUIRES(PROC)
{
	LIST_FOR(pt, timers(p), struct posix_timer, link)
		if (pt->id == id)
			return pt;
	return NULL;
}

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

static uint64_t now_of(const struct posix_timer *pt) REQUIRES(PROC)
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
	pt = find(p, info->si_tid);
	if (pt) {
		pt->overrun_last = 0;
		if (pt->interval && pt->expires && !pt->tm.deadline) {
			uint64_t missed = advance(pt, now_of(pt));

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
	LIST_FOR(pt, timers(p), struct posix_timer, link) {
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
	LIST_FOR(pt, timers(p), struct posix_timer, link) {
		uint64_t now;

		if (!pt->cpu || !pt->expires || pt->notify == SIGEV_NONE || !list_empty(&pt->q.link))
			continue;
		now = cpu_now(t, pt);
		if (now >= pt->expires)
			expire_one(pt, now);
	}
	lock_drop(&p->lock);
}

static void destroy(struct posix_timer *pt)
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
		pt = list_empty(timers(p)) ? NULL : LIST_FIRST(&p->timers, struct posix_timer, link);
		if (pt)
			list_remove(&pt->link);
		lock_drop(&p->lock);
		if (!pt)
			return;
		destroy(pt);
	}
}

/* ---- System calls ---- */

static long check_thread(struct lx_thread *t, int tid)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;
	bool ok;

	lock_take(&lx->tasklist);
	o = thread_find(tid);
	ok = o && o->proc == t->proc;
	lock_drop(&lx->tasklist);
	return ok ? 0 : -EINVAL;
}

/* A CPU clock of the caller's process or of one of its threads: cpu_tid. */
static bool cpu_clock_ok(struct lx_thread *t, int clock, int *cpu_tid)
{
	int id = (int)(~(uint32_t)clock >> 3); /* as the caller counts */

	*cpu_tid = clock == CLOCK_THREAD_CPUTIME_ID ? t->tid : 0;
	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
		return true;
	if (clock >= 0 || (clock & 3) == 3)
		return false;
	if (!(clock & 4))
		return id == 0 || id == pid_out(t, t->proc->pid);
	*cpu_tid = id ? pid_in(t, id) : t->tid;
	return id == 0 || check_thread(t, id) == 0;
}

static bool clock_ok(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

static long event_in(struct lx_thread *t, struct gva from, struct posix_timer *pt)
{
	sigevent_t ev;
	siginfo_t *info = &pt->q.info;

	memset(&ev, 0, sizeof ev);
	ev.sigev_signo = SIGALRM;
	ev.sigev_value.sival_int = pt->id;
	if (from.va && copy_in(&ev, from, sizeof ev))
		return -EFAULT;
	if (ev.sigev_notify != SIGEV_SIGNAL && ev.sigev_notify != SIGEV_NONE && ev.sigev_notify != SIGEV_THREAD &&
	    ev.sigev_notify != SIGEV_THREAD_ID)
		return -EINVAL;
	if (ev.sigev_notify != SIGEV_NONE && !sig_valid(ev.sigev_signo))
		return -EINVAL;
	if (ev.sigev_notify == SIGEV_THREAD_ID && check_thread(t, ev._sigev_un._tid))
		return -EINVAL;
	pt->notify = ev.sigev_notify;
	pt->tid = pid_in(t, ev._sigev_un._tid);
	memset(info, 0, sizeof *info);
	info->si_signo = ev.sigev_signo;
	info->si_code = SI_TIMER;
	info->si_tid = pt->id;
	info->si_value = ev.sigev_value;
	return 0;
}

static int free_id(struct lx_proc *p) REQUIRES(PROC)
{
	int id = 0;

	while (find(p, id))
		id++;
	return id;
}

long lx_sys_timer_create(struct lx_thread *t, int clock, struct gva event, struct gva out)
{
	struct lx_proc *p = t->proc;
	struct posix_timer *pt;
	int cpu_tid = 0;
	bool cpu;
	long err;

	cpu = !clock_ok(clock);
	if (cpu && !cpu_clock_ok(t, clock, &cpu_tid))
		return -EINVAL;
	pt = arena_alloc(sizeof *pt);
	if (!pt)
		return -EAGAIN;
	timer_init(&pt->tm, TIMER_POSIX, pt);
	list_init(&pt->q.link);
	pt->q.timer = pt;
	pt->proc = p;
	pt->clock = clock;
	pt->cpu = cpu;
	pt->cpu_tid = cpu_tid;
	lock_take(&p->lock);
	pt->id = free_id(p);
	list_append(timers(p), &pt->link);
	lock_drop(&p->lock);
	err = event_in(t, event, pt);
	if (!err)
		err = PUT_USER(out, pt->id);
	if (err) {
		lock_take(&p->lock);
		list_remove(&pt->link);
		lock_drop(&p->lock);
		destroy(pt);
	}
	return err;
}

/* it_interval and it_value of a timer; what is left of a resting periodic one is computed. */
static void value_of(struct posix_timer *pt, int64_t out[4]) REQUIRES(PROC)
{
	uint64_t now = now_of(pt), left = 0, expires = pt->expires;

	if (expires && pt->interval && expires <= now)
		expires += ((now - expires) / pt->interval + 1) * pt->interval;
	if (expires)
		left = expires > now ? expires - now : 0;
	if (!left && expires && pt->tm.deadline)
		left = 1; /* it is just about to fire */
	out[0] = pt->interval / 1000000000u;
	out[1] = pt->interval % 1000000000u;
	out[2] = left / 1000000000u;
	out[3] = left % 1000000000u;
}

static uint64_t deadline_of(struct posix_timer *pt, int flags, uint64_t value) REQUIRES(PROC)
{
	uint64_t now = now_of(pt);

	if (!value)
		return 0;
	if (flags & TIMER_ABSTIME)
		return pt->cpu ? value : MAX(clock_to_mono(pt->clock, value), 1u);
	return value > UINT64_MAX - 1 - now ? DK_FOREVER : now + value;
}

static long set(struct lx_proc *p, int id, int flags, uint64_t value, uint64_t interval, int64_t old[4])
{
	struct posix_timer *pt;
	bool cpu;

	lock_take(&p->lock);
	pt = find(p, id);
	if (!pt) {
		lock_drop(&p->lock);
		return -EINVAL;
	}
	value_of(pt, old);
	pt->interval = value ? interval : 0;
	pt->expires = deadline_of(pt, flags, value);
	pt->overrun_last = 0;
	cpu = pt->cpu;
	if (!cpu)
		timer_arm(&pt->tm, pt->expires, 0);
	lock_drop(&p->lock);
	if (cpu)
		cpu_timers_arm(lx_current());
	return 0;
}

long lx_sys_timer_settime(struct lx_thread *t, int id, int flags, struct gva new, struct gva old)
{
	uint64_t value, interval;
	int64_t was[4];
	long err = new.va ? user_timespec_in(new, &interval) : -EINVAL;

	if (!err)
		err = user_timespec_in(gva_add(new, 16), &value);
	if (!err)
		err = set(t->proc, id, flags, value, interval, was);
	if (err || !old.va)
		return err;
	return copy_out(old, was, sizeof was);
}

long lx_sys_timer_gettime(struct lx_thread *t, int id, struct gva value)
{
	struct posix_timer *pt;
	int64_t now[4];

	lock_take(&t->proc->lock);
	pt = find(t->proc, id);
	if (pt)
		value_of(pt, now);
	lock_drop(&t->proc->lock);
	return pt ? copy_out(value, now, sizeof now) : -EINVAL;
}

long lx_sys_timer_getoverrun(struct lx_thread *t, int id)
{
	struct posix_timer *pt;
	long n = -EINVAL;

	lock_take(&t->proc->lock);
	pt = find(t->proc, id);
	if (pt)
		n = (long)pt->overrun_last;
	lock_drop(&t->proc->lock);
	return n;
}

long lx_sys_timer_delete(struct lx_thread *t, int id)
{
	struct posix_timer *pt;

	lock_take(&t->proc->lock);
	pt = find(t->proc, id);
	if (pt)
		list_remove(&pt->link);
	lock_drop(&t->proc->lock);
	if (!pt)
		return -EINVAL;
	destroy(pt);
	return 0;
}
