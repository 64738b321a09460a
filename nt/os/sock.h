/* SPDX-License-Identifier: MIT */
/*
 * nt/os/sock.h - sockets of linux/net as NT's \Device\Afd sees them (nt/net/).
 *
 * One object serves both personalities: a Windows server and a Linux client meet in the same queues, and whatever linux/net can reach
 * (loopback in the arena, streams of the host) Windows programs reach too, since everything here goes through the socket's own
 * operations (struct sock_ops).
 *
 * Nothing here waits.  What would have to answers STATUS_DEVICE_NOT_READY, and a struct os_sockwatch tells when to try again.
 * Files are borrowed from the caller.  NTFILE may be held; no other lock of NT's.  Addresses are struct sockaddr_in and
 * sockaddr_in6 as Windows has them.  Memory to send from or receive to is the guest's, so these calls are for
 * threads of the process that asked.
 */
#ifndef NT_OS_SOCK_H
#define NT_OS_SOCK_H

#include "abi/dk_types.h"
#include "nt/types.h"
#include "rt/list.h"

struct file;
struct io_engine;
struct nt_process;

#define WS_AF_INET  2u
#define WS_AF_INET6 23u
enum os_sock_type { OS_SOCK_STREAM = 1, OS_SOCK_DGRAM = 2, OS_SOCK_RAW = 3 };

struct os_sockaddr {
	uint16_t family, port;    /* WS_AF_*; the port in network order */
	union {
		struct {
			uint8_t addr[4], zero[8];
		} v4;
		struct {
			uint32_t flow;
			uint8_t addr[16];
			uint32_t scope;
		} v6;
	};
};
#define OS_SOCKADDR4 16u
#define OS_SOCKADDR6 28u
_Static_assert(sizeof(struct os_sockaddr) == OS_SOCKADDR6, "sockaddr_in6");

/* Errnos of sockets as statuses, and as the numbers of WSAGetLastError. */
NTSTATUS os_sock_status(long err); /* negative */
uint32_t os_sock_wsa(int err);     /* positive */

/* Families, types and protocols are Windows'; type or protocol 0: the other says it.  *out has one reference. */
NTSTATUS os_sock_make(uint32_t family, uint32_t *type, uint32_t *protocol, struct file **out);
NTSTATUS os_sock_bind(struct file *f, const struct os_sockaddr *a, uint32_t size);
NTSTATUS os_sock_listen(struct file *f, int backlog);
/* STATUS_PENDING: under way; os_sock_poll says OUT when it is done, ERR or HUP if it failed, os_sock_error why.  size 0: undo it. */
NTSTATUS os_sock_connect(struct file *f, const struct os_sockaddr *a, uint32_t size);
NTSTATUS os_sock_accept(struct file *f, struct file **out);
#define OS_SHUT_RECEIVE 1u
#define OS_SHUT_SEND    2u
NTSTATUS os_sock_shutdown(struct file *f, uint32_t how);
/* Its own name, or its peer's; the size of it. */
NTSTATUS os_sock_name(struct file *f, bool peer, struct os_sockaddr *a, uint32_t *size);

/* One send or receive. */
struct os_sock_io {
	struct dk_segment *seg;   /* guest memory */
	uint32_t count;
	uint32_t flags;           /* OS_MSG_* */
	struct os_sockaddr addr;  /* datagrams: to whom, or from whom */
	uint32_t addr_size;       /* 0: none */
	bool kernel;              /* seg is the library OS's memory */
	bool truncated;           /* received: there was more of the datagram */
	/* Received datagrams: where it was sent to, and what its header said. */
	bool has_to;
	uint8_t to[16], ttl, tos; /* to: IPv4 in the first four bytes */
};
#define OS_MSG_OOB     1u
#define OS_MSG_PEEK    2u
#define OS_MSG_WAITALL 4u
NTSTATUS os_sock_send(struct file *f, struct os_sock_io *io, uint64_t *done);
NTSTATUS os_sock_recv(struct file *f, struct os_sock_io *io, uint64_t *done);
/* Bytes that a receive would give now. */
uint32_t os_sock_available(struct file *f);
bool os_sock_at_mark(struct file *f);

