/* SPDX-License-Identifier: MIT */
/* linux/aio/aio.h - between aio.c and aio_submit.c. */
#ifndef LINUX_AIO_AIO_H
#define LINUX_AIO_AIO_H

#include <linux/aio_abi.h>

#include "linux/aio/engine.h"

/* The ring as libaio looks into it: kernel and guest read and write it at once. */
struct aio_ring {
	uint32_t id, nr;
	_Atomic uint32_t head; /* the guest's */
	_Atomic uint32_t tail; /* ours */
	uint32_t magic, compat, incompat, header_length;
	struct io_event event[];
};

struct aio_ctx {
	struct ref ref;
	struct list link;      /* [Q] in eng->aio */
	LOCK(IOCTX) lock;
	struct shared_mem *mem;/* [I] pages of the ring */
	struct aio_ring *ring; /* [I] */
	uint64_t id;           /* [I] where the guest has it: the context's name */
	uint32_t nr, max;      /* [I] places of the ring; what io_setup asked for */
	uint32_t tail;         /* [C] */
	uint32_t under_way;    /* [C] */
	bool dead;             /* [C] */
	struct list pending;   /* [C] requests */
	struct waitq wq;       /* who waits for events */
};

struct aio_req {
	struct io_req io;      /* first */
	struct aio_ctx *ctx;   /* a reference */
	uint64_t iocb, data;   /* what the event says */
	struct file *eventfd;  /* or NULL */
};

/* The caller's context of that name, with a reference; NULL: there is none. */
struct aio_ctx *aio_find(struct lx_thread *t, uint64_t id);
void aio_put(struct aio_ctx *ctx);
/* A place for one more event is kept: false if all are taken. */
bool aio_reserve(struct aio_ctx *ctx);
void aio_unreserve(struct aio_ctx *ctx);
/* Puts the event, tells all, and frees r. */
void aio_complete(struct aio_req *r, long result);
#endif
