/* SPDX-License-Identifier: MIT */
/* linux/net/inet_port.c - which socket has which port, and who gets what is sent to one. */
#include <linux/capability.h>

#include "linux/net/outside.h"
#include "linux/ns/ns.h"
#include "linux/sec/landlock.h"

#define PRIVILEGED 1024u /* /proc/sys/net/ipv4/ip_unprivileged_port_start */

static const struct inet_addr any4 = { { [10] = 0xff, [11] = 0xff } };

struct inet_state *inet_state(void)
{
	void **root = &lx_state()->inet_sockets;
	struct inet_state *i = __atomic_load_n(root, __ATOMIC_ACQUIRE);
	void *none = NULL;

	if (LIKELY(i != NULL))
		return i;
	i = arena_alloc(sizeof *i);
	if (i == NULL)
		return NULL;
	i->next_port = (uint32_t)pico_now(); /* somewhere */
	lock_init(&i->held_lock, LOCK_IPC);
	list_init(&i->held);
	timer_init(&i->held_timer, TIMER_TCP, NULL);
	lock_init(&i->raw_lock, LOCK_IPC);
	list_init(&i->raw);
	lock_init(&i->joined_lock, LOCK_IPC);
	list_init(&i->joined);
	for (uint32_t b = 0; b < INET_BUCKETS; b++) {
		lock_init(&i->bucket[b].lock, LOCK_IPC);
		list_init(&i->bucket[b].bound);
		list_init(&i->bucket[b].conns);
	}
	if (__atomic_compare_exchange_n(root, &none, (void *)i, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return i;
	arena_free(i);
	return none;
}

static struct inet_bucket *bucket_of(uint16_t port)
{
	return &inet_state()->bucket[port % INET_BUCKETS];
}

/* ---- Conflicts ---- */

/* Does a socket of b's sort with that address take what comes to `to`?  0: no; more: the better. */
static uint32_t takes(const struct sock *b, const struct inet_addr *to)
{
	const struct inet_addr *own = &b->addr.in.addr;

	if (inet_same(own, to))
		return 4;
	if (!inet_is_any(own))
		return 0;
	if (inet_is4(own))
		return inet_is4(to) ? 2 : 0;
	if (inet_is4(to))
		return inet_opt(b, OPT_V6ONLY) ? 0 : 1;
	return 2;
}

static bool same_port(const struct sock *a, const struct sock *b)
{
	return a != b && a->inet->protocol == b->inet->protocol && a->net == b->net && a->addr.in.port == b->addr.in.port;
}

static bool overlap(const struct sock *a, const struct sock *b)
{
	return takes(a, &b->addr.in.addr) != 0 || takes(b, &a->addr.in.addr) != 0;
}

static bool may_share(const struct sock *a, const struct sock *b)
{
	if (a->inet->reuseport && b->inet->reuseport && a->inet->uid == b->inet->uid)
		return true;
	return a->reuse && b->reuse && (a->kind == SK_UDP || (a->state != SOCK_LISTENING && b->state != SOCK_LISTENING));
}

static bool conflicts_in(const struct list *l, const struct sock *s, bool share)
{
	LIST_FOR(b, l, struct sock, name_link)
		if (same_port(s, b) && overlap(s, b) && !(share && may_share(s, b)))
			return true;
	return false;
}

static bool conflict(const struct inet_bucket *b, const struct sock *s, bool share)
{
	return conflicts_in(&b->bound, s, share) || conflicts_in(&b->conns, s, share);
}

/* ---- Taking a port ---- */

/* From here to name_settle nobody else names it. */
static long name_begin(struct sock *s, const struct inet_name *n)
{
	long err = 0;

	lock_take(&s->lock);
	if (s->addr.len != 0 || s->inet->naming || (n != NULL && s->state != SOCK_OPEN)) {
		err = -EINVAL;
	} else {
		s->inet->naming = true;
		if (n != NULL)
			s->addr.in = *n;
		else if (s->family == AF_INET)
			s->addr.in.addr = any4;
	}
	lock_drop(&s->lock);
	return err;
}

static long name_settle(struct sock *s, long err, bool auto_port)
{
	lock_take(&s->lock);
	s->inet->naming = false;
	s->inet->auto_port = auto_port;
	s->addr.len = err == 0 ? sizeof s->addr.in : 0;
	if (err != 0)
		s->addr.in = (struct inet_name){ 0 };
	lock_drop(&s->lock);
	return err;
}

static long take_port(struct sock *s, uint16_t port, bool share)
{
	struct inet_bucket *b = bucket_of(port);
	bool taken;

	lock_take(&b->lock);
	s->addr.in.port = port;
	taken = conflict(b, s, share);
	if (!taken)
		list_append(&b->bound, &s->name_link);
	lock_drop(&b->lock);
	return taken ? -EADDRINUSE : 0;
}

static long take_any_port(struct sock *s)
{
	uint32_t range = EPHEMERAL_HIGH - EPHEMERAL_LOW + 1;

	for (uint32_t i = 0; i < range; i++) {
		uint32_t n = atomic_fetch_add_explicit(&inet_state()->next_port, 1, memory_order_relaxed);

		if (take_port(s, (uint16_t)(EPHEMERAL_LOW + n % range), false) == 0)
			return 0;
	}
	return -EADDRINUSE;
}

static long may_bind(struct lx_thread *t, const struct sock *s, const struct inet_name *n)
{
	bool multicast = s->kind == SK_UDP && (inet_is_multicast(&n->addr) || (inet_is4(&n->addr) && n->addr.b[12] == 255));

	if (n->plain4 || (s->family == AF_INET6 && inet_is4(&n->addr) && inet_opt(s, OPT_V6ONLY)))
		return -EINVAL;
	if (!inet_is_any(&n->addr) && !inet_is_local(&n->addr) && !outside_is_own(s->net, &n->addr) && !multicast && !inet_opt(s, OPT_FREEBIND) && !inet_opt(s, OPT_TRANSPARENT))
		return -EADDRNOTAVAIL;
	if (n->port != 0 && n->port < PRIVILEGED && !ns_capable(t, ns_of(t, NS_NET)->user, CAP_NET_BIND_SERVICE))
		return -EACCES;
	return s->kind == SK_TCP ? landlock_port(t, n->port, LL_NET_BIND) : 0;
}

long inet_bind(struct lx_thread *t, struct sock *s, const struct sock_name *a)
{
	long err = may_bind(t, s, &a->in);

	if (err == 0)
		err = name_begin(s, &a->in);
	if (err != 0)
		return err;
	return name_settle(s, a->in.port != 0 ? take_port(s, a->in.port, true) : take_any_port(s), a->in.port == 0);
}

long inet_autobind(struct sock *s)
{
	if (LIKELY(s->addr.len != 0) || name_begin(s, NULL) != 0)
		return 0; /* it has one, or gets one just now */
	return name_settle(s, take_any_port(s), true);
}

void inet_child_named(struct sock *child)
{
	struct inet_bucket *b = bucket_of(child->addr.in.port);

	lock_take(&b->lock);
	list_append(&b->conns, &child->name_link);
	lock_drop(&b->lock);
}

void inet_unname(struct sock *s)
{
	struct inet_bucket *b = bucket_of(s->addr.in.port);

	if (s->addr.len == 0)
		return;
	lock_take(&b->lock);
	list_remove(&s->name_link);
	lock_drop(&b->lock);
}

void inet_settle_source(struct sock *s, const struct inet_name *to)
{
	lock_take(&s->lock);
	if (inet_is_any(&s->addr.in.addr)) {
		s->addr.in.addr = inet_source(&to->addr);
		s->inet->auto_addr = true;
	}
	lock_drop(&s->lock);
}

void inet_unbind(struct sock *s)
{
	inet_unname(s);
	lock_take(&s->lock);
	s->inet->auto_port = false;
	s->addr = (struct sock_name){ 0 };
	lock_drop(&s->lock);
}

void inet_forget_source(struct sock *s)
{
	bool port;

	lock_take(&s->lock);
	port = s->inet->auto_port;
	if (s->inet->auto_addr && !port)
		s->addr.in.addr = s->family == AF_INET ? any4 : (struct inet_addr){ 0 };
	s->inet->auto_addr = false;
	lock_drop(&s->lock);
	if (!port)
		return;
	inet_unbind(s);
}

long inet_may_listen(struct sock *s)
{
	struct inet_bucket *b = bucket_of(s->addr.in.port);
	bool taken = false;

	lock_take(&b->lock);
	LIST_FOR(o, &b->bound, struct sock, name_link)
		taken = taken || (o->state == SOCK_LISTENING && same_port(s, o) && overlap(s, o) &&
			!(s->inet->reuseport && o->inet->reuseport && s->inet->uid == o->inet->uid));
	lock_drop(&b->lock);
	return taken ? -EADDRINUSE : 0;
}

/* ---- Finding ---- */

static bool from_matches(const struct sock *b, const struct inet_name *from)
{
	return from != NULL && inet_same(&b->inet->remote.addr, &from->addr) && b->inet->remote.port == from->port;
}

/* How well b fits; 0: not at all. */
static uint32_t score(const struct sock *b, const struct sock *s, const struct inet_name *to, const struct inet_name *from)
{
	uint32_t n;

	if (b->inet->protocol != s->inet->protocol || b->net != s->net || b->addr.in.port != to->port)
		return 0;
	if (b->kind == SK_TCP ? b->state != SOCK_LISTENING : b->state == SOCK_DEAD)
		return 0;
	n = takes(b, &to->addr);
	if (n == 0 || b->kind == SK_TCP || b->state != SOCK_CONNECTED)
		return n;
	return from_matches(b, from) ? n + 8 : 0;
}

struct sock *inet_find(const struct sock *s, const struct inet_name *to, const struct inet_name *from)
{
	struct inet_bucket *bucket = bucket_of(to->port);
	struct sock *best = NULL;
	uint32_t best_score = 0, alike = 0;

	lock_take(&bucket->lock);
	LIST_FOR(b, &bucket->bound, struct sock, name_link) {
		uint32_t n = score(b, s, to, from);

		if (n == 0 || n < best_score)
			continue;
		alike = n == best_score ? alike + 1 : 1;
		/* Of those that share a port by SO_REUSEPORT each gets its part; of others the last one has it. */
		if (n == best_score && b->inet->reuseport && atomic_fetch_add_explicit(&inet_state()->turn, 0x9e3779b1u, memory_order_relaxed) % alike != 0)
			continue;
		best = b;
		best_score = n;
	}
	if (best != NULL && !ref_get_live(&best->ref))
		best = NULL;
	lock_drop(&bucket->lock);
	return best;
}

uint32_t inet_find_all(const struct sock *s, const struct inet_name *to, const struct inet_name *from, struct sock **out, uint32_t room)
{
	struct inet_bucket *bucket = bucket_of(to->port);
	uint32_t n = 0;

	lock_take(&bucket->lock);
	LIST_FOR(b, &bucket->bound, struct sock, name_link) {
		if (score(b, s, to, from) == 0)
			continue;
		if (n < room && ref_get_live(&b->ref))
			out[n++] = b;
		else if (n >= room)
			n++;
	}
	lock_drop(&bucket->lock);
	return n;
}

void inet_each(enum sock_kind kind, int family, uint32_t net, void (*fn)(void *arg, const struct sock *s), void *arg)
{
	struct inet_state *i = __atomic_load_n((struct inet_state **)&lx_state()->inet_sockets, __ATOMIC_ACQUIRE);

	for (uint32_t n = 0; i != NULL && n < INET_BUCKETS; n++) {
		struct inet_bucket *b = &i->bucket[n];

		lock_take(&b->lock);
		LIST_FOR(s, &b->bound, struct sock, name_link)
			if (s->kind == kind && s->family == family && s->net == net)
				fn(arg, s);
		LIST_FOR(s, &b->conns, struct sock, name_link)
			if (s->kind == kind && s->family == family && s->net == net)
				fn(arg, s);
		lock_drop(&b->lock);
	}
}