/* What poll(2) says. */
#define OS_SOCK_IN    0x0001u
#define OS_SOCK_PRI   0x0002u
#define OS_SOCK_OUT   0x0004u
#define OS_SOCK_ERR   0x0008u
#define OS_SOCK_HUP   0x0010u
#define OS_SOCK_RDHUP 0x2000u
uint32_t os_sock_poll(struct file *f);
int os_sock_error(struct file *f); /* SO_ERROR, an errno, which is 0 then */

/* The calling thread sleeps until there is something to receive, or an error: STATUS_SUCCESS, STATUS_TIMEOUT, STATUS_CANCELLED (it ends). */
NTSTATUS os_sock_wait(struct file *f, uint64_t deadline);

/* Options, by these names; a value is guest memory at va, an int of Windows' unless it is said.  *size: what there is, and what
   was written. */
enum os_sock_option { OS_SO_BROADCAST, OS_SO_KEEPALIVE, OS_SO_OOBINLINE, OS_SO_RCVBUF, OS_SO_SNDBUF, OS_SO_REUSEADDR, OS_SO_LINGER /* two ints */,
	OS_TCP_NODELAY, OS_TCP_KEEPIDLE, OS_TCP_KEEPINTVL, OS_TCP_KEEPCNT, OS_IP_TTL, OS_IP_TOS, OS_IP_PKTINFO, OS_IP_RECVTTL, OS_IP_RECVTOS, OS_IP_MTU_DISCOVER,
	OS_IP_MULTICAST_IF, OS_IP_MULTICAST_LOOP, OS_IP_MULTICAST_TTL, OS_IP_ADD_MEMBERSHIP, OS_IP_DROP_MEMBERSHIP,
	OS_V6_ONLY, OS_V6_HOPS, OS_V6_PKTINFO, OS_V6_RECVHOPS, OS_V6_RECVTCLASS, OS_V6_DONTFRAG, OS_V6_MULTICAST_IF, OS_V6_MULTICAST_LOOP,
	OS_V6_MULTICAST_HOPS, OS_V6_ADD_MEMBERSHIP, OS_V6_DROP_MEMBERSHIP, OS_SOCK_OPTIONS };
NTSTATUS os_sock_set(struct file *f, enum os_sock_option o, uint64_t va, uint32_t size);
NTSTATUS os_sock_get(struct file *f, enum os_sock_option o, uint64_t va, uint64_t size_va); /* size_va: guest's int */

/*
 * One process's standing wait on a socket (nt/os/sockwatch.c).  From the time it is armed with events until it is armed with others,
 * net_ready(owner) is called by a thread of that process, the library OS's own, after each change that may concern them.  Its
 * memory is the arena's; arm, and what is in the struct, are the owner's lock's.
 */
struct os_sockwatch {
	struct list link;         /* the owner's */
	void *owner;              /* [I] */
	struct nt_process *process; /* [I] */
	uint32_t events;          /* it is armed with: OS_SOCK_* */
	void *extra;              /* the owner's: what it is for, if not for the owner itself */
};
/* For the calling process; NULL: no memory. */
struct os_sockwatch *os_sockwatch_new(struct file *f, void *owner);
/* What holds now; events 0: nothing is watched.  f: which file, its own or, from now on, another. */
uint32_t os_sockwatch_arm(struct os_sockwatch *w, struct file *f, uint32_t events);
/* net_ready is called, soon; by anybody, any lock may be held. */
void os_sockwatch_kick(struct os_sockwatch *w);
/* It is to go, and the owner has forgotten it; its lock is held.  True: it is the caller's to free, without the lock; else whoever runs
   it just now does that. */
bool os_sockwatch_claim(struct os_sockwatch *w) MUST_CHECK;
void os_sockwatch_free(struct os_sockwatch *w); /* net_watch_gone(owner) at its end */
/* Between the two the calling thread runs its process's watches itself, at the latter; it does not wait in between. */
struct io_engine *os_sockwatch_hold(void);
void os_sockwatch_release(struct io_engine *held);
/* The calling process's net_due is to be called again. */
void os_sockwatch_timed(void);

/* nt/net's: by a thread of w's process; nobody's lock is held. */
void net_ready(struct os_sockwatch *w);
void net_watch_lost(struct os_sockwatch *w); /* its process ends: the owner forgets it; net_watch_gone comes behind */
void net_watch_gone(void *owner);
uint64_t net_due(struct nt_process *p);      /* ends p's requests whose time is over; when the next one's is, monotonic ns */
#endif
