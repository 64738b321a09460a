/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/uring.h - io_uring: the ring, its requests, and what uring_*.c share.
 *
 * The rings and SQEs are pages of arena-data that guests map too, and any process that has
 * the descriptor may write there at any time.  What is taken from them is read once, copied
 * and checked; sizes, masks and our own indexes are kept here, not there.
 *
 * Letters: C = IOCTX (ring->lock), I immutable, a atomic, r who runs the request, s who is the
 * ring's submitter, U while nobody submits (ring->submitter is the caller).
 */
#ifndef LINUX_AIO_URING_H
#define LINUX_AIO_URING_H

#include <linux/io_uring.h>

#include "linux/aio/engine.h"
#include "linux/misc/timer.h"

#define URING_ENTRIES_MAX    32768u
#define URING_CQ_MAX         (2 * URING_ENTRIES_MAX)
#define URING_FILES_MAX      (1u << 15)
#define URING_BUFFERS_MAX    (1u << 14)
#define URING_PERSONALITIES  32u
#define URING_GROUPS         64u

/* First bytes of the shared pages; the CQEs come next, then the SQ's array of indexes. */
struct uring_shared {
	_Atomic uint32_t sq_head, sq_head_pad[15];
	_Atomic uint32_t sq_tail, sq_tail_pad[15];
	_Atomic uint32_t cq_head, cq_head_pad[15];
	_Atomic uint32_t cq_tail, cq_tail_pad[15];
	uint32_t sq_mask, cq_mask, sq_entries, cq_entries;
	_Atomic uint32_t sq_dropped, sq_flags, cq_flags, cq_overflow;
	uint32_t pad[8];
};

struct uring_overflow { /* a CQE that found no room */
	struct list link;
	uint64_t user_data, extra[2];
	int32_t res;
	uint32_t flags;
};

struct uring_buffer { /* registered */
	uint64_t addr, len, tag;
};

struct uring_fixed {  /* a registered file */
	struct file *file;
	uint64_t tag;
};

struct uring_group {  /* provided buffers of one id */
	struct uring_group *next;
	uint32_t bgid;
	struct list buffers;        /* [C] struct uring_provided */
	uint64_t ring_addr;         /* a ring of the guest's; 0 = none */
	uint32_t ring_entries;
	uint16_t head;              /* [C] */
};

struct uring {
	struct ref ref;             /* the file, and each request */
	LOCK(IOCTX) lock;
	uint32_t flags;             /* [I] IORING_SETUP_* */
	uint32_t sq_entries, cq_entries; /* [I] */
	uint64_t page, pages, sqe_page, sqe_pages; /* [I] in arena-data */
	struct uring_shared *shared;/* [I] */
	char *cqes;                 /* [I] */
	_Atomic uint32_t *array;    /* [I] */
	char *sqes;                 /* [I] */
	uint32_t sq_head;           /* [s] */
	uint32_t cq_tail;           /* [C] */
	struct list overflow;       /* [C] struct uring_overflow */
	uint32_t noverflow;
	struct list held;           /* [C] the same, of IORING_SETUP_DEFER_TASKRUN: until the issuer asks for events */
	_Atomic(struct lx_thread *) reaper; /* who does just now */
	struct waitq wq;            /* who waits for CQEs, or polls the ring */
	struct waitq sq_wq;         /* who wants to submit */
	_Atomic(struct lx_thread *) submitter;
	struct list pending;        /* [C] requests under way */
	struct list deferred;       /* [C] heads of chains that wait for all before them (IOSQE_IO_DRAIN), by io.pending */
	uint32_t inflight;          /* [C] submitted and not ended; not what is deferred */
	uint32_t completions;       /* [C] CQEs of other than timeouts */
	uint32_t timeouts_done, counted; /* [C] timeouts that ended; under way with a count */
	bool disabled, dying;       /* [C] */
	int issuer;                 /* IORING_SETUP_SINGLE_ISSUER: its tid */

	struct uring_fixed *files;  /* [C] */
	uint32_t nfiles, file_hint, alloc_from, alloc_to;
	struct uring_buffer *buffers; /* [C] */
	uint32_t nbuffers;
	struct uring_group *group[URING_GROUPS]; /* [C] by id */
	struct file *eventfd;       /* [C] */
	bool eventfd_async;
	struct lx_cred *personality[URING_PERSONALITIES]; /* [C] */
	uint64_t allowed_ops, allowed_register; /* restrictions, once `restricted` */
	uint32_t allowed_flags, required_flags;
	bool restricted, registered_restrictions;
	uint32_t iowq[2];

	/* IORING_SETUP_SQPOLL: uring_sqpoll.c */
	struct io_worker *sq_worker;/* [a] a worker of the maker's process; NULL once it is gone */
	uint64_t sq_idle_ns;        /* [I] */
};

