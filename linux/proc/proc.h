/* SPDX-License-Identifier: MIT */
/* linux/proc/proc.h - the process tree: making, ending and finding processes. */
#ifndef LINUX_PROC_PROC_H
#define LINUX_PROC_PROC_H

#include "linux/linux.h"

/* Look-ups; the caller holds TASKLIST, or uses proc_get_by_pid which gives a reference. */
struct lx_proc *proc_find(int pid) REQUIRES(TASKLIST);
struct lx_thread *thread_find(int tid) REQUIRES(TASKLIST);
struct lx_proc *proc_get_by_pid(int pid);
void proc_put(struct lx_proc *p);

/* A new process object in the tree below parent with one thread: pids allotted, everything else zero
   or copied as fork's first half does.  NULL: no memory or pids limit. */
struct lx_proc *proc_new(struct lx_proc *parent);
struct lx_thread *thread_new(struct lx_proc *p);

/* Ends the calling thread with a wait-status-form code; the last thread makes the zombie. */
void lx_thread_exit(struct lx_thread *t, uint32_t code) NORETURN;
/* exit_group: marks the process, interrupts the siblings, ends the caller. */
void lx_group_exit(struct lx_thread *t, uint32_t code) NORETURN;
/* Marks p as ending with code from another process (fatal signal); no lock held but SIGHAND allowed. */
void proc_mark_exit(struct lx_proc *p, uint32_t code);

/* True and handled if a thread must stop running guest code now (called by return_to_user). */
bool thread_should_exit(const struct lx_thread *t);

/* Tells the parent about a stop, continue or end: SIGCHLD and wake of child_wait. */
void proc_notify_parent(struct lx_proc *p, int si_code, int status) REQUIRES(TASKLIST);

/* Process groups; session ids. */
bool pgrp_exists(int pgrp, int session) REQUIRES(TASKLIST);
bool pgrp_is_orphaned(int pgrp, struct lx_proc *ignored) REQUIRES(TASKLIST);

/* exec/: loads a program into the calling process's (empty) address space and fills c. */
struct exec_args {
	char *strings;        /* heap: argv strings then envp strings, each with NUL */
	uint32_t argc, envc;
	uint64_t size;
	char *path;           /* heap, as execve was given it */
};
long exec_load(struct lx_thread *t, struct exec_args *args, struct dk_context *c);
/* In a fresh picoprocess made for an execve or for the first program. */
void exec_fresh(struct lx_thread *t) NORETURN;
#endif
