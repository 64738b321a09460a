/* SPDX-License-Identifier: MIT */
/* linux/net/inet_proc.c - /proc/net: proc(5). */
#include "linux/fs/procfs.h"
#include "linux/net/iface.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"

struct table {
	struct text *x;
	unsigned line;
};

/* Words of memory, as hex numbers of this machine. */
static void put_name(struct text *x, const struct sock *s, const struct inet_name *n)
{
	uint32_t words = s->family == AF_INET ? 1 : 4, w;

	for (uint32_t i = 0; i < words; i++) {
		memcpy(&w, n->addr.b + (s->family == AF_INET ? 12 : 4 * i), sizeof w);
		text_add(x, "%08X", w);
	}
	text_add(x, ":%04X", (unsigned)n->port);
}

static void put_sock(void *arg, const struct sock *s)
{
	struct table *tab = arg;
	bool tcp = s->kind == SK_TCP;
	unsigned unread = tcp ? s->state == SOCK_LISTENING ? s->nqueued : s->rx.used : s->packet_bytes;

	text_add(tab->x, tcp ? "%4u: " : "%5u: ", tab->line++);
	put_name(tab->x, s, &s->addr.in);
	text_add(tab->x, " ");
	put_name(tab->x, s, &s->inet->remote);
	text_add(tab->x, " %02X %08X:%08X 00:00000000 00000000 %5u        0 %lu %u 0000000000000000", (unsigned)inet_state_number(s), 0u, unread,
		(unsigned)uid_out(lx_current(), s->inet->uid), (unsigned long)s->ino, tcp ? 1u : 2u);
	if (tcp)
		text_add(tab->x, s->state == SOCK_LISTENING ? " 100 0 0 10 0\n" : " 20 4 30 10 -1\n");
	else
		text_add(tab->x, " %lu\n", (unsigned long)s->inet->drops);
}

static void show(struct text *x, enum sock_kind kind, int family)
{
	struct table tab = { x, 0 };

	text_add(x, family == AF_INET ? "%s  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%s\n" :
		"%s  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%s\n",
		kind == SK_UDP ? " " : "", kind == SK_UDP ? " ref pointer drops" : "");
	inet_each(kind, family, ns_of(lx_current(), NS_NET)->ino, put_sock, &tab);
}

SHOW(tcp)
{
	show(x, SK_TCP, AF_INET);
}

SHOW(tcp6)
{
	show(x, SK_TCP, AF_INET6);
}

SHOW(udp)
{
	show(x, SK_UDP, AF_INET);
}

SHOW(udp6)
{
	show(x, SK_UDP, AF_INET6);
}

SHOW(if_inet6)
{
	struct lx_thread *t = lx_current();
	struct outside_addr a;
	struct iface i;

	for (uint32_t n = 0; iface_get(t, n, &i); n++) {
		for (uint32_t k = 0; iface_addr(t, &i, k, &a); k++) {
			if (inet_is4(&a.addr))
				continue;
			for (uint32_t b = 0; b < 16; b++)
				text_add(x, "%02x", a.addr.b[b]);
			text_add(x, " %02x %02x %02x 80 %8s\n", i.index, a.bits, i.index == LO_INDEX ? 0x10u : 0u, i.name);
		}
	}
}

SHOW(net_dev)
{
	struct dk_net_counts sum;
	uint64_t done;
	struct iface i;

	text_add(x, "Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n");
	for (uint32_t n = 0; iface_get(lx_current(), n, &i); n++) {
		if (i.index == LO_INDEX || DkStreamAttributesQuery("net:", DK_ATTR_NET_COUNTS, &sum, sizeof sum, &done) != DK_OK)
			sum = (struct dk_net_counts){ 0 };
		text_add(x, "%6s: %7lu %7lu    0    0    0     0          0         0 %8lu %7lu    0    0    0     0       0          0\n", i.name, sum.bytes_in, sum.packets_in,
			sum.bytes_out, sum.packets_out);
	}
}

static uint32_t word4(const struct inet_addr *a)
{
	uint32_t w;

	memcpy(&w, a->b + 12, sizeof w);
	return w;
}

