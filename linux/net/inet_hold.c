/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_hold.c - bytes of TCP that wait for more: MSG_MORE, TCP_CORK of tcp(7).
 *
 * They are in the receiver's ring already, as its last rx_held bytes, which no read sees.  What comes next without such a wish
 * shows them, and so do the option's end, TCP_NODELAY, the end of the connection, a segment's worth of them, and 200 ms: for
 * that the receiver is in inet_state->held, with a reference, and one timer of the sandbox looks at these in turn.  It stays there
 * until the timer comes, so that a stream of such sends costs the list a visit every 200 ms.
 */
#include "linux/misc/timer.h"
#include "linux/net/inet.h"

#define HOLD_NS 200000000ull
#define SEGMENT 65483u /* lo's MTU without headers */

/* In inet_state->held. */
struct held {
	struct list link;
	struct sock *s;
	uint64_t until;
};

bool tcp_hold(const struct sock *s, struct sock *to, uint32_t sent, uint32_t flags)
{
	bool more = (flags & MSG_MORE) || (s->inet->opt[OPT_CORK] != 0 && !(flags & MSG_OOB));

	to->rx_held = more && to->rx_held + sent < SEGMENT ? to->rx_held + sent : 0;
	return to->rx_held != 0;
}

void tcp_held(struct sock *to)
{
	struct inet_state *i = inet_state();
	struct held *h = NULL;
	bool first = false, there;

	lock_take(&i->held_lock);
	there = to->inet->held;
	if (!there)
		h = arena_alloc(sizeof *h);
	if (h != NULL) {
		sock_get(to);
		*h = (struct held){ .s = to, .until = pico_now() + HOLD_NS };
		to->inet->held = true;
		first = list_empty(&i->held);
		list_append(&i->held, &h->link);
	}
	lock_drop(&i->held_lock);
	if (first)
		timer_arm(&i->held_timer, pico_now() + HOLD_NS, 0);
	if (!there && h == NULL)
		tcp_show(to); /* no memory to wait with */
}

void tcp_show(struct sock *to)
{
	bool held;

	lock_take(&to->lock);
	held = to->rx_held != 0;
	to->rx_held = 0;
	lock_drop(&to->lock);
	if (held)
		(void)waitq_wake(&to->wq, 1, EPOLLIN | EPOLLRDNORM);
}

void tcp_push(struct sock *s)
{
	struct sock *to = sock_peer(s);

	if (to == NULL)
		return;
	tcp_show(to);
	sock_put(to);
}

/* The first whose time has come, with the list's reference; else *next is when the first's will. */
static struct sock *due(struct inet_state *i, uint64_t now, uint64_t *next)
{
	struct held *first = NULL;
	struct sock *s = NULL;

	*next = 0;
	lock_take(&i->held_lock);
	if (!list_empty(&i->held))
		first = LIST_FIRST(&i->held, struct held, link);
	if (first != NULL && first->until <= now) {
		list_remove(&first->link);
		s = first->s;
		s->inet->held = false;
	} else if (first != NULL) {
		*next = first->until;
		first = NULL;
	}
	lock_drop(&i->held_lock);
	arena_free(first);
	return s;
}

void tcp_timer_fired(struct lx_timer *tm)
{
	struct inet_state *i = inet_state();
	uint64_t next;
	struct sock *s;

	while ((s = due(i, pico_now(), &next)) != NULL) {
		tcp_show(s);
		sock_put(s);
	}
	if (next != 0)
		timer_arm(tm, next, 0);
}
