/* SPDX-License-Identifier: MIT */
/* linux/sec/notify.h - a seccomp listener, between notify.c and notify_fd.c. */
#ifndef LINUX_SEC_NOTIFY_H
#define LINUX_SEC_NOTIFY_H

#include "linux/sec/internal.h"

enum notice_state { NOTICE_NEW, NOTICE_SENT, NOTICE_DONE };

struct addfd {
	struct list link;
	struct file *file; /* a reference, which the installer takes over */
	int fd;            /* wanted place, or -1 */
	bool cloexec, send;
	bool taken, done; /* being installed; installed or failed, and off the list */
	long result;
};

struct notice {
	struct list link;
	uint64_t id;
	int pid;
	enum notice_state state;
	uint32_t flags;
	int64_t val;
	int error;
	struct seccomp_data data;
	struct list addfds;
	struct notify *notify;
	struct waitq wait; /* the thread whose call this is */
};

struct notify {
	struct ref ref; /* the filter's, the file's, one each waiting thread */
	LOCK(SECCOMP) lock;
	struct list notices;
	uint64_t next_id;
	bool closed; /* nobody listens any more */
	bool hung_up; /* nobody will ask any more */
	struct waitq wait; /* supervisors */
	struct waitq added; /* who waits for an ADDFD to be done */
};

#endif
