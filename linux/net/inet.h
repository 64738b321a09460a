/* SPDX-License-Identifier: MIT */
/*
 * linux/net/inet.h - sockets of AF_INET and AF_INET6 within the sandbox.
 *
 * The sandbox has one interface, lo, with 127.0.0.0/8 and ::1.  What is sent to these goes straight into the receiving socket's
 * queue, as between unix sockets: no packets, no host.  Everything else is unreachable.
 *
 * Addresses are kept as 16 bytes whatever the family, IPv4 as ::ffff:a.b.c.d; so an AF_INET6 socket that is not IPV6_V6ONLY and an
 * AF_INET one find each other.
 *
 * Ports: each socket that has one is in a bucket by its port (sock.name_link), guarded by the bucket's lock, P: `bound` those
 * that were bound or took a port to connect or send, `conns` what accept gives, which share their listener's.
 * Letters: S = the socket's lock, P = its bucket's.  S is taken before P.
 */
#ifndef LINUX_NET_INET_H
#define LINUX_NET_INET_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "linux/misc/timer.h"
#include "linux/net/sock.h"

#define ICMP_FILTER_NAME 1 /* ICMP_FILTER of <linux/icmp.h>, ICMP6_FILTER of <linux/icmpv6.h> */
#ifndef UDPLITE_SEND_CSCOV
#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11
#endif

#define INET_BUCKETS 512u
#define EPHEMERAL_LOW  32768u
#define EPHEMERAL_HIGH 60999u

enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2, TCP_FIN_WAIT2 = 5, TCP_CLOSE = 7, TCP_CLOSE_WAIT = 8, TCP_LISTEN = 10 }; /* tcp_info.tcpi_state */

/* <linux/if.h> is libc's half. */
#define IFF_UP       1u
#define IFF_LOOPBACK 8u
#define IFF_RUNNING  0x40u
#define IFF_LOWER_UP 0x10000u
#define ARPHRD_LOOPBACK 772
#define LO_INDEX 1
#define LO_MTU   65536

enum inet_opt_id { /* inet_opt.c's table */
#define INET_OPT(id, level, name, usual, low, high, flags) id,
#include "linux/net/inet_opt.def"
#undef INET_OPT
	INET_OPTS
};

struct inet {
	struct inet_name remote;  /* [S] of a connected one */
	uint32_t uid;             /* [I] who made it */
	uint32_t protocol;        /* [I] IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_UDPLITE: UDP with ports of its own */
	bool reuseport;           /* [S] */
	bool naming;              /* [S] somebody is at giving it a port */
	bool auto_port, auto_addr; /* [S] it took its port itself, its address by connecting */
	bool asked;               /* [S] TCP: a connect that would not wait was told EINPROGRESS, and has not heard the end */
	struct sock *asks;        /* [S] TCP: its connect waits for room at this listener, a reference; inet_syn.c */
	struct list asking;       /* [S] of a listener: who asks, by accept_link, a reference each */
	bool held;                /* TCP: it is in inet_state->held, under its lock; inet_hold.c */
	bool fin;                 /* [S] TCP: the peer has ended its sending, so reads end, and errors do not show there */
	bool reset;               /* [S] TCP: the connection was broken off */
	enum { URGENT_NONE, URGENT_THERE, URGENT_READ } urgent; /* [S] TCP */
	uint8_t urgent_byte;
	uint64_t urgent_at;       /* [S] the mark: its place among all bytes ever received */
	struct list errors;       /* [S] UDP with IP_RECVERR: datagrams that found nobody, struct packet */
	uint32_t nerrors;
	uint64_t drops;           /* [S] UDP: datagrams that found no room */
	struct cork *cork;        /* [S] UDP: a datagram that is being made; inet_cork.c */
	struct list groups;       /* [S] multicast groups it is in; inet_mcast.c */
	uint32_t mcast_index;     /* [S] IP_MULTICAST_IF */
	uint8_t mcast_iface[4];   /* [S] the same, by address */
	int opt[INET_OPTS];       /* [a] */
	struct resolver_talk *talk; /* [S] TCP: with the name server, resolver_tcp.c */
	struct outside_sock *outside; /* [I] once it is there: what a socket that goes out of the sandbox needs */
};

