/* SPDX-License-Identifier: MIT */
/* nt/net/resolve.h - names that a name server knows. */
#ifndef NT_NET_RESOLVE_H
#define NT_NET_RESOLVE_H

#include "nt/ldr/inet.h"
#include "nt/os/sock.h"

/* The server that the sandbox's /etc/resolv.conf names; false: none. */
bool net_name_server(struct os_sockaddr *to, uint32_t *size);
/*
 * Asks the server that the sandbox's /etc/resolv.conf names for name's IPv4 and IPv6 addresses.  How many were found, at most room; 0: none, or
 * nobody answers.  Waits, some seconds at most.
 */
uint32_t net_resolve(const char *name, struct inet_addr *out, uint32_t room);
#endif
