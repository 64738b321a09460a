/* SPDX-License-Identifier: MIT */
/* linux/net/inet_ioctl.c - the interfaces, as ioctls of sockets ask for them: netdevice(7). */
#include <linux/capability.h>
#include <linux/sockios.h>

#include "linux/net/iface.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

#define IFREQ_SIZE   40u
#define IFNAME_SIZE  16u
#define LO_FLAGS     (IFF_LOOPBACK | IFF_RUNNING)

/* struct ifreq, with what its union is used for here. */
struct request {
	char name[IFNAME_SIZE];
	union {
		struct { uint16_t family, port; uint8_t addr[4], zero[8]; } in;
		struct { uint16_t family; uint8_t mac[14]; } hw;
		int16_t flags;
		int value;
		uint8_t room[IFREQ_SIZE - IFNAME_SIZE];
	};
};
_Static_assert(sizeof(struct request) == IFREQ_SIZE, "struct ifreq");

static struct ns *net_of(const struct lx_thread *t)
{
	return ns_of(t, NS_NET);
}

uint32_t lo_flags(const struct lx_thread *t)
{
	return LO_FLAGS | (__atomic_load_n(&net_of(t)->lo_down, __ATOMIC_RELAXED) ? 0 : IFF_UP);
}

uint32_t lo_mtu(const struct lx_thread *t)
{
	return __atomic_load_n(&net_of(t)->lo_mtu, __ATOMIC_RELAXED) ?: LO_MTU;
}

/* It is kept and shown: nothing is cut into packets here. */
static long lo_set_mtu(struct lx_thread *t, int mtu)
{
	if (!ns_capable(t, net_of(t)->user, CAP_NET_ADMIN))
		return -EPERM;
	if (mtu <= 0)
		return -EINVAL;
	__atomic_store_n(&net_of(t)->lo_mtu, (uint32_t)mtu, __ATOMIC_RELAXED);
	return 0;
}

long lo_set_flags(struct lx_thread *t, uint32_t flags)
{
	if (!ns_capable(t, net_of(t)->user, CAP_NET_ADMIN))
		return -EPERM;
	__atomic_store_n(&net_of(t)->lo_down, (flags & IFF_UP) ? 0u : 1u, __ATOMIC_RELAXED);
	return 0;
}

static void put_address(struct request *r, const uint8_t addr[4])
{
	memset(r->room, 0, sizeof r->room);
	r->in.family = AF_INET;
	memcpy(r->in.addr, addr, 4);
}

/* SIOCGIFCONF: interfaces that have an IPv4 address. */
static long list(struct lx_thread *t, struct gva arg)
{
	struct { int len, pad; uint64_t buf; } c;
	struct outside_addr a;
	struct iface i;
	int used = 0;

	if (copy_in(&c, arg, sizeof c) != 0)
		return -EFAULT;
	for (uint32_t n = 0; iface_get(t, n, &i); n++) {
		struct request r = { .name = "" };

		if (!iface_addr4(t, &i, &a))
			continue;
		if (c.buf != 0 && c.len - used < (int)sizeof r)
			break;
		memcpy(r.name, i.name, sizeof r.name);
		put_address(&r, a.addr.b + 12);
		if (c.buf != 0 && copy_out((struct gva){ c.buf + (uint64_t)used }, &r, sizeof r) != 0)
			return -EFAULT;
		used += (int)sizeof r;
	}
	return PUT_USER(arg, used);
}

static long by_address(struct lx_thread *t, uint32_t cmd, const struct iface *i, struct request *r)
{
	uint8_t mask[4], broadcast[4];
	struct outside_addr a;

	if (!iface_addr4(t, i, &a))
		return -EADDRNOTAVAIL;
	iface_mask4(&a, mask, broadcast);
	if (cmd == SIOCGIFNETMASK)
		put_address(r, mask);
	else if (cmd == SIOCGIFADDR)
		put_address(r, a.addr.b + 12);
	else
		put_address(r, (i->flags & IFF_BROADCAST) ? broadcast : (const uint8_t[4]){ 0 });
	return 0;
}

static long by_name(struct lx_thread *t, uint32_t cmd, const struct iface *i, struct request *r)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->flags = (int16_t)i->flags;
		return 0;
	case SIOCSIFFLAGS:
		return i->index == LO_INDEX ? lo_set_flags(t, (uint16_t)r->flags) : ns_capable(t, net_of(t)->user, CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
	case SIOCGIFADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFDSTADDR:
		return by_address(t, cmd, i, r);
	case SIOCGIFMTU:
		r->value = (int)i->mtu;
		return 0;
	case SIOCGIFMETRIC:
		r->value = 0;
		return 0;
	case SIOCGIFINDEX:
		r->value = (int)i->index;
		return 0;
	case SIOCGIFTXQLEN:
		r->value = 1000;
		return 0;
	case SIOCGIFHWADDR:
		memset(r->room, 0, sizeof r->room);
		r->hw.family = i->type;
		memcpy(r->hw.mac, i->mac, sizeof i->mac);
		return 0;
	case SIOCSIFMTU:
		return i->index == LO_INDEX ? lo_set_mtu(t, r->value) : ns_capable(t, net_of(t)->user, CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
	case SIOCSIFADDR:
	case SIOCSIFNETMASK:
		return ns_capable(t, net_of(t)->user, CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
	default:
		return -ENOTTY;
	}
}

long inet_ioctl(struct lx_thread *t, struct sock *s, uint32_t cmd, uint64_t arg)
{
	struct request r;
	struct iface i;
	long err;

	if (cmd == SIOCGIFCONF)
		return list(t, (struct gva){ arg });
	if (cmd == SIOCATMARK)
		return s->kind == SK_TCP ? PUT_USER((struct gva){ arg }, (int)(s->inet->urgent != URGENT_NONE && s->inet->urgent_at == s->rx_pos)) : -ENOTTY;
	if (cmd < SIOCGIFNAME || cmd > SIOCSIFTXQLEN)
		return -ENOTTY;
	if (copy_in(&r, (struct gva){ arg }, sizeof r) != 0)
		return -EFAULT;
	if (cmd == SIOCGIFNAME) {
		if (r.value == 0 || !iface_find(t, (uint32_t)r.value, NULL, &i))
			return -ENODEV;
		memcpy(r.name, i.name, sizeof r.name);
		err = 0;
	} else {
		r.name[IFNAME_SIZE - 1] = '\0';
		err = iface_find(t, 0, r.name, &i) ? by_name(t, cmd, &i, &r) : -ENODEV;
	}
	return err != 0 ? err : copy_out((struct gva){ arg }, &r, sizeof r) != 0 ? -EFAULT : 0;
}
