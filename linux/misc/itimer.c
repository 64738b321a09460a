/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/itimer.c - setitimer, getitimer, alarm.
 *
 * ITIMER_REAL is a timer of kproc's queue.  With an interval it is armed again when
 * its SIGALRM is taken, so that a program that does not run makes no work.
 *
 * ITIMER_VIRTUAL and ITIMER_PROF count CPU time: misc/cpu_timer.c.
 */
#include "linux/misc/timer.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

/* p->itimer_real points here. */
struct itimers {
	struct lx_timer real; /* first */
	uint64_t expires, interval; /* [TIMER-like: SIGHAND] of ITIMER_REAL, kept while its signal waits */
};

struct user_itimerval {
	int64_t interval_sec, interval_usec, value_sec, value_usec;
};

static struct itimers *itimers_of(struct lx_proc *p, bool make)
{
	struct itimers *it = (struct itimers *)p->itimer_real, *new;

	if (it || !make)
		return it;
	new = arena_alloc(sizeof *new);
	if (!new)
		return NULL;
	timer_init(&new->real, TIMER_ITIMER_REAL, p);
	lock_take(&p->lock);
	it = (struct itimers *)p->itimer_real;
	if (!it) {
		p->itimer_real = &new->real;
		it = new;
		new = NULL;
	}
	lock_drop(&p->lock);
	arena_free(new);
	return it;
}

void itimer_fired(struct lx_timer *tm)
{
	struct lx_proc *p = tm->owner;
	struct itimers *it = (struct itimers *)p->itimer_real;

	if (it && tm == &it->real)
		(void)signal_proc(p, SIGALRM, NULL);
}

void itimer_rearm(struct lx_proc *p)
{
	struct itimers *it = (struct itimers *)p->itimer_real;
	uint64_t now = pico_now(), interval;

	if (!it || !it->interval || it->real.deadline || !it->expires)
		return;
	interval = it->interval;
	if (it->expires <= now)
		it->expires += ((now - it->expires) / interval + 1) * interval;
	timer_arm(&it->real, it->expires, 0);
}

void itimers_exit(struct lx_proc *p)
{
	struct itimers *it = (struct itimers *)p->itimer_real;

	posix_timers_delete_all(p);
	cpu_timers_exit(p);
	if (!it)
		return;
	timer_disarm(&it->real);
	p->itimer_real = NULL;
	arena_free(it);
}

/* ---- System calls ---- */

static bool value_ok(int64_t sec, int64_t usec)
{
	return sec >= 0 && usec >= 0 && usec < 1000000;
}

static uint64_t to_ns(int64_t sec, int64_t usec)
{
	if ((uint64_t)sec > INT64_MAX / 1000000000u - 1)
		return INT64_MAX;
	return (uint64_t)sec * 1000000000u + (uint64_t)usec * 1000;
}

static void from_ns(uint64_t ns, int64_t *sec, int64_t *usec)
{
	*sec = ns / 1000000000u;
	*usec = ns % 1000000000u / 1000;
}

static uint64_t until(uint64_t expires, uint64_t now)
{
	if (!expires)
		return 0;
	return expires > now ? MAX(expires - now, 1000u) : 1000;
}

static void read_timer(struct lx_thread *t, int which, uint64_t out[2])
{
	struct lx_proc *p = t->proc;
	struct itimers *it = itimers_of(p, false);
	uint64_t *cpu = which == ITIMER_VIRTUAL ? p->itimer_virtual : p->itimer_prof;

	out[0] = out[1] = 0;
	if (which != ITIMER_REAL) {
		out[0] = until(cpu[0], cpu[0] ? cpu_timer_now(t, which == ITIMER_VIRTUAL) : 0);
		out[1] = cpu[1];
	} else if (it) {
		out[0] = it->real.deadline ? until(it->real.deadline, pico_now()) : it->interval ? until(it->expires, pico_now()) : 0;
		out[1] = it->interval;
	}
}

static long write_timer(struct lx_thread *t, int which, uint64_t value, uint64_t interval)
{
	struct lx_proc *p = t->proc;
	struct itimers *it = itimers_of(p, value != 0 && which == ITIMER_REAL);
	uint64_t *cpu = which == ITIMER_VIRTUAL ? p->itimer_virtual : p->itimer_prof, used;

	if (which == ITIMER_REAL) {
		if (!it)
			return value ? -ENOMEM : 0;
		timer_disarm(&it->real);
		it->expires = value ? pico_now() + value : 0;
		it->interval = interval;
		if (value)
			timer_arm(&it->real, it->expires, 0);
		return 0;
	}
	used = value ? cpu_timer_now(t, which == ITIMER_VIRTUAL) : 0;
	cpu[0] = value ? used + value : 0;
	cpu[1] = interval;
	cpu_timers_arm(t);
	return 0;
}

static void to_user(const uint64_t value[2], struct user_itimerval *u)
{
	from_ns(value[0], &u->value_sec, &u->value_usec);
	from_ns(value[1], &u->interval_sec, &u->interval_usec);
}

long lx_sys_getitimer(struct lx_thread *t, int which, struct gva value)
{
	struct user_itimerval u;
	uint64_t now[2];

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	read_timer(t, which, now);
	to_user(now, &u);
	return copy_out(value, &u, sizeof u);
}

long lx_sys_setitimer(struct lx_thread *t, int which, struct gva value, struct gva old)
{
	struct user_itimerval u = { 0 }, was;
	uint64_t now[2];
	long err;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	if (value.va && copy_in(&u, value, sizeof u))
		return -EFAULT;
	if (!value_ok(u.value_sec, u.value_usec) || !value_ok(u.interval_sec, u.interval_usec))
		return -EINVAL;
	read_timer(t, which, now);
	err = write_timer(t, which, to_ns(u.value_sec, u.value_usec), to_ns(u.interval_sec, u.interval_usec));
	if (err || !old.va)
		return err;
	to_user(now, &was);
	return copy_out(old, &was, sizeof was);
}

long lx_sys_alarm(struct lx_thread *t, uint32_t seconds)
{
	uint64_t was[2];
	long err;

	read_timer(t, ITIMER_REAL, was);
	err = write_timer(t, ITIMER_REAL, seconds * 1000000000ull, 0);
	if (err)
		return err;
	if (was[0] && was[0] < 1000000000u)
		return 1;
	return (long)((was[0] + 500000000u) / 1000000000u);
}
