/* SPDX-License-Identifier: MIT */
/*
 * nt/net/afd.h - \Device\Afd: sockets of Windows programs, as ws2_32.dll asks for them.
 *
 * An opened \Device\Afd becomes a socket by an ioctl; what stays none can only poll others.  Each ioctl that would have to wait is an
 * irp (io/irp.h) in one of the socket's queues, with a struct afd_op for what it needs beside.  afd_run goes over a
 * socket: what can go on goes on, what is done ends.  It is called by whoever has queued something and by net_ready, when the socket
 * may have become ready (nt/os/sock.h).
 *
 * Processes.  A socket may be several processes' (inherited handles).  Bytes go straight to and from the asker's memory, so an irp is run
 * by its own process alone: each that waits for something has a watch on the socket, and one that finds another's irp at the
 * head of a queue kicks that one's.
 *
 * Locks.  A socket's own is its file object's (NTFILE): all of struct afd but what is marked.  Never two at once.  N is afd_root.lock
 * (NTPIPE), inside it: who polls which sockets, and the times of requests.  irp->state of a poll is N's, of all others their
 * file's lock.  Irps are finished (io_irps_finish) and references dropped without any.
 */
#ifndef NT_NET_AFD_H
#define NT_NET_AFD_H

#include "nt/io/irp.h"
#include "nt/os/sock.h"

#define AFD_POLL_READ        0x001u
#define AFD_POLL_OOB         0x002u
#define AFD_POLL_WRITE       0x004u
#define AFD_POLL_HUP         0x008u /* the peer has ended its sending */
#define AFD_POLL_RESET       0x010u
#define AFD_POLL_CLOSE       0x020u /* this side has closed it */
#define AFD_POLL_CONNECT     0x040u
#define AFD_POLL_ACCEPT      0x080u
#define AFD_POLL_CONNECT_ERR 0x100u
#define AFD_EVENTS 13u /* bits that there is room for */
enum { AFD_BIT_HUP = 3, AFD_BIT_CONNECT_ERR = 8 };

#define AFD_IOC(n) (0x120000u | (n) << 2)
#define IOCTL_AFD_BIND         0x12003u
#define IOCTL_AFD_LISTEN       0x1200bu
#define IOCTL_AFD_RECV         0x12017u
#define IOCTL_AFD_POLL         0x12024u
#define IOCTL_AFD_GETSOCKNAME  0x1202fu
#define IOCTL_AFD_EVENT_SELECT 0x12087u
#define IOCTL_AFD_GET_EVENTS   0x1208bu
enum { /* Wine's own */
	AFD_WINE_CREATE = AFD_IOC(200), AFD_WINE_ACCEPT = AFD_IOC(201), AFD_WINE_ACCEPT_INTO = AFD_IOC(202), AFD_WINE_CONNECT = AFD_IOC(203),
	AFD_WINE_SHUTDOWN = AFD_IOC(204), AFD_WINE_RECVMSG = AFD_IOC(205), AFD_WINE_SENDMSG = AFD_IOC(206), AFD_WINE_TRANSMIT = AFD_IOC(207),
	AFD_WINE_ADDRESS_LIST_CHANGE = AFD_IOC(208), AFD_WINE_FIONBIO = AFD_IOC(209), AFD_WINE_COMPLETE_ASYNC = AFD_IOC(210), AFD_WINE_FIONREAD = AFD_IOC(211),
	AFD_WINE_SIOCATMARK = AFD_IOC(212), AFD_WINE_GET_INTERFACE_LIST = AFD_IOC(213), AFD_WINE_KEEPALIVE_VALS = AFD_IOC(214),
	AFD_WINE_MESSAGE_SELECT = AFD_IOC(215), AFD_WINE_GETPEERNAME = AFD_IOC(216), AFD_WINE_DEFER = AFD_IOC(217), AFD_WINE_GET_INFO = AFD_IOC(218),
	AFD_WINE_OPTIONS = AFD_IOC(219) /* from here on: afd_opt.c; from 400 on our own DLL's (nt/dll/ws2_32.c) */,
};

