/* SPDX-License-Identifier: MIT */
/*
 * pal/thread.c - threads and their slots.
 *
 * A slot (stack, alternate stack, thread block) belongs to an address space and stays
 * mapped once it was used.  slot_words[i] says whether it is in use; the kernel itself
 * clears it when the host thread is gone (CLONE_CHILD_CLEARTID), so nobody gets a
 * stack on which somebody still runs.  The sandbox-wide thread entry is another matter:
 * it lives as long as anybody has a handle.
 */
#include "pal/pal.h"
#include "rt/mem.h"

static _Atomic uint32_t slot_words[SLOT_COUNT] FIRST_BSS; /* those of the first threads beside the small variables */
static uint8_t slot_mapped[SLOT_COUNT] BIG_BSS;
static _Atomic uint32_t slot_high; /* no slot from here on was ever used */

static uint64_t slot_base(int slot)
{
	return SLOTS_BASE + (uint64_t)slot * SLOT_SIZE;
}

struct dk_tb *slot_tb(int slot)
{
	return (struct dk_tb *)(slot_base(slot) + SLOT_TB);
}

_Atomic uint32_t *slot_busy(int slot)
{
	return &slot_words[slot];
}

static bool slot_map(int slot)
{
	uint64_t base = slot_base(slot);
	int prot = HOST_PROT_READ | HOST_PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	long a, b;

	if (slot_mapped[slot])
		return true;
	a = HOST6(mmap, base + SLOT_KSTACK, SLOT_KSTACK_TOP - SLOT_KSTACK, prot, flags, -1, 0);
	b = HOST6(mmap, base + SLOT_ALTSTACK, SLOT_SIZE - SLOT_ALTSTACK, prot, flags, -1, 0);
	slot_mapped[slot] = a > 0 && b > 0;
	return slot_mapped[slot];
}

static void slot_clear(int slot)
{
	struct dk_tb *tb = slot_tb(slot);

	memset(tb, 0, sizeof *tb);
	tb->self = tb;
	tb->kstack_top = slot_base(slot) + SLOT_KSTACK_TOP;
	tb->pal[TBP_SLOT] = (uint64_t)slot;
}

int slot_take(void)
{
	for (int i = 0; i < SLOT_COUNT; i++) {
		uint32_t free = 0, high;

		if (atomic_load_explicit(&slot_words[i], memory_order_relaxed) != 0 ||
			!atomic_compare_exchange_strong(&slot_words[i], &free, UINT32_MAX))
			continue;
		if (!slot_map(i)) {
			atomic_store(&slot_words[i], 0);
			return -1;
		}
		slot_clear(i);
		high = atomic_load(&slot_high);
		while ((uint32_t)i >= high && !atomic_compare_exchange_weak(&slot_high, &high, (uint32_t)i + 1))
			;
		return i;
	}
	return -1;
}

void slot_give(int slot)
{
	atomic_store(&slot_words[slot], 0);
}

/* In a clone only the calling thread lives. */
void slots_after_clone(int own)
{
	uint32_t high = atomic_load(&slot_high);

	for (uint32_t i = 0; i < high; i++) {
		if ((int)i != own && atomic_load(&slot_words[i]) != 0)
			atomic_store(&slot_words[i], 0);
	}
	parks_after_clone();
}

struct thread *thread_new(uint32_t process)
{
	struct thread *t = (struct thread *)object_new(DK_KIND_THREAD, 0, 0, 0);

	if (!t)
		return NULL;
	atomic_store(&t->sleep, SLEEP_NO);
	atomic_store(&t->intr, 0);
	atomic_store(&t->tid, 0);
	atomic_store(&t->tgid, 0);
	__atomic_store_n(&t->process, process, __ATOMIC_RELEASE);
	t->block = 0;
	t->nodes_used = 0;
	t->cpu_base = 0;
	for (unsigned i = 0; i < INLINE_NODES; i++)
		atomic_store(&t->nodes[i].state, NODE_IDLE);
	return t;
}

/*
 * The entry's next user must not find it marked with this process, or kproc, hearing of that
 * one's end just then, takes the new thread for one of its own and ends it.
 */
static void thread_nobodys(struct thread *t)
{
	__atomic_store_n(&t->process, PS_PROCESSES, __ATOMIC_RELEASE);
}

void thread_unmade(struct thread *t)
{
	thread_nobodys(t);
	(void)object_put(atomic_load(&t->object.handle));
}

void thread_ended(struct thread *t)
{
	dk_handle h = atomic_load(&t->object.handle);

	thread_nobodys(t);
	atomic_store(&t->tid, 0);
	object_signal(&t->object);
	(void)object_put(h);
}

void thread_setup(struct dk_tb *tb, struct thread *t)
{
	tb->pal[TBP_THREAD] = (uint64_t)t;
	/* Who marked the thread before it had a tid could not kick it. */
	if (atomic_exchange(&t->intr, 0))
		tb->work = 1;
}

/* First C code of a new thread, all kicks blocked. */
void pal_thread_first(void)
{
	struct dk_tb *tb = pal_tb();

	write_gs_base((uint64_t)tb);
	trap_thread_init(tb);
	thread_setup(tb, pal_self());
	signals_unblock();
	pal_image.thread_start(tb->pal[TBP_PARAMETER]);
	__builtin_unreachable();
}

