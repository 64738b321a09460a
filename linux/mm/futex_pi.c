/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/futex_pi.c - futexes that have an owner: LOCK_PI and its family.
 *
 * The word holds the owner's tid.  Whoever gives the lock up in the kernel makes the
 * first waiter the owner, by writing its tid into the word under the bucket's
 * lock, and wakes it; so a waiter that is woken owns the lock.  Priorities are not
 * inherited: threads here all have the host's ordinary scheduling.
 */
#include "linux/mm/futex.h"
#include "linux/mm/mm_int.h"
#include "linux/proc/proc.h"
#include "pico/uaccess.h"

static struct futex_q *first_waiter(struct futex_bucket *b, const struct futex_key *key, const struct futex_q *behind)
{
	bool seen = behind == NULL;

	LIST_FOR(q, &b->queue, struct futex_q, link) {
		if (seen && futex_key_same(&q->key, key))
			return q;
		seen = seen || q == behind;
	}
	return NULL;
}

/* Sets WAITERS in an owned word, or takes a free one for tid: 1 = taken, 0 = owned by another. */
static long take_or_mark(uint64_t addr, int tid, bool waiters, bool try)
{
	uint32_t word, want;
	enum futex_cas done;

	if (!uaccess_load32(addr, &word))
		return -EFAULT;
	do {
		uint32_t owner = word & FUTEX_TID_MASK;

		if (owner == (uint32_t)tid)
			return -EDEADLK;
		if (owner != 0 && try)
			return -EAGAIN;
		if (owner == 0)
			want = (uint32_t)tid | (word & FUTEX_OWNER_DIED) | (waiters ? FUTEX_WAITERS : 0);
		else
			want = word | FUTEX_WAITERS;
		done = want == word ? FUTEX_CAS_DONE : futex_cas(addr, &word, want);
	} while (done == FUTEX_CAS_CHANGED);
	if (done == FUTEX_CAS_FAULT)
		return -EFAULT;
	return (want & FUTEX_TID_MASK) == (uint32_t)tid;
}

/* TASKLIST is outside the bucket locks, so this comes first; the owner may still end meanwhile. */
static bool owner_exists(uint64_t addr)
{
	uint32_t word;
	bool found;

	if (!uaccess_load32(addr, &word) || (word & FUTEX_TID_MASK) == 0)
		return true;
	lock_take(&lx_state()->tasklist);
	found = thread_find((int)(word & FUTEX_TID_MASK)) != NULL;
	lock_drop(&lx_state()->tasklist);
	return found;
}

