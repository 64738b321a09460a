/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/futex_requeue.c - FUTEX_REQUEUE, CMP_REQUEUE and WAKE_OP, which work on
 * two queues, and futex_waitv, which waits in many.
 */
#include "linux/mm/futex.h"
#include "linux/mm/mm_int.h"
#include "pico/uaccess.h"

static void move_q(struct futex_bucket *from, struct futex_bucket *to, struct futex_q *q, const struct futex_key *key)
{
	q->key = *key;
	if (from == to)
		return;
	list_remove(&q->link);
	list_append(&to->queue, &q->link);
	futex_join(to);
	atomic_store_explicit(&q->bucket, to, memory_order_release);
	futex_leave(from);
}

/* Wakes the first of those that wait at key, moves the next ones: how many both. */
static long wake_and_move(struct futex_bucket *from, struct futex_bucket *to, const struct futex_key *key, const struct futex_key *key2,
	int wake, int move, struct futex_wakes *wakes) REQUIRES(FUTEX)
{
	long n = 0;

	LIST_FOR_SAFE(q, next, &from->queue, struct futex_q, link) {
		if (!futex_key_same(&q->key, key))
			continue;
		if (q->pi || q->pi_key.a != 0)
			return -EINVAL;
		if (n < wake) {
			futex_wake_q(from, q, wakes);
		} else if (n - wake < move) {
			/* Moved behind itself in the same list it would be met again. */
			if (!futex_key_same(key, key2))
				move_q(from, to, q, key2);
		} else {
			break;
		}
		n++;
	}
	return n;
}

long futex_requeue(struct lx_thread *t, uint64_t addr, bool shared, uint64_t addr2, bool shared2, int wake, int move, const uint32_t *val)
{
	struct futex_wakes wakes = { .count = 0 };
	struct futex_bucket *b, *b2;
	struct futex_key key, key2;
	uint32_t now;
	long ret;

	if (wake < 0 || move < 0)
		return -EINVAL;
	ret = futex_key(t, addr, shared, &key);
	if (ret == 0)
		ret = futex_key(t, addr2, shared2, &key2);
	if (ret == 0 && shared2 && !uaccess_load32(addr2, &now))
		ret = -EFAULT;
	if (ret != 0)
		return ret;
	b = futex_bucket(&key);
	b2 = futex_bucket(&key2);
	lock_take2(&b->lock, &b2->lock);
	if (val != NULL && !uaccess_load32(addr, &now))
		ret = -EFAULT;
	else if (val != NULL && now != *val)
		ret = -EAGAIN;
	else
		ret = wake_and_move(b, b2, &key, &key2, wake, move, &wakes);
	lock_drop2(&b->lock, &b2->lock);
	futex_wakes_done(&wakes);
	return ret;
}

/* ---- WAKE_OP ---- */

static int32_t sign12(uint32_t x)
{
	return (int32_t)(x << 20) >> 20;
}

/* Changes the word at addr as op says; *result: whether the comparison with the old value holds. */
static long change_word(uint64_t addr, uint32_t op, bool *result)
{
	uint32_t kind = op >> 28 & 7, cmp = op >> 24 & 15, old, new;
	int32_t arg = sign12(op >> 12 & 0xfff), cmparg = sign12(op & 0xfff);
	enum futex_cas done;

	if (op >> 31)
		arg = (int32_t)(1u << (arg & 31));
	if (!uaccess_load32(addr, &old))
		return -EFAULT;
	do {
		switch (kind) {
		case FUTEX_OP_SET: new = (uint32_t)arg; break;
		case FUTEX_OP_ADD: new = old + (uint32_t)arg; break;
		case FUTEX_OP_OR: new = old | (uint32_t)arg; break;
		case FUTEX_OP_ANDN: new = old & ~(uint32_t)arg; break;
		case FUTEX_OP_XOR: new = old ^ (uint32_t)arg; break;
		default: return -ENOSYS;
		}
		done = futex_cas(addr, &old, new);
	} while (done == FUTEX_CAS_CHANGED);
	if (done == FUTEX_CAS_FAULT)
		return -EFAULT;
	switch (cmp) {
	case FUTEX_OP_CMP_EQ: *result = (int32_t)old == cmparg; return 0;
	case FUTEX_OP_CMP_NE: *result = (int32_t)old != cmparg; return 0;
	case FUTEX_OP_CMP_LT: *result = (int32_t)old < cmparg; return 0;
	case FUTEX_OP_CMP_LE: *result = (int32_t)old <= cmparg; return 0;
	case FUTEX_OP_CMP_GT: *result = (int32_t)old > cmparg; return 0;
	case FUTEX_OP_CMP_GE: *result = (int32_t)old >= cmparg; return 0;
	default: return -ENOSYS;
	}
}

static long wake_some(struct futex_bucket *b, const struct futex_key *key, int count, struct futex_wakes *wakes) REQUIRES(FUTEX)
{
	long n = 0;

	LIST_FOR_SAFE(q, next, &b->queue, struct futex_q, link) {
		if (!futex_key_same(&q->key, key))
			continue;
		if (q->pi || q->pi_key.a != 0)
			return -EINVAL;
		futex_wake_q(b, q, wakes);
		if (++n >= count)
			break;
	}
	return n;
}

long futex_wake_op(struct lx_thread *t, uint64_t addr, int count, uint64_t addr2, int count2, uint32_t op, bool shared)
{
	struct futex_wakes wakes = { .count = 0 };
	struct futex_bucket *b, *b2;
	struct futex_key key, key2;
	bool second = false;
	long n2, ret = futex_key(t, addr, shared, &key);

	if (ret == 0)
		ret = futex_key(t, addr2, shared, &key2);
	if (ret != 0)
		return ret;
	b = futex_bucket(&key);
	b2 = futex_bucket(&key2);
	lock_take2(&b->lock, &b2->lock);
	ret = change_word(addr2, op, &second);
	if (ret == 0)
		ret = wake_some(b, &key, count, &wakes);
	if (ret >= 0 && second) {
		n2 = wake_some(b2, &key2, count2, &wakes);
		ret = n2 < 0 ? n2 : ret + n2;
	}
	lock_drop2(&b->lock, &b2->lock);
	futex_wakes_done(&wakes);
	return ret;
}
