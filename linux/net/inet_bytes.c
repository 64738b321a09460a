/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_bytes.c - what TCP adds to the bytes of unix_stream.c: tcp(7).
 *
 * Urgent data is one byte beside the others, at a mark (urgent_at: its place among all bytes ever received) that no read goes
 * across; with SO_OOBINLINE it is among them.  A send to somebody who is gone goes out, and what comes back is RST.
 */
#include "linux/fs/fasync.h"
#include "linux/net/outside.h"
#include "linux/net/resolver.h"

/* The last byte of what was sent is urgent: it is beside the others, or with SO_OOBINLINE among them, at a mark. */
static long urgent_sent(struct sock *s, const struct xfer *x)
{
	struct sock *to = sock_peer(s);
	uint8_t byte;
	long err = 0;

	if (to == NULL || (s->shut & SHUT_SEND)) {
		if (to != NULL)
			sock_put(to);
		return -EPIPE;
	}
	if (iov_take(x->v, x->v->size - 1, &byte, 1) != 1) {
		sock_put(to);
		return -EFAULT;
	}
	lock_take(&to->lock);
	if (to->state == SOCK_DEAD) {
		err = -ECONNRESET;
	} else if (sock_flag(to, SO_OOBINLINE) && !ring_reserve(&to->rx, 1)) {
		err = -EAGAIN;
	} else {
		if (to->file != NULL)
			owner_urgent(to->file);
		to->rx_held = 0;
		to->inet->urgent = URGENT_THERE;
		to->inet->urgent_byte = byte;
		to->inet->urgent_at = to->rx_pos + to->rx.used;
		if (sock_flag(to, SO_OOBINLINE))
			ring_append_mem(&to->rx, &byte, 1);
	}
	lock_drop(&to->lock);
	if (err == 0)
		(void)waitq_wake(&to->wq, 1, EPOLLIN | EPOLLRDNORM | EPOLLPRI);
	sock_put(to);
	return err;
}

static long send_bytes(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	struct iov rest = *x->v;
	struct xfer first = *x;
	long n = 0;

	if (!(x->flags & MSG_OOB) || x->v->size == 0)
		return stream_send(t, s, x);
	rest.size--;
	first.v = &rest;
	if (rest.size != 0)
		n = stream_send(t, s, &first);
	if (n < 0 || (uint64_t)n < rest.size)
		return n;
	n = urgent_sent(s, x);
	return n == 0 ? (long)x->v->size : n == -EAGAIN && rest.size != 0 ? (long)rest.size : n;
}

/* A connect that has begun comes first. */
static long when_connected(struct sock *s, bool nonblock)
{
	return nonblock ? -EAGAIN : syn_wait(s);
}

long tcp_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	long n;

	if (UNLIKELY(s->inet->asks != NULL) && (n = when_connected(s, x->nonblock)) != 0)
		return n;
	if (UNLIKELY(s->error != 0) && (n = sock_take_error(s)) != 0)
		return -n;
	if (s->host != DK_NO_HANDLE)
		return outside_send(s, x);
	if (UNLIKELY(s->peer == NULL))
		return s->inet->talk != NULL ? resolver_send(s, x) : -EPIPE;
	n = send_bytes(t, s, x);
	if (n != -ECONNRESET)
		return n;
	/* It went out, and what came back was RST. */
	lock_take(&s->lock);
	tcp_was_reset(s);
	lock_drop(&s->lock);
	waitq_wake_all(&s->wq);
	return (long)x->v->size;
}

static long recv_urgent(struct sock *s, struct xfer *x)
{
	uint8_t byte = 0;
	long err = -EINVAL;

	if (sock_flag(s, SO_OOBINLINE))
		return -EINVAL;
	lock_take(&s->lock);
	if (s->inet->urgent == URGENT_THERE) {
		byte = s->inet->urgent_byte;
		if (!(x->flags & MSG_PEEK))
			s->inet->urgent = URGENT_READ;
		err = 0;
	} else if (s->inet->urgent == URGENT_NONE && (s->shut & SHUT_RCV)) {
		err = 1;
	}
	lock_drop(&s->lock);
	if (err != 0)
		return err == 1 ? 0 : err;
	x->out_flags |= MSG_OOB;
	if (x->v->size == 0) {
		x->out_flags |= MSG_TRUNC;
		return 0;
	}
	return iov_put(x->v, 0, &byte, 1) == 1 ? 1 : -EFAULT;
}

long tcp_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	long n;

	if (s->host != DK_NO_HANDLE)
		return outside_recv(s, x);
	if (x->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (UNLIKELY(s->inet->asks != NULL) && (n = when_connected(s, x->nonblock)) != 0)
		return n;
	if (s->state == SOCK_LISTENING || (s->state == SOCK_OPEN && s->error == 0))
		return -ENOTCONN;
	if (x->flags & MSG_OOB)
		return recv_urgent(s, x);
	return x->v->size == 0 ? 0 : stream_recv(t, s, x);
}