enum afd_state { AFD_NONE /* not a socket */, AFD_UNCONNECTED, AFD_LISTENING, AFD_CONNECTING, AFD_CONNECTED, AFD_CONNECTIONLESS,
	AFD_ACCEPTING /* an accept that is under way is to make it its connection */ };

struct afd {
	struct file *file;        /* a reference; NULL: not a socket.  Changed once, by an accept into it */
	struct file *spare;       /* the one before that */
	uint32_t family, type, protocol; /* [I] as Windows has them */
	uint32_t state;           /* enum afd_state */
	uint32_t bound, nonblocking, closed;
	uint32_t shut;            /* OS_SHUT_*: it has been shut down */
	uint32_t shut_later;      /* for sending, once what is queued is sent */
	uint32_t hangup, reset, aborted; /* the peer: has ended its sending; has broken it off; another error */
	uint32_t reuse, exclusive, oobinline, dontfragment;
	uint32_t rcvtimeo, sndtimeo; /* ms; 0: none */
	uint32_t rcvbuf, sndbuf;
	uint32_t tells;           /* AFD_TELLS_*: control messages that a receive brings */
	uint64_t connected_at;    /* monotonic ns */
	struct list reads, writes, accepts, idle; /* irps by their link, oldest first; idle: those that only end */
	struct io_irp *connect;   /* its queue's reference; NULL: none */
	struct io_irp *into;      /* [N] AFD_ACCEPTING: the accept, which has its queue's reference */
	struct file *deferred;    /* a listener's: what the next accept gives; a reference */
	struct list watches;      /* struct os_sockwatch */
	/* WSAEventSelect */
	struct ob_object *event;  /* a reference */
	struct nt_process *selector; /* who selected; compared only */
	uint32_t mask;            /* events that are wanted: AFD_POLL_* */
	uint32_t pending;         /* have come, and nobody asked yet */
	uint32_t reported;        /* have come, and come again only after a call that enables them */
	int errors[AFD_EVENTS];   /* errnos that came with them */
	struct list polls;        /* [N] struct afd_poll_item */
	struct afd_poll *main;    /* [N] the poll that came when there was none: an exclusive one ends it, if it is so too */
};
#define AFD_TELLS_PKTINFO 1u
#define AFD_TELLS_TTL     2u
#define AFD_TELLS_TOS     4u
static inline struct afd *afd_of(const struct io_file *f)
{
	return f->object;
}

enum afd_kind { AFD_OP_READ, AFD_OP_WRITE, AFD_OP_TRANSMIT, AFD_OP_ACCEPT, AFD_OP_INTO, AFD_OP_CONNECT, AFD_OP_POLL, AFD_OP_IDLE };

/* Bytes to move, and what belongs to them. */
struct afd_rw {
	struct dk_segment *seg;   /* guest memory */
	uint32_t count, flags;    /* OS_MSG_* */
	uint64_t addr_va, addr_size_va, control_va, flags_va; /* a receive's answers, or 0 */
	struct os_sockaddr to;    /* a send's */
	uint32_t to_size, force;  /* force: it waits whatever the socket's mode */
};

