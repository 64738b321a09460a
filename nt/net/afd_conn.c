/* SPDX-License-Identifier: MIT */
/* nt/net/afd_conn.c - sockets: making, naming, connecting and ending. */
#include "nt/ke/user.h"
#include "nt/net/afd.h"
#include "rt/mem.h"

#define WINSOCK_STATUS(error) (0xc0010000u | (error)) /* ws2_32.dll takes the error out again */
#define WSAEACCES          10013u
#define WSAEAFNOSUPPORT    10047u
#define WSAEPROTONOSUPPORT 10043u
#define WSAESOCKTNOSUPPORT 10044u
#define SOCKADDR_MOST 128u

NTSTATUS afd_lock(const struct io_request *r, struct afd **out)
{
	struct afd *a = afd_of(r->file);

	if (a == NULL || a->state == AFD_NONE)
		return STATUS_INVALID_HANDLE;
	lock_take(&r->file->lock);
	if (a->closed || a->file == NULL) {
		lock_drop(&r->file->lock);
		return STATUS_INVALID_HANDLE;
	}
	*out = a;
	return STATUS_SUCCESS;
}

/* Is it a protocol at all, though perhaps not of this family and type? */
static bool is_protocol(uint32_t p)
{
	static const uint8_t known[] = { 0, 1 /* ICMP */, 2 /* IGMP */, 6 /* TCP */, 17 /* UDP */, 58 /* ICMPv6 */, 255 /* raw */ };

	for (uint32_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i] == p)
			return true;
	return p >= 1000 && p < 1256; /* IPX */
}

/* Why there is no such socket, in the numbers of Winsock's that have no status, in Windows' order. */
static NTSTATUS none_such(uint32_t family, uint32_t type, uint32_t protocol)
{
	bool is_type = type >= OS_SOCK_STREAM && type <= OS_SOCK_RAW;

	if (!is_protocol(protocol))
		return WINSOCK_STATUS(type != 0 && !is_type ? WSAESOCKTNOSUPPORT : WSAEPROTONOSUPPORT);
	if (family != WS_AF_INET && family != WS_AF_INET6)
		return WINSOCK_STATUS((int32_t)family >= 0 && !is_type ? WSAESOCKTNOSUPPORT : WSAEAFNOSUPPORT);
	if (type == OS_SOCK_RAW)
		return WINSOCK_STATUS(WSAEACCES);
	return WINSOCK_STATUS(is_type || type == 0 ? WSAEPROTONOSUPPORT : WSAESOCKTNOSUPPORT);
}

NTSTATUS afd_create(struct io_request *r)
{
	uint32_t in[4]; /* family, type, protocol, flags */
	struct io_file *f = r->file;
	struct file *file;
	struct afd *a;
	NTSTATUS status = r->in_size != sizeof in ? STATUS_INVALID_PARAMETER : user_read(in, r->in, sizeof in);

	if (status != STATUS_SUCCESS)
		return status;
	if (os_sock_make(in[0], &in[1], &in[2], &file) != STATUS_SUCCESS)
		return none_such(in[0], in[1], in[2]);
	lock_take(&f->lock);
	status = f->object != NULL ? (NTSTATUS)STATUS_INVALID_PARAMETER : afd_make(f, file) ? STATUS_SUCCESS : (NTSTATUS)STATUS_NO_MEMORY;
	if (status == STATUS_SUCCESS) {
		a = afd_of(f);
		a->family = in[0];
		a->type = in[1];
		a->protocol = in[2];
		a->rcvbuf = a->sndbuf = 65536;
		a->dontfragment = in[1] == OS_SOCK_STREAM;
		a->state = in[1] == OS_SOCK_STREAM ? AFD_UNCONNECTED : AFD_CONNECTIONLESS;
	}
	lock_drop(&f->lock);
	return status;
}

/* ---- Names ---- */

static NTSTATUS address_in(struct os_sockaddr *to, uint64_t va, uint32_t size)
{
	*to = (struct os_sockaddr){ 0 };
	return user_read(to, va, MIN(size, (uint32_t)sizeof *to));
}

NTSTATUS afd_said_later(struct io_request *r, NTSTATUS status, const void *answer, uint32_t size)
{
	struct afd_op *op = afd_pend(r, AFD_OP_IDLE, 0);
	struct list done;
	struct io_irp *irp;

	if (op == NULL)
		return STATUS_NO_MEMORY;
	irp = op->irp;
	list_init(&done);
	irp->data = size != 0 ? arena_alloc(size) : NULL;
	if (irp->data != NULL) {
		memcpy(irp->data, answer, size);
		irp->data_size = size;
		op->moved = size;
	}
	lock_take(&r->file->lock);
	afd_done(op, status, &done);
	lock_drop(&r->file->lock);
	io_irps_finish(&done);
	return io_irp_wait(r, irp);
}

