/* SPDX-License-Identifier: MIT */
/*
 * linux/kproc.c - kproc: guest pid 1 and the kernel thread.
 *
 * It is started (kproc_need) before there is a second process, with the first timer, or, by
 * the monitor, with a signal to `bailey`.  It does what needs no particular process: it
 * hears which picoprocesses died, passes on the signals, fires timers, ends a process when the
 * memory is used up, and ends the sandbox
 * when the program has ended.  It sleeps until one of these comes.
 */
#include "linux/aio/engine.h"
#include "linux/ask.h"
#include "linux/fs/fanotify.h"
#include "linux/fs/fasync.h"
#include "linux/fs/io.h"
#include "linux/boot.h"
#include "linux/entry.h"
#include "linux/fs/poll.h"
#include "linux/fs/tty.h"
#include "linux/misc/timer.h"
#include "linux/mm/futex.h"
#include "linux/mm/mm.h"
#include "linux/mm/mm_int.h"
#include "linux/net/resolver.h"
#include "linux/ns/ns.h"
#include "linux/other.h"
#include "linux/proc/exit.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/sec.h"
#include "rt/mem.h"

#define LATE_DEATHS 32
#define LATE_NS     3000000000ull
#define BOOT_MS     10000u
#define TRIM_NS     500000000ull

/* Deaths of picoprocesses that nothing is known of yet: fork's parent may still have to store the handle. */
static struct late_death {
	dk_handle process;
	uint32_t wait_status;
	uint64_t until; /* 0 = free */
} late[LATE_DEATHS];

/* ---- Deaths ---- */

/* One process that lived in the dead picoprocess.  True: a reference of its is to be dropped by the caller. */
static bool bury_one(struct lx_proc *p, uint32_t wait_status, bool *ended, bool *reaped)
{
	bool had_ref = !p->mm_borrowed || !p->leader || !p->leader->vfork_parent;

	proc_move_host(p, HOST_GONE);
	*ended = *reaped = false;
	if (p->state == PROC_DEAD) {
		list_remove(&p->all);
		return had_ref;
	}
	if (p->state == PROC_ZOMBIE)
		return had_ref;
	if (io_workers_held(p))
		panic("process %d died at the host with a lock held by a worker (wait status 0x%x)", p->pid, wait_status);
	LIST_FOR (t, &p->threads, struct lx_thread, sibling)
		if (atomic_load(&t->pico.held) != 0)
			panic("process %d (%s) died at the host with a lock held (wait status 0x%x)", p->pid, t->comm, wait_status);
	p->group_exit = 1;
	p->exit_code = SIGKILL;
	p->utime_ns = p->shown.user;
	p->stime_ns = p->shown.system;
	*ended = true;
	return had_ref;
}

/* Threads that waited when they died stand in queues of objects that live on. */
static void leave_queues(struct lx_proc *p)
{
	LIST_FOR (t, &p->threads, struct lx_thread, sibling) {
		poll_thread_died(t);
		epoll_thread_died(t);
		futex_thread_died(t);
		sec_thread_died(t);
		waiters_abandon(&t->pico);
		fanotify_asker_died(t);
		uring_submitter_died(t);
	}
	io_workers_died(p);
}

static void let_tracees_go(struct lx_proc *p)
{
	LIST_FOR (t, &p->threads, struct lx_thread, sibling)
		ptrace_tracer_exit(t);
}

/* False: no process is known to live there. */
static bool picoprocess_died(dk_handle process, uint32_t wait_status)
{
	struct lx_state *lx = lx_state();
	bool any = false;

	for (;;) {
		bool ended, reaped, had_ref;
		struct lx_proc *p;

		lock_take(&lx->tasklist);
		p = proc_find_host(process);
		if (p)
			had_ref = bury_one(p, wait_status, &ended, &reaped);
		lock_drop(&lx->tasklist);
		if (!p)
			break;
		any = true;
		if (ended) {
			let_tracees_go(p);
			leave_queues(p);
			exit_resources(p);
			lock_take(&lx->tasklist);
			if (p->pid_ns && p->pid_ns->pid.init == p)
				(void)pid_ns_kill(p); /* nobody waits for them */
			reaped = proc_make_zombie(p);
			waitq_wake_all(&p->exit_wait);
			waitq_wake_all(&p->leader->vfork_done);
			lock_drop(&lx->tasklist);
			if (reaped)
				proc_put(p);
		}
		if (had_ref)
			proc_put(p);
	}
	if (any)
		(void)DkObjectClose(process);
	return any;
}

