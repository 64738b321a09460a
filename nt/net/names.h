/* SPDX-License-Identifier: MIT */
/* nt/net/names.h - what names stand for. */
#ifndef NT_NET_NAMES_H
#define NT_NET_NAMES_H

#include "nt/ldr/inet.h"

#define NET_NAME_ROOM 256u
#define NET_NAMES     16u

struct net_names {
	struct inet_addr addr[NET_NAMES];
	uint32_t n;
	char canonical[NET_NAME_ROOM]; /* of the first */
};

/* Adds what the name stands for; false: nothing does.  numeric: only numbers.  Waits for a name server, some seconds at most. */
bool net_look_up(const char *name, bool numeric, struct net_names *f);
/* The address under the name that /etc/hosts has for it, if it has. */
void net_name_of(const struct inet_addr *a, struct net_names *f);
void net_names_add(struct net_names *f, const struct inet_addr *a, const char *canonical); /* if there is room */
void net_names_loopback(struct net_names *f, const char *name);
/* The port of a service that drivers\etc\services has by that name. */
bool net_service(const char *name, uint16_t *port);
bool net_same_name(const char *a, const char *b); /* upper and lower case are the same */
#endif