#define LEAST_NAME 6u /* an int and the family */

NTSTATUS afd_bind(struct io_request *r)
{
	struct os_sockaddr addr;
	uint32_t size = r->in_size - 4;
	struct afd *a;
	NTSTATUS status = r->in_size < LEAST_NAME || size > SOCKADDR_MOST || r->size < size ? STATUS_INVALID_PARAMETER : address_in(&addr, r->in + 4, size);

	if (status == STATUS_SUCCESS)
		status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS)
		return status;
	if (a->bound || addr.family != a->family || size < (a->family == WS_AF_INET6 ? OS_SOCKADDR6 : OS_SOCKADDR4)) {
		lock_drop(&r->file->lock);
		return a->bound ? STATUS_ADDRESS_ALREADY_ASSOCIATED : STATUS_INVALID_ADDRESS;
	}
	status = os_sock_bind(a->file, &addr, size);
	if (status == STATUS_SHARING_VIOLATION && a->reuse)
		status = STATUS_ACCESS_DENIED;
	if (status == STATUS_SUCCESS) {
		a->bound = 1;
		(void)os_sock_name(a->file, false, &addr, &size);
	}
	lock_drop(&r->file->lock);
	return afd_said_later(r, status, &addr, status == STATUS_SUCCESS && r->size >= size ? size : 0);
}

NTSTATUS afd_name(struct io_request *r, bool peer)
{
	struct os_sockaddr addr;
	uint32_t size;
	struct afd *a;
	NTSTATUS status = afd_lock(r, &a);

	if (status != STATUS_SUCCESS)
		return status;
	if (!peer && !a->bound)
		status = STATUS_INVALID_PARAMETER;
	else
		status = os_sock_name(a->file, peer, &addr, &size);
	lock_drop(&r->file->lock);
	return status == STATUS_SUCCESS ? afd_out(r, &addr, size) : status;
}

NTSTATUS afd_listen(struct io_request *r)
{
	int32_t in[3]; /* unknown, backlog, unknown */
	struct afd *a;
	NTSTATUS status = r->in_size < sizeof in ? STATUS_INVALID_PARAMETER : user_read(in, r->in, sizeof in);

	if (status == STATUS_SUCCESS)
		status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS)
		return status;
	if (!a->bound)
		status = STATUS_INVALID_PARAMETER;
	else if (a->state == AFD_CONNECTED || a->state == AFD_CONNECTING)
		status = STATUS_CONNECTION_ACTIVE;
	else
		status = os_sock_listen(a->file, in[1]);
	if (status == STATUS_SUCCESS)
		a->state = AFD_LISTENING;
	afd_run_drop(r->file);
	return status;
}

/* ---- Connecting ---- */

struct connect_in { /* afd_connect_params; the address follows, then bytes to send */
	uint32_t addr_size, synchronous;
};

static NTSTATUS may_connect(const struct afd *a, bool synchronous)
{
	if (!synchronous && !a->bound)
		return STATUS_INVALID_PARAMETER;
	switch (a->state) {
	case AFD_CONNECTING:
		return synchronous ? STATUS_ADDRESS_ALREADY_ASSOCIATED /* ws2_32.dll makes WSAEALREADY of it */ : STATUS_INVALID_PARAMETER;
	case AFD_CONNECTED:
		return STATUS_CONNECTION_ACTIVE;
	case AFD_UNCONNECTED:
	case AFD_CONNECTIONLESS:
		return STATUS_SUCCESS;
	default:
		return STATUS_INVALID_PARAMETER;
	}
}

static NTSTATUS begin_connect(struct afd *a, const struct os_sockaddr *addr, uint32_t size)
{
	static const struct os_sockaddr any;
	bool nowhere = addr->family == WS_AF_INET ? memcmp(addr->v4.addr, any.v4.addr, 4) == 0 : memcmp(addr->v6.addr, any.v6.addr, 16) == 0;
	NTSTATUS status;

	if (a->state == AFD_CONNECTIONLESS && (addr->family == 0 || nowhere))
		return os_sock_connect(a->file, NULL, 0);
	if (addr->family == 0)
		return STATUS_INVALID_ADDRESS;
	if (a->type == OS_SOCK_STREAM && (nowhere || addr->port == 0))
		return STATUS_INVALID_ADDRESS_COMPONENT;
	a->errors[AFD_BIT_CONNECT_ERR] = 0;
	status = os_sock_connect(a->file, addr, size);
	if (status != STATUS_SUCCESS && status != STATUS_PENDING)
		return status;
	a->bound = 1;
	if (a->state != AFD_CONNECTIONLESS) {
		a->state = AFD_CONNECTING;
		afd_enable(a, AFD_POLL_CONNECT | AFD_POLL_CONNECT_ERR);
		(void)afd_look(a);
	}
	return status;
}

