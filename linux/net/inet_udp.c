/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_udp.c - UDP between sockets of the sandbox: udp(7).
 *
 * A datagram is copied into the arena and queued at its receiver, or lost if that has no room.  Where nobody listens a connected
 * sender hears ECONNREFUSED next time, as from ICMP.
 */
#include "linux/net/inet_mcast.h"
#include "linux/net/outside.h"
#include "linux/net/resolver.h"
#include "rt/mem.h"

#define UDP_MOST 65507u
#define ORIGIN_ICMP  2
#define ORIGIN_ICMP6 3
#define SEGMENTS_MOST 128u /* of one send */

long udp_listen(struct lx_thread *t, struct sock *s, int backlog)
{
	return -EOPNOTSUPP;
}

/* This host is the sandbox; where nobody within has the port it may be the one that the sandbox runs on. */
static long route_of(struct lx_thread *t, struct sock *s, struct inet_name *to)
{
	long route = inet_route(t, s, to);
	struct sock *receiver;

	if (route != ROUTE_WITHIN || !outside_falls(s->net, &to->addr) || to->port == 0 || resolver_is(s->net, to))
		return route;
	receiver = inet_find(s, to, &s->addr.in);
	if (receiver == NULL)
		return ROUTE_OUTSIDE;
	sock_put(receiver);
	return ROUTE_WITHIN;
}

static long udp_connect(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock)
{
	struct inet_name to = { 0 };
	long err = 0, route = ROUTE_WITHIN;

	if (a != NULL) {
		to = a->in;
		route = route_of(t, s, &to);
		err = route < 0 ? route : inet_autobind(s);
	}
	if (err == 0 && route == ROUTE_OUTSIDE)
		err = outside_udp_connect(s, &to);
	if (err != 0)
		return err;
	lock_take(&s->lock);
	s->inet->remote = to;
	s->error = 0;
	s->state = a != NULL ? SOCK_CONNECTED : SOCK_OPEN;
	lock_drop(&s->lock);
	if (a == NULL) {
		outside_drop(s);
		inet_forget_source(s);
	} else if (route == ROUTE_WITHIN) {
		inet_settle_source(s, &to);
	}
	waitq_wake_all(&s->wq);
	return 0;
}

long udp_shutdown(struct sock *s, uint32_t how)
{
	bool connected;

	lock_take(&s->lock);
	connected = s->state == SOCK_CONNECTED;
	s->shut |= how;
	lock_drop(&s->lock);
	waitq_wake_all(&s->wq);
	return connected ? 0 : -ENOTCONN;
}

/* Where it goes: the address that was given, or the peer's.  ROUTE_*, or -errno. */
static long destination(struct lx_thread *t, struct sock *s, const struct xfer *x, struct inet_name *to)
{
	if (x->has_addr) {
		*to = x->addr.in;
	} else if (s->state == SOCK_CONNECTED) {
		lock_take(&s->lock);
		*to = s->inet->remote;
		lock_drop(&s->lock);
	} else {
		return -EDESTADDRREQ;
	}
	if (to->port == 0)
		return -EINVAL;
	return outside_udp_goes(s, to) ? ROUTE_OUTSIDE : route_of(t, s, to);
}

static struct packet *packet_of(struct sock *s, const struct xfer *x, const struct inet_name *to, long *err)
{
	struct packet *p = arena_alloc(sizeof *p + x->v->size);

	*err = -ENOBUFS;
	if (p == NULL)
		return NULL;
	p->size = (uint32_t)x->v->size;
	p->from = s->addr;
	if (inet_is_any(&p->from.in.addr))
		p->from.in.addr = inet_source(&to->addr);
	p->to = *to;
	p->ttl = (uint8_t)(x->ttl > 0 ? x->ttl : inet_opt(s, inet_is4(&to->addr) ? OPT_TTL : OPT_UNICAST_HOPS));
	p->tos = (uint8_t)(x->tos > 0 ? x->tos : inet_opt(s, inet_is4(&to->addr) ? OPT_TOS : OPT_TCLASS));
	if (iov_take(x->v, 0, p->data, p->size) == p->size)
		return p;
	arena_free(p);
	*err = -EFAULT;
	return NULL;
}

