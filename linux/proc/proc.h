/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/proc.h - the process tree: making, ending and finding processes.
 *
 * References on a process: one for being in the tree (dropped when it is reaped),
 * one for the picoprocess it lives in (dropped by kproc when that is dead, so that
 * a thread on its way out never stands on freed memory), one a look-up.
 * A thread object is freed with its process, or, if it was not the leader, some
 * time after its host thread has ended.
 */
#ifndef LINUX_PROC_PROC_H
#define LINUX_PROC_PROC_H

#include "linux/linux.h"

#define LX_PID_MAX 4194304
#define TIMER_SLACK_NS 50000u

/* Look-ups; the caller holds TASKLIST, or uses proc_get... which gives a reference.  A number is one that the
   calling program names, and means what it means in its pid namespace; the _global ones take lx_proc.pid or lx_thread.tid. */
struct lx_proc *proc_find(int pid) REQUIRES(TASKLIST);
struct lx_thread *thread_find(int tid) REQUIRES(TASKLIST);
struct lx_proc *proc_get_by_pid(int pid);
struct lx_proc *proc_find_global(int pid) REQUIRES(TASKLIST);
struct lx_thread *thread_find_global(int tid) REQUIRES(TASKLIST);
struct lx_proc *proc_get_global(int pid);
void proc_get(struct lx_proc *p);
void proc_put(struct lx_proc *p);

/* A new process object, everything zero but its id, with no thread; not yet in the tree.
   NULL: no memory or the sandbox's pids limit. */
struct lx_proc *proc_new(void);
/* A thread of p, not yet in p->threads or the hash; tid 0 = a new one. */
struct lx_thread *thread_new(struct lx_proc *p, int tid);
void thread_free(struct lx_thread *t);
/* Puts a new process below parent, with its leader, into the tree. */
void proc_link(struct lx_proc *p, struct lx_proc *parent) REQUIRES(TASKLIST);
/* Puts a thread into its process and the hash. */
void thread_link(struct lx_thread *t) REQUIRES(TASKLIST);
void thread_unlink(struct lx_thread *t) REQUIRES(TASKLIST);
/* The same for a thread whose number another one takes over. */
void thread_unhash(struct lx_thread *t) REQUIRES(TASKLIST);
void thread_hash(struct lx_thread *t) REQUIRES(TASKLIST);
/* Remembers an ended thread's object, and frees some that may be freed by now. */
void thread_bury(struct lx_thread *t) REQUIRES(TASKLIST);
void thread_sweep(void);
int tid_alloc(void);
int tid_last(void);        /* the number that was given last */
void tid_set_last(int tid); /* the next ones come behind it; hold no lock */
bool tid_used(int tid) REQUIRES(TASKLIST); /* by a thread, a group or a session; global */
/* Refuses new tasks above the limits: 0 or -EAGAIN. */
long tasks_allowed(struct lx_thread *t);

/* Ends the calling thread with a wait-status-form code; the last thread makes the zombie. */
void lx_thread_exit(struct lx_thread *t, uint32_t code) NORETURN;
/* exit_group: marks the process, interrupts the siblings, ends the caller. */
void lx_group_exit(struct lx_thread *t, uint32_t code) NORETURN;
/* Marks p as ending with code (fatal signal, any process).  Takes PROC: TASKLIST may be held,
   PROC and SIGHAND not.  The _locked one is for who holds PROC (and maybe SIGHAND). */
void proc_mark_exit(struct lx_proc *p, uint32_t code);
void proc_mark_exit_locked(struct lx_proc *p, uint32_t code) REQUIRES(PROC);

/* True if a thread must stop running guest code now: return_to_user then calls
   lx_thread_exit(t, thread_exit_code(t)). */
bool thread_should_exit(const struct lx_thread *t);
uint32_t thread_exit_code(const struct lx_thread *t);

/* Tells the parent about a stop, continue or end: SIGCHLD and wake of child_wait.
   si_code CLD_*; status as si_status wants it. */
void proc_notify_parent(struct lx_proc *p, int si_code, int status) REQUIRES(TASKLIST);
/* Makes the zombie: children go to their new parent, the parent hears of it.  True: it is reaped
   already (nobody wants to know).  proc/exit.c. */
