/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/clock.c - reading clocks, and everything that tells the time.
 *
 * MONOTONIC and REALTIME are the host's, which the vDSO also shows to programs, so that
 * all ways of asking agree.  Nobody in a sandbox can set them.  CPU
 * clocks: misc/cputime.c.
 */
#include "linux/proc/proc.h"
#include "linux/misc/cputime.h"
#include "linux/misc/timer.h"
#include "linux/ns/ns.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"
#include <linux/timex.h>

#define NS           1000000000ull
#define MODE_ADJTIME 0x8000u /* the bit all of adjtime's modes have */

long user_timespec_in(struct gva from, uint64_t *ns)
{
	int64_t ts[2];

	if (copy_in(ts, from, sizeof ts))
		return -EFAULT;
	if (ts[0] < 0 || ts[1] < 0 || ts[1] >= (int64_t)NS)
		return -EINVAL;
	*ns = (uint64_t)ts[0] >= INT64_MAX / NS ? INT64_MAX : (uint64_t)ts[0] * NS + (uint64_t)ts[1];
	return 0;
}

long user_timespec_out(struct gva to, uint64_t ns)
{
	int64_t ts[2] = { (int64_t)(ns / NS), (int64_t)(ns % NS) };

	return copy_out(to, ts, sizeof ts);
}

static uint64_t dk_clock(enum dk_clock clock)
{
	uint64_t ns = 0;

	(void)DkSystemTimeQuery(clock, &ns);
	return ns;
}

/* Clock ids below 0 name a process or thread: ~pid << 3, 4 for a thread, then the kind. */
static long read_cpu_clock(struct lx_thread *t, int clock, uint64_t *ns)
{
	struct lx_state *lx = lx_state();
	int id = ~(clock >> 3);
	bool thread = clock & 4;
	struct lx_proc *p = NULL;
	struct lx_thread *o = NULL;
	long err = -EINVAL;

	if ((clock & 3) == 3 || id < 0)
		return -EINVAL; /* 3 is a device's clock, by descriptor: there are none */
	if (!id) {
		*ns = thread ? lx_cpu_time_ns(t) : proc_cpu_ns(t, t->proc);
		return 0;
	}
	lock_take(&lx->tasklist);
	if (thread)
		o = thread_find(id);
	else
		p = proc_find(id);
	if (o && o->proc == t->proc) {
		*ns = thread_cpu_ns(t, o);
		err = 0;
	} else if (p) {
		*ns = proc_cpu_ns(t, p);
		err = 0;
	}
	lock_drop(&lx->tasklist);
	return err;
}

long clock_read(struct lx_thread *t, int clock, uint64_t *ns)
{
	if (clock < 0)
		return read_cpu_clock(t, clock, ns);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI: /* no leap seconds are known here: as on a host without NTP */
		*ns = pico_now_realtime();
		return 0;
	case CLOCK_MONOTONIC:
		*ns = pico_now();
		return 0;
	case CLOCK_MONOTONIC_RAW:
		*ns = dk_clock(DK_CLOCK_MONOTONIC_RAW);
		return 0;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = dk_clock(DK_CLOCK_BOOTTIME);
		return 0;
	case CLOCK_REALTIME_COARSE:
		*ns = dk_clock(DK_CLOCK_REALTIME_COARSE);
		return 0;
	case CLOCK_MONOTONIC_COARSE:
		*ns = dk_clock(DK_CLOCK_MONOTONIC_COARSE);
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = proc_cpu_ns(t, t->proc);
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = lx_cpu_time_ns(t);
		return 0;
	default:
		return -EINVAL;
	}
}

uint64_t clock_to_mono(int clock, uint64_t ns)
{
	uint64_t now = pico_now(), there;

	ns = timens_sub(lx_current(), clock, ns);
	if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW)
		return ns;
	if (clock == CLOCK_BOOTTIME || clock == CLOCK_BOOTTIME_ALARM)
		there = dk_clock(DK_CLOCK_BOOTTIME);
	else
		there = pico_now_realtime();
	if (ns <= there)
		return now > there - ns ? now - (there - ns) : 1;
	return ns - there > UINT64_MAX - 1 - now ? DK_FOREVER : now + (ns - there);
}

