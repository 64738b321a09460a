/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/worker.c - threads of the library OS beside the guest's.
 *
 * A worker is a host thread in the guest's picoprocess with a thread object of the
 * guest's process, so that descriptors, memory and credentials are the process's; but it
 * is in no list of threads, has no id and never runs guest code.  The poller, made with the
 * first request that has to wait, runs requests whose files became ready.  Workers for what
 * has no other way than to wait (splice, an open of a FIFO) come when they are needed and go
 * after some seconds without work.
 *
 * The guest ends: io_stop_workers, before anything is given back.  fork copies none.  A
 * death at the host takes them along, and kproc looks at their locks and waiters too.
 *
 * While there is a worker, the process is not alone with its descriptor table any more.
 * The engine's extra reference on it says so to who looks descriptors up without a lock.
 */
#include "linux/aio/worker.h"
#include "linux/mm/futex.h"
#include "linux/other.h"
#include "linux/proc/exit.h"
#include "linux/proc/proc.h"
#include "rt/mem.h"

#define IDLE_NS 5000000000ull

/* ---- The extra reference ---- */

static void hold_table(struct io_engine *eng)
{
	if (eng->fdt != NULL)
		return;
	eng->fdt = eng->proc->fdt;
	fdt_get_table(eng->fdt);
}

static void release_table(struct io_engine *eng)
{
	struct fdtable *fdt = eng->fdt;

	eng->fdt = NULL;
	if (fdt != NULL)
		fdt_put_table(fdt);
}

uint32_t io_table_users(struct lx_proc *p)
{
	const struct io_engine *eng = p->io;
	uint32_t n = atomic_load(&p->fdt->ref.count);

	return eng != NULL && eng->fdt == p->fdt ? n - 1 : n;
}

void io_table_changed(struct lx_proc *p)
{
	struct io_engine *eng = p->io;

	if (eng == NULL || eng->fdt == NULL)
		return;
	release_table(eng);
	hold_table(eng);
}

/* ---- A worker's life ---- */

static struct io_worker *worker_new(struct io_engine *eng, enum io_job job)
{
	static const char names[][8] = { "io-poll", "io-work", "io-sq" };
	struct io_worker *w = arena_alloc(sizeof *w);

	if (w == NULL)
		return NULL;
	w->thread = thread_new(eng->proc, -1);
	if (w->thread == NULL) {
		arena_free(w);
		return NULL;
	}
	list_init(&w->link);
	w->eng = eng;
	w->job = job;
	w->thread->worker = w;
	w->thread->sigmask = ~0ull;
	str_copy(w->thread->comm, names[job], sizeof w->thread->comm);
	return w;
}

/* w is in the engine's lists already. */
static bool worker_start(struct lx_thread *t, struct io_worker *w)
{
	struct dk_context regs;

	memset(&regs, 0, sizeof regs);
	regs.orig_rax = UINT64_MAX;
	io_cred_keep(&w->thread->cred, &t->cred); /* thread_free drops it */
	return pico_create_thread(&w->thread->pico, &regs, 0) == DK_OK;
}

/* Out of the engine's lists; the last one lets the table go and tells who waits. */
static void worker_off(struct io_worker *w)
{
	struct io_engine *eng = w->eng;

	lock_take(&eng->lock);
	list_remove(&w->link);
	if (w->job == IO_JOB_READY)
		eng->poller = NULL;
	else if (w->job == IO_JOB_BLOCKING)
		eng->nblocking--;
	eng->nworkers--;
	if (eng->stopper != NULL)
		pico_wake(&eng->stopper->pico);
	lock_drop(&eng->lock);
}

static struct io_worker *worker_add(struct lx_thread *t, struct io_engine *eng, enum io_job job, void *ring)
{
	struct io_worker *w = worker_new(eng, job);

