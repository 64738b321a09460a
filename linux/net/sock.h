/* SPDX-License-Identifier: MIT */
/*
 * linux/net/sock.h - unix sockets: the object and what its files share.
 *
 * Letters: S = SOCKET (the socket's own lock), N = IPC (unix_state.lock: names), I
 * immutable, a atomic.  Two sockets' locks are held at once only by lock_take2.
 */
#ifndef LINUX_NET_SOCK_H
#define LINUX_NET_SOCK_H

#include "linux/fs/ring.h"
#include "linux/net/net.h"

#define NAME_BUCKETS  64u
#define SNDBUF_DEFAULT 212992u
#define DGRAM_QUEUE   10u   /* datagrams a receiver holds for those it does not know */
#define MSG_OVERHEAD  512u  /* what a datagram counts beside its bytes */
#define INFLIGHT_MAX  65536u
#define NEST_MAX      4u    /* sockets in queues of sockets in queues ... */

enum sock_kind { SK_UNIX, SK_NETLINK, SK_TCP, SK_UDP, SK_RAW, SK_KINDS };
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
	struct sock_name from;
	struct inet_name to;      /* UDP */
	uint8_t ttl, tos;         /* UDP */
	uint16_t segment;         /* UDP: it is several of that size each, for who asked for UDP_GRO; 0: one */
	uint32_t size;
	uint8_t data[];
};

/* Supplementary groups of who made a connection; never changed. */
struct sock_groups {
	struct ref ref;
	uint32_t count, gid[];
};

struct sock {
	struct ref ref;           /* its file, its peer, who looks at it */
	LOCK(SOCKET) lock;
	uint32_t type;            /* [I] */
	uint16_t kind;            /* [I] enum sock_kind */
	uint16_t family;          /* [I] AF_* */
	uint32_t protocol;        /* [I] AF_NETLINK: NETLINK_* */
	uint64_t ino;             /* [I] of its file, as /proc shows it */
	struct list file_link;    /* AF_UNIX: in unix_state.files, under its lock */
	struct file *file;        /* [S] no reference; NULL: not accepted yet, or closed */
	struct inet *inet;        /* [I] AF_INET and AF_INET6: what is theirs, freed with the socket; else NULL */
	dk_handle host;           /* [S] the stream outside that it has, net/outside.h; else 0 */
	enum sock_state state;    /* [S] */
	uint32_t shut;            /* [S] */
	int error;                /* [S] SO_ERROR */
	struct sock *peer;        /* [S] a reference; streams: set once, until the end */
	struct waitq wq;          /* readers, writers, pollers, accepters */
	struct lx_ucred cred, peercred; /* [S] of who called listen or connect or socketpair */
	struct sock_groups *groups, *peergroups; /* [S] theirs, a reference each; NULL: none */

	/* Received, not read. */
	struct ring rx;           /* [S] stream */
	uint64_t rx_pos;          /* [S] bytes ever taken out */
	uint32_t rx_held;         /* [S] TCP: the last of rx, which are not to be seen yet; inet_hold.c */
	_Atomic bool starved;     /* a writer found no room in rx, and is to be told of it */
	struct list marks;        /* [S] in the order of start */
	struct list packets;      /* [S] the other types */
	uint32_t npackets, packet_bytes; /* [S] */
	uint32_t nest;            /* [S] SCM_RIGHTS level of what is queued here */

	/* Name. */
	struct sock_name addr;        /* [S], written once under N too */
	struct landlock_domain *landlock; /* [I] of who made it, a reference */
	uint32_t net;             /* [I] number of its network namespace, in which abstract names are */
	struct list name_link;    /* [N] */
	struct inode *inode;      /* [N] a reference, if bound to a path */

	/* Listener. */
	struct list accept_queue; /* [S] of children by accept_link, a reference each */
	struct list accept_link;  /* [S of the listener] */
	uint32_t backlog, nqueued;