void lx_process_died(dk_handle process, uint32_t wait_status)
{
	if (picoprocess_died(process, wait_status))
		return;
	for (unsigned i = 0; i < LATE_DEATHS; i++)
		if (!late[i].until) {
			late[i] = (struct late_death){ process, wait_status, pico_now() + LATE_NS };
			return;
		}
}

/* Returns when to look again. */
static uint64_t retry_late_deaths(uint64_t now)
{
	uint64_t next = DK_FOREVER;

	for (unsigned i = 0; i < LATE_DEATHS; i++) {
		if (!late[i].until)
			continue;
		if (picoprocess_died(late[i].process, late[i].wait_status) || now > late[i].until)
			late[i].until = 0;
		else
			next = now + 20000000;
	}
	return next;
}

/* Read while kproc waited for a lock; handled when it is back. */
static struct dk_death pending[64];
static uint32_t pending_count;

static bool read_deaths(struct dk_death *death, uint32_t max, uint32_t *count)
{
	struct dk_segment seg = { death, max * sizeof *death };
	uint64_t done = 0;

	if (max == 0 || DkStreamRead(pico_boot_block->deaths, DK_OFFSET_NONE, &seg, 1, DK_IO_NONBLOCK, &done) != DK_OK)
		done = 0;
	*count = (uint32_t)(done / sizeof *death);
	return *count != 0;
}

static void take_death(const struct dk_death *d)
{
	if (d->ask != DK_ASK_NOTHING)
		ask_answer(d);
	else if (d->process != DK_NO_HANDLE)
		lx_process_died(d->process, d->wait_status);
	else if (d->wait_status == DK_DEATH_MEMORY)
		oom_kill();
	else if (d->wait_status)
		tty_host_signal((int)d->wait_status);
}

void kproc_reap_deaths(void)
{
	struct dk_death death[16];
	uint32_t count;

	do {
		while (pending_count > 0) {
			death[0] = pending[0];
			memmove(pending, pending + 1, --pending_count * sizeof *pending);
			take_death(death);
		}
		read_deaths(death, ARRAY_LEN(death), &count);
		for (uint32_t i = 0; i < count; i++)
			take_death(&death[i]);
	} while (count > 0 || pending_count > 0);
}

static bool holder_is_dead(const struct lock *l)
{
	dk_handle owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);
	enum dk_status status;
	uint32_t index;

	if (owner == DK_NO_HANDLE)
		return false;
	status = DkObjectsWaitAny(1, &owner, 0, DK_WAIT_UNINTERRUPTIBLE, &index);
	/* Who lives to drop the lock takes his name off before he ends. */
	return (status == DK_OK || status == DK_INVALID_HANDLE) && __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) == owner;
}

static bool died_with_locks(dk_handle process) REQUIRES(TASKLIST)
{
	struct lx_proc *p = proc_find_host(process);

	if (p && p->state == PROC_LIVE && io_workers_held(p))
		return true;
	if (p && p->state == PROC_LIVE)
		LIST_FOR (t, &p->threads, struct lx_thread, sibling)
			if (atomic_load(&t->pico.held) != 0)
				return true;
	return false;
}

void kproc_lock_stalled(const struct lock *l) LOCK_UNCHECKED("TASKLIST may be its own already")
{
	struct lx_state *lx = lx_state();
	bool own = LOCK_ANY(&lx->tasklist)->owner == pico_boot_block->thread, taken;
	uint32_t count;

	if (pico_boot_block->deaths == DK_NO_HANDLE)
		return;
	while (read_deaths(pending + pending_count, ARRAY_LEN(pending) - pending_count, &count))
		pending_count += count;
	if (holder_is_dead(l) || holder_is_dead(LOCK_ANY(&lx->tasklist)))
		panic("a process died at the host with a lock held that kproc waits for (class %u)", l->class);
	taken = !own && lock_try(&lx->tasklist);
	if (own || taken)
		for (uint32_t i = 0; i < pending_count; i++)
			if (pending[i].process != DK_NO_HANDLE && died_with_locks(pending[i].process))
				panic("a process died at the host with a lock held while kproc waits for one (class %u)", l->class);
	if (taken)
		lock_drop(&lx->tasklist);
}

/* ---- The kernel thread ---- */

void kproc_need(void)
{
	struct lx_state *lx = lx_state();
	enum dk_status status;

	if (LIKELY(__atomic_load_n(&lx->kproc_started, __ATOMIC_ACQUIRE)))
		return;
	status = pico_start_kproc(&lx->init->pico);
	if (status != DK_OK)
		panic("the sandbox's kernel process could not be started (status %d)", (int)status);
	__atomic_store_n(&lx->kproc_started, 1, __ATOMIC_RELEASE);
}

