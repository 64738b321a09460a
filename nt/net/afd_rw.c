/* SPDX-License-Identifier: MIT */
/*
 * nt/net/afd_rw.c - receiving and sending.
 *
 * A call tries at once, if nothing waits before it; what cannot be done now waits unless the socket is nonblocking and the call is not
 * overlapped (`force`).  A send on a stream ends when all of it is on its way.
 */
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/mm/mm.h"
#include "nt/net/afd.h"
#include "rt/mem.h"

#define FEW 8u
#define MOST_BUFFERS 65536u
#define WS_MSG_OOB  1u
#define WS_MSG_PEEK 2u
#define WS_MSG_WAITALL 8u
#define AFD_MSG_NOT_OOB 0x20u
#define AFD_MSG_OOB     0x40u
#define AFD_MSG_PEEK    0x80u
#define AFD_MSG_WAITALL 0x4000u
#define NS_PER_MS 1000000ull

/* ---- The guest's vector ---- */

/* Into few, or heap memory; size: all of it. */
static NTSTATUS vector_in(struct afd_rw *rw, uint64_t va, uint32_t count, struct dk_segment *few)
{
	NTSTATUS status = STATUS_SUCCESS;

	rw->seg = few;
	rw->count = count;
	if (count > FEW)
		rw->seg = count <= MOST_BUFFERS ? heap_alloc(count * sizeof *rw->seg) : NULL;
	if (rw->seg == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (uint32_t i = 0; i < count && status == STATUS_SUCCESS; i++) {
		struct wsabuf b;

		status = user_read(&b, va + i * sizeof b, sizeof b);
		rw->seg[i] = (struct dk_segment){ (void *)b.buf, b.len };
	}
	if (status != STATUS_SUCCESS && rw->seg != few)
		heap_free(rw->seg);
	return status;
}

/* call with the vector at va; it may move rw->seg on. */
static NTSTATUS with_vector(struct io_request *r, struct afd_rw *rw, uint64_t va, uint32_t count, NTSTATUS (*call)(struct io_request *r, struct afd_rw *rw))
{
	struct dk_segment few[FEW], *seg;
	NTSTATUS status = vector_in(rw, va, count, few);

	if (status != STATUS_SUCCESS)
		return status;
	seg = rw->seg;
	status = call(r, rw);
	if (seg != few)
		heap_free(seg);
	return status;
}

/* call with one buffer: ReadFile's, WriteFile's. */
static NTSTATUS with_buffer(struct io_request *r, NTSTATUS (*call)(struct io_request *r, struct afd_rw *rw))
{
	struct dk_segment seg = { (void *)r->buffer, r->size };
	struct afd_rw rw = { .seg = &seg, .count = 1, .force = 1 };

	return call(r, &rw);
}

/* Pages that are only brought about when they are touched (stacks, watched ones) are there. */
static NTSTATUS settle(const struct afd_rw *rw, bool write)
{
	for (uint32_t i = 0; i < rw->count; i++)
		if (rw->seg[i].size != 0 && !nt_mm_settle((uint64_t)rw->seg[i].base, rw->seg[i].size, write))
			return STATUS_ACCESS_VIOLATION;
	return STATUS_SUCCESS;
}

/* ---- Receiving ---- */

NTSTATUS afd_may_receive(const struct afd *a)
{
	if (a->shut & OS_SHUT_RECEIVE)
		return STATUS_PIPE_DISCONNECTED;
	if (a->reset)
		return STATUS_CONNECTION_RESET;
	if (a->state == AFD_CONNECTIONLESS)
		return a->bound ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	return a->state == AFD_CONNECTED ? STATUS_SUCCESS : STATUS_INVALID_CONNECTION;
}

/* Of no bytes from a stream: whether there are any. */
static bool is_question(const struct afd *a, const struct afd_rw *rw)
{
	for (uint32_t i = 0; i < rw->count; i++)
		if (rw->seg[i].size != 0)
			return false;
	return a->type == OS_SOCK_STREAM && (rw->force || !a->nonblocking);
}

static NTSTATUS try_recv(struct afd *a, struct afd_rw *rw, uint64_t *done)
{
	struct os_sock_io io = { .seg = rw->seg, .count = rw->count, .flags = rw->flags & ~OS_MSG_WAITALL };
	NTSTATUS status, other;

	if (is_question(a, rw) && !(afd_look(a) & (AFD_POLL_READ | AFD_POLL_HUP | AFD_POLL_RESET)))
		return STATUS_DEVICE_NOT_READY;
	status = os_sock_recv(a->file, &io, done);
	if ((rw->flags & OS_MSG_OOB) && status == STATUS_INVALID_PARAMETER)
		status = STATUS_DEVICE_NOT_READY; /* there is none yet */
	if (status == STATUS_CONNECTION_RESET)
		a->reset = 1;
	if (status == STATUS_CONNECTION_REFUSED && a->state == AFD_CONNECTIONLESS)
		status = STATUS_PORT_UNREACHABLE;
	if (status != STATUS_SUCCESS)
		return status;
	if (io.truncated)
		status = STATUS_BUFFER_OVERFLOW;
	other = afd_sender_out(rw, &io);
	if (other == STATUS_SUCCESS && rw->control_va != 0)
		other = afd_control_out(a, rw, &io);
	return other != STATUS_SUCCESS ? other : status;
}

void afd_reads_go_on(struct afd *a, struct list *done)
{
	while (!list_empty(&a->reads)) {
		struct io_irp *irp = LIST_FIRST(&a->reads, struct io_irp, link);
		struct afd_op *op = afd_op_of(irp);
		NTSTATUS status = STATUS_SUCCESS;

		if (a->reset && !(a->shut & OS_SHUT_RECEIVE))
			status = STATUS_CONNECTION_RESET;
		else if (!afd_mine(irp))
			return;
		else if ((status = settle(&op->rw, true)) == STATUS_SUCCESS)
			status = try_recv(a, &op->rw, &op->moved);
		if (status == STATUS_DEVICE_NOT_READY)
			return;
		afd_done(op, status, done);
	}
}

/* The request waits in queue; its vector becomes its own. */
static NTSTATUS wait_in(struct io_request *r, struct list *queue, enum afd_kind kind, const struct afd_rw *rw, uint64_t moved, uint32_t timeout, struct io_irp **irp)
{
	struct afd_op *op = afd_pend(r, kind, rw->count * sizeof rw->seg[0]);

	if (op == NULL)
		return STATUS_NO_MEMORY;
	*irp = op->irp;
	op->rw = *rw;
	op->rw.seg = op->seg;
	op->moved = moved;
	memcpy(op->seg, rw->seg, rw->count * sizeof rw->seg[0]);
	(*irp)->r.write = kind != AFD_OP_READ;
	list_append(queue, &(*irp)->link);
	if (timeout != 0)
		afd_time(op, pico_now() + timeout * NS_PER_MS);
	return STATUS_PENDING;
}

/* The end of a call: the socket is gone over, since something waits or events may come again. */
static NTSTATUS ended(struct io_request *r, NTSTATUS status, struct io_irp *irp, bool look)
{

	if (!look && irp == NULL) {
		lock_drop(&r->file->lock);
		return status;
	}
	afd_run_drop(r->file);
	return irp != NULL ? io_irp_wait(r, irp) : status;
}

static NTSTATUS receive(struct io_request *r, struct afd_rw *rw)
{
	struct io_irp *irp = NULL;
	struct afd *a;
	bool may_wait;
	NTSTATUS status = settle(rw, true);

	if (status == STATUS_SUCCESS)
		status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS)
		return status;
	if (UNLIKELY(a->state == AFD_CONNECTING))
		(void)afd_look(a);
	may_wait = rw->force || !a->nonblocking;
	status = afd_may_receive(a);
	if (status == STATUS_SUCCESS && (rw->flags & OS_MSG_OOB) && a->oobinline)
		status = STATUS_INVALID_PARAMETER;
	afd_enable(a, rw->flags & OS_MSG_OOB ? AFD_POLL_OOB : AFD_POLL_READ);
	if (status == STATUS_SUCCESS)
		status = list_empty(&a->reads) ? try_recv(a, rw, &r->done) : (NTSTATUS)STATUS_DEVICE_NOT_READY;
	if (status == STATUS_DEVICE_NOT_READY && may_wait)
		status = wait_in(r, &a->reads, AFD_OP_READ, rw, 0, rw->force ? 0 : a->rcvtimeo, &irp);
	return ended(r, status, irp, a->mask != 0 || a->reset);
}

