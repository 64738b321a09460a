/* SPDX-License-Identifier: MIT */
/*
 * linux/net/resolver_tcp.c - the name server by TCP: for answers that are too long for a datagram.
 *
 * There is no peer: what is sent gathers in the socket's talk until a question is whole, and answers come into its queue.
 */
#include "linux/net/resolver.h"

#define QUESTION_MOST 512u

struct resolver_talk { /* [S] */
	uint32_t used;
	uint8_t data[2 + QUESTION_MOST]; /* the length, then the question */
};

bool resolver_connect(struct sock *s, const struct inet_name *to)
{
	struct resolver_talk *k = arena_alloc(sizeof *k);

	if (k == NULL)
		return false;
	lock_take(&s->lock);
	arena_free(s->inet->talk);
	s->inet->talk = k;
	s->inet->remote = *to;
	s->state = SOCK_CONNECTED;
	lock_drop(&s->lock);
	waitq_wake_all(&s->wq);
	return true;
}

/* Bytes that are missing: of the length, then of the question; more than there is room for: it is too long. */
static uint32_t missing(const struct resolver_talk *k)
{
	return k->used < 2 ? 2 - k->used : 2 + (uint32_t)(k->data[0] << 8 | k->data[1]) - k->used;
}

/* Takes what belongs to the next question.  Bytes; *whole: that is all of it. */
static long take(struct sock *s, const struct iov *v, uint64_t at, bool *whole)
{
	struct resolver_talk *k = s->inet->talk;
	uint32_t n;

	*whole = false;
	if ((s->shut & SHUT_SEND) || k == NULL)
		return -EPIPE;
	n = (uint32_t)MIN((uint64_t)missing(k), v->size - at);
	if (k->used + missing(k) > sizeof k->data)
		return -ECONNRESET;
	if (iov_take(v, at, k->data + k->used, n) != n)
		return -EFAULT;
	k->used += n;
	*whole = k->used >= 2 && missing(k) == 0;
	return n;
}

long resolver_send(struct sock *s, const struct xfer *x)
{
	uint8_t question[QUESTION_MOST];
	uint64_t done = 0;

	while (done < x->v->size) {
		uint32_t size = 0;
		bool whole;
		long n;

		lock_take(&s->lock);
		n = take(s, x->v, done, &whole);
		if (n >= 0 && whole) {
			size = s->inet->talk->used - 2;
			memcpy(question, s->inet->talk->data + 2, size);
			s->inet->talk->used = 0;
		}
		lock_drop(&s->lock);
		if (n < 0)
			return done > 0 ? (long)done : n;
		done += (uint64_t)n;
		if (whole)
			resolver_ask(s, &s->inet->remote, question, size);
	}
	return (long)done;
}

void resolver_reply_stream(struct sock *to, const struct dns_query *q, const struct dns_answer *a)
{
	uint8_t *message = heap_alloc(2 + DNS_TCP_MOST);
	uint32_t n;

	if (message == NULL)
		return;
	n = dns_build(q, a, message + 2, DNS_TCP_MOST);
	message[0] = (uint8_t)(n >> 8);
	message[1] = (uint8_t)n;
	lock_take(&to->lock);
	if (to->state == SOCK_CONNECTED && to->inet->talk != NULL && ring_reserve(&to->rx, n + 2))
		ring_append_mem(&to->rx, message, n + 2);
	lock_drop(&to->lock);
	heap_free(message);
	(void)waitq_wake(&to->wq, 1, EPOLLIN | EPOLLRDNORM);
}
