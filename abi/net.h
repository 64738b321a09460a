/* SPDX-License-Identifier: MIT */
/*
 * abi/net.h - streams that lead to the network outside: what is said in their URIs, records and attributes.
 *
 * Freestanding.  All of it is there only as far as a network was granted (the settings net=, net_publish= and net_dns=
 * of abi/monitor.h say so); without, an open of such a URI says NET_UNREACHABLE.
 *
 *   tcp.client:ADDR:PORT[?bind=ADDR:PORT&reuseport=1&OPTION=N...]
 *	A connection.  The open never waits for the peer: the stream comes at once, its WRITE event is set when the connect
 *	has ended, and DK_ATTR_SOCKET_ERROR says how.  What the host refuses at once is the open's status.
 *   tcp.server:ADDR:PORT[?backlog=N&v6only=1&reuseport=1&publish=I&OPTION=N...]
 *	A socket bound to ADDR:PORT, PORT 0 = any (DK_ATTR_SOCKET_NAME says which).  With backlog it listens; without,
 *	setting DK_ATTR_SOCKET_LISTEN makes it, later.  Its ACCEPT event is set while connections wait; a read gives them
 *	(struct dk_accepted), as many as wait and there is room for, AGAIN if none; that is the only read, and it
 *	never waits whatever the flags.  Without --net host only what -p published can be had: publish=I is the
 *	number of the net_publish record, ADDR is not looked at and PORT must be the record's inner one.
 *	The published socket is the same each time it is opened.
 *   udp:ADDR:PORT[?v6only=1&reuseport=1&publish=I&OPTION=N...]
 *	A bound socket without a peer: DK_IO_PEER in each read and write.
 *   udp.client:ADDR:PORT[?bind=ADDR:PORT&reuseport=1&OPTION=N...]
 *	A socket with a peer.  Reads may have DK_IO_PEER, which tells a datagram's true length.
 *   dns:NAME?type=TYPE
 *	A question to the host's resolvers: TYPE a, aaaa, ptr (NAME is an address then), cname, mx, txt, srv, ns, soa or a number.
 *	The stream comes at once; its READ event is set when the answer is there: text of lines "WHAT TTL REST", at its end
 *	reads give 0.  The first line is "rcode TTL N", N as RFC 1035 has it (0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED: the
 *	sandbox's rules do not allow the name) and TTL how long that may be remembered; then one line a record of the
 *	answer, in its order: "a TTL ADDRESS", "aaaa TTL ADDRESS", "cname TTL NAME", "ptr TTL NAME", other types
 *	"NUMBER TTL HEX" with names in the data written out in full, as in a message without compression.
 *
 * With DK_OPTION_INLINE and room for it an open's inline data is the socket's own name (struct dk_inet), as DK_ATTR_SOCKET_NAME
 * would tell.  Of a connection NODELAY, QUICKACK and KEEPALIVE are set, and its WRITE side is shut, without a trip.
 *
 * ADDR is 1.2.3.4 or [IPV6], [IPV6%N] with the number of an interface.  Addresses only: names go through dns:.
 * OPTION is the name of an option below in small letters (nodelay=1), set before the socket is bound or connected.
 *
 * What the sandbox's rules refuse says DENIED (and the sandbox's log says what and why).  Others: NET_UNREACHABLE,
 * HOST_UNREACHABLE, REFUSED, RESET, ADDRESS_IN_USE, ADDRESS_NOT_THERE, TIMEOUT, NOT_CONNECTED, MESSAGE_SIZE.
 */
#ifndef ABI_NET_H
#define ABI_NET_H

#include "abi/dk_types.h"

/* An address and a port.  IPv4 is ::ffff:a.b.c.d, whatever the socket is. */
struct dk_inet {
	uint8_t addr[16];
	uint32_t scope;  /* interface of a link-local address, 0 = none */
	uint16_t port;   /* as a number */
	uint16_t family; /* 4 or 6: of the socket; 0 = there is no address */
};

/* What a read of a tcp.server stream gives.  Whoever reads owns the streams. */
struct dk_accepted {
	uint64_t stream;        /* dk_handle.  From the monitor: its number */
	struct dk_inet peer, local; /* local: as a client sees it; of a published port it is the host's */
};
#define DK_ACCEPTED_MAX 16u /* in one read */

/*
 * DK_IO_PEER: the first segment is this record, the datagram is in the others, and *done counts both.
 * A read fills it in; a write is told where to.  A write to where no datagram may go says DENIED.
 */
struct dk_datagram {
	struct dk_inet peer;  /* who sent it; where it goes */
	uint32_t size;        /* read: how long it was, which may be more than there was room for */
	uint32_t flags;       /* 0 */
};

/*
 * DK_ATTR_NET_COUNTS of "net:": what the whole sandbox has received and sent so far, open connections too.  Datagrams that go straight
 * between picoprocess and socket are not in it.
 */
struct dk_net_counts {
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
};