static long restartable(long err)
{
	return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

long futex_lock_pi(struct lx_thread *t, uint64_t addr, uint64_t deadline, bool try, bool shared)
{
	struct futex_key key;
	struct futex_bucket *b;
	struct futex_q *q;
	long ret = futex_key(t, addr, shared, &key);

	if (ret != 0)
		return ret;
	if (!owner_exists(addr))
		return -ESRCH;
	b = futex_bucket(&key);
	q = futex_q_self(t, &key, FUTEX_BITSET_MATCH_ANY);
	q->pi = 1;
	futex_join(b);
	lock_take(&b->lock);
	ret = take_or_mark(addr, t->vtid, first_waiter(b, &key, NULL) != NULL, try);
	if (ret == 0)
		futex_enqueue(b, q);
	else
		futex_leave(b);
	lock_drop(&b->lock);
	if (ret != 0)
		return ret > 0 ? 0 : ret;
	return restartable(futex_sleep(q, deadline));
}

/* Gives the word, which t owns, to the first waiter or to nobody.  extra: OWNER_DIED or 0. */
static long hand_over(struct futex_bucket *b, const struct futex_key *key, uint64_t addr, int tid, uint32_t extra, struct futex_wakes *wakes) REQUIRES(FUTEX)
{
	struct futex_q *q = first_waiter(b, key, NULL);
	uint32_t word, want = extra;
	enum futex_cas done;

	if (q != NULL && !q->pi)
		return -EINVAL;
	if (q != NULL)
		want |= (uint32_t)q->thread->vtid | (first_waiter(b, key, q) != NULL ? FUTEX_WAITERS : 0);
	if (!uaccess_load32(addr, &word))
		return -EFAULT;
	do {
		if ((word & FUTEX_TID_MASK) != (uint32_t)tid)
			return -EPERM;
		done = futex_cas(addr, &word, want);
	} while (done == FUTEX_CAS_CHANGED);
	if (done == FUTEX_CAS_FAULT)
		return -EFAULT;
	if (q != NULL)
		futex_wake_q(b, q, wakes);
	return 0;
}

static long release_pi(struct lx_thread *t, uint64_t addr, bool shared, uint32_t extra)
{
	struct futex_wakes wakes = { .count = 0 };
	struct futex_bucket *b;
	struct futex_key key;
	long err = futex_key(t, addr, shared, &key);

	if (err != 0)
		return err;
	b = futex_bucket(&key);
	lock_take(&b->lock);
	err = hand_over(b, &key, addr, t->vtid, extra, &wakes);
	lock_drop(&b->lock);
	futex_wakes_done(&wakes);
	return err;
}

long futex_unlock_pi(struct lx_thread *t, uint64_t addr, bool shared)
{
	return release_pi(t, addr, shared, 0);
}

void futex_pi_owner_died(struct lx_thread *t, uint64_t addr)
{
	(void)release_pi(t, addr, true, FUTEX_OWNER_DIED);
}

/* ---- Condition variables: wait on one word, be moved to a lock ---- */

long futex_wait_requeue_pi(struct lx_thread *t, uint64_t addr, uint32_t val, uint32_t bits, uint64_t deadline, uint64_t addr2, bool shared)
{
	struct futex_key key, key2;
	struct futex_bucket *b;
	struct futex_q *q;
	uint32_t now;
	long err = futex_key(t, addr, shared, &key);

	if (err == 0)
		err = futex_key(t, addr2, shared, &key2);
	if (err == 0 && (addr == addr2 || bits == 0))
		err = -EINVAL;
	if (err != 0)
		return err;
	b = futex_bucket(&key);
	q = futex_q_self(t, &key, bits);
	q->pi_key = key2;
	futex_join(b);
	lock_take(&b->lock);
	if (!uaccess_load32(addr, &now))
		err = -EFAULT;
	else if (now != val)
		err = -EAGAIN;
	else
		futex_enqueue(b, q);
	if (err != 0)
		futex_leave(b);
	lock_drop(&b->lock);
	if (err == 0)
		err = futex_sleep(q, deadline);
	if (err == -ERESTARTSYS)
		err = q->pi ? -EAGAIN : -ERESTARTNOINTR;
	return err;
}

/* Makes q the owner of the word at addr2 and wakes it, or moves it to wait there. */
static long promote(struct futex_bucket *b, struct futex_bucket *b2, struct futex_q *q, uint64_t addr2, struct futex_wakes *wakes) REQUIRES(FUTEX)
{
	struct futex_key key2 = q->pi_key;
	long ret = take_or_mark(addr2, q->thread->vtid, true, false);

	if (ret < 0)
		return ret;
	q->pi = 1;
	q->pi_key = (struct futex_key){ 0 };
	if (ret > 0) {
		futex_wake_q(b, q, wakes);
		return 0;
	}
	q->key = key2;
	list_remove(&q->link);
	list_append(&b2->queue, &q->link);
	futex_join(b2);
	atomic_store_explicit(&q->bucket, b2, memory_order_release);
	futex_leave(b);
	return 0;
}

static long promote_all(struct futex_bucket *b, struct futex_bucket *b2, const struct futex_key *key, const struct futex_key *key2,
	uint64_t addr2, int most, struct futex_wakes *wakes) REQUIRES(FUTEX)
{
	long n = 0;

	LIST_FOR_SAFE(q, next, &b->queue, struct futex_q, link) {
		long err;

		if (!futex_key_same(&q->key, key))
			continue;
		if (n >= most)
			break;
		if (!futex_key_same(&q->pi_key, key2))
			return -EINVAL;
		err = promote(b, b2, q, addr2, wakes);
		if (err != 0)
			return n != 0 ? n : err;
		n++;
	}
	return n;
}

long futex_requeue_pi(struct lx_thread *t, uint64_t addr, uint64_t addr2, int move, uint32_t val, bool shared)
{
	struct futex_wakes wakes = { .count = 0 };
	struct futex_bucket *b, *b2;
	struct futex_key key, key2;
	uint32_t now;
	long ret = futex_key(t, addr, shared, &key);

	if (ret == 0)
		ret = futex_key(t, addr2, shared, &key2);
	if (ret == 0 && (move < 0 || addr == addr2))
		ret = -EINVAL;
	if (ret != 0)
		return ret;
	b = futex_bucket(&key);
	b2 = futex_bucket(&key2);
	lock_take2(&b->lock, &b2->lock);
	if (!uaccess_load32(addr, &now))
		ret = -EFAULT;
	else if (now != val)
		ret = -EAGAIN;
	else
		ret = promote_all(b, b2, &key, &key2, addr2, move == INT32_MAX ? move : move + 1, &wakes);
	lock_drop2(&b->lock, &b2->lock);
	futex_wakes_done(&wakes);
	return ret;
}
