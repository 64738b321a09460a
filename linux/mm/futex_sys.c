/* SPDX-License-Identifier: MIT */
/* linux/mm/futex_sys.c - the futex system calls: operations, timeouts, restarts, futex_waitv. */
#include "linux/mm/futex.h"
#include "linux/mm/mm_int.h"
#include "linux/misc/timer.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sig/sig.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"
#include "rt/mem.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#define FUTEX2_U32     2u
#define FUTEX2_PRIVATE 128u

#define NS_PER_SEC 1000000000ull

/* The guest's timespec, NULL = never, in nanoseconds. */
static long time_in(struct gva at, uint64_t *ns)
{
	struct __kernel_timespec ts;

	*ns = DK_FOREVER;
	if (at.va == 0)
		return 0;
	if (copy_in(&ts, at, sizeof ts) != 0)
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || (uint64_t)ts.tv_nsec >= NS_PER_SEC)
		return -EINVAL;
	if ((uint64_t)ts.tv_sec < INT64_MAX / NS_PER_SEC - 1)
		*ns = (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
	return 0;
}

/* To an absolute monotonic deadline; clock < 0: ns is relative. */
static uint64_t deadline_of(int clock, uint64_t ns)
{
	uint64_t sum;

	if (ns == DK_FOREVER)
		return ns;
	if (clock < 0)
		return ADD_OVERFLOW(pico_now(), ns, &sum) ? DK_FOREVER : sum;
	return clock_to_mono(clock, ns);
}

/* A wait with a timeout goes on to the same deadline, unless a handler runs. */
static long wait_or_restart(struct lx_thread *t, uint64_t addr, uint32_t val, uint32_t bits, uint64_t deadline, bool shared)
{
	long ret = futex_wait(t, addr, val, bits, deadline, shared);

	if (ret != -ERESTARTSYS || deadline == DK_FOREVER)
		return ret;
	t->restart.kind = RESTART_FUTEX;
	t->restart.clock = shared;
	t->restart.deadline = deadline;
	t->restart.ptr = (struct gva){ addr };
	t->restart.arg[0] = val;
	t->restart.arg[1] = bits;
	return -ERESTART_RESTARTBLOCK;
}

long futex_restart(struct lx_thread *t)
{
	return wait_or_restart(t, t->restart.ptr.va, (uint32_t)t->restart.arg[0], (uint32_t)t->restart.arg[1], t->restart.deadline,
		t->restart.clock != 0);
}

static bool takes_timeout(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_WAIT_REQUEUE_PI;
}

