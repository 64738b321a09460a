/* SPDX-License-Identifier: MIT */
/* nt/net/afd_cmsg.c - what a received datagram brings beside its bytes: who sent it, and control messages. */
#include "nt/ke/user.h"
#include "nt/net/afd.h"
#include "nt/os/iface.h"
#include "rt/mem.h"

#define WS_MSG_CTRUNC 0x200u

struct cmsghdr { /* WSACMSGHDR */
	uint64_t len;
	uint32_t level, type;
};
#define WS_IPPROTO_IP   0u
#define WS_IPPROTO_IPV6 41u
#define WS_PKTINFO      19u
#define WS_IP_TTL       4u
#define WS_IP_TOS       3u
#define WS_IPV6_TTL     21u
#define WS_IPV6_TCLASS  39u

struct control { /* WSABUF of a receive's control messages */
	uint64_t va;
	uint32_t room, used;
	bool cut;
};

static NTSTATUS cmsg(struct control *c, uint32_t level, uint32_t type, const void *data, uint32_t size)
{
	struct cmsghdr h = { sizeof h + size, level, type };
	uint32_t all = ALIGN_UP((uint32_t)h.len, 8);
	NTSTATUS status;

	if (c->room - c->used < all) {
		c->cut = true;
		return STATUS_SUCCESS;
	}
	status = user_write(c->va + c->used, &h, sizeof h);
	if (status == STATUS_SUCCESS)
		status = user_write(c->va + c->used + sizeof h, data, size);
	c->used += all;
	return status;
}

NTSTATUS afd_control_out(const struct afd *a, const struct afd_rw *rw, const struct os_sock_io *io)
{
	bool v6 = a->family == WS_AF_INET6;
	uint32_t level = v6 ? WS_IPPROTO_IPV6 : WS_IPPROTO_IP, addr_size = v6 ? 16 : 4, value;
	struct { uint8_t addr[20]; } info = { { 0 } };
	struct control c = { 0 };
	struct wsabuf b;
	NTSTATUS status = user_read(&b, rw->control_va, sizeof b);

	if (status != STATUS_SUCCESS)
		return status;
	c = (struct control){ b.buf, b.len, 0, false };
	memcpy(info.addr, io->to, addr_size);
	info.addr[addr_size] = (uint8_t)os_iface_of(v6, io->to);
	if (io->has_to && (a->tells & AFD_TELLS_PKTINFO))
		status = cmsg(&c, level, WS_PKTINFO, &info, addr_size + 4);
	value = io->ttl;
	if (status == STATUS_SUCCESS && io->has_to && (a->tells & AFD_TELLS_TTL))
		status = cmsg(&c, level, v6 ? WS_IPV6_TTL : WS_IP_TTL, &value, sizeof value);
	value = io->tos;
	if (status == STATUS_SUCCESS && io->has_to && (a->tells & AFD_TELLS_TOS))
		status = cmsg(&c, level, v6 ? WS_IPV6_TCLASS : WS_IP_TOS, &value, sizeof value);
	if (status == STATUS_SUCCESS)
		status = user_put32(rw->control_va, c.cut ? 0 : c.used);
	if (status != STATUS_SUCCESS || !c.cut)
		return status;
	status = user_put32(rw->flags_va, WS_MSG_CTRUNC);
	return status == STATUS_SUCCESS ? STATUS_BUFFER_OVERFLOW : status;
}

NTSTATUS afd_sender_out(const struct afd_rw *rw, const struct os_sock_io *io)
{
	uint32_t room = 0;
	NTSTATUS status;

	if (rw->addr_va == 0 || io->addr_size == 0)
		return STATUS_SUCCESS;
	status = user_read(&room, rw->addr_size_va, sizeof room);
	if (status == STATUS_SUCCESS && room >= io->addr_size)
		status = user_write(rw->addr_va, &io->addr, io->addr_size);
	return status == STATUS_SUCCESS ? user_put32(rw->addr_size_va, io->addr_size) : status;
}