struct recv_in { /* afd_recvmsg_params */
	uint64_t control, addr, addr_size, flags;
	uint32_t force, count;
	uint64_t buffers;
};

NTSTATUS afd_recvmsg(struct io_request *r)
{
	struct afd_rw rw = { 0 };
	struct recv_in in;
	uint32_t flags = 0;
	NTSTATUS status = afd_in(r, &in, sizeof in);

	if (status == STATUS_SUCCESS && in.flags != 0)
		status = user_read(&flags, in.flags, sizeof flags);
	if (status != STATUS_SUCCESS)
		return status;
	rw.flags = (flags & WS_MSG_OOB ? OS_MSG_OOB : 0) | (flags & WS_MSG_PEEK ? OS_MSG_PEEK : 0);
	rw.addr_va = in.addr;
	rw.addr_size_va = in.addr_size;
	rw.control_va = in.control;
	rw.flags_va = in.flags;
	rw.force = in.force;
	return with_vector(r, &rw, in.buffers, in.count, receive);
}

struct afd_recv_in { /* IOCTL_AFD_RECV: Windows' own */
	uint64_t buffers;
	uint32_t count, recv_flags, msg_flags, pad;
};

NTSTATUS afd_recv(struct io_request *r)
{
	struct afd_rw rw = { 0 };
	struct afd_recv_in in;
	NTSTATUS status = r->in_size < sizeof in ? (NTSTATUS)STATUS_INVALID_PARAMETER : user_read(&in, r->in, sizeof in);
	uint32_t which;

	if (status != STATUS_SUCCESS)
		return status;
	which = in.msg_flags & (AFD_MSG_OOB | AFD_MSG_NOT_OOB);
	if (which == 0 || which == (AFD_MSG_OOB | AFD_MSG_NOT_OOB))
		return STATUS_INVALID_PARAMETER;
	rw.flags = (in.msg_flags & AFD_MSG_OOB ? OS_MSG_OOB : 0) | (in.msg_flags & AFD_MSG_PEEK ? OS_MSG_PEEK : 0);
	rw.force = in.recv_flags & 2;
	return with_vector(r, &rw, in.buffers, in.count, receive);
}

