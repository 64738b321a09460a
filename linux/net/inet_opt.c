/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet_opt.c - making sockets of AF_INET and AF_INET6, and their options of the levels IP, IPv6, TCP and UDP.
 *
 * Most options speak of packets, and there are none: they are kept and shown (inet_opt.def).
 */
#include <linux/capability.h>

#include "linux/net/inet.h"
#include "linux/net/inet_mcast.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

#define TCP_SNDBUF 16384u
#define TCP_RCVBUF 131072u

#define OPT_BOOL      1u  /* any number but 0 is 1 */
#define OPT_USUAL     2u  /* -1 is the usual value */
#define OPT_BYTE      4u  /* may be given as one byte */
#define OPT_UNBOUND   8u  /* not once it has a name */
#define OPT_ADMIN     16u /* needs CAP_NET_ADMIN */
#define OPT_RAW       64u /* of raw sockets */
#define OPT_CONNECTED 32u /* can be read only, once it is connected */

static const struct option {
	int level, name, usual, low, high;
	uint32_t flags;
} options[INET_OPTS] = {
#define INET_OPT(id, level, name, usual, low, high, flags) [id] = { level, name, usual, low, high, flags },
#include "linux/net/inet_opt.def"
#undef INET_OPT
};

/* ---- New sockets ---- */

long inet_kind(struct lx_thread *t, int family, int type, int protocol)
{
	if (protocol < 0 || protocol >= 256)
		return -EINVAL;
	if (type == LX_SOCK_STREAM)
		return protocol == 0 || protocol == IPPROTO_TCP ? SK_TCP : -EPROTONOSUPPORT;
	if (type == LX_SOCK_DGRAM && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6))
		return -EACCES; /* as ping_group_range is where nobody changed it */
	if (type == LX_SOCK_DGRAM)
		return protocol == 0 || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ? SK_UDP : -EPROTONOSUPPORT;
	if (type == LX_SOCK_RAW && protocol != 0 && !ns_capable(t, ns_of(t, NS_NET)->user, CAP_NET_RAW))
		return -EPERM;
	return type != LX_SOCK_RAW ? -ESOCKTNOSUPPORT : protocol == 0 ? -EPROTONOSUPPORT : SK_RAW;
}

struct sock *inet_new(int family, enum sock_kind kind, uint32_t type, int protocol)
{
	struct sock *s = inet_state() != NULL ? sock_new(family, kind, type) : NULL;

	if (s == NULL)
		return NULL;
	s->inet = arena_alloc(sizeof *s->inet);
	if (s->inet == NULL) {
		sock_put(s);
		return NULL;
	}
	s->inet->protocol = protocol != 0 ? (uint32_t)protocol : kind == SK_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	s->inet->uid = lx_current()->cred.euid;
	list_init(&s->inet->errors);
	list_init(&s->inet->asking);
	list_init(&s->inet->groups);
	for (uint32_t i = 0; i < INET_OPTS; i++)
		s->inet->opt[i] = options[i].usual;
	if (kind == SK_RAW)
		raw_made(s);
	if (kind == SK_TCP) {
		s->sndbuf = TCP_SNDBUF;
		s->rcvbuf = TCP_RCVBUF;
	}
	return s;
}

/* ---- Options ---- */

static bool level_fits(const struct sock *s, int level)
{
	if (level == IPPROTO_RAW || level == IPPROTO_ICMPV6)
		return s->kind == SK_RAW && (level == IPPROTO_RAW || s->inet->protocol == IPPROTO_ICMPV6);
	if (level == IPPROTO_TCP || level == IPPROTO_UDP || level == IPPROTO_UDPLITE)
		return s->inet->protocol == (uint32_t)level;
	return level == IPPROTO_IP || (level == IPPROTO_IPV6 && s->family == AF_INET6);
}