/* The size of the datagrams that it is to be, 0: one; or -EINVAL. */
static long segment_of(const struct sock *s, const struct xfer *x)
{
	uint32_t size = x->segment != 0 ? x->segment : (uint32_t)inet_opt(s, OPT_UDP_SEGMENT);

	if (size == 0 || x->v->size <= size)
		return 0;
	return x->v->size > (uint64_t)size * SEGMENTS_MOST ? -EINVAL : (long)size;
}

/* Segments leave one by one. */
static long outside_segments(struct sock *s, const struct inet_name *to, struct xfer *x, uint64_t size)
{
	uint8_t *data = heap_alloc(x->v->size);
	struct xfer part = *x;
	long n = 0;

	if (data == NULL)
		return -ENOBUFS;
	if (iov_take(x->v, 0, data, x->v->size) != x->v->size)
		n = -EFAULT;
	for (uint64_t at = 0; n >= 0 && at < x->v->size; at += size) {
		struct dk_segment seg = { data + at, MIN(size, x->v->size - at) };
		struct iov v = { &seg, 1, true, seg.size };

		part.v = &v;
		n = outside_udp_send(s, to, &part);
	}
	heap_free(data);
	return n < 0 ? n : (long)x->v->size;
}

long udp_send_now(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	struct inet_name to;
	struct packet *p;
	long err, segment, route = destination(t, s, x, &to);

	err = route < 0 ? route : inet_autobind(s);
	if (err != 0)
		return err == -EADDRINUSE ? -EAGAIN : err;
	if (s->error != 0 && (err = sock_take_error(s)) != 0)
		return -err;
	if (s->shut & SHUT_SEND)
		return -EPIPE;
	segment = segment_of(s, x);
	if (segment < 0)
		return segment;
	if (route == ROUTE_OUTSIDE)
		return segment != 0 ? outside_segments(s, &to, x, (uint64_t)segment) : outside_udp_send(s, &to, x);
	p = packet_of(s, x, &to, &err);
	if (p == NULL)
		return err;
	p->segment = (uint16_t)segment;
	udp_within(s, &to, p);
	return (long)x->v->size;
}

static long udp_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	bool more = (x->flags & MSG_MORE) || inet_opt(s, OPT_UDP_CORK);
	struct inet_name to;
	long route;

	if (x->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (x->v->size > UDP_MOST)
		return -EMSGSIZE;
	if (LIKELY(!more && s->inet->cork == NULL))
		return udp_send_now(t, s, x);
	if (s->inet->cork == NULL && (route = destination(t, s, x, &to)) < 0)
		return route;
	return cork_send(t, s, x, more);
}

/* MSG_ERRQUEUE: what could not be delivered, with the address it was sent to. */
static long recv_error(struct sock *s, struct xfer *x)
{
	struct packet *p = NULL;
	uint32_t n;
	long result;

	lock_take(&s->lock);
	s->error = 0;
	if (!list_empty(&s->inet->errors)) {
		p = LIST_FIRST(&s->inet->errors, struct packet, link);
		list_remove(&p->link);
		s->inet->nerrors--;
	}
	lock_drop(&s->lock);
	if (p == NULL)
		return -EAGAIN;
	n = (uint32_t)MIN((uint64_t)p->size, x->v->size);
	x->addr = inet_sock_name(&p->to);
	x->at = p->from.in;
	x->out_flags |= MSG_ERRQUEUE | (n < p->size ? MSG_TRUNC : 0);
	result = iov_put(x->v, 0, p->data, n) == n ? (long)n : -EFAULT;
	arena_free(p);
	return result;
}

uint32_t udp_poll(const struct sock *s, uint32_t mask)
{
	return s->inet->nerrors != 0 ? mask | EPOLLERR : mask;
}

static void udp_unname(struct sock *s)
{
	cork_drop(s);
	mcast_leave_all(s);
	inet_unname(s);
	lock_take(&s->lock);
	while (!list_empty(&s->inet->errors)) {
		struct packet *p = LIST_FIRST(&s->inet->errors, struct packet, link);

		list_remove(&p->link);
		arena_free(p);
	}
	s->inet->nerrors = 0;
	lock_drop(&s->lock);
}

long udp_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	long err;

	if (x->flags & MSG_ERRQUEUE)
		return recv_error(s, x);
	if (x->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->error != 0 && (err = sock_take_error(s)) != 0)
		return -err;
	return UNLIKELY(outside_listens(s)) ? outside_udp_recv(t, s, x) : packet_recv(t, s, x);
}

void udp_peer_gone(struct sock *s, struct sock *peer, bool unread)
{
}

/* ---- Control messages ---- */

