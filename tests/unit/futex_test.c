/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/futex_test.c - linux/mm's futexes with real threads: a wake-up that is lost
 * hangs the test (the runner's time limit tells), a lock given to two breaks a count.
 */
#include <stdlib.h>

#include "linux/misc/timer.h"
#include "linux/mm/futex.h"
#include "linux/mm/mm_int.h"
#include "linux/proc/proc.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"
#include "tests/unit/t.h"

#define THREADS 6

long syscall(long nr, ...);
int pthread_create(unsigned long *id, const void *attr, void *(*fn)(void *), void *arg);
int pthread_join(unsigned long id, void **result);
int sched_yield(void);

/* ---- What futexes stand on ---- */

static struct lx_state state;
static struct lx_proc proc;
static struct mm mm;
static struct lx_thread threads[THREADS + 1];
static struct dk_tb tbs[THREADS + 1];
static _Atomic uint32_t events[THREADS + 1]; /* latched: 1 = set */
static _Atomic uint32_t interrupted[THREADS + 1];

static enum dk_status event_set(dk_handle h)
{
	atomic_store(&events[h], 1);
	syscall(202, &events[h], 129 /* WAKE, private */, 1, 0, 0, 0);
	return DK_OK;
}
static enum dk_status random_bits(void *buf, uint64_t size)
{
	return DK_NOT_SUPPORTED;
}
static const struct dk_table table = { .EventSet = event_set, .RandomBitsRead = random_bits };
const struct dk_table *dk = &table;

static uint64_t now_ns(void)
{
	struct { long s, ns; } ts;

	syscall(228 /* clock_gettime */, 1, &ts);
	return (uint64_t)ts.s * 1000000000ull + (uint64_t)ts.ns;
}
uint64_t pico_now(void) { return now_ns(); }
uint64_t clock_to_mono(int clock, uint64_t ns) { return ns; }

enum dk_status pico_wait(uint64_t deadline, uint32_t flags)
{
	dk_handle h = pico_current()->event;
	struct { long s, ns; } ts = { (long)(deadline / 1000000000), (long)(deadline % 1000000000) };

	for (;;) {
		if (atomic_exchange(&events[h], 0) == 1)
			return DK_OK;
		if (atomic_exchange(&interrupted[h], 0) == 1)
			return DK_INTERRUPTED;
		if (now_ns() >= deadline)
			return DK_TIMEOUT;
		syscall(202, &events[h], 137 /* WAIT_BITSET, private */, 0, deadline == DK_FOREVER ? NULL : (void *)&ts, 0, -1);
	}
}
long lx_wait_err(enum dk_status s) { return s == DK_TIMEOUT ? -ETIMEDOUT : -ERESTARTSYS; }
void lock_init(struct lock *l, enum lock_class_id class) { *l = (struct lock){ .class = class }; }
void lock_take(struct lock *l)
{
	while (atomic_exchange_explicit(&l->word, 1, memory_order_acquire) != 0)
		sched_yield();
}
void lock_drop(struct lock *l) { atomic_store_explicit(&l->word, 0, memory_order_release); }
void lock_take2(struct lock *a, struct lock *b)
{
	lock_take(a < b ? a : b);
	if (a != b)
		lock_take(a < b ? b : a);
}
void lock_drop2(struct lock *a, struct lock *b)
{
	lock_drop(a);
	if (a != b)
		lock_drop(b);
}
void *arena_alloc(size_t size) { return calloc(1, size); }
void *arena_alloc_pages(size_t n) { return calloc(n, PAGE_SIZE); }
void arena_free(void *p) { free(p); }
void mm_lock(struct mm *m) { lock_take(&m->lock); }
void mm_unlock(struct mm *m) { lock_drop(&m->lock); }
struct inode *region_inode(const struct region *r) { return NULL; }
bool ptrace_may_access(const struct lx_thread *t, const struct lx_thread *o, unsigned how) { return true; }
struct lx_thread *thread_find(int tid) { return tid > 0 && tid <= THREADS ? &threads[tid] : NULL; }
void panic(const char *format, ...) { abort(); }
bool guest_range_ok(uint64_t addr, uint64_t size) { return addr >= 4096; }
int copy_in(void *dst, struct gva src, uint64_t size) { memcpy(dst, (void *)src.va, size); return 0; }
int copy_out(struct gva dst, const void *src, uint64_t size) { memcpy((void *)dst.va, src, size); return 0; }
bool uaccess_load32(uint64_t addr, uint32_t *v)
{
	if (addr < 8192)
		return false;
	*v = atomic_load((_Atomic uint32_t *)addr);
	return true;
}
bool uaccess_load64(uint64_t addr, uint64_t *v) { *v = atomic_load((_Atomic uint64_t *)addr); return true; }
bool uaccess_cmpxchg32(uint64_t addr, uint32_t *e, uint32_t d)
{
	(void)atomic_compare_exchange_strong((_Atomic uint32_t *)addr, e, d);
	return true;
}

static void become(unsigned n)
{
	tbs[n].self = &tbs[n];
	tbs[n].libos = &threads[n];
	threads[n].proc = &proc;
	threads[n].tid = threads[n].vtid = (int)n;
	threads[n].pico.event = n;
	syscall(158 /* arch_prctl */, 0x1001 /* ARCH_SET_GS */, &tbs[n]);
}

#define PRIVATE FUTEX_PRIVATE_FLAG
static long futex(_Atomic uint32_t *word, int op, uint32_t val, uint64_t timeout, _Atomic uint32_t *word2, uint32_t val3)
{
	return lx_sys_futex(lx_current(), (struct gva){ (uint64_t)word }, op, val, timeout, (struct gva){ (uint64_t)word2 }, val3);
}

static void run(void *(*fn)(void *), unsigned n)
{
	unsigned long id[THREADS];

	for (unsigned i = 0; i < n; i++)
		pthread_create(&id[i], NULL, fn, (void *)(uintptr_t)(i + 1));
	for (unsigned i = 0; i < n; i++)
		pthread_join(id[i], NULL);
}

/* ---- Ping-pong ---- */

#define ROUNDS 20000u
static _Atomic uint32_t ball;

static void *ping_pong(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg - 1, now;

	become(me + 1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		while ((now = atomic_load(&ball)) % 2 != me)
			(void)futex(&ball, FUTEX_WAIT | PRIVATE, now, 0, NULL, 0);
		atomic_fetch_add(&ball, 1);
		(void)futex(&ball, FUTEX_WAKE | PRIVATE, 1, 0, NULL, 0);
	}
	return NULL;
}

/* ---- A mutex, and a condition variable by CMP_REQUEUE ---- */

static _Atomic uint32_t mutex, seq;
static uint64_t counter, turns[THREADS + 1];

static void mutex_take(void)
{
	uint32_t c = 0;

	if (atomic_compare_exchange_strong(&mutex, &c, 1))
		return;
	if (c != 2)
		c = atomic_exchange(&mutex, 2);
	while (c != 0) {
		(void)futex(&mutex, FUTEX_WAIT | PRIVATE, 2, 0, NULL, 0);
		c = atomic_exchange(&mutex, 2);
	}
}

static void mutex_drop(void)
{
	if (atomic_exchange(&mutex, 0) == 2)
		(void)futex(&mutex, FUTEX_WAKE | PRIVATE, 1, 0, NULL, 0);
}

static void *mutex_count(void *arg)
{
	become((unsigned)(uintptr_t)arg);
	for (unsigned i = 0; i < ROUNDS; i++) {
		mutex_take();
		counter++;
		mutex_drop();
	}
	return NULL;
}

/* Each thread waits for its turn; all are moved to the mutex at each change. */
static uint64_t turn;
static void *cond_turns(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg - 1;

	become(me + 1);
	for (unsigned i = 0; i < ROUNDS / 20; i++) {
		mutex_take();
		while (turn % THREADS != me) {
			uint32_t s = atomic_load(&seq);

			mutex_drop();
			(void)futex(&seq, FUTEX_WAIT | PRIVATE, s, 0, NULL, 0);
			/* As a moved waiter it must think that others wait too. */
			while (atomic_exchange(&mutex, 2) != 0)
				(void)futex(&mutex, FUTEX_WAIT | PRIVATE, 2, 0, NULL, 0);
		}
		turn++;
		turns[me + 1]++;
		atomic_fetch_add(&seq, 1);
		while (futex(&seq, FUTEX_CMP_REQUEUE | PRIVATE, 1, INT32_MAX, &mutex, atomic_load(&seq)) == -EAGAIN)
			;
		mutex_drop();
	}
	return NULL;
}

/* ---- PI ---- */

static _Atomic uint32_t pi;
static _Atomic unsigned pi_bad;

static void *pi_count(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	become(me);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t none = 0;

		if (!atomic_compare_exchange_strong(&pi, &none, me) && futex(&pi, FUTEX_LOCK_PI | PRIVATE, 0, 0, NULL, 0) != 0)
			atomic_fetch_add(&pi_bad, 1);
		if ((atomic_load(&pi) & FUTEX_TID_MASK) != me)
			atomic_fetch_add(&pi_bad, 1);
		counter++;
		none = me;
		if (!atomic_compare_exchange_strong(&pi, &none, 0) && futex(&pi, FUTEX_UNLOCK_PI | PRIVATE, 0, 0, NULL, 0) != 0)
			atomic_fetch_add(&pi_bad, 1);
	}
	return NULL;
}

