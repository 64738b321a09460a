/* SPDX-License-Identifier: MIT */
/*
 * linux/net/unix_conn.c - listen, connect, accept, shutdown; the queue of a listener is that of other families too.
 *
 * connect makes the server's end itself and queues it at the listener, so it never
 * waits for accept, only for room in the queue.
 */

#include "linux/net/outside.h"

long sock_listen(struct lx_thread *t, struct sock *s, int backlog)
{
	long err = 0;

	lock_take(&s->lock);
	if (s->addr.len == 0 || (s->state != SOCK_OPEN && s->state != SOCK_LISTENING)) {
		err = -EINVAL;
	} else {
		s->state = SOCK_LISTENING;
		s->backlog = (uint32_t)backlog > MAX_BACKLOG ? MAX_BACKLOG : (uint32_t)backlog;
		sock_own_cred(s, t);
	}
	lock_drop(&s->lock);
	waitq_wake_all(&s->wq); /* a larger backlog lets waiting connects in */
	return err;
}

long unix_listen(struct lx_thread *t, struct sock *s, int backlog)
{
	return is_connection(s) ? sock_listen(t, s, backlog) : -EOPNOTSUPP;
}

/* ---- connect ---- */

bool accept_full(const struct sock *listener)
{
	return listener->nqueued > listener->backlog;
}

long accept_wait_room(struct sock *listener, uint64_t timeout)
{
	uint64_t deadline = timeout_deadline(timeout);
	long err;

	WAIT_EVENT(&listener->wq, deadline, !accept_full(listener) || listener->state != SOCK_LISTENING, err);
	return sock_wait_err(err, timeout);
}

void accept_inherit(struct sock *child, const struct sock *listener)
{
	child->passcred = listener->passcred;
	child->passpidfd = listener->passpidfd;
	child->stamp = listener->stamp;
	child->sndbuf = listener->sndbuf;
	child->rcvbuf = listener->rcvbuf;
	child->reuse = listener->reuse;
	child->keepalive = listener->keepalive;
	child->linger = listener->linger;
	if (child->inet == NULL)
		return;
	child->flags = listener->flags;
	child->rcvtimeo = listener->rcvtimeo;
	child->sndtimeo = listener->sndtimeo;
	child->rcvlowat = listener->rcvlowat;
}

/* Who is on the other side, as AF_UNIX tells. */
static void introduce(struct lx_thread *t, struct sock *listener, struct sock *s, struct sock *child)
{
	child->cred = listener->cred;
	groups_get(listener->groups);
	child->groups = listener->groups;
	sock_own_cred(s, t);
	sock_peer_cred(child, s);
	sock_peer_cred(s, listener);
}

long accept_enqueue(struct lx_thread *t, struct sock *listener, struct sock *s, struct sock *child, bool waiting)
{
	long err = 0;

	lock_take2(&listener->lock, &s->lock); /* s may listen by now, at itself or at somebody who connects to it */
	if (listener->state != SOCK_LISTENING || (listener->shut & SHUT_RCV)) {
		err = -ECONNREFUSED;
	} else if (accept_full(listener)) {
		err = -EAGAIN;
	} else if (s->state == SOCK_OPEN && (s->inet == NULL || s->inet->asks == (waiting ? listener : NULL))) {
		if (child->addr.len == 0)
			child->addr = listener->addr;
		accept_inherit(child, listener);
		if (s->kind == SK_UNIX)
			introduce(t, listener, s, child);
		sock_pair(s, child);
		list_append(&listener->accept_queue, &child->accept_link);
		listener->nqueued++;
	} else {
		err = s->state == SOCK_CONNECTED ? -EISCONN : -EINVAL;
	}
	lock_drop2(&listener->lock, &s->lock);
	return err;
}

static long connect_stream(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock)
{
	struct sock *child, *listener;
	long err;

	if (s->state != SOCK_OPEN)
		return s->state == SOCK_CONNECTED ? -EISCONN : -EINVAL;
	child = sock_new(AF_UNIX, SK_UNIX, s->type);
	if (child == NULL)
		return -ENOMEM;
	for (;;) {
		err = unix_find(t, a, s->type, &listener);
		if (err != 0)
			break;
		err = accept_enqueue(t, listener, s, child, false);
		if (err == 0)
			(void)waitq_wake(&listener->wq, 1, EPOLLIN | EPOLLRDNORM);
		else if (err == -EAGAIN && !nonblock)
			err = accept_wait_room(listener, s->sndtimeo) ?: 1;
		sock_put(listener);
		if (err != 1)
			break;
	}
	if (err != 0)
		sock_put(child);
	else
		waitq_wake_all(&s->wq); /* pollers of an unconnected socket */
	return err;
}

