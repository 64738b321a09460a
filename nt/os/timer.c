/* SPDX-License-Identifier: MIT */
/* nt/os/timer.c - on the kernel's queue of timers. */
#include "linux/misc/timer.h"
#include "linux/other.h"
#include "nt/ex/ex.h"
#include "nt/os/timer.h"

_Static_assert(sizeof(struct lx_timer) <= sizeof(struct os_timer), "os_timer");

static struct lx_timer *timer(struct os_timer *tm)
{
	return (struct lx_timer *)tm;
}

void os_timer_init(struct os_timer *tm, void *owner)
{
	timer_init(timer(tm), TIMER_NT, owner);
}

void os_timer_arm(struct os_timer *tm, uint64_t deadline)
{
	timer_arm(timer(tm), deadline, 0);
}

void os_timer_disarm(struct os_timer *tm)
{
	timer_disarm(timer(tm));
}

void nt_timer_fired(void *owner)
{
	ex_timer_fired(owner);
}
