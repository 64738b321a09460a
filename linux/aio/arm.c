/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/arm.c - a request's waiters on the queues of its file.
 *
 * They stay there until the request ends, as an epoll's do: a wake-up only says that
 * it is worth a try.  For streams of the host, which nobody wakes, the request is in
 * eng->hosts, and whoever sleeps for the engine sleeps on their events too.
 */
#include "linux/aio/engine.h"
#include "linux/fs/pollset.h"

static struct io_wait *next_wait(struct io_req *r)
{
	struct io_wait *w;

	if (r->nwaits < ARRAY_LEN(r->waits))
		return &r->waits[r->nwaits];
	w = arena_alloc(sizeof *w);
	if (w != NULL) {
		w->more = r->more;
		r->more = w;
	}
	return w;
}

void io_add_queue(struct poll_table *p, struct waitq *q)
{
	struct io_req *r = p->io;
	struct io_wait *w = next_wait(r);

	if (w == NULL) {
		p->failed = true;
		return;
	}
	r->nwaits++;
	list_init(&w->w.link);
	w->w.kind = LX_WAITER_IO;
	w->w.flags = 0;
	w->w.thread = NULL;
	w->w.data = r;
	w->w.key = p->key;
	w->q = q;
	waitq_add(q, &w->w);
}

void io_add_stream(struct poll_table *p, dk_handle stream, enum dk_stream_event which)
{
	struct io_req *r = p->io;

	if (r->nstreams == ARRAY_LEN(r->streams))
		return;
	r->streams[r->nstreams].stream = stream;
	r->streams[r->nstreams++].which = which;
	lock_take(&r->eng->lock);
	if (list_empty(&r->host)) {
		list_append(&r->eng->hosts, &r->host);
		/* Who sleeps does so on the others' events only. */
		io_kick_locked(r->eng);
		if (r->eng->poller != NULL && r->eng->poller->thread != lx_current())
			pico_wake(&r->eng->poller->thread->pico); /* also where what is ready is run by who holds it */
	}
	lock_drop(&r->eng->lock);
}

bool io_arm(struct lx_thread *t, struct io_req *r)
{
	struct poll_table p;

	if (r->armed)
		return true;
	poll_table_init(&p);
	p.io = r;
	p.key = r->events | EPOLLERR | EPOLLHUP;
	r->armed = true;
	(void)file_poll(t, r->file, &p);
	return !p.failed;
}

void io_disarm(struct io_req *r)
{
	for (uint32_t i = 0; i < MIN(r->nwaits, (uint32_t)ARRAY_LEN(r->waits)); i++)
		waitq_remove(r->waits[i].q, &r->waits[i].w);
	while (r->more != NULL) {
		struct io_wait *w = r->more;

		r->more = w->more;
		waitq_remove(w->q, &w->w);
		arena_free(w);
	}
	if (r->nstreams != 0) {
		lock_take(&r->eng->lock);
		list_remove(&r->host);
		lock_drop(&r->eng->lock);
	}
	r->nwaits = r->nstreams = 0;
	r->armed = false;
}

uint32_t io_host_events(struct io_engine *eng, dk_handle *events, uint32_t max)
{
	uint32_t n = 0;

	LIST_FOR(r, &eng->hosts, struct io_req, host) {
		for (uint32_t i = 0; i < r->nstreams && n < max; i++) {
			dk_handle event;
			bool known = false;

			if (DkStreamGetEvent(r->streams[i].stream, r->streams[i].which, &event) != DK_OK)
				continue;
			for (uint32_t k = 0; k < n; k++)
				known = known || events[k] == event;
			if (!known)
				events[n++] = event;
		}
	}
	return n;
}

void io_hosts_fired(struct io_engine *eng)
{
	lock_take(&eng->lock);
	LIST_FOR(r, &eng->hosts, struct io_req, host) {
		if (!(r->state & (IO_QUEUED | IO_RUNNING)))
			list_append(&eng->ready, &r->run);
		r->state |= IO_QUEUED;
	}
	lock_drop(&eng->lock);
}
