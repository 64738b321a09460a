/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_mcast.c - multicast within the sandbox: ip(7), ipv6(7).
 *
 * lo stands for the interface that a default route would name: groups are joined there, and what is sent to one reaches every
 * socket of the sandbox that is bound to its port and takes it.  A socket takes what comes to a group it has joined, from the
 * senders it wants; and with IP_MULTICAST_ALL, which is usual, to any group that somebody of the network namespace has joined.
 * IP_MULTICAST_LOOP of the sender says whether anybody of this host hears it, so whether anybody does.
 *
 * Memberships are in inet->groups, guarded by the socket's lock; inet_state counts them by group (joined).
 */
#include "linux/net/inet_mcast.h"
#include "rt/mem.h"

#define GROUPS_MOST  20u /* sysctl net.ipv4.igmp_max_memberships */
#define SOURCES_MOST 10u /* sysctl net.ipv4.igmp_max_msf */

struct membership {
	struct list link;         /* [S] in inet->groups */
	struct inet_addr group;
	bool include;             /* only from those in source; else from all but those */
	uint32_t nsources;
	struct inet_addr source[SOURCES_MOST];
};

/* A group that somebody has joined; in inet_state->joined. */
struct joined {
	struct list link;
	struct inet_addr group;
	uint32_t net, count;
};

/* ---- Who has joined ---- */

static struct joined *joined_find(struct inet_state *i, const struct inet_addr *group, uint32_t net)
{
	LIST_FOR(j, &i->joined, struct joined, link)
		if (j->net == net && inet_same(&j->group, group))
			return j;
	return NULL;
}

static bool anybody(const struct inet_addr *group, uint32_t net)
{
	struct inet_state *i = inet_state();
	bool yes;

	lock_take(&i->joined_lock);
	yes = joined_find(i, group, net) != NULL;
	lock_drop(&i->joined_lock);
	return yes;
}

/* fresh is used up if the group is new: *used. */
static void count_in(struct joined *fresh, const struct inet_addr *group, uint32_t net, bool *used)
{
	struct inet_state *i = inet_state();
	struct joined *j;

	lock_take(&i->joined_lock);
	j = joined_find(i, group, net);
	*used = j == NULL;
	if (j == NULL) {
		*fresh = (struct joined){ .group = *group, .net = net };
		list_append(&i->joined, &fresh->link);
		j = fresh;
	}
	j->count++;
	lock_drop(&i->joined_lock);
}

static void count_out(const struct inet_addr *group, uint32_t net)
{
	struct inet_state *i = inet_state();
	struct joined *j;

	lock_take(&i->joined_lock);
	j = joined_find(i, group, net);
	if (j != NULL && --j->count == 0)
		list_remove(&j->link);
	else
		j = NULL;
	lock_drop(&i->joined_lock);
	arena_free(j);
}

static struct membership *find(const struct sock *s, const struct inet_addr *group)
{
	LIST_FOR(m, &s->inet->groups, struct membership, link)
		if (inet_same(&m->group, group))
			return m;
	return NULL;
}

static int source_index(const struct membership *m, const struct inet_addr *source)
{
	for (uint32_t i = 0; i < m->nsources; i++)
		if (inet_same(&m->source[i], source))
			return (int)i;
	return -1;
}

bool mcast_takes(struct sock *s, const struct inet_addr *group, const struct inet_addr *from)
{
	bool four = inet_is4(group), takes = false, all = inet_opt(s, four ? OPT_MULTICAST_ALL : OPT_MULTICAST_ALL6) != 0;
	const struct membership *m;

	lock_take(&s->lock);
	m = find(s, group);
	if (m != NULL)
		takes = m->include == (source_index(m, from) >= 0);
	lock_drop(&s->lock);
	return m != NULL ? takes : all && anybody(group, s->net);
}

/* ---- Joining and leaving ---- */

static uint32_t how_many(const struct sock *s)
{
	uint32_t n = 0;

	LIST_FOR(m, &s->inet->groups, struct membership, link)
		n++;
	return n;
}

static long add(struct sock *s, struct membership *fresh)
{
	long err = 0;

	lock_take(&s->lock);
	if (find(s, &fresh->group) != NULL)
		err = -EADDRINUSE;
	else if (how_many(s) >= GROUPS_MOST)
		err = -ENOBUFS;
	else
		list_append(&s->inet->groups, &fresh->link);
	lock_drop(&s->lock);
	return err;
}

static long join(struct sock *s, const struct inet_addr *group, const struct inet_addr *source)
{
	struct membership *m = arena_alloc(sizeof *m);
	struct joined *j = arena_alloc(sizeof *j);
	bool used = false;
	long err = m != NULL && j != NULL ? 0 : -ENOMEM;

	if (err == 0) {
		list_init(&m->link);
		m->group = *group;
		m->include = source != NULL;
		if (source != NULL)
			m->source[m->nsources++] = *source;
		err = add(s, m);
	}
	if (err == 0)
		count_in(j, group, s->net, &used);
	else
		arena_free(m);
	if (!used)
		arena_free(j);
	return err;
}

