/* SPDX-License-Identifier: MIT */
/*
 * linux/net/rtnetlink.c - NETLINK_ROUTE as far as the interfaces go: rtnetlink(7).
 *
 * A request is answered at once into the own queue: links, addresses and routes (iface.h) can be listed, and lo be set up and down.
 */
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "linux/net/iface.h"
#include "linux/net/netlink.h"
#include "rt/mem.h"

/* ---- Interfaces ---- */

static void put_link(struct nl_reply *r, const struct iface *i, uint16_t flags)
{
	struct ifinfomsg *m = nl_begin(r, RTM_NEWLINK, flags, sizeof *m);
	bool lo = i->index == LO_INDEX, up = i->flags & IFF_UP;
	uint8_t broadcast[MAC_SIZE];

	memset(broadcast, lo ? 0 : 0xff, sizeof broadcast);
	m->ifi_type = i->type;
	m->ifi_index = (int)i->index;
	m->ifi_flags = i->flags | (up ? IFF_LOWER_UP : 0);
	nl_attribute(r, IFLA_IFNAME, i->name, (uint32_t)strlen(i->name) + 1);
	nl_number(r, IFLA_TXQLEN, 1000);
	nl_attribute(r, IFLA_OPERSTATE, &(uint8_t){ !up ? 2 : lo ? 0 : 6 /* up */ }, 1);
	nl_attribute(r, IFLA_LINKMODE, &(uint8_t){ 0 }, 1);
	nl_number(r, IFLA_MTU, i->mtu);
	nl_number(r, IFLA_GROUP, 0);
	nl_number(r, IFLA_PROMISCUITY, 0);
	nl_number(r, IFLA_NUM_TX_QUEUES, 1);
	nl_number(r, IFLA_NUM_RX_QUEUES, 1);
	nl_attribute(r, IFLA_CARRIER, &(uint8_t){ 1 }, 1);
	nl_attribute(r, IFLA_QDISC, "noqueue", 8);
	nl_attribute(r, IFLA_ADDRESS, i->mac, sizeof i->mac);
	nl_attribute(r, IFLA_BROADCAST, broadcast, sizeof broadcast);
	nl_finish(r);
}

/* An address as messages have it. */
static const uint8_t *bytes_of(const struct inet_addr *a, uint32_t *size)
{
	*size = inet_is4(a) ? 4 : 16;
	return inet_is4(a) ? a->b + 12 : a->b;
}

static void put_address(struct nl_reply *r, const struct iface *i, const struct outside_addr *a)
{
	struct ifaddrmsg *m = nl_begin(r, RTM_NEWADDR, NLM_F_MULTI, sizeof *m);
	bool four = inet_is4(&a->addr);
	uint32_t size;
	const uint8_t *addr = bytes_of(&a->addr, &size);
	uint8_t mask[4], broadcast[4];

	m->ifa_family = four ? AF_INET : AF_INET6;
	m->ifa_prefixlen = (uint8_t)a->bits;
	m->ifa_flags = IFA_F_PERMANENT;
	m->ifa_scope = i->index == LO_INDEX ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	m->ifa_index = i->index;
	nl_attribute(r, IFA_ADDRESS, addr, size);
	if (four) {
		nl_attribute(r, IFA_LOCAL, addr, size);
		iface_mask4(a, mask, broadcast);
		if (i->flags & IFF_BROADCAST)
			nl_attribute(r, IFA_BROADCAST, broadcast, sizeof broadcast);
		nl_attribute(r, IFA_LABEL, i->name, (uint32_t)strlen(i->name) + 1);
	}
	nl_number(r, IFA_FLAGS, IFA_F_PERMANENT);
	nl_finish(r);
}

struct route {
	uint32_t iface, table;
	uint8_t type, scope, bits;
	bool multi;
	const struct inet_addr *to, *from, *via; /* NULL: none */
};

static void put_route(struct nl_reply *r, uint8_t family, const struct route *way)
{
	struct rtmsg *m = nl_begin(r, RTM_NEWROUTE, way->multi ? NLM_F_MULTI : 0, sizeof *m);
	uint32_t size;

	m->rtm_family = family;
	m->rtm_dst_len = way->bits;
	m->rtm_table = (uint8_t)way->table;
	m->rtm_protocol = way->via != NULL ? RTPROT_BOOT : RTPROT_KERNEL;
	m->rtm_scope = way->scope;
	m->rtm_type = way->type;
	nl_number(r, RTA_TABLE, way->table);
	if (way->to != NULL) {
		const uint8_t *to = bytes_of(way->to, &size);

		nl_attribute(r, RTA_DST, to, size);
	}
	if (way->via != NULL) {
		const uint8_t *via = bytes_of(way->via, &size);

		nl_attribute(r, RTA_GATEWAY, via, size);
	}
	if (way->from != NULL) {
		const uint8_t *from = bytes_of(way->from, &size);

		nl_attribute(r, RTA_PREFSRC, from, size);
	}
	nl_number(r, RTA_OIF, way->iface);
	nl_finish(r);
}