	if (w == NULL)
		return NULL;
	w->ring = ring;
	hold_table(eng);
	lock_take(&eng->lock);
	list_append(&eng->workers, &w->link);
	eng->nworkers++;
	if (job == IO_JOB_READY)
		eng->poller = w;
	else if (job == IO_JOB_BLOCKING)
		eng->nblocking++;
	lock_drop(&eng->lock);
	if (worker_start(t, w))
		return w;
	worker_off(w);
	thread_free(w->thread);
	arena_free(w);
	return NULL;
}

struct io_worker *io_sq_worker(struct lx_thread *t, struct io_engine *eng, void *ring)
{
	return worker_add(t, eng, IO_JOB_SQ, ring);
}

bool io_need_poller(struct lx_thread *t, struct io_engine *eng)
{
	/* Two threads at once may make two, of which one is never kicked: harmless, and it ends with the process. */
	return LIKELY(__atomic_load_n(&eng->poller, __ATOMIC_ACQUIRE) != NULL) || t->worker != NULL || worker_add(t, eng, IO_JOB_READY, NULL) != NULL;
}

/* An idle worker wakes up, and is not idle any more. */
static bool kick_idle(struct io_engine *eng) REQUIRES(IOQUEUE)
{
	LIST_FOR(w, &eng->workers, struct io_worker, link) {
		if (!w->idle)
			continue;
		w->idle = false;
		pico_wake(&w->thread->pico);
		return true;
	}
	return false;
}

/* No worker could be made: r, which may have ended by now, comes back if it still waits for one. */
static bool take_back(struct io_engine *eng, struct io_req *r)
{
	bool back = false;

	lock_take(&eng->lock);
	if (eng->nblocking == 0)
		LIST_FOR(q, &eng->blocking, struct io_req, run)
			if (q == r) {
				r->state |= IO_RUNNING;
				list_remove(&r->run);
				back = true;
				break;
			}
	lock_drop(&eng->lock);
	return back;
}

bool io_hand_to_worker(struct lx_thread *t, struct io_req *r)
{
	struct io_engine *eng = r->eng;
	bool more;

	lock_take(&eng->lock);
	if (list_empty(&r->all))
		list_append(&eng->all, &r->all);
	r->state &= ~(IO_RUNNING | IO_QUEUED);
	list_append(&eng->blocking, &r->run);
	more = !kick_idle(eng) && eng->nblocking < eng->max_blocking;
	lock_drop(&eng->lock);
	return !more || worker_add(t, eng, IO_JOB_BLOCKING, NULL) != NULL || !take_back(eng, r);
}

static void worker_end(struct lx_thread *t) NORETURN;
static void worker_end(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct io_worker *w = t->worker;

	exit_leaving();
	worker_off(w); /* the engine may go from here on */
	arena_free(w);
	lock_take(&lx->tasklist);
	thread_bury(t);
	lock_drop(&lx->tasklist);
	exit_left();
	pico_exit_thread(DK_NO_HANDLE);
}

/* A mark that came while it did something else must not end the next wait. */
static void forget_marks(void)
{
	pico_tb()->work = 0;
}

/* ---- The poller ---- */

static void poller_sleep(struct io_engine *eng)
{
	uint64_t deadline = UNLIKELY(eng->proc->nt != NULL) ? nt_io_due(eng->proc) : DK_FOREVER;
	dk_handle events[DK_WAIT_MAX - 1];
	uint32_t n, index = 0;
	bool idle;

	lock_take(&eng->lock);
	n = io_host_events(eng, events, ARRAY_LEN(events));
	idle = list_empty(&eng->ready);
	lock_drop(&eng->lock);
	if (!idle)
		return;
	if (pico_wait_handles(events, n, deadline, DK_WAIT_UNINTERRUPTIBLE, &index) == DK_OK && index > 0)
		io_hosts_fired(eng);
}

static void poller_loop(struct lx_thread *t, struct io_engine *eng)
{
	while (__atomic_load_n(&eng->stopper, __ATOMIC_ACQUIRE) == NULL) {
		forget_marks();
		if (!io_run(t, eng))
			poller_sleep(eng);
	}
}