	/* Options. */
	uint32_t flags;           /* [a] sockopt.c */
	int rcvlowat;
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
	LOCK(IPC) files_lock;
	struct list files;                 /* unix sockets that have a file, by file_link */
	struct waitq room;                 /* who waits for a datagram receiver */
};
struct unix_state *unix_state(void); /* NULL: no memory */

struct control;
struct xfer;
/* What a kind does its own way; the socket calls have checked the rest. */
struct sock_ops {
	long (*name_in)(const struct sock *s, struct sock_name *a, struct gva from, int len);
	long (*name_out)(const struct sock *s, const struct sock_name *a, struct gva to, struct gva len);
	void (*peer_name)(struct sock *s, struct sock_name *a); /* of a connected one */
	long (*bind)(struct lx_thread *t, struct sock *s, const struct sock_name *a);
	long (*listen)(struct lx_thread *t, struct sock *s, int backlog);
	long (*connect)(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock); /* a NULL: AF_UNSPEC */
	long (*shutdown)(struct sock *s, uint32_t how); /* SHUT_RCV, SHUT_SEND */
	long (*send)(struct lx_thread *t, struct sock *s, struct xfer *x);
	long (*recv)(struct lx_thread *t, struct sock *s, struct xfer *x);
	void (*unname)(struct sock *s);                          /* it goes: its name is free */
	void (*peer_gone)(struct sock *s, struct sock *peer, bool unread); /* s goes; peer hears of it.  peer's lock is held */
	uint32_t (*poll)(const struct sock *s, uint32_t mask);   /* its own view of what the common one found; NULL: the same */
	long (*ioctl)(struct lx_thread *t, struct sock *s, uint32_t cmd, uint64_t arg); /* after the common ones */
	/* Levels but SOL_SOCKET. */
	long (*setopt)(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, int len);
	long (*getopt)(struct lx_thread *t, struct sock *s, int level, int name, struct gva value, struct gva len);
	/* One of a sendmsg; NULL: they are scm_in's. */
	long (*cmsg_in)(const struct sock *s, struct xfer *x, int level, int type, struct gva data, uint64_t size);
	void (*cmsg)(const struct sock *s, const struct xfer *x, struct control *c); /* more that a receive tells; NULL: nothing */
};
extern const struct sock_ops unix_ops, netlink_ops, tcp_ops, udp_ops, raw_ops;
extern const struct sock_ops *const sock_ops[SK_KINDS];

struct sock *sock_new(int family, enum sock_kind kind, uint32_t type);
void sock_get(struct sock *s);
void sock_put(struct sock *s);
/* The end of a socket that had a file or was queued for accept. */
void sock_close(struct sock *s);
struct lx_ucred cred_of(const struct lx_thread *t);
void groups_get(struct sock_groups *g); /* NULL is fine, here and there */
void groups_put(struct sock_groups *g);
/* s->cred and groups become the caller's; to's peer is s. */
void sock_own_cred(struct sock *s, const struct lx_thread *t);
void sock_peer_cred(struct sock *to, const struct sock *s);
struct lx_ucred cred_seen(const struct lx_thread *t, struct lx_ucred u); /* as t counts processes and users */
static inline const struct sock_ops *ops_of(const struct sock *s)
{
	return sock_ops[s->kind];
}
static inline bool is_stream(const struct sock *s)
{
	return s->type == LX_SOCK_STREAM;
}
static inline bool is_connection(const struct sock *s)
{
	return s->type == LX_SOCK_STREAM || s->type == LX_SOCK_SEQPACKET;
}
/* The first of those that wait at a listener, with their reference. */
long accept_child(struct sock *s, bool nonblock, struct sock **out);
/* Joins s, which is not connected, and the fresh child, which is queued at the listener; waiting: if s asks there (inet_syn.c).
   0, -EAGAIN (the queue is full), -errno. */
