/* SPDX-License-Identifier: MIT */
/*
 * nt/io/npfs_rw.c - bytes and messages through named pipes.
 *
 * A write is one message at the other end's queue.  A reader that waits there gets it at once; if more than the pipe's quota is
 * queued the writer waits until enough was read.  A read that finds something copies straight to the guest, under the pipe's lock; what
 * a waiting one gets is carried by its irp.
 */
#include "nt/io/npfs.h"
#include "nt/ke/user.h"
#include "rt/mem.h"

static LOCK(NTPIPE) *lock_of(const struct npfs_end *e)
{
	return &e->pipe->lock;
}

/* ---- Reading ---- */

static NTSTATUS put(struct npfs_target *t, const struct npfs_message *m, uint32_t n)
{
	NTSTATUS status = STATUS_SUCCESS;

	if (t->put != NULL)
		status = t->put(t->arg, t->done, m->data + m->read, n) ? STATUS_SUCCESS : (NTSTATUS)STATUS_ACCESS_VIOLATION;
	else if (t->mem != NULL)
		memcpy(t->mem + t->done, m->data + m->read, n);
	else if (n != 0)
		status = user_write(t->va + t->done, m->data + m->read, n);
	if (status == STATUS_SUCCESS)
		t->done += n;
	return status;
}

/* One message, or the part of it that fits. */
static NTSTATUS take_message(struct npfs_end *e, struct npfs_target *t, struct list *done) REQUIRES(NTPIPE)
{
	struct npfs_message *m = LIST_FIRST(&e->messages, struct npfs_message, link);
	uint32_t n = MIN(t->room, npfs_left(m));
	NTSTATUS status = put(t, m, n);

	if (status != STATUS_SUCCESS)
		return status;
	npfs_heard(e, m);
	m->read += n;
	e->bytes -= n;
	if (npfs_left(m) != 0)
		return STATUS_BUFFER_OVERFLOW;
	npfs_message_gone(e, m, done);
	return STATUS_SUCCESS;
}

static NTSTATUS take_bytes(struct npfs_end *e, struct npfs_target *t, struct list *done) REQUIRES(NTPIPE)
{
	while (!list_empty(&e->messages)) {
		struct npfs_message *m = LIST_FIRST(&e->messages, struct npfs_message, link);
		uint32_t n = MIN(t->room - t->done, npfs_left(m));
		NTSTATUS status = put(t, m, n);

		if (status != STATUS_SUCCESS)
			return t->done != 0 ? STATUS_SUCCESS : status;
		npfs_heard(e, m);
		m->read += n;
		e->bytes -= n;
		if (npfs_left(m) != 0)
			break;
		npfs_message_gone(e, m, done);
		if (t->done == t->room)
			break;
	}
	return STATUS_SUCCESS;
}

NTSTATUS npfs_take(struct npfs_end *e, struct npfs_target *t, struct list *done)
{
	NTSTATUS status = e->message_mode ? take_message(e, t, done) : take_bytes(e, t, done);

	npfs_release_writers(e, done);
	return status;
}

/* Something is queued at e: who waits there gets it. */
static void feed_readers(struct npfs_end *e, struct list *done) REQUIRES(NTPIPE)
{
	while (!list_empty(&e->readers) && !list_empty(&e->messages)) {
		struct io_irp *irp = LIST_FIRST(&e->readers, struct io_irp, link);
		uint32_t room = MIN(irp->r.size, e->message_mode ? npfs_left(LIST_FIRST(&e->messages, struct npfs_message, link)) : e->bytes);
		struct npfs_target t = { .mem = arena_alloc(room + 1), .room = room };
		NTSTATUS status;

		if (t.mem == NULL) {
			io_irp_take(irp, STATUS_INSUFFICIENT_RESOURCES, 0, done);
			continue;
		}
		status = npfs_take(e, &t, done);
		irp->data = t.mem;
		irp->data_size = t.done;
		io_irp_take(irp, status, t.done, done);
	}
}

void npfs_append(struct npfs_end *peer, struct npfs_message *m, struct list *done)
{
	list_append(&peer->messages, &m->link);
	peer->count++;
	peer->bytes += m->size;
	feed_readers(peer, done);
	npfs_stir(peer);
}