/* Which clock an absolute timeout of cmd is on; -1: it is relative. */
static int clock_of(int cmd, int op)
{
	if (cmd == FUTEX_WAIT)
		return -1;
	return cmd == FUTEX_LOCK_PI || (op & FUTEX_CLOCK_REALTIME) ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

static int at_least_one(uint32_t val)
{
	return (int)val < 1 ? 1 : (int)val;
}

long lx_sys_futex(struct lx_thread *t, struct gva addr, int op, uint32_t val, uint64_t timeout, struct gva addr2, uint32_t val3)
{
	int cmd = op & FUTEX_CMD_MASK;
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	uint64_t deadline = DK_FOREVER;
	long err;

	if ((op & FUTEX_CLOCK_REALTIME) && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT_REQUEUE_PI && cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	if (takes_timeout(cmd)) {
		err = time_in((struct gva){ timeout }, &deadline);
		if (err != 0)
			return err;
		deadline = deadline_of(clock_of(cmd, op), deadline);
	}
	switch (cmd) {
	case FUTEX_WAIT:
		return wait_or_restart(t, addr.va, val, FUTEX_BITSET_MATCH_ANY, deadline, shared);
	case FUTEX_WAIT_BITSET:
		return val3 == 0 ? -EINVAL : wait_or_restart(t, addr.va, val, val3, deadline, shared);
	case FUTEX_WAKE:
		return futex_wake(t, addr.va, at_least_one(val), FUTEX_BITSET_MATCH_ANY, shared);
	case FUTEX_WAKE_BITSET:
		return val3 == 0 ? -EINVAL : futex_wake(t, addr.va, at_least_one(val), val3, shared);
	case FUTEX_REQUEUE:
		return futex_requeue(t, addr.va, shared, addr2.va, shared, (int)val, (int)timeout, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(t, addr.va, shared, addr2.va, shared, (int)val, (int)timeout, &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(t, addr.va, at_least_one(val), addr2.va, at_least_one((uint32_t)timeout), val3, shared);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(t, addr.va, deadline, false, shared);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(t, addr.va, DK_FOREVER, true, shared);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(t, addr.va, shared);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(t, addr.va, val, FUTEX_BITSET_MATCH_ANY, deadline, addr2.va, shared);
	case FUTEX_CMP_REQUEUE_PI:
		return val != 1 ? -EINVAL : futex_requeue_pi(t, addr.va, addr2.va, (int)timeout, val3, shared);
	default:
		return -ENOSYS;
	}
}

/* ---- The newer calls, one operation each ---- */

static bool flags_ok(uint32_t flags)
{
	return (flags & ~FUTEX2_PRIVATE) == FUTEX2_U32;
}

static long absolute_in(struct gva timeout, int clock, uint64_t *deadline)
{
	long err;

	*deadline = DK_FOREVER;
	if (timeout.va == 0)
		return 0;
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	err = time_in(timeout, deadline);
	if (err == 0)
		*deadline = deadline_of(clock, *deadline);
	return err;
}

long lx_sys_futex_wake(struct lx_thread *t, struct gva addr, uint64_t mask, int count, uint32_t flags)
{
	if (!flags_ok(flags) || mask == 0 || mask > UINT32_MAX)
		return -EINVAL;
	return count < 1 ? 0 : futex_wake(t, addr.va, count, (uint32_t)mask, !(flags & FUTEX2_PRIVATE));
}

long lx_sys_futex_wait(struct lx_thread *t, struct gva addr, uint64_t val, uint64_t mask, uint32_t flags, struct gva timeout, int clock)
{
	uint64_t deadline;
	long err;

	if (!flags_ok(flags) || mask == 0 || mask > UINT32_MAX || val > UINT32_MAX)
		return -EINVAL;
	err = absolute_in(timeout, clock, &deadline);
	return err != 0 ? err : wait_or_restart(t, addr.va, (uint32_t)val, (uint32_t)mask, deadline, !(flags & FUTEX2_PRIVATE));
}

static bool waitv_ok(const struct futex_waitv *v)
{
	return flags_ok(v->flags) && v->__reserved == 0 && v->val <= UINT32_MAX;
}

long lx_sys_futex_requeue(struct lx_thread *t, struct gva waiters, uint32_t flags, int wake, int requeue)
{
	struct futex_waitv v[2];
	uint32_t val;

	if (flags != 0 || waiters.va == 0)
		return -EINVAL;
	if (copy_in(v, waiters, sizeof v) != 0)
		return -EFAULT;
	if (!waitv_ok(&v[0]) || !waitv_ok(&v[1]))
		return -EINVAL;
	val = (uint32_t)v[0].val;
	return futex_requeue(t, v[0].uaddr, !(v[0].flags & FUTEX2_PRIVATE), v[1].uaddr, !(v[1].flags & FUTEX2_PRIVATE), wake, requeue, &val);
}

/* Takes the first n out of their queues: the number of one that was woken, or -1. */
static long waitv_unqueue(struct futex_q *q, uint32_t n)
{
	long woken = -1;

	for (uint32_t i = 0; i < n; i++)
		if (!futex_unqueue(&q[i]) && woken < 0)
			woken = i;
	return woken;
}

static long waitv_queue_one(struct lx_thread *t, struct futex_q *q, const struct futex_waitv *v)
{
	struct futex_key key;
	struct futex_bucket *b;
	uint32_t now;
	long err = futex_key(t, v->uaddr, !(v->flags & FUTEX2_PRIVATE), &key);

	if (err != 0)
		return err;
	b = futex_bucket(&key);
	futex_q_init(q, t, &key, FUTEX_BITSET_MATCH_ANY);
	futex_join(b);
	lock_take(&b->lock);
	if (!uaccess_load32(v->uaddr, &now))
		err = -EFAULT;
	else if (now != (uint32_t)v->val)
		err = -EAGAIN;
	else
		futex_enqueue(b, q);
	if (err != 0)
		futex_leave(b);
	lock_drop(&b->lock);
	return err;
}

static bool any_woken(const struct futex_q *q, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (atomic_load_explicit(&q[i].state, memory_order_acquire) == FUTEX_WOKEN)
			return true;
	return false;
}

static long waitv(struct lx_thread *t, struct gva waiters, uint32_t count, struct futex_q *q, uint64_t deadline)
{
	enum dk_status status = DK_OK;
	struct futex_waitv v;
	long err = 0, woken;
	uint32_t n = 0;

	/* All are checked before the first one is queued. */
	for (uint32_t i = 0; i < count; i++) {
		if (copy_in(&v, gva_add(waiters, i * sizeof v), sizeof v) != 0)
			return -EFAULT;
		if (!waitv_ok(&v))
			return -EINVAL;
	}
	for (; n < count && err == 0; n += err == 0) {
		err = copy_in(&v, gva_add(waiters, n * sizeof v), sizeof v);
		if (err == 0)
			err = waitv_queue_one(t, &q[n], &v);
	}
	while (err == 0 && status == DK_OK && !any_woken(q, n))
		status = pico_wait(deadline, 0);
	woken = waitv_unqueue(q, n);
	if (woken >= 0)
		return woken;
	return err != 0 ? err : lx_wait_err(status);
}

long lx_sys_futex_waitv(struct lx_thread *t, struct gva waiters, uint32_t count, uint32_t flags, struct gva timeout, int clock)
{
	struct futex_q *q;
	uint64_t deadline;
	long ret;

	if (flags != 0 || count == 0 || count > FUTEX_WAITV_MAX || waiters.va == 0)
		return -EINVAL;
	ret = absolute_in(timeout, clock, &deadline);
	if (ret != 0)
		return ret;
	q = arena_alloc(count * sizeof *q);
	if (q == NULL)
		return -ENOMEM;
	memset(q, 0, count * sizeof *q);
	t->waitv = q;
	t->waitv_count = count;
	ret = waitv(t, waiters, count, q, deadline);
	t->waitv_count = 0;
	arena_free(q);
	return ret;
}

/* ---- Robust lists ---- */

long lx_sys_set_robust_list(struct lx_thread *t, struct gva head, uint64_t len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	t->robust_list = head;
	t->robust_len = len;
	return 0;
}

long lx_sys_get_robust_list(struct lx_thread *t, int pid, struct gva head, struct gva len)
{
	struct lx_thread *other;
	uint64_t at = t->robust_list.va;
	long err = 0;

	if (pid != 0) {
		lock_take(&lx_state()->tasklist);
		other = thread_find(pid);
		if (other == NULL)
			err = -ESRCH;
		else if (!ptrace_may_access(t, other, ACCESS_READ))
			err = -EPERM;
		else
			at = other->robust_list.va;
		lock_drop(&lx_state()->tasklist);
	}
	if (err != 0)
		return err;
	if (PUT_USER(len, (uint64_t)sizeof(struct robust_list_head)) != 0)
		return -EFAULT;
	return PUT_USER(head, at);
}
