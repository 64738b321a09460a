/* SPDX-License-Identifier: MIT */
/* nt/io/npfs_queue.c - what is queued at an end of a named pipe. */
#include "nt/io/npfs.h"

uint32_t npfs_quota(const struct npfs_end *e)
{
	const struct npfs_pipe *p = e->pipe;

	return e->side == NPFS_SERVER ? p->in_quota : p->out_quota;
}

void npfs_message_free(struct npfs_message *m)
{
	se_client_put(&m->who);
	arena_free(m);
}

void npfs_heard(struct npfs_end *e, struct npfs_message *m) REQUIRES(NTPIPE)
{
	if (m->who.token == NULL)
		return;
	se_client_put(&e->who);
	e->who = m->who;
	m->who.token = NULL;
}

void npfs_message_gone(struct npfs_end *e, struct npfs_message *m, struct list *done) REQUIRES(NTPIPE)
{
	list_remove(&m->link);
	e->count--;
	if (m->writer != NULL)
		io_irp_take(m->writer, STATUS_SUCCESS, m->size, done);
	npfs_message_free(m);
	if (e->count == 0)
		npfs_end_all(&e->flushers, STATUS_SUCCESS, done);
}

void npfs_release_writers(struct npfs_end *e, struct list *done) REQUIRES(NTPIPE)
{
	uint32_t sum = 0;

	npfs_stir(e->peer);
	LIST_FOR (m, &e->messages, struct npfs_message, link) {
		sum += npfs_left(m);
		if (sum > npfs_quota(e))
			return;
		if (m->writer != NULL) {
			io_irp_take(m->writer, STATUS_SUCCESS, m->size, done);
			m->writer = NULL;
		}
	}
}

void npfs_purge(struct npfs_end *e, NTSTATUS status, struct list *done)
{
	while (!list_empty(&e->messages)) {
		struct npfs_message *m = LIST_FIRST(&e->messages, struct npfs_message, link);

		list_remove(&m->link);
		if (m->writer != NULL)
			io_irp_take(m->writer, status, 0, done);
		npfs_message_free(m);
	}
	e->count = e->bytes = 0;
	npfs_stir(e->peer);
	npfs_end_all(&e->readers, status, done);
	npfs_end_all(&e->flushers, status, done);
}
