/* SPDX-License-Identifier: MIT */
/*
 * linux/net/outside.h - sockets of AF_INET and AF_INET6 that reach beyond the sandbox: what is granted, and host streams (abi/net.h)
 * behind sockets.  docs/design/16-net.md has the picture.
 *
 * sock.host is the stream of a connection or of a UDP socket, sock.inet->outside the rest that such a socket needs.  Both are
 * there only once the socket has gone out.  Locks: stream calls are made with none held.
 */
#ifndef LINUX_NET_OUTSIDE_H
#define LINUX_NET_OUTSIDE_H

#include "abi/net.h"
#include "linux/fs/poll.h"
#include "linux/net/inet.h"

#define OUTSIDE_LISTEN  4u  /* places of the host that one listener's connections come from */
#define OUTSIDE_PUBLISH 64u
#define OUTSIDE_ADDRS   8u

/* What was granted: lx_state()->outside, made at the boot, or NULL.  Immutable but for what says otherwise. */
struct outside {
	enum { OUTSIDE_PUBLISHED, OUTSIDE_RULES, OUTSIDE_HOST } reach;
	uint64_t net;        /* the network namespace that has it: the first */
	bool dns;
	bool loopback;       /* the host's loopback may be reached */
	uint32_t npublish, naddrs;
	struct publication {
		uint16_t port; /* the sandbox's */
		bool udp;
	} publish[OUTSIDE_PUBLISH]; /* by number, as the monitor counts */
	struct outside_addr {
		struct inet_addr addr;
		uint32_t bits;
	} addrs[OUTSIDE_ADDRS];     /* of eth0 */
	struct resolver *resolver;  /* [a] resolver.c's; made by the first question */
};

/* What a socket that goes out needs beside its stream. */
struct outside_sock {
	bool dialing;        /* [S] a connect is under way */
	struct dk_inet own;  /* [S] from where, as the host has it; family 0: to be asked for */
	dk_handle listen[OUTSIDE_LISTEN]; /* [S] a listener's; all of a UDP socket's */
	uint32_t nlisten;    /* [S] */
	struct inet_name to[OUTSIDE_LISTEN]; /* [S] UDP: that one's only peer; port 0: whoever */
	uint32_t turn;       /* UDP: whose place the next peer takes when there is no room */
	uint64_t set;        /* [S] options that the guest has set, by enum dk_socket_option */
	int value[DK_SO_COUNT];
};

/* ---- outside_conf.c ---- */

const struct outside *outside_conf(uint64_t net); /* of that network namespace; NULL: nothing is granted */
/* Is that an address of eth0's?  Its owner reaches itself by it, as by lo's. */
bool outside_is_own(uint64_t net, const struct inet_addr *a);
/* May that be tried beyond the sandbox? */
bool outside_may(uint64_t net, const struct inet_addr *to);
/* An address of lo or our own: may it be the host's when nobody within has the port? */
bool outside_falls(uint64_t net, const struct inet_addr *to);
/* A name as the guest is to see it.  host: a peer, or the local name that goes with it when port is the guest's own (0: the host's). */
struct inet_name outside_peer(const struct outside *o, const struct sock *s, const struct dk_inet *host);
struct inet_name outside_local(const struct outside *o, const struct sock *s, const struct dk_inet *host, uint16_t port);
struct inet_addr outside_eth0(const struct outside *o, const struct sock *s, bool four); /* its address that s can show; 0 if it has none */
/* outside_peer's reverse: where a datagram to that name goes. */
struct dk_inet outside_place(const struct outside *o, const struct inet_name *n);

/* ---- outside_text.c: addresses as URIs and settings have them ---- */

#define INET_TEXT_MAX 56u /* "[x:x:x:x:x:x:x:x%4294967295]:65535" and its NUL */
/* "1.2.3.4:80" or "[::1]:80". */
void inet_text_out(char out[INET_TEXT_MAX], const struct inet_addr *a, uint32_t scope, uint16_t port);
void inet_text_addr(char out[INET_TEXT_MAX], const struct inet_addr *a); /* without a port or brackets */
/* The address that size bytes of text are, brackets allowed. */
bool inet_text_in(const char *text, size_t size, struct inet_addr *a);

