/* SPDX-License-Identifier: MIT */
/* linux/net/resolver.h - the name server at 127.0.0.53, port 53, that the library OS is where dns: streams were granted. */
#ifndef LINUX_NET_RESOLVER_H
#define LINUX_NET_RESOLVER_H

#include "linux/net/dns_msg.h"
#include "linux/net/outside.h"

/* Is that it, and is it there?  Whoever binds the port within comes first: ask this when nobody was found. */
bool resolver_is(uint64_t net, const struct inet_name *to);
/* A question of size bytes from s, to the server at `at`.  Its answer is queued at s, now or later; what is no question is lost. */
void resolver_ask(struct sock *s, const struct inet_name *at, const void *question, uint32_t size);
/* kproc: goes on with what is asked.  Adds events to wait for to *n of room, and returns when to come again at the latest. */
uint64_t resolver_run(uint64_t now, dk_handle *events, uint32_t *n, uint32_t room);

/* ---- resolver_tcp.c ---- */

/* s is connected to it: false: no memory. */
bool resolver_connect(struct sock *s, const struct inet_name *to);
long resolver_send(struct sock *s, const struct xfer *x); /* of one that is (inet.talk): bytes, or -errno */
void resolver_reply_stream(struct sock *to, const struct dns_query *q, const struct dns_answer *a);

#endif
