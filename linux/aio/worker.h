/* SPDX-License-Identifier: MIT */
/* linux/aio/worker.h - between engine.c and worker.c. */
#ifndef LINUX_AIO_WORKER_H
#define LINUX_AIO_WORKER_H

#include "linux/aio/engine.h"

#define IO_BLOCKING_MAX 16u /* workers of a process that may wait, unless IORING_REGISTER_IOWQ_MAX_WORKERS says more */

/* Makes sure that there is a poller: false if there can be none. */
bool io_need_poller(struct lx_thread *t, struct io_engine *eng);
/* A worker runs r, which the caller does not any more; false if there can be none. */
bool io_hand_to_worker(struct lx_thread *t, struct io_req *r);
#endif