void kproc_kick(void)
{
	struct lx_state *lx = lx_state();

	pico_wake(&lx->kthread->pico); /* its event: kproc need not be there yet */
}

/* Orphans that ended before they became init's children. */
static void reap_orphans(struct lx_state *lx)
{
	for (;;) {
		struct lx_proc *found = NULL;

		lock_take(&lx->tasklist);
		LIST_FOR (p, &lx->init->children, struct lx_proc, child)
			if (p->state == PROC_ZOMBIE && p != lx->first) {
				found = p;
				break;
			}
		if (found)
			proc_reap(found);
		lock_drop(&lx->tasklist);
		if (!found)
			return;
		proc_put(found);
	}
}

static void print_stats(void)
{
	const struct arena_root *root = arena_root();

	log_line(DK_LOG_TRACE, "bailey: stats: %lu system calls trapped, %lu pages of text changed", atomic_load(&root->traps),
		atomic_load(&root->text_pages));
	log_line(DK_LOG_TRACE, "bailey: stats: %lu KB of kernel objects, %lu KB of files and shared memory", atomic_load(&root->pages_used) * 4,
		atomic_load(&root->data_pages_used) * 4);
}

static void print_lock_stats(void)
{
	static const char *const names[] = {
#define LOCK_CLASS(cls, outer) #cls,
#include "pico/lockorder.def"
#undef LOCK_CLASS
	};
	const struct arena_root *root = arena_root();

	for (unsigned i = 0; i < LOCK_CLASSES; i++)
		if (atomic_load(&root->lock_spun[i]))
			log_line(DK_LOG_TRACE, "bailey: stats: lock %s: taken %u times while another had it, %u of them after a sleep", names[i],
				atomic_load(&root->lock_spun[i]), atomic_load(&root->lock_slept[i]));
}

void end_sandbox(uint32_t code)
{
	if (lx_state()->stats) {
		print_stats();
		print_lock_stats();
	}
	pico_exit_process(code & 0x7f ? 256 + (code & 0x7f) : code >> 8 & 0xff);
}

static void kernel_thread(struct lx_state *lx) NORETURN;
static void kernel_thread(struct lx_state *lx)
{
	dk_handle deaths = DK_NO_HANDLE, events[DK_WAIT_MAX - 1];
	uint64_t trim_at = pico_now() + TRIM_NS; /* what only the start needed goes */
	uint32_t index;

	if (pico_boot_block->deaths != DK_NO_HANDLE &&
		DkStreamGetEvent(pico_boot_block->deaths, DK_EVENT_READ, &deaths) != DK_OK)
		panic("the deaths stream has no event");
	for (;;) {
		uint64_t now = pico_now(), next, again;
		uint32_t n = 0;

		if (__atomic_load_n(&lx->first->state, __ATOMIC_ACQUIRE) != PROC_LIVE)
			end_sandbox(lx->first->exit_code);
		if (UNLIKELY(now >= trim_at)) {
			mm_trim_image();
			trim_at = DK_FOREVER;
		}
		fasync_run();
		next = timer_run(now);
		next = MIN(next, nt_tick(now));
		if (deaths != DK_NO_HANDLE)
			events[n++] = deaths;
		next = MIN(next, resolver_run(now, events, &n, ARRAY_LEN(events)));
		again = retry_late_deaths(now);
		reap_orphans(lx);
		(void)pico_wait_handles(events, n, MIN(MIN(next, again), trim_at), DK_WAIT_UNINTERRUPTIBLE, &index);
		if (deaths != DK_NO_HANDLE)
			kproc_reap_deaths();
	}
}

/* The monitor may have started us, for a signal that came early. */
static struct lx_state *wait_for_boot(void)
{
	for (unsigned ms = 0; ms < BOOT_MS; ms++) {
		struct lx_state *lx = lx_state();

		if (lx && __atomic_load_n(&lx->booted, __ATOMIC_ACQUIRE))
			return lx;
		(void)DkThreadDelayExecution(1000000);
	}
	panic("the first process did not come up within %u ms", BOOT_MS);
}

void lx_kproc_main(const struct dk_boot *boot)
{
	struct lx_state *lx = wait_for_boot();
	struct lx_proc *p = lx->init;

	p->pico.process = boot->process;
	proc_set_host(p, boot->process);
	__atomic_store_n(&lx->kproc_started, 1, __ATOMIC_RELEASE);
	pico_become(&lx->kthread->pico);
	kernel_thread(lx);
}
