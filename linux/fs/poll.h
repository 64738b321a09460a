/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/poll.h - one way to wait on any file.
 *
 * file_ops.poll reports what holds now and, given a table, says where to wait: a
 * wait queue for objects of ours (poll_wait), a Dk stream event for the host's
 * (poll_wait_stream).  poll, select and a blocking read build a table on the
 * calling thread; epoll keeps waiters of kind LX_WAITER_EPOLL on the queues.
 */
#ifndef LINUX_FS_POLL_H
#define LINUX_FS_POLL_H

#include "linux/fs/vfs.h"

#define LX_WAITER_EPOLL (PICO_WAITER_PROVIDER + 0)
#define LX_WAITER_SLEEPER (PICO_WAITER_PROVIDER + 3) /* data: a struct epoll, in whose list of sleepers it is */
#define LX_WAITER_IO    (PICO_WAITER_PROVIDER + 2) /* data: a struct io_req, aio/engine.h */

struct io_req;

struct poll_table {
	struct poll_chunk *chunks; /* arena: waiters beyond the thread's own; w->data is the queue */
	uint32_t count;         /* waiters in use */
	dk_handle events[DK_WAIT_MAX - 1]; /* stream events to wait on too */
	uint32_t nevents;
	bool too_many;          /* more streams than events: poll_sleep wakes every 10 ms */
	bool failed;            /* no memory: the caller returns -ENOMEM */
	void *epitem;           /* epoll: waiters are of kind LX_WAITER_EPOLL for this item */
	struct fasync *fasync;  /* O_ASYNC: waiters are of kind LX_WAITER_FASYNC for this */
	struct io_req *io;      /* the same for an asynchronous request: kind LX_WAITER_IO */
	uint32_t key;           /* events that are waited for */
	bool streams_only;      /* queues are known already */
	bool looks;             /* nothing is waited for */
	bool told;              /* the host's sockets are not asked: what they are ready for is */
	uint32_t ready;         /* DK_READY bits, of all of the file's */
};
void poll_table_init(struct poll_table *p);
void poll_table_look(struct poll_table *p, uint32_t ready); /* of one that looks, told so */
void poll_table_done(struct poll_table *p); /* takes all waiters off their queues, frees */
/* kproc: t died at the host, waiting perhaps. */
void poll_thread_died(struct lx_thread *t);
void poll_wait(struct poll_table *p, struct waitq *q);
void poll_wait_stream(struct poll_table *p, dk_handle stream, enum dk_stream_event which);
/* The same for a socket of the host's, for all that p->key asks for. */
void poll_wait_socket(struct poll_table *p, dk_handle stream);
/* Sleeps until one fires: 0, -ERESTARTSYS, -ETIMEDOUT. */
long poll_sleep(struct poll_table *p, uint64_t deadline);
/* Waits until f's poll mask has one of events: 0, -EAGAIN if O_NONBLOCK, -ERESTARTSYS. */
long file_wait(struct lx_thread *t, struct file *f, uint32_t events, uint64_t deadline);
uint32_t file_poll(struct lx_thread *t, struct file *f, struct poll_table *p);
#endif