long accept_enqueue(struct lx_thread *t, struct sock *listener, struct sock *s, struct sock *child, bool waiting);
bool accept_full(const struct sock *listener);
long accept_wait_room(struct sock *listener, uint64_t timeout);
void accept_inherit(struct sock *child, const struct sock *listener); /* options; the listener's lock is held */
/* listen's common part: the state and the credentials. */
long sock_listen(struct lx_thread *t, struct sock *s, int backlog);
/* How much may be under way from one to the other. */
uint32_t stream_limit(const struct sock *from, const struct sock *to);
/* The peer with a reference, or NULL. */
struct sock *sock_peer(struct sock *s);
/* Links two new sockets as peers: socketpair and connect. */
void sock_pair(struct sock *a, struct sock *b);
struct file *sock_file(struct sock *s, uint32_t flags); /* takes over the reference; NULL: no memory, caller's still */

/* ---- AF_UNIX ---- */

/* Names: unix_name.c. */
long unix_name_in(const struct sock *s, struct sock_name *a, struct gva from, int len);
long unix_name_out(const struct sock *s, const struct sock_name *a, struct gva to, struct gva len);
long unix_bind(struct lx_thread *t, struct sock *s, const struct sock_name *a);
long unix_autobind(struct sock *s);
void unix_unname(struct sock *s);
/* The socket of that name with a reference: 0, -ECONNREFUSED, -ENOENT ... */
long unix_find(struct lx_thread *t, const struct sock_name *a, uint32_t type, struct sock **out);

/* Connections: unix_conn.c. */
long unix_listen(struct lx_thread *t, struct sock *s, int backlog);
long unix_connect(struct lx_thread *t, struct sock *s, const struct sock_name *a, bool nonblock);
long unix_shutdown(struct sock *s, uint32_t how);

/* Data.  One request of send or receive. */
struct xfer {
	const struct iov *v;
	uint32_t flags;       /* MSG_* */
	bool nonblock;
	struct scm scm;       /* send: given away if bytes were taken; receive: what came */
	struct sock_name addr;    /* dgram: to, len 0 = the peer; received: from */
	struct inet_name at;  /* received, UDP: where it was sent to */
	uint16_t segment;     /* UDP; send: it is to be several of that size, 0: as the option says; received: it is */
	int ttl, tos;         /* UDP; send: 0 and -1, or less: as the socket's options say */
	bool has_addr;        /* send: an address was given */
	uint32_t out_flags;   /* received: MSG_TRUNC ... */
};
/* Bytes that can be read. */
static inline uint32_t stream_there(const struct sock *s)
{
	return s->rx.used - s->rx_held;
}
long stream_send(struct lx_thread *t, struct sock *s, struct xfer *x);
long stream_recv(struct lx_thread *t, struct sock *s, struct xfer *x);
long packet_send(struct lx_thread *t, struct sock *s, struct xfer *x);
long packet_recv(struct lx_thread *t, struct sock *s, struct xfer *x);
bool stream_writable(const struct sock *s); /* if not, who makes room tells s's queue */
bool packet_writable(const struct sock *s);
/* Limits on descriptors in queues; scm is about to be queued at to, whose lock is held. */
long scm_may_queue(const struct scm *scm, struct sock *to);
/* Adds the sender's credentials if one side asks for them. */
/* A control message of a receive, as far as there is room. */
bool cmsg_out(struct control *c, int level, int type, const void *value, uint64_t size);
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
/* Copies a value of size bytes as far as there is room; tells how much that was. */
long sockopt_out(struct gva to, struct gva len, int room, const void *value, int size);
int sock_take_error(struct sock *s); /* SO_ERROR, which is 0 then */
long sock_available(struct sock *s); /* FIONREAD: bytes of a stream, or of the first packet; -EINVAL: it listens */
long sock_getopt(struct lx_thread *t, struct sock *s, int name, struct gva value, struct gva len);

#endif