/* What a sendmsg says of its datagram; which address of lo it comes from is not for it to say. */
long udp_cmsg_in(const struct sock *s, struct xfer *x, int level, int type, struct gva data, uint64_t size)
{
	bool ttl = (level == IPPROTO_IP && type == IP_TTL) || (level == IPPROTO_IPV6 && type == IPV6_HOPLIMIT);
	bool tos = (level == IPPROTO_IP && type == IP_TOS) || (level == IPPROTO_IPV6 && type == IPV6_TCLASS);
	int n;

	if (level == IPPROTO_IPV6 && s->family != AF_INET6)
		return -EINVAL;
	if (level == IPPROTO_UDP && type == UDP_SEGMENT)
		return size != sizeof x->segment ? -EINVAL : copy_in(&x->segment, data, sizeof x->segment) != 0 ? -EFAULT : 0;
	if (!ttl && !tos)
		return (level == IPPROTO_IP && type == IP_PKTINFO) || (level == IPPROTO_IPV6 && type == IPV6_PKTINFO) || level == SOL_SOCKET ? 0 : -EINVAL;
	if (size < sizeof n)
		return -EINVAL;
	if (copy_in(&n, data, sizeof n) != 0)
		return -EFAULT;
	if (n < -1 || n > 255)
		return -EINVAL;
	*(ttl ? &x->ttl : &x->tos) = n;
	return 0;
}

static void cmsg4(const struct sock *s, const struct xfer *x, struct control *c)
{
	struct { int index; uint8_t local[4], to[4]; } info = { .index = LO_INDEX };
	int ttl = x->ttl;
	uint8_t tos = (uint8_t)x->tos;

	memcpy(info.local, x->at.addr.b + 12, 4);
	memcpy(info.to, x->at.addr.b + 12, 4);
	if (inet_opt(s, OPT_PKTINFO))
		(void)cmsg_out(c, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	if (inet_opt(s, OPT_RECVTTL))
		(void)cmsg_out(c, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
	if (inet_opt(s, OPT_RECVTOS))
		(void)cmsg_out(c, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
}

/* What was an ICMP message: port unreachable. */
static void cmsg_error(const struct sock *s, const struct xfer *x, struct control *c)
{
	bool six = s->family == AF_INET6 && !inet_is4(&x->addr.in.addr);
	struct {
		struct { uint32_t number; uint8_t origin, type, code, pad; uint32_t info, data; } err; /* struct sock_extended_err */
		uint16_t family;
		uint8_t rest[26];
	} e = { .err = { .number = ECONNREFUSED, .origin = six ? ORIGIN_ICMP6 : ORIGIN_ICMP, .type = six ? 1 : 3, .code = six ? 4 : 3 },
		.family = six ? AF_INET6 : AF_INET };

	memcpy(e.rest + (six ? 6 : 2), x->addr.in.addr.b + (six ? 0 : 12), six ? 16 : 4);
	(void)cmsg_out(c, s->family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, s->family == AF_INET6 ? IPV6_RECVERR : IP_RECVERR, &e,
		sizeof e.err + (six ? 28 : 16));
}

void udp_cmsg(const struct sock *s, const struct xfer *x, struct control *c)
{
	struct { uint8_t to[16]; uint32_t index; } info = { .index = LO_INDEX };
	int limit = x->ttl, class = x->tos;

	int segment = x->segment;

	if (x->out_flags & MSG_ERRQUEUE)
		cmsg_error(s, x, c);
	if (segment != 0 && inet_opt(s, OPT_UDP_GRO))
		(void)cmsg_out(c, IPPROTO_UDP, UDP_GRO, &segment, sizeof segment);
	if (s->family == AF_INET) {
		cmsg4(s, x, c);
		return;
	}
	memcpy(info.to, x->at.addr.b, 16);
	if (inet_opt(s, OPT_RECVPKTINFO))
		(void)cmsg_out(c, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	if (inet_opt(s, OPT_RECVHOPLIMIT))
		(void)cmsg_out(c, IPPROTO_IPV6, IPV6_HOPLIMIT, &limit, sizeof limit);
	if (inet_opt(s, OPT_RECVTCLASS))
		(void)cmsg_out(c, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class);
}

const struct sock_ops udp_ops = {
	INET_DATAGRAM_OPS,
	.bind = outside_udp_bind,
	.connect = udp_connect,
	.send = udp_send,
	.unname = udp_unname,
};