/* irp->own: what a request needs; in the arena, the irp's. */
struct afd_op {
	uint32_t kind;            /* enum afd_kind */
	uint32_t pad;
	struct io_irp *irp;
	struct list timed;        /* [N] in afd_root.timed, if it has a deadline */
	uint64_t deadline;        /* monotonic ns, 0: none */
	uint64_t moved;           /* bytes that are gone, of all parts */
	union {
		struct afd_rw rw;         /* READ, WRITE: seg is the op's own */
		struct { /* ACCEPT */
			struct io_file *made;     /* a reference, or NULL */
		} accept;
		struct { /* INTO */
			struct io_file *acceptor; /* a reference */
			struct file *child;       /* a reference; NULL: nothing was accepted yet */
			uint32_t recv_len, local_len;
			struct os_sockwatch *watch; /* on the child */
		} into;
		struct { /* CONNECT: bytes to send */
			uint32_t size;
		} connect;
		struct { /* TRANSMIT */
			struct io_file *source;   /* a reference, or NULL */
			uint64_t offset, head, tail; /* va */
			uint32_t head_size, tail_size, size, block, flags;
			uint32_t have, at;        /* bytes of the file in data; those of them that are gone */
			uint32_t head_at, tail_at;
			uint32_t ended;           /* nothing more is to be read */
			uint32_t file_at;
		} transmit;
	};
	struct dk_segment seg[];  /* READ, WRITE; CONNECT, TRANSMIT: data */
};
static inline struct afd_op *afd_op_of(const struct io_irp *irp)
{
	return irp->own;
}

struct afd_poll_item {
	struct list link;         /* [N] in the socket's polls, until the poll is done */
	struct afd_poll *poll;
	struct io_file *file;     /* a reference */
	uint64_t handle;
	uint32_t mask, flags;     /* flags: [N] what has come */
	NTSTATUS status;
};
struct afd_poll {
	struct afd_op op;         /* first */
	uint32_t count, exclusive;
	int64_t timeout;          /* as it was given */
	struct afd_poll_item item[];
};

struct afd_root {
	LOCK(NTPIPE) lock;
	struct list timed;        /* struct afd_op */
};
struct afd_root *afd_root(void); /* NULL: no memory */

/* ---- afd.c ---- */

/* A socket's file object over file, whose reference it takes over in any case. */
struct io_file *afd_file_new(struct file *file, uint32_t access, uint32_t options);
bool afd_make(struct io_file *f, struct file *file); /* f is one from now on; false: no memory, file is put */
/* ---- afd_wait.c ---- */

/* r waits: a new op of kind and `extra` bytes, and its irp, which has r's references.  NULL: no memory. */
struct afd_op *afd_pend(struct io_request *r, enum afd_kind kind, size_t extra);
/* It ends at the deadline (monotonic ns; 0, DK_FOREVER: it has none), under its file's lock or none. */
void afd_time(struct afd_op *op, uint64_t deadline);
/* op's irp is done; the lock of its state is held.  It is out of its queue behind this. */
void afd_done(struct afd_op *op, NTSTATUS status, struct list *done);
void afd_cancel(struct io_irp *irp, struct list *done); /* the device's */
void afd_irp_gone(struct io_irp *irp);

/* ---- afd.c again ---- */

/* Goes over the socket f, no lock held. */
void afd_run(struct io_file *f);
/* The same, with its lock held; behind it, without the lock, afd_ran. */
struct afd_news {
	struct list done;         /* irps to be finished */
	uint32_t flags;           /* AFD_POLL_* that hold now */
	int error;
};
void afd_run_locked(struct io_file *f, struct afd_news *n) REQUIRES(NTFILE);
void afd_ran(struct io_file *f, struct afd_news *n);
void afd_run_drop(struct io_file *f); /* both, and the lock is dropped */
static inline bool afd_mine(const struct io_irp *irp)
{
	return irp->process == nt_current_process();
}

/* ---- afd_state.c ---- */

/* What happened to the connection since; the AFD_POLL_* that hold. */
uint32_t afd_look(struct afd *a);
/* Events that have come are kept, and the event object told. */
void afd_post(struct afd *a, uint32_t flags);
NTSTATUS afd_event_select(struct io_request *r);
NTSTATUS afd_get_events(struct io_request *r);
/* A call that lets these come again. */
static inline void afd_enable(struct afd *a, uint32_t flags)
{
	a->pending &= ~flags;
	a->reported &= ~flags;
}

/* ---- afd_conn.c ---- */

