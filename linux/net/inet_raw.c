/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_raw.c - raw sockets within the sandbox: raw(7), icmp(7).
 *
 * What one sends reaches all others of its protocol, as on lo, where every packet comes back: with an IP header for IPv4, without
 * one for IPv6.  An echo request for this host is answered as the kernel does, so ping works.  What TCP and UDP sockets say to each
 * other is never a packet, and no raw socket sees it.  Outside of the sandbox they reach nothing.
 *
 * They are in inet_state->raw, by name_link, from their making to their end.
 */
#include "linux/net/outside.h"
#include "rt/mem.h"

#define RAW_MOST  65515u
#define HEADER    20u
#define RECEIVERS 32u
#define ECHO_REQUEST  8u
#define ECHO_REPLY    0u
#define ECHO6_REQUEST 128u
#define ECHO6_REPLY   129u
#define ICMP_HEADER   8u

/* A packet without its IP header. */
struct raw {
	struct inet_addr from, to;
	uint32_t protocol;
	uint8_t ttl, tos;
	uint32_t size;
	uint8_t data[];
};

void raw_made(struct sock *s)
{
	struct inet_state *i = inet_state();

	lock_take(&i->raw_lock);
	list_append(&i->raw, &s->name_link);
	lock_drop(&i->raw_lock);
}

static void raw_unname(struct sock *s)
{
	struct inet_state *i = inet_state();

	lock_take(&i->raw_lock);
	list_remove(&s->name_link);
	lock_drop(&i->raw_lock);
}

/* ---- Sums ---- */

static uint32_t sum(const void *data, uint32_t size, uint32_t start)
{
	const uint8_t *b = data;

	for (uint32_t i = 0; i + 1 < size; i += 2)
		start += (uint32_t)b[i] << 8 | b[i + 1];
	return size & 1 ? start + ((uint32_t)b[size - 1] << 8) : start;
}

static void put_sum(uint8_t *at, uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	at[0] = (uint8_t)(~s >> 8);
	at[1] = (uint8_t)~s;
}

/* ICMPv6's is over the addresses too. */
static void put_icmp_sum(struct raw *r)
{
	uint32_t s = 0;

	r->data[2] = r->data[3] = 0;
	if (r->protocol == IPPROTO_ICMPV6) {
		s = sum(&r->from, sizeof r->from, 0);
		s = sum(&r->to, sizeof r->to, s) + r->size + r->protocol;
	}
	put_sum(r->data + 2, sum(r->data, r->size, s));
}

/* ---- Receiving ---- */

static bool filtered(const struct sock *s, const struct raw *r)
{
	uint32_t type = r->size > 0 ? r->data[0] : 0;

	if (r->protocol == IPPROTO_ICMP)
		return type < 32 && ((uint32_t)inet_opt(s, OPT_ICMP_FILTER) >> type & 1);
	return r->protocol == IPPROTO_ICMPV6 && type >= 128 && type < 160 && ((uint32_t)inet_opt(s, OPT_ICMP6_FILTER) >> (type - 128) & 1);
}

static bool hears(const struct sock *s, const struct raw *r, uint32_t net)
{
	if (s->net != net || s->inet->protocol != r->protocol || (s->family == AF_INET) != inet_is4(&r->to))
		return false;
	if (s->addr.len != 0 && !inet_is_any(&s->addr.in.addr) && !inet_same(&s->addr.in.addr, &r->to))
		return false;
	return (s->state != SOCK_CONNECTED || inet_same(&s->inet->remote.addr, &r->from)) && !filtered(s, r);
}

static void put_header(uint8_t *h, const struct raw *r)
{
	uint32_t full = HEADER + r->size;

	memset(h, 0, HEADER);
	h[0] = 0x45;
	h[1] = r->tos;
	h[2] = (uint8_t)(full >> 8);
	h[3] = (uint8_t)full;
	h[8] = r->ttl;
	h[9] = (uint8_t)r->protocol;
	memcpy(h + 12, r->from.b + 12, 4);
	memcpy(h + 16, r->to.b + 12, 4);
	put_sum(h + 10, sum(h, HEADER, 0));
}

static void give(struct sock *to, const struct raw *r)
{
	uint32_t header = to->family == AF_INET ? HEADER : 0;
	struct packet *p = arena_alloc(sizeof *p + header + r->size);

	if (p == NULL)
		return;
	p->size = header + r->size;
	p->from = inet_sock_name(&(struct inet_name){ .addr = r->from });
	p->to.addr = r->to;
	p->ttl = r->ttl;
	p->tos = r->tos;
	if (header != 0)
		put_header(p->data, r);
	memcpy(p->data + header, r->data, r->size);
	if (!udp_deliver(to, p))
		arena_free(p);
}

static void deliver(const struct raw *r, uint32_t net)
{
	struct inet_state *i = inet_state();
	struct sock *all[RECEIVERS];
	uint32_t n = 0;

	lock_take(&i->raw_lock);
	LIST_FOR(s, &i->raw, struct sock, name_link)
		if (n < RECEIVERS && hears(s, r, net) && ref_get_live(&s->ref))
			all[n++] = s;
	lock_drop(&i->raw_lock);
	for (uint32_t k = 0; k < n; k++) {
		give(all[k], r);
		sock_put(all[k]);
	}
}

