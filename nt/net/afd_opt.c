/* SPDX-License-Identifier: MIT */
/*
 * nt/net/afd_opt.c - options, an ioctl each.
 *
 * Most are linux/net's, whose numbers are the guest's memory on both sides.  A value that Windows has in another form goes by way of
 * the request's status block, which is the guest's memory and says nothing before the end.
 */
#include "nt/ke/user.h"
#include "nt/net/afd.h"
#include "nt/os/iface.h"

#define SCRATCH_SIZE 8u /* where in the status block a length is */
#define MTU_DONT 0u
#define MTU_DO   2u

NTSTATUS afd_in(const struct io_request *r, void *to, uint32_t size)
{
	return r->in_size < size ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : user_read(to, r->in, size);
}

NTSTATUS afd_out(struct io_request *r, const void *from, uint32_t size)
{
	if (r->size < size)
		return STATUS_BUFFER_TOO_SMALL;
	r->done = size;
	return user_write(r->buffer, from, size);
}

/* An int, or as much of it as there is room for. */
static NTSTATUS int_out(struct io_request *r, uint32_t value)
{
	if (r->size == 0)
		return STATUS_BUFFER_TOO_SMALL;
	r->done = MIN(r->size, (uint32_t)sizeof value);
	return user_write(r->buffer, &value, r->done);
}

static NTSTATUS whole_out(struct io_request *r, uint32_t value)
{
	return r->size < sizeof value ? (NTSTATUS)STATUS_BUFFER_TOO_SMALL : int_out(r, value);
}

/* ---- Options that are linux/net's as they are ---- */

#define SET 0x8000u
static const struct {
	uint16_t code; /* with SET */
	uint16_t option;
	uint32_t tells;
} plain[] = {
	{ 220, OS_SO_BROADCAST, 0 }, { 221 | SET, OS_SO_BROADCAST, 0 }, { 223, OS_SO_KEEPALIVE, 0 }, { 224 | SET, OS_SO_KEEPALIVE, 0 },
	{ 227, OS_SO_OOBINLINE, 0 }, { 239 | SET, OS_IP_ADD_MEMBERSHIP, 0 }, { 244 | SET, OS_IP_DROP_MEMBERSHIP, 0 }, { 248, OS_IP_MULTICAST_IF, 0 },
	{ 249 | SET, OS_IP_MULTICAST_IF, 0 }, { 250, OS_IP_MULTICAST_LOOP, 0 }, { 251 | SET, OS_IP_MULTICAST_LOOP, 0 }, { 252, OS_IP_MULTICAST_TTL, 0 },
	{ 253 | SET, OS_IP_MULTICAST_TTL, 0 }, { 256, OS_IP_PKTINFO, 0 }, { 257 | SET, OS_IP_PKTINFO, AFD_TELLS_PKTINFO }, { 258, OS_IP_TOS, 0 },
	{ 259 | SET, OS_IP_TOS, 0 }, { 260, OS_IP_TTL, 0 }, { 261 | SET, OS_IP_TTL, 0 }, { 265 | SET, OS_V6_ADD_MEMBERSHIP, 0 }, { 266, OS_V6_DONTFRAG, 0 },
	{ 267 | SET, OS_V6_DONTFRAG, 0 }, { 268 | SET, OS_V6_DROP_MEMBERSHIP, 0 }, { 269, OS_V6_MULTICAST_HOPS, 0 }, { 270 | SET, OS_V6_MULTICAST_HOPS, 0 },
	{ 271, OS_V6_MULTICAST_IF, 0 }, { 272 | SET, OS_V6_MULTICAST_IF, 0 }, { 273, OS_V6_MULTICAST_LOOP, 0 }, { 274 | SET, OS_V6_MULTICAST_LOOP, 0 },
	{ 275, OS_V6_HOPS, 0 }, { 276 | SET, OS_V6_HOPS, 0 }, { 279, OS_V6_ONLY, 0 }, { 280 | SET, OS_V6_ONLY, 0 }, { 284, OS_TCP_NODELAY, 0 },
	{ 285 | SET, OS_TCP_NODELAY, 0 }, { 286, OS_V6_RECVHOPS, 0 }, { 287 | SET, OS_V6_RECVHOPS, AFD_TELLS_TTL }, { 288, OS_V6_PKTINFO, 0 },
	{ 289 | SET, OS_V6_PKTINFO, AFD_TELLS_PKTINFO }, { 290, OS_V6_RECVTCLASS, 0 }, { 291 | SET, OS_V6_RECVTCLASS, AFD_TELLS_TOS }, { 293, OS_IP_RECVTTL, 0 },
	{ 294 | SET, OS_IP_RECVTTL, AFD_TELLS_TTL }, { 295, OS_IP_RECVTOS, 0 }, { 296 | SET, OS_IP_RECVTOS, AFD_TELLS_TOS },
	{ 400, OS_TCP_KEEPIDLE, 0 }, { 401 | SET, OS_TCP_KEEPIDLE, 0 }, { 402, OS_TCP_KEEPINTVL, 0 }, { 403 | SET, OS_TCP_KEEPINTVL, 0 }, { 404, OS_TCP_KEEPCNT, 0 },
	{ 405 | SET, OS_TCP_KEEPCNT, 0 },
};

