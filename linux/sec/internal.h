/* SPDX-License-Identifier: MIT */
/* linux/sec/internal.h - between the files of linux/sec. */
#ifndef LINUX_SEC_INTERNAL_H
#define LINUX_SEC_INTERNAL_H

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "linux/sec/sec.h"

struct notify;

/*
 * One loaded program, in the arena.  Filters form a tree: a thread points at its newest,
 * each at the one that was there before.  References: threads, younger filters.
 */
struct seccomp_filter {
	struct ref ref;
	uint32_t count;              /* [I] instructions */
	struct seccomp_filter *prev; /* [I] a reference */
	struct notify *notify;       /* [I] a reference, or NULL: no listener */
	uint32_t total;              /* [I] instructions of the path, each program counting 4 more */
	uint32_t flags;              /* [I] SECCOMP_FILTER_FLAG_* */
	struct sock_filter insn[];   /* [I] */
};

/* bpf.c */
/* True if the program is one that seccomp takes: known instructions on struct seccomp_data, jumps forward
   and inside, every path ending in RET, no scratch word read that was not written. */
bool bpf_check(const struct sock_filter *insn, uint32_t count);
/* Runs a checked program: what it returns. */
uint32_t bpf_run(const struct sock_filter *insn, const struct seccomp_data *data);

/* seccomp.c */
void filter_get(struct seccomp_filter *f);
void filter_put(struct seccomp_filter *f); /* NULL is fine; hold no lock */

/* notify.c: a listener. */
struct notify *notify_new(void);
void notify_put(struct notify *n);
/* The last filter with it is gone: nothing will come any more. */
void notify_hang_up(struct notify *n);
/* Its descriptor, installed close-on-exec in t's process; or -errno. */
int notify_fd(struct lx_thread *t, struct notify *n);
/* Asks the supervisor: true = make the call, false = *result; -ERESTARTSYS if a signal came. */
bool notify_ask(struct lx_thread *t, struct notify *n, const struct seccomp_data *data, bool killable, long *result);
void notify_forget(struct lx_thread *t); /* t died while it waited */
#endif