static int find_option(const struct sock *s, int level, int name)
{
	for (int i = 0; i < INET_OPTS; i++)
		if (options[i].level == level && options[i].name == name && (s->kind == SK_RAW || !(options[i].flags & OPT_RAW)))
			return i;
	return -1;
}

/* A number of four bytes, or of one where that is allowed. */
static long number_in(const struct option *o, struct gva value, int len, int *n)
{
	uint8_t byte;

	if (len >= (int)sizeof *n)
		return copy_in(n, value, sizeof *n) != 0 ? -EFAULT : 0;
	if (len < 1 || !(o->level == IPPROTO_IP || (o->flags & OPT_BYTE)))
		return -EINVAL;
	if (copy_in(&byte, value, 1) != 0)
		return -EFAULT;
	*n = byte;
	return 0;
}

static long set_number(struct lx_thread *t, struct sock *s, int i, struct gva value, int len)
{
	const struct option *o = &options[i];
	int n;
	long err = number_in(o, value, len, &n);

	if (err != 0)
		return err;
	if (o->flags & OPT_CONNECTED)
		return -ENOPROTOOPT;
	if ((o->flags & OPT_UNBOUND) && s->addr.len != 0)
		return -EINVAL;
	if ((o->flags & OPT_ADMIN) && n != 0 && !ns_capable(t, ns_of(t, NS_NET)->user, CAP_NET_ADMIN))
		return -EPERM;
	if (o->flags & OPT_BOOL)
		n = n != 0;
	if ((o->flags & OPT_USUAL) && n == -1)
		n = o->usual;
	if (n < o->low || n > o->high)
		return -EINVAL;
	__atomic_store_n(&s->inet->opt[i], n, __ATOMIC_RELAXED);
	if (i == OPT_UDP_CORK && n == 0)
		cork_push(t, s);
	if ((i == OPT_CORK && n == 0) || (i == OPT_NODELAY && n != 0))
		tcp_push(s);
	return 0;
}

/* Algorithms go by name: of congestion control, which is only kept in mind, and of what lies above TCP (TCP_ULP), which there is none of. */
static long set_algorithm(int option, struct gva value, int len)
{
	char name[16] = "";

	if (len < 1)
		return -EINVAL;
	if (copy_in(name, value, MIN((uint64_t)len, sizeof name - 1)) != 0)
		return -EFAULT;
	return option == TCP_CONGESTION && (strcmp(name, "cubic") == 0 || strcmp(name, "reno") == 0) ? 0 : -ENOENT;
}

static bool is_mcast_if(int level, int name)
{
	return (level == IPPROTO_IP && name == IP_MULTICAST_IF) || (level == IPPROTO_IPV6 && name == IPV6_MULTICAST_IF);
}

/* A bit for each type.  Those of 128 to 159, the informational ones, are kept: there are no others here. */
static long set_filter6(struct sock *s, struct gva value, int len)
{
	uint32_t bits[8] = { 0 };

	if (copy_in(bits, value, MIN((uint64_t)len, sizeof bits)) != 0)
		return -EFAULT;
	__atomic_store_n(&s->inet->opt[OPT_ICMP6_FILTER], (int)bits[4], __ATOMIC_RELAXED);
	return 0;
}

/* A socket of IPv6 that speaks to IPv4 becomes one of IPv4. */
static long set_family(struct sock *s, struct gva value, int len)
{
	int family;
	long err = 0;

	if (len < (int)sizeof family)
		return -EINVAL;
	if (copy_in(&family, value, sizeof family) != 0)
		return -EFAULT;
	if (family != AF_INET)
		return -EINVAL;
	lock_take(&s->lock);
	if (s->state != SOCK_CONNECTED)
		err = -ENOTCONN;
	else if (inet_opt(s, OPT_V6ONLY) || !inet_is4(&s->inet->remote.addr))
		err = -EADDRNOTAVAIL;
	else
		s->family = AF_INET;
	lock_drop(&s->lock);
	return err;
}

