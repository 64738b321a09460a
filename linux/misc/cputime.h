/* SPDX-License-Identifier: MIT */
/* linux/misc/cputime.h - CPU time used, told apart by user and system (getrusage(2), times(2), proc(5)). */
#ifndef LINUX_MISC_CPUTIME_H
#define LINUX_MISC_CPUTIME_H

#include "linux/linux.h"

/*
 * o's or p's times in ns so far, as the caller t can know them: exact sums for its own thread,
 * for all threads of its process and for any process in a picoprocess of its own; else what
 * the thread last published.  Neither part ever goes back.  Takes PROC; TASKLIST may be held,
 * and keeps o or p where they are.
 */
void thread_cpu_times(struct lx_thread *t, struct lx_thread *o, struct cpu_times *out);
void proc_cpu_times(struct lx_thread *t, struct lx_proc *p, struct cpu_times *out);
/* The sum alone. */
uint64_t thread_cpu_ns(struct lx_thread *t, struct lx_thread *o);
uint64_t proc_cpu_ns(struct lx_thread *t, struct lx_proc *p);
uint64_t proc_cpu_ns_locked(struct lx_thread *t, struct lx_proc *p) REQUIRES(PROC);

/* sched.c: a new thread's policy and priorities. */
void sched_inherit(struct lx_thread *to, const struct lx_thread *from);

/* A new thread: its first sample. */
void cputime_init(struct lx_thread *t);
/* Before a call whose time is taken, and after it (of the thread that came back); entry.c. */
uint64_t cputime_begin(struct lx_thread *t);
void cputime_end(struct lx_thread *t, uint64_t began);
/* The end of a call that asked for times; began by cputime_begin. */
void cputime_asked(struct lx_thread *t, uint64_t began);
/* The calling thread t ends: what it used is read (no lock is held), and goes to its process.  PROC is held. */
void cputime_thread_ends(struct lx_thread *t);
void cputime_thread_exit(struct lx_thread *t) REQUIRES(PROC);
/* p ends in its last thread t: the final figures. */
void cputime_proc_exit(struct lx_thread *t, struct lx_proc *p);
/* vfork: child begins to use parent's host thread; it is back with the parent. */
void cputime_lent(struct lx_thread *child);
void cputime_returned(struct lx_thread *child, struct lx_thread *parent);
/* p begins to have this fresh picoprocess for itself. */
void cputime_fresh(struct lx_proc *p);
#endif
