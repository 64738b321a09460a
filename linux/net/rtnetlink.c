/* SPDX-License-Identifier: MIT */
/*
 * linux/net/rtnetlink.c - NETLINK_ROUTE as far as one interface goes: rtnetlink(7).
 *
 * A request is answered at once into the own queue: links, addresses and routes of lo can be listed, and lo be set up and down.
 */
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "linux/net/inet.h"
#include "linux/net/netlink.h"
#include "rt/mem.h"

#define REPLY_MOST 1024u

/* ---- Answers ---- */

struct reply {
	struct sock *to;
	const struct nlmsghdr *asked;
	uint32_t port;
	uint32_t used;       /* of data */
	struct nlmsghdr *h;  /* of the message that is being made */
	uint8_t data[REPLY_MOST] __attribute__((aligned(4)));
};

static void *grow(struct reply *r, uint32_t size)
{
	void *at = r->data + r->used;

	ASSERT(r->used + NLMSG_ALIGN(size) <= REPLY_MOST);
	memset(at, 0, NLMSG_ALIGN(size));
	r->used += NLMSG_ALIGN(size);
	return at;
}

/* Begins a message, whose body of that size is returned. */
static void *begin(struct reply *r, uint16_t type, uint16_t flags, uint32_t size)
{
	r->h = grow(r, NLMSG_HDRLEN);
	r->h->nlmsg_type = type;
	r->h->nlmsg_flags = flags;
	r->h->nlmsg_seq = r->asked->nlmsg_seq;
	r->h->nlmsg_pid = r->port;
	return grow(r, size);
}

static void attribute(struct reply *r, uint16_t type, const void *value, uint32_t size)
{
	struct rtattr *a = grow(r, (uint32_t)RTA_LENGTH(size));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), value, size);
}

static void number(struct reply *r, uint16_t type, uint32_t value)
{
	attribute(r, type, &value, sizeof value);
}

static void finish(struct reply *r)
{
	r->h->nlmsg_len = (uint32_t)(r->data + r->used - (uint8_t *)r->h);
}

static void send(struct reply *r)
{
	sock_tell(r->to, r->data, r->used);
	r->used = 0;
}

static void done(struct reply *r)
{
	*(int *)begin(r, NLMSG_DONE, NLM_F_MULTI, sizeof(int)) = 0;
	finish(r);
	send(r);
}

static void acknowledge(struct reply *r, long err)
{
	uint32_t echo = err != 0 ? MIN(r->asked->nlmsg_len, 256u) : (uint32_t)sizeof *r->asked;
	struct nlmsgerr *e = begin(r, NLMSG_ERROR, err == 0 ? NLM_F_CAPPED : 0, (uint32_t)offsetof(struct nlmsgerr, msg) + echo);

	e->error = (int)err;
	memcpy(&e->msg, r->asked, echo);
	finish(r);
	send(r);
}

/* ---- lo ---- */

static void put_link(struct lx_thread *t, struct reply *r, uint16_t flags)
{
	static const uint8_t none[6];
	struct ifinfomsg *i = begin(r, RTM_NEWLINK, flags, sizeof *i);
	uint32_t state = lo_flags(t);

	i->ifi_type = ARPHRD_LOOPBACK;
	i->ifi_index = LO_INDEX;
	i->ifi_flags = state | ((state & IFF_UP) ? IFF_LOWER_UP : 0);
	attribute(r, IFLA_IFNAME, "lo", 3);
	number(r, IFLA_TXQLEN, 1000);
	attribute(r, IFLA_OPERSTATE, &(uint8_t){ (state & IFF_UP) ? 0 : 2 }, 1);
	attribute(r, IFLA_LINKMODE, &(uint8_t){ 0 }, 1);
	number(r, IFLA_MTU, LO_MTU);
	number(r, IFLA_GROUP, 0);
	number(r, IFLA_PROMISCUITY, 0);
	number(r, IFLA_NUM_TX_QUEUES, 1);
	number(r, IFLA_NUM_RX_QUEUES, 1);
	attribute(r, IFLA_CARRIER, &(uint8_t){ 1 }, 1);
	attribute(r, IFLA_QDISC, "noqueue", 8);
	attribute(r, IFLA_ADDRESS, none, sizeof none);
	attribute(r, IFLA_BROADCAST, none, sizeof none);
	finish(r);
}

