/* SPDX-License-Identifier: MIT */
/*
 * nt/net/afd_accept.c - accept, which makes a new socket, and AcceptEx, which makes an unconnected one the connection.
 *
 * Between the two an acceptor is AFD_ACCEPTING: no other call does anything with it, so the accept, which has the listener's lock, may
 * write to it without its own.  AcceptEx may go on to wait for the first bytes, by a watch on the connection that
 * is the listener's.
 */
#include "nt/ke/user.h"
#include "nt/net/afd.h"
#include "nt/os/file.h"
#include "rt/mem.h"

#define SOCKET_ACCESS (FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | FILE_READ_EA | FILE_WRITE_EA | READ_CONTROL | SYNCHRONIZE)

/* a is a connection that the listener accepted: file, which is taken over. */
static void become(struct afd *a, const struct afd *listener, struct file *file)
{
	a->spare = a->file;
	a->file = file;
	a->family = listener->family;
	a->type = listener->type;
	a->protocol = listener->protocol;
	a->bound = 1;
	a->pending = a->reported = 0;
	a->connected_at = pico_now();
	__atomic_store_n(&a->state, AFD_CONNECTED, __ATOMIC_RELEASE);
}

/* The next connection, a reference; the listener's lock is held. */
static NTSTATUS next_connection(struct afd *l, struct file **out)
{
	NTSTATUS status = STATUS_SUCCESS;

	*out = l->deferred;
	l->deferred = NULL;
	if (*out == NULL)
		status = os_sock_accept(l->file, out);
	if (status == STATUS_SUCCESS)
		afd_enable(l, AFD_POLL_ACCEPT);
	return status;
}

/* The same as a socket of its own. */
static NTSTATUS accept_one(struct io_file *f, struct io_file **out)
{
	struct afd *l = afd_of(f), *a;
	struct file *child;
	NTSTATUS status = next_connection(l, &child);

	*out = NULL;
	if (status != STATUS_SUCCESS)
		return status;
	*out = afd_file_new(child, SOCKET_ACCESS, f->options);
	if (*out == NULL)
		return STATUS_NO_MEMORY;
	a = afd_of(*out);
	a->file = NULL;
	become(a, l, child);
	a->nonblocking = l->nonblocking;
	a->reuse = l->reuse;
	a->exclusive = l->exclusive;
	a->rcvbuf = l->rcvbuf;
	a->sndbuf = l->sndbuf;
	a->rcvtimeo = l->rcvtimeo;
	a->sndtimeo = l->sndtimeo;
	a->mask = l->mask;
	a->selector = l->selector;
	a->event = l->event;
	if (a->event != NULL)
		ob_get(a->event);
	return STATUS_SUCCESS;
}

static NTSTATUS handle_of(struct io_file *f, uint64_t *handle)
{
	return ob_handle_add(nt_current_process(), &f->ob, SOCKET_ACCESS, OBJ_INHERIT, handle);
}

static NTSTATUS accept_later(struct io_request *r, struct afd *a, struct io_irp **irp)
{
	struct afd_op *op = afd_pend(r, AFD_OP_ACCEPT, 0);

	if (op == NULL)
		return STATUS_NO_MEMORY;
	*irp = op->irp;
	list_append(&a->accepts, &op->irp->link);
	return STATUS_PENDING;
}

/* Behind a call on the listener, whose lock is held. */
static NTSTATUS ran(struct io_request *r, NTSTATUS status, struct io_irp *irp)
{

	afd_run_drop(r->file);
	return irp != NULL ? io_irp_wait(r, irp) : status;
}

NTSTATUS afd_accept(struct io_request *r)
{
	struct io_file *made = NULL;
	struct io_irp *irp = NULL;
	uint64_t handle = 0;
	struct afd *a;
	NTSTATUS status = r->size != 4 ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : afd_lock(r, &a);

	if (status != STATUS_SUCCESS)
		return status;
	if (a->state != AFD_LISTENING)
		status = a->type == OS_SOCK_STREAM ? STATUS_INVALID_PARAMETER : STATUS_NOT_SUPPORTED;
	else
		status = list_empty(&a->accepts) ? accept_one(r->file, &made) : (NTSTATUS)STATUS_DEVICE_NOT_READY;
	if (status == STATUS_DEVICE_NOT_READY && !a->nonblocking)
		status = accept_later(r, a, &irp);
	status = ran(r, status, irp);
	if (made == NULL)
		return status;
	status = handle_of(made, &handle);
	if (status == STATUS_SUCCESS)
		status = afd_out(r, &handle, 4);
	afd_run(made); /* events that it has from the listener */
	ob_put(&made->ob);
	return status;
}

