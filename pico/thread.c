/* SPDX-License-Identifier: MIT */
/* pico/thread.c - threads and processes: the pico routines on the Dk calls. */

#include "pico/internal.h"
#include "rt/mem.h"

static inline uint64_t read_fs_base(void)
{
	uint64_t base;

	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static inline void write_fs_base(uint64_t base)
{
	__asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
}

void pico_set_fs_base(uint64_t base)
{
	write_fs_base(base);
}

uint64_t pico_get_fs_base(void)
{
	return read_fs_base();
}

void pico_set_guest_gs(uint64_t base)
{
	struct dk_tb *tb = pico_tb();

	tb->scratch[9] = base;
	write_fs_base((uint64_t)tb);
}

void pico_become(struct pico_thread *t)
{
	struct dk_tb *tb = pico_tb();

	t->frame = pico_frame();
	tb->libos = t;
	tb->scratch[3] = (uint64_t)t->process;
	__atomic_store_n(&t->thread, (dk_handle)tb->scratch[TB_OWN_THREAD], __ATOMIC_SEQ_CST);
	/* Whoever wanted t to look at something while no host thread ran it set no mark. */
	tb->work = 1;
}

enum dk_status pico_thread_init(struct pico_thread *t, struct pico_process *p)
{
	enum dk_status status;

	t->process = p;
	list_init(&t->lock_link);
	for (unsigned i = 0; i < PICO_THREAD_WAITERS; i++)
		list_init(&t->waiters[i].link);
	status = DkSynchronizationEventCreate(0, &t->event);
	if (status != DK_OK)
		return status;
	status = DkSynchronizationEventCreate(0, &t->lock_event);
	if (status != DK_OK) {
		(void)DkObjectClose(t->event);
		t->event = DK_NO_HANDLE;
	}
	return status;
}

void pico_thread_fini(struct pico_thread *t)
{
	if (t->event != DK_NO_HANDLE)
		(void)DkObjectClose(t->event);
	if (t->lock_event != DK_NO_HANDLE)
		(void)DkObjectClose(t->lock_event);
	t->event = t->lock_event = DK_NO_HANDLE;
}

/* What a new thread takes over from its maker; private heap, freed by the new thread. */
struct thread_seed {
	struct pico_thread *thread;
	struct dk_context context;
	uint32_t mxcsr;
	uint16_t fcw;
};

/*
 * How to compute with floating-point numbers: the maker's way.  A host thread that is used again has
 * what its last life left of registers, and all of that goes.
 */
static void take_rounding(struct thread_seed *seed)
{
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(seed->mxcsr), "=m"(seed->fcw));
}

static void put_rounding(const struct thread_seed *seed)
{
	pico_fpu_reset();
	__asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(seed->mxcsr), "m"(seed->fcw));
}

void pico_thread_start(uint64_t parameter)
{
	struct thread_seed *seed = (struct thread_seed *)parameter;
	struct pico_thread *t = seed->thread;
	struct dk_tb *tb = pico_tb();
	struct dk_context *frame = pico_frame();

	set_entries(tb);
	/* An extension may not have stored our handle yet: take it from where it will be the same. */
	while (__atomic_load_n(&t->thread, __ATOMIC_ACQUIRE) == DK_NO_HANDLE)
		(void)DkThreadYieldExecution();
	tb->scratch[TB_OWN_THREAD] = t->thread;
	*frame = seed->context;
	put_rounding(seed);
	pico_become(t);
	heap_free(seed);
	pico_provider->thread_start(t, frame);
	pico_restart();
}

enum dk_status pico_create_thread(struct pico_thread *t, const struct dk_context *c, uint64_t fs_base)
{
	struct thread_seed *seed = heap_alloc(sizeof *seed);
	enum dk_status status;

	if (seed == NULL)
		return DK_NO_MEMORY;
	seed->thread = t;
	seed->context = *c;
	take_rounding(seed);
	/* Stored where the new thread looks for it, and before it runs. */
	status = DkThreadCreate((uint64_t)seed, fs_base, &t->thread);
	if (status != DK_OK) {
		heap_free(seed);
		__atomic_store_n(&t->thread, DK_NO_HANDLE, __ATOMIC_RELEASE);
	}
	return status;
}

enum dk_status pico_create_process(struct pico_process *p, struct pico_thread *t)
{
	dk_handle handle;
	enum dk_status status = DkProcessCreate("linux", (uint64_t)t, 0, &handle);

	if (status == DK_OK)
		p->process = handle;
	return status;
}

enum dk_status pico_start_kproc(struct pico_process *p)
{
	return DkProcessCreate("linux", 0, DK_PROCESS_KPROC, &p->process);
}

void pico_start_kproc_soon(uint32_t ms)
{
	dk_handle handle;

	(void)DkProcessCreate("linux", ms, DK_PROCESS_KPROC, &handle);
}

