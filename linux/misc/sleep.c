/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/sleep.c - nanosleep and clock_nanosleep.
 *
 * A relative sleep that a signal cuts short writes what is left and, if no handler runs,
 * goes on by restart_syscall with the same deadline; an absolute one is made again.
 */
#include "linux/misc/timer.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

/* 0, or -EINTR when something came up. */
static long sleep_until(uint64_t deadline)
{
	for (;;) {
		enum dk_status status = pico_wait(deadline, 0);

		if (status == DK_TIMEOUT || (status == DK_OK && pico_now() >= deadline)) {
			timer_settle(deadline);
			return 0;
		}
		if (status != DK_OK)
			return -EINTR;
	}
}

static long sleep_relative(struct lx_thread *t, uint64_t deadline, struct gva rem)
{
	uint64_t now;

	if (!sleep_until(deadline))
		return 0;
	now = pico_now();
	if (now >= deadline)
		return 0;
	if (rem.va && user_timespec_out(rem, deadline - now))
		return -EFAULT;
	t->restart.kind = RESTART_NANOSLEEP;
	t->restart.deadline = deadline;
	t->restart.ptr = rem;
	return -ERESTART_RESTARTBLOCK;
}

long nanosleep_restart(struct lx_thread *t)
{
	return sleep_relative(t, t->restart.deadline, t->restart.ptr);
}

static uint64_t deadline_in(uint64_t ns)
{
	uint64_t now = pico_now();

	return ns > UINT64_MAX - 1 - now ? DK_FOREVER : now + ns;
}

long lx_sys_nanosleep(struct lx_thread *t, struct gva req, struct gva rem)
{
	uint64_t ns;
	long err = user_timespec_in(req, &ns);

	return err ? err : sleep_relative(t, deadline_in(ns), rem);
}

/* Sleeping on the process's CPU clock: looks again after the time that could have been used up. */
static long sleep_cpu(struct lx_thread *t, int clock, bool absolute, uint64_t ns)
{
	uint64_t now, until;
	long err = clock_read(t, clock, &now);

	if (err)
		return err;
	until = absolute ? ns : now + ns;
	while (now < until) {
		uint64_t step = MAX((until - now) / MAX(1u, lx_state()->ncpus), 1000000u);

		if (sleep_until(deadline_in(step)))
			return -EINTR;
		(void)clock_read(t, clock, &now);
	}
	return 0;
}

long lx_sys_clock_nanosleep(struct lx_thread *t, int clock, int flags, struct gva req, struct gva rem)
{
	uint64_t ns;
	long err;

	if (clock > CLOCK_TAI)
		return -EINVAL;
	if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	err = user_timespec_in(req, &ns);
	if (err)
		return err;
	if (clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID)
		return sleep_cpu(t, clock, flags & TIMER_ABSTIME, ns);
	if (!(flags & TIMER_ABSTIME))
		return sleep_relative(t, deadline_in(ns), rem);
	return sleep_until(clock_to_mono(clock, ns)) ? -ERESTARTNOHAND : 0;
}
