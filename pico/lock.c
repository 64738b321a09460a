/* SPDX-License-Identifier: MIT */
/*
 * pico/lock.c - locks that threads of several picoprocesses share.
 *
 * The word: 0 free, 1 held, 2 held and the queue may hold threads.  Taking is one
 * compare-exchange.  A contended taker spins a while, then, under qspin, sets the
 * word to 2; if that took a free lock, good (held as 2: the drop then looks at
 * the queue in vain), else it queues itself and waits on its lock_event.  A drop
 * that finds 2 frees the word and wakes the first of the queue, which starts
 * over and sets 2 again.  So as long as the queue is not empty the word is 2 or
 * a woken thread is on its way to make it 2: no wake-up is lost, and a running
 * thread may overtake, which is what keeps throughput.
 */

#include "pico/arena.h"
#include "pico/internal.h"
#include "pico/lock.h"

struct lock_class LC_NONE = { "none" };
#define LOCK_CLASS(cls, outer) struct lock_class LC_##cls = { #cls };
#include "pico/lockorder.def"
#undef LOCK_CLASS

_Static_assert(LOCK_CLASSES <= 64, "arena_root counts by class");

#define SPINS 200
#define STALL_NS 200000000ull /* kproc looks for dead holders after that */

LOCK_TYPED void lock_init(struct lock *l, enum lock_class_id class) LOCK_PRIMITIVE
{
	*l = (struct lock){ .class = class };
}

/*
 * A thread counts as holding from before it asks until after it gave back: who is killed
 * while it queues leaves the queue broken, which kproc must hear as well.  Only the thread
 * itself writes; a reader looks after it is dead.
 */
