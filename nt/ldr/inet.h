/* SPDX-License-Identifier: MIT */
/* nt/ldr/inet.h - internet addresses as text and as Windows' sockaddr. */
#ifndef NT_LDR_INET_H
#define NT_LDR_INET_H

#include "nt/types.h"

#define INET_V4 2
#define INET_V6 23

struct inet_addr {
	int32_t family;    /* INET_V4, INET_V6 */
	uint32_t scope;    /* of IPv6 */
	uint8_t bytes[16]; /* network order; IPv4: four of them */
};

bool inet_parse(const char *text, struct inet_addr *a); /* a number, nothing else */
void inet_format(const struct inet_addr *a, char *to, size_t size);
uint32_t inet_sockaddr(void *to, const struct inet_addr *a, uint16_t port); /* its size: 16 or 28 */
bool inet_of_sockaddr(const uint8_t *from, uint32_t size, struct inet_addr *a, uint16_t *port);
#endif
