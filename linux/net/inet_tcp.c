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
#include "linux/net/inet_mcast.h"
#include "linux/net/outside.h"
#include "linux/net/resolver.h"
#include "linux/sec/landlock.h"

void inet_peer_name(struct sock *s, struct sock_name *a)
{
	lock_take(&s->lock);
	*a = inet_sock_name(&s->inet->remote);
	lock_drop(&s->lock);
}

static long disconnect(struct sock *s);

/* ---- The ends ---- */

void tcp_was_reset(struct sock *s)
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
		tcp_was_reset(peer);
	} else {
		peer->inet->fin = true;
		peer->rx_held = 0;
		peer->shut |= SHUT_RCV;
	}
}

static void was_ended(struct sock *s)
{
	lock_take(&s->lock);
	s->inet->fin = true;
	s->rx_held = 0;
	s->shut |= SHUT_RCV;
	lock_drop(&s->lock);
	waitq_wake_all(&s->wq);
}

static long tcp_shutdown(struct sock *s, uint32_t how)
{
	struct sock *peer = NULL;
	bool listening;
	long err = 0;

	if (s->host != DK_NO_HANDLE)
		return outside_shutdown(s, how);
	if (s->inet->asks != NULL)
		return disconnect(s);
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
	listening = s->state == SOCK_LISTENING;
	lock_drop(&s->lock);
	if (listening)
		syn_room(lx_current(), s);
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
	if (err == 0)
		err = sock_listen(t, s, backlog);
	if (err == 0)
		syn_room(t, s);
	return err;
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
	child->inet->auto_port = true; /* nobody bound it: disconnected, it has none */
	return child;
}

long tcp_join(struct lx_thread *t, struct sock *l, struct sock *s, bool waiting)
{
	struct inet_name to;
	struct sock *child;
	long err;

	lock_take(&s->lock);
	to = s->inet->remote;
	lock_drop(&s->lock);
	child = tcp_child_of(l, &to);
	if (child == NULL)
		return -ENOMEM;
	child->inet->remote = s->addr.in;
	inet_child_named(child);
	err = accept_enqueue(t, l, s, child, waiting);
	if (err != 0) {
		inet_unname(child);
		sock_put(child);
	} else {
		(void)waitq_wake(&l->wq, 1, EPOLLIN | EPOLLRDNORM);
	}
	return err;
}

/* 0; 1: it asks for room; -ECONNREFUSED ... */
static long establish(struct lx_thread *t, struct sock *s, const struct inet_name *to)
{
	struct sock *l;
	long err;

	do {
		l = inet_find(s, to, NULL);
		if (l == NULL)
			return -ECONNREFUSED;
		err = tcp_join(t, l, s, false);
		if (err == -EAGAIN)
			err = syn_ask(l, s) ?: 1;
		sock_put(l);
	} while (err == -EAGAIN);
	return err;
}

/* What connect says of a socket that has begun to connect, or more; 1: it has not; 2: it still asks for room. */
static long connect_again(struct sock *s)
{
	long err = 1;

	lock_take(&s->lock);
	if (s->inet->asks != NULL) {
		err = 2;
	} else if (s->inet->asked) {
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
	bool asked = syn_forget(s);
	struct sock *peer;

	outside_drop(s);
	lock_take(&s->lock);
	arena_free(s->inet->talk);
	s->inet->talk = NULL;
	peer = s->peer;
	s->peer = NULL;
	s->state = SOCK_OPEN;
	s->shut = 0;
	s->error = asked ? ECONNRESET : 0;
	s->rx_pos = 0;
	s->inet->asked = s->inet->fin = s->inet->reset = false;
	s->inet->urgent = URGENT_NONE;
	s->inet->remote = (struct inet_name){ 0 };
	lock_drop(&s->lock);
	if (peer != NULL) {
		lock_take(&peer->lock);
		tcp_was_reset(peer);
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

	if (route != ROUTE_WITHIN || !outside_falls(s->net, &to->addr) || resolver_is(s->net, to))
		return route;
	listener = inet_find(s, to, NULL);
	if (listener == NULL)
		return ROUTE_OUTSIDE;
	sock_put(listener);
	return ROUTE_WITHIN;
}

/* A connect that asked for room has ended. */
static long wait_asking(struct sock *s, bool first)
{
	long err = syn_wait(s);

	if (err == -EAGAIN)
		return first ? -EINPROGRESS : -EALREADY;
	if (err != 0)
		return err;
	err = connect_again(s);
	return err == 1 ? -ECONNABORTED : err;
}

static long begin(struct lx_thread *t, struct sock *s, const struct inet_name *to, bool nonblock)
{
	long err;

	inet_settle_source(s, to);
	lock_take(&s->lock);
	s->inet->remote = *to;
	lock_drop(&s->lock);
	err = establish(t, s, to);
	if (err == -ECONNREFUSED && resolver_is(s->net, to) && resolver_connect(s, to))
		err = 0;
	if (err == 0)
		waitq_wake_all(&s->wq); /* pollers of an unconnected socket */
	if (err == 1) {
		(void)in_progress(s, 0);
		return nonblock ? -EINPROGRESS : wait_asking(s, true);
	}
	return nonblock && (err == 0 || err == -ECONNREFUSED) ? in_progress(s, err) : err;
}

static long tcp_connect(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock)
{
	struct inet_name to;
	long err, route;

	if (a == NULL)
		return s->state == SOCK_LISTENING ? -EISCONN : disconnect(s);
	err = s->host != DK_NO_HANDLE ? 1 : connect_again(s);
	if (err == 2)
		return nonblock ? -EALREADY : wait_asking(s, false);
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
	return begin(t, s, &to, nonblock);
}

static void tcp_unname(struct sock *s)
{
	(void)syn_forget(s);
	mcast_leave_all(s);
	inet_unname(s);
}

static uint32_t tcp_poll(const struct sock *s, uint32_t mask)
{
	if (s->inet->asks != NULL)
		return mask & EPOLLERR;
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
	.unname = tcp_unname,
	.peer_gone = tcp_peer_gone,
	.poll = tcp_poll,
	.ioctl = inet_ioctl,
	.setopt = inet_setopt,
	.getopt = inet_getopt,
};
