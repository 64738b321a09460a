/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/completion.c - completion ports: queues of packets that threads wait for.
 *
 * The queue is a head of its own, of a semaphore's kind: its signal is how many packets are there that nobody has been given.  Who
 * gets through that wait takes the first packet, there is one.  The port's own head is what others see who only wait for
 * the handle: ready while there are packets, and waiting takes none.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"

#define IO_COMPLETION_QUERY_STATE  1u
#define IO_COMPLETION_MODIFY_STATE 2u
#define REMOVE_MAX 4096u

struct packet {
	struct list link;
	uint64_t key, value, information;
	NTSTATUS status;
};

/* As the guest sees one. */
struct FILE_IO_COMPLETION_INFORMATION {
	uint64_t KeyContext, ApcContext;
	struct IO_STATUS_BLOCK IoStatusBlock;
};

struct ex_completion {
	struct ob_object ob;
	struct ob_object queue; /* no object: only to be waited for */
	struct list packets;    /* [NTOBJ, queue's] */
	bool closed;            /* [NTOBJ, queue's] no handle is left */
};

static struct ex_completion *port_of(const struct ob_object *o)
{
	return (struct ex_completion *)(uintptr_t)o;
}

static bool port_ready(const struct ob_object *o, const struct nt_thread *t)
{
	return __atomic_load_n(&port_of(o)->queue.signal, __ATOMIC_RELAXED) > 0;
}

static void port_destroy(struct ob_object *o)
{
	struct ex_completion *c = port_of(o);

	LIST_FOR_SAFE(p, next, &c->packets, struct packet, link)
		arena_free(p);
	arena_free(c);
}

/* Who still waits for a packet is told. */
static void port_close(struct ob_object *o, struct nt_process *p, bool last)
{
	struct ex_completion *c = port_of(o);

	if (!last || __atomic_load_n(&o->name, __ATOMIC_RELAXED) != NULL)
		return;
	lock_take(&c->queue.lock);
	c->closed = true;
	LIST_FOR_SAFE(b, next, &c->queue.waiters, struct nt_wait_block, link) {
		if (!ex_wait_end(b->thread, STATUS_ABANDONED_WAIT_0))
			continue;
		list_remove(&b->link);
		pico_wake(ex_pico(b->thread));
	}
	lock_drop(&c->queue.lock);
}

const struct ob_type ob_type_completion = { .name = "IoCompletion", .read = READ_CONTROL | IO_COMPLETION_QUERY_STATE,
	.write = READ_CONTROL | IO_COMPLETION_MODIFY_STATE, .execute = READ_CONTROL | SYNCHRONIZE, .all = STANDARD_RIGHTS_ALL | 3, .waitable = true,
	.ready = port_ready, .destroy = port_destroy, .close = port_close };