/* What leads to and by one address. */
static void put_routes(struct nl_reply *r, const struct iface *i, const struct outside_addr *a, bool first)
{
	bool four = inet_is4(&a->addr), lo = i->index == LO_INDEX;
	uint8_t family = four ? AF_INET : AF_INET6, all = four ? 32 : 128;
	struct inet_addr net = iface_network(a), gateway = iface_gateway(a);
	const struct inet_addr *from = four ? &a->addr : NULL;
	struct route local = { i->index, RT_TABLE_LOCAL, RTN_LOCAL, four ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE, all, true, &a->addr, from, NULL };
	struct route link = { i->index, lo ? RT_TABLE_LOCAL : RT_TABLE_MAIN, lo ? RTN_LOCAL : RTN_UNICAST,
		lo ? RT_SCOPE_HOST : four ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE, (uint8_t)a->bits, true, &net, from, NULL };
	struct route rest = { i->index, RT_TABLE_MAIN, RTN_UNICAST, RT_SCOPE_UNIVERSE, 0, true, NULL, NULL, &gateway };

	if (!lo && first)
		put_route(r, family, &rest);
	if (a->bits != all)
		put_route(r, family, &link);
	put_route(r, family, &local);
}

/* ---- Requests ---- */

static uint8_t family_asked(const struct nlmsghdr *h)
{
	return h->nlmsg_len > NLMSG_HDRLEN ? *(const uint8_t *)NLMSG_DATA(h) : 0;
}

static bool wanted(uint8_t family, const struct inet_addr *a)
{
	return family == AF_UNSPEC || family == (inet_is4(a) ? AF_INET : AF_INET6);
}

/* Addresses of one interface, or the routes by them. */
static void dump_addresses(struct lx_thread *t, struct nl_reply *r, const struct iface *i, bool routes)
{
	uint8_t family = family_asked(r->asked);
	bool seen4 = false, seen6 = false;
	struct outside_addr a;

	for (uint32_t n = 0; iface_addr(t, i, n, &a); n++) {
		bool four = inet_is4(&a.addr);

		if (wanted(family, &a.addr)) {
			if (routes)
				put_routes(r, i, &a, !(four ? seen4 : seen6));
			else
				put_address(r, i, &a);
			nl_send(r);
		}
		seen4 = seen4 || four;
		seen6 = seen6 || !four;
	}
}

static bool dump(struct lx_thread *t, struct nl_reply *r, uint16_t type)
{
	struct iface i;

	if (type != RTM_GETLINK && type != RTM_GETADDR && type != RTM_GETROUTE && type != RTM_GETNEIGH && type != RTM_GETRULE && type != RTM_GETQDISC)
		return false;
	for (uint32_t n = 0; type != RTM_GETNEIGH && type != RTM_GETRULE && type != RTM_GETQDISC && iface_get(t, n, &i); n++) {
		if (type == RTM_GETLINK) {
			put_link(r, &i, NLM_F_MULTI);
			nl_send(r);
		} else {
			dump_addresses(t, r, &i, type == RTM_GETROUTE);
		}
	}
	nl_done(r);
	return true;
}

/* Which interface is meant: by its number or name. */
static bool meant(struct lx_thread *t, const struct nlmsghdr *h, struct iface *found)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	const struct rtattr *a;
	int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(sizeof *i);
	char name[sizeof found->name] = "";

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *i))
		return false;
	for (a = IFLA_RTA(i); i->ifi_index == 0 && RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME)
			memcpy(name, RTA_DATA(a), MIN((size_t)RTA_PAYLOAD(a), sizeof name - 1));
	return iface_find(t, (uint32_t)i->ifi_index, name, found);
}

