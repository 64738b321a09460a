/* SPDX-License-Identifier: MIT */
/* linux/mm/uffd.h - between userfaultfd's files and the rest of mm/. */
#ifndef LINUX_MM_UFFD_H
#define LINUX_MM_UFFD_H

#include <linux/userfaultfd.h>

#include "linux/mm/mm_int.h"

/* An open userfaultfd; in the arena. */
struct uffd {
	struct ref ref;           /* the open file's, and one of each region that is registered */
	LOCK(UFFD) lock;
	struct list faults;       /* [UFFD] struct uffd_fault: threads that wait */
	struct waitq readers, sleepers;
	uint64_t mm_id;           /* [I] whose memory: mm->id */
	uint64_t features;        /* [I] from UFFDIO_API on */
	_Atomic uint32_t ready, closed;
	uint32_t user_only, pad;  /* [I] UFFD_USER_MODE_ONLY: what a system call finds missing is EFAULT */
};

/* uffd.c */
void uffd_get(struct uffd *u);
void uffd_put(struct uffd *u);
/* Tells of a fault and waits until somebody wakes it, or a signal comes: the instruction is tried again in any case.  No lock held. */
void uffd_wait(struct uffd *u, uint64_t addr, uint64_t flags);
void uffd_wake(struct uffd *u, uint64_t start, uint64_t end);

/* uffd_range.c: all with MM held but the ioctls. */
long uffd_range_ioctl(struct lx_thread *t, struct uffd *u, uint32_t cmd, struct gva arg);
/* What a fault at addr in r, which is registered, means: true and *flags: to be told. */
bool uffd_tells(struct mm *mm, struct region *r, uint64_t addr, bool write, uint64_t *flags);
/* The host's protection of r anew: pages that are missing stay closed. */
void uffd_apply(struct region *r, uint64_t start, uint64_t end);
/* r is not registered any more, and open as r->prot says. */
void uffd_forget(struct region *r);
#endif