/* What a read says when nothing is queued; STATUS_PENDING: it waits. */
static NTSTATUS nothing_there(const struct npfs_end *e)
{
	switch (e->state) {
	case NPFS_LISTENING:
		return STATUS_PIPE_LISTENING;
	case NPFS_DISCONNECTED:
		return STATUS_PIPE_DISCONNECTED;
	case NPFS_CLOSING:
		return STATUS_PIPE_BROKEN;
	default:
		return e->nowait ? STATUS_PIPE_EMPTY : STATUS_PENDING;
	}
}

/* With the lock held; drops it.  done: what has ended before. */
static NTSTATUS read_locked(struct npfs_end *e, struct io_request *r, struct list *done) RELEASES(NTPIPE)
{
	struct npfs_target t = { .va = r->buffer, .room = r->size };
	struct io_irp *irp = NULL;
	NTSTATUS status;

	if (!list_empty(&e->messages) && list_empty(&e->readers)) {
		status = npfs_take(e, &t, done);
		r->done = t.done;
	} else {
		status = nothing_there(e);
		if (status == STATUS_PENDING) {
			irp = io_irp_new(r);
			if (irp == NULL)
				status = STATUS_INSUFFICIENT_RESOURCES;
			else
				list_append(&e->readers, &irp->link);
		}
	}
	lock_drop(lock_of(e));
	io_irps_finish(done);
	return irp != NULL ? io_irp_wait(r, irp) : status;
}

NTSTATUS npfs_read(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	struct list done;

	list_init(&done);
	lock_take(lock_of(e));
	return read_locked(e, r, &done);
}

/* ---- Writing ---- */

static NTSTATUS may_write(const struct npfs_end *e)
{
	switch (e->state) {
	case NPFS_LISTENING:
		return STATUS_PIPE_LISTENING;
	case NPFS_DISCONNECTED:
		return STATUS_PIPE_DISCONNECTED;
	case NPFS_CLOSING:
		return STATUS_PIPE_CLOSING;
	default:
		return STATUS_SUCCESS;
	}
}

static struct npfs_message *message_in(const struct npfs_end *e, uint64_t va, uint32_t size, NTSTATUS *status)
{
	struct npfs_message *m = arena_alloc(sizeof *m + size);

	if (m == NULL) {
		*status = STATUS_INSUFFICIENT_RESOURCES;
		return NULL;
	}
	list_init(&m->link);
	m->size = size;
	*status = size != 0 ? user_read(m->data, va, size) : STATUS_SUCCESS;
	if (*status == STATUS_SUCCESS) {
		if (e->side == NPFS_CLIENT)
			se_client_now(&e->who, &m->who);
		return m;
	}
	arena_free(m);
	return NULL;
}

uint64_t npfs_wanted(const struct npfs_end *e)
{
	uint64_t n = 0;

	LIST_FOR (irp, &e->readers, struct io_irp, link)
		n += irp->r.size;
	return n;
}

/* PIPE_NOWAIT: all, or what is taken at once and nothing besides; of a message nothing. */
static void cut(const struct npfs_end *peer, struct npfs_message *m) REQUIRES(NTPIPE)
{
	uint64_t wanted = npfs_wanted(peer);

	if (m->size > wanted + npfs_room(peer))
		m->size = peer->pipe->message_type ? 0 : (uint32_t)wanted;
}

enum when_full { WAIT_FOR_ROOM, CUT, EXCEED };

/* Queues m at peer; *irp: the writer has to wait. */
static NTSTATUS enqueue(struct npfs_end *e, struct io_request *r, struct npfs_message *m, enum when_full full, struct list *done, struct io_irp **irp)
	REQUIRES(NTPIPE)
{
	struct npfs_end *peer = e->peer; /* there if it may write */
	NTSTATUS status = may_write(e);
	uint32_t size = m->size;

	if (status == STATUS_SUCCESS && full == CUT)
		cut(peer, m);
	if (status != STATUS_SUCCESS || (m->size == 0 && (size != 0 || !peer->pipe->message_type))) {
		npfs_message_free(m);
		return status;
	}
	r->done = m->size;
	if (full == WAIT_FOR_ROOM && m->size > npfs_wanted(peer) + npfs_room(peer)) {
		*irp = io_irp_new(r);
		if (*irp == NULL) {
			npfs_message_free(m);
			return STATUS_INSUFFICIENT_RESOURCES;
		}
		m->writer = *irp;
	}
	npfs_append(peer, m, done);
	return STATUS_SUCCESS;
}