/* RTM_GETROUTE of one destination. */
static long get_route(struct lx_thread *t, struct nl_reply *r)
{
	const struct rtmsg *m = NLMSG_DATA(r->asked);
	uint32_t index = 0;
	int left = (int)r->asked->nlmsg_len - (int)NLMSG_SPACE(sizeof *m);
	struct inet_addr to = { { 0 } }, gateway;
	struct outside_addr a;
	struct iface i;

	if (r->asked->nlmsg_len < NLMSG_LENGTH(sizeof *m))
		return -EINVAL;
	for (const struct rtattr *x = RTM_RTA(m); RTA_OK(x, left); x = RTA_NEXT(x, left)) {
		if (x->rta_type == RTA_DST && RTA_PAYLOAD(x) == (m->rtm_family == AF_INET ? 4 : 16)) {
			to.b[10] = to.b[11] = m->rtm_family == AF_INET ? 0xff : 0;
			memcpy(to.b + 16 - RTA_PAYLOAD(x), RTA_DATA(x), RTA_PAYLOAD(x));
		}
	}
	index = inet_is_local(&to) ? LO_INDEX : ETH0_INDEX;
	if (!iface_find(t, index, NULL, &i) || !(i.flags & IFF_UP))
		return -ENETUNREACH;
	for (uint32_t n = 0; iface_addr(t, &i, n, &a); n++) {
		struct route way = { index, index == LO_INDEX ? RT_TABLE_LOCAL : RT_TABLE_MAIN, index == LO_INDEX ? RTN_LOCAL : RTN_UNICAST, RT_SCOPE_UNIVERSE,
			inet_is4(&to) ? 32 : 128, false, &to, &a.addr, NULL };
		struct inet_addr net = iface_network(&a), same = iface_network(&(struct outside_addr){ to, a.bits });

		if (inet_is4(&a.addr) != inet_is4(&to))
			continue;
		gateway = iface_gateway(&a);
		if (index != LO_INDEX && !inet_same(&net, &same))
			way.via = &gateway;
		put_route(r, m->rtm_family, &way);
		nl_send(r);
		return 0;
	}
	return -ENETUNREACH;
}

static long change_link(struct lx_thread *t, const struct nlmsghdr *h)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);

	struct iface which;

	if (!meant(t, h, &which))
		return (h->nlmsg_flags & NLM_F_CREATE) ? -EOPNOTSUPP : -ENODEV;
	if (which.index != LO_INDEX)
		return -EOPNOTSUPP;
	return (i->ifi_change & IFF_UP) || i->ifi_change == 0 ? lo_set_flags(t, i->ifi_flags) : 0;
}

/* lo's addresses come with it: to add them is to be told that they are there. */
static long change_address(struct lx_thread *t, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *a = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *a))
		return -EINVAL;
	if (a->ifa_index != LO_INDEX)
		return -ENODEV;
	return !(lo_flags(t) & IFF_UP) ? 0 : (h->nlmsg_flags & NLM_F_EXCL) ? -EEXIST : 0;
}

static void answer(struct lx_thread *t, struct nl_reply *r)
{
	const struct nlmsghdr *h = r->asked;
	long err = -EOPNOTSUPP;
	struct iface i;

	if (!(h->nlmsg_flags & NLM_F_REQUEST) || h->nlmsg_type < NLMSG_MIN_TYPE)
		return;
	if ((h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP && dump(t, r, h->nlmsg_type))
		return;
	switch (h->nlmsg_type) {
	case RTM_GETLINK:
		err = meant(t, h, &i) ? 0 : -ENODEV;
		if (err == 0) {
			put_link(r, &i, 0);
			nl_send(r);
			if (!(h->nlmsg_flags & NLM_F_ACK))
				return;
		}
		break;
	case RTM_GETROUTE:
		err = get_route(t, r);
		if (err == 0 && !(h->nlmsg_flags & NLM_F_ACK))
			return;
		break;
	case RTM_NEWLINK:
	case RTM_SETLINK:
		err = change_link(t, h);
		break;
	case RTM_NEWADDR:
		err = change_address(t, h);
		break;
	default:
		break;
	}
	if (err != 0 || (h->nlmsg_flags & NLM_F_ACK))
		nl_acknowledge(r, err);
}

long rtnetlink_request(struct lx_thread *t, struct sock *s, const void *data, uint32_t size)
{
	struct nl_reply *r = heap_alloc(sizeof *r);
	int left = (int)size;

	if (r == NULL)
		return -ENOBUFS;
	for (const struct nlmsghdr *h = data; NLMSG_OK(h, left) /* signed: it may go below 0 */; h = NLMSG_NEXT(h, left)) {
		*r = (struct nl_reply){ .to = s, .asked = h, .port = s->addr.in.scope };
		answer(t, r);
	}
	heap_free(r);
	return (long)size;
}