enum dk_status pico_clone_process(struct pico_process *p, struct pico_thread *t, bool *in_child)
{
	enum dk_status status;
	dk_handle handle = DK_NO_HANDLE;

	patch_fork_begin();
	heap_fork_begin();
	status = DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &handle);
	*in_child = status == DK_OK && handle == DK_NO_HANDLE;
	heap_fork_end(*in_child);
	patch_fork_end(*in_child, status != DK_OK);
	if (*in_child) {
		pico_tb()->scratch[TB_OWN_THREAD] = pico_boot_block->thread;
		p->process = pico_boot_block->process;
		pico_become(t);
	} else if (status == DK_OK) {
		p->process = handle;
	}
	return status;
}

void pico_exit_thread(dk_handle event)
{
	for (;;)
		(void)DkThreadExit(0, event);
}

void pico_keep_wake(void)
{
	pico_current()->keeps_wake = true;
}

dk_handle pico_kept_wake(void)
{
	struct pico_thread *me = pico_current();
	dk_handle event = me->kept_wake;

	me->keeps_wake = false;
	me->kept_wake = DK_NO_HANDLE;
	return event;
}

void pico_exit_process(uint32_t code)
{
	for (;;)
		(void)DkProcessExit(code);
}

void pico_interrupt(struct pico_thread *t)
{
	dk_handle h = __atomic_load_n(&t->thread, __ATOMIC_SEQ_CST);

	if (h == DK_NO_HANDLE)
		return; /* not running anywhere yet: pico_become looks */
	if (t == pico_current()) {
		pico_tb()->work = 1;
		return;
	}
	t->woken = 1;
	tell_handle(h);
}

static void before_wait(struct pico_thread *t)
{
	tell_before_sleep(t);
	t->woken = 0;
}

/* A mark that the provider settles by itself (another process wants a look at our memory) does not end a wait. */
static bool settled(struct pico_thread *t, enum dk_status status)
{
	return UNLIKELY(status == DK_INTERRUPTED) && pico_provider->interrupted && pico_provider->interrupted(t);
}

static enum dk_status wait_any(uint32_t count, const dk_handle *handles, uint64_t deadline, uint32_t flags, uint32_t *index)
{
	struct pico_thread *t = pico_current();
	enum dk_status status;

	t->waits++;
	t->sleeping = 1;
	do {
		before_wait(t);
		status = DkObjectsWaitAny(count, handles, deadline, flags, index);
	} while (settled(t, status));
	t->sleeping = 0;
	return status;
}

enum dk_status pico_wait_ready(dk_handle set, void *ready, uint64_t size, uint64_t *done, uint64_t deadline)
{
	struct pico_thread *t = pico_current();
	enum dk_status status;

	t->waits++;
	t->sleeping = 1;
	do {
		before_wait(t);
		status = DkStreamWaitReady(set, t->event, deadline, 0, ready, size, done);
	} while (settled(t, status));
	t->sleeping = 0;
	return status;
}

enum dk_status pico_wait_handles(const dk_handle *handles, uint32_t count, uint64_t deadline, uint32_t flags, uint32_t *index)
{
	struct pico_thread *t = pico_current();
	dk_handle all[DK_WAIT_MAX];

	if (count >= DK_WAIT_MAX)
		return DK_TOO_MANY;
	all[0] = t->event;
	memcpy(all + 1, handles, count * sizeof *handles);
	return wait_any(count + 1, all, deadline, flags, index);
}

enum dk_status pico_wait(uint64_t deadline, uint32_t flags)
{
	struct pico_thread *t = pico_current();
	uint32_t index;

	return wait_any(1, &t->event, deadline, flags, &index);
}

bool pico_linger(uint64_t *since, uint64_t deadline)
{
	tell_before_sleep(pico_current());
	return DkThreadLinger(since, deadline) == DK_OK;
}

void pico_wake(struct pico_thread *t)
{
	struct pico_thread *me = pico_current();

	t->woken = 1;
	if (UNLIKELY(me != NULL && me->keeps_wake) && t->process == me->process) {
		me->keeps_wake = false;
		me->kept_wake = t->event;
		return;
	}
	tell_handle(t->event);
}

uint64_t pico_now(void)
{
	uint64_t ns = 0;

	(void)DkSystemTimeQuery(DK_CLOCK_MONOTONIC, &ns);
	return ns;
}

uint64_t pico_now_coarse(void)
{
	uint64_t ns = 0;

	(void)DkSystemTimeQuery(DK_CLOCK_MONOTONIC_COARSE, &ns);
	return ns;
}

uint64_t pico_now_realtime(void)
{
	uint64_t ns = 0;

	(void)DkSystemTimeQuery(DK_CLOCK_REALTIME, &ns);
	return ns;
}
