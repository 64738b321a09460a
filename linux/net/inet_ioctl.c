/* SPDX-License-Identifier: MIT */
/* linux/net/inet_ioctl.c - the interfaces, as ioctls of sockets ask for them: netdevice(7). */
#include <linux/capability.h>
#include <linux/sockios.h>

#include "linux/net/inet.h"
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

long lo_set_flags(struct lx_thread *t, uint32_t flags)
{
	if (!ns_capable(t, net_of(t)->user, CAP_NET_ADMIN))
		return -EPERM;
	__atomic_store_n(&net_of(t)->lo_down, (flags & IFF_UP) ? 0u : 1u, __ATOMIC_RELAXED);
	return 0;
}

static void put_address(struct request *r, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	memset(r->room, 0, sizeof r->room);
	r->in.family = AF_INET;
	r->in.addr[0] = a;
	r->in.addr[1] = b;
	r->in.addr[2] = c;
	r->in.addr[3] = d;
}

/* SIOCGIFCONF: interfaces that have an IPv4 address. */
static long list(struct lx_thread *t, struct gva arg)
{
	struct { int len, pad; uint64_t buf; } c;
	struct request r = { .name = "lo" };
	int full = (lo_flags(t) & IFF_UP) ? (int)sizeof r : 0;

	if (copy_in(&c, arg, sizeof c) != 0)
		return -EFAULT;
	put_address(&r, 127, 0, 0, 1);
	if (c.buf != 0 && c.len < full)
		full = 0;
	if (c.buf != 0 && full != 0 && copy_out((struct gva){ c.buf }, &r, sizeof r) != 0)
		return -EFAULT;
	return PUT_USER(arg, full);
}

static long by_name(struct lx_thread *t, uint32_t cmd, struct request *r)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->flags = (int16_t)lo_flags(t);
		return 0;
	case SIOCSIFFLAGS:
		return lo_set_flags(t, (uint16_t)r->flags);
	case SIOCGIFADDR:
		put_address(r, 127, 0, 0, 1);
		return (lo_flags(t) & IFF_UP) ? 0 : -EADDRNOTAVAIL;
	case SIOCGIFNETMASK:
		put_address(r, 255, 0, 0, 0);
		return (lo_flags(t) & IFF_UP) ? 0 : -EADDRNOTAVAIL;
	case SIOCGIFBRDADDR:
	case SIOCGIFDSTADDR:
		put_address(r, 0, 0, 0, 0);
		return 0;
	case SIOCGIFMTU:
		r->value = LO_MTU;
		return 0;
	case SIOCGIFMETRIC:
		r->value = 0;
		return 0;
	case SIOCGIFINDEX:
		r->value = LO_INDEX;
		return 0;
	case SIOCGIFTXQLEN:
		r->value = 1000;
		return 0;
	case SIOCGIFHWADDR:
		memset(r->room, 0, sizeof r->room);
		r->hw.family = ARPHRD_LOOPBACK;
		return 0;
	case SIOCSIFADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMTU:
		return ns_capable(t, net_of(t)->user, CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
	default:
		return -ENOTTY;
	}
}

long inet_ioctl(struct lx_thread *t, struct sock *s, uint32_t cmd, uint64_t arg)
{
	struct request r;
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
		if (r.value != LO_INDEX)
			return -ENODEV;
		memset(r.name, 0, sizeof r.name);
		memcpy(r.name, "lo", 2);
		err = 0;
	} else {
		r.name[IFNAME_SIZE - 1] = '\0';
		err = strcmp(r.name, "lo") == 0 ? by_name(t, cmd, &r) : -ENODEV;
	}
	return err != 0 ? err : copy_out((struct gva){ arg }, &r, sizeof r) != 0 ? -EFAULT : 0;
}
