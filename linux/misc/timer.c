/* SPDX-License-Identifier: MIT */
/*
 * linux/misc/timer.c - the queue of timers that kproc's thread runs.
 *
 * One heap in the arena, by deadline.  Whoever arms a timer that becomes the
 * first kicks kproc; kproc runs what is due without a lock, one at a time, and
 * remembers which in `running`, so that disarming can wait for it.
 */
#include "linux/misc/timer.h"
#include "linux/misc/timer_heap.h"
#include "linux/other.h"
#include "linux/sig/internal.h"

/* A periodic timer shorter than this fires at this pace and counts what it missed. */
#define PACE_NS 50000u
/* How long a sleeper that woke by itself waits for kproc, who runs earlier timers. */
#define SETTLE_NS 20000000u

struct timer_root {
	LOCK(TIMER) lock;
	struct timer_heap queue;
	struct lx_timer *running;
	struct waitq done;
};

static struct timer_root *root(void)
{
	return lx_state()->timer;
}

void timer_boot(void)
{
	struct timer_root *r = arena_alloc(sizeof *r);

	if (!r)
		panic("no memory for the timer queue");
	lock_init(&r->lock, LOCK_TIMER);
	waitq_init(&r->done);
	lx_state()->timer = r;
}

void timer_init(struct lx_timer *tm, enum lx_timer_kind kind, void *owner)
{
	memset(tm, 0, sizeof *tm);
	tm->kind = kind;
	tm->owner = owner;
}

void timer_arm(struct lx_timer *tm, uint64_t deadline, uint64_t interval)
{
	struct timer_root *r = root();
	bool first = false;

	lock_take(&r->lock);
	timer_heap_take(&r->queue, tm);
	tm->deadline = deadline;
	tm->interval = interval;
	if (deadline && deadline != DK_FOREVER) {
		timer_heap_put(&r->queue, tm);
		first = r->queue.first == tm;
	}
	lock_drop(&r->lock);
	if (first) {
		kproc_need();
		kproc_kick();
	}
}

/* True if its action runs now.  It is off the queue then, also if the action armed it again. */
static bool take_off(struct timer_root *r, struct lx_timer *tm)
{
	bool running;

	lock_take(&r->lock);
	timer_heap_take(&r->queue, tm);
	tm->deadline = 0;
	running = r->running == tm;
	lock_drop(&r->lock);
	return running && lx_current() != lx_state()->kthread;
}

void timer_disarm(struct lx_timer *tm)
{
	struct timer_root *r = root();
	struct waiter *w;

	if (!take_off(r, tm))
		return;
	w = waiter_self(PICO_THREAD_WAITERS - 1);
	waitq_add(&r->done, w);
	while (take_off(r, tm))
		(void)pico_wait(DK_FOREVER, DK_WAIT_UNINTERRUPTIBLE);
	waitq_remove(&r->done, w);
}

static void fire(struct lx_timer *tm)
{
	switch (tm->kind) {
	case TIMER_ITIMER_REAL:
		itimer_fired(tm);
		break;
	case TIMER_POSIX:
		posix_timer_fired(tm);
		break;
	case TIMER_TIMERFD:
		timerfd_fired(tm);
		break;
	case TIMER_CPU:
		cpu_timer_fired(tm);
		break;
	case TIMER_URING:
		uring_timer_fired(tm);
		break;
	case TIMER_NT:
		nt_timer_fired(tm->owner);
		break;
	case TIMER_TCP:
		tcp_timer_fired(tm);
		break;
	default:
		break;
	}
}

/* A timerfd with an interval goes on by itself; missed intervals are counted. */
static void next_interval(struct timer_root *r, struct lx_timer *tm, uint64_t now) REQUIRES(TIMER)
{
	uint64_t missed;

	tm->overruns = 0;
	if (tm->kind != TIMER_TIMERFD || !tm->interval) {
		tm->deadline = 0;
		return;
	}
	missed = (now - tm->deadline) / tm->interval;
	tm->overruns = missed;
	tm->deadline += (missed + 1) * tm->interval;
	timer_heap_put(&r->queue, tm);
}

/* Takes one due timer off and marks it running; NULL and *next when none is due. */
static struct lx_timer *take_due(struct timer_root *r, uint64_t now, uint64_t *next)
{
	struct lx_timer *tm = NULL;

	lock_take(&r->lock);
	*next = DK_FOREVER;
	if (r->queue.first) {
		tm = r->queue.first;
		*next = tm->deadline;
		if (tm->deadline > now) {
			tm = NULL;
		} else {
			timer_heap_take(&r->queue, tm);
			next_interval(r, tm, now);
			r->running = tm;
		}
	}
	lock_drop(&r->lock);
	return tm;
}

uint64_t timer_run(uint64_t now)
{
	struct timer_root *r = root();
	struct lx_timer *tm;
	bool ran = false;
	uint64_t next;

	while ((tm = take_due(r, now, &next))) {
		fire(tm);
		ran = true;
		lock_take(&r->lock);
		r->running = NULL;
		lock_drop(&r->lock);
		if (waitq_busy(&r->done))
			waitq_wake_all(&r->done);
	}
	return ran ? MAX(next, now + PACE_NS) : next;
}

static bool due_before(struct timer_root *r, uint64_t deadline)
{
	bool due;

	lock_take(&r->lock);
	due = r->running || (r->queue.first && r->queue.first->deadline <= deadline);
	lock_drop(&r->lock);
	return due;
}

void timer_settle(uint64_t deadline)
{
	struct timer_root *r = root();
	long err;

	if (!due_before(r, deadline))
		return;
	WAIT_EVENT(&r->done, pico_now() + SETTLE_NS, !due_before(r, deadline), err);
	(void)err;
}
