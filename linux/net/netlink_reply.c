/* SPDX-License-Identifier: MIT */
/* linux/net/netlink_reply.c - making the messages that answer a netlink request: netlink(7), netlink(3). */
#include <linux/rtnetlink.h>

#include "linux/net/netlink.h"
#include "rt/mem.h"

static void *grow(struct nl_reply *r, uint32_t size)
{
	void *at = r->data + r->used;

	ASSERT(r->used + NLMSG_ALIGN(size) <= NL_REPLY_MOST);
	memset(at, 0, NLMSG_ALIGN(size));
	r->used += NLMSG_ALIGN(size);
	return at;
}

/* Begins a message, whose body of that size is returned. */
void *nl_begin(struct nl_reply *r, uint16_t type, uint16_t flags, uint32_t size)
{
	r->h = grow(r, NLMSG_HDRLEN);
	r->h->nlmsg_type = type;
	r->h->nlmsg_flags = flags;
	r->h->nlmsg_seq = r->asked->nlmsg_seq;
	r->h->nlmsg_pid = r->port;
	return grow(r, size);
}

void nl_attribute(struct nl_reply *r, uint16_t type, const void *value, uint32_t size)
{
	struct rtattr *a = grow(r, (uint32_t)RTA_LENGTH(size));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), value, size);
}

void nl_number(struct nl_reply *r, uint16_t type, uint32_t value)
{
	nl_attribute(r, type, &value, sizeof value);
}

void nl_finish(struct nl_reply *r)
{
	r->h->nlmsg_len = (uint32_t)(r->data + r->used - (uint8_t *)r->h);
}

void nl_send(struct nl_reply *r)
{
	sock_tell(r->to, r->data, r->used);
	r->used = 0;
}

void nl_done(struct nl_reply *r)
{
	*(int *)nl_begin(r, NLMSG_DONE, NLM_F_MULTI, sizeof(int)) = 0;
	nl_finish(r);
	nl_send(r);
}

void nl_acknowledge(struct nl_reply *r, long err)
{
	uint32_t echo = err != 0 ? MIN(r->asked->nlmsg_len, 256u) : (uint32_t)sizeof *r->asked;
	struct nlmsgerr *e = nl_begin(r, NLMSG_ERROR, err == 0 ? NLM_F_CAPPED : 0, (uint32_t)offsetof(struct nlmsgerr, msg) + echo);

	e->error = (int)err;
	memcpy(&e->msg, r->asked, echo);
	nl_finish(r);
	nl_send(r);
}