/* ---- Timeouts against wakes: each wake that says it woke somebody must have ---- */

static _Atomic uint32_t word, stop;
static _Atomic uint64_t woken, told;

static void *short_waits(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	become(me);
	if (me == 1) {
		for (unsigned i = 0; i < ROUNDS; i++)
			atomic_fetch_add(&told, (uint64_t)futex(&word, FUTEX_WAKE | PRIVATE, 1 + i % 3, 0, NULL, 0));
		atomic_store(&stop, 1);
		return NULL;
	}
	while (atomic_load(&stop) == 0)
		if (futex_wait(lx_current(), (uint64_t)&word, 0, ~0u, now_ns() + (uint64_t)rand() % 50000, false) == 0)
			atomic_fetch_add(&woken, 1);
	return NULL;
}

/* ---- waitv ---- */

static _Atomic uint32_t many[16];
static _Atomic uint32_t taken;

static void *waitv_take(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	struct futex_waitv v[16];

	become(me);
	if (me == 1) {
		for (unsigned i = 0; i < 2000; i++) {
			uint32_t before = atomic_load(&taken);

			atomic_fetch_add(&many[i % 16], 1);
			(void)lx_sys_futex_wake(lx_current(), (struct gva){ (uint64_t)&many[i % 16] }, ~0u, 1, 2 | 128);
			while (atomic_load(&taken) == before)
				sched_yield();
		}
		return NULL;
	}
	for (uint32_t sum = 0; sum < 2000;) {
		uint32_t now = 0;

		for (unsigned i = 0; i < 16; i++) {
			v[i] = (struct futex_waitv){ .val = atomic_load(&many[i]), .uaddr = (uint64_t)&many[i], .flags = 2 | 128 };
			now += (uint32_t)v[i].val;
		}
		if (now == sum)
			(void)lx_sys_futex_waitv(lx_current(), (struct gva){ (uint64_t)v }, 16, 0, GVA_NULL, 1);
		atomic_store(&taken, now);
		sum = now;
	}
	return NULL;
}