/* Datagram sockets may change their peer; NULL = none any more. */
static void set_peer(struct sock *s, struct sock *peer)
{
	struct sock *old;

	lock_take(&s->lock);
	old = s->peer;
	s->peer = peer;
	s->state = peer != NULL ? SOCK_CONNECTED : SOCK_OPEN;
	lock_drop(&s->lock);
	if (old != NULL)
		sock_put(old);
	waitq_wake_all(&s->wq);
}

static bool accepts_from(struct sock *peer, const struct sock *s)
{
	return peer->peer == NULL || peer->peer == s;
}

static long connect_dgram(struct lx_thread *t, struct sock *s, const struct sock_name *a)
{
	struct sock *peer;
	long err;

	err = s->passcred ? unix_autobind(s) : 0;
	if (err == 0)
		err = unix_find(t, a, s->type, &peer);
	if (err != 0)
		return err;
	if (!accepts_from(peer, s)) {
		sock_put(peer);
		return -EPERM;
	}
	set_peer(s, peer);
	return 0;
}

long unix_connect(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock)
{
	if (s->type != LX_SOCK_DGRAM)
		return connect_stream(t, s, a, nonblock);
	if (a != NULL)
		return connect_dgram(t, s, a);
	set_peer(s, NULL); /* AF_UNSPEC */
	return 0;
}

/* ---- accept ---- */

static struct sock *take_child(struct sock *s, long *err)
{
	struct sock *child = NULL;

	lock_take(&s->lock);
	*err = s->state != SOCK_LISTENING || (s->shut & SHUT_RCV) ? -EINVAL : -EAGAIN;
	if (*err == -EAGAIN && !list_empty(&s->accept_queue)) {
		child = LIST_FIRST(&s->accept_queue, struct sock, accept_link);
		list_remove(&child->accept_link);
		s->nqueued--;
	}
	lock_drop(&s->lock);
	return child;
}

static bool child_waits(const struct sock *s)
{
	return s->nqueued > 0 || s->state != SOCK_LISTENING || (s->shut & SHUT_RCV);
}

static long wait_child(struct sock *s, uint64_t deadline)
{
	long err;

	if (s->inet != NULL && outside_listens(s))
		return outside_sleep(s, s->inet->outside->listen, s->inet->outside->nlisten, DK_EVENT_ACCEPT, child_waits, deadline);
	WAIT_EVENT_FOR(&s->wq, UINT32_MAX, deadline, child_waits(s), err);
	return err;
}

/* Connects that wait for room in the queue. */
static void room_made(struct sock *s)
{
	if (s->kind == SK_TCP)
		syn_room(lx_current(), s);
	else
		waitq_wake_all(&s->wq);
}

long accept_child(struct sock *s, bool nonblock, struct sock **out)
{
	uint64_t deadline = timeout_deadline(s->rcvtimeo);
	long err;

	for (;;) {
		*out = take_child(s, &err);
		if (*out != NULL) {
			room_made(s);
			return 0;
		}
		if (err == -EAGAIN && s->inet != NULL && outside_listens(s) && outside_accept(s) != 0)
			continue;
		if (err != -EAGAIN || nonblock)
			return err;
		err = wait_child(s, deadline);
		if (err != 0)
			return sock_wait_err(err, s->rcvtimeo);
	}
}

/* ---- shutdown ---- */

long unix_shutdown(struct sock *s, uint32_t how)
{
	struct sock *peer;

	lock_take(&s->lock);
	s->shut |= how;
	peer = s->peer;
	if (peer != NULL)
		sock_get(peer);
	lock_drop(&s->lock);
	if (peer != NULL && is_connection(s)) {
		lock_take(&peer->lock);
		peer->shut |= (how & SHUT_RCV ? SHUT_SEND : 0) | (how & SHUT_SEND ? SHUT_RCV : 0);
		lock_drop(&peer->lock);
		waitq_wake_all(&peer->wq);
	}
	if (peer != NULL)
		sock_put(peer);
	waitq_wake_all(&s->wq);
	return 0;
}

uint64_t timeout_deadline(uint64_t timeout)
{
	return timeout == 0 ? DK_FOREVER : pico_now() + timeout;
}

/* A socket with a timeout is not restarted: it would start its time anew. */
long sock_wait_err(long err, uint64_t timeout)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && timeout != 0 ? -EINTR : err;
}
