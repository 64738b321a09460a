/* SPDX-License-Identifier: MIT */
/* linux/fs/lock.h - between lock.c (the sandbox's file locks) and lock_dk.c (the same on the host). */
#ifndef LINUX_FS_LOCK_H
#define LINUX_FS_LOCK_H

#include "linux/fs/fs.h"

enum lock_kind { KIND_POSIX, KIND_OFD, KIND_FLOCK };

struct file_lock {
	struct list link;
	enum lock_kind kind;
	short type;          /* F_RDLCK or F_WRLCK */
	uint64_t start, end; /* last byte; INT64_MAX = to the end */
	void *owner;
	int pid;
};

/* inode->flocks.  An inode that has one keeps it until it goes. */
struct lock_list {
	struct list head;    /* [INODE: vfs()->locks_lock] by start */
	uint64_t top;        /* [INODE: the same] no lock ends behind it */
	LOCK(FILE) change;   /* one change at a time, here and on the host */
	struct list leases;  /* [INODE: vfs()->locks_lock] lease.c */
	dk_handle stream;    /* [change] the host's locks are held through it, a reference; 0 = none yet */
};

/* i's, made if needed; NULL: no memory. */
struct lock_list *lock_list_of(struct inode *i);

/* The host's locks for what is held here, all by one description of the monitor's.  change is held.
   0, -EAGAIN if somebody outside is in the way, or another error. */
long host_lock_set(struct lock_list *l, struct file *f, const struct file_lock *want);
/* want's range or flock is given up by its owner and is no longer in l: what nobody else here holds is unlocked. */
void host_lock_clear(struct lock_list *l, const struct file_lock *want);
/* Would the host refuse want now?  F_UNLCK = no, else the type of lock that is in the way. */
short host_lock_test(struct lock_list *l, struct file *f, const struct file_lock *want);
/* No lock is left: nothing to hold the stream for. */
void host_lock_idle(struct lock_list *l);

#endif