/*
 * Options that a socket has in the host: name, Linux's level and number, bytes.  The others are kept by the library OS.
 * DK_ATTR_OPTION(DK_SO_NODELAY) is the attribute's class, its value what Linux has.  LINGER: only a time of
 * 0 (RST) is the host's business; who wants to linger longer waits for DK_ATTR_SOCKET_UNSENT to be 0.
 * size 0: any, up to 256.  r, w: may be read, set.
 */
#define DK_SOCKET_OPTIONS(X)                                                                        \
	X(KEEPALIVE, 1, 9, 4, "rw") X(LINGER, 1, 13, 8, "rw") X(SNDBUF, 1, 7, 4, "rw") X(RCVBUF, 1, 8, 4, "rw") \
	X(RCVLOWAT, 1, 18, 4, "rw") X(OOBINLINE, 1, 10, 4, "rw") X(PRIORITY, 1, 12, 4, "rw")           \
	X(REUSEADDR, 1, 2, 4, "rw") X(BROADCAST, 1, 6, 4, "rw") X(DONTROUTE, 1, 5, 4, "rw")            \
	X(INCOMING_CPU, 1, 49, 4, "r") X(ACCEPTCONN, 1, 30, 4, "r")                                    \
	X(NODELAY, 6, 1, 4, "rw") X(MAXSEG, 6, 2, 4, "rw") X(CORK, 6, 3, 4, "rw") X(KEEPIDLE, 6, 4, 4, "rw") \
	X(KEEPINTVL, 6, 5, 4, "rw") X(KEEPCNT, 6, 6, 4, "rw") X(SYNCNT, 6, 7, 4, "rw") X(LINGER2, 6, 8, 4, "rw") \
	X(DEFER_ACCEPT, 6, 9, 4, "rw") X(WINDOW_CLAMP, 6, 10, 4, "rw") X(INFO, 6, 11, 0, "r")          \
	X(QUICKACK, 6, 12, 4, "rw") X(CONGESTION, 6, 13, 0, "rw") X(USER_TIMEOUT, 6, 18, 4, "rw")      \
	X(NOTSENT_LOWAT, 6, 25, 4, "rw")                                                               \
	X(TOS, 0, 1, 4, "rw") X(TTL, 0, 2, 4, "rw") X(MTU_DISCOVER, 0, 10, 4, "rw") X(RECVERR, 0, 11, 4, "rw") X(MTU, 0, 14, 4, "r") \
	X(TCLASS, 41, 67, 4, "rw") X(HOPLIMIT, 41, 16, 4, "rw") X(V6ONLY, 41, 26, 4, "r") X(MTU_DISCOVER6, 41, 23, 4, "rw") \
	X(MTU6, 41, 24, 4, "r")

enum dk_socket_option {
#define X(name, level, number, size, may) DK_SO_##name,
	DK_SOCKET_OPTIONS(X)
#undef X
	DK_SO_COUNT
};
#define DK_ATTR_OPTION(option)       ((uint32_t)DK_ATTR_SOCKET_OPTION | ((uint32_t)(option) << 8))
#define DK_ATTR_OPTION_OF(class)     ((class) >> 8)
#define DK_ATTR_CLASS_OF(class)      ((class) & 0xff)
#define DK_SOCKET_OPTION_SIZE 256u

/*
 * "waitset:" is a set of streams that are waited for together, for who has thousands.  Setting DK_ATTR_MEMBERS adds, changes
 * (events) and removes (0) members; the set's READ event is set while a member has something to tell; a read (AGAIN if nothing, it
 * never waits) or DkStreamWaitReady gives struct dk_ready of each (up to 64 at once), and costs what is told, not what is in the set.
 * ACCEPT is told as READ and ACCEPT.
 *
 * The set is shared like every stream, but a member is known by the picoprocess that put it in, and its copies: from another one
 * a change (CHANGE) or removal says NOT_FOUND, adding makes a second member, and what was there goes on telling as long as
 * its stream is open anywhere.  A cookie should therefore say of what time it is.  A member is to be removed before its stream is
 * closed for good.
 */
#define DK_READY(event) (1u << (event)) /* of enum dk_stream_event */
#define DK_READY_ERROR  0x100u          /* told unasked, as is HANGUP of both sides: DK_READY_CLOSED */
#define DK_READY_CLOSED 0x200u
#define DK_MEMBER_EDGE  0x10000u        /* tell each change once, not as long as it lasts */
#define DK_MEMBER_ONCE  0x20000u        /* tell once, then nothing until the member is set again */
#define DK_MEMBER_CHANGE 0x40000u       /* it is there already, and tells again what it has told: NOT_FOUND else */
#define DK_MEMBER_EXCLUSIVE 0x80000u    /* of the sets that have it so only one (or more) is told; it cannot be changed */
struct dk_member {
	uint64_t cookie;
	dk_handle stream;
	uint32_t events; /* DK_READY() | DK_MEMBER_*; 0: removed */
};
struct dk_ready {
	uint64_t cookie;
	uint32_t events; /* DK_READY* */
	uint32_t pad;
};
#endif