static NTSTATUS get(struct io_request *r, struct afd *a, enum os_sock_option o, uint64_t va, uint32_t *size)
{
	NTSTATUS status = user_put32(r->iosb + SCRATCH_SIZE, *size);

	if (status == STATUS_SUCCESS)
		status = os_sock_get(a->file, o, va, r->iosb + SCRATCH_SIZE);
	return status == STATUS_SUCCESS ? user_read(size, r->iosb + SCRATCH_SIZE, sizeof *size) : status;
}

NTSTATUS afd_set_number(const struct io_request *r, struct afd *a, enum os_sock_option o, uint32_t value)
{
	NTSTATUS status = user_put32(r->iosb, value);

	return status == STATUS_SUCCESS ? os_sock_set(a->file, o, r->iosb, sizeof value) : status;
}

/* Those of datagrams, which streams have not. */
static bool is_of_datagrams(enum os_sock_option o)
{
	return (o >= OS_IP_PKTINFO && o <= OS_IP_RECVTOS) || (o >= OS_IP_MULTICAST_IF && o <= OS_IP_MULTICAST_TTL) || (o >= OS_V6_PKTINFO && o <= OS_V6_RECVTCLASS) ||
	       (o >= OS_V6_MULTICAST_IF && o <= OS_V6_MULTICAST_HOPS);
}

static NTSTATUS plain_option(struct io_request *r, struct afd *a, uint32_t i)
{
	uint32_t value = 0, size = r->size;
	NTSTATUS status;

	if (!(plain[i].code & SET) && a->type == OS_SOCK_STREAM && is_of_datagrams(plain[i].option))
		return STATUS_INVALID_PARAMETER;
	if (!(plain[i].code & SET)) {
		status = get(r, a, plain[i].option, r->buffer, &size);
		r->done = size;
		return status;
	}
	status = os_sock_set(a->file, plain[i].option, r->in, r->in_size);
	if (status != STATUS_SUCCESS || plain[i].tells == 0)
		return status;
	status = afd_in(r, &value, sizeof value);
	a->tells = value != 0 ? a->tells | plain[i].tells : a->tells & ~plain[i].tells;
	return status;
}

/* ---- Others ---- */

static int error_of(struct afd *a)
{
	int err = os_sock_error(a->file);

	if (err != 0)
		return err;
	return a->errors[a->state == AFD_UNCONNECTED || a->state == AFD_CONNECTING ? AFD_BIT_CONNECT_ERR : AFD_BIT_HUP];
}

static NTSTATUS set_linger(struct io_request *r, struct afd *a)
{
	uint16_t in[2];
	uint32_t linger[2];
	NTSTATUS status = afd_in(r, in, sizeof in);

	if (status != STATUS_SUCCESS)
		return status;
	linger[0] = in[0];
	linger[1] = in[1];
	status = user_write(r->iosb, linger, sizeof linger);
	return status == STATUS_SUCCESS ? os_sock_set(a->file, OS_SO_LINGER, r->iosb, sizeof linger) : status;
}

static NTSTATUS get_linger(struct io_request *r, struct afd *a)
{
	uint32_t linger[2], size = sizeof linger;
	NTSTATUS status = get(r, a, OS_SO_LINGER, r->iosb, &size);

	if (status == STATUS_SUCCESS)
		status = user_read(linger, r->iosb, sizeof linger);
	return status == STATUS_SUCCESS ? afd_out(r, &(uint16_t[2]){ (uint16_t)linger[0], (uint16_t)linger[1] }, 4) : status;
}

/* SO_REUSEADDR and SO_EXCLUSIVEADDRUSE do not go together. */
static NTSTATUS set_reuse(struct io_request *r, struct afd *a, uint32_t value)
{
	if (value != 0 && a->exclusive)
		return STATUS_INVALID_PARAMETER;
	a->reuse = value != 0;
	return os_sock_set(a->file, OS_SO_REUSEADDR, r->in, r->in_size);
}

static NTSTATUS set_buffer(struct io_request *r, struct afd *a, enum os_sock_option o, uint32_t value)
{
	NTSTATUS status = afd_set_number(r, a, o, MIN(value, (uint32_t)INT32_MAX));

	if (status == STATUS_SUCCESS)
		*(o == OS_SO_RCVBUF ? &a->rcvbuf : &a->sndbuf) = value;
	return status;
}

