/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/ptrace.h - one thread looks into another: docs/design/14-ptrace.md.
 *
 * A traced thread has a struct ptrace (made when it is first attached to, freed with the
 * thread).  t->tracer says whether it is traced now, and changes under TASKLIST.
 */
#ifndef LINUX_PROC_PTRACE_H
#define LINUX_PROC_PTRACE_H

#include "linux/linux.h"
#include <linux/ptrace.h>

#define PTRACE_SYSEMU            31
#define PTRACE_SYSEMU_SINGLESTEP 32

/* What kind of stop it is in. */
enum ptrace_kind { PT_RUNS, PT_SIGNAL, PT_GROUP, PT_ENTRY, PT_EXIT, PT_EVENT };
/* Ended, and to be waited for by its tracer: a thread that is kept for that, one that its process
   keeps (the last one), a whole process whose parent hears of it afterwards. */
enum ptrace_dead { PT_ALIVE, PT_DEAD_THREAD, PT_DEAD_LAST, PT_DEAD_PROC };

struct user_regs { /* the kernel's struct user_regs_struct */
	struct dk_context c;
	uint64_t fs_base, gs_base, ds, es, fs, gs;
};

struct ptrace {
	struct list link;            /* [T] in tracer->tracees */
	struct lx_thread *self;      /* [I] whose it is */
	uint32_t seized, options;    /* [T] */
	uint32_t stop;               /* [T] enum ptrace_kind: the tracer owns the members below it */
	uint32_t code, reported;     /* [T] signal | event << 8, and whether wait4 has told it */
	uint32_t listening;          /* [T] PTRACE_LISTEN: stopped, and yet not the tracer's */
	uint32_t dead;               /* [T] enum ptrace_dead */
	uint32_t mode;               /* [T] PTRACE_CONT, PTRACE_SYSCALL, ...: how it goes on */
	uint32_t resume_sig;         /* [T] and with which signal */
	_Atomic uint32_t wanted;     /* [a] an event stop: PTRACE_INTERRUPT, SIGCONT */
	uint32_t group_seen;         /* [o] proc->stop_seq of the group stop that was shown */
	uint32_t stepping;           /* [o] TF in the frame is the tracer's */
	uint64_t message;            /* PTRACE_GETEVENTMSG */
	uint32_t has_info, regs_set; /* info, regs mean something; the tracer changed regs */
	siginfo_t info;
	struct user_regs regs;
	uint64_t dr[8], watched[4];  /* debug registers, and what was there before an instruction: ptrace_watch.c */
};

/* ---- The traced thread (ptrace_stop.c); no lock held.  c is its frame. ---- */

static inline bool ptrace_option(const struct lx_thread *t, uint32_t event)
{
	return UNLIKELY(t->tracer != NULL) && (t->pt->options & 1u << event);
}
/* A signal is about to be delivered: what is, or 0. */
int ptrace_signal(struct lx_thread *t, struct dk_context *c, int sig, siginfo_t *info);
/* Group stops and PTRACE_INTERRUPT.  True: it stopped. */
bool ptrace_trap(struct lx_thread *t, struct dk_context *c);
bool ptrace_wants_trap(const struct lx_thread *t);
/* If the tracer asked for such events. */
void ptrace_event(struct lx_thread *t, uint32_t event, uint64_t message);
/* A seccomp filter leaves the call to the tracer, who may have changed it when this returns.  False:
   he did not ask for that. */
bool ptrace_seccomp(struct lx_thread *t, struct dk_context *c, uint32_t data);
/* Around a system call.  False: not to be made, c->rax is the result. */
bool ptrace_syscall_enter(struct lx_thread *t, struct dk_context *c);
void ptrace_syscall_exit(struct lx_thread *t, struct dk_context *c);
/* A new program is loaded, c its first registers. */
void ptrace_exec(struct lx_thread *t, struct dk_context *c, int old_tid);
/* Single steps: the last thing on the way out; a handler's frame was pushed; the step was made. */
void ptrace_arm_step(struct lx_thread *t, struct dk_context *c);
void ptrace_handler_entered(struct lx_thread *t, struct dk_context *c);
void ptrace_disarm_step(struct lx_thread *t, struct dk_context *c);
/* The trap behind a step: its si_code, or 0 if it was made for a watchpoint that was not hit. */
int ptrace_step_done(struct lx_thread *t, struct dk_context *c);