/* ---- One thread ---- */

static void test_refusals(void)
{
	_Atomic uint32_t w = 5, w2 = 0;
	struct { long s, ns; } ts = { 0, 1000000 }, bad = { 0, 1000000000 };
	bool idle = true;

	become(1);
	T_EQ(futex(&w, FUTEX_WAIT | PRIVATE, 4, 0, NULL, 0), -EAGAIN);
	T_EQ(futex((_Atomic uint32_t *)((uintptr_t)&w + 1), FUTEX_WAIT | PRIVATE, 5, 0, NULL, 0), -EINVAL);
	T_EQ(futex((_Atomic uint32_t *)16, FUTEX_WAIT | PRIVATE, 5, 0, NULL, 0), -EFAULT);
	T_EQ(futex((_Atomic uint32_t *)4096, FUTEX_WAIT | PRIVATE, 5, 0, NULL, 0), -EFAULT);
	T_EQ(futex(&w, FUTEX_WAIT | PRIVATE, 5, (uint64_t)&bad, NULL, 0), -EINVAL);
	T_EQ(futex(&w, FUTEX_WAIT | PRIVATE, 5, (uint64_t)&ts, NULL, 0), -ETIMEDOUT);
	T_EQ(futex(&w, FUTEX_WAIT_BITSET | PRIVATE, 5, 0, NULL, 0), -EINVAL);
	T_EQ(futex(&w, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 5, 0, NULL, 0), -ENOSYS);
	T_EQ(futex(&w, 99, 5, 0, NULL, 0), -ENOSYS);
	T_EQ(futex(&w, FUTEX_WAKE | PRIVATE, 1, 0, NULL, 0), 0);
	T_EQ(futex(&w, FUTEX_CMP_REQUEUE | PRIVATE, 1, 1, &w2, 4), -EAGAIN);
	T_EQ(futex(&w, FUTEX_WAKE_OP | PRIVATE, 1, 1, &w2, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0)), 0);
	T_EQ(w2, 3);
	T_EQ(futex(&w, FUTEX_WAKE_OP | PRIVATE, 1, 1, &w2, FUTEX_OP(FUTEX_OP_ADD, 0xfff, FUTEX_OP_CMP_EQ, 0)), 0);
	T_EQ(w2, 2);
	atomic_store(&interrupted[1], 1);
	T_EQ(futex(&w, FUTEX_WAIT | PRIVATE, 5, 0, NULL, 0), -ERESTARTSYS);
	atomic_store(&interrupted[1], 1);
	T_EQ(futex(&w, FUTEX_WAIT | PRIVATE, 5, (uint64_t)&ts, NULL, 0), -ERESTART_RESTARTBLOCK);
	T_EQ(futex_restart(&threads[1]), -ETIMEDOUT);
	w = 1;
	T_EQ(futex(&w, FUTEX_LOCK_PI | PRIVATE, 0, 0, NULL, 0), -EDEADLK);
	w = 2;
	T_EQ(futex(&w, FUTEX_TRYLOCK_PI | PRIVATE, 0, 0, NULL, 0), -EAGAIN);
	T_EQ(futex(&w, FUTEX_UNLOCK_PI | PRIVATE, 0, 0, NULL, 0), -EPERM);
	w = 77;
	T_EQ(futex(&w, FUTEX_LOCK_PI | PRIVATE, 0, 0, NULL, 0), -ESRCH);
	for (unsigned i = 0; i < FUTEX_BUCKETS; i++)
		idle = idle && (!futex_table()->bucket[i].ready || list_empty(&futex_table()->bucket[i].queue)) && futex_table()->bucket[i].waiters == 0;
	T_OK(idle);
}

