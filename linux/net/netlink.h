/* SPDX-License-Identifier: MIT */
/* linux/net/netlink.h - between netlink.c, who answers its requests (rtnetlink.c, sock_diag.c), and netlink_reply.c. */
#ifndef LINUX_NET_NETLINK_H
#define LINUX_NET_NETLINK_H

#include <linux/netlink.h>

#include "linux/net/sock.h"

#define NL_REPLY_MOST 1024u

/* An answer under way: one message or more, each begun, given its attributes and finished; then all are sent together. */
struct nl_reply {
	struct sock *to;
	const struct nlmsghdr *asked;
	uint32_t port;
	uint32_t used;       /* of data */
	struct nlmsghdr *h;  /* of the message that is being made */
	uint8_t data[NL_REPLY_MOST] __attribute__((aligned(4)));
};

/* Begins a message, whose body of that size, all 0, is returned. */
void *nl_begin(struct nl_reply *r, uint16_t type, uint16_t flags, uint32_t size);
void nl_attribute(struct nl_reply *r, uint16_t type, const void *value, uint32_t size);
void nl_number(struct nl_reply *r, uint16_t type, uint32_t value);
void nl_finish(struct nl_reply *r);
void nl_send(struct nl_reply *r);
/* The end of a dump, sent. */
void nl_done(struct nl_reply *r);
/* An acknowledgement (err 0) or error, sent. */
void nl_acknowledge(struct nl_reply *r, long err);

/* Messages of s's, size bytes of them; the answers are queued at s.  size, or -ENOBUFS. */
long rtnetlink_request(struct lx_thread *t, struct sock *s, const void *data, uint32_t size);
long sock_diag_request(struct lx_thread *t, struct sock *s, const void *data, uint32_t size);

#endif
