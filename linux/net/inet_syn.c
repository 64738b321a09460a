/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_syn.c - connects that find their listener's queue full.
 *
 * Linux lets their SYNs fall and sends them again.  Here such a socket asks: it is in the listener's list inet->asking by accept_link,
 * with a reference, and its inet->asks is the listener, with one too.  Each accept that makes room completes the first of them
 * (syn_room); a listener that goes refuses them.  Who takes a socket off the list has the list's reference; asks tells that the
 * connect has not ended, also while somebody is at completing it.
 *
 * Locks: the listener's and the asking socket's are taken together (lock_take2): who asks may listen meanwhile.
 */
#include "linux/net/inet.h"

#define SYN_SECONDS 127u /* tcp_syn_retries = 6: 1 + 2 + 4 + ... + 64 */

/* It asks no more; s's lock is held, and the caller puts what is returned. */
static struct sock *asked(struct sock *s, long err)
{
	struct sock *l = s->inet->asks;

	s->inet->asks = NULL;
	if (err != 0) {
		s->error = (int)-err;
		s->shut = SHUT_RCV | SHUT_SEND;
	}
	return l;
}

static void end(struct sock *s, struct sock *l, long err)
{
	bool ours;

	lock_take(&s->lock);
	ours = s->inet->asks == l;
	if (ours)
		(void)asked(s, err);
	lock_drop(&s->lock);
	if (ours)
		sock_put(l);
	waitq_wake_all(&s->wq);
}

long syn_ask(struct sock *l, struct sock *s)
{
	long err = 0;

	lock_take2(&l->lock, &s->lock);
	if (l->state != SOCK_LISTENING || (l->shut & SHUT_RCV)) {
		err = -ECONNREFUSED;
	} else if (!accept_full(l)) {
		err = -EAGAIN;
	} else if (s->state != SOCK_OPEN || s->inet->asks != NULL) {
		err = s->inet->asks != NULL ? -EALREADY : -EISCONN;
	} else {
		sock_get(l);
		sock_get(s);
		s->inet->asks = l;
		list_append(&l->inet->asking, &s->accept_link);
	}
	lock_drop2(&l->lock, &s->lock);
	return err;
}

bool syn_forget(struct sock *s)
{
	struct sock *l;
	bool queued;

	lock_take(&s->lock);
	l = asked(s, 0);
	lock_drop(&s->lock);
	if (l == NULL)
		return false;
	lock_take(&l->lock);
	queued = !list_empty(&s->accept_link);
	list_remove(&s->accept_link);
	lock_drop(&l->lock);
	sock_put(l);
	if (queued)
		sock_put(s);
	return true;
}

/* The first who asks, with the list's reference, if there is room or the listener has ended. */
static struct sock *first(struct sock *l, bool *over)
{
	struct sock *s = NULL;

	lock_take(&l->lock);
	*over = l->state != SOCK_LISTENING || (l->shut & SHUT_RCV);
	if (!list_empty(&l->inet->asking) && (*over || !accept_full(l))) {
		s = LIST_FIRST(&l->inet->asking, struct sock, accept_link);
		list_remove(&s->accept_link);
	}
	lock_drop(&l->lock);
	return s;
}

/* Somebody else had the room: s is the first again, unless it has given up. */
static void again(struct sock *l, struct sock *s)
{
	bool asks;

	lock_take2(&l->lock, &s->lock);
	asks = s->inet->asks == l;
	if (asks)
		list_insert(&l->inet->asking, &s->accept_link);
	lock_drop2(&l->lock, &s->lock);
	if (!asks)
		sock_put(s);
}

void syn_room(struct lx_thread *t, struct sock *l)
{
	struct sock *s;
	bool over;

	/* Who asks looks for room with the lock held behind joining the list, so an empty one can be left alone. */
	while (!list_empty(&l->inet->asking) && (s = first(l, &over)) != NULL) {
		long err = over ? -ECONNREFUSED : tcp_join(t, l, s, true);

		if (err == -EAGAIN) {
			again(l, s);
			continue;
		}
		end(s, l, err);
		sock_put(s);
	}
}

long syn_wait(struct sock *s)
{
	uint64_t most = pico_now() + SYN_SECONDS * 1000000000ull, deadline = timeout_deadline(s->sndtimeo);
	long err;

	WAIT_EVENT(&s->wq, MIN(deadline, most), s->inet->asks == NULL, err);
	if (err == -ETIMEDOUT && deadline > most) {
		(void)syn_forget(s);
		return err;
	}
	return sock_wait_err(err, s->sndtimeo);
}
