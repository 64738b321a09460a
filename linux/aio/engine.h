/* SPDX-License-Identifier: MIT */
/*
 * linux/aio/engine.h - operations that go on without a thread that waits for them:
 * what aio (aio.c) and io_uring (uring.h) have in common.
 *
 * A request belongs to the process that submitted it, because only there its
 * descriptors and memory are.  The process's engine has all its requests under way.
 * docs/design/11-io_uring.md says who runs them when.
 *
 * Letters: Q = IOQUEUE (eng->lock), C = IOCTX (the context's lock), I immutable, r whoever
 * runs the request (its IO_RUNNING is his).
 */
#ifndef LINUX_AIO_ENGINE_H
#define LINUX_AIO_ENGINE_H

#include "linux/fs/io.h"

enum io_source { IO_SOURCE_AIO, IO_SOURCE_URING, IO_SOURCE_NT /* linux/other.h */ };

/* io_req.state */
#define IO_RUNNING  1u /* somebody runs, ends or builds it */
#define IO_QUEUED   2u /* its file may be ready: run it (again) */
#define IO_CANCEL   4u /* who runs it is to give up if it would have to wait */
#define IO_HANDED   8u /* its context's list does not have it any more: it ends */

struct io_wait {
	struct waiter w; /* kind LX_WAITER_IO */
	struct waitq *q;
	struct io_wait *more;
};

struct io_req {
	struct list pending;    /* [C] in its context's list */
	struct list all;        /* [Q] in eng->all */
	struct list run;        /* [Q] in eng->ready or eng->blocking */
	struct list host;       /* [Q] in eng->hosts, if it waits on streams of the host */
	struct io_engine *eng;  /* [I] */
	uint32_t source;        /* [I] enum io_source */
	uint32_t state;         /* [Q] */
	struct io_worker *worker; /* [Q] who runs it and may wait meanwhile */
	struct file *file;      /* [r] a reference, or NULL */
	uint32_t events;        /* [r] what to wait for */
	bool armed;             /* [r] waits has queues */
	bool cred_kept;
	uint32_t nwaits, nstreams; /* [r] */
	struct io_wait waits[2];
	struct io_wait *more;
	struct { dk_handle stream; uint32_t which; } streams[2];
	struct lx_cred cred;    /* for a worker; if cred_kept */
};

/* A thread that is no guest's: it runs eng->ready, eng->blocking, or a submission queue. */
enum io_job { IO_JOB_READY, IO_JOB_BLOCKING, IO_JOB_SQ };

struct io_worker {
	struct list link;       /* [Q] in eng->workers */
	struct io_engine *eng;
	struct lx_thread *thread;
	struct io_req *busy;    /* [Q] */
	enum io_job job;        /* [I] */
	void *ring;             /* [I] IO_JOB_SQ: the io_uring, a reference */
	bool idle;              /* [Q] */
};

struct io_engine {
	struct lx_proc *proc;   /* [I] */
	LOCK(IOQUEUE) lock;
	struct list all, ready, blocking, hosts; /* [Q] requests */
	_Atomic uint32_t held;  /* guest threads that run what becomes ready before they leave the kernel: nobody else is told */
	struct list sleepers;   /* [Q] waiters of guest threads that run requests while they wait */
	struct list workers;    /* [Q] */
	uint32_t nworkers, nblocking, max_blocking; /* [Q] */
	struct io_worker *poller; /* [Q] */
	struct lx_thread *stopper;/* [Q] who waits for the workers' end */
	struct fdtable *fdt;    /* [Q] table that has an extra reference while there are workers, see io_table_users */
	struct list aio;        /* [Q] contexts of io_setup */
	struct file *ring[16];  /* [Q] IORING_REGISTER_RING_FDS */
};

/* The process's engine, made by the first who asks; NULL: no memory. */
struct io_engine *io_engine_get(struct lx_thread *t);
/* A zeroed request of the caller's process, IO_RUNNING is the caller's. */
void io_req_init(struct io_req *r, struct io_engine *eng, enum io_source source);
/* Puts waiters on all queues of r's file, for r->events, once.  False: no memory. */
bool io_arm(struct lx_thread *t, struct io_req *r);
void io_disarm(struct io_req *r);

