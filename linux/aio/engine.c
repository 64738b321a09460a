/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/engine.c - requests under way: parked, woken, run, cancelled.
 *
 * Whoever has a request's IO_RUNNING may use it; nobody else touches more than its state,
 * under the engine's lock.  A wake-up (io_woken, from inside the watched object's wait
 * queue) marks it IO_QUEUED and tells one thread: a guest thread that sleeps in
 * io_getevents or io_uring_enter anyway, or else the poller (worker.c), so that requests go on
 * while the guest computes.  If it is being run just then, who runs it sees the mark when he
 * parks it, and tries again.
 *
 * Locks: IOCTX (the context: its list of requests) > WAITQ > IOQUEUE.  A request is freed
 * by who has its IO_RUNNING, after it left the context's list and its file's queues.
 */
#include "linux/aio/worker.h"
#include "linux/misc/cred.h"
#include "linux/ns/ns.h"
#include "linux/other.h"

struct io_engine *io_engine_get(struct lx_thread *t)
{
	struct io_engine *eng = __atomic_load_n(&t->proc->io, __ATOMIC_ACQUIRE), *none = NULL;

	if (LIKELY(eng != NULL))
		return eng;
	eng = arena_alloc(sizeof *eng);
	if (eng == NULL)
		return NULL;
	eng->proc = t->proc;
	lock_init(&eng->lock, LOCK_IOQUEUE);
	list_init(&eng->all);
	list_init(&eng->ready);
	list_init(&eng->blocking);
	list_init(&eng->hosts);
	list_init(&eng->sleepers);
	list_init(&eng->workers);
	list_init(&eng->aio);
	eng->max_blocking = IO_BLOCKING_MAX;
	if (__atomic_compare_exchange_n(&t->proc->io, &none, eng, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return eng;
	arena_free(eng);
	return none;
}

void io_req_init(struct io_req *r, struct io_engine *eng, enum io_source source)
{
	list_init(&r->pending);
	list_init(&r->all);
	list_init(&r->run);
	list_init(&r->host);
	r->eng = eng;
	r->source = source;
	r->state = IO_RUNNING;
}

/* ---- Who is told ---- */

void io_kick_locked(struct io_engine *eng)
{
	if (UNLIKELY(atomic_load(&eng->held) != 0))
		return; /* io_release looks behind it, with Q */
	if (!list_empty(&eng->sleepers)) {
		struct waiter *w = LIST_FIRST(&eng->sleepers, struct waiter, link);

		list_remove(&w->link); /* the next kick goes to another */
		pico_wake(w->thread);
	} else if (eng->poller != NULL) {
		pico_wake(&eng->poller->thread->pico);
	}
}

void io_kick_poller(struct io_engine *eng)
{
	lock_take(&eng->lock);
	if (eng->poller != NULL)
		pico_wake(&eng->poller->thread->pico);
	lock_drop(&eng->lock);
}

void io_queue(struct io_req *r)
{
	struct io_engine *eng = r->eng;

	lock_take(&eng->lock);
	if (!(r->state & IO_QUEUED)) {
		r->state |= IO_QUEUED;
		if (!(r->state & IO_RUNNING)) {
			list_append(&eng->ready, &r->run);
			io_kick_locked(eng);
		}
	}
	lock_drop(&eng->lock);
}

void io_woken(struct io_req *r)
{
	io_queue(r);
}

/* ---- Parking and claiming ---- */

void io_cred_keep(struct lx_cred *to, const struct lx_cred *from)
{
	*to = *from;
	if (to->user_ns != NULL)
		ns_get(to->user_ns);
	cred_refs_get(to);
}

void io_cred_drop(struct lx_cred *c)
{
	if (c->user_ns != NULL)
		ns_put(c->user_ns);
	c->user_ns = NULL;
	cred_refs_put(c);
}

static void keep_cred(struct lx_thread *t, struct io_req *r)
{
	if (r->cred_kept)
		return;
	io_cred_keep(&r->cred, &t->cred);
	r->cred_kept = true;
}

bool io_park(struct lx_thread *t, struct io_req *r)
{
	struct io_engine *eng = r->eng;
	bool cancelled;

	keep_cred(t, r);
	if (t->proc == eng->proc && !io_need_poller(t, eng))
		return false;
	lock_take(&eng->lock);
	cancelled = r->state & IO_CANCEL;
	if (!cancelled) {
		if (list_empty(&r->all))
			list_append(&eng->all, &r->all);
		r->state &= ~IO_RUNNING;
		if (r->state & IO_QUEUED) {
			list_append(&eng->ready, &r->run);
			io_kick_locked(eng);
		}
	}
	lock_drop(&eng->lock);
	return !cancelled;
}

bool io_punt(struct lx_thread *t, struct io_req *r)
{
	keep_cred(t, r);
	return io_hand_to_worker(t, r);
}

bool io_claim(struct io_req *r)
{
	struct io_engine *eng = r->eng;
	bool mine;

	lock_take(&eng->lock);
	mine = !(r->state & IO_RUNNING);
	if (mine) {
		r->state |= IO_RUNNING;
		list_remove(&r->run);
	} else {
		r->state |= IO_CANCEL;
		if (r->worker != NULL)
			pico_interrupt(&r->worker->thread->pico);
	}
	lock_drop(&eng->lock);
	return mine;
}

void io_req_done(struct io_req *r)
{
	struct io_engine *eng = r->eng;

	if (r->armed)
		io_disarm(r);
	if (!list_empty(&r->all)) { /* only who runs it puts it there or takes it off */
		lock_take(&eng->lock);
		list_remove(&r->all);
		list_remove(&r->run);
		lock_drop(&eng->lock);
	}
	if (r->file != NULL)
		file_put(r->file);
	r->file = NULL;
	if (r->cred_kept)
		io_cred_drop(&r->cred);
	r->cred_kept = false;
}

/* ---- Running ---- */

static struct io_req *take_ready(struct io_engine *eng)
{
	struct io_req *r = NULL;

	lock_take(&eng->lock);
	if (!list_empty(&eng->ready)) {
		r = LIST_FIRST(&eng->ready, struct io_req, run);
		list_remove(&r->run);
		r->state = (r->state | IO_RUNNING) & ~IO_QUEUED;
	}
	lock_drop(&eng->lock);
	return r;
}

bool io_run(struct lx_thread *t, struct io_engine *eng)
{
	struct io_req *r;
	bool any = false;

	while (!list_empty(&eng->ready) && (r = take_ready(eng)) != NULL) {
		any = true;
		if (r->source == IO_SOURCE_AIO)
			aio_run(t, r);
		else if (r->source == IO_SOURCE_NT)
			nt_io_run(t, r);
		else
			uring_run(t, r, false);
	}
	return any;
}

/* Queued at q and with the engine: true if it is worth to sleep still. */
static bool queue_up(struct io_engine *eng, struct waitq *q, bool (*ready)(void *), void *data)
{
	struct waiter *w = waiter_self(0), *s = waiter_self(1);
	bool idle;

	waitq_add(q, w);
	lock_take(&eng->lock);
	list_append(&eng->sleepers, &s->link);
	idle = list_empty(&eng->ready);
	lock_drop(&eng->lock);
	return idle && !ready(data);
}

static void leave(struct io_engine *eng, struct waitq *q)
{
	struct pico_thread *me = pico_current();

	waitq_remove(q, &me->waiters[0]);
	lock_take(&eng->lock);
	list_remove(&me->waiters[1].link);
	lock_drop(&eng->lock);
}

static long sleep_once(struct io_engine *eng, uint64_t deadline)
{
	dk_handle events[DK_WAIT_MAX - 1];
	uint32_t n = 0, index = 0;
	enum dk_status status;

	if (!list_empty(&eng->hosts)) {
		lock_take(&eng->lock);
		n = io_host_events(eng, events, ARRAY_LEN(events));
		lock_drop(&eng->lock);
	}
	status = n == 0 ? pico_wait(deadline, 0) : pico_wait_handles(events, n, deadline, 0, &index);
	if (status != DK_OK)
		return lx_wait_err(status);
	if (index > 0)
		io_hosts_fired(eng);
	return 0;
}

/* A request that became ready while this thread left the sleepers may have kicked nobody else. */
static void pass_on(struct io_engine *eng)
{
	if (list_empty(&eng->ready))
		return;
	lock_take(&eng->lock);
	if (!list_empty(&eng->ready))
		io_kick_locked(eng);
	lock_drop(&eng->lock);
}

long io_sleep(struct lx_thread *t, struct io_engine *eng, struct waitq *q, bool (*ready)(void *), void *data, uint64_t deadline)
{
	long err = 0;

	while (err == 0 && !ready(data)) {
		if (io_run(t, eng))
			continue;
		if (queue_up(eng, q, ready, data))
			err = sleep_once(eng, deadline);
		leave(eng, q);
	}
	pass_on(eng);
	return ready(data) ? 0 : err;
}

void io_hold(struct io_engine *eng)
{
	atomic_fetch_add(&eng->held, 1);
}

void io_release(struct lx_thread *t, struct io_engine *eng)
{
	if (!list_empty(&eng->ready))
		(void)io_run(t, eng);
	atomic_fetch_sub(&eng->held, 1);
	pass_on(eng);
}

/* ---- The end ---- */

static struct io_req *claim_any(struct io_engine *eng)
{
	struct io_req *found = NULL;

	lock_take(&eng->lock);
	LIST_FOR(r, &eng->all, struct io_req, all) {
		if (r->state & IO_RUNNING)
			continue; /* another process ends it just now */
		r->state |= IO_RUNNING;
		list_remove(&r->run);
		found = r;
		break;
	}
	lock_drop(&eng->lock);
	return found;
}

void io_exit(struct lx_proc *p)
{
	struct io_engine *eng = p->io;
	struct lx_thread *t = lx_current();
	struct io_req *r;

	if (eng == NULL)
		return;
	while (!list_empty(&eng->all)) {
		r = claim_any(eng);
		if (r == NULL)
			(void)DkThreadYieldExecution();
		else if (r->source == IO_SOURCE_AIO)
			aio_cancelled(t, r);
		else if (r->source == IO_SOURCE_NT)
			nt_io_cancelled(r);
		else
			uring_cancelled(t, r);
	}
	aio_exit(eng);
	for (uint32_t i = 0; i < ARRAY_LEN(eng->ring); i++)
		if (eng->ring[i] != NULL)
			file_put(eng->ring[i]);
	p->io = NULL;
	arena_free(eng);
}