static void test_robust(void)
{
	struct { uint64_t next; _Atomic uint32_t w, pad; } a = { 0 }, b = { 0 }, c = { 0 };
	struct { uint64_t next; int64_t offset; uint64_t pending; } head = { (uint64_t)&a, 8, (uint64_t)&c };

	become(1);
	a.next = (uint64_t)&b;
	b.next = (uint64_t)&head;
	a.w = 1 | FUTEX_WAITERS;
	b.w = 2;
	c.w = 1;
	threads[1].robust_list.va = (uint64_t)&head;
	futex_exit_robust(&threads[1]);
	T_EQ(a.w, FUTEX_WAITERS | FUTEX_OWNER_DIED);
	T_EQ(b.w, 2);
	T_EQ(c.w, FUTEX_OWNER_DIED);
	T_EQ(threads[1].robust_list.va, 0);
}

int main(void)
{
	void *mmap(void *addr, size_t len, int prot, int flags, int fd, long offset);

	(void)mmap((void *)ARENA_BASE, PAGE_UP(sizeof(struct arena_root)), 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	arena_root()->provider_root[PICO_PROVIDER_LINUX] = &state;
	futex_boot();
	mm.id = futex_new_mm_id();
	proc.mm = &mm;
	become(0);
	T_CASE("refusals, timeouts, interruption");
	test_refusals();
	T_CASE("robust list");
	test_robust();
	T_CASE("ping-pong");
	run(ping_pong, 2);
	T_EQ(ball, 2 * ROUNDS);
	T_CASE("a mutex");
	run(mutex_count, THREADS);
	T_EQ(counter, THREADS * ROUNDS);
	T_CASE("a condition variable by CMP_REQUEUE");
	run(cond_turns, THREADS);
	T_EQ(turn, THREADS * (ROUNDS / 20));
	T_CASE("PI mutex");
	counter = 0;
	run(pi_count, THREADS);
	T_EQ(counter, THREADS * ROUNDS);
	T_EQ(pi_bad, 0);
	T_CASE("timeouts race with wakes");
	run(short_waits, THREADS);
	T_EQ(woken, told);
	T_CASE("futex_waitv");
	run(waitv_take, 2);
	become(0);
	T_CASE("all queues are empty in the end");
	for (unsigned i = 0; i < FUTEX_BUCKETS; i++)
		T_OK((!futex_table()->bucket[i].ready || list_empty(&futex_table()->bucket[i].queue)) && futex_table()->bucket[i].waiters == 0);
	return T_DONE();
}