/* Routes of IPv4 that are not this host's own. */
SHOW(net_route)
{
	struct outside_addr a;
	struct iface i;

	text_add(x, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
	for (uint32_t n = 1; iface_get(lx_current(), n, &i); n++) {
		struct inet_addr net, gateway, mask = { { 0 } };

		if (!iface_addr4(lx_current(), &i, &a))
			continue;
		net = iface_network(&a);
		gateway = iface_gateway(&a);
		for (uint32_t bit = 0; bit < a.bits; bit++)
			mask.b[12 + bit / 8] |= (uint8_t)(0x80u >> bit % 8);
		text_add(x, "%s\t%08X\t%08X\t0003\t0\t0\t0\t%08X\t0\t0\t0\n", i.name, 0u, word4(&gateway), 0u);
		text_add(x, "%s\t%08X\t%08X\t0001\t0\t0\t0\t%08X\t0\t0\t0\n", i.name, word4(&net), 0u, word4(&mask));
	}
}

static void count(void *arg, const struct sock *s)
{
	++*(unsigned *)arg;
}

static unsigned how_many(enum sock_kind kind, int family)
{
	unsigned n = 0;

	inet_each(kind, family, ns_of(lx_current(), NS_NET)->ino, count, &n);
	return n;
}

SHOW(sockstat)
{
	unsigned tcp = how_many(SK_TCP, AF_INET), udp = how_many(SK_UDP, AF_INET), tcp6 = how_many(SK_TCP, AF_INET6);

	text_add(x, "sockets: used %u\nTCP: inuse %u orphan 0 tw 0 alloc %u mem 0\nUDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
		tcp + tcp6 + udp, tcp, tcp + tcp6, udp);
}

SHOW(sockstat6)
{
	text_add(x, "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n", how_many(SK_TCP, AF_INET6), how_many(SK_UDP, AF_INET6));
}

static void count_established(void *arg, const struct sock *s)
{
	*(unsigned *)arg += inet_state_number(s) == TCP_ESTABLISHED || inet_state_number(s) == TCP_CLOSE_WAIT;
}

/* No packets are counted here: of what Linux counts only the connections there are. */
SHOW(snmp)
{
	static const char udp[] = "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors";
	uint32_t net = ns_of(lx_current(), NS_NET)->ino;
	unsigned n = 0;

	inet_each(SK_TCP, AF_INET, net, count_established, &n);
	inet_each(SK_TCP, AF_INET6, net, count_established, &n);
	text_add(x, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes "
		"ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates\nIp: 2 64 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
		"Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
		"Tcp: 1 200 120000 -1 0 0 0 0 %u 0 0 0 0 0 0\n", n);
	text_add(x, "Udp: %s\nUdp: 0 0 0 0 0 0 0 0 0\nUdpLite: %s\nUdpLite: 0 0 0 0 0 0 0 0 0\n", udp, udp);
}

/* A NUL in an abstract name is an @. */
static void put_unix_name(struct text *x, const struct sock_name *a)
{
	uint32_t n = a->path[0] != '\0' && a->len > 0 ? (uint32_t)strnlen(a->path, MIN(a->len, (uint32_t)sizeof a->path)) : a->len;

	char name[UNIX_PATH_MAX + 1];

	n = MIN(n, (uint32_t)sizeof name - 1);
	memcpy(name, a->path, n);
	for (uint32_t i = 0; i < n; i++)
		name[i] = name[i] != '\0' ? name[i] : '@';
	name[n] = '\0';
	text_add(x, n > 0 ? " %s" : "%s", name);
}

SHOW(unix_sockets)
{
	struct unix_state *u = unix_state();
	uint32_t net = ns_of(lx_current(), NS_NET)->ino;

	text_add(x, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	if (u == NULL)
		return;
	lock_take(&u->files_lock);
	LIST_FOR(s, &u->files, struct sock, file_link) {
		if (s->net != net)
			continue;
		text_add(x, "0000000000000000: %08X 00000000 %08X %04X %02X %lu", 2u, s->state == SOCK_LISTENING ? 0x10000u : 0, s->type, s->state == SOCK_CONNECTED ? 3u : 1u,
			(unsigned long)s->ino);
		put_unix_name(x, &s->addr);
		text_add(x, "\n");
	}
	lock_drop(&u->files_lock);
}
