/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_tcp.c - TCP between sockets of the sandbox: tcp(7).
 *
 * The bytes go as those of unix streams do (unix_stream.c): the sender appends to the receiver's ring.  What is TCP's own is how
 * connections begin and end:
 *
 * connect makes the server's end and queues it at the listener; one that would not wait is told EINPROGRESS first, as by a
 * kernel whose packets take time, and hears the end at its next connect, by poll or SO_ERROR.
 *
 * An end is told as FIN or RST.  FIN (close, shutdown for writing): the peer's reads end, its writes go on.  RST (close with
 * data unread or SO_LINGER 0, data for who has closed): the peer can do nothing any more, and has an error.  A socket that was
 * closed while its peer lives on stays as peer->peer, dead.
 */
#include "linux/net/outside.h"
#include "linux/sec/landlock.h"

void inet_peer_name(struct sock *s, struct sock_name *a)
{
	lock_take(&s->lock);
	*a = inet_sock_name(&s->inet->remote);
	lock_drop(&s->lock);
}

/* ---- The ends ---- */

/* s can do nothing any more; its lock is held. */
static void was_reset(struct sock *s)
{
	s->error = s->inet->fin ? EPIPE : ECONNRESET;
	s->inet->reset = true;
	s->shut = SHUT_RCV | SHUT_SEND;
}

static void tcp_peer_gone(struct sock *s, struct sock *peer, bool unread)
{
	if (peer->peer != s)
		return; /* it has disconnected, and may have another by now */
	if (unread || (s->linger.onoff && s->linger.seconds == 0)) {
		was_reset(peer);
	} else {
		peer->inet->fin = true;
		peer->shut |= SHUT_RCV;
	}
}

static void was_ended(struct sock *s)
{
	lock_take(&s->lock);
	s->inet->fin = true;
	s->shut |= SHUT_RCV;
	lock_drop(&s->lock);
	waitq_wake_all(&s->wq);
}

static long tcp_shutdown(struct sock *s, uint32_t how)
{
	struct sock *peer = NULL;
	long err = 0;

	if (s->host != DK_NO_HANDLE)
		return outside_shutdown(s, how);
	lock_take(&s->lock);
	if (s->state == SOCK_LISTENING)
		how &= SHUT_RCV; /* it does not send */
	else if (s->state != SOCK_CONNECTED || tcp_is_over(s))
		err = -ENOTCONN;
	else
		peer = s->peer;
	s->shut |= how; /* in any case, as on Linux */
	if (peer != NULL)
		sock_get(peer);
	lock_drop(&s->lock);
	if (peer != NULL && (how & SHUT_SEND))
		was_ended(peer);
	if (peer != NULL)
		sock_put(peer);
	waitq_wake_all(&s->wq);
	return err;
}

/* ---- Beginning ---- */

static long tcp_listen(struct lx_thread *t, struct sock *s, int backlog)
{
	long err = s->state == SOCK_OPEN || s->state == SOCK_LISTENING ? inet_autobind(s) : -EINVAL;

	if (err == 0)
		err = inet_may_listen(s);
	if (err == 0)
		err = outside_listen(t, s, backlog);
	return err != 0 ? err : sock_listen(t, s, backlog);
}

/* The server's end of a connection to the listener. */
struct sock *tcp_child_of(const struct sock *listener, const struct inet_name *to)
{
	struct sock *child = inet_new(listener->family, SK_TCP, LX_SOCK_STREAM, IPPROTO_TCP);

	if (child == NULL)
		return NULL;
	for (uint32_t i = 0; i < INET_OPTS; i++)
		child->inet->opt[i] = __atomic_load_n(&listener->inet->opt[i], __ATOMIC_RELAXED);
	child->inet->uid = listener->inet->uid;
	child->inet->reuseport = listener->inet->reuseport;
	child->net = listener->net;
	child->addr = inet_sock_name(to);
	return child;
}

/* One try: 0, -ECONNREFUSED, -EAGAIN: the queue is full, *listener has a reference. */
static long try_connect(struct lx_thread *t, struct sock *s, const struct inet_name *to, bool nonblock, struct sock **listener)
{
	struct sock *l = inet_find(s, to, NULL), *child;
	long err;

	if (l == NULL)
		return -ECONNREFUSED;
	child = tcp_child_of(l, to);
	if (child == NULL) {
		sock_put(l);
		return -ENOMEM;
	}
	child->inet->remote = s->addr.in;
	inet_child_named(child);
	err = accept_enqueue(t, l, s, child, nonblock);
	if (err != 0) {
		inet_unname(child);
		sock_put(child);
	} else {
		(void)waitq_wake(&l->wq, 1, EPOLLIN | EPOLLRDNORM);
	}
	if (err == -EAGAIN)
		*listener = l;
	else
		sock_put(l);
	return err;
}

static long establish(struct lx_thread *t, struct sock *s, const struct inet_name *to, bool nonblock)
{
	struct sock *listener;
	long err;

	while ((err = try_connect(t, s, to, nonblock, &listener)) == -EAGAIN) {
		err = accept_wait_room(listener, s->sndtimeo);
		sock_put(listener);
		if (err != 0)
			return err == -EAGAIN ? -EINPROGRESS : err;
	}
	return err;
}