/* ---- System calls ---- */

long lx_sys_clock_gettime(struct lx_thread *t, int clock, struct gva ts)
{
	uint64_t ns;
	long err = clock_read(t, clock, &ns);

	return err ? err : user_timespec_out(ts, timens_add(t, clock, ns));
}

long lx_sys_clock_getres(struct lx_thread *t, int clock, struct gva ts)
{
	uint64_t ns;
	long err = clock_read(t, clock, &ns);

	if (err || !ts.va)
		return err;
	return user_timespec_out(ts, clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ? 4000000 : 1);
}

long lx_sys_clock_settime(struct lx_thread *t, int clock, struct gva ts)
{
	uint64_t ns;
	long err = user_timespec_in(ts, &ns);

	if (err)
		return err;
	return clock == CLOCK_REALTIME ? -EPERM : -EINVAL;
}

long lx_sys_gettimeofday(struct lx_thread *t, struct gva tv, struct gva tz)
{
	uint64_t now = pico_now_realtime();
	int64_t out[2] = { (int64_t)(now / NS), (int64_t)(now % NS / 1000) };

	if (tv.va && copy_out(tv, out, sizeof out))
		return -EFAULT;
	return tz.va ? clear_out(tz, 8) : 0; /* UTC */
}

long lx_sys_settimeofday(struct lx_thread *t, struct gva tv, struct gva tz)
{
	return -EPERM;
}

long lx_sys_time(struct lx_thread *t, struct gva out)
{
	int64_t now = (int64_t)(pico_now_realtime() / NS);

	if (out.va && PUT_USER(out, now))
		return -EFAULT;
	return now;
}

long lx_sys_times(struct lx_thread *t, struct gva buf)
{
	struct lx_proc *p = t->proc;
	const uint64_t tick = NS / 100;
	uint64_t began = cputime_begin(t);
	struct cpu_times now;
	int64_t out[4];

	if (buf.va) {
		proc_cpu_times(t, p, &now);
		out[0] = (int64_t)(now.user / tick);
		out[1] = (int64_t)(now.system / tick);
		lock_take(&p->lock);
		out[2] = (int64_t)(p->cutime_ns / tick);
		out[3] = (int64_t)(p->cstime_ns / tick);
		lock_drop(&p->lock);
		if (copy_out(buf, out, sizeof out))
			return -EFAULT;
		cputime_asked(t, began);
	}
	return (long)(timens_add(t, CLOCK_BOOTTIME, pico_now()) / tick);
}

/* The clock is not ours to adjust: reading tells of one that nobody disciplines. */
static long adjtimex(struct lx_thread *t, struct gva buf)
{
	struct __kernel_timex tx;
	uint64_t now = pico_now_realtime();

	if (copy_in(&tx, buf, sizeof tx))
		return -EFAULT;
	if ((tx.modes & MODE_ADJTIME) && !(tx.modes & ADJ_OFFSET_SINGLESHOT & ~MODE_ADJTIME))
		return -EINVAL;
	if (tx.modes && tx.modes != ADJ_OFFSET_SS_READ)
		return -EPERM;
	memset(&tx, 0, sizeof tx);
	tx.status = STA_UNSYNC;
	tx.maxerror = tx.esterror = 16000000;
	tx.constant = 2;
	tx.precision = 1;
	tx.tolerance = 32768000;
	tx.tick = 10000;
	tx.time.tv_sec = (int64_t)(now / NS);
	tx.time.tv_usec = (int64_t)(now % NS / 1000);
	if (copy_out(buf, &tx, sizeof tx))
		return -EFAULT;
	return TIME_ERROR;
}

long lx_sys_adjtimex(struct lx_thread *t, struct gva buf)
{
	return adjtimex(t, buf);
}

long lx_sys_clock_adjtime(struct lx_thread *t, int clock, struct gva buf)
{
	if (clock != CLOCK_REALTIME)
		return clock >= 0 && clock <= CLOCK_TAI ? -EOPNOTSUPP : -EINVAL;
	return adjtimex(t, buf);
}
