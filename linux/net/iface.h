/* SPDX-License-Identifier: MIT */
/* linux/net/iface.h - network interfaces as rtnetlink, ioctls and /proc show them: lo, and eth0 where a network was granted. */
#ifndef LINUX_NET_IFACE_H
#define LINUX_NET_IFACE_H

#include "linux/net/outside.h"

#define ETH0_INDEX 2u
#define ETH0_MTU   1500u
#define ARPHRD_ETHER 1
#define IFF_BROADCAST 2u
#define IFF_MULTICAST 0x1000u
#define MAC_SIZE   6u
#define RT_SCOPE_OF_LO   254u /* RT_SCOPE_HOST */

struct iface {
	char name[16];
	uint32_t index, mtu, flags; /* IFF_* */
	uint16_t type;              /* ARPHRD_* */
	uint8_t mac[MAC_SIZE];
};
/* The n-th of the caller's network namespace, n from 0; false: there are not so many. */
bool iface_get(const struct lx_thread *t, uint32_t n, struct iface *i);
/* By number, or if that is 0 by name. */
bool iface_find(const struct lx_thread *t, uint32_t index, const char *name, struct iface *i);
/* Its n-th address, if it is up. */
bool iface_addr(const struct lx_thread *t, const struct iface *i, uint32_t n, struct outside_addr *a);
/* Its first IPv4 address. */
bool iface_addr4(const struct lx_thread *t, const struct iface *i, struct outside_addr *a);
/* The network that an address is in, and where what is beyond it goes. */
struct inet_addr iface_network(const struct outside_addr *a);
struct inet_addr iface_gateway(const struct outside_addr *a);
void iface_mask4(const struct outside_addr *a, uint8_t mask[4], uint8_t broadcast[4]); /* an IPv4 address's */

#endif