/* The interface to leave by, which is kept by nobody: where a packet goes says it. */
static NTSTATUS set_unicast_if(uint32_t index)
{
	struct os_iface i;

	for (uint32_t n = 0; os_iface(n, &i); n++)
		if (index == 0 || index == i.index)
			return STATUS_SUCCESS;
	return STATUS_INVALID_PARAMETER;
}

static NTSTATUS set_option(struct io_request *r, struct afd *a)
{
	uint32_t value;
	NTSTATUS status;

	if (r->code == AFD_IOC(255)) /* IP_OPTIONS, of packets: there are none, and none is given */
		return STATUS_SUCCESS;
	status = afd_in(r, &value, sizeof value);
	if (status != STATUS_SUCCESS)
		return status;
	switch (r->code) {
	case AFD_IOC(226): return set_linger(r, a);
	case AFD_IOC(228):
		a->oobinline = value != 0;
		return os_sock_set(a->file, OS_SO_OOBINLINE, r->in, r->in_size);
	case AFD_IOC(229): return set_buffer(r, a, OS_SO_RCVBUF, value);
	case AFD_IOC(235): return set_buffer(r, a, OS_SO_SNDBUF, value);
	case AFD_IOC(231):
		a->rcvtimeo = value;
		return STATUS_SUCCESS;
	case AFD_IOC(238):
		a->sndtimeo = value;
		return STATUS_SUCCESS;
	case AFD_IOC(234): return set_reuse(r, a, value);
	case AFD_IOC(298):
		if (value != 0 && a->reuse)
			return STATUS_INVALID_PARAMETER;
		a->exclusive = value != 0;
		return STATUS_SUCCESS;
	case AFD_IOC(243):
		a->dontfragment = value != 0;
		return afd_set_number(r, a, OS_IP_MTU_DISCOVER, value != 0 ? MTU_DO : MTU_DONT);
	case AFD_IOC(247): return STATUS_INVALID_PARAMETER;
	case AFD_IOC(264): return set_unicast_if(__builtin_bswap32(value)); /* in network order */
	case AFD_IOC(278): return set_unicast_if(value);
	default: return STATUS_NOT_SUPPORTED;
	}
}

static NTSTATUS get_option(struct io_request *r, struct afd *a)
{
	switch (r->code) {
	case AFD_IOC(219): return int_out(r, a->state == AFD_LISTENING);
	case AFD_IOC(222): return int_out(r, os_sock_wsa(error_of(a)));
	case AFD_IOC(225): return get_linger(r, a);
	case AFD_IOC(230): return whole_out(r, a->rcvbuf);
	case AFD_IOC(236): return whole_out(r, a->sndbuf);
	case AFD_IOC(232): return whole_out(r, a->rcvtimeo);
	case AFD_IOC(237): return whole_out(r, a->sndtimeo);
	case AFD_IOC(233): return int_out(r, a->reuse);
	case AFD_IOC(297): return int_out(r, a->exclusive);
	case AFD_IOC(242): return int_out(r, a->dontfragment);
	case AFD_IOC(246): return STATUS_INVALID_PARAMETER; /* IP_HDRINCL is for raw sockets */
	case AFD_IOC(254): return STATUS_SUCCESS; /* IP_OPTIONS: there are none, of no bytes */
	case AFD_IOC(263):
	case AFD_IOC(277): return int_out(r, 0);
	case AFD_IOC(292): return int_out(r, a->state == AFD_CONNECTED ? (uint32_t)((pico_now() - a->connected_at) / 1000000000) : UINT32_MAX);
	default: return STATUS_NOT_SUPPORTED;
	}
}

static bool is_set(uint32_t n)
{
	static const uint16_t sets[] = { 226, 228, 229, 231, 234, 235, 238, 243, 247, 255, 264, 278, 298 };

	for (uint32_t i = 0; i < ARRAY_LEN(sets); i++)
		if (sets[i] == n)
			return true;
	return false;
}

static NTSTATUS option_locked(struct io_request *r, struct afd *a)
{
	uint32_t n = (r->code - AFD_IOC(0)) / 4;

	for (uint32_t i = 0; i < ARRAY_LEN(plain); i++)
		if ((plain[i].code & ~SET) == n)
			return plain_option(r, a, i);
	return is_set(n) ? set_option(r, a) : get_option(r, a);
}

NTSTATUS afd_option(struct io_request *r)
{
	struct afd *a;
	NTSTATUS status = r->iosb == 0 ? (NTSTATUS)STATUS_ACCESS_VIOLATION : afd_lock(r, &a);

	if (status != STATUS_SUCCESS)
		return status;
	status = option_locked(r, a);
	lock_drop(&r->file->lock);
	return status;
}
