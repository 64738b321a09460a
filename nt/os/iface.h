/* SPDX-License-Identifier: MIT */
/* nt/os/iface.h - the network interfaces of the calling process as linux/net shows them: lo, and eth0 where a network was granted. */
#ifndef NT_OS_IFACE_H
#define NT_OS_IFACE_H

#include "nt/types.h"

#define OS_IFACE_ADDRS 8u
#define OS_LO_INDEX    1u

struct os_iface_addr {
	uint8_t bytes[16], net[16], gateway[16]; /* IPv4: the first four; net: the network it is in; gateway: who leads beyond it */
	uint8_t mask[4], broadcast[4]; /* IPv4's */
	uint32_t bits;                 /* of the network */
	bool v6;
};
struct os_iface {
	char name[16];
	uint32_t index, mtu;
	bool loopback, up;
	uint8_t mac[6];                /* not the loopback's */
	uint32_t count;                /* of addresses: none if it is down */
	struct os_iface_addr addr[OS_IFACE_ADDRS];
};
/* The n-th, from 0; false: there are not so many. */
bool os_iface(uint32_t n, struct os_iface *i);
/* The index of the one that has the address; the loopback's if none has it. */
uint32_t os_iface_of(bool v6, const uint8_t *bytes);
#endif
