/* SPDX-License-Identifier: MIT */
/* linux/proc/fork.h - between fork.c and fork_child.c: what was asked, and the child's objects. */
#ifndef LINUX_PROC_FORK_H
#define LINUX_PROC_FORK_H

#include "linux/linux.h"

struct fork_args {
	uint64_t flags; /* without the exit signal */
	uint32_t exit_signal;
	uint64_t stack; /* top; 0 = the caller's */
	struct gva pidfd, parent_tid, child_tid;
	uint64_t tls;
	uint32_t event; /* of ptrace, that tells of the child; 0: none */
	const int *set_tid; /* numbers that the child gets, in its own namespace first */
	uint32_t set_tid_size;
	/* A thread of the other personality: its registers, its object, and what is called with that once the thread has a number and
	   before it is seen.  NULL: the caller's registers. */
	const struct dk_context *regs;
	struct nt_thread *nt;
	void (*numbered)(struct nt_thread *nt, struct lx_thread *c);
};

/* A further thread of the calling process: its number, or -errno. */
long fork_thread(struct lx_thread *t, const struct fork_args *a);

/* What a new thread has from its maker; it is not in the tree yet. */
void fork_copy_thread(struct lx_thread *to, const struct lx_thread *from, const struct fork_args *a);
/* The number asked for in the initial namespace; 0: any. */
int fork_global_tid(struct lx_thread *t, const struct fork_args *a);
/* May the caller choose these numbers?  0 or -errno. */
long fork_check_set_tid(struct lx_thread *t, const struct fork_args *a);
/* The child of a fork with its one thread, complete but not yet in the tree; NULL and *err. */
struct lx_proc *fork_make_child(struct lx_thread *t, const struct fork_args *a, long *err);
/* A child that did not get into the tree goes. */
void fork_drop_child(struct lx_proc *p);
/* Into the tree, and out again if it cannot be made to run.  Both take the tasklist's lock. */
void fork_link_child(struct lx_thread *t, struct lx_proc *p, const struct fork_args *a);
void fork_unlink_child(struct lx_proc *p);
#endif