/* A thread's next life, on the slot it has: nothing of the last one stays. */
static void NORETURN live_again(const struct birth *b)
{
	struct dk_tb *tb = pal_tb();

	slot_clear((int)tb->pal[TBP_SLOT]);
	tb->pal[TBP_PARAMETER] = b->parameter;
	tb->pal[TBP_CPU_BASE] = b->thread->cpu_base;
	write_fs_base(b->tls_base);
	thread_setup(tb, b->thread);
	pal_image.thread_start(b->parameter);
	__builtin_unreachable();
}

static enum dk_status start_thread(int slot, struct thread *t, uint64_t parameter, uint64_t tls_base)
{
	struct dk_tb *tb = slot_tb(slot);
	uint64_t *sp = (uint64_t *)(tb->kstack_top - 16);
	long tid;

	tb->pal[TBP_PARAMETER] = parameter;
	tb->pal[TBP_THREAD] = (uint64_t)t;
	*sp = (uint64_t)pal_thread_child; /* host_call's `ret` in the child */
	signals_block();
	tid = HOST6(clone, CLONE_THREAD_FLAGS, sp, &t->tid, slot_busy(slot), tls_base, 0);
	signals_unblock();
	return tid < 0 ? status_of(tid) : DK_OK;
}

enum dk_status DkThreadCreate(uint64_t parameter, uint64_t tls_base, dk_handle *thread)
{
	const struct birth birth = { thread_new(pal_process), parameter, tls_base };
	struct thread *t = birth.thread;
	enum dk_status status;
	dk_handle h;
	int slot;

	process_spread();
	if (!t)
		return DK_NO_MEMORY;
	h = atomic_load(&t->object.handle);
	atomic_store(&t->object.refs, 2); /* the caller's and the thread's own */
	atomic_store(&t->tgid, atomic_load(&pal_self()->tgid));
	*thread = h;
	if (park_take(&birth))
		return DK_OK;
	slot = slot_take();
	status = slot < 0 ? DK_NO_MEMORY : start_thread(slot, t, parameter, tls_base);
	if (status == DK_OK)
		return DK_OK;
	if (slot >= 0)
		slot_give(slot);
	(void)object_put(h);
	thread_unmade(t);
	return status == DK_AGAIN ? DK_NO_MEMORY : status;
}

enum dk_status DkThreadYieldExecution(void)
{
	(void)HOST0(sched_yield);
	return DK_OK;
}

/*
 * The personality takes a thread for gone once it has called DkThreadExit, and may end
 * the picoprocess then; but that must not happen while the thread has locks of the
 * shared area, which would stay locked.  So who ends the picoprocess waits for those on
 * their way out, and who comes later leaves its entry to kproc.
 */
static _Atomic uint32_t process_ending;

void threads_settle(void)
{
	uint32_t high = atomic_load(&slot_high);

	atomic_store(&process_ending, 1);
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < high; i++) {
		volatile uint64_t *ending = &slot_tb((int)i)->pal[TBP_ENDING];

		while ((int)i != (int)pal_tb()->pal[TBP_SLOT] && atomic_load(slot_busy((int)i)) != 0 && *ending)
			(void)HOST0(sched_yield);
	}
}

/* Until here the thread was one of the Dk ABI's. */
static void NORETURN end_host_thread(struct park *p)
{
	struct birth birth;

	if (p && park_wait(p, &birth))
		live_again(&birth);
	for (;;)
		(void)HOST1(exit, 0);
}

enum dk_status DkThreadExit(uint64_t clear_address, dk_handle event)
{
	struct dk_tb *tb = pal_tb();
	struct thread *t = pal_self();
	uint32_t tid = atomic_load(&t->tid);
	struct park *p = NULL;

	*(volatile uint64_t *)&tb->pal[TBP_ENDING] = 1;
	atomic_thread_fence(memory_order_seq_cst);
	/* From here on a kick finds no thread entry. */
	tb->pal[TBP_THREAD] = 0;
	if (!atomic_load(&process_ending)) {
		thread_ended(t);
		/* Before the event: who waits for the end often makes the next thread. */
		p = park_offer(tid);
		if (event != DK_NO_HANDLE)
			(void)DkEventSet(event);
	}
	*(volatile uint64_t *)&tb->pal[TBP_ENDING] = 0;
	if (clear_address && !(clear_address & 3) && pal_copy32(clear_address, 0))
		(void)HOST3(futex, clear_address, FUTEX_WAKE, 1);
	end_host_thread(p);
}

enum dk_status DkThreadGetParameter(uint64_t *parameter)
{
	*parameter = pal_tb()->pal[TBP_PARAMETER];
	return DK_OK;
}

enum dk_status DkThreadRaiseException(dk_handle thread, uint32_t cause)
{
	struct object *o = DK_HANDLE_KIND(thread) == DK_KIND_THREAD ? object_find(thread) : NULL;
	struct thread *t = (struct thread *)o;
	uint32_t sleep, tid;

	(void)cause;
	if (!t)
		return DK_INVALID_HANDLE;
	if (atomic_exchange(&t->intr, 1))
		return DK_OK; /* marked already, and its kick is on the way */
	if (t == pal_self()) {
		(void)pal_marked(t);
		return DK_OK;
	}
	atomic_fetch_add(&t->word, 1);
	sleep = atomic_exchange(&t->sleep, SLEEP_NO);
	tid = atomic_load(&t->tid);
	if (sleep == SLEEP_FUTEX)
		(void)HOST3(futex, &t->word, FUTEX_WAKE, 1);
	else if (tid)
		(void)HOST3(tgkill, atomic_load(&t->tgid), tid, HOST_SIGURG);
	return DK_OK;
}
