/* SPDX-License-Identifier: MIT */
/*
 * monitor/baton.c - who is the loop thread, while that makes a change of the host's files.
 *
 * A name made, removed or renamed takes the host a few microseconds; to hand that to a worker and take it back took
 * ten times as long.  So the loop thread does it, though it may have to wait for a disk.  Others do not
 * wait with it: a second thread watches, and when the first has been away for WATCH_NS to twice that, takes its place,
 * and with it all that is the loop thread's.  The first, when it comes back, leaves what it did as a worker does,
 * and watches in turn.  Who has no watcher gives such jobs to the workers.
 *
 * The baton is one word, turn: even while the loop thread is in, odd while it is away.  Both sides go on by exchanging
 * the odd value for the next even one, and one of them wins.  A watcher with nothing to see sleeps; it says so in asleep
 * before it looks at turn for the last time, and who leaves changes turn before he looks at asleep.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor.h"

#define WATCH_NS 1000000
#define QUIET    20            /* looks at nothing before the watcher sleeps */
#define STACK    (512u * 1024) /* the loop thread's work is done on it */

static atomic_uint turn;
static atomic_uint asleep;
static atomic_bool watched;
static bool made; /* loop thread */

static void futex_wait(atomic_uint *word, unsigned value, const struct timespec *most)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, most, NULL, 0);
}

static void sleep_until_left(unsigned seen)
{
	atomic_store(&asleep, 1);
	if (atomic_load(&turn) == seen)
		futex_wait(&asleep, 1, NULL);
	atomic_store(&asleep, 0);
}

/* Returns when the caller is the loop thread. */
static void watch(void)
{
	static atomic_uint never;
	const struct timespec pause = { .tv_nsec = WATCH_NS };
	unsigned seen = atomic_load(&turn), quiet = 0;

	atomic_store(&watched, true);
	for (;;) {
		unsigned now;

		if (quiet >= QUIET) {
			sleep_until_left(seen);
			quiet = 0;
		}
		futex_wait(&never, 0, &pause);
		now = atomic_load(&turn);
		quiet = now == seen ? quiet + 1 : 0;
		seen = now;
		if (quiet > 0 && now % 2 == 1 && atomic_compare_exchange_strong(&turn, &now, now + 1))
			break;
	}
	atomic_store(&watched, false);
}

void baton_lost(struct job *j)
{
	worker_return(j);
	watch();
}

static void *begin(void *arg)
{
	watch();
	loop_run();
	return arg;
}

bool baton_may_leave(void)
{
	if (!made) {
		made = true;
		if (worker_thread(begin, STACK))
			while (!atomic_load(&watched))
				futex_wait(&turn, atomic_load(&turn), &(struct timespec){ .tv_nsec = 50000 });
	}
	return atomic_load(&watched);
}

bool baton_work(struct job *j)
{
	unsigned away = atomic_fetch_add(&turn, 1) + 1;

	if (atomic_exchange(&asleep, 0) != 0)
		syscall(SYS_futex, &asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	j->work(j, false);
	return atomic_compare_exchange_strong(&turn, &away, away + 1);
}
