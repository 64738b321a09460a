/* SPDX-License-Identifier: MIT */
/* linux/mm/uffd.h - between userfaultfd's files and the rest of mm/. */
#ifndef LINUX_MM_UFFD_H
#define LINUX_MM_UFFD_H

#include <linux/userfaultfd.h>

#include "linux/mm/mm_int.h"

/* Newer than the headers of Debian 12. */
#define UFFD_FEATURE_POISON (1u << 14)
#define UFFD_FEATURE_MOVE   (1u << 16)
#ifndef UFFDIO_MOVE
#define _UFFDIO_MOVE   0x05
#define UFFDIO_MOVE    0xc028aa05u
#define _UFFDIO_POISON 0x08
#define UFFDIO_POISON  0xc020aa08u
#endif
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW 0xaa00u
#endif

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
bool uffd_page_there(uint64_t page);
/* 0 or -EINVAL. */
long uffd_check_range(const struct uffdio_range *g);
/* The region at addr if it is u's (NULL: not), and how much of [addr, addr + len) in it is missing; 0: the first page is there. */
struct region *uffd_missing_run(struct mm *mm, const struct uffd *u, uint64_t addr, uint64_t len, uint64_t *run);
/* An ioctl's result from what was done, which is told at out: all, or EAGAIN for a part.  Wakes who waits for these pages; no lock held. */
long uffd_settle_range(struct uffd *u, struct gva out, long done, uint64_t addr, uint64_t len, bool wake);
/* uffd_move.c: two ioctls. */
long uffd_move(struct mm *mm, struct uffd *u, struct gva arg);
long uffd_poison(struct mm *mm, struct uffd *u, struct gva arg);
/* r is not registered any more, and open as r->prot says. */
void uffd_forget(struct region *r);
#endif