/* The host's answer to an echo request, in place. */
static bool answer(struct raw *r)
{
	struct inet_addr from = r->from;
	bool six = r->protocol == IPPROTO_ICMPV6;

	if (r->size < ICMP_HEADER || (six ? r->data[0] != ECHO6_REQUEST : r->protocol != IPPROTO_ICMP || r->data[0] != ECHO_REQUEST))
		return false;
	r->data[0] = six ? ECHO6_REPLY : ECHO_REPLY;
	r->from = r->to;
	r->to = from;
	r->ttl = 64;
	put_icmp_sum(r);
	return true;
}

/* ---- Sending ---- */

static long destination(struct lx_thread *t, struct sock *s, const struct xfer *x, struct inet_name *to)
{
	long route;

	if (!x->has_addr && s->state != SOCK_CONNECTED)
		return -EDESTADDRREQ;
	lock_take(&s->lock);
	*to = x->has_addr ? x->addr.in : s->inet->remote;
	lock_drop(&s->lock);
	route = inet_route(t, s, to);
	return route == ROUTE_OUTSIDE ? -ENETUNREACH : route;
}

/* The header that the program made itself comes off; the host fills in where it comes from, if it says nothing. */
static long take_header(struct raw *r)
{
	uint32_t size = r->size >= HEADER ? (r->data[0] & 15u) * 4 : 0;
	struct inet_addr from = r->from;

	if (size < HEADER || size > r->size)
		return -EINVAL;
	memcpy(from.b + 12, r->data + 12, 4);
	if (!inet_is_any(&from))
		r->from = from;
	r->tos = r->data[1];
	r->ttl = r->data[8];
	r->protocol = r->data[9];
	r->size -= size;
	memmove(r->data, r->data + size, r->size);
	return 0;
}

static long make(struct sock *s, const struct xfer *x, const struct inet_name *to, struct raw *r)
{
	bool four = inet_is4(&to->addr);

	*r = (struct raw){ .from = inet_source(&to->addr), .to = to->addr, .protocol = s->inet->protocol, .size = (uint32_t)x->v->size };
	if (s->addr.len != 0 && !inet_is_any(&s->addr.in.addr))
		r->from = s->addr.in.addr;
	r->ttl = (uint8_t)(x->ttl > 0 ? x->ttl : inet_opt(s, four ? OPT_TTL : OPT_UNICAST_HOPS));
	r->tos = (uint8_t)(x->tos > 0 ? x->tos : inet_opt(s, four ? OPT_TOS : OPT_TCLASS));
	if (iov_take(x->v, 0, r->data, r->size) != r->size)
		return -EFAULT;
	if (four && (inet_opt(s, OPT_HDRINCL) || s->inet->protocol == IPPROTO_RAW))
		return take_header(r);
	if (r->protocol == IPPROTO_ICMPV6 && r->size < 4)
		return -EINVAL;
	if (r->protocol == IPPROTO_ICMPV6)
		put_icmp_sum(r); /* the kernel's to do, of this protocol */
	return 0;
}

static long raw_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	struct inet_name to;
	struct raw *r;
	long err = destination(t, s, x, &to);

	if (x->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (x->v->size > RAW_MOST)
		return -EMSGSIZE;
	if (err == 0 && (s->shut & SHUT_SEND))
		err = -EPIPE;
	if (err != 0)
		return err;
	r = heap_alloc_dirty(sizeof *r + x->v->size);
	if (r == NULL)
		return -ENOBUFS;
	err = make(s, x, &to, r);
	if (err == 0) {
		deliver(r, s->net);
		if (answer(r))
			deliver(r, s->net);
	}
	heap_free(r);
	return err == 0 ? (long)x->v->size : err;
}

/* ---- Names ---- */

static long raw_bind(struct lx_thread *t, struct sock *s, const struct sock_name *a)
{
	if (!inet_is_any(&a->in.addr) && !inet_is_local(&a->in.addr) && !outside_is_own(s->net, &a->in.addr) && !inet_opt(s, OPT_FREEBIND))
		return -EADDRNOTAVAIL;
	lock_take(&s->lock);
	s->addr = *a;
	s->addr.in.port = (uint16_t)s->inet->protocol;
	lock_drop(&s->lock);
	return 0;
}

static long raw_connect(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock)
{
	struct inet_name to = { 0 };
	long route = 0;

	if (a != NULL) {
		to = a->in;
		route = inet_route(t, s, &to);
	}
	if (route != 0)
		return route < 0 ? route : -ENETUNREACH;
	lock_take(&s->lock);
	s->inet->remote = to;
	s->state = a != NULL ? SOCK_CONNECTED : SOCK_OPEN;
	lock_drop(&s->lock);
	return 0;
}

const struct sock_ops raw_ops = {
	INET_DATAGRAM_OPS,
	.bind = raw_bind,
	.connect = raw_connect,
	.send = raw_send,
	.unname = raw_unname,
};