static void put_address(struct reply *r, uint8_t family)
{
	static const uint8_t lo4[4] = { 127, 0, 0, 1 }, lo6[16] = { [15] = 1 };
	struct ifaddrmsg *a = begin(r, RTM_NEWADDR, NLM_F_MULTI, sizeof *a);

	a->ifa_family = family;
	a->ifa_prefixlen = family == AF_INET ? 8 : 128;
	a->ifa_flags = IFA_F_PERMANENT;
	a->ifa_scope = RT_SCOPE_HOST;
	a->ifa_index = LO_INDEX;
	if (family == AF_INET) {
		attribute(r, IFA_ADDRESS, lo4, sizeof lo4);
		attribute(r, IFA_LOCAL, lo4, sizeof lo4);
		attribute(r, IFA_LABEL, "lo", 3);
	} else {
		attribute(r, IFA_ADDRESS, lo6, sizeof lo6);
	}
	number(r, IFA_FLAGS, IFA_F_PERMANENT);
	finish(r);
}

static void put_route(struct reply *r, uint8_t family, const uint8_t *to, uint8_t bits)
{
	struct rtmsg *m = begin(r, RTM_NEWROUTE, NLM_F_MULTI, sizeof *m);
	uint32_t size = family == AF_INET ? 4 : 16;

	m->rtm_family = family;
	m->rtm_dst_len = bits;
	m->rtm_table = RT_TABLE_LOCAL;
	m->rtm_protocol = RTPROT_KERNEL;
	m->rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_LOCAL;
	number(r, RTA_TABLE, RT_TABLE_LOCAL);
	attribute(r, RTA_DST, to, size);
	if (family == AF_INET)
		attribute(r, RTA_PREFSRC, (const uint8_t[4]){ 127, 0, 0, 1 }, 4);
	number(r, RTA_OIF, LO_INDEX);
	finish(r);
}

/* ---- Requests ---- */

static uint8_t family_asked(const struct nlmsghdr *h)
{
	return h->nlmsg_len > NLMSG_HDRLEN ? *(const uint8_t *)NLMSG_DATA(h) : 0;
}

static bool dump(struct lx_thread *t, struct reply *r, uint16_t type)
{
	uint8_t family = family_asked(r->asked);
	bool up = lo_flags(t) & IFF_UP, four = up && family != AF_INET6, six = up && family != AF_INET;

	switch (type) {
	case RTM_GETLINK:
		put_link(t, r, NLM_F_MULTI);
		break;
	case RTM_GETADDR:
		if (four)
			put_address(r, AF_INET);
		if (six)
			put_address(r, AF_INET6);
		break;
	case RTM_GETROUTE:
		if (four) {
			put_route(r, AF_INET, (const uint8_t[4]){ 127, 0, 0, 0 }, 8);
			put_route(r, AF_INET, (const uint8_t[4]){ 127, 0, 0, 1 }, 32);
		}
		if (six)
			put_route(r, AF_INET6, (const uint8_t[16]){ [15] = 1 }, 128);
		break;
	case RTM_GETNEIGH:
	case RTM_GETRULE:
	case RTM_GETQDISC:
		break;
	default:
		return false;
	}
	if (r->used != 0)
		send(r);
	done(r);
	return true;
}

/* Which interface is meant: by its number or name. */
static bool means_lo(const struct nlmsghdr *h)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	const struct rtattr *a;
	int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(sizeof *i);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *i))
		return false;
	if (i->ifi_index != 0)
		return i->ifi_index == LO_INDEX;
	for (a = IFLA_RTA(i); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_IFNAME && RTA_PAYLOAD(a) >= 3 && memcmp(RTA_DATA(a), "lo", 3) == 0)
			return true;
	return false;
}

static long change_link(struct lx_thread *t, const struct nlmsghdr *h)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);

	if (!means_lo(h))
		return (h->nlmsg_flags & NLM_F_CREATE) ? -EOPNOTSUPP : -ENODEV;
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

static void answer(struct lx_thread *t, struct reply *r)
{
	const struct nlmsghdr *h = r->asked;
	long err = -EOPNOTSUPP;

	if (!(h->nlmsg_flags & NLM_F_REQUEST) || h->nlmsg_type < NLMSG_MIN_TYPE)
		return;
	if ((h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP && dump(t, r, h->nlmsg_type))
		return;
	switch (h->nlmsg_type) {
	case RTM_GETLINK:
		err = means_lo(h) ? 0 : -ENODEV;
		if (err == 0) {
			put_link(t, r, 0);
			send(r);
			if (!(h->nlmsg_flags & NLM_F_ACK))
				return;
		}
		break;
	case RTM_GETROUTE:
		err = -ENETUNREACH;
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
		acknowledge(r, err);
}

long rtnetlink_request(struct lx_thread *t, struct sock *s, const void *data, uint32_t size)
{
	struct reply *r = heap_alloc(sizeof *r);
	int left = (int)size;

	if (r == NULL)
		return -ENOBUFS;
	for (const struct nlmsghdr *h = data; NLMSG_OK(h, left) /* signed: it may go below 0 */; h = NLMSG_NEXT(h, left)) {
		*r = (struct reply){ .to = s, .asked = h, .port = s->addr.in.scope };
		answer(t, r);
	}
	heap_free(r);
	return (long)size;
}
