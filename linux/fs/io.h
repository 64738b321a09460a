/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/io.h - what the descriptor kinds that are no files (pipes, eventfds,
 * timerfds, signalfds, epolls, sockets) show to the rest of linux/.  fifo_open,
 * fifo_inode_free and unix_inode_free are in inode_ops.h.
 */
#ifndef LINUX_FS_IO_H
#define LINUX_FS_IO_H

#include "linux/fs/inode_ops.h"
#include "linux/fs/poll.h"
#include "linux/fs/vfs.h"

/* Entries of lx_file_ops. */
extern const struct file_ops pipe_file_ops, eventfd_file_ops, timerfd_file_ops, signalfd_file_ops, epoll_file_ops,
	socket_file_ops;

/* The last reference of f is gone: takes it out of every epoll that watches it.  file_put calls
   it before ops->release, holding no lock, when f->epitems is not empty. */
void epoll_file_gone(struct file *f);
/* f waits on other streams of the host than when it was put into epolls.  No locks held; the caller has f. */
void epoll_file_changed(struct file *f);
/* kproc: t died at the host, asleep in epoll_wait perhaps. */
void epoll_thread_died(struct lx_thread *t);
/* pico_provider.wake: the waiter kinds of this personality. */
bool lx_wake(struct waiter *w, uint32_t key);

/* Counts 1 up, for an event of the library OS's own; f is of FILE_EVENTFD. */
void eventfd_signal(struct file *f);
/* A request's file may be ready: aio/engine.c.  Its queue's lock is held. */
void io_woken(struct io_req *r);

/* Bytes of a host's file from pos on by a socket, without a copy: how many, 0 at its end, -errno.  -ENOSYS: read and write them. */
long socket_send_file(struct lx_thread *t, struct file *f, dk_handle file, uint64_t pos, uint64_t size);

/* F_SETPIPE_SZ and F_GETPIPE_SZ; -EBADF if f is no pipe. */
long pipe_fcntl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg);

/* A relative struct timespec of the guest to a deadline; NULL = never.  0, -EFAULT, -EINVAL. */
long deadline_in(struct gva timespec, uint64_t *deadline);
/* Milliseconds, negative = never. */
uint64_t deadline_ms(int ms);
/* Writes what is left of the time back as select and ppoll do, if the pointer is not NULL. */
void deadline_out(struct gva timespec, uint64_t deadline);

/* A file without a name on object, with an inode of that mode; NULL: no memory, object is the caller's still. */
struct file *anon_file(enum file_kind kind, uint32_t flags, uint32_t mode, void *object);
/* Installs it at the lowest descriptor, or drops it with its object. */
long anon_fd(struct lx_thread *t, struct file *f, bool cloexec);

#endif
