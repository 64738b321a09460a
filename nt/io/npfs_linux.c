/* SPDX-License-Identifier: MIT */
/*
 * nt/io/npfs_linux.c - ends of named pipes that Linux programs have as descriptors (nt/os/pipefile.c).
 *
 * Such a program reads and writes bytes, as in a pipe of its own; a write to a pipe of messages is one.  Nothing here waits: who finds
 * nothing to do sleeps on the end's linux_wait, which is woken by whatever changes the end or the other one's queue (npfs_stir).  It
 * goes by its own picoprocess, without an nt_thread; Windows programs' requests that it ends are handed to their processes.
 */
#include "nt/io/npfs.h"
#include "nt/os/pipefile.h"

#define ATONCE 4096u /* writes of up to so many bytes are done whole or not at all (pipe(7)'s PIPE_BUF), and fit into an empty queue */

/* How many bytes may be written to peer now. */
static uint64_t room_at(const struct npfs_end *peer) REQUIRES(NTPIPE)
{
	uint64_t room = npfs_wanted(peer) + npfs_room(peer);

	return peer->count == 0 ? MAX(room, (uint64_t)ATONCE) : room;
}

static bool is_over(const struct npfs_end *e)
{
	return e->state == NPFS_CLOSING || e->state == NPFS_DISCONNECTED;
}

uint32_t npfs_linux_ready(struct ob_object *o)
{
	struct npfs_end *e = npfs_end_of((struct io_file *)o);
	uint32_t ready = 0;

	lock_take(&e->pipe->lock);
	if (e->count != 0)
		ready |= OS_PIPE_DATA;
	if (e->state == NPFS_CONNECTED && room_at(e->peer) >= ATONCE)
		ready |= OS_PIPE_ROOM;
	if (is_over(e))
		ready |= OS_PIPE_OVER;
	lock_drop(&e->pipe->lock);
	return ready;
}

uint32_t npfs_linux_available(const struct ob_object *o)
{
	return __atomic_load_n(&npfs_end_of((const struct io_file *)o)->bytes, __ATOMIC_RELAXED);
}

struct waitq *npfs_linux_wait(struct ob_object *o)
{
	return &npfs_end_of((struct io_file *)o)->linux_wait;
}

NTSTATUS npfs_linux_read(struct ob_object *o, uint32_t size, bool (*put)(void *arg, uint32_t at, const void *from, uint32_t n), void *arg, uint32_t *done)
{
	struct npfs_end *e = npfs_end_of((struct io_file *)o);
	struct npfs_target t = { .put = put, .arg = arg, .room = size };
	struct list ended;
	NTSTATUS status;

	list_init(&ended);
	lock_take(&e->pipe->lock);
	if (e->count != 0)
		status = npfs_take(e, &t, &ended);
	else
		status = is_over(e) ? STATUS_PIPE_BROKEN : STATUS_PENDING;
	lock_drop(&e->pipe->lock);
	io_irps_finish(&ended);
	*done = t.done;
	return status == (NTSTATUS)STATUS_BUFFER_OVERFLOW ? STATUS_SUCCESS : status; /* the rest of a message comes with the next read */
}

/* m, or of a byte pipe's the part that there is room for, comes to the other end; what does not is freed. */
static NTSTATUS send(struct npfs_end *e, struct npfs_message *m, struct list *ended) REQUIRES(NTPIPE)
{
	NTSTATUS status = is_over(e) ? STATUS_PIPE_BROKEN : e->state != NPFS_CONNECTED ? STATUS_PENDING : STATUS_SUCCESS;
	uint64_t room = status == STATUS_SUCCESS ? room_at(e->peer) : 0;

	if (status == STATUS_SUCCESS && m->size > room) {
		if (e->pipe->message_type ? e->peer->count != 0 : room == 0 || m->size <= ATONCE)
			status = STATUS_PENDING;
		else if (!e->pipe->message_type)
			m->size = (uint32_t)room;
	}
	if (status == STATUS_SUCCESS)
		npfs_append(e->peer, m, ended);
	return status;
}

NTSTATUS npfs_linux_write(struct ob_object *o, uint32_t size, uint32_t (*fill)(void *arg, void *to, uint32_t n), void *arg, uint32_t *done)
{
	struct npfs_end *e = npfs_end_of((struct io_file *)o);
	struct npfs_message *m = arena_alloc(sizeof *m + size);
	struct list ended;
	NTSTATUS status;

	if (m == NULL)
		return STATUS_NO_MEMORY;
	list_init(&m->link);
	list_init(&ended);
	m->size = fill(arg, m->data, size);
	if (m->size == 0) {
		npfs_message_free(m);
		return STATUS_ACCESS_VIOLATION;
	}
	lock_take(&e->pipe->lock);
	status = send(e, m, &ended);
	*done = status == STATUS_SUCCESS ? m->size : 0;
	lock_drop(&e->pipe->lock);
	io_irps_finish(&ended);
	if (status != STATUS_SUCCESS)
		npfs_message_free(m);
	return status;
}