/* ---- Those that may wait ---- */

static struct io_req *take_blocking(struct io_worker *w)
{
	struct io_engine *eng = w->eng;
	struct io_req *r = NULL;

	lock_take(&eng->lock);
	if (!list_empty(&eng->blocking)) {
		r = LIST_FIRST(&eng->blocking, struct io_req, run);
		list_remove(&r->run);
		r->state |= IO_RUNNING;
		r->worker = w;
	}
	w->busy = r;
	w->idle = r == NULL;
	lock_drop(&eng->lock);
	return r;
}

/* Unless there is work just now: from here on nobody kicks it. */
static bool retire(struct io_worker *w)
{
	bool idle;

	lock_take(&w->eng->lock);
	idle = list_empty(&w->eng->blocking);
	if (idle)
		w->idle = false;
	lock_drop(&w->eng->lock);
	return idle;
}

static void blocking_loop(struct lx_thread *t, struct io_worker *w)
{
	struct io_engine *eng = w->eng;

	while (__atomic_load_n(&eng->stopper, __ATOMIC_ACQUIRE) == NULL) {
		struct io_req *r = take_blocking(w);

		forget_marks();
		if (r != NULL)
			uring_run(t, r, true);
		else if (pico_wait(pico_now() + IDLE_NS, DK_WAIT_UNINTERRUPTIBLE) == DK_TIMEOUT && retire(w))
			return;
	}
}

void io_worker_main(struct lx_thread *t)
{
	struct io_worker *w = t->worker;

	if (w->job == IO_JOB_READY)
		poller_loop(t, w->eng);
	else if (w->job == IO_JOB_BLOCKING)
		blocking_loop(t, w);
	else
		uring_sq_loop(t, w);
	worker_end(t);
}

/* ---- Ends ---- */

void io_stop_workers(struct lx_thread *t, uint32_t leaving)
{
	struct io_engine *eng = t->proc->io;

	if (eng == NULL)
		return;
	lock_take(&eng->lock);
	__atomic_store_n(&eng->stopper, t, __ATOMIC_SEQ_CST);
	lock_drop(&eng->lock);
	while (__atomic_load_n(&eng->nworkers, __ATOMIC_ACQUIRE) != 0) {
		lock_take(&eng->lock);
		LIST_FOR(w, &eng->workers, struct io_worker, link) {
			pico_wake(&w->thread->pico);
			pico_interrupt(&w->thread->pico);
		}
		lock_drop(&eng->lock);
		(void)pico_wait(pico_now() + 20000000, DK_WAIT_UNINTERRUPTIBLE);
	}
	exit_wait_others(leaving); /* off the engine's lock */
	__atomic_store_n(&eng->stopper, NULL, __ATOMIC_SEQ_CST);
	release_table(eng);
}

bool io_workers_held(struct lx_proc *p)
{
	struct io_engine *eng = p->io;

	if (eng != NULL)
		LIST_FOR(w, &eng->workers, struct io_worker, link)
			if (atomic_load(&w->thread->pico.held) != 0)
				return true;
	return false;
}

void io_workers_died(struct lx_proc *p)
{
	struct io_engine *eng = p->io;

	if (eng == NULL)
		return;
	LIST_FOR_SAFE(w, next, &eng->workers, struct io_worker, link) {
		poll_thread_died(w->thread);
		futex_thread_died(w->thread);
		waiters_abandon(&w->thread->pico);
		if (w->job == IO_JOB_SQ)
			uring_sq_gone(w);
		if (w->busy != NULL)
			w->busy->state &= ~IO_RUNNING;
		list_remove(&w->link);
		thread_free(w->thread);
		arena_free(w);
	}
	eng->poller = NULL;
	eng->nworkers = 0;
	LIST_FOR(r, &eng->all, struct io_req, all)
		r->state &= ~IO_RUNNING;
	release_table(eng);
}
