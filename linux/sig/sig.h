/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/sig.h - signals.
 *
 * Sending queues under SIGHAND and interrupts a thread that can take it
 * (pico_interrupt); the receiver delivers in return_to_user.  Nothing is ever
 * delivered while library-OS code runs.
 */
#ifndef LINUX_SIG_SIG_H
#define LINUX_SIG_SIG_H

#include "linux/linux.h"

struct lx_sigaction { /* the kernel's layout on x86-64 */
	uint64_t handler, flags, restorer, mask;
};
struct sighand {
	struct ref ref;
	LOCK(SIGHAND) lock;
	struct lx_sigaction action[LX_NSIG + 1]; /* [S] by number */
	struct waitq signalfd_wait;
	struct sigqueue *spare; /* [S] the last one freed, for the next signal; may be NULL */
};

#define SIGBIT(n) (1ull << ((n)-1))

struct sighand *sighand_new(void);
struct sighand *sighand_copy(struct sighand *s);
void sighand_get(struct sighand *s);
void sighand_put(struct sighand *s);
void sighand_exec_reset(struct lx_proc *p); /* handlers -> default, ignored stays */
void sigpending_init(struct sigpending *p);
void sigpending_flush(struct sigpending *p);

/* info NULL = SI_KERNEL with nothing more.  Callers may hold TASKLIST (and what lies outside it),
   but neither PROC nor SIGHAND: both are taken inside. */
int signal_thread(struct lx_thread *t, int sig, const siginfo_t *info);
int signal_proc(struct lx_proc *p, int sig, const siginfo_t *info);
/* All processes of the group: 0, or -ESRCH. */
int signal_pgrp(int pgrp, int sig, const siginfo_t *info) REQUIRES(TASKLIST);
/* A fault of the thread itself: cannot be blocked or ignored. */
void signal_force_info(struct lx_thread *t, const siginfo_t *info, bool fatal); /* fatal: whatever the action */
void signal_force(struct lx_thread *t, int sig, int code, uint64_t addr, int trapno, int err);

/* True if an unblocked signal is pending: interruptible waits give up. */
bool signal_waiting(struct lx_thread *t);
/* True if the way out to the guest has anything to do for t: what tb->work may have been set for. */
bool signal_work(struct lx_thread *t);
/* Takes the next deliverable signal in mask's complement; 0 = none. */
int signal_dequeue(struct lx_thread *t, uint64_t blocked, siginfo_t *info);

/* The provider's return_to_user: exits, stops, restarts, frames. */
void sig_return_to_user(struct lx_thread *t, struct dk_context *c);
void sig_set_mask(struct lx_thread *t, uint64_t mask); /* SIGKILL and SIGSTOP stay out; may make tb->work 1 */

/*
 * For poll-like calls with a temporary mask (set may be null): sets it and remembers the old one.
 * The call need not restore it: the dispatcher sets tb->work when restore_sigmask is set after
 * a call, and sig_return_to_user restores at once, or after delivery if the result is an
 * -ERESTART* or -EINTR.
 */
long sig_use_mask(struct lx_thread *t, struct gva set, uint64_t size);
long sig_use_kernel_mask(struct lx_thread *t, uint64_t mask);

/* A thread leaves its process: what it should have taken goes to a sibling; its own is dropped. */
void sig_thread_exit(struct lx_thread *t);
/* execve: the alternate stack is gone, handlers are reset (sighand_exec_reset), POSIX timers die. */
void sig_exec(struct lx_thread *t);

/*
 * t->restart.kind for -ERESTART_RESTARTBLOCK, and who goes on from there in restart_syscall.
 */
enum lx_restart { RESTART_NONE, RESTART_NANOSLEEP, RESTART_FUTEX, RESTART_POLL };
long nanosleep_restart(struct lx_thread *t);
long futex_restart(struct lx_thread *t) __attribute__((weak));
long poll_restart(struct lx_thread *t) __attribute__((weak));

/* The provider's dispatch_exception. */
void sig_dispatch_exception(struct pico_thread *t, const struct dk_exception *e, struct dk_context *c);
/* For AT_MINSIGSTKSZ: bytes of stack the largest signal frame takes. */
uint64_t sig_min_stack(void);

/* A siginfo as kill() makes it. */
void siginfo_user(struct lx_thread *t, siginfo_t *info, int sig, int code);
/* May t send sig to p?  0 or -EPERM. */
long signal_permission(struct lx_thread *t, struct lx_proc *p, int sig) REQUIRES(TASKLIST);
#endif