bool proc_make_zombie(struct lx_proc *p) REQUIRES(TASKLIST);
/* The parent hears of p's end, now that nobody else waits for it.  True: it is reaped at once. */
bool proc_tell_end(struct lx_proc *p) REQUIRES(TASKLIST);
/* Takes a zombie out of the tree; the caller drops the tree's reference after TASKLIST. */
void proc_reap(struct lx_proc *p) REQUIRES(TASKLIST);

/* Process groups; session ids. */
struct lx_proc *proc_set_first(enum proc_set set, int id) REQUIRES(TASKLIST); /* NULL: it has no members */
struct lx_proc *proc_set_next(enum proc_set set, struct lx_proc *p, const struct lx_proc *first) REQUIRES(TASKLIST);
/* All members, zombies too; none may join or leave meanwhile. */
#define PROC_SET_FOR(p, set, id)                                                                     \
	for (struct lx_proc *p##_first = proc_set_first((set), (id)), *p = p##_first; p; p = proc_set_next((set), p, p##_first))
void proc_set_change(struct lx_proc *p, int pgrp, int session) REQUIRES(TASKLIST);
/* lx->procs, with the sets. */
void procs_enter(struct lx_proc *p) REQUIRES(TASKLIST);
void procs_leave(struct lx_proc *p) REQUIRES(TASKLIST);
/* The first process whose number is not below pid, or NULL. */
struct lx_proc *procs_from(int pid) REQUIRES(TASKLIST);

bool pgrp_exists(int pgrp, int session) REQUIRES(TASKLIST);
bool pgrp_is_orphaned(int pgrp, struct lx_proc *ignored) REQUIRES(TASKLIST);
/* After p left pgrp (or ended): a group that is orphaned now and has stopped members gets SIGHUP, SIGCONT. */
void pgrp_check_orphan(int pgrp, int session, struct lx_proc *ignored) REQUIRES(TASKLIST);

/* A pidfd's process (borrowed from the file), or NULL if f is none. */
struct lx_proc *pidfd_proc(struct file *f);
int pidfd_create(struct lx_thread *t, struct lx_proc *p, uint32_t flags, struct file **out);

/* Memory that several processes share: /proc/PID/cmdline's text. */
char *blob_new(uint32_t size);
void blob_get(char *blob);
void blob_put(char *blob);

/* vfork by borrowing (proc/vfork.c). */
long vfork_borrow(struct lx_thread *parent, struct lx_thread *child, uint64_t stack, bool set_tls, uint64_t tls, int pid);
/* The calling borrowed child is done with its parent's thread.  become: pico_become the parent,
   so that the child's object can go on elsewhere; resume: back to the parent's guest code. */
struct lx_thread *vfork_give_back(struct lx_thread *child);
void vfork_take_again(struct lx_thread *child, struct lx_thread *parent);
void vfork_resume(struct lx_thread *parent) NORETURN;

/*
 * p->host is the picoprocess p lives in: 0 = none (yet), or HOST_GONE once kproc has
 * heard of its death.  The new picoprocess says it first thing, and its maker again,
 * who may come late, when it has even died: only the first one counts.
 */
#define HOST_GONE UINT32_MAX
void proc_set_host(struct lx_proc *p, dk_handle host);
/* Whatever it was. */
void proc_move_host(struct lx_proc *p, dk_handle host);
/* A process that lives there, or NULL. */
struct lx_proc *proc_find_host(dk_handle host) REQUIRES(TASKLIST);

/* How many guest processes live in this picoprocess (private memory). */
uint32_t pico_users(void);
uint32_t pico_users_add(int n);
void pico_users_forked(void);

/* exec/. */
struct exec_args {
	char *strings;        /* argv strings then envp strings, each with NUL */
	uint32_t argc, envc;
	uint64_t size, room;
	char *path;           /* as execve was given it: AT_EXECFN */
	bool arena;           /* strings and path are in the arena: another picoprocess will use them */
};
/* In a fresh picoprocess made for an execve or for the first program. */
void exec_fresh(struct lx_thread *t) NORETURN;
/* kproc: the first program, by its settings; what exec_fresh finds. */
void exec_first(struct lx_proc *p, const struct dk_boot *boot);
#endif
