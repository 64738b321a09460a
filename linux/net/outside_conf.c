/* SPDX-License-Identifier: MIT */
/*
 * linux/net/outside_conf.c - what was granted of the network outside, and how names of the host's are shown inside.
 *
 * The settings are read once, by the first picoprocess, into the arena.  Without any there is nothing there, and a socket never
 * asks further.  Only the first network namespace leads outside.
 *
 * With net=host a program sees the host's names as they are.  Else it sees itself behind eth0, as in a container: what was
 * published is reached under eth0's address and the sandbox's own port; and a peer that is the host's loopback
 * is shown as eth0's gateway, so that no program takes somebody outside for a process of its own.
 */
#include "linux/boot.h"
#include "linux/net/iface.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

static const struct outside_addr usual[2] = {
	{ { { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 0, [14] = 2, [15] = 15 } }, 24 },
	{ { { 0xfd, [8] = 0, [15] = 15 } }, 64 },
};

/* ---- Settings ---- */

/* "I:tcp:PORT:...": the I-th publication. */
static void parse_publish(struct outside *o, const char *text)
{
	struct publication *p = &o->publish[o->npublish];
	uint64_t port = 0;

	while (*text >= '0' && *text <= '9')
		text++;
	p->udp = str_starts(text, ":udp:");
	if (!p->udp && !str_starts(text, ":tcp:"))
		return;
	for (text += 5; *text >= '0' && *text <= '9'; text++)
		port = port * 10 + (uint64_t)(*text - '0');
	p->port = (uint16_t)port;
	o->npublish++;
}

/* "ADDRESS/BITS". */
static void parse_address(struct outside *o, const char *text)
{
	struct outside_addr *a = &o->addrs[o->naddrs];
	const char *slash = text;
	uint64_t bits;

	while (*slash != '\0' && *slash != '/')
		slash++;
	if (*slash == '\0' || !inet_text_in(text, (size_t)(slash - text), &a->addr) || !str_u64(slash + 1, 10, &bits) || bits > 128)
		return;
	a->bits = (uint32_t)bits;
	o->naddrs++;
}

void outside_boot(const struct dk_boot *boot)
{
	const char *reach = config_get(boot, "net", 0), *text;
	struct outside *o = reach != NULL ? arena_alloc(sizeof *o) : NULL;

	if (o == NULL)
		return;
	o->reach = strcmp(reach, "host") == 0 ? OUTSIDE_HOST : strcmp(reach, "rules") == 0 ? OUTSIDE_RULES : OUTSIDE_PUBLISHED;
	o->net = lx_state()->ns_initial[NS_NET].ino;
	o->loopback = o->reach == OUTSIDE_HOST || config_get(boot, "net_loopback", 0) != NULL;
	o->dns = config_get(boot, "net_dns", 0) != NULL;
	for (uint32_t i = 0; i < OUTSIDE_PUBLISH && (text = config_get(boot, "net_publish", i)) != NULL; i++)
		parse_publish(o, text);
	for (uint32_t i = 0; o->naddrs < OUTSIDE_ADDRS && (text = config_get(boot, "net_address", i)) != NULL; i++)
		parse_address(o, text);
	for (uint32_t i = 0; o->naddrs == 0 && i < ARRAY_LEN(usual); i++)
		o->addrs[i] = usual[i];
	if (o->naddrs == 0)
		o->naddrs = ARRAY_LEN(usual);
	lx_state()->outside = o;
}

const struct outside *outside_conf(uint64_t net)
{
	const struct outside *o = lx_state()->outside;

	return LIKELY(o == NULL) || o->net != net ? NULL : o;
}

const char *outside_resolv_conf(void)
{
	const struct outside *o = lx_state()->outside;

	return o != NULL && o->dns ? "nameserver 127.0.0.53\noptions edns0\n" : NULL;
}

/* ---- Addresses ---- */

bool outside_is_own(uint64_t net, const struct inet_addr *a)
{
	const struct outside *o = outside_conf(net);

	for (uint32_t i = 0; o != NULL && i < o->naddrs; i++)
		if (inet_same(&o->addrs[i].addr, a))
			return true;
	return false;
}

bool outside_may(uint64_t net, const struct inet_addr *to)
{
	const struct outside *o = outside_conf(net);

	return o != NULL && o->reach != OUTSIDE_PUBLISHED && !inet_is_multicast(to);
}

bool outside_falls(uint64_t net, const struct inet_addr *to)
{
	const struct outside *o = outside_conf(net);

	return UNLIKELY(o != NULL) && o->reach != OUTSIDE_PUBLISHED && (o->loopback || !inet_is_local(to));
}

/* eth0's of the sort that s can show. */
static const struct outside_addr *eth0(const struct outside *o, const struct sock *s, bool four)
{
	four = four || s->family == AF_INET;
	for (uint32_t i = 0; i < o->naddrs; i++)
		if (inet_is4(&o->addrs[i].addr) == four)
			return &o->addrs[i];
	return NULL;
}

struct inet_addr outside_eth0(const struct outside *o, const struct sock *s, bool four)
{
	const struct outside_addr *a = eth0(o, s, four);

	return a != NULL ? a->addr : (struct inet_addr){ { 0 } };
}

static struct inet_name name_of(const struct dk_inet *host)
{
	struct inet_name n = { .port = host->port, .scope = host->scope };

	memcpy(n.addr.b, host->addr, sizeof n.addr.b);
	return n;
}

/* Can s show it?  One of AF_INET has no place for an IPv6 address. */
static bool fits(const struct sock *s, const struct inet_addr *a)
{
	return s->family == AF_INET6 || inet_is4(a);
}

struct inet_name outside_peer(const struct outside *o, const struct sock *s, const struct dk_inet *host)
{
	struct inet_name n = name_of(host);
	const struct outside_addr *own = eth0(o, s, inet_is4(&n.addr));

	if ((o->reach != OUTSIDE_HOST && inet_is_local(&n.addr)) || !fits(s, &n.addr)) {
		if (own != NULL)
			n.addr = iface_gateway(own);
		n.scope = 0;
	}
	return n;
}

struct dk_inet outside_place(const struct outside *o, const struct inet_name *n)
{
	struct dk_inet host = { .scope = n->scope, .port = n->port, .family = inet_is4(&n->addr) ? 4 : 6 };
	struct inet_addr addr = n->addr;

	for (uint32_t i = 0; i < o->naddrs && o->reach != OUTSIDE_HOST; i++) {
		struct inet_addr g = iface_gateway(&o->addrs[i]);

		if (inet_same(&g, &n->addr))
			addr = inet_source(&addr); /* the host's loopback */
	}
	memcpy(host.addr, addr.b, sizeof host.addr);
	return host;
}

struct inet_name outside_local(const struct outside *o, const struct sock *s, const struct dk_inet *host, uint16_t port)
{
	struct inet_name n = name_of(host);
	const struct outside_addr *own = eth0(o, s, inet_is4(&n.addr));

	if (port != 0)
		n.port = port;
	if ((o->reach != OUTSIDE_HOST || !fits(s, &n.addr)) && own != NULL) {
		n.addr = own->addr;
		n.scope = 0;
	}
	return n;
}
