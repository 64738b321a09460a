/* SPDX-License-Identifier: MIT */
/* linux/misc/posix_timer_sys.c - timer_create and its family. */
#include "linux/misc/posix_timer.h"
#include "linux/ns/ns.h"
#include "linux/proc/proc.h"
#include "syscalls.gen.h"

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

long lx_sys_timer_create(struct lx_thread *t, int clock, struct gva event, struct gva out)
{
	struct lx_proc *p = t->proc;
	struct posix_timer *pt;
	int cpu_tid = 0;
	bool cpu, entered;
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
	entered = posix_timer_enter(p, pt);
	lock_drop(&p->lock);
	if (!entered) {
		arena_free(pt);
		return -EAGAIN;
	}
	err = event_in(t, event, pt);
	if (!err)
		err = PUT_USER(out, pt->id);
	if (err) {
		lock_take(&p->lock);
		posix_timer_leave(p, pt);
		lock_drop(&p->lock);
		posix_timer_destroy(pt);
	}
	return err;
}

/* it_interval and it_value of a timer; what is left of a resting periodic one is computed. */
static void value_of(struct posix_timer *pt, int64_t out[4]) REQUIRES(PROC)
{
	uint64_t now = posix_timer_now(pt), left = 0, expires = pt->expires;

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
	uint64_t now = posix_timer_now(pt);

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
	pt = posix_timer_find(p, id);
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
	pt = posix_timer_find(t->proc, id);
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
	pt = posix_timer_find(t->proc, id);
	if (pt)
		n = (long)pt->overrun_last;
	lock_drop(&t->proc->lock);
	return n;
}

long lx_sys_timer_delete(struct lx_thread *t, int id)
{
	struct posix_timer *pt;

	lock_take(&t->proc->lock);
	pt = posix_timer_find(t->proc, id);
	if (pt)
		posix_timer_leave(t->proc, pt);
	lock_drop(&t->proc->lock);
	if (!pt)
		return -EINVAL;
	posix_timer_destroy(pt);
	return 0;
}
