/* SPDX-License-Identifier: MIT */
/* nt/os/timer.h - timers that kproc runs: only for what must happen though nobody waits for it (APCs of timers). */
#ifndef NT_OS_TIMER_H
#define NT_OS_TIMER_H

#include "rt/base.h"

struct os_timer {
	uint64_t space[12]; /* struct lx_timer */
};
/* owner: arena; ex_timer_fired(owner) is called by kproc, with no lock, when it is due. */
void os_timer_init(struct os_timer *tm, void *owner);
/* deadline: monotonic ns.  Again: only the last counts.  No NT lock is held at any of them. */
void os_timer_arm(struct os_timer *tm, uint64_t deadline);
void os_timer_disarm(struct os_timer *tm); /* ex_timer_fired is not running when it returns */
#endif