NTSTATUS afd_create(struct io_request *r);
NTSTATUS afd_bind(struct io_request *r);
NTSTATUS afd_listen(struct io_request *r);
NTSTATUS afd_connect(struct io_request *r);
NTSTATUS afd_shutdown(struct io_request *r);
NTSTATUS afd_name(struct io_request *r, bool peer);
void afd_connect_go_on(struct afd *a, struct list *done);
void afd_connect_failed(struct afd *a, struct list *done);

/* A call that is over, and is said to be pending as on Windows: status and size bytes of answer come later, which is now. */
NTSTATUS afd_said_later(struct io_request *r, NTSTATUS status, const void *answer, uint32_t size);

/* ---- afd_accept.c ---- */

NTSTATUS afd_accept(struct io_request *r);
NTSTATUS afd_accept_into(struct io_request *r);
NTSTATUS afd_defer(struct io_request *r);
void afd_accepts_go_on(struct io_file *f, struct list *done);
bool afd_accepts_wait(const struct afd *a, const struct nt_process *p); /* for a connection, one of p's */
void afd_into_done(struct afd_op *op); /* the acceptor is what it is now */
void afd_into_ends(struct afd_op *op); /* its irp goes */

/* ---- afd_rw.c ---- */

NTSTATUS afd_recvmsg(struct io_request *r);
NTSTATUS afd_recv(struct io_request *r);
NTSTATUS afd_sendmsg(struct io_request *r);
NTSTATUS afd_read(struct io_request *r);
NTSTATUS afd_write(struct io_request *r);
void afd_reads_go_on(struct afd *a, struct list *done);
void afd_writes_go_on(struct afd *a, struct list *done);
/* What a receive or send says at once, whatever is there; STATUS_SUCCESS: try. */
NTSTATUS afd_may_receive(const struct afd *a);
NTSTATUS afd_may_send(const struct afd *a);

/* ---- afd_cmsg.c ---- */

struct wsabuf {
	uint32_t len, pad;
	uint64_t buf;
};
/* To where rw says.  STATUS_BUFFER_OVERFLOW: control messages found no room. */
NTSTATUS afd_sender_out(const struct afd_rw *rw, const struct os_sock_io *io);
NTSTATUS afd_control_out(const struct afd *a, const struct afd_rw *rw, const struct os_sock_io *io);

/* ---- afd_transmit.c ---- */

NTSTATUS afd_transmit(struct io_request *r);
NTSTATUS afd_transmit_some(struct afd *a, struct afd_op *op); /* STATUS_DEVICE_NOT_READY: not all is gone */

/* ---- afd_poll.c ---- */

NTSTATUS afd_poll(struct io_request *r);
/* flags hold for f: polls that want them end. */
void afd_poll_told(struct io_file *f, uint32_t flags, int error, struct list *done);
/* What the polls of the calling process on a want. */
uint32_t afd_poll_wanted(struct afd *a, const struct nt_process *p);
void afd_poll_ends(struct afd_op *op);
void afd_poll_done(struct afd_poll *p, NTSTATUS status, struct list *done) REQUIRES(NTPIPE);

/* ---- afd_opt.c ---- */

NTSTATUS afd_option(struct io_request *r);
/* An int's value, by way of the request's status block. */
NTSTATUS afd_set_number(const struct io_request *r, struct afd *a, enum os_sock_option o, uint32_t value);
/* The ioctl's input, which is to have size bytes at least; its answer. */
NTSTATUS afd_in(const struct io_request *r, void *to, uint32_t size);
NTSTATUS afd_out(struct io_request *r, const void *from, uint32_t size);
/* r's socket with its lock held.  STATUS_INVALID_HANDLE: it is none, and nothing is held. */
NTSTATUS afd_lock(const struct io_request *r, struct afd **a);

/* ---- afd_misc.c ---- */

NTSTATUS afd_misc(struct io_request *r);
#endif