/* ---- outside.c: a socket's streams ---- */

/* The rest, made if it is not there; NULL: no memory. */
struct outside_sock *outside_sock(struct sock *s);
/* A stream by URI, whose settings each begin with '&': 0 or -errno.  own, if not NULL, becomes its own name; family 0: not known. */
long outside_open(char *uri, dk_handle *stream, struct dk_inet *own);
/* One more beside its queue; takes it over.  False: no room, or it has died. */
bool outside_add(struct sock *s, dk_handle stream, const struct inet_name *to);
/* Its stream from now on.  False: it has one already, and this one was closed.  Whoever waits for the socket hears of it. */
bool outside_attach(struct sock *s, dk_handle stream);
void outside_close(struct sock *s);        /* its streams go; SO_LINGER's time is waited for */
void outside_drop(struct sock *s);         /* the same at once: it is not connected any more */
uint32_t outside_ready(dk_handle stream);  /* DK_READY bits that hold now */
/* Sleeps until the stream or the socket's queue has something to tell: 0, -ERESTARTSYS, -ETIMEDOUT.  The queue is looked at by
   there(s) once the sleeper is in it. */
long outside_sleep(struct sock *s, const dk_handle *streams, uint32_t count, enum dk_stream_event which, bool (*there)(const struct sock *s), uint64_t deadline);
uint32_t outside_poll(struct sock *s, struct poll_table *p); /* of a socket that has a stream */
void outside_poll_listener(struct sock *s, struct poll_table *p, uint32_t *mask);

/* ---- outside_tcp.c ---- */

/* As struct sock_ops has them, of a socket that goes out or may. */
long outside_connect(struct lx_thread *t, struct sock *s, const struct inet_name *to, bool nonblock);
/* What has become of a connect that is under way: 1 nothing yet, 0 it is connected or there was none, -errno. */
long outside_settle(struct sock *s);
/* Waits for the end of a connect: 0, -EINPROGRESS (SO_SNDTIMEO is over), -errno. */
long outside_wait_dial(struct sock *s);
long outside_shutdown(struct sock *s, uint32_t how);
/* What was published of its port, or with --net host the port itself, comes to it.  0, -EADDRINUSE, ... */
long outside_listen(struct lx_thread *t, struct sock *s, int backlog);
/* Connections that wait outside become children in its queue: how many. */
uint32_t outside_accept(struct sock *s);
bool outside_listens(const struct sock *s);

/* ---- outside_bytes.c ---- */

/* As struct sock_ops has them. */
long outside_send(struct sock *s, struct xfer *x);
long outside_recv(struct sock *s, struct xfer *x);

/* ---- outside_udp.c ---- */

long outside_udp_bind(struct lx_thread *t, struct sock *s, const struct sock_name *a); /* struct sock_ops's */
/* It has a peer now, which is not within: 0 or -errno. */
long outside_udp_connect(struct sock *s, const struct inet_name *to);
/* Does a datagram to there leave by a stream that there is? */
bool outside_udp_goes(const struct sock *s, const struct inet_name *to);
long outside_udp_send(struct sock *s, const struct inet_name *to, const struct xfer *x);
long outside_udp_recv(struct lx_thread *t, struct sock *s, struct xfer *x); /* from both sides */

/* ---- outside_opt.c ---- */

/* The guest has set an option: remembered for a stream to come, told to the one there is. */
void outside_set_option(struct sock *s, int level, int name, struct gva value, int len);
/* getsockopt of what the host knows better, of a socket that has a stream.  False: it does not. */
bool outside_getopt(struct sock *s, int level, int name, struct gva value, struct gva len, long *err);
/* Those that were set, as the end of an URI: "&nodelay=1...". */
void outside_options_text(const struct sock *s, char *out, size_t size);
uint64_t outside_number(struct sock *s, uint32_t class); /* DK_ATTR_AVAILABLE, DK_ATTR_SOCKET_UNSENT; 0 if it cannot be known */

#endif
