/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_udp.c - UDP between sockets of the sandbox: udp(7).
 *
 * A datagram is copied into the arena and queued at its receiver, or lost if that has no room.  Where nobody listens a connected
 * sender hears ECONNREFUSED next time, as from ICMP.
 */
#include "linux/net/outside.h"
#include "linux/net/resolver.h"
#include "rt/mem.h"

#define UDP_MOST 65507u
#define ORIGIN_ICMP  2
#define ORIGIN_ICMP6 3
#define ERRORS_MOST 32u /* kept for a socket that does not read them */

static uint32_t cost(uint32_t size)
{
	return size + MSG_OVERHEAD;
}

static long udp_listen(struct lx_thread *t, struct sock *s, int backlog)
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

static long udp_shutdown(struct sock *s, uint32_t how)
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

/* False: there was no room for it. */
bool udp_deliver(struct sock *to, struct packet *p)
{
	bool room;

	lock_take(&to->lock);
	room = to->state != SOCK_DEAD && to->packet_bytes + cost(p->size) <= MAX(to->rcvbuf, cost(p->size));
	if (room) {
		p->scm.stamp_ns = to->stamp != 0 ? pico_now_realtime() : 0;
		list_append(&to->packets, &p->link);
		to->npackets++;
		to->packet_bytes += cost(p->size);
	} else {
		to->inet->drops++;
	}
	lock_drop(&to->lock);
	if (room)
		(void)waitq_wake(&to->wq, 1, EPOLLIN | EPOLLRDNORM);
	return room;
}

static bool wants_errors(const struct sock *s, const struct packet *p)
{
	return inet_opt(s, OPT_RECVERR) || (s->family == AF_INET6 && !inet_is4(&p->to.addr) && inet_opt(s, OPT_RECVERR6));
}

/* Nobody is where p was sent, which is the caller's no more. */
static void unreachable(struct sock *s, struct packet *p)
{
	bool keep;

	lock_take(&s->lock);
	keep = wants_errors(s, p) && s->inet->nerrors < ERRORS_MOST;
	if (s->state == SOCK_CONNECTED || wants_errors(s, p))
		s->error = ECONNREFUSED;
	if (keep) {
		list_append(&s->inet->errors, &p->link);
		s->inet->nerrors++;
	}
	lock_drop(&s->lock);
	if (!keep)
		arena_free(p);
	waitq_wake_all(&s->wq);
}

/* A question for the name server, which is the caller's no more. */
static void asked(struct sock *s, struct packet *p)
{
	resolver_ask(s, &p->to, p->data, p->size);
	arena_free(p);
}

static long udp_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	struct inet_name to;
	struct packet *p;
	struct sock *receiver;
	long err, route;

	if (x->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (x->v->size > UDP_MOST)
		return -EMSGSIZE;
	route = destination(t, s, x, &to);
	err = route < 0 ? route : inet_autobind(s);
	if (err != 0)
		return err == -EADDRINUSE ? -EAGAIN : err;
	if (s->error != 0 && (err = sock_take_error(s)) != 0)
		return -err;
	if (s->shut & SHUT_SEND)
		return -EPIPE;
	if (route == ROUTE_OUTSIDE)
		return outside_udp_send(s, &to, x);
	p = packet_of(s, x, &to, &err);
	if (p == NULL)
		return err;
	receiver = inet_find(s, &to, &p->from.in);
	if (receiver == NULL && resolver_is(s->net, &to))
		asked(s, p);
	else if (receiver == NULL)
		unreachable(s, p);
	else if (!udp_deliver(receiver, p))
		arena_free(p);
	if (receiver != NULL)
		sock_put(receiver);
	return (long)x->v->size;
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

static uint32_t udp_poll(const struct sock *s, uint32_t mask)
{
	return s->inet->nerrors != 0 ? mask | EPOLLERR : mask;
}

static void udp_unname(struct sock *s)
{
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

static long udp_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
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

static void udp_peer_gone(struct sock *s, struct sock *peer, bool unread)
{
}

/* ---- Control messages ---- */

/* What a sendmsg says of its datagram; which address of lo it comes from is not for it to say. */
static long udp_cmsg_in(const struct sock *s, struct xfer *x, int level, int type, struct gva data, uint64_t size)
{
	bool ttl = (level == IPPROTO_IP && type == IP_TTL) || (level == IPPROTO_IPV6 && type == IPV6_HOPLIMIT);
	bool tos = (level == IPPROTO_IP && type == IP_TOS) || (level == IPPROTO_IPV6 && type == IPV6_TCLASS);
	int n;

	if (level == IPPROTO_IPV6 && s->family != AF_INET6)
		return -EINVAL;
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

static void udp_cmsg(const struct sock *s, const struct xfer *x, struct control *c)
{
	struct { uint8_t to[16]; uint32_t index; } info = { .index = LO_INDEX };
	int limit = x->ttl, class = x->tos;

	if (x->out_flags & MSG_ERRQUEUE)
		cmsg_error(s, x, c);
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
	.name_in = inet_name_in,
	.name_out = inet_name_out,
	.peer_name = inet_peer_name,
	.bind = outside_udp_bind,
	.listen = udp_listen,
	.connect = udp_connect,
	.shutdown = udp_shutdown,
	.send = udp_send,
	.recv = udp_recv,
	.unname = udp_unname,
	.peer_gone = udp_peer_gone,
	.poll = udp_poll,
	.ioctl = inet_ioctl,
	.setopt = inet_setopt,
	.getopt = inet_getopt,
	.cmsg = udp_cmsg,
	.cmsg_in = udp_cmsg_in,
};
