/* SPDX-License-Identifier: MIT */
/*
 * linux/sec/sec.h - what a thread may not do by its own wish: seccomp filters and the
 * redirection of system calls (seccomp(2), prctl(2), Linux's
 * Documentation/userspace-api/seccomp_filter.rst and syscall-user-dispatch.rst).
 */
#ifndef LINUX_SEC_SEC_H
#define LINUX_SEC_SEC_H

#include "linux/linux.h"

/* entry.c, when this picoprocess has a thread with filters: true = make the call; else *result is what
   rax becomes, and c is arranged so that the call is not made again. */
bool sec_enter(struct lx_thread *t, struct dk_context *c, uint64_t nr, const uint64_t *args, long *result);
/* A thread that runs here now: has entry.c look, if it must. */
void sec_thread_here(const struct lx_thread *t);
/* A new thread, not running yet, gets its maker's filters; the caller is the maker. */
void sec_inherit(struct lx_thread *to, const struct lx_thread *from);
/* execve: filters stay, the redirection of calls ends. */
void sec_exec(struct lx_thread *t);
/* A thread ends, or its object is freed: gives its filters back.  Any number of times; no lock held. */
void sec_thread_end(struct lx_thread *t);
/* kproc: t died at the host, waiting for a supervisor's answer perhaps. */
void sec_thread_died(struct lx_thread *t);

/* prctl's part. */
long seccomp_prctl_set(struct lx_thread *t, uint64_t mode, struct gva filter);
long dispatch_prctl(struct lx_thread *t, uint64_t on, uint64_t start, uint64_t len, uint64_t selector);
#endif
