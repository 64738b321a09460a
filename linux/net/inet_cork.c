/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_cork.c - datagrams made of several sends: MSG_MORE and UDP_CORK of udp(7).
 *
 * What was sent so far is in inet->cork, with where the first of them went.  Who adds to it takes it out under the socket's lock,
 * so that nobody else has it meanwhile, and puts it back or sends it.
 */
#include "linux/net/inet.h"
#include "rt/mem.h"

#define DATAGRAM_MOST 65507u

struct cork {
	uint32_t size, room;
	bool has_addr;
	struct sock_name addr;
	int ttl, tos;
	uint8_t data[];
};

static struct cork *take_out(struct sock *s)
{
	struct cork *c;

	lock_take(&s->lock);
	c = s->inet->cork;
	s->inet->cork = NULL;
	lock_drop(&s->lock);
	return c;
}

/* False: another thread's is there by now. */
static bool put_back(struct sock *s, struct cork *c)
{
	bool free;

	lock_take(&s->lock);
	free = s->inet->cork == NULL && s->state != SOCK_DEAD;
	if (free)
		s->inet->cork = c;
	lock_drop(&s->lock);
	if (!free)
		arena_free(c);
	return free;
}

/* c, or one as large that takes its place, with room for more bytes; NULL: no memory, and c is gone. */
static struct cork *with_room(struct cork *c, uint64_t more, const struct xfer *x)
{
	uint32_t used = c != NULL ? c->size : 0;
	struct cork *fresh;

	if (c != NULL && more <= c->room - used)
		return c;
	fresh = arena_alloc(sizeof *fresh + 2 * (used + (uint32_t)more));
	if (fresh != NULL) {
		*fresh = (struct cork){ .size = used, .room = 2 * (used + (uint32_t)more) };
		fresh->has_addr = c != NULL ? c->has_addr : x->has_addr;
		fresh->addr = c != NULL ? c->addr : x->addr;
		fresh->ttl = c != NULL ? c->ttl : x->ttl;
		fresh->tos = c != NULL ? c->tos : x->tos;
		if (c != NULL)
			memcpy(fresh->data, c->data, used);
	}
	arena_free(c);
	return fresh;
}

static long send_off(struct lx_thread *t, struct sock *s, struct cork *c, const struct xfer *like)
{
	struct dk_segment seg = { c->data, c->size };
	struct iov v = { &seg, 1, true, c->size };
	struct xfer x = *like;
	long n;

	x.v = &v;
	x.has_addr = c->has_addr;
	x.addr = c->addr;
	x.ttl = c->ttl;
	x.tos = c->tos;
	n = udp_send_now(t, s, &x);
	arena_free(c);
	return n;
}

long cork_send(struct lx_thread *t, struct sock *s, struct xfer *x, bool more)
{
	struct cork *c = take_out(s);
	uint64_t size = x->v->size;
	long n;

	if ((c != NULL ? c->size : 0) + size > DATAGRAM_MOST) {
		arena_free(c);
		return -EMSGSIZE;
	}
	c = with_room(c, size, x);
	if (c == NULL)
		return -ENOBUFS;
	if (iov_take(x->v, 0, c->data + c->size, size) != size) {
		arena_free(c);
		return -EFAULT;
	}
	c->size += (uint32_t)size;
	if (more)
		return put_back(s, c) ? (long)size : -EAGAIN;
	n = send_off(t, s, c, x);
	return n < 0 ? n : (long)size;
}

void cork_push(struct lx_thread *t, struct sock *s)
{
	struct cork *c = take_out(s);

	if (c != NULL)
		(void)send_off(t, s, c, &(struct xfer){ .segment = 0 });
}

void cork_drop(struct sock *s)
{
	arena_free(take_out(s));
}
