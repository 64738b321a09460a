/* SPDX-License-Identifier: MIT */
/* linux/net/netlink.h - between netlink.c and rtnetlink.c. */
#ifndef LINUX_NET_NETLINK_H
#define LINUX_NET_NETLINK_H

#include "linux/net/sock.h"

/* Messages of s's, size bytes of them; the answers are queued at s.  size, or -ENOBUFS. */
long rtnetlink_request(struct lx_thread *t, struct sock *s, const void *data, uint32_t size);

#endif
