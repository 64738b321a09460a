/* SPDX-License-Identifier: MIT */
/*
 * linux/net/unix.h - unix sockets: the object and what its files share.
 *
 * Letters: S = SOCKET (the socket's own lock), N = IPC (unix_state.lock: names), I
 * immutable, a atomic.  Two sockets' locks are held at once only by connect (listener
 * before child) and by lock_take2.
 */
#ifndef LINUX_NET_UNIX_H
#define LINUX_NET_UNIX_H

#include "linux/fs/ring.h"
#include "linux/net/net.h"

#define NAME_BUCKETS  64u
#define SNDBUF_DEFAULT 212992u
#define DGRAM_QUEUE   10u   /* datagrams a receiver holds for those it does not know */
#define MSG_OVERHEAD  512u  /* what a datagram counts beside its bytes */
#define INFLIGHT_MAX  65536u
#define NEST_MAX      4u    /* sockets in queues of sockets in queues ... */

enum sock_state { SOCK_OPEN, SOCK_LISTENING, SOCK_CONNECTED, SOCK_DEAD };
#define SHUT_RCV  1u
#define SHUT_SEND 2u

/* What came with stream bytes [start, end). */
struct mark {
	struct list link;
	uint64_t start, end;
	struct scm scm;
};

/* A datagram or packet. */
struct packet {
	struct list link;
	struct scm scm;
	struct uaddr from;
	uint32_t size;
	uint8_t data[];
};

struct sock {
	struct ref ref;           /* its file, its peer, who looks at it */
	LOCK(SOCKET) lock;
	uint32_t type;            /* [I] */
	bool netlink;             /* [I] AF_NETLINK: hears from mq_notify, and nothing else */
	enum sock_state state;    /* [S] */
	uint32_t shut;            /* [S] */
	int error;                /* [S] SO_ERROR */
	struct sock *peer;        /* [S] a reference; streams: set once, until the end */
	struct waitq wq;          /* readers, writers, pollers, accepters */
	struct lx_ucred cred, peercred; /* [S] of who called listen or connect or socketpair */
	struct sock_groups { uint32_t count, gid[32]; } groups, peergroups; /* [S] theirs */

	/* Received, not read. */
	struct ring rx;           /* [S] stream */
	uint64_t rx_pos;          /* [S] bytes ever taken out */
	struct list marks;        /* [S] in the order of start */
	struct list packets;      /* [S] the other types */
	uint32_t npackets, packet_bytes; /* [S] */
	uint32_t nest;            /* [S] SCM_RIGHTS level of what is queued here */

	/* Name. */
	struct uaddr addr;        /* [S], written once under N too */
	struct landlock_domain *landlock; /* [I] of who made it, a reference */
	uint32_t net;             /* [I] number of its network namespace, in which abstract names are */
	struct list name_link;    /* [N] */
	struct inode *inode;      /* [N] a reference, if bound to a path */

	/* Listener. */
	struct list accept_queue; /* [S] of children by accept_link, a reference each */
	struct list accept_link;  /* [S of the listener] */
	uint32_t backlog, nqueued;

	/* Options. */
	uint32_t sndbuf, rcvbuf, passcred, passpidfd, reuse, keepalive, peek_off_set;
	int stamp;                /* the option that asked for times of arrival, which is the cmsg's type, or 0 */
	int peek_off, priority;
	uint64_t rcvtimeo, sndtimeo; /* ns, 0 = none */
	struct { int onoff, seconds; } linger;
};

/* lx_state()->unix_sockets */
struct unix_state {
	LOCK(IPC) lock;
	struct list abstract[NAME_BUCKETS];/* [N] */
	struct list bound[NAME_BUCKETS];   /* [N] by device and inode number */
	uint32_t autobind;                 /* [N] */
	_Atomic uint32_t inflight;         /* descriptors in queues */
	_Atomic uint64_t told_families;    /* the log has a line about */
	struct waitq room;                 /* who waits for a datagram receiver */
};
struct unix_state *unix_state(void); /* NULL: no memory */

