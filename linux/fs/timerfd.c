/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/timerfd.c - timerfd: how often it expired is computed from the clock when
 * somebody asks, so kproc's timer only has to wake who waits.  As in Linux a periodic
 * timer that nobody reads fires once: the next firing is set up by the read.
 */

#include <linux/timerfd.h>

#include "linux/fs/io.h"
#include "linux/misc/cred.h"
#include "linux/misc/timer.h"
#include "syscalls.gen.h"

struct timerfd {
	struct lx_timer timer;
	LOCK(PIPE) lock;   /* of the same rank, never held with one */
	uint64_t next;     /* [lock] monotonic ns of the first expiry nobody has read; 0 = not armed */
	uint64_t interval; /* [lock] */
	int clock;         /* [I] */
	struct waitq wq;
};

/* CLOCK_REALTIME_ALARM and CLOCK_BOOTTIME_ALARM cannot wake a suspended host; they tick like the plain ones. */
static bool clock_ok(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
	       clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

static int base_clock(int clock)
{
	if (clock == CLOCK_REALTIME_ALARM)
		return CLOCK_REALTIME;
	return clock == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME : clock;
}

/* Expiries up to now that were not read. */
static uint64_t expired(const struct timerfd *tf, uint64_t now)
{
	if (tf->next == 0 || now < tf->next)
		return 0;
	return tf->interval == 0 ? 1 : 1 + (now - tf->next) / tf->interval;
}

static uint64_t take_expired(struct timerfd *tf)
{
	uint64_t count;

	lock_take(&tf->lock);
	count = expired(tf, pico_now());
	if (count > 0) {
		tf->next = tf->interval == 0 ? 0 : tf->next + count * tf->interval;
		if (tf->next != 0)
			timer_arm(&tf->timer, tf->next, 0);
	}
	lock_drop(&tf->lock);
	return count;
}

static long timerfd_read(struct lx_thread *t, struct file *f, const struct iov *v, uint64_t *pos)
{
	uint64_t count;
	long err;

	if (v->size < sizeof count)
		return -EINVAL;
	while ((count = take_expired(f->object)) == 0) {
		err = file_wait(t, f, EPOLLIN, DK_FOREVER);
		if (err != 0)
			return err;
	}
	return iov_put(v, 0, &count, sizeof count) == sizeof count ? (long)sizeof count : -EFAULT;
}

static uint32_t timerfd_poll(struct lx_thread *t, struct file *f, struct poll_table *p)
{
	struct timerfd *tf = f->object;
	bool ready;

	poll_wait(p, &tf->wq);
	lock_take(&tf->lock);
	ready = tf->next != 0 && expired(tf, pico_now()) > 0;
	lock_drop(&tf->lock);
	return ready ? EPOLLIN | EPOLLRDNORM : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *tf = f->object;

	if (tf == NULL)
		return;
	timer_disarm(&tf->timer);
	arena_free(tf);
}

void timerfd_fired(struct lx_timer *tm)
{
	struct timerfd *tf = tm->owner;

	(void)waitq_wake(&tf->wq, UINT32_MAX, EPOLLIN | EPOLLRDNORM);
}

const struct file_ops timerfd_file_ops = {
	.name = "timerfd",
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

long lx_sys_timerfd_create(struct lx_thread *t, int clock, int flags)
{
	struct timerfd *tf;
	struct file *f;

	if (!clock_ok(clock) || (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)))
		return -EINVAL;
	if ((clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) && !lx_capable(t, CAP_WAKE_ALARM))
		return -EPERM;
	tf = arena_alloc(sizeof *tf);
	if (tf == NULL)
		return -ENOMEM;
	timer_init(&tf->timer, TIMER_TIMERFD, tf);
	lock_init(&tf->lock, LOCK_PIPE);
	waitq_init(&tf->wq);
	tf->clock = base_clock(clock);
	f = anon_file(FILE_TIMERFD, O_RDWR | (uint32_t)(flags & TFD_NONBLOCK), 0600, tf);
	if (f == NULL) {
		arena_free(tf);
		return -ENOMEM;
	}
	return anon_fd(t, f, flags & TFD_CLOEXEC);
}

struct ktimerspec {
	int64_t interval[2], value[2]; /* seconds, nanoseconds */
};

static bool spec_ok(const int64_t *ts)
{
	return ts[0] >= 0 && ts[1] >= 0 && ts[1] < 1000000000;
}

static uint64_t spec_ns(const int64_t *ts)
{
	const int64_t most = INT64_MAX / 1000000000 - 1;

	return (uint64_t)MIN(ts[0], most) * 1000000000 + (uint64_t)ts[1];
}

static void spec_set(int64_t *ts, uint64_t ns)
{
	ts[0] = (int64_t)(ns / 1000000000);
	ts[1] = (int64_t)(ns % 1000000000);
}

/* What is left; of a periodic timer, until its next expiry. */
static void state_of(struct timerfd *tf, struct ktimerspec *out)
{
	uint64_t now = pico_now(), next, count;

	lock_take(&tf->lock);
	next = tf->next;
	count = expired(tf, now);
	if (count > 0)
		next = tf->interval == 0 ? 0 : next + count * tf->interval;
	spec_set(out->interval, tf->interval);
	lock_drop(&tf->lock);
	spec_set(out->value, next > now ? next - now : 0);
}

static void set_timer(struct timerfd *tf, int flags, const struct ktimerspec *spec)
{
	uint64_t value = spec_ns(spec->value), interval = spec_ns(spec->interval);

	timer_disarm(&tf->timer);
	if (value != 0 && (flags & TFD_TIMER_ABSTIME))
		value = MAX(clock_to_mono(tf->clock, value), 1ull);
	else if (value != 0)
		value += pico_now();
	lock_take(&tf->lock);
	tf->next = value;
	tf->interval = interval;
	if (value != 0)
		timer_arm(&tf->timer, value, 0);
	lock_drop(&tf->lock);
}

long lx_sys_timerfd_settime(struct lx_thread *t, int fd, int flags, struct gva new, struct gva old)
{
	struct ktimerspec spec, before;
	struct file *f;
	long err;

	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (copy_in(&spec, new, sizeof spec) != 0)
		return -EFAULT;
	if (!spec_ok(spec.interval) || !spec_ok(spec.value))
		return -EINVAL;
	f = fd_get_kind(t, fd, FILE_TIMERFD, -EINVAL, &err);
	if (f == NULL)
		return err;
	state_of(f->object, &before);
	set_timer(f->object, flags, &spec);
	file_put(f);
	return old.va != 0 ? copy_out(old, &before, sizeof before) : 0;
}

long lx_sys_timerfd_gettime(struct lx_thread *t, int fd, struct gva value)
{
	struct ktimerspec now;
	struct file *f;
	long err;

	f = fd_get_kind(t, fd, FILE_TIMERFD, -EINVAL, &err);
	if (f == NULL)
		return err;
	state_of(f->object, &now);
	file_put(f);
	return copy_out(value, &now, sizeof now);
}