NTSTATUS afd_read(struct io_request *r)
{
	return with_buffer(r, receive);
}

/* ---- Sending ---- */

NTSTATUS afd_may_send(const struct afd *a)
{
	if (a->shut & OS_SHUT_SEND)
		return STATUS_PIPE_DISCONNECTED;
	if (a->reset)
		return STATUS_CONNECTION_RESET;
	return a->state == AFD_CONNECTED || a->state == AFD_CONNECTIONLESS ? STATUS_SUCCESS : STATUS_INVALID_CONNECTION;
}

/* n bytes of the vector are gone; true: all. */
static bool advance(struct afd_rw *rw, uint64_t n)
{
	while (rw->count != 0 && n >= rw->seg[0].size) {
		n -= rw->seg[0].size;
		rw->seg++;
		rw->count--;
	}
	if (rw->count == 0)
		return true;
	rw->seg[0].base = (char *)rw->seg[0].base + n;
	rw->seg[0].size -= n;
	return false;
}

static NTSTATUS send_once(struct afd *a, struct afd_rw *rw, uint64_t *n)
{
	struct os_sock_io io = { .seg = rw->seg, .count = rw->count, .flags = rw->flags, .addr = rw->to, .addr_size = rw->to_size };
	NTSTATUS status = os_sock_send(a->file, &io, n);

	if (status == STATUS_ACCESS_VIOLATION && settle(rw, false) == STATUS_SUCCESS)
		status = os_sock_send(a->file, &io, n);
	return status;
}