/* The caller stops running r, which may be gone when this returns: it waits for io_woken, or is run
   again at once.  False: it was cancelled meanwhile (IO_CANCEL), or there is nobody who could run
   it, and the caller still does. */
bool io_park(struct lx_thread *t, struct io_req *r) MUST_CHECK;
/* A worker is to run r, which may wait there.  The same. */
bool io_punt(struct lx_thread *t, struct io_req *r) MUST_CHECK;
/* r is to be run by somebody of its process: from wherever. */
void io_queue(struct io_req *r);
/* True: the caller runs r now, to end it.  False: somebody else does, who has been told. */
bool io_claim(struct io_req *r);
/* r ends: off all lists of the engine, its file is put.  The memory is the caller's. */
void io_req_done(struct io_req *r);

/* Runs what is ready.  True if there was something. */
bool io_run(struct lx_thread *t, struct io_engine *eng);
/* Sleeps until q is woken, a request is ready (and is run by the caller) or the deadline: 0,
   -ERESTARTSYS, -ETIMEDOUT.  ready says with data whether to sleep at all. */
long io_sleep(struct lx_thread *t, struct io_engine *eng, struct waitq *q, bool (*ready)(void *), void *data, uint64_t deadline);

/* What io_run and the workers call; block: it may wait. */
void aio_run(struct lx_thread *t, struct io_req *r);
void uring_run(struct lx_thread *t, struct io_req *r, bool block);
/* Ends r as cancelled; the caller claimed it. */
void aio_cancelled(struct lx_thread *t, struct io_req *r);
void uring_cancelled(struct lx_thread *t, struct io_req *r);

/* Copies of credentials, with a reference on their user namespace. */
void io_cred_keep(struct lx_cred *to, const struct lx_cred *from);
void io_cred_drop(struct lx_cred *c);

/* Wakes one of those who may run ready requests.  Q is held. */
void io_kick_locked(struct io_engine *eng) REQUIRES(IOQUEUE);
/* The caller runs what becomes ready from here to io_release, himself, and does not wait in between: NT. */
void io_hold(struct io_engine *eng);
void io_release(struct lx_thread *t, struct io_engine *eng);
/* The poller, if there is one, is to look at its deadline again: NT. */
void io_kick_poller(struct io_engine *eng);
/* The stream events requests wait on, at most max; how many there are.  Q is held. */
uint32_t io_host_events(struct io_engine *eng, dk_handle *events, uint32_t max) REQUIRES(IOQUEUE);
/* All that wait on a host stream may be ready. */
void io_hosts_fired(struct io_engine *eng);

/* worker.c: a worker for a ring's SQ, which takes over a reference on it. */
struct io_worker *io_sq_worker(struct lx_thread *t, struct io_engine *eng, void *ring);
/* uring_sqpoll.c: its life. */
void uring_sq_loop(struct lx_thread *t, struct io_worker *w);
void uring_sq_gone(struct io_worker *w);

/* ---- For the rest of linux/ ---- */

/* thread_start of a worker. */
void io_worker_main(struct lx_thread *t) NORETURN;
/* Before the process ends or executes a program: no worker is left.  leaving: as exit_wait_others. */
void io_stop_workers(struct lx_thread *t, uint32_t leaving);
/* All that p has under way is cancelled, contexts and engine go.  No worker is left (or they died at the host). */
void io_exit(struct lx_proc *p);
/* kproc: p's threads died at the host.  Did one of the workers hold a lock?  They leave all queues. */
bool io_workers_held(struct lx_proc *p);
void io_workers_died(struct lx_proc *p);
/* kproc: it was submitting to an io_uring, perhaps one that other processes have too. */
void uring_submitter_died(struct lx_thread *t);
/* How many processes use p's descriptor table. */
uint32_t io_table_users(struct lx_proc *p);
/* p has another table now (and gave the old one's reference away, but not the engine's). */
void io_table_changed(struct lx_proc *p);
/* aio.c: contexts go with the engine. */
void aio_exit(struct io_engine *eng);
#endif