long inet_setopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, int len)
{
	int i;

	if (!level_fits(s, level))
		return -ENOPROTOOPT;
	if (mcast_is_option(level, name))
		return mcast_setopt(s, level, name, value, len);
	if (is_mcast_if(level, name))
		return s->kind == SK_UDP ? mcast_set_iface(s, level, value, len) : -ENOPROTOOPT;
	if (level == IPPROTO_ICMPV6 && name == ICMP_FILTER_NAME)
		return set_filter6(s, value, len);
	if (level == IPPROTO_IPV6 && name == IPV6_ADDRFORM)
		return set_family(s, value, len);
	if (level == IPPROTO_TCP && (name == TCP_CONGESTION || name == TCP_ULP))
		return set_algorithm(name, value, len);
	i = find_option(s, level, name);
	return i >= 0 ? set_number(t, s, i, value, len) : -ENOPROTOOPT;
}

/* As tcp_info's and /proc/net/tcp's state. */
static uint32_t tcp_state(const struct sock *s)
{
	if (s->state == SOCK_LISTENING)
		return TCP_LISTEN;
	if (s->inet->asks != NULL)
		return TCP_SYN_SENT;
	if (s->state != SOCK_CONNECTED || tcp_is_over(s))
		return TCP_CLOSE;
	if (s->inet->fin)
		return TCP_CLOSE_WAIT;
	return (s->shut & SHUT_SEND) ? TCP_FIN_WAIT2 : TCP_ESTABLISHED;
}

uint32_t inet_state_number(const struct sock *s)
{
	return s->kind == SK_TCP ? tcp_state(s) : s->state == SOCK_CONNECTED ? TCP_ESTABLISHED : TCP_CLOSE;
}

void inet_tcp_info(const struct sock *s, struct tcp_info *info)
{
	bool listens = s->state == SOCK_LISTENING;

	*info = (struct tcp_info){ .tcpi_state = (uint8_t)tcp_state(s), .tcpi_rto = 201000, .tcpi_ato = 40000, .tcpi_snd_mss = 32768, .tcpi_rcv_mss = 536,
		.tcpi_pmtu = LO_MTU, .tcpi_rtt = 20, .tcpi_rttvar = 10, .tcpi_snd_ssthresh = INT32_MAX, .tcpi_snd_cwnd = 10, .tcpi_advmss = 65483,
		.tcpi_rcv_space = 65495, .tcpi_unacked = listens ? s->nqueued : 0, .tcpi_sacked = listens ? s->backlog : 0 };
}

static long get_info(struct sock *s, struct gva value, struct gva len, int room)
{
	struct tcp_info info;

	inet_tcp_info(s, &info);
	return sockopt_out(value, len, room, &info, sizeof info);
}

long inet_getopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, struct gva len)
{
	int i, n, room;

	if (copy_in(&room, len, sizeof room) != 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (!level_fits(s, level))
		return level == IPPROTO_IPV6 ? -ENOPROTOOPT : -EOPNOTSUPP;
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return get_info(s, value, len, room);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return sockopt_out(value, len, room, "cubic\0\0\0\0\0\0\0\0\0\0", 16);
	if (level == IPPROTO_TCP && name == TCP_ULP)
		return sockopt_out(value, len, room, "", 0);
	if (is_mcast_if(level, name))
		return mcast_get_iface(s, level, value, len, room);
	i = find_option(s, level, name);
	if (i < 0)
		return -ENOPROTOOPT;
	if ((options[i].flags & OPT_CONNECTED) && s->state != SOCK_CONNECTED)
		return -ENOTCONN;
	n = inet_opt(s, (enum inet_opt_id)i);
	if (i == OPT_MAXSEG && s->state == SOCK_CONNECTED)
		n = 65483;
	if (level == IPPROTO_IP && room > 0 && room < (int)sizeof n && n >= 0 && n <= 255)
		return sockopt_out(value, len, room, &(uint8_t){ (uint8_t)n }, 1);
	return sockopt_out(value, len, room, &n, sizeof n);
}
