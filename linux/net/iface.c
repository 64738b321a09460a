/* SPDX-License-Identifier: MIT */
/* linux/net/iface.c - the network interfaces there are. */
#include "linux/net/iface.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

static const struct outside_addr lo_addrs[2] = {
	{ { { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 } }, 8 },
	{ { { [15] = 1 } }, 128 },
};

static const struct outside *conf_of(const struct lx_thread *t)
{
	return outside_conf(ns_of(t, NS_NET)->ino);
}

bool iface_get(const struct lx_thread *t, uint32_t n, struct iface *i)
{
	const struct outside *o = conf_of(t);

	memset(i, 0, sizeof *i);
	if (n == 0) {
		memcpy(i->name, "lo", 2);
		i->index = LO_INDEX;
		i->mtu = lo_mtu(t);
		i->flags = lo_flags(t);
		i->type = ARPHRD_LOOPBACK;
		return true;
	}
	if (n != 1 || o == NULL)
		return false;
	memcpy(i->name, "eth0", 4);
	i->index = ETH0_INDEX;
	i->mtu = ETH0_MTU;
	i->flags = IFF_UP | IFF_BROADCAST | IFF_RUNNING | IFF_MULTICAST;
	i->type = ARPHRD_ETHER;
	i->mac[0] = 2; /* locally administered */
	memcpy(i->mac + 2, o->addrs[0].addr.b + 12, 4);
	return true;
}

bool iface_find(const struct lx_thread *t, uint32_t index, const char *name, struct iface *i)
{
	for (uint32_t n = 0; iface_get(t, n, i); n++)
		if (index != 0 ? i->index == index : strcmp(i->name, name) == 0)
			return true;
	return false;
}

bool iface_addr(const struct lx_thread *t, const struct iface *i, uint32_t n, struct outside_addr *a)
{
	const struct outside *o = conf_of(t);

	if (i->index == LO_INDEX) {
		if (n >= ARRAY_LEN(lo_addrs) || !(i->flags & IFF_UP))
			return false;
		*a = lo_addrs[n];
		return true;
	}
	if (o == NULL || n >= o->naddrs)
		return false;
	*a = o->addrs[n];
	return true;
}

bool iface_addr4(const struct lx_thread *t, const struct iface *i, struct outside_addr *a)
{
	for (uint32_t n = 0; iface_addr(t, i, n, a); n++)
		if (inet_is4(&a->addr))
			return true;
	return false;
}

struct inet_addr iface_network(const struct outside_addr *a)
{
	struct inet_addr net = a->addr;
	uint32_t from = inet_is4(&net) ? 96 + MIN(a->bits, 32u) : MIN(a->bits, 128u);

	for (uint32_t bit = from; bit < 128; bit++)
		net.b[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	return net;
}

struct inet_addr iface_gateway(const struct outside_addr *a)
{
	struct inet_addr g = iface_network(a);

	g.b[15] |= 1;
	if (inet_same(&g, &a->addr))
		g.b[15] ^= 3;
	return g;
}

void iface_mask4(const struct outside_addr *a, uint8_t mask[4], uint8_t broadcast[4])
{
	uint32_t host = a->bits >= 32 ? 0 : UINT32_MAX >> a->bits;

	for (uint32_t i = 0; i < 4; i++) {
		mask[i] = (uint8_t)~(host >> (24 - 8 * i));
		broadcast[i] = a->addr.b[12 + i] | (uint8_t)~mask[i];
	}
}
