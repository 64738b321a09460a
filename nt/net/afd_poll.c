/* SPDX-License-Identifier: MIT */
/*
 * nt/net/afd_poll.c - IOCTL_AFD_POLL: select, WSAPoll, and event loops that ask by it themselves (libuv's, wepoll's, mio's).
 *
 * A poll that waits is in the list of each socket it names (N).  Whoever goes over a socket tells its polls what holds; the
 * first that is wanted ends the poll, which leaves all lists then.  Its answer is the arena's, so any process may end it.
 */
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/net/afd.h"
#include "rt/mem.h"

#define MOST_SOCKETS 16384u

struct poll_head { /* afd_poll_params */
	int64_t timeout;
	uint32_t count;
	uint8_t exclusive, pad[3];
};
struct poll_socket {
	uint64_t handle;
	uint32_t flags, status;
};

/* Socket handles as pollers hold them; a is what they poll for. */
static NTSTATUS socket_in(struct afd_poll_item *i, const struct poll_socket *s)
{
	NTSTATUS status = io_by_handle(s->handle, 0, &i->file);

	if (status != STATUS_SUCCESS)
		return status;
	list_init(&i->link);
	i->handle = s->handle;
	i->mask = s->flags;
	if (i->file->kind == IO_AFD && afd_of(i->file) != NULL)
		return STATUS_SUCCESS;
	ob_put(&i->file->ob);
	i->file = NULL;
	return STATUS_INVALID_HANDLE;
}

static void put_items(struct afd_poll_item *item, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (item[i].file != NULL)
			ob_put(&item[i].file->ob);
}

static NTSTATUS items_in(struct afd_poll_item *item, uint32_t count, uint64_t va)
{
	for (uint32_t i = 0; i < count; i++) {
		struct poll_socket s;
		NTSTATUS status = user_read(&s, va + i * sizeof s, sizeof s);

		item[i].file = NULL;
		if (status == STATUS_SUCCESS)
			status = socket_in(&item[i], &s);
		if (status != STATUS_SUCCESS) {
			put_items(item, i);
			return status;
		}
	}
	return STATUS_SUCCESS;
}

static void told(struct afd_poll_item *i, uint32_t flags, int error)
{
	i->flags |= flags & i->mask;
	if (flags & i->mask & (AFD_POLL_CONNECT_ERR | AFD_POLL_HUP))
		i->status = os_sock_status(-error);
}

/* What holds now, of sockets that are not in any list yet.  True: something is wanted. */
static bool look(struct afd_poll_item *item, uint32_t count)
{
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		struct afd_news n;

		lock_take(&item[i].file->lock);
		afd_run_locked(item[i].file, &n);
		lock_drop(&item[i].file->lock);
		told(&item[i], n.flags, n.error);
		afd_ran(item[i].file, &n);
		any = any || item[i].flags != 0;
	}
	return any;
}

/* The answer, at to; its size. */
static uint32_t answer(const struct poll_head *head, const struct afd_poll_item *item, uint32_t count, uint8_t *to)
{
	struct poll_head h = *head;
	uint32_t size = sizeof h;

	h.count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct poll_socket s = { item[i].handle, item[i].flags, item[i].status };

		if (item[i].flags == 0)
			continue;
		memcpy(to + size, &s, sizeof s);
		size += sizeof s;
		h.count++;
	}
	memcpy(to, &h, sizeof h);
	return size;
}

/* ---- Polls that wait ---- */

void afd_poll_done(struct afd_poll *p, NTSTATUS status, struct list *done)
{
	struct poll_head head = { .timeout = p->timeout, .exclusive = (uint8_t)p->exclusive };
	struct io_irp *irp = p->op.irp;

	for (uint32_t i = 0; i < p->count; i++) {
		struct afd *a = afd_of(p->item[i].file);

		list_remove(&p->item[i].link);
		if (a->main == p)
			a->main = NULL;
	}
	irp->data_size = answer(&head, p->item, p->count, irp->data);
	p->op.moved = irp->data_size;
	afd_done(&p->op, status, done);
}

