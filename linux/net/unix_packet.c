/* SPDX-License-Identifier: MIT */
/*
 * linux/net/unix_packet.c - datagrams and sequenced packets.
 *
 * A packet is copied into the arena before any lock is taken.  Who finds a receiver full
 * waits on one queue of the sandbox (unix_state.room) that each receiver wakes:
 * a sender may wait for a socket it does not otherwise know.
 */

#include "linux/net/sock.h"

static uint32_t cost(uint32_t size)
{
	return size + MSG_OVERHEAD;
}

/* A receiver that talks to s only is bounded by s's buffer, one that takes from all by number. */
static bool is_full(const struct sock *s, const struct sock *to)
{
	if (s->type == LX_SOCK_DGRAM && to->peer != s)
		return to->npackets > DGRAM_QUEUE;
	return to->packet_bytes >= to->rx.limit; /* as on Linux the last one may reach beyond */
}

bool packet_writable(const struct sock *s)
{
	const struct sock *to = s->peer; /* NULL of other kinds */

	return to == NULL || to->state == SOCK_DEAD || (s->shut & SHUT_SEND) || !is_full(s, to);
}

/* Who gets it, with a reference. */
static long receiver(struct lx_thread *t, struct sock *s, struct xfer *x, struct sock **to)
{
	if (x->has_addr && !is_connection(s))
		return unix_find(t, &x->addr, s->type, to);
	*to = sock_peer(s);
	return *to != NULL ? 0 : -ENOTCONN;
}

static struct packet *packet_new(struct sock *s, struct xfer *x, long *err)
{
	struct packet *p;

	*err = -EMSGSIZE;
	if (x->v->size > s->sndbuf)
		return NULL;
	*err = -ENOMEM;
	p = arena_alloc(sizeof *p + x->v->size);
	if (p == NULL)
		return NULL;
	p->size = (uint32_t)x->v->size;
	p->from = s->addr;
	if (iov_take(x->v, 0, p->data, p->size) == p->size)
		return p;
	arena_free(p);
	*err = -EFAULT;
	return NULL;
}

/* Queues p, or says why not: -EAGAIN if it is full. */
static long queue_packet(struct sock *s, struct sock *to, struct packet *p)
{
	long err;

	if (to->state == SOCK_DEAD)
		return is_connection(s) ? -EPIPE : -ECONNREFUSED;
	if ((s->shut & SHUT_SEND) || (to->shut & SHUT_RCV))
		return -EPIPE;
	if (s->type == LX_SOCK_DGRAM && to->peer != NULL && to->peer != s)
		return -EPERM;
	if (is_full(s, to))
		return -EAGAIN;
	err = scm_may_queue(&p->scm, to);
	if (err != 0)
		return err;
	fds_queued(p->scm.fds);
	list_append(&to->packets, &p->link);
	to->npackets++;
	to->packet_bytes += cost(p->size);
	return 0;
}

static long wait_room(struct sock *s, struct sock *to, uint64_t deadline)
{
	long err;

	WAIT_EVENT(&unix_state()->room, deadline, !is_full(s, to) || to->state == SOCK_DEAD || (to->shut & SHUT_RCV) ||
		(s->shut & SHUT_SEND), err);
	return sock_wait_err(err, s->sndtimeo);
}

static long deliver(struct sock *s, struct sock *to, struct packet *p, bool nonblock)
{
	uint64_t deadline = timeout_deadline(s->sndtimeo);
	long err;

	for (;;) {
		lock_take(&to->lock);
		err = queue_packet(s, to, p);
		lock_drop(&to->lock);
		if (err == 0)
			(void)waitq_wake(&to->wq, 1, EPOLLIN | EPOLLRDNORM);
		if (err != -EAGAIN || nonblock)
			return err;
		err = wait_room(s, to, deadline);
		if (err != 0)
			return err;
	}
}

/* The peer of a connected datagram socket is gone: connected no more. */
static void forget_peer(struct sock *s, struct sock *dead)
{
	bool was;

	lock_take(&s->lock);
	was = s->peer == dead;
	if (was) {
		s->peer = NULL;
		s->state = SOCK_OPEN;
	}
	lock_drop(&s->lock);
	if (was)
		sock_put(dead);
}

