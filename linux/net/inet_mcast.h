/* SPDX-License-Identifier: MIT */
/* linux/net/inet_mcast.h - multicast groups: IP_ADD_MEMBERSHIP and its kin of ip(7), ipv6(7), RFC 3678. */
#ifndef LINUX_NET_INET_MCAST_H
#define LINUX_NET_INET_MCAST_H

#include "linux/net/inet.h"

/* Is it an option about memberships? */
bool mcast_is_option(int level, int name);
/* Joins, leaves, or changes whom s hears: 0, -EINVAL, -EADDRINUSE (it is in), -EADDRNOTAVAIL (it is not), -ENODEV, -ENOBUFS. */
long mcast_setopt(struct sock *s, int level, int name, struct gva value, int len);
/* IP_MULTICAST_IF, IPV6_MULTICAST_IF. */
long mcast_set_iface(struct sock *s, int level, struct gva value, int len);
long mcast_get_iface(const struct sock *s, int level, struct gva value, struct gva len, int room);
/* Does s, which is bound to the port, take what from sends to the group? */
bool mcast_takes(struct sock *s, const struct inet_addr *group, const struct inet_addr *from);
void mcast_leave_all(struct sock *s); /* s goes */

#endif