struct uring_req {
	struct io_req io;           /* first */
	struct uring *ring;         /* a reference */
	struct io_uring_sqe sqe;    /* a copy */
	struct uring_req *link;     /* [r] what comes after it */
	struct uring_req *guard;    /* [C] the LINK_TIMEOUT that watches it */
	struct uring_req *head;     /* [C] a LINK_TIMEOUT's */
	struct lx_timer timer;
	bool has_timer, counted, started;
	bool parked, expired;       /* a LINK_TIMEOUT: it has begun; it was over at once */
	uint32_t target;            /* TIMEOUT: ring->completions that end it */
	long init_err;              /* [r] found when it was submitted */
	bool failed, quiet;         /* [r] what is linked is cancelled; there will be no CQE */
	uint32_t cflags;            /* [r] of its CQE */
	uint64_t extra[2];          /* of a 32-byte CQE */
	uint64_t done;              /* [r] bytes so far, of a MSG_WAITALL */
	struct uring_provided *buf; /* [r] selected, not reported yet */
	struct uring_group *buf_group;
	struct lx_cred *cred;       /* [r] of a personality */
};

/* What an operation's function may return beside a result. */
#define URING_KEEP (-100000l) /* it is under way: somebody else has the request now */

#define OP_FILE   1u  /* sqe->fd is a file of the descriptor or fixed table */
#define OP_IN     2u  /* waits for input */
#define OP_OUT    4u
#define OP_BUFSEL 8u
#define OP_RW     16u /* with RWF_NOWAIT it is not tried again; a short one breaks a link */
#define OP_BLOCK  32u /* what would wait goes to a worker */
#define OP_MSG    128u /* with MSG_DONTWAIT in sqe->msg_flags it is not tried again */
#define OP_IOPOLL 256u /* a ring that polls devices takes it */
#define OP_IOPRIO 64u /* sqe->ioprio has flags or a priority */

/* Fields of an SQE that must be 0. */
#define Z_OFF   1u
#define Z_ADDR  2u
#define Z_LEN   4u
#define Z_FLAGS 8u  /* rw_flags and its other names */
#define Z_BUF   16u /* buf_index */
#define Z_INDEX 32u /* file_index, splice_fd_in, addr_len */

struct uring_op {
	uint32_t flags, zero;
	long (*run)(struct lx_thread *t, struct uring_req *r);
	bool (*right)(const struct io_uring_sqe *sqe); /* what else an SQE must be, or it is EINVAL; NULL = nothing */
};
extern const struct uring_op uring_ops[IORING_OP_LAST];

/* uring_setup.c */
extern const struct file_ops uring_file_ops;
struct uring *uring_of(struct file *f);     /* NULL: it is none */
void uring_get(struct uring *ring);
void uring_put(struct uring *ring);

/* uring_cq.c: one CQE, and all who wait for it hear. */
void uring_post(struct uring *ring, uint64_t user_data, int32_t res, uint32_t cflags, const uint64_t *extra);
/* The thread asks for events (on), or is done with that: what was held back comes to the ring. */
void uring_reap(struct uring *ring, bool on);
bool uring_flush_overflow(struct uring *ring);      /* true: none is left */
uint32_t uring_cq_ready(struct uring *ring);
void uring_wake(struct uring *ring);

/* uring_req.c */
struct uring_req *uring_req_new(struct uring *ring, struct io_engine *eng);
/* The next of a multishot request's CQEs. */
void uring_report(struct uring_req *r, int32_t res, uint32_t cflags);
/* r ends with res: what the caller is to run next, or NULL. */
struct uring_req *uring_finish(struct lx_thread *t, struct uring_req *r, long res);
/* Ends it, and hands what is linked over. */
void uring_end(struct lx_thread *t, struct uring_req *r, long res);
/* Runs r and what is linked. */
void uring_start(struct lx_thread *t, struct uring_req *r);
/* In ring->pending, so that it can be found. */
void uring_list(struct uring_req *r);
/* To whoever runs things for r's process. */
void uring_hand_over(struct lx_thread *t, struct uring_req *r);

/* uring_link.c */
void uring_queue_chain(struct lx_thread *t, struct uring_req *head);
void uring_undefer(struct lx_thread *t, struct uring *ring);
/* quiet: without CQEs. */
void uring_cancel_chain(struct lx_thread *t, struct uring_req *first, bool quiet);
/* Submits up to count SQEs: how many were taken, or -errno. */
long uring_submit(struct lx_thread *t, struct uring *ring, uint32_t count);

/* uring_timeout.c */
void uring_guard_start(struct lx_thread *t, struct uring_req *r);   /* r waits: its LINK_TIMEOUT begins */
void uring_guard_done(struct lx_thread *t, struct uring_req *r);    /* r ends */
void uring_count_timeouts(struct lx_thread *t, struct uring *ring); /* CQEs came */
/* Ends a claimed timeout: its timer is off then. */
void uring_timer_off(struct uring_req *r);
struct uring_req *uring_take_timeout(struct uring *ring, uint64_t user_data, long *err);

/* uring_cancel.c */
struct uring_match {
	uint64_t user_data;
	struct file *file;
	uint32_t flags, opcode;
	const struct uring_req *not;
};
/* 0, or how many with ALL or ANY; -ENOENT, -EALREADY. */
long uring_cancel(struct lx_thread *t, struct uring *ring, const struct uring_match *m);
void uring_cancel_all(struct lx_thread *t, struct uring *ring);