static long leave(struct sock *s, const struct inet_addr *group)
{
	struct membership *m;

	lock_take(&s->lock);
	m = find(s, group);
	if (m != NULL)
		list_remove(&m->link);
	lock_drop(&s->lock);
	if (m == NULL)
		return -EADDRNOTAVAIL;
	count_out(group, s->net);
	arena_free(m);
	return 0;
}

void mcast_leave_all(struct sock *s)
{
	struct inet_addr group;

	for (;;) {
		struct membership *m = NULL;

		lock_take(&s->lock);
		if (!list_empty(&s->inet->groups))
			m = LIST_FIRST(&s->inet->groups, struct membership, link);
		lock_drop(&s->lock);
		if (m == NULL)
			return;
		group = m->group; /* nobody else has the socket */
		(void)leave(s, &group);
	}
}

/* A source more or fewer; include: of those that are wanted, else of those that are not. */
static long change_source(struct sock *s, const struct inet_addr *group, const struct inet_addr *source, bool include, bool more)
{
	struct membership *m;
	bool last = false;
	long err = 0;
	int at;

	lock_take(&s->lock);
	m = find(s, group);
	at = m != NULL ? source_index(m, source) : -1;
	if (m == NULL || (m->include != include && m->nsources != 0))
		err = -EINVAL;
	else if (more ? at >= 0 : at < 0)
		err = -EADDRNOTAVAIL;
	else if (more && m->nsources == SOURCES_MOST)
		err = -ENOBUFS;
	else if (more)
		m->source[m->nsources++] = *source;
	else
		m->source[at] = m->source[--m->nsources];
	if (err == 0)
		m->include = include;
	last = err == 0 && include && m->nsources == 0;
	lock_drop(&s->lock);
	return last ? leave(s, group) : err;
}

static long join_source(struct sock *s, const struct inet_addr *group, const struct inet_addr *source)
{
	bool there;

	lock_take(&s->lock);
	there = find(s, group) != NULL;
	lock_drop(&s->lock);
	return there ? change_source(s, group, source, true, true) : join(s, group, source);
}

/* ---- Options ---- */

/* What an option speaks of. */
struct asked {
	struct inet_addr group, source;
	uint32_t index;   /* of an interface; 0: any */
	struct inet_addr iface; /* or its address; all 0: any */
};