static void note_wanted(struct pico_thread *t)
{
	if (t != NULL)
		atomic_store_explicit(&t->held, atomic_load_explicit(&t->held, memory_order_relaxed) + 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
}

static void note_taken(struct lock *l, struct pico_thread *t)
{
	if (t != NULL)
		l->owner = t->thread;
}

static void tell_now(dk_handle h)
{
	if (DK_HANDLE_KIND(h) == DK_KIND_THREAD)
		(void)DkThreadRaiseException(h, 0);
	else
		(void)DkEventSet(h); /* gone with its thread: then nobody waits */
}

void tell_handle(dk_handle h)
{
	struct pico_thread *t = pico_current();

	if (t != NULL && atomic_load_explicit(&t->held, memory_order_relaxed) != 0 && t->later_count < PICO_LATER)
		t->later[t->later_count++] = h;
	else
		tell_now(h);
}

/* It still counts as holding: dying here would leave somebody asleep. */
static NOINLINE void tell_later(struct pico_thread *t)
{
	for (uint32_t i = 0; i < t->later_count; i++)
		tell_now(t->later[i]);
	t->later_count = 0;
}

void tell_before_sleep(struct pico_thread *t)
{
	if (UNLIKELY(t->later_count != 0))
		tell_later(t);
}

void lock_unhold(struct pico_thread *t)
{
	uint32_t held = atomic_load_explicit(&t->held, memory_order_relaxed);

	if (UNLIKELY(t->later_count != 0) && held == 1)
		tell_later(t);
	atomic_store_explicit(&t->held, held - 1, memory_order_release);
}

static void note_dropped(struct pico_thread *t)
{
	if (t != NULL)
		lock_unhold(t);
}

static bool watches_deaths(void)
{
	return pico_boot_block != NULL && pico_boot_block->role == DK_ROLE_KPROC && pico_provider->lock_stalled != NULL;
}

static void qspin_take(struct lock *l)
{
	for (unsigned n = 0; atomic_exchange_explicit(&l->qspin, 1, memory_order_acquire) != 0; n++) {
		if (n < 100)
			cpu_relax();
		else
			(void)DkThreadYieldExecution();
		if (n % 65536 == 65535 && watches_deaths())
			pico_provider->lock_stalled(l);
	}
}

static void qspin_drop(struct lock *l)
{
	atomic_store_explicit(&l->qspin, 0, memory_order_release);
}

static struct pico_thread *next_of(struct pico_thread *t)
{
	return (struct pico_thread *)(void *)t->lock_link.next;
}

/* Queue's end; qspin held. */
static void enqueue(struct lock *l, struct pico_thread *t)
{
	t->lock_link.next = NULL;
	t->lock_granted = 0;
	t->waiting_lock = l;
	if (l->tail != NULL)
		l->tail->lock_link.next = (struct list *)(void *)t;
	else
		l->head = t;
	l->tail = t;
}

/* Takes it as held = 1, or, by one who was in the queue, as 2: others may be in it still, and a
   drop of a word of 1 would not wake them. */
static bool spin_for(struct lock *l, uint32_t held)
{
	for (unsigned n = 0; n < SPINS; n++) {
		uint32_t free = 0;

		if (atomic_load_explicit(&l->word, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_strong_explicit(&l->word, &free, held, memory_order_acquire, memory_order_relaxed))
			return true;
		cpu_relax();
	}
	return false;
}

static void wait_granted(struct lock *l, struct pico_thread *t)
{
	bool watch = watches_deaths();
	uint32_t index;

	while (!__atomic_load_n(&t->lock_granted, __ATOMIC_ACQUIRE)) {
		uint64_t deadline = watch ? pico_now() + STALL_NS : DK_FOREVER;

		if (DkObjectsWaitAny(1, &t->lock_event, deadline, DK_WAIT_UNINTERRUPTIBLE, &index) == DK_TIMEOUT && watch)
			pico_provider->lock_stalled(l);
	}
}

static NOINLINE void take_slow(struct lock *l, struct pico_thread *t)
{
	struct arena_root *root = arena_root();
	uint32_t held = 1;

	atomic_fetch_add_explicit(&root->lock_spun[l->class & 63], 1, memory_order_relaxed);
	while (!spin_for(l, held)) {
		if (t == NULL || t->lock_event == DK_NO_HANDLE) {
			(void)DkThreadYieldExecution();
			continue;
		}
		qspin_take(l);
		if (atomic_exchange_explicit(&l->word, 2, memory_order_acquire) == 0) {
			qspin_drop(l);
			return;
		}
		enqueue(l, t);
		qspin_drop(l);
		atomic_fetch_add_explicit(&root->lock_slept[l->class & 63], 1, memory_order_relaxed);
		tell_before_sleep(t);
		wait_granted(l, t);
		t->waiting_lock = NULL;
		held = 2;
	}
}

LOCK_TYPED void lock_take(struct lock *l) LOCK_PRIMITIVE
{
	struct pico_thread *t = pico_current();
	uint32_t free = 0;

	note_wanted(t);
	if (!atomic_compare_exchange_strong_explicit(&l->word, &free, 1, memory_order_acquire, memory_order_relaxed))
		take_slow(l, t);
	note_taken(l, t);
}

LOCK_TYPED bool lock_try(struct lock *l) LOCK_PRIMITIVE
{
	struct pico_thread *t = pico_current();
	uint32_t free = 0;

	note_wanted(t);
	if (!atomic_compare_exchange_strong_explicit(&l->word, &free, 1, memory_order_acquire, memory_order_relaxed)) {
		note_dropped(t);
		return false;
	}
	note_taken(l, t);
	return true;
}

/* Frees a word of 2 and wakes the queue's first. */
static NOINLINE void drop_slow(struct lock *l)
{
	struct pico_thread *w;
	dk_handle event = DK_NO_HANDLE;

	qspin_take(l);
	w = l->head;
	if (w != NULL) {
		l->head = next_of(w);
		if (l->head == NULL)
			l->tail = NULL;
		event = w->lock_event;
		__atomic_store_n(&w->lock_granted, 1, __ATOMIC_RELEASE);
	}
	atomic_store_explicit(&l->word, 0, memory_order_release);
	qspin_drop(l);
	if (event != DK_NO_HANDLE)
		(void)DkEventSet(event);
}

LOCK_TYPED void lock_drop(struct lock *l) LOCK_PRIMITIVE
{
	struct pico_thread *t = pico_current();
	uint32_t held = 1;

	l->owner = 0;
	if (!atomic_compare_exchange_strong_explicit(&l->word, &held, 0, memory_order_release, memory_order_relaxed)) {
		if (UNLIKELY(held == 0))
			panic("lock %p of class %u dropped but not held", (void *)l, l->class);
		drop_slow(l);
	}
	note_dropped(t);
}

LOCK_TYPED bool lock_is_held(const struct lock *l)
{
	return atomic_load_explicit(&((struct lock *)(uintptr_t)l)->word, memory_order_relaxed) != 0;
}

LOCK_TYPED void lock_take2(struct lock *a, struct lock *b) LOCK_PRIMITIVE
{
	if (a > b) {
		struct lock *swap = a;

		a = b;
		b = swap;
	}
	lock_take(a);
	if (a != b)
		lock_take(b);
}

LOCK_TYPED void lock_drop2(struct lock *a, struct lock *b) LOCK_PRIMITIVE
{
	lock_drop(a);
	if (a != b)
		lock_drop(b);
}
