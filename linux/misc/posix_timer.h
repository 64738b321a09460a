/* SPDX-License-Identifier: MIT */
/* linux/misc/posix_timer.h - timers of timer_create, between what fires (posix_timer.c) and the calls (posix_timer_sys.c). */
#ifndef LINUX_MISC_POSIX_TIMER_H
#define LINUX_MISC_POSIX_TIMER_H

#include "linux/misc/timer.h"
#include "linux/sig/internal.h"

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

static inline struct list *posix_timers(struct lx_proc *p) REQUIRES(PROC)
{
	if (!p->timers.next)
		list_init(&p->timers);
	return &p->timers;
}

/* By its number, or NULL. */
struct posix_timer *posix_timer_find(struct lx_proc *p, int id) REQUIRES(PROC);
/* Gives pt a number and puts it among p's timers; false: no memory. */
bool posix_timer_enter(struct lx_proc *p, struct posix_timer *pt) REQUIRES(PROC);
void posix_timer_leave(struct lx_proc *p, struct posix_timer *pt) REQUIRES(PROC);
uint64_t posix_timer_now(const struct posix_timer *pt) REQUIRES(PROC); /* ns, by what it counts with */
/* Frees one that is in no list any more; hold no lock. */
void posix_timer_destroy(struct posix_timer *pt);
#endif
