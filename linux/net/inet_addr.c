/* SPDX-License-Identifier: MIT */
/* linux/net/inet_addr.c - addresses of AF_INET and AF_INET6: ip(7), ipv6(7). */
#include "linux/net/outside.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

/* As the guest has them. */
struct sockaddr4 {
	uint16_t family, port;
	uint8_t addr[4], zero[8];
};
struct sockaddr6 {
	uint16_t family, port;
	uint32_t flow;
	uint8_t addr[16];
	uint32_t scope;
};
#define SOCKADDR6_LEAST 24u /* without the scope, as RFC 2133 had it */

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool inet_is4(const struct inet_addr *a)
{
	return memcmp(a->b, mapped, sizeof mapped) == 0;
}

bool inet_is_any(const struct inet_addr *a)
{
	static const struct inet_addr any;

	return inet_is4(a) ? memcmp(a->b + 12, any.b, 4) == 0 : inet_same(a, &any);
}

bool inet_is_local(const struct inet_addr *a)
{
	static const struct inet_addr lo = { { [15] = 1 } };

	return inet_is4(a) ? a->b[12] == 127 : inet_same(a, &lo);
}

bool inet_is_multicast(const struct inet_addr *a)
{
	return inet_is4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

static struct inet_addr from4(const uint8_t b[4])
{
	struct inet_addr a;

	memcpy(a.b, mapped, sizeof mapped);
	memcpy(a.b + 12, b, 4);
	return a;
}

struct inet_addr inet_source(const struct inet_addr *to)
{
	static const uint8_t lo4[4] = { 127, 0, 0, 1 };

	return inet_is4(to) ? from4(lo4) : (struct inet_addr){ { [15] = 1 } };
}

static bool lo_is_up(const struct lx_thread *t)
{
	return !__atomic_load_n(&ns_of(t, NS_NET)->lo_down, __ATOMIC_RELAXED);
}

long inet_route(struct lx_thread *t, const struct sock *s, struct inet_name *to)
{
	if (s->family == AF_INET6 && inet_is4(&to->addr) && inet_opt(s, OPT_V6ONLY))
		return -ENETUNREACH;
	if (inet_is_any(&to->addr))
		to->addr = inet_source(&to->addr);
	if (s->kind == SK_UDP && inet_is_multicast(&to->addr) && lo_is_up(t))
		return ROUTE_WITHIN;
	if (inet_is_local(&to->addr) || outside_is_own(s->net, &to->addr))
		return lo_is_up(t) ? ROUTE_WITHIN : -ENETUNREACH;
	return outside_may(s->net, &to->addr) ? ROUTE_OUTSIDE : -ENETUNREACH;
}

struct sock_name inet_sock_name(const struct inet_name *in)
{
	struct sock_name a = { .len = sizeof *in };

	a.in = *in;
	return a;
}

static uint16_t swap16(uint16_t x)
{
	return (uint16_t)(x << 8 | x >> 8);
}

static long name4_in(struct inet_name *n, struct gva from, int len, uint16_t family)
{
	struct sockaddr4 sa;

	if (len < (int)sizeof sa)
		return -EINVAL;
	if (copy_in(&sa, from, sizeof sa) != 0)
		return -EFAULT;
	if (family != AF_INET && !(family == AF_UNSPEC && memcmp(sa.addr, &(uint32_t){ 0 }, 4) == 0)) /* as bind has it, of old */
		return -EAFNOSUPPORT;
	*n = (struct inet_name){ .addr = from4(sa.addr), .port = swap16(sa.port) };
	return 0;
}

static long name6_in(struct inet_name *n, struct gva from, int len, uint16_t family)
{
	struct sockaddr6 sa = { 0 };

	if (len < (int)SOCKADDR6_LEAST)
		return -EINVAL;
	if (family != AF_INET6)
		return -EAFNOSUPPORT;
	if (copy_in(&sa, from, MIN((uint64_t)len, sizeof sa)) != 0)
		return -EFAULT;
	*n = (struct inet_name){ .port = swap16(sa.port), .scope = sa.scope };
	memcpy(n->addr.b, sa.addr, 16);
	return 0;
}

long inet_name_in(const struct sock *s, struct sock_name *a, struct gva from, int len)
{
	struct inet_name n;
	uint16_t family;
	long err;

	if (len < (int)sizeof family)
		return -EINVAL;
	if (len > 128) /* sockaddr_storage */
		return -EINVAL;
	if (copy_in(&family, from, sizeof family) != 0)
		return -EFAULT;
	/* UDP over IPv6 takes IPv4's addresses as they are, but to bind. */
	if (s->family == AF_INET || (s->kind == SK_UDP && family == AF_INET && !inet_opt(s, OPT_V6ONLY)))
		err = name4_in(&n, from, len, family);
	else
		err = name6_in(&n, from, len, family);
	n.plain4 = s->family == AF_INET6 && family == AF_INET;
	if (err == 0)
		*a = inet_sock_name(&n);
	return err;
}

long inet_name_out(const struct sock *s, const struct sock_name *a, struct gva to, struct gva len)
{
	struct inet_name n = a->len != 0 ? a->in : (struct inet_name){ 0 };
	struct sockaddr4 sa4 = { .family = AF_INET, .port = swap16(n.port) };
	struct sockaddr6 sa6 = { .family = AF_INET6, .port = swap16(n.port), .scope = n.scope };
	uint32_t full = s->family == AF_INET ? sizeof sa4 : sizeof sa6;
	int room;

	memcpy(sa4.addr, n.addr.b + 12, 4);
	memcpy(sa6.addr, n.addr.b, 16);
	if (copy_in(&room, len, sizeof room) != 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_out(to, s->family == AF_INET ? (void *)&sa4 : (void *)&sa6, MIN(full, (uint32_t)room)) != 0)
		return -EFAULT;
	return PUT_USER(len, (int)full);
}
