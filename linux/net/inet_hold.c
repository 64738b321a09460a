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

bool tcp_hold(const struct sock *s, struct sock *to, uint32_t sent, uint32_t flags)
{
	bool more = (flags & MSG_MORE) || (s->inet->opt[OPT_CORK] != 0 && !(flags & MSG_OOB));

	to->rx_held = more && to->rx_held + sent < SEGMENT ? to->rx_held + sent : 0;
	return to->rx_held != 0;
}

void tcp_held(struct sock *to)
{
	struct inet_state *i = inet_state();
	bool first = false;

	lock_take(&i->held_lock);
	if (list_empty(&to->inet->held_link)) {
		sock_get(to);
		to->inet->held_until = pico_now() + HOLD_NS;
		first = list_empty(&i->held);
		list_append(&i->held, &to->inet->held_link);
	}
	lock_drop(&i->held_lock);
	if (first)
		timer_arm(&i->held_timer, pico_now() + HOLD_NS, 0);
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
	struct sock *s = NULL;
	struct inet *first;

	*next = 0;
	lock_take(&i->held_lock);
	if (!list_empty(&i->held)) {
		first = LIST_FIRST(&i->held, struct inet, held_link);
		if (first->held_until <= now) {
			list_remove(&first->held_link);
			s = first->self;
		} else {
			*next = first->held_until;
		}
	}
	lock_drop(&i->held_lock);
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
