/* SPDX-License-Identifier: MIT */
/* nt/os/iface.c - the interfaces of linux/net, for what iphlpapi.dll and ws2_32.dll ask about. */
#include "nt/os/iface.h"
#include "linux/net/iface.h"
#include "rt/mem.h"

static void bytes_out(uint8_t to[16], const struct inet_addr *a, bool v6)
{
	memset(to, 0, 16);
	memcpy(to, v6 ? a->b : a->b + 12, v6 ? 16 : 4);
}

static void addr_out(struct os_iface_addr *to, const struct outside_addr *from)
{
	struct inet_addr net = iface_network(from), gateway = iface_gateway(from);

	*to = (struct os_iface_addr){ .bits = from->bits, .v6 = !inet_is4(&from->addr) };
	bytes_out(to->bytes, &from->addr, to->v6);
	bytes_out(to->net, &net, to->v6);
	bytes_out(to->gateway, &gateway, to->v6);
	if (!to->v6)
		iface_mask4(from, to->mask, to->broadcast);
}

bool os_iface(uint32_t n, struct os_iface *to)
{
	const struct lx_thread *t = lx_current();
	struct outside_addr a;
	struct iface i;

	if (!iface_get(t, n, &i))
		return false;
	memset(to, 0, sizeof *to);
	memcpy(to->name, i.name, sizeof to->name);
	memcpy(to->mac, i.mac, sizeof to->mac);
	to->index = i.index;
	to->mtu = i.mtu;
	to->loopback = i.index == LO_INDEX;
	to->up = i.flags & IFF_UP;
	while (to->count < OS_IFACE_ADDRS && iface_addr(t, &i, to->count, &a))
		addr_out(&to->addr[to->count++], &a);
	return true;
}

uint32_t os_iface_of(bool v6, const uint8_t *bytes)
{
	struct os_iface i;

	for (uint32_t n = 1; os_iface(n, &i); n++)
		for (uint32_t k = 0; k < i.count; k++)
			if (i.addr[k].v6 == v6 && memcmp(i.addr[k].bytes, bytes, v6 ? 16 : 4) == 0)
				return i.index;
	return OS_LO_INDEX;
}