/* What connect says of a socket that has begun to connect, or more; 1: it has not. */
static long connect_again(struct sock *s)
{
	long err = 1;

	lock_take(&s->lock);
	if (s->inet->asked) {
		s->inet->asked = false;
		err = s->error != 0 ? -s->error : s->state == SOCK_CONNECTED ? 0 : 1;
		s->error = 0;
		if (s->state == SOCK_OPEN)
			s->shut = 0;
	} else if (s->state != SOCK_OPEN) {
		err = -EISCONN;
	}
	lock_drop(&s->lock);
	return err;
}

/* A connect that would not wait: the result is found later. */
static long in_progress(struct sock *s, long err)
{
	lock_take(&s->lock);
	s->inet->asked = true;
	if (err != 0) {
		s->error = (int)-err;
		s->shut = SHUT_RCV | SHUT_SEND;
	}
	lock_drop(&s->lock);
	waitq_wake_all(&s->wq);
	return -EINPROGRESS;
}

/* AF_UNSPEC: as if it had never been connected. */
static long disconnect(struct sock *s)
{
	struct sock *peer;

	outside_drop(s);
	lock_take(&s->lock);
	peer = s->peer;
	s->peer = NULL;
	s->state = SOCK_OPEN;
	s->shut = 0;
	s->error = 0;
	s->rx_pos = 0;
	s->inet->asked = s->inet->fin = s->inet->reset = false;
	s->inet->urgent = URGENT_NONE;
	s->inet->remote = (struct inet_name){ 0 };
	lock_drop(&s->lock);
	if (peer != NULL) {
		lock_take(&peer->lock);
		was_reset(peer);
		lock_drop(&peer->lock);
		waitq_wake_all(&peer->wq);
		sock_put(peer);
	}
	sock_drop_queue(s);
	inet_forget_source(s);
	waitq_wake_all(&s->wq);
	return 0;
}

/* This host is the sandbox; where nobody within has the port it may be the one that the sandbox runs on. */
static long route_of(struct lx_thread *t, struct sock *s, struct inet_name *to)
{
	long route = s->host != DK_NO_HANDLE ? ROUTE_OUTSIDE : inet_route(t, s, to);
	struct sock *listener;

	if (route != ROUTE_WITHIN || !outside_loopback(s->net))
		return route;
	listener = inet_find(s, to, NULL);
	if (listener == NULL)
		return ROUTE_OUTSIDE;
	sock_put(listener);
	return ROUTE_WITHIN;
}

static long tcp_connect(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock)
{
	struct inet_name to;
	long err, route;

	if (a == NULL)
		return s->state == SOCK_LISTENING ? -EISCONN : disconnect(s);
	err = s->host != DK_NO_HANDLE ? 1 : connect_again(s);
	if (err != 1)
		return err;
	to = a->in;
	route = route_of(t, s, &to);
	err = route < 0 ? route : landlock_port(t, to.port, LL_NET_CONNECT);
	if (err == 0 && route == ROUTE_OUTSIDE)
		return outside_connect(t, s, &to, nonblock);
	if (err == 0)
		err = inet_autobind(s);
	if (err != 0)
		return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
	inet_settle_source(s, &to);
	lock_take(&s->lock);
	s->inet->remote = to;
	lock_drop(&s->lock);
	err = establish(t, s, &to, nonblock);
	if (err == 0)
		waitq_wake_all(&s->wq); /* pollers of an unconnected socket */
	return nonblock && (err == 0 || err == -ECONNREFUSED) ? in_progress(s, err) : err;
}

/* ---- Bytes ---- */

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

static long tcp_send(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	long n;

	if (UNLIKELY(s->error != 0) && (n = sock_take_error(s)) != 0)
		return -n;
	if (s->host != DK_NO_HANDLE)
		return outside_send(s, x);
	if (s->peer == NULL)
		return -EPIPE;
	n = send_bytes(t, s, x);
	if (n != -ECONNRESET)
		return n;
	/* It went out, and what came back was RST. */
	lock_take(&s->lock);
	was_reset(s);
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

static long tcp_recv(struct lx_thread *t, struct sock *s, struct xfer *x)
{
	if (s->host != DK_NO_HANDLE)
		return outside_recv(s, x);
	if (x->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (s->state == SOCK_LISTENING || (s->state == SOCK_OPEN && s->error == 0))
		return -ENOTCONN;
	if (x->flags & MSG_OOB)
		return recv_urgent(s, x);
	return x->v->size == 0 ? 0 : stream_recv(t, s, x);
}

static uint32_t tcp_poll(const struct sock *s, uint32_t mask)
{
	if (s->inet->urgent == URGENT_THERE)
		mask |= EPOLLPRI;
	return mask & ~(uint32_t)(EPOLLWRBAND | (s->state == SOCK_LISTENING ? EPOLLRDHUP : 0));
}

const struct sock_ops tcp_ops = {
	.name_in = inet_name_in,
	.name_out = inet_name_out,
	.peer_name = inet_peer_name,
	.bind = inet_bind,
	.listen = tcp_listen,
	.connect = tcp_connect,
	.shutdown = tcp_shutdown,
	.send = tcp_send,
	.recv = tcp_recv,
	.unname = inet_unname,
	.peer_gone = tcp_peer_gone,
	.poll = tcp_poll,
	.ioctl = inet_ioctl,
	.setopt = inet_setopt,
	.getopt = inet_getopt,
};
