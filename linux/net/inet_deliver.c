/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_deliver.c - where a datagram goes within the sandbox.
 *
 * To the one socket that its address finds, to all who hear a multicast group, to the name server that the sandbox plays, or back
 * as an error.  A packet belongs to who has it last: each function here takes it over.  One that is several (UDP_SEGMENT) reaches
 * who asked for UDP_GRO as it is, and others piece by piece.
 */
#include "linux/net/inet_mcast.h"
#include "linux/net/outside.h"
#include "linux/net/resolver.h"
#include "rt/mem.h"

#define ERRORS_MOST 32u /* kept for a socket that does not read them */
#define MEMBERS_FEW 32u

static uint32_t cost(uint32_t size)
{
	return size + MSG_OVERHEAD;
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

static struct packet *part_of(const struct packet *p, uint32_t at, uint32_t size)
{
	struct packet *part = arena_alloc(sizeof *part + size);

	if (part == NULL)
		return NULL;
	*part = *p;
	part->size = size;
	part->segment = 0;
	memcpy(part->data, p->data + at, size);
	return part;
}

/* p, which is the caller's no more, to one receiver: whole, or as the segments that it is. */
static void give(struct sock *to, struct packet *p)
{
	uint32_t size = p->segment;

	if (size == 0 || inet_opt(to, OPT_UDP_GRO)) {
		if (!udp_deliver(to, p))
			arena_free(p);
		return;
	}
	for (uint32_t at = 0; at < p->size; at += size) {
		struct packet *part = part_of(p, at, MIN(size, p->size - at));

		if (part != NULL && !udp_deliver(to, part))
			arena_free(part);
	}
	arena_free(p);
}

/* All that there are, or with no memory the first of them. */
static uint32_t members(const struct sock *s, const struct packet *p, struct sock **few, struct sock ***all)
{
	uint32_t n = inet_find_all(s, &p->to, &p->from.in, few, MEMBERS_FEW), more = n;
	struct sock **many;

	*all = few;
	if (n <= MEMBERS_FEW)
		return n;
	many = heap_alloc(2 * n * sizeof(struct sock *));
	if (many == NULL)
		return MEMBERS_FEW;
	for (uint32_t i = 0; i < MEMBERS_FEW; i++)
		sock_put(few[i]);
	*all = many;
	n = inet_find_all(s, &p->to, &p->from.in, many, 2 * more);
	return MIN(n, 2 * more);
}

static void to_group(struct sock *s, struct packet *p)
{
	struct sock *few[MEMBERS_FEW], **all;
	bool four = inet_is4(&p->to.addr);
	uint32_t n = 0;

	if (inet_opt(s, four ? OPT_MULTICAST_LOOP : OPT_MULTICAST_LOOP6))
		n = members(s, p, few, &all);
	for (uint32_t i = 0; i < n; i++) {
		struct packet *own = mcast_takes(all[i], &p->to.addr, &p->from.in.addr) ? part_of(p, 0, p->size) : NULL;

		if (own != NULL) {
			own->segment = p->segment;
			give(all[i], own);
		}
		sock_put(all[i]);
	}
	if (n > 0 && all != few)
		heap_free(all);
	arena_free(p);
}

void udp_within(struct sock *s, const struct inet_name *to, struct packet *p)
{
	struct sock *receiver;

	if (inet_is_multicast(&to->addr)) {
		to_group(s, p);
		return;
	}
	receiver = inet_find(s, to, &p->from.in);
	if (receiver == NULL && resolver_is(s->net, to))
		asked(s, p);
	else if (receiver == NULL)
		unreachable(s, p);
	else
		give(receiver, p);
	if (receiver != NULL)
		sock_put(receiver);
}