/* lx_state()->inet_sockets */
struct inet_state {
	_Atomic uint32_t next_port, turn;
	LOCK(IPC) held_lock;
	struct list held;             /* inet_hold.c */
	struct lx_timer held_timer;
	LOCK(IPC) raw_lock;
	struct list raw;              /* inet_raw.c */
	LOCK(IPC) joined_lock;
	struct list joined;           /* multicast groups that somebody is in; inet_mcast.c */
	struct inet_bucket {
		LOCK(IPC) lock;
		struct list bound, conns; /* [P] struct sock by name_link */
	} bucket[INET_BUCKETS];
};
struct inet_state *inet_state(void); /* there once a socket is */

/* A TCP connection of which nothing is left. */
static inline bool tcp_is_over(const struct sock *s)
{
	return s->inet->reset || (s->inet->fin && (s->shut & SHUT_SEND));
}

/* s can do nothing any more; its lock is held. */
void tcp_was_reset(struct sock *s);
/* Makes the server's end of a connection from s and queues it at the listener l; waiting: if s still asks there.
   0, -EAGAIN: the queue is full, -ECONNREFUSED, -ENOMEM ... */
long tcp_join(struct lx_thread *t, struct sock *l, struct sock *s, bool waiting);
long tcp_send(struct lx_thread *t, struct sock *s, struct xfer *x);
long tcp_recv(struct lx_thread *t, struct sock *s, struct xfer *x);

/* enum sock_kind of a socket of that type and protocol, or -errno. */
long inet_kind(struct lx_thread *t, int family, int type, int protocol);
struct sock *inet_new(int family, enum sock_kind kind, uint32_t type, int protocol); /* NULL: no memory */
static inline int inet_opt(const struct sock *s, enum inet_opt_id id)
{
	return __atomic_load_n(&s->inet->opt[id], __ATOMIC_RELAXED);
}

/* ---- Addresses: inet_addr.c ---- */

bool inet_is4(const struct inet_addr *a);       /* of IPv4, 0.0.0.0 too */
bool inet_is_any(const struct inet_addr *a);    /* 0.0.0.0 or :: */
bool inet_is_local(const struct inet_addr *a);  /* lo's */
bool inet_is_multicast(const struct inet_addr *a);
static inline bool inet_same(const struct inet_addr *a, const struct inet_addr *b)
{
	return __builtin_memcmp(a, b, sizeof *a) == 0;
}
/* lo's own address of the family of to: where what is sent there comes from. */
struct inet_addr inet_source(const struct inet_addr *to);
/* Where a destination really is: the unspecified one means this host.  ROUTE_WITHIN, ROUTE_OUTSIDE, -ENETUNREACH. */
enum { ROUTE_WITHIN, ROUTE_OUTSIDE };
long inet_route(struct lx_thread *t, const struct sock *s, struct inet_name *to);
long inet_name_in(const struct sock *s, struct sock_name *a, struct gva from, int len);
long inet_name_out(const struct sock *s, const struct sock_name *a, struct gva to, struct gva len);
struct sock_name inet_sock_name(const struct inet_name *in);

/* ---- Ports: inet_port.c ---- */

long inet_bind(struct lx_thread *t, struct sock *s, const struct sock_name *a);
/* It gets a port if it has none. */
long inet_autobind(struct sock *s);
void inet_unname(struct sock *s);
void inet_unbind(struct sock *s); /* the same, and it may get another name */
/* It is called what a connection to `to` comes from, unless it was bound to an address; and no more. */
void inet_settle_source(struct sock *s, const struct inet_name *to);
void inet_forget_source(struct sock *s);
void inet_child_named(struct sock *child); /* it has its listener's port */
/* May it listen on its port?  0 or -EADDRINUSE. */
long inet_may_listen(struct sock *s);
/* The listener, or the receiver of a datagram from `from`, at that place, with a reference; NULL: none. */
struct sock *inet_find(const struct sock *s, const struct inet_name *to, const struct inet_name *from);
/* Sockets that what comes to a port of a multicast group may be for, with a reference each: at most `room` into out; how many
   there are. */
uint32_t inet_find_all(const struct sock *s, const struct inet_name *to, const struct inet_name *from, struct sock **out, uint32_t room);
/* Calls fn for each socket of a kind and family in net, with P held. */
void inet_each(enum sock_kind kind, int family, uint32_t net, void (*fn)(void *arg, const struct sock *s), void *arg);

/* ---- Connects to a full listener: inet_syn.c ---- */