/* The connect is under way, or done with something to send: it waits. */
static NTSTATUS connect_later(struct io_request *r, struct afd *a, uint64_t data, uint32_t size)
{
	struct afd_op *op = afd_pend(r, AFD_OP_CONNECT, size);
	struct io_irp *irp;

	if (op == NULL)
		return STATUS_NO_MEMORY;
	irp = op->irp;
	op->connect.size = size;
	a->connect = irp;
	if (size != 0 && user_read(op->seg, data, size) != STATUS_SUCCESS)
		op->connect.size = 0;
	return STATUS_PENDING;
}

static NTSTATUS connect_result(const struct afd *a)
{
	int err = a->errors[AFD_BIT_CONNECT_ERR];

	return a->state == AFD_CONNECTED || a->state == AFD_CONNECTIONLESS ? STATUS_SUCCESS : err != 0 ? os_sock_status(-err) : (NTSTATUS)STATUS_PENDING;
}

NTSTATUS afd_connect(struct io_request *r)
{
	struct os_sockaddr addr;
	struct connect_in in;
	struct io_irp *irp = NULL;
	struct io_file *f = r->file;
	struct afd *a;
	uint32_t data;
	NTSTATUS status = r->in_size < sizeof in ? STATUS_BUFFER_TOO_SMALL : user_read(&in, r->in, sizeof in);

	if (status != STATUS_SUCCESS)
		return status;
	if (in.addr_size > r->in_size - sizeof in)
		return STATUS_BUFFER_TOO_SMALL;
	data = r->in_size - (uint32_t)sizeof in - in.addr_size;
	status = address_in(&addr, r->in + sizeof in, in.addr_size);
	if (status == STATUS_SUCCESS)
		status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS)
		return status;
	status = a->connect != NULL ? (NTSTATUS)STATUS_INVALID_PARAMETER : may_connect(a, in.synchronous);
	if (status == STATUS_SUCCESS)
		status = begin_connect(a, &addr, in.addr_size);
	if (status == STATUS_PENDING && in.synchronous && a->nonblocking && a->state != AFD_CONNECTIONLESS)
		status = STATUS_DEVICE_NOT_READY; /* though it may be over */
	else if (status == STATUS_PENDING && in.synchronous)
		status = connect_result(a);
	if (status == STATUS_PENDING || (status == STATUS_SUCCESS && (data != 0 || !in.synchronous)))
		status = connect_later(r, a, r->in + sizeof in + in.addr_size, data);
	if (status == STATUS_PENDING)
		irp = a->connect;
	afd_run_drop(f);
	return irp != NULL ? io_irp_wait(r, irp) : status;
}

void afd_connect_go_on(struct afd *a, struct list *done)
{
	struct io_irp *irp = a->connect;
	struct afd_op *op = afd_op_of(irp);
	NTSTATUS status = connect_result(a);

	while (status == STATUS_SUCCESS && op->moved < op->connect.size) {
		struct dk_segment seg = { (char *)op->seg + op->moved, op->connect.size - op->moved };
		struct os_sock_io io = { .seg = &seg, .count = 1, .kernel = true };
		uint64_t n;

		status = os_sock_send(a->file, &io, &n);
		op->moved += n;
	}
	if (status != STATUS_PENDING && status != STATUS_DEVICE_NOT_READY)
		afd_done(op, status, done);
}

/* ---- Ending ---- */

NTSTATUS afd_shutdown(struct io_request *r)
{
	uint32_t how;
	struct afd *a;
	NTSTATUS status = afd_in(r, &how, sizeof how);

	if (status == STATUS_SUCCESS && how > 2)
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS)
		return status;
	if (a->state != AFD_CONNECTED && a->state != AFD_CONNECTIONLESS) {
		lock_drop(&r->file->lock);
		return STATUS_INVALID_CONNECTION;
	}
	if (how != 1)
		a->shut |= OS_SHUT_RECEIVE;
	if (how != 0) {
		a->shut |= OS_SHUT_SEND;
		a->shut_later = !list_empty(&a->writes);
		if (!a->shut_later)
			(void)os_sock_shutdown(a->file, OS_SHUT_SEND);
	}
	afd_run_drop(r->file);
	return STATUS_SUCCESS;
}
