/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/futex.c - waiting on a word of guest memory.
 *
 * A hash table of queues in the arena serves all processes.  A waiter compares the
 * word while it holds its bucket's lock and queues itself before it drops it; a
 * waker changed the word before it takes that lock, so either the waiter sees the
 * new value or the waker finds the waiter: no wake-up is lost.  bucket->waiters
 * counts those who wait or are about to, raised before the lock is taken, so that a
 * wake with nobody there costs a fence and a load.
 *
 * Each waiter sleeps on its thread's own event.  A waker marks it woken under the
 * lock and sets the event after that, by its handle and not by the thread, which
 * may be gone by then; an event that comes late only makes a later wait look twice.
 */
#include "linux/mm/futex.h"
#include "linux/mm/mm_int.h"
#include "linux/sig/sig.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

void futex_boot(void)
{
	struct futex_table *table = arena_alloc_pages(PAGE_UP(sizeof *table) >> PAGE_SHIFT);

	if (table == NULL)
		panic("no memory for the futex table");
	lock_init(&table->making, LOCK_FUTEXINIT);
	lx_state()->futex = table;
}

/* Buckets are made when they are first used: most pages of the table are never touched. */
static void make_bucket(struct futex_bucket *b)
{
	struct futex_table *table = futex_table();

	lock_take(&table->making);
	if (!b->ready) {
		lock_init(&b->lock, LOCK_FUTEX);
		list_init(&b->queue);
		__atomic_store_n(&b->ready, 1, __ATOMIC_RELEASE);
	}
	lock_drop(&table->making);
}

uint64_t futex_new_mm_id(void)
{
	return atomic_fetch_add_explicit(&futex_table()->next_mm_id, 1, memory_order_relaxed) + 1;
}

/* ---- Keys ---- */

/* What address shows if other processes may see it too: false = only this one. */
static bool shared_key(struct mm *mm, uint64_t addr, struct futex_key *key)
{
	struct region *r;
	void *object = NULL;

	mm_lock(mm);
	r = region_find(&mm->tree, addr);
	if (r != NULL && (r->flags & RF_SHARED)) {
		object = r->kind == REGION_FILE ? (void *)region_inode(r) : r->object;
		key->a = (uint64_t)object + 1;
		key->b = r->offset + (addr - r->start);
	}
	mm_unlock(mm);
	return object != NULL;
}

long futex_key(struct lx_thread *t, uint64_t addr, bool shared, struct futex_key *key)
{
	if (addr & 3)
		return -EINVAL;
	if (!guest_range_ok(addr, 4))
		return -EFAULT;
	if (shared && shared_key(t->proc->mm, addr, key))
		return 0;
	key->a = t->proc->mm->id * 2;
	key->b = addr;
	return 0;
}

struct futex_bucket *futex_bucket(const struct futex_key *key)
{
	uint64_t h = (key->a ^ (key->b >> 2)) * 0x9e3779b97f4a7c15ull + key->a;

	struct futex_bucket *b = &futex_table()->bucket[(h ^ h >> 29) >> 8 & (FUTEX_BUCKETS - 1)];

	if (UNLIKELY(!__atomic_load_n(&b->ready, __ATOMIC_ACQUIRE)))
		make_bucket(b);
	return b;
}

/* ---- Queues ---- */

void futex_q_init(struct futex_q *q, struct lx_thread *t, const struct futex_key *key, uint32_t bits)
{
	memset(q, 0, sizeof *q);
	list_init(&q->link);
	q->key = *key;
	q->thread = t;
	q->event = t->pico.event;
	q->bits = bits;
}

struct futex_q *futex_q_self(struct lx_thread *t, const struct futex_key *key, uint32_t bits)
{
	struct futex_q *q = (struct futex_q *)(void *)&t->pico.waiters[0];

	t->pico.waiters_lent = 1;
	futex_q_init(q, t, key, bits);
	return q;
}

/* The caller has raised b->waiters before it took the lock. */
void futex_enqueue(struct futex_bucket *b, struct futex_q *q)
{
	atomic_store_explicit(&q->bucket, b, memory_order_relaxed);
	atomic_store_explicit(&q->state, FUTEX_QUEUED, memory_order_relaxed);
	list_append(&b->queue, &q->link);
}

bool futex_unqueue(struct futex_q *q)
{
	struct futex_bucket *b;
	bool queued;

	for (;;) {
		if (atomic_load_explicit(&q->state, memory_order_acquire) != FUTEX_QUEUED)
			return false;
		b = atomic_load_explicit(&q->bucket, memory_order_acquire);
		lock_take(&b->lock);
		if (b == atomic_load_explicit(&q->bucket, memory_order_relaxed))
			break;
		lock_drop(&b->lock); /* requeued meanwhile */
	}
	queued = atomic_load_explicit(&q->state, memory_order_relaxed) == FUTEX_QUEUED;
	if (queued) {
		list_remove(&q->link);
		atomic_store_explicit(&q->state, FUTEX_IDLE, memory_order_relaxed);
		futex_leave(b);
	}
	lock_drop(&b->lock);
	return queued;
}

void futex_thread_died(struct lx_thread *t)
{
	if (t->pico.waiters_lent)
		(void)futex_unqueue((struct futex_q *)(void *)&t->pico.waiters[0]);
	for (uint32_t i = 0; i < t->waitv_count; i++)
		(void)futex_unqueue(&t->waitv[i]);
}