/* s asks l for room from now on: 0, -EAGAIN (there is room), -ECONNREFUSED ... */
long syn_ask(struct sock *l, struct sock *s);
bool syn_forget(struct sock *s);   /* it gives up; false: it did not ask */
/* There may be room at l, or l is none any more: whoever asks gets it, or is refused. */
void syn_room(struct lx_thread *t, struct sock *l);
/* Until s asks no more: 0 (the error is in s), -EAGAIN (SO_SNDTIMEO), -ETIMEDOUT, -ERESTARTSYS. */
long syn_wait(struct sock *s);

/* ---- UDP's that raw sockets share: inet_udp.c ---- */

void raw_made(struct sock *s); /* a new raw socket hears from now on; inet_raw.c */
long udp_listen(struct lx_thread *t, struct sock *s, int backlog);
long udp_shutdown(struct sock *s, uint32_t how);
long udp_recv(struct lx_thread *t, struct sock *s, struct xfer *x);
void udp_peer_gone(struct sock *s, struct sock *peer, bool unread);
uint32_t udp_poll(const struct sock *s, uint32_t mask);
void udp_cmsg(const struct sock *s, const struct xfer *x, struct control *c);
long udp_cmsg_in(const struct sock *s, struct xfer *x, int level, int type, struct gva data, uint64_t size);
#define INET_DATAGRAM_OPS                                                                             \
	.name_in = inet_name_in, .name_out = inet_name_out, .peer_name = inet_peer_name, .listen = udp_listen, .shutdown = udp_shutdown, \
	.recv = udp_recv, .peer_gone = udp_peer_gone, .poll = udp_poll, .ioctl = inet_ioctl, .setopt = inet_setopt, .getopt = inet_getopt, \
	.cmsg = udp_cmsg, .cmsg_in = udp_cmsg_in

/* ---- Bytes that wait for more: inet_hold.c ---- */

/* s has appended that many bytes to to's ring, whose lock is held: do they wait?  If so call tcp_held without the lock. */
bool tcp_hold(const struct sock *s, struct sock *to, uint32_t sent, uint32_t flags);
void tcp_held(struct sock *to);
void tcp_show(struct sock *to); /* what waits at the receiver to is shown to it */
void tcp_push(struct sock *s);  /* what s sent and waits is shown */

/* ---- Datagrams of several sends: inet_cork.c ---- */

/* x's bytes are added; more: and wait, else the whole is sent.  Bytes of x, -EMSGSIZE ... */
long cork_send(struct lx_thread *t, struct sock *s, struct xfer *x, bool more);
void cork_push(struct lx_thread *t, struct sock *s); /* what waits is sent */
void cork_drop(struct sock *s);                      /* it is forgotten */
long udp_send_now(struct lx_thread *t, struct sock *s, struct xfer *x);

/* ---- inet_opt.c, inet_ioctl.c ---- */

long inet_setopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, int len);
long inet_getopt(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, struct gva len);
long inet_ioctl(struct lx_thread *t, struct sock *s, uint32_t cmd, uint64_t arg);
/* How many of n bytes from pos on may be read together: not across the mark of urgent data. */
static inline uint32_t urgent_limit(const struct sock *s, uint64_t pos, uint32_t n)
{
	return s->inet->urgent != URGENT_NONE && s->inet->urgent_at > pos && s->inet->urgent_at < pos + n ? (uint32_t)(s->inet->urgent_at - pos) : n;
}
bool sock_flag(const struct sock *s, int name); /* SO_OOBINLINE ..., sockopt.c */
uint32_t lo_flags(const struct lx_thread *t); /* IFF_UP ... of t's lo */
uint32_t lo_mtu(const struct lx_thread *t);
long lo_set_flags(struct lx_thread *t, uint32_t flags); /* 0 or -EPERM */
void inet_tcp_info(const struct sock *s, struct tcp_info *info);
uint32_t inet_state_number(const struct sock *s); /* as /proc/net shows it: TCP_ESTABLISHED ... */
void udp_within(struct sock *s, const struct inet_name *to, struct packet *p); /* p, which it takes over, goes where it is sent */
bool udp_deliver(struct sock *to, struct packet *p); /* p is queued at to; false: there was no room for it */
void inet_peer_name(struct sock *s, struct sock_name *a);
struct sock *tcp_child_of(const struct sock *listener, const struct inet_name *to); /* the server's end of a connection to `to`; NULL: no memory */
#endif