NTSTATUS npfs_write(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	struct io_irp *irp = NULL;
	struct npfs_message *m;
	struct list done;
	NTSTATUS status;

	m = message_in(e, r->buffer, r->size, &status);
	if (m == NULL)
		return status;
	list_init(&done);
	lock_take(lock_of(e));
	status = enqueue(e, r, m, e->nowait ? CUT : WAIT_FOR_ROOM, &done, &irp);
	lock_drop(lock_of(e));
	io_irps_finish(&done);
	return irp != NULL ? io_irp_wait(r, irp) : status;
}

NTSTATUS npfs_flush(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	struct io_irp *irp = NULL;
	NTSTATUS status;

	lock_take(lock_of(e));
	status = npfs_is_cut_off(e) ? STATUS_PIPE_DISCONNECTED : STATUS_SUCCESS;
	r->more = IO_BLOCKS;
	if (status == STATUS_SUCCESS && e->peer != NULL && e->peer->count != 0) {
		irp = io_irp_new(r);
		if (irp != NULL)
			list_append(&e->peer->flushers, &irp->link);
		else
			status = STATUS_INSUFFICIENT_RESOURCES;
	}
	lock_drop(lock_of(e));
	return irp != NULL ? io_irp_wait(r, irp) : status;
}

static NTSTATUS transceive(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	struct io_request write = *r;
	struct io_irp *irp = NULL;
	struct npfs_message *m;
	struct list done;
	NTSTATUS status;

	if (e->state != NPFS_CONNECTED)
		return npfs_is_cut_off(e) ? STATUS_PIPE_DISCONNECTED : STATUS_INVALID_PIPE_STATE;
	if (!e->pipe->message_type || !e->message_mode || e->pipe->configuration != NPFS_DUPLEX)
		return STATUS_INVALID_READ_MODE;
	m = message_in(e, r->in, r->in_size, &status);
	if (m == NULL)
		return status;
	list_init(&done);
	lock_take(lock_of(e));
	if (e->count != 0) {
		lock_drop(lock_of(e));
		npfs_message_free(m);
		return STATUS_PIPE_BUSY;
	}
	/* The write is not waited for: its answer is not what the caller is after. */
	status = enqueue(e, &write, m, EXCEED, &done, &irp);
	if (status != STATUS_SUCCESS) {
		lock_drop(lock_of(e));
		io_irps_finish(&done);
		return status;
	}
	return read_locked(e, r, &done);
}

/* r, which has failed, is told so like what was pending. */
static NTSTATUS fail_later(struct io_request *r, NTSTATUS status)
{
	struct io_irp *irp = io_irp_new(r);
	struct list done;

	if (irp == NULL)
		return status;
	list_init(&done);
	lock_take(lock_of(npfs_end_of(r->file)));
	io_irp_take(irp, status, 0, &done);
	lock_drop(lock_of(npfs_end_of(r->file)));
	io_irps_finish(&done);
	return io_irp_wait(r, irp);
}

NTSTATUS npfs_transceive(struct io_request *r)
{
	NTSTATUS status = transceive(r);

	return NT_ERROR(status) && !io_is_sync(r->file) ? fail_later(r, status) : status;
}

/* What was not read of a writer's message that waits no more goes. */
static void unwrite(struct npfs_end *peer, const struct io_irp *irp, struct list *done) REQUIRES(NTPIPE)
{
	LIST_FOR (m, &peer->messages, struct npfs_message, link) {
		if (m->writer != irp)
			continue;
		m->writer = NULL;
		peer->bytes -= npfs_left(m);
		npfs_message_gone(peer, m, done);
		npfs_release_writers(peer, done);
		return;
	}
}

void npfs_cancel(struct io_irp *irp, struct list *done)
{
	struct npfs_end *e = npfs_end_of(irp->r.file);

	lock_take(lock_of(e));
	if (irp->state == IO_IRP_QUEUED) {
		if (e->peer != NULL && irp->r.write)
			unwrite(e->peer, irp, done);
		io_irp_take(irp, STATUS_CANCELLED, 0, done);
	}
	lock_drop(lock_of(e));
}