void futex_wake_q(struct futex_bucket *b, struct futex_q *q, struct futex_wakes *w)
{
	dk_handle event = q->event;

	list_remove(&q->link);
	futex_leave(b);
	/* From here on q may be gone: its thread need not take the lock to see this. */
	atomic_store_explicit(&q->state, FUTEX_WOKEN, memory_order_release);
	if (w->count < FUTEX_BATCH)
		w->event[w->count++] = event;
	else
		(void)DkEventSet(event);
}

void futex_wakes_done(struct futex_wakes *w)
{
	for (unsigned i = 0; i < w->count; i++)
		(void)DkEventSet(w->event[i]);
	w->count = 0;
}

long futex_sleep(struct futex_q *q, uint64_t deadline)
{
	while (atomic_load_explicit(&q->state, memory_order_acquire) != FUTEX_WOKEN) {
		enum dk_status status = pico_wait(deadline, 0);

		if (status == DK_OK)
			continue;
		return futex_unqueue(q) ? lx_wait_err(status) : 0;
	}
	return 0;
}

enum futex_cas futex_cas(uint64_t addr, uint32_t *word, uint32_t want)
{
	uint32_t seen = *word;

	if (!uaccess_cmpxchg32(addr, &seen, want))
		return FUTEX_CAS_FAULT;
	if (seen == *word)
		return FUTEX_CAS_DONE;
	*word = seen;
	return FUTEX_CAS_CHANGED;
}

/* ---- Wait and wake ---- */

long futex_wait(struct lx_thread *t, uint64_t addr, uint32_t val, uint32_t bits, uint64_t deadline, bool shared)
{
	struct futex_key key;
	struct futex_bucket *b;
	struct futex_q *q;
	uint32_t now;
	long err = futex_key(t, addr, shared, &key);

	if (err != 0)
		return err;
	b = futex_bucket(&key);
	q = futex_q_self(t, &key, bits);
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
	return err != 0 ? err : futex_sleep(q, deadline);
}

long futex_wake(struct lx_thread *t, uint64_t addr, int count, uint32_t bits, bool shared)
{
	struct futex_wakes wakes;
	struct futex_key key;
	struct futex_bucket *b;
	uint32_t now;
	long woken = 0, err = futex_key(t, addr, shared, &key);

	if (err != 0)
		return err;
	b = futex_bucket(&key);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&b->waiters, memory_order_relaxed) == 0)
		return shared && !uaccess_load32(addr, &now) ? -EFAULT : 0;
	wakes.count = 0;
	lock_take(&b->lock);
	LIST_FOR_SAFE(q, next, &b->queue, struct futex_q, link) {
		if (!futex_key_same(&q->key, &key) || (q->bits & bits) == 0)
			continue;
		/* Those wait for a lock or to be requeued: FUTEX_WAKE is the wrong call. */
		if (q->pi || q->pi_key.a != 0) {
			err = -EINVAL;
			break;
		}
		futex_wake_q(b, q, &wakes);
		if (++woken >= count)
			break;
	}
	lock_drop(&b->lock);
	futex_wakes_done(&wakes);
	return woken != 0 ? woken : err;
}

long futex_wake_addr(struct lx_thread *t, uint64_t addr, int count, bool shared)
{
	return futex_wake(t, addr, count, FUTEX_BITSET_MATCH_ANY, shared);
}

/* ---- Robust lists ---- */

#define ROBUST_MAX 2048 /* as Linux: the list may be a loop */

/* The word of a lock that t held, or (pending) was about to take or give up. */
static void owner_died(struct lx_thread *t, uint64_t addr, bool pi, bool pending)
{
	uint32_t word, want;
	enum futex_cas done;

	if (pi) {
		futex_pi_owner_died(t, addr);
		return;
	}
	if (!uaccess_load32(addr, &word))
		return;
	do {
		if (pending && word == 0) {
			/* It had given the lock up but not yet woken anybody. */
			(void)futex_wake(t, addr, 1, FUTEX_BITSET_MATCH_ANY, true);
			return;
		}
		if ((word & FUTEX_TID_MASK) != (uint32_t)t->vtid)
			return;
		want = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		done = futex_cas(addr, &word, want);
	} while (done == FUTEX_CAS_CHANGED);
	if (done == FUTEX_CAS_DONE && (want & FUTEX_WAITERS))
		(void)futex_wake(t, addr, 1, FUTEX_BITSET_MATCH_ANY, true);
}

void futex_exit_robust(struct lx_thread *t)
{
	uint64_t head = t->robust_list.va, entry, pending;
	int64_t offset;

	if (head == 0 || !uaccess_load64(head, &entry) || !uaccess_load64(head + 8, (uint64_t *)&offset) || !uaccess_load64(head + 16, &pending))
		return;
	t->robust_list = GVA_NULL;
	for (unsigned n = 0; (entry & ~1ull) != head && n < ROBUST_MAX; n++) {
		uint64_t next;
		bool more = uaccess_load64(entry & ~1ull, &next);

		if ((entry & ~1ull) != (pending & ~1ull))
			owner_died(t, (entry & ~1ull) + (uint64_t)offset, entry & 1, false);
		if (!more)
			break;
		entry = next;
	}
	if ((pending & ~1ull) != 0)
		owner_died(t, (pending & ~1ull) + (uint64_t)offset, pending & 1, true);
}
