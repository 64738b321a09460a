/* SPDX-License-Identifier: MIT */
/* linux/fs/pollset.h - between poll.c, select.c and epoll.c. */
#ifndef LINUX_FS_POLLSET_H
#define LINUX_FS_POLLSET_H

#include "linux/fs/poll.h"

struct pollset {
	struct pollfd *fds;
	struct file **files;    /* a reference each while pollset_wait runs */
	uint32_t count, always; /* always: events that are reported unasked */
	struct pollfd small_fds[16];
	struct file *small_files[16];
};
bool pollset_alloc(struct pollset *s, uint32_t count); /* false: no memory */
void pollset_free(struct pollset *s);
/* Fills revents; how many are not 0, or -errno.  deadline 0: does not sleep. */
long pollset_wait(struct lx_thread *t, struct pollset *s, uint64_t deadline);

/* poll_wait and poll_wait_stream of a table with an epitem. */
void epoll_add_queue(struct poll_table *p, struct waitq *q);
bool epoll_add_member(struct poll_table *p, dk_handle stream); /* false: that cannot be, take epoll_add_stream */
void epoll_add_stream(struct poll_table *p, dk_handle stream, enum dk_stream_event which);
/* The same for one with a request: aio/engine.c. */
void io_add_queue(struct poll_table *p, struct waitq *q);
void io_add_stream(struct poll_table *p, dk_handle stream, enum dk_stream_event which);

#endif