/* What only a socket of the caller's handle has: its connection, a reference. */
static NTSTATUS connection_of(uint64_t handle, struct file **out)
{
	struct io_file *f;
	NTSTATUS status = io_by_handle(handle, 0, &f);
	struct afd *a;

	if (status != STATUS_SUCCESS)
		return status;
	a = f->kind == IO_AFD ? afd_of(f) : NULL;
	*out = NULL;
	if (a != NULL) {
		lock_take(&f->lock);
		*out = a->state == AFD_CONNECTED ? a->file : NULL;
		if (*out != NULL)
			os_file_get(*out);
		lock_drop(&f->lock);
	}
	ob_put(&f->ob);
	return *out != NULL ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* WSAAccept's condition function put it off: the next accept gives it again. */
NTSTATUS afd_defer(struct io_request *r)
{
	struct file *child, *before;
	uint32_t handle;
	struct afd *a;
	NTSTATUS status = afd_in(r, &handle, sizeof handle);

	if (status == STATUS_SUCCESS)
		status = connection_of(handle, &child);
	if (status != STATUS_SUCCESS)
		return status;
	status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS) {
		os_file_put(child);
		return status;
	}
	before = a->deferred;
	a->deferred = child;
	lock_drop(&r->file->lock);
	os_file_put(before);
	afd_run(r->file); /* an accept may wait for it */
	return STATUS_SUCCESS;
}

/* ---- AcceptEx ---- */

struct into_in { /* afd_accept_into_params */
	uint32_t handle, recv_len, local_len;
};

/* The socket that is to become the connection, AFD_ACCEPTING from now on, with a reference. */
static NTSTATUS acceptor_of(const struct into_in *in, struct io_file **out)
{
	struct io_file *f;
	NTSTATUS status = io_by_handle(in->handle, FILE_READ_DATA, &f);
	struct afd *a;

	if (status != STATUS_SUCCESS)
		return status;
	a = f->kind == IO_AFD ? afd_of(f) : NULL;
	status = a == NULL ? STATUS_INVALID_HANDLE : STATUS_SUCCESS;
	if (a != NULL) {
		lock_take(&f->lock);
		if (a->state != AFD_UNCONNECTED || a->bound || a->closed)
			status = STATUS_INVALID_PARAMETER;
		else
			a->state = AFD_ACCEPTING;
		lock_drop(&f->lock);
	}
	if (status != STATUS_SUCCESS)
		ob_put(&f->ob);
	else
		*out = f;
	return status;
}

static void not_accepting(struct io_file *acceptor)
{
	afd_of(acceptor)->state = AFD_UNCONNECTED;
	ob_put(&acceptor->ob);
}

NTSTATUS afd_accept_into(struct io_request *r)
{
	struct io_file *acceptor;
	struct afd_op *op;
	struct into_in in;
	struct afd *a;
	NTSTATUS status = r->in_size != sizeof in ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_read(&in, r->in, sizeof in);

	if (status != STATUS_SUCCESS)
		return status;
	if (in.recv_len > r->size || in.local_len > r->size - in.recv_len)
		return STATUS_BUFFER_TOO_SMALL;
	if (r->size - in.recv_len - in.local_len < 4)
		return STATUS_INVALID_PARAMETER;
	status = user_probe_write(r->buffer, r->size);
	if (status == STATUS_SUCCESS)
		status = acceptor_of(&in, &acceptor);
	if (status != STATUS_SUCCESS)
		return status;
	status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS) {
		not_accepting(acceptor);
		return status;
	}
	op = a->state == AFD_LISTENING ? afd_pend(r, AFD_OP_INTO, 0) : NULL;
	if (op == NULL) {
		status = a->state == AFD_LISTENING ? STATUS_NO_MEMORY : STATUS_INVALID_PARAMETER;
		lock_drop(&r->file->lock);
		not_accepting(acceptor);
		return status;
	}
	op->into.acceptor = acceptor;
	op->into.recv_len = in.recv_len;
	op->into.local_len = in.local_len;
	lock_take(&afd_root()->lock);
	afd_of(acceptor)->into = op->irp;
	lock_drop(&afd_root()->lock);
	list_append(&a->accepts, &op->irp->link);
	return ran(r, STATUS_PENDING, op->irp);
}

void afd_into_done(struct afd_op *op)
{
	struct afd *a = afd_of(op->into.acceptor);

	lock_take(&afd_root()->lock);
	if (a->into == op->irp)
		a->into = NULL;
	lock_drop(&afd_root()->lock);
	if (a->state == AFD_ACCEPTING)
		__atomic_store_n(&a->state, AFD_UNCONNECTED, __ATOMIC_RELEASE);
}

void afd_into_ends(struct afd_op *op)
{
	struct io_file *f = op->irp->r.file;
	struct os_sockwatch *w;
	bool mine = false;

	lock_take(&f->lock);
	w = op->into.watch;
	if (w != NULL) {
		list_remove(&w->link);
		mine = os_sockwatch_claim(w);
	}
	lock_drop(&f->lock);
	if (mine)
		os_sockwatch_free(w);
	os_file_put(op->into.child);
	ob_put(&op->into.acceptor->ob);
}

