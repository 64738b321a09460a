/* SPDX-License-Identifier: MIT */
/* linux/ipc/mqueue.h - POSIX message queues, between the calls (mqueue.c) and the file system that shows them (mqueuefs.c). */
#ifndef LINUX_IPC_MQUEUE_H
#define LINUX_IPC_MQUEUE_H

#include <linux/mqueue.h>

#include "linux/ipc/sysv.h"

struct mqueue {
	struct ref ref;          /* its name, and each open file */
	struct ipc_root *root;   /* [IPC] whose list it is in, while it has a name */
	struct list link;        /* [IPC] in ipc_root()->mqueues, while it has a name */
	char name[NAME_MAX + 1];
	uint64_t ino;            /* [I] rises with each one made */
	uint32_t mode, uid, gid;
	int64_t maxmsg, msgsize; /* [I] */
	int64_t count, bytes;    /* [IPC] */
	uint32_t owner;          /* [I] user whose RLIMIT_MSGQUEUE it counts against */
	uint64_t charged;        /* [I] bytes of that */
	struct list messages;    /* [IPC] */
	uint32_t receivers;      /* [IPC] threads that wait for a message */
	struct waitq wait;       /* senders, receivers, poll */
	int notify_pid;          /* [IPC] 0 = nobody; else whom to tell once */
	int notify_how, notify_sig;
	uint64_t notify_value;
	struct sock *notify_sock; /* [IPC] SIGEV_THREAD: a reference, where the cookie goes */
	char notify_cookie[NOTIFY_COOKIE_LEN];
};

struct mq_message {
	struct list link;
	uint32_t prio;
	uint64_t size;
	char text[];
};

/* What is to be sent when the lock is dropped: a signal, or a cookie to a socket. */
struct mq_notice {
	int pid, sig;
	uint64_t value;
	struct sock *sock; /* a reference */
	char cookie[NOTIFY_COOKIE_LEN];
};

void mqueue_put(struct mqueue *q);
struct mqueue *mqueue_find(struct ipc_root *root, const char *name) REQUIRES(IPC);
/* A new one with that name in root, whose reference is the list's: 0, -ENOSPC, -ENOMEM.  a NULL: the usual limits. */
long mqueue_create(struct lx_thread *t, struct ipc_root *root, const char *name, uint32_t mode, const struct mq_attr *a,
	struct mqueue **out) REQUIRES(IPC);
/* The name goes; the list's reference is the caller's to put. */
void mqueue_unname(struct mqueue *q) REQUIRES(IPC);

/* The caller's descriptor of a queue, open for mode (O_RDONLY, O_WRONLY; < 0: any), with a reference; NULL: not such a one. */
struct file *mqueue_get(struct lx_thread *t, int fd, int mode);
/* Whom to tell that the queue is not empty any more; he is told once.  pid 0: nobody. */
struct mq_notice mqueue_notice_take(struct mqueue *q) REQUIRES(IPC);
void mqueue_notice_send(struct lx_thread *t, const struct mq_notice *n); /* hold no lock */
/* If it is process pid that would be told, it is no more: what it hears of that. */
struct mq_notice mqueue_notify_drop(struct mqueue *q, int pid) REQUIRES(IPC);
#endif