/* ---- Debug registers (ptrace_watch.c). ---- */
bool ptrace_watches(const struct lx_thread *t);
void ptrace_watch_note(struct lx_thread *t); /* before an instruction */
bool ptrace_watch_hit(struct lx_thread *t, uint64_t rip, bool step); /* after it; step: the tracer wanted one */
void ptrace_watch_clear(struct lx_thread *t);
long ptrace_watch_set(struct lx_thread *o, unsigned i, uint64_t value);
uint64_t ptrace_watch_get(const struct lx_thread *o, unsigned i);

/* ---- Who traces whom (ptrace_link.c). ---- */

/* New threads: the event that tells of them (0: none), and whether the child is attached to at once. */
uint32_t ptrace_fork_event(const struct lx_thread *t, uint64_t flags, uint32_t exit_signal);
bool ptrace_child_prepare(struct lx_thread *t, struct lx_thread *child, uint64_t flags, uint32_t event); /* false: no memory */
void ptrace_child_link(struct lx_thread *t, struct lx_thread *child) REQUIRES(TASKLIST);
long ptrace_attach(struct lx_thread *t, int pid, bool seize, uint64_t options);
long ptrace_traceme(struct lx_thread *t);
/* Lets o run without its tracer; keep_sig: with the signal it was shown. */
void ptrace_detach(struct lx_thread *o, bool keep_sig, uint32_t sig) REQUIRES(TASKLIST);
/* o's object goes: no zombie of it is left to the tracer. */
void ptrace_forget(struct lx_thread *o) REQUIRES(TASKLIST);
/* The tracer ends: all its tracees are let go (or killed). */
void ptrace_tracer_exit(struct lx_thread *t);
/* A traced thread that is not its process's leader ended.  kept: its process keeps the object. */
void ptrace_thread_dead(struct lx_thread *o, uint32_t code, bool kept) REQUIRES(TASKLIST);
/* A zombie whose tracer is not its parent: true, the tracer was told instead. */
bool ptrace_proc_dead(struct lx_proc *p) REQUIRES(TASKLIST);
/* The tracer has taken a dead tracee: the reference to put, or NULL. */
struct lx_proc *ptrace_release(struct lx_thread *o) REQUIRES(TASKLIST);
/* p is a child of me, but somebody else is to wait for it first. */
bool ptrace_hidden(const struct lx_proc *p, const struct lx_proc *me) REQUIRES(TASKLIST);
void ptrace_tell(struct lx_thread *o, int why, int status) REQUIRES(TASKLIST);

/* ---- What may be done (access.c). ---- */
enum { ACCESS_READ, ACCESS_ATTACH, ACCESS_FS = 2 /* by the file system's ids */ };
bool ptrace_may_access(const struct lx_thread *t, const struct lx_thread *o, unsigned how) REQUIRES(TASKLIST);
/* The same about a process. */
bool proc_may_access(const struct lx_thread *t, struct lx_proc *p, unsigned how);

/* ---- ptrace_regs.c, for ptrace.c: o is stopped and its process referenced. ---- */
long ptrace_peekuser(struct lx_thread *o, uint64_t offset, uint64_t *value);
long ptrace_pokeuser(struct lx_thread *o, uint64_t offset, uint64_t value);
long ptrace_getregs(struct lx_thread *o, struct gva to);
long ptrace_setregs(struct lx_thread *o, struct gva from);
long ptrace_fpregs(struct lx_thread *o, struct gva at, bool set);
long ptrace_regset(struct lx_thread *o, uint64_t type, struct gva iov, bool set);
#endif