/* STATUS_DEVICE_NOT_READY: moved says how much is gone. */
static NTSTATUS try_send(struct afd *a, struct afd_rw *rw, uint64_t *moved)
{
	for (;;) {
		uint64_t n;
		NTSTATUS status = send_once(a, rw, &n);

		if (status == STATUS_CONNECTION_RESET)
			a->reset = 1;
		if (status == STATUS_CONNECTION_REFUSED && a->state == AFD_CONNECTIONLESS) /* of one before: this was not sent */
			continue;
		if (status != STATUS_SUCCESS)
			return status;
		*moved += n;
		if (a->state == AFD_CONNECTIONLESS || advance(rw, n))
			return STATUS_SUCCESS;
		if (n == 0)
			return STATUS_DEVICE_NOT_READY;
	}
}

void afd_writes_go_on(struct afd *a, struct list *done)
{
	while (!list_empty(&a->writes)) {
		struct io_irp *irp = LIST_FIRST(&a->writes, struct io_irp, link);
		struct afd_op *op = afd_op_of(irp);
		NTSTATUS status;

		if (a->reset)
			status = STATUS_CONNECTION_RESET;
		else if (!afd_mine(irp))
			return;
		else
			status = op->kind == AFD_OP_TRANSMIT ? afd_transmit_some(a, op) : try_send(a, &op->rw, &op->moved);
		if (status == STATUS_DEVICE_NOT_READY)
			return;
		afd_done(op, status, done);
	}
	if (a->shut_later && !a->reset)
		(void)os_sock_shutdown(a->file, OS_SHUT_SEND);
	a->shut_later = 0;
}

static NTSTATUS send(struct io_request *r, struct afd_rw *rw)
{
	struct io_irp *irp = NULL;
	struct afd *a;
	bool may_wait;
	NTSTATUS status = afd_lock(r, &a);

	if (status != STATUS_SUCCESS)
		return status;
	if (UNLIKELY(a->state == AFD_CONNECTING))
		(void)afd_look(a);
	may_wait = rw->force || !a->nonblocking;
	status = afd_may_send(a);
	if (status == STATUS_SUCCESS)
		status = list_empty(&a->writes) ? try_send(a, rw, &r->done) : (NTSTATUS)STATUS_DEVICE_NOT_READY;
	if (status == STATUS_SUCCESS && a->state == AFD_CONNECTIONLESS)
		a->bound = 1;
	if (status == STATUS_DEVICE_NOT_READY) {
		afd_enable(a, AFD_POLL_WRITE);
		if (may_wait)
			status = wait_in(r, &a->writes, AFD_OP_WRITE, rw, r->done, rw->force ? 0 : a->sndtimeo, &irp);
		else if (r->done != 0)
			status = STATUS_SUCCESS;
	}
	return ended(r, status, irp, a->reset || (a->mask & AFD_POLL_WRITE & ~a->reported));
}

struct send_in { /* afd_sendmsg_params */
	uint64_t addr;
	uint32_t addr_size, flags, force, count;
	uint64_t buffers;
};

NTSTATUS afd_sendmsg(struct io_request *r)
{
	struct afd_rw rw = { 0 };
	struct send_in in;
	NTSTATUS status = afd_in(r, &in, sizeof in);

	if (status != STATUS_SUCCESS)
		return status;
	rw.flags = in.flags & WS_MSG_OOB ? OS_MSG_OOB : 0;
	rw.force = in.force;
	if (in.addr != 0 && in.addr_size != 0) {
		rw.to_size = MIN(in.addr_size, (uint32_t)sizeof rw.to);
		status = user_read(&rw.to, in.addr, rw.to_size);
		if (status != STATUS_SUCCESS)
			return status;
	}
	return with_vector(r, &rw, in.buffers, in.count, send);
}

NTSTATUS afd_write(struct io_request *r)
{
	return with_buffer(r, send);
}