struct sock *sock_new(uint32_t type);
void sock_get(struct sock *s);
void sock_put(struct sock *s);
/* The end of a socket that had a file or was queued for accept. */
void sock_close(struct sock *s);
struct lx_ucred cred_of(const struct lx_thread *t);
/* s->cred and groups become the caller's; to's peer is s. */
void sock_own_cred(struct sock *s, const struct lx_thread *t);
void sock_peer_cred(struct sock *to, const struct sock *s);
struct lx_ucred cred_seen(const struct lx_thread *t, struct lx_ucred u); /* as t counts processes and users */
static inline bool is_stream(const struct sock *s)
{
	return s->type == LX_SOCK_STREAM;
}
static inline bool is_connection(const struct sock *s)
{
	return s->type != LX_SOCK_DGRAM;
}
/* The peer with a reference, or NULL. */
struct sock *sock_peer(struct sock *s);
/* Links two new sockets as peers: socketpair and connect. */
void sock_pair(struct sock *a, struct sock *b);
struct file *sock_file(struct sock *s, uint32_t flags); /* takes over the reference; NULL: no memory, caller's still */

/* Names: unix_name.c. */
long uaddr_in(struct uaddr *a, struct gva from, int len);
long uaddr_out(const struct uaddr *a, struct gva to, struct gva len);
long unix_bind(struct lx_thread *t, struct sock *s, const struct uaddr *a);
long unix_autobind(struct sock *s);
void unix_unname(struct sock *s);
/* The socket of that name with a reference: 0, -ECONNREFUSED, -ENOENT ... */
long unix_find(struct lx_thread *t, const struct uaddr *a, uint32_t type, struct sock **out);

/* Connections: unix_conn.c. */
long unix_listen(struct lx_thread *t, struct sock *s, int backlog);
long unix_connect(struct lx_thread *t, struct sock *s, const struct uaddr *a, bool nonblock);
long unix_accept(struct lx_thread *t, struct sock *s, bool nonblock, struct sock **out);
long unix_shutdown(struct sock *s, uint32_t how);

/* Data.  One request of send or receive. */
struct xfer {
	const struct iov *v;
	uint32_t flags;       /* MSG_* */
	bool nonblock;
	struct scm scm;       /* send: given away if bytes were taken; receive: what came */
	struct uaddr addr;    /* dgram: to, len 0 = the peer; received: from */
	bool has_addr;        /* send: an address was given */
	uint32_t out_flags;   /* received: MSG_TRUNC ... */
};
long unix_send(struct lx_thread *t, struct sock *s, struct xfer *x);
long unix_recv(struct lx_thread *t, struct sock *s, struct xfer *x);
long stream_send(struct lx_thread *t, struct sock *s, struct xfer *x);
long stream_recv(struct lx_thread *t, struct sock *s, struct xfer *x);
long packet_send(struct lx_thread *t, struct sock *s, struct xfer *x);
long packet_recv(struct lx_thread *t, struct sock *s, struct xfer *x);
bool stream_writable(const struct sock *s);
bool packet_writable(const struct sock *s);
/* Limits on descriptors in queues; scm is about to be queued at to, whose lock is held. */
long scm_may_queue(const struct scm *scm, struct sock *to);
/* Adds the sender's credentials if one side asks for them. */
void scm_add_cred(struct lx_thread *t, struct scm *scm, const struct sock *from, const struct sock *to);
uint64_t timeout_deadline(uint64_t timeout);
/* A wait's result as the socket calls give it. */
long sock_wait_err(long err, uint64_t timeout);
void sock_drop_queue(struct sock *s);
/* Descriptors come into a queue, and leave it: the count of those under way. */
static inline void fds_queued(const struct fdset *fds)
{
	if (fds != NULL)
		atomic_fetch_add(&unix_state()->inflight, fds->count);
}
static inline void fds_unqueued(const struct fdset *fds)
{
	if (fds != NULL)
		atomic_fetch_sub(&unix_state()->inflight, fds->count);
}

/* Options: sockopt.c. */
long sock_setopt(struct lx_thread *t, struct sock *s, int name, struct gva value, int len);
long sock_getopt(struct lx_thread *t, struct sock *s, int name, struct gva value, struct gva len);

#endif