long packet_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	struct packet *p;
	struct sock *to;
	long err;

	err = s->passcred && !is_connection(s) ? unix_autobind(s) : 0;
	if (err == 0)
		err = receiver(t, s, x, &to);
	if (err != 0)
		return err;
	p = packet_new(s, x, &err);
	if (p != NULL) {
		scm_add_cred(t, &x->scm, s, to);
		x->scm.stamp_ns = to->stamp != 0 ? pico_now_realtime() : 0;
		p->scm = x->scm;
		err = deliver(s, to, p, x->nonblock);
		if (err == 0)
			x->scm.fds = NULL;
		else
			arena_free(p);
		if (err == -ECONNREFUSED)
			forget_peer(s, to);
	}
	sock_put(to);
	return err == 0 ? (long)x->v->size : err;
}

/* ---- Receiving ---- */

/* The packet to read: the first, or with SO_PEEK_OFF the one at that offset (*skip into it). */
static struct packet *pick(struct sock *s, bool peek, uint32_t *skip)
{
	uint32_t off = peek && s->peek_off > 0 ? (uint32_t)s->peek_off : 0;

	LIST_FOR(p, &s->packets, struct packet, link) {
		if (off < p->size || (off == 0 && p->size == 0)) {
			*skip = off;
			return p;
		}
		off -= p->size;
	}
	return NULL;
}

static long no_packet(struct sock *s)
{
	long err = -s->error;

	s->error = 0;
	if (err != 0)
		return err;
	if (s->shut & SHUT_RCV)
		return 0;
	return is_connection(s) && s->state != SOCK_CONNECTED ? -ENOTCONN : -EAGAIN;
}

static long copy_packet(const struct packet *p, uint32_t skip, struct xfer *x)
{
	uint32_t left = p->size - skip, n = (uint32_t)MIN((uint64_t)left, x->v->size);

	if (n < left)
		x->out_flags |= MSG_TRUNC;
	x->addr = p->from;
	x->at = p->to;
	x->ttl = p->ttl;
	x->tos = p->tos;
	x->segment = p->segment;
	if (iov_put(x->v, 0, p->data + skip, n) != n)
		return -EFAULT;
	return x->flags & MSG_TRUNC ? (long)left : (long)n;
}

/* Under the lock: the packet stays. */
static long peek_packet(struct sock *s, struct packet *p, uint32_t skip, struct xfer *x)
{
	long n = copy_packet(p, skip, x);

	x->scm = p->scm;
	if (p->scm.fds != NULL)
		x->scm.fds = fdset_copy(p->scm.fds);
	if (s->peek_off >= 0 && n > 0)
		s->peek_off += (int)MIN((uint64_t)n, x->v->size);
	return n;
}

static void unqueue(struct sock *s, struct packet *p)
{
	list_remove(&p->link);
	s->npackets--;
	s->packet_bytes -= cost(p->size);
	s->nest = s->npackets == 0 ? 0 : s->nest;
	if (s->peek_off > 0)
		s->peek_off = MAX(s->peek_off - (int)p->size, 0);
	fds_unqueued(p->scm.fds);
}

static void tell_senders(struct sock *s)
{
	struct sock *peer;

	if (s->kind != SK_UNIX)
		return; /* their senders never wait */
	peer = sock_peer(s);
	(void)waitq_wake(&unix_state()->room, 1, EPOLLOUT | EPOLLWRNORM);
	if (peer == NULL)
		return;
	(void)waitq_wake(&peer->wq, 1, EPOLLOUT | EPOLLWRNORM);
	sock_put(peer);
}

static long wait_packet(struct sock *s, uint64_t deadline)
{
	long err;

	WAIT_EVENT_FOR(&s->wq, EPOLLIN, deadline, s->npackets > 0 || s->error != 0 || (s->shut & SHUT_RCV), err);
	return sock_wait_err(err, s->rcvtimeo);
}

long packet_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	uint64_t deadline = timeout_deadline(s->rcvtimeo);
	bool peek = x->flags & MSG_PEEK;

	for (;;) {
		struct packet *p;
		uint32_t skip;
		long n;

		lock_take(&s->lock);
		p = pick(s, peek, &skip);
		if (p == NULL)
			n = no_packet(s);
		else if (peek)
			n = peek_packet(s, p, skip, x);
		else
			unqueue(s, p);
		lock_drop(&s->lock);
		if (p != NULL && !peek) {
			tell_senders(s);
			n = copy_packet(p, 0, x);
			x->scm = p->scm;
			arena_free(p);
			return n;
		}
		if (p != NULL || n != -EAGAIN || x->nonblock)
			return n;
		n = wait_packet(s, deadline);
		if (n != 0)
			return n;
	}
}