/* uring_rsrc.c */
struct file *uring_fixed_get(struct uring *ring, uint32_t index);   /* a reference, or NULL */
/* Takes over the reference: slot + 1, or IORING_FILE_INDEX_ALLOC.  The CQE's result: 0, the slot, or -errno
   (with the reference the caller's still). */
long uring_fixed_install(struct uring *ring, uint32_t file_index, struct file *f);
long uring_fixed_close(struct uring *ring, uint32_t slot);
long uring_files_register(struct lx_thread *t, struct uring *ring, struct gva fds, struct gva tags, uint32_t count);
/* FILES_UPDATE with IORING_FILE_INDEX_ALLOC: the slots chosen are written over the descriptors. */
long uring_files_place(struct lx_thread *t, struct uring *ring, struct gva fds, uint32_t count);
long uring_files_update(struct lx_thread *t, struct uring *ring, uint32_t offset, struct gva fds, struct gva tags, uint32_t count);
long uring_files_unregister(struct uring *ring);
long uring_buffers_register(struct uring *ring, struct gva iovs, struct gva tags, uint32_t count);
long uring_buffers_update(struct uring *ring, uint32_t offset, struct gva iovs, struct gva tags, uint32_t count);
long uring_buffers_unregister(struct uring *ring);
/* Is [addr, addr + len) in the registered buffer? */
long uring_buffer_check(struct uring *ring, uint32_t index, uint64_t addr, uint64_t len);

/* uring_buf.c: selects a buffer for r; *len is cut to its size.  0, -ENOBUFS. */
long uring_buf_select(struct uring_req *r, uint64_t *addr, uint64_t *len);
void uring_buf_back(struct uring_req *r);  /* it was not used */
uint32_t uring_buf_used(struct uring_req *r); /* its bits of the CQE's flags */
void uring_buf_drop_all(struct uring *ring);
long uring_pbuf_register(struct lx_thread *t, struct uring *ring, struct gva arg);
long uring_pbuf_unregister(struct uring *ring, struct gva arg);

/* uring_sqpoll.c */
bool uring_sq_start(struct lx_thread *t, struct uring *ring);
void uring_sq_kick(struct uring *ring);
/* SQ_WAIT: until there is room in the SQ. */
long uring_sq_wait(struct uring *ring);

/* uring_ringfd.c */
long uring_ring_fds(struct lx_thread *t, struct gva arg, uint32_t count, bool add);

/* uring_register.c: what one SQE may do; 0 or -EACCES. */
long uring_restricted(const struct uring *ring, const struct io_uring_sqe *sqe);

/* uring_check.c: what one SQE may be: 0, -EINVAL, -EOPNOTSUPP, -EACCES. */
long uring_check(const struct uring *ring, const struct io_uring_sqe *sqe);
bool uring_check_accept(const struct io_uring_sqe *sqe);
bool uring_check_cancel(const struct io_uring_sqe *sqe);
bool uring_check_fsync(const struct io_uring_sqe *sqe);
bool uring_check_no_fixed(const struct io_uring_sqe *sqe);
bool uring_check_poll_add(const struct io_uring_sqe *sqe);
bool uring_check_poll_remove(const struct io_uring_sqe *sqe);
bool uring_check_recv(const struct io_uring_sqe *sqe);
bool uring_check_send(const struct io_uring_sqe *sqe);
bool uring_check_splice(const struct io_uring_sqe *sqe);
bool uring_check_timeout(const struct io_uring_sqe *sqe);
bool uring_check_timeout_remove(const struct io_uring_sqe *sqe);
bool uring_check_unlink(const struct io_uring_sqe *sqe);

/* Operations, by file. */
#define URING_OP(name) long uring_op_##name(struct lx_thread *t, struct uring_req *r)
URING_OP(readv); URING_OP(writev); URING_OP(read); URING_OP(write); URING_OP(read_fixed); URING_OP(write_fixed);
URING_OP(fsync); URING_OP(sync_range); URING_OP(fallocate); URING_OP(fadvise); URING_OP(madvise);
URING_OP(openat); URING_OP(openat2); URING_OP(close); URING_OP(statx); URING_OP(renameat); URING_OP(unlinkat);
URING_OP(mkdirat); URING_OP(symlinkat); URING_OP(linkat); URING_OP(fsetxattr); URING_OP(setxattr); URING_OP(fgetxattr);
URING_OP(getxattr); URING_OP(epoll_ctl); URING_OP(splice); URING_OP(tee); URING_OP(files_update);
URING_OP(poll_add); URING_OP(poll_remove); URING_OP(timeout); URING_OP(timeout_remove); URING_OP(link_timeout);
URING_OP(async_cancel); URING_OP(msg_ring); URING_OP(provide_buffers); URING_OP(remove_buffers);
URING_OP(sendmsg); URING_OP(recvmsg); URING_OP(send); URING_OP(recv); URING_OP(accept); URING_OP(connect);
URING_OP(shutdown); URING_OP(socket); URING_OP(send_zc); URING_OP(sendmsg_zc); URING_OP(nop);
#endif
