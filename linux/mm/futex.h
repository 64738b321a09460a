/* SPDX-License-Identifier: MIT */
/* linux/mm/futex.h - what the futex files share: keys, buckets, queued waiters. */
#ifndef LINUX_MM_FUTEX_H
#define LINUX_MM_FUTEX_H

#include "linux/linux.h"

#define FUTEX_BUCKETS 2048u /* a power of 2; 128 KB of arena, of which pages are used when buckets are */

struct futex_bucket { /* one cache line */
	LOCK(FUTEX) lock;
	struct list queue;
	/* Threads that wait here or are about to: a waker that sees 0 has nobody to wake. */
	_Atomic uint32_t waiters;
	uint32_t ready; /* [a] 0: never used, all zero */
	uint32_t pad[2];
};

/* The root, in the arena: lx_state()->futex. */
struct futex_table {
	_Atomic uint64_t next_mm_id;
	LOCK(FUTEXINIT) making;
	uint64_t pad[3];
	struct futex_bucket bucket[FUTEX_BUCKETS];
};

/*
 * Private: a = the address space's id * 2, b = address.  Shared: a = address of the
 * object (arena) + 1, b = offset in it.
 */
struct futex_key {
	uint64_t a, b;
};

enum futex_state { FUTEX_IDLE, FUTEX_QUEUED, FUTEX_WOKEN };

/* A waiting thread.  In its own pico_thread, over waiters[]: a thread that waits on a futex waits on
   nothing else.  futex_waitv has an array of them in the arena. */
struct futex_q {
	struct list link;                        /* [FUTEX of bucket] */
	struct futex_key key;                    /* [FUTEX of bucket] */
	_Atomic(struct futex_bucket *) bucket;   /* changed by requeue, with both locks */
	struct lx_thread *thread;
	dk_handle event;                         /* the thread's; outlives it harmlessly */
	_Atomic uint32_t state;                  /* enum futex_state */
	uint32_t bits;
	uint32_t pi;                             /* waits to own the word; its waker made it the owner */
	struct futex_key pi_key;                 /* WAIT_REQUEUE_PI: where it may be moved */
};
_Static_assert(sizeof(struct futex_q) <= sizeof(struct waiter) * PICO_THREAD_WAITERS, "fits over the thread's waiters");

/* Events to set once the locks are dropped. */
#define FUTEX_BATCH 32
struct futex_wakes {
	unsigned count;
	dk_handle event[FUTEX_BATCH];
};

static inline struct futex_table *futex_table(void)
{
	return lx_state()->futex;
}
static inline bool futex_key_same(const struct futex_key *x, const struct futex_key *y)
{
	return x->a == y->a && x->b == y->b;
}

uint64_t futex_new_mm_id(void);

/* Sets the guest's word from *word to want; CHANGED: it was not *word, which now has what it was. */
enum futex_cas { FUTEX_CAS_DONE, FUTEX_CAS_CHANGED, FUTEX_CAS_FAULT };
enum futex_cas futex_cas(uint64_t addr, uint32_t *word, uint32_t want);

/* 0, -EINVAL if not aligned, -EFAULT. */
long futex_key(struct lx_thread *t, uint64_t addr, bool shared, struct futex_key *key);
struct futex_bucket *futex_bucket(const struct futex_key *key);

/* A thread is about to look at the word and perhaps wait: before the lock is taken. */
static inline void futex_join(struct futex_bucket *b)
{
	atomic_fetch_add_explicit(&b->waiters, 1, memory_order_seq_cst);
}
static inline void futex_leave(struct futex_bucket *b)
{
	atomic_fetch_sub_explicit(&b->waiters, 1, memory_order_relaxed);
}
struct futex_q *futex_q_self(struct lx_thread *t, const struct futex_key *key, uint32_t bits);
void futex_q_init(struct futex_q *q, struct lx_thread *t, const struct futex_key *key, uint32_t bits);
void futex_enqueue(struct futex_bucket *b, struct futex_q *q) REQUIRES(FUTEX);
/* Takes q out of whatever queue it is in: true; false: it was woken. */
bool futex_unqueue(struct futex_q *q);
/* Removes q, which is in b, and marks it woken; its event goes to w, or is set now if w is full. */
void futex_wake_q(struct futex_bucket *b, struct futex_q *q, struct futex_wakes *w) REQUIRES(FUTEX);
void futex_wakes_done(struct futex_wakes *w);
/* kproc: t died at the host, waiting perhaps. */
void futex_thread_died(struct lx_thread *t);
/* Sleeps until q is woken: 0; -ETIMEDOUT or -ERESTARTSYS and q is queued no more. */
long futex_sleep(struct futex_q *q, uint64_t deadline);

/* The operations, addresses and values from the guest, deadlines absolute and monotonic. */
long futex_wait(struct lx_thread *t, uint64_t addr, uint32_t val, uint32_t bits, uint64_t deadline, bool shared);
long futex_wake(struct lx_thread *t, uint64_t addr, int count, uint32_t bits, bool shared);
long futex_wake_op(struct lx_thread *t, uint64_t addr, int count, uint64_t addr2, int count2, uint32_t op, bool shared);
long futex_requeue(struct lx_thread *t, uint64_t addr, bool shared, uint64_t addr2, bool shared2, int wake, int move, const uint32_t *val);
long futex_lock_pi(struct lx_thread *t, uint64_t addr, uint64_t deadline, bool try, bool shared);
long futex_unlock_pi(struct lx_thread *t, uint64_t addr, bool shared);
long futex_wait_requeue_pi(struct lx_thread *t, uint64_t addr, uint32_t val, uint32_t bits, uint64_t deadline, uint64_t addr2, bool shared);
long futex_requeue_pi(struct lx_thread *t, uint64_t addr, uint64_t addr2, int move, uint32_t val, bool shared);
/* A PI word whose owner is gone goes to the first waiter, if there is one. */
void futex_pi_owner_died(struct lx_thread *t, uint64_t addr);

#endif