static struct inet_addr four(const void *b)
{
	struct inet_addr a = { { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, b, 4);
	return a;
}

/* A struct sockaddr_in or sockaddr_in6. */
static long place(const struct sock *s, const uint8_t *sa, int level, struct inet_addr *a)
{
	uint16_t family;

	memcpy(&family, sa, sizeof family);
	if (family != (level == IPPROTO_IP ? AF_INET : AF_INET6))
		return level == IPPROTO_IP ? -EINVAL : -EADDRNOTAVAIL;
	if (family == AF_INET)
		*a = four(sa + 4);
	else
		memcpy(a->b, sa + 8, sizeof a->b);
	return 0;
}

/* struct group_req and group_source_req: an interface's number, then one or two struct sockaddr_storage. */
static long group_in(const struct sock *s, int level, bool source, struct gva value, int len, struct asked *a)
{
	struct { uint32_t index, pad; uint8_t group[128], source[128]; } r;
	uint64_t size = source ? sizeof r : offsetof(__typeof__(r), source);
	long err;

	if (len < (int)size)
		return -EINVAL;
	if (copy_in(&r, value, size) != 0)
		return -EFAULT;
	a->index = r.index;
	err = place(s, r.group, level, &a->group);
	return err == 0 && source ? place(s, r.source, level, &a->source) : err;
}

/* struct ip_mreq, ip_mreqn; with a source struct ip_mreq_source: group, interface, source. */
static long mreq_in(bool source, struct gva value, int len, struct asked *a)
{
	uint8_t b[12] = { 0 };

	if (len < (source ? 12 : 8))
		return -EINVAL;
	if (copy_in(b, value, MIN((uint64_t)len, sizeof b)) != 0)
		return -EFAULT;
	a->group = four(b);
	a->iface = four(b + 4);
	if (source)
		a->source = four(b + 8);
	else if (len >= 12)
		memcpy(&a->index, b + 8, sizeof a->index);
	return 0;
}

static long mreq6_in(struct gva value, int len, struct asked *a)
{
	struct { uint8_t group[16]; uint32_t index; } m;

	if (len < (int)sizeof m)
		return -EINVAL;
	if (copy_in(&m, value, sizeof m) != 0)
		return -EFAULT;
	memcpy(a->group.b, m.group, sizeof m.group);
	a->index = m.index;
	return 0;
}

static bool has_source(int name)
{
	return (name >= IP_UNBLOCK_SOURCE && name <= IP_DROP_SOURCE_MEMBERSHIP) || (name >= MCAST_BLOCK_SOURCE && name <= MCAST_LEAVE_SOURCE_GROUP && name != MCAST_LEAVE_GROUP);
}

static long asked_in(const struct sock *s, int level, int name, struct gva value, int len, struct asked *a)
{
	if (name >= MCAST_JOIN_GROUP)
		return group_in(s, level, has_source(name), value, len, a);
	return level == IPPROTO_IPV6 ? mreq6_in(value, len, a) : mreq_in(has_source(name), value, len, a);
}

/* Is lo meant, or no interface in particular? */
static bool iface_there(const struct asked *a)
{
	if (a->index != 0)
		return a->index == LO_INDEX;
	return inet_is_any(&a->iface) || inet_is_local(&a->iface);
}

bool mcast_is_option(int level, int name)
{
	if (name >= MCAST_JOIN_GROUP && name <= MCAST_LEAVE_SOURCE_GROUP)
		return level == IPPROTO_IP || level == IPPROTO_IPV6;
	if (level == IPPROTO_IP)
		return name >= IP_ADD_MEMBERSHIP && name <= IP_DROP_SOURCE_MEMBERSHIP;
	return level == IPPROTO_IPV6 && (name == IPV6_ADD_MEMBERSHIP || name == IPV6_DROP_MEMBERSHIP);
}

static long apply(struct sock *s, int name, const struct asked *a)
{
	switch (name) {
	case IP_ADD_MEMBERSHIP:
	case IPV6_ADD_MEMBERSHIP:
	case MCAST_JOIN_GROUP:
		return join(s, &a->group, NULL);
	case IP_DROP_MEMBERSHIP:
	case IPV6_DROP_MEMBERSHIP:
	case MCAST_LEAVE_GROUP:
		return leave(s, &a->group);
	case IP_ADD_SOURCE_MEMBERSHIP:
	case MCAST_JOIN_SOURCE_GROUP:
		return join_source(s, &a->group, &a->source);
	case IP_DROP_SOURCE_MEMBERSHIP:
	case MCAST_LEAVE_SOURCE_GROUP:
		return change_source(s, &a->group, &a->source, true, false);
	case IP_BLOCK_SOURCE:
	case MCAST_BLOCK_SOURCE:
		return change_source(s, &a->group, &a->source, false, true);
	default:
		return change_source(s, &a->group, &a->source, false, false);
	}
}

long mcast_setopt(struct sock *s, int level, int name, struct gva value, int len)
{
	struct asked a = { 0 };
	bool leaves = name == IP_DROP_MEMBERSHIP || name == IPV6_DROP_MEMBERSHIP || name == MCAST_LEAVE_GROUP;
	long err = asked_in(s, level, name, value, len, &a);

	if (err != 0)
		return err;
	if (s->kind == SK_TCP && name < MCAST_JOIN_GROUP)
		return -EPROTO;
	if (!inet_is_multicast(&a.group))
		return leaves ? -EADDRNOTAVAIL : -EINVAL;
	if (!iface_there(&a))
		return leaves ? -EADDRNOTAVAIL : -ENODEV;
	return apply(s, name, &a);
}

/* The interface that multicasts leave by: lo, by its number or address, or none in particular. */
long mcast_set_iface(struct sock *s, int level, struct gva value, int len)
{
	struct { uint8_t group[4], addr[4]; int index; } m = { { 0 }, { 0 }, 0 };
	struct asked a = { 0 };
	int n;

	if (len < (int)sizeof n)
		return -EINVAL;
	if (copy_in(&n, value, sizeof n) != 0 || copy_in(&m, value, len >= 8 ? MIN((uint64_t)len, sizeof m) : 0) != 0)
		return -EFAULT;
	if (level == IPPROTO_IPV6 && n != 0 && n != LO_INDEX)
		return -ENODEV;
	a.iface = level == IPPROTO_IPV6 ? (struct inet_addr){ 0 } : len < 8 ? four(&n) : four(m.addr);
	a.index = level == IPPROTO_IPV6 ? (uint32_t)n : (uint32_t)m.index;
	if (!iface_there(&a))
		return -EADDRNOTAVAIL;
	lock_take(&s->lock);
	s->inet->mcast_index = a.index;
	memcpy(s->inet->mcast_iface, a.iface.b + 12, sizeof s->inet->mcast_iface);
	lock_drop(&s->lock);
	return 0;
}

long mcast_get_iface(const struct sock *s, int level, struct gva value, struct gva len, int room)
{
	if (level == IPPROTO_IPV6)
		return sockopt_out(value, len, room, &s->inet->mcast_index, sizeof s->inet->mcast_index);
	return sockopt_out(value, len, room, s->inet->mcast_iface, 4);
}
