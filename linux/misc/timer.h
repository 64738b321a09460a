/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/timer.h - timers that fire without a waiting thread.
 *
 * kproc's thread keeps one queue in the arena, ordered by deadline, and sleeps
 * until the first.  A timer's action is a kind number; what it does must not block.
 */
#ifndef LINUX_MISC_TIMER_H
#define LINUX_MISC_TIMER_H

#include "linux/linux.h"

enum lx_timer_kind { TIMER_NONE, TIMER_ITIMER_REAL, TIMER_POSIX, TIMER_TIMERFD, TIMER_CPU, TIMER_URING, TIMER_NT, TIMER_TCP, TIMER_KINDS };

struct lx_timer {
	struct lx_timer *child, *next, *prev; /* [TIMER] in the queue: timer_heap.h */
	uint64_t order;
	bool queued;
	uint32_t kind, clock;  /* Linux clock id */
	uint64_t deadline;     /* [TIMER] monotonic ns; 0 = not armed */
	uint64_t interval;
	uint64_t overruns;     /* TIMERFD: intervals missed beyond this firing, set before the action */
	void *owner;           /* arena: process, timerfd, posix timer */
};
void timer_init(struct lx_timer *tm, enum lx_timer_kind kind, void *owner);
void timer_arm(struct lx_timer *tm, uint64_t deadline, uint64_t interval);
void timer_disarm(struct lx_timer *tm); /* when it returns, the action is not running; hold no lock */
/* kproc: runs what is due; returns the next deadline or DK_FOREVER. */
uint64_t timer_run(uint64_t now);
void timer_boot(void);
/* Somebody slept until deadline: what was due earlier has happened when this returns (or a signal came, or 20 ms passed); hold no lock. */
void timer_settle(uint64_t deadline);
/*
 * What each kind does; called with no lock.  A TIMERFD with an interval is armed again by
 * timer_run; the two that send signals are armed again when their signal is taken, as in Linux.
 */
void itimer_fired(struct lx_timer *tm);
void posix_timer_fired(struct lx_timer *tm);
void timerfd_fired(struct lx_timer *tm);
void uring_timer_fired(struct lx_timer *tm);
void tcp_timer_fired(struct lx_timer *tm);
/* Wall clock to monotonic and back, with the sandbox's offset. */
uint64_t clock_to_mono(int clock, uint64_t ns);
long clock_read(struct lx_thread *t, int clock, uint64_t *ns);
/* Taken signals whose timer goes on: called by signal_dequeue's callers with no lock. */
void itimer_rearm(struct lx_proc *p);
void posix_timer_rearm(struct lx_proc *p, siginfo_t *info);
void itimers_exit(struct lx_proc *p); /* the process's last thread: all timers go; hold no lock */
void posix_timers_delete_all(struct lx_proc *p);
/*
 * Timers on CPU clocks, and RLIMIT_CPU (cpu_timer.c).  arm: something about t's process's timers or
 * limit has changed.  check: on the way out, when p->cpu_check was set.
 */
void cpu_timers_arm(struct lx_thread *t);
void cpu_timers_check(struct lx_thread *t);
void cpu_timers_exit(struct lx_proc *p);
void cpu_timer_fired(struct lx_timer *tm);
/* Has a thread of p check soon. */
void cpu_timers_ask(struct lx_proc *p) REQUIRES(PROC);
/* ns of the clock of ITIMER_VIRTUAL (user) or ITIMER_PROF. */
uint64_t cpu_timer_now(struct lx_thread *t, bool user);
/* posix_timer.c's: ns until the first on a CPU clock expires (UINT64_MAX: none); sends what has expired. */
uint64_t posix_cpu_left(struct lx_thread *t);
void posix_cpu_expire(struct lx_thread *t);
/* Guest times: -EFAULT, -EINVAL. */
long user_timespec_in(struct gva from, uint64_t *ns);
long user_timespec_out(struct gva to, uint64_t ns);
#endif
