/* SPDX-License-Identifier: MIT */
/* nt/net/afd_misc.c - ioctls that are neither calls on a connection nor options. */
#include "nt/ke/user.h"
#include "nt/net/afd.h"
#include "nt/os/iface.h"
#include "rt/mem.h"


struct interface_info { /* INTERFACE_INFO: addresses are a sockaddr each, in 24 bytes */
	uint32_t flags;
	struct {
		uint16_t family, port;
		uint8_t addr[4], rest[16];
	} addr, broadcast, mask;
};
_Static_assert(sizeof(struct interface_info) == 76, "INTERFACE_INFO");

#define IFF_WS_UP        1u
#define IFF_WS_BROADCAST 2u
#define IFF_WS_LOOPBACK  4u
#define IFF_WS_MULTICAST 16u

static void interface_out(struct interface_info *to, const struct os_iface *i, const struct os_iface_addr *a)
{
	*to = (struct interface_info){ .flags = (i->up ? IFF_WS_UP : 0) | IFF_WS_MULTICAST | (i->loopback ? IFF_WS_LOOPBACK : IFF_WS_BROADCAST) };
	to->addr.family = to->mask.family = WS_AF_INET;
	memcpy(to->addr.addr, a->bytes, 4);
	memcpy(to->mask.addr, a->mask, 4);
	if (i->loopback)
		return;
	to->broadcast.family = WS_AF_INET;
	memcpy(to->broadcast.addr, a->broadcast, 4);
}

/* All IPv4 addresses. */
static NTSTATUS interfaces(struct io_request *r)
{
	struct interface_info all[1 + OS_IFACE_ADDRS];
	struct os_iface i;
	uint32_t n = 0;

	for (uint32_t k = 0; os_iface(k, &i); k++)
		for (uint32_t m = 0; m < i.count && n < ARRAY_LEN(all); m++)
			if (!i.addr[m].v6)
				interface_out(&all[n++], &i, &i.addr[m]);
	return r->size < n * sizeof all[0] ? afd_said_later(r, STATUS_BUFFER_TOO_SMALL, NULL, 0) : afd_said_later(r, STATUS_SUCCESS, all, n * (uint32_t)sizeof all[0]);
}

struct keepalive_in { /* tcp_keepalive: milliseconds */
	uint32_t on, time, interval;
};

static NTSTATUS keepalive(struct io_request *r, struct afd *a)
{
	struct keepalive_in in;
	NTSTATUS status = afd_in(r, &in, sizeof in);

	if (status == STATUS_SUCCESS)
		status = afd_set_number(r, a, OS_SO_KEEPALIVE, in.on != 0);
	if (status == STATUS_SUCCESS && in.on && in.time != 0)
		status = afd_set_number(r, a, OS_TCP_KEEPIDLE, MIN(MAX(in.time / 1000, 1u), 32767u));
	if (status == STATUS_SUCCESS && in.on && in.interval != 0)
		status = afd_set_number(r, a, OS_TCP_KEEPINTVL, MIN(MAX(in.interval / 1000, 1u), 32767u));
	return status;
}

static NTSTATUS set_nonblocking(struct io_request *r, struct afd *a)
{
	uint32_t value;
	NTSTATUS status = afd_in(r, &value, sizeof value);

	if (status == STATUS_SUCCESS && value == 0 && a->mask != 0)
		status = STATUS_INVALID_PARAMETER; /* WSAEventSelect made it so */
	if (status == STATUS_SUCCESS)
		a->nonblocking = value != 0;
	return status;
}

/* ws2_32.dll has a request end that it has answered itself. */
static NTSTATUS complete(struct io_request *r)
{
	uint32_t status;

	if (r->in_size != sizeof status)
		return STATUS_BUFFER_TOO_SMALL;
	if (user_read(&status, r->in, sizeof status) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	if (NT_ERROR(status) && user_io_status(r->iosb, status, 0) == STATUS_SUCCESS)
		io_answer(r, status, false);
	return status;
}

/* Addresses of a sandbox do not change: it waits until it is cancelled. */
static NTSTATUS address_change(struct io_request *r, struct afd *a, struct io_irp **irp)
{
	struct afd_op *op;
	uint32_t force;
	NTSTATUS status = afd_in(r, &force, sizeof force);

	if (status != STATUS_SUCCESS)
		return status;
	if (a->nonblocking && !force)
		return STATUS_DEVICE_NOT_READY;
	op = afd_pend(r, AFD_OP_IDLE, 0);
	if (op == NULL)
		return STATUS_NO_MEMORY;
	*irp = op->irp;
	list_append(&a->idle, &op->irp->link);
	return STATUS_PENDING;
}

/* An int that the status block does not count. */
static NTSTATUS answer_int(struct io_request *r, uint32_t value)
{
	return r->size < sizeof value ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_put32(r->buffer, value);
}

static NTSTATUS misc_locked(struct io_request *r, struct afd *a, struct io_irp **irp)
{
	bool at_mark;

	switch (r->code) {
	case AFD_WINE_FIONBIO: return set_nonblocking(r, a);
	case AFD_WINE_FIONREAD: return answer_int(r, a->state == AFD_LISTENING ? 0 : os_sock_available(a->file));
	case AFD_WINE_SIOCATMARK:
		at_mark = os_sock_at_mark(a->file);
		return answer_int(r, a->oobinline || !at_mark); /* "no urgent data is left to be read" */
	case AFD_WINE_KEEPALIVE_VALS: return keepalive(r, a);
	case AFD_WINE_GET_INFO: return afd_out(r, &(uint32_t[3]){ a->family, a->type, a->protocol }, 12);
	case AFD_WINE_ADDRESS_LIST_CHANGE: return address_change(r, a, irp);
	case AFD_WINE_MESSAGE_SELECT: /* there are no windows to tell; it makes the socket nonblocking whatever becomes of it */
		a->nonblocking = 1;
		return STATUS_NOT_SUPPORTED;
	default: return STATUS_NOT_SUPPORTED;
	}
}

NTSTATUS afd_misc(struct io_request *r)
{
	struct io_irp *irp = NULL;
	struct afd *a;
	NTSTATUS status;

	if (r->code == AFD_WINE_COMPLETE_ASYNC)
		return complete(r);
	if (r->code == AFD_WINE_GET_INTERFACE_LIST)
		return interfaces(r);
	status = afd_lock(r, &a);
	if (status != STATUS_SUCCESS)
		return status;
	status = misc_locked(r, a, &irp);
	lock_drop(&r->file->lock);
	return irp != NULL ? io_irp_wait(r, irp) : status;
}
