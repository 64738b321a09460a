/* SPDX-License-Identifier: MIT */
/*
 * monitor/net_addr.c - addresses: from texts and to them, and what kind they are.
 *
 * IPv4 addresses are ::ffff:a.b.c.d throughout, so that one written as IPv6 is judged as what it is.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "monitor/net.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool net_is_v4(const struct dk_inet *a)
{
	return !memcmp(a->addr, mapped, sizeof mapped);
}

bool net_take_number(const char **at, uint32_t max, uint32_t *out)
{
	const char *p = *at;
	uint64_t n = 0;

	while (*p >= '0' && *p <= '9' && p - *at < 10)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == *at || n > max)
		return false;
	*out = (uint32_t)n;
	*at = p;
	return true;
}

static bool take_v4(const char **at, struct dk_inet *out)
{
	char text[16];
	size_t len = strspn(*at, "0123456789.");

	if (len == 0 || len >= sizeof text)
		return false;
	memcpy(text, *at, len);
	text[len] = 0;
	memcpy(out->addr, mapped, sizeof mapped);
	if (inet_pton(AF_INET, text, out->addr + 12) != 1)
		return false;
	out->family = 4;
	*at += len;
	return true;
}

static bool take_v6(const char **at, struct dk_inet *out)
{
	char text[INET6_ADDRSTRLEN];
	const char *p = *at + 1;
	size_t len = strspn(p, "0123456789abcdefABCDEF:.");

	if (len == 0 || len >= sizeof text)
		return false;
	memcpy(text, p, len);
	text[len] = 0;
	p += len;
	if (inet_pton(AF_INET6, text, out->addr) != 1)
		return false;
	if (*p == '%' && (p++, !net_take_number(&p, INT32_MAX, &out->scope)))
		return false;
	if (*p != ']')
		return false;
	out->family = net_is_v4(out) ? 4 : 6;
	*at = p + 1;
	return true;
}

bool net_take_addr(const char **at, struct dk_inet *out)
{
	*out = (struct dk_inet){ 0 };
	return **at == '[' ? take_v6(at, out) : take_v4(at, out);
}

bool net_take_endpoint(const char **at, struct dk_inet *out)
{
	uint32_t port;

	if (!net_take_addr(at, out) || **at != ':')
		return false;
	++*at;
	if (!net_take_number(at, 65535, &port))
		return false;
	out->port = (uint16_t)port;
	return true;
}

bool net_same_addr(const struct dk_inet *a, const struct dk_inet *b)
{
	return !memcmp(a->addr, b->addr, sizeof a->addr);
}

bool net_in_prefix(const struct dk_inet *a, const struct dk_inet *net, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (memcmp(a->addr, net->addr, bytes) != 0)
		return false;
	return rest == 0 || (a->addr[bytes] ^ net->addr[bytes]) >> (8 - rest) == 0;
}

bool net_is_any(const struct dk_inet *a)
{
	static const uint8_t none[16];

	return !memcmp(a->addr, none, 16) || (net_is_v4(a) && !memcmp(a->addr + 12, none, 4));
}

void net_any_to_loopback(struct dk_inet *a)
{
	if (!net_is_any(a))
		return;
	if (net_is_v4(a))
		memcpy(a->addr + 12, "\x7f\0\0\1", 4);
	else
		a->addr[15] = 1;
}

/* Loopback and this-host, link-local, multicast, broadcast, ::a.b.c.d that nobody routes; and where clouds keep machines' credentials. */
#define V4(a, b, c, d) { [10] = 0xff, 0xff, a, b, c, d }
static const struct {
	struct dk_inet net;
	unsigned bits;
} special[] = {
	{ { .addr = V4(0, 0, 0, 0) }, 104 }, { { .addr = V4(127, 0, 0, 0) }, 104 }, { { .addr = V4(169, 254, 0, 0) }, 112 },
	{ { .addr = V4(224, 0, 0, 0) }, 99 }, { { .addr = { 0 } }, 96 }, { { .addr = { 0xfe, 0x80 } }, 10 }, { { .addr = { 0xff } }, 8 },
	{ { .addr = V4(100, 100, 100, 200) }, 128 }, { { .addr = V4(168, 63, 129, 16) }, 128 },
	{ { .addr = { 0xfd, 0, 0x0e, 0xc2, [14] = 2, 0x54 } }, 128 }, { { .addr = { 0xfd, 0x20, 0, 0xce, [14] = 2, 0x54 } }, 128 },
};

bool net_all_special(const struct dk_inet *net, unsigned bits)
{
	for (unsigned i = 0; i < sizeof special / sizeof special[0]; i++)
		if (bits >= special[i].bits && net_in_prefix(net, &special[i].net, special[i].bits))
			return true;
	return false;
}

bool net_is_special(const struct dk_inet *a)
{
	return net_all_special(a, 128);
}

const char *net_text(const struct dk_inet *a, char *out)
{
	char text[INET6_ADDRSTRLEN] = "?", scope[16] = "", port[8] = "";

	if (a->port)
		snprintf(port, sizeof port, ":%u", a->port);
	if (a->scope)
		snprintf(scope, sizeof scope, "%%%u", a->scope);
	if (net_is_v4(a)) {
		inet_ntop(AF_INET, a->addr + 12, text, sizeof text);
		snprintf(out, NET_TEXT_MAX, "%s%s", text, port);
	} else {
		inet_ntop(AF_INET6, a->addr, text, sizeof text);
		snprintf(out, NET_TEXT_MAX, "[%s%s]%s", text, scope, port);
	}
	return out;
}

socklen_t net_to_sockaddr(const struct dk_inet *a, struct sockaddr_storage *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope };

	if (a->family == 4) {
		memcpy(&v4.sin_addr, a->addr + 12, 4);
		memcpy(out, &v4, sizeof v4);
		return sizeof v4;
	}
	memcpy(&v6.sin6_addr, a->addr, 16);
	memcpy(out, &v6, sizeof v6);
	return sizeof v6;
}

void net_from_sockaddr(const struct sockaddr_storage *sa, struct dk_inet *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	*out = (struct dk_inet){ 0 };
	if (sa->ss_family == AF_INET) {
		memcpy(&v4, sa, sizeof v4);
		memcpy(out->addr, mapped, sizeof mapped);
		memcpy(out->addr + 12, &v4.sin_addr, 4);
		out->port = ntohs(v4.sin_port);
		out->family = 4;
	} else if (sa->ss_family == AF_INET6) {
		memcpy(&v6, sa, sizeof v6);
		memcpy(out->addr, &v6.sin6_addr, 16);
		out->port = ntohs(v6.sin6_port);
		out->scope = v6.sin6_scope_id;
		out->family = 6;
	}
}