void afd_poll_told(struct io_file *f, uint32_t flags, int error, struct list *done)
{
	struct afd *a = afd_of(f);

	if (a == NULL || list_empty(&a->polls))
		return;
	lock_take(&afd_root()->lock);
	for (struct list *l = a->polls.next; l != &a->polls;) {
		struct afd_poll_item *i = LIST_ENTRY(l, struct afd_poll_item, link);

		l = l->next;
		if (!(i->mask & flags) && flags != AFD_POLL_CLOSE)
			continue;
		told(i, flags, error);
		if (flags == AFD_POLL_CLOSE) /* asked for or not */
			i->flags = AFD_POLL_CLOSE;
		afd_poll_done(i->poll, STATUS_SUCCESS, done);
		l = a->polls.next; /* others of the same poll may have been in this list, and are gone */
	}
	lock_drop(&afd_root()->lock);
}

uint32_t afd_poll_wanted(struct afd *a, const struct nt_process *p)
{
	uint32_t flags = 0;

	if (list_empty(&a->polls))
		return 0;
	lock_take(&afd_root()->lock);
	LIST_FOR (i, &a->polls, struct afd_poll_item, link)
		if (i->poll->op.irp->process == p)
			flags |= i->mask;
	lock_drop(&afd_root()->lock);
	return flags;
}

void afd_poll_ends(struct afd_op *op)
{
	struct afd_poll *p = (struct afd_poll *)op;

	put_items(p->item, p->count);
}

/* Into the sockets' lists. */
static void queue(struct afd_poll *p, struct list *done)
{
	lock_take(&afd_root()->lock);
	for (uint32_t i = 0; i < p->count; i++) {
		struct afd *a = afd_of(p->item[i].file);

		if (a->main != NULL && a->main != p && a->main->exclusive && p->exclusive)
			afd_poll_done(a->main, STATUS_SUCCESS, done);
		if (a->main == NULL)
			a->main = p;
		p->item[i].poll = p;
		list_append(&a->polls, &p->item[i].link);
	}
	lock_drop(&afd_root()->lock);
}

static uint64_t deadline_of(int64_t timeout)
{
	return timeout == INT64_MAX || timeout == INT64_MIN ? DK_FOREVER : ex_deadline(timeout);
}

static NTSTATUS wait(struct io_request *r, const struct poll_head *head, struct afd_poll_item *item)
{
	size_t size = head->count * sizeof *item;
	struct afd_op *op = afd_pend(r, AFD_OP_POLL, size);
	struct afd_poll *p = (struct afd_poll *)op;
	struct list done;

	if (op == NULL) {
		put_items(item, head->count);
		return STATUS_NO_MEMORY;
	}
	list_init(&done);
	p->exclusive = head->exclusive;
	p->timeout = head->timeout;
	p->count = head->count;
	memcpy(p->item, item, size);
	for (uint32_t i = 0; i < p->count; i++)
		list_init(&p->item[i].link);
	op->irp->data = arena_alloc(sizeof *head + head->count * sizeof(struct poll_socket));
	if (op->irp->data == NULL) {
		lock_take(&afd_root()->lock);
		p->count = 0;
		afd_done(op, STATUS_NO_MEMORY, &done);
		lock_drop(&afd_root()->lock);
		put_items(item, head->count);
	} else {
		queue(p, &done);
		afd_time(op, deadline_of(head->timeout));
		for (uint32_t i = 0; i < head->count; i++)
			afd_run(p->item[i].file);
	}
	io_irps_finish(&done);
	return io_irp_wait(r, op->irp);
}

NTSTATUS afd_poll(struct io_request *r)
{
	struct poll_head head;
	struct afd_poll_item *item;
	uint8_t *out;
	NTSTATUS status = r->in_size < sizeof head + sizeof(struct poll_socket) || r->size < r->in_size ? (NTSTATUS)STATUS_INVALID_PARAMETER : user_read(&head, r->in, sizeof head);

	if (status != STATUS_SUCCESS)
		return status;
	if (head.count == 0 || head.count > MOST_SOCKETS || r->in_size - sizeof head < head.count * sizeof(struct poll_socket))
		return STATUS_INVALID_PARAMETER;
	item = heap_alloc(head.count * sizeof *item + r->in_size);
	if (item == NULL)
		return STATUS_NO_MEMORY;
	memset(item, 0, head.count * sizeof *item);
	status = items_in(item, head.count, r->in + sizeof head);
	if (status == STATUS_SUCCESS && (look(item, head.count) || head.timeout == 0)) {
		out = (uint8_t *)(item + head.count);
		r->done = answer(&head, item, head.count, out);
		put_items(item, head.count);
		status = user_write(r->buffer, out, r->done);
	} else if (status == STATUS_SUCCESS) {
		status = wait(r, &head, item);
	}
	heap_free(item);
	return status;
}