/* Its connection, as the acceptor. */
static NTSTATUS take_connection(struct io_file *f, struct afd_op *op)
{
	struct afd *l = afd_of(f);
	struct file *child;
	NTSTATUS status = next_connection(l, &child);

	if (status != STATUS_SUCCESS)
		return status;
	os_file_get(child);
	op->into.child = child;
	become(afd_of(op->into.acceptor), l, child);
	return STATUS_SUCCESS;
}

/* A length, and the address, in room bytes at va. */
static NTSTATUS name_to(const struct afd_op *op, bool peer, uint64_t va, uint32_t room)
{
	struct os_sockaddr addr;
	uint32_t size;
	NTSTATUS status = os_sock_name(op->into.child, peer, &addr, &size);

	if (status != STATUS_SUCCESS)
		return status;
	if (room < 4 + size)
		return STATUS_BUFFER_TOO_SMALL;
	status = user_put32(va, size);
	return status == STATUS_SUCCESS ? user_write(va + 4, &addr, size) : status;
}

/* The first bytes and the names: STATUS_DEVICE_NOT_READY: no bytes are there yet. */
static NTSTATUS fill(struct afd_op *op)
{
	const struct io_request *r = &op->irp->r;
	struct dk_segment seg = { (void *)r->buffer, op->into.recv_len };
	struct os_sock_io io = { .seg = &seg, .count = 1 };
	NTSTATUS status = op->into.recv_len != 0 ? os_sock_recv(op->into.child, &io, &op->moved) : STATUS_SUCCESS;

	if (status != STATUS_SUCCESS)
		return status;
	if (op->into.local_len != 0)
		status = name_to(op, false, r->buffer + op->into.recv_len, op->into.local_len);
	if (status == STATUS_SUCCESS)
		status = name_to(op, true, r->buffer + op->into.recv_len + op->into.local_len, r->size - op->into.recv_len - op->into.local_len);
	return status;
}

static NTSTATUS fill_or_watch(struct io_file *f, struct afd_op *op)
{
	NTSTATUS status = fill(op);

	if (status != STATUS_DEVICE_NOT_READY || op->into.watch != NULL)
		return status;
	op->into.watch = os_sockwatch_new(op->into.child, f);
	if (op->into.watch == NULL)
		return STATUS_NO_MEMORY;
	ob_get(&f->ob);
	op->into.watch->extra = op;
	list_append(&afd_of(f)->watches, &op->into.watch->link);
	(void)os_sockwatch_arm(op->into.watch, op->into.child, OS_SOCK_IN | OS_SOCK_RDHUP);
	return fill(op);
}

static NTSTATUS into_goes_on(struct io_file *f, struct afd_op *op)
{
	NTSTATUS status = op->into.child == NULL ? take_connection(f, op) : STATUS_SUCCESS;

	return status == STATUS_SUCCESS ? fill_or_watch(f, op) : status;
}

static NTSTATUS accept_goes_on(struct io_file *f, struct afd_op *op)
{
	uint64_t handle;
	NTSTATUS status = accept_one(f, &op->accept.made);

	if (status == STATUS_SUCCESS)
		status = handle_of(op->accept.made, &handle);
	if (status != STATUS_SUCCESS)
		return status;
	op->irp->data = arena_alloc(4);
	if (op->irp->data == NULL)
		return STATUS_NO_MEMORY;
	memcpy(op->irp->data, &handle, 4);
	op->irp->data_size = 4;
	return STATUS_SUCCESS;
}

static bool waits_for_one(const struct io_irp *irp)
{
	const struct afd_op *op = afd_op_of(irp);

	return op->kind == AFD_OP_ACCEPT || op->into.child == NULL;
}

bool afd_accepts_wait(const struct afd *a, const struct nt_process *p)
{
	LIST_FOR (irp, &a->accepts, struct io_irp, link)
		if (irp->process == p && waits_for_one(irp))
			return true;
	return false;
}

void afd_accepts_go_on(struct io_file *f, struct list *done)
{
	bool empty = false;

	LIST_FOR_SAFE (irp, next, &afd_of(f)->accepts, struct io_irp, link) {
		struct afd_op *op = afd_op_of(irp);
		bool waits = waits_for_one(irp);
		NTSTATUS status;

		if (waits && !afd_mine(irp))
			empty = true; /* that one's turn: it was kicked */
		if (!afd_mine(irp) || (waits && empty))
			continue;
		status = op->kind == AFD_OP_INTO ? into_goes_on(f, op) : accept_goes_on(f, op);
		if (status != STATUS_DEVICE_NOT_READY)
			afd_done(op, status, done);
		else if (waits_for_one(irp))
			empty = true;
	}
}
