/* SPDX-License-Identifier: MIT */
/* linux/fs/fasync.h - signals to the owners of files: O_ASYNC (fasync.c), leases (lease.c), F_NOTIFY (dnotify.c). */
#ifndef LINUX_FS_FASYNC_H
#define LINUX_FS_FASYNC_H

#include "linux/fs/fs.h"
#include "linux/fs/poll.h"

#define LX_WAITER_FASYNC (PICO_WAITER_PROVIDER + 1)

/* fcntl's F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG, F_SETOWN_EX, F_GETOWN_EX. */
long owner_fcntl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg);
/* Who has no owner yet gets the calling process. */
void owner_default(struct lx_thread *t, struct file *f);
/* f's signal to f's owner: SIGIO, or F_SETSIG's with si_fd fd, si_code POLL_*, si_band.  No lock inside of IPC is held. */
void owner_signal(struct file *f, int fd, int code, uint32_t band);
/* SIGURG to f's owner.  f may have no reference left, but its release waits for a lock that the caller holds. */
void owner_urgent(struct file *f);

/* O_ASYNC was set (with descriptor fd) or cleared: 0, -ENOMEM. */
long fasync_set(struct lx_thread *t, struct file *f, int fd, bool on);
void fasync_add_queue(struct poll_table *p, struct waitq *q); /* poll_wait's, for p->fasync */
void fasync_wake(struct waiter *w, uint32_t key);             /* from lx_wake: the queue's lock is held */
void fasync_file_gone(struct file *f);                        /* f->fasync was set */
/* kproc: sends what came. */
void fasync_run(void);

/* F_NOTIFY. */
long dnotify_set(struct lx_thread *t, struct file *f, int fd, uint32_t mask);
void dnotify_file_gone(struct file *f); /* f->dnotified was set */

/* F_SETLEASE, F_GETLEASE. */
long lease_set(struct lx_thread *t, struct file *f, int fd, uint64_t type);
long lease_get(struct file *f);
void lease_release(struct file *f);
/* i is about to be opened or cut: holders of leases that are in the way are told, and given time.
   0, -EWOULDBLOCK, -ERESTARTSYS. */
long lease_break(struct inode *i, bool writes, bool wait);
/* Whether lease_break need be asked. */
bool lease_there(const struct inode *i);

#endif
