/* SPDX-License-Identifier: MIT */
/*
 * nt/os/sockwatch.c - who is told when a socket may have become ready.
 *
 * A watch is a request of the process's engine (linux/aio/engine.h), as an asynchronous read of io_uring's is: it has waiters on the
 * queues of its file, and a wake-up has it run by the engine's poller, a thread of the same process.  So it also works for
 * streams of the host, which nobody wakes: the poller sleeps on their events.
 *
 * A watch is parked as long as it lives.  Its waiters are put there and taken away under its owner's lock, whoever runs it; its end is
 * who has claimed it.
 */
#include "linux/aio/worker.h"
#include "linux/fs/fs.h"
#include "linux/other.h"
#include "nt/nt.h"
#include "nt/os/sock.h"

struct watch {
	struct os_sockwatch pub;  /* first */
	struct io_req req;
};

static struct watch *watch_of(struct os_sockwatch *w)
{
	return (struct watch *)w;
}

static struct watch *of_req(struct io_req *r)
{
	return LIST_ENTRY(r, struct watch, req);
}

static void gone(struct watch *w)
{
	void *owner = w->pub.owner;

	io_req_done(&w->req);
	arena_free(w);
	net_watch_gone(owner);
}

struct os_sockwatch *os_sockwatch_new(struct file *f, void *owner)
{
	struct lx_thread *t = lx_current();
	struct io_engine *eng = io_engine_get(t);
	struct watch *w = eng != NULL ? arena_alloc(sizeof *w) : NULL;

	if (w == NULL)
		return NULL;
	io_req_init(&w->req, eng, IO_SOURCE_NT);
	file_get(f);
	w->req.file = f;
	list_init(&w->pub.link);
	w->pub.owner = owner;
	w->pub.process = nt_current_process();
	if (io_park(t, &w->req))
		return &w->pub;
	io_req_done(&w->req);
	arena_free(w);
	return NULL;
}

static void change_file(struct io_req *r, struct file *f)
{
	file_get(f);
	file_put(r->file);
	r->file = f;
}

uint32_t os_sockwatch_arm(struct os_sockwatch *pub, struct file *f, uint32_t events)
{
	struct io_req *r = &watch_of(pub)->req;

	if (pub->events != events || r->file != f) {
		if (r->armed)
			io_disarm(r);
		if (r->file != f)
			change_file(r, f);
		pub->events = r->events = events;
		if (events != 0)
			(void)io_arm(lx_current(), r);
	}
	return events != 0 ? file_poll(lx_current(), f, NULL) : 0;
}

void os_sockwatch_kick(struct os_sockwatch *w)
{
	io_queue(&watch_of(w)->req);
}

/* Under the owner's lock: who else might claim and free it, as its process ends, has to come by that first (net_watch_lost). */
bool os_sockwatch_claim(struct os_sockwatch *w)
{
	return io_claim(&watch_of(w)->req);
}

void os_sockwatch_free(struct os_sockwatch *w)
{
	gone(watch_of(w));
}

struct io_engine *os_sockwatch_hold(void)
{
	struct io_engine *eng = io_engine_get(lx_current());

	if (eng != NULL)
		io_hold(eng);
	return eng;
}

void os_sockwatch_release(struct io_engine *held)
{
	if (held != NULL)
		io_release(lx_current(), held);
}

void os_sockwatch_timed(void)
{
	struct io_engine *eng = io_engine_get(lx_current());

	if (eng != NULL && io_need_poller(lx_current(), eng))
		io_kick_poller(eng);
}

void nt_io_run(struct lx_thread *t, struct io_req *r)
{
	struct watch *w = of_req(r);

	net_ready(&w->pub);
	if (!io_park(t, r)) /* it was ended meanwhile */
		gone(w);
}

void nt_io_cancelled(struct io_req *r)
{
	net_watch_lost(&of_req(r)->pub);
	gone(of_req(r));
}

uint64_t nt_io_due(struct lx_proc *p)
{
	return net_due(p->nt);
}