NTSTATUS NtCreateIoCompletion(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint32_t threads)
{
	struct ex_completion *c = ob_alloc(OB_COMPLETION, sizeof *c);

	if (c == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	c->queue.type = OB_SEMAPHORE;
	lock_init(&c->queue.lock, LOCK_NTOBJ);
	list_init(&c->queue.waiters);
	list_init(&c->packets);
	return ob_create_handle(attributes, access, &c->ob, handle);
}

NTSTATUS NtOpenIoCompletion(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	return ob_open_handle(attributes, access, OB_COMPLETION, handle);
}

NTSTATUS ex_completion_post(struct ob_object *port, uint64_t key, uint64_t value, NTSTATUS status, uint64_t information)
{
	struct ex_completion *c = port_of(port);
	struct packet *p = arena_alloc(sizeof *p);

	if (p == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	*p = (struct packet){ .key = key, .value = value, .information = information, .status = status };
	lock_take(&c->queue.lock);
	list_append(&c->packets, &p->link);
	c->queue.signal++;
	if (!list_empty(&c->queue.waiters))
		ex_satisfy(&c->queue);
	lock_drop(&c->queue.lock);
	lock_take(&port->lock); /* who waits for the handle looks under it */
	if (UNLIKELY(!list_empty(&port->waiters)))
		ex_satisfy(port);
	lock_drop(&port->lock);
	return STATUS_SUCCESS;
}

NTSTATUS NtSetIoCompletion(struct nt_thread *t, uint64_t handle, uint64_t key, uint64_t value, uint32_t status, uint64_t information)
{
	struct ob_object *o;
	NTSTATUS result = ob_by_handle(handle, OB_COMPLETION, IO_COMPLETION_MODIFY_STATE, &o);

	if (result != STATUS_SUCCESS)
		return result;
	result = ex_completion_post(o, key, value, status, information);
	ob_put(o);
	return result;
}

/* The first packet, for who was given one. */
static void take_packet(struct ex_completion *c, struct FILE_IO_COMPLETION_INFORMATION *i)
{
	struct packet *p;

	lock_take(&c->queue.lock);
	ASSERT(!list_empty(&c->packets));
	p = LIST_FIRST(&c->packets, struct packet, link);
	list_remove(&p->link);
	lock_drop(&c->queue.lock);
	*i = (struct FILE_IO_COMPLETION_INFORMATION){ p->key, p->value, { .Status = p->status, .Information = p->information } };
	arena_free(p);
}

static NTSTATUS wait_packet(struct nt_thread *t, struct ex_completion *c, bool alertable, uint64_t deadline, struct FILE_IO_COMPLETION_INFORMATION *i)
{
	struct ob_object *queue = &c->queue;
	NTSTATUS status = ex_wait(t, &queue, 1, false, alertable, deadline);

	if (status == STATUS_SUCCESS)
		take_packet(c, i);
	return status;
}

NTSTATUS NtRemoveIoCompletion(struct nt_thread *t, uint64_t handle, uint64_t key, uint64_t value, uint64_t io_status, uint64_t timeout)
{
	struct FILE_IO_COMPLETION_INFORMATION i;
	struct ob_object *o;
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline);

	if (status == STATUS_SUCCESS)
		status = ob_by_handle(handle, OB_COMPLETION, IO_COMPLETION_MODIFY_STATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	status = wait_packet(t, port_of(o), false, deadline, &i);
	ob_put(o);
	if (status != STATUS_SUCCESS)
		return status;
	status = user_write(key, &i.KeyContext, sizeof i.KeyContext);
	if (status == STATUS_SUCCESS)
		status = user_write(value, &i.ApcContext, sizeof i.ApcContext);
	return status == STATUS_SUCCESS ? user_write(io_status, &i.IoStatusBlock, sizeof i.IoStatusBlock) : status;
}

NTSTATUS NtRemoveIoCompletionEx(struct nt_thread *t, uint64_t handle, uint64_t information, uint32_t count, uint64_t written, uint64_t timeout, uint8_t alertable)
{
	struct FILE_IO_COMPLETION_INFORMATION i;
	uint32_t n = 0;
	struct ob_object *o;
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline), out;

	if (status == STATUS_SUCCESS && count == 0)
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(handle, OB_COMPLETION, IO_COMPLETION_MODIFY_STATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	while (n < MIN(count, REMOVE_MAX)) {
		NTSTATUS next = wait_packet(t, port_of(o), n == 0 && alertable, n == 0 ? deadline : 0, &i);

		if (n == 0)
			status = next;
		if (next != STATUS_SUCCESS || user_write(information + n * sizeof i, &i, sizeof i) != STATUS_SUCCESS)
			break;
		n++;
	}
	ob_put(o);
	if (status == STATUS_SUCCESS && n == 0)
		return STATUS_ACCESS_VIOLATION;
	out = user_put32(written, n != 0 ? n : 1);
	return out == STATUS_SUCCESS ? status : out;
}

NTSTATUS NtQueryIoCompletion(struct nt_thread *t, uint64_t handle, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct ob_object *o;
	NTSTATUS status;
	int32_t depth;

	if (class != 0)
		return STATUS_INVALID_INFO_CLASS;
	if (size != sizeof depth)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = ob_by_handle(handle, OB_COMPLETION, IO_COMPLETION_QUERY_STATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	depth = __atomic_load_n(&port_of(o)->queue.signal, __ATOMIC_RELAXED);
	ob_put(o);
	return ex_answer(buffer, size, &depth, sizeof depth, returned);
}
