/* SPDX-License-Identifier: MIT */
/* linux/sig/internal.h - what the files of sig/ and the POSIX timers share. */
#ifndef LINUX_SIG_INTERNAL_H
#define LINUX_SIG_INTERNAL_H

#include "linux/sig/sig.h"
#include "rt/mem.h"
#include <linux/signal.h>

#define SIG_NEVER_BLOCKED (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define SIGS_IGNORED (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))
#define SIGS_STOP (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define SIGS_CORE                                                                                    \
	(SIGBIT(SIGQUIT) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGABRT) | SIGBIT(SIGBUS) |      \
	 SIGBIT(SIGFPE) | SIGBIT(SIGSEGV) | SIGBIT(SIGXCPU) | SIGBIT(SIGXFSZ) | SIGBIT(SIGSYS))
#define SIGS_SYNC                                                                                    \
	(SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS))

#define LX_SIG_DFL 0ull
#define LX_SIG_IGN 1ull

static inline bool sig_valid(int sig)
{
	return sig >= 1 && sig <= LX_NSIG;
}

/* A signal on its way to a handler or a default action. */
struct sig_taken {
	int sig;
	bool handler;              /* action is the guest's */
	uint32_t cont_seq;         /* p->cont_seq when it was taken */
	uint64_t mask_before;      /* with a handler: t->sigmask before the handler's was put on */
	siginfo_t info;
	struct lx_sigaction action;
};

/* A signal that t, the caller, sends to itself can go to t->straight, and t->straight.si_signo be set and tb->work. */
bool signal_goes_straight(const struct lx_thread *t, int sig);
/* Makes t look for signals soon, wherever it is. */
void signal_interrupt(struct lx_thread *t);
/* Takes all of mask out of pend; p pays for the queue entries. */
void sigpending_remove(struct lx_proc *p, struct sigpending *pend, uint64_t mask) REQUIRES(SIGHAND);
/* The same for every queue of the process. */
void signal_flush_all(struct lx_proc *p, uint64_t mask) REQUIRES(PROC) REQUIRES(SIGHAND);
/* Wakes siblings of t that can take one of the process's pending signals in set. */
void signal_retarget(struct lx_thread *t, uint64_t set);
/* Takes one signal with SIGHAND held; *timer gets 1 if its timer has to go on. */
int signal_take(struct lx_thread *t, uint64_t blocked, siginfo_t *info, bool *timer) REQUIRES(SIGHAND);
void signal_timer_next(struct lx_thread *t, siginfo_t *info);
/* A POSIX timer's own queue entry: 1 queued, 0 it is queued already, -1 the signal is ignored. */
int signal_queue_timer_locked(struct lx_proc *p, struct lx_thread *t, struct sigqueue *q) REQUIRES(PROC);
int signal_queue_timer(struct lx_proc *p, struct lx_thread *t, struct sigqueue *q);
void signal_unqueue_timer(struct lx_proc *p, struct sigqueue *q, bool to_process);

/* frame_x86_64.c: 0, or -EFAULT if the frame cannot be written. */
long sig_push_frame(struct lx_thread *t, struct dk_context *c, const struct sig_taken *s, uint64_t mask);
/* True if sp is on t's alternate stack (never, with SS_AUTODISARM). */
bool sig_on_altstack(const struct lx_thread *t, uint64_t sp);
long sig_change_altstack(struct lx_thread *t, const stack_t *s, uint64_t sp, uint64_t min);

/* fpstate_x86_64.c: the guest's vector registers, which are live. */
uint32_t fp_size(void);          /* bytes of the area without the closing magic word */
uint64_t fp_features(void);
void fp_save(void *area);        /* 64-byte aligned */
void fp_restore(const void *area);
void fp_reset(void);             /* to the state a new program has */
/* A signal frame's area in guest memory, 64-byte aligned, with its closing word; false if it is not
   there, or the CPU refuses what is in it. */
bool fp_save_user(uint64_t at); /* after fp_size */
/* For a handler, after fp_save_user(saved): an empty x87 stack, default control words, zero in the first 16
   vector registers.  Linux clears the other 16 and the masks as well; no handler may rely on either. */
void fp_fresh_handler(uint64_t saved);
bool fp_load_user(uint64_t from);
bool fp_check(void *area, uint64_t features); /* makes a guest's area fit to load, or false */

/* core.c: true if a core was written. */
bool core_dump(struct lx_thread *t, const struct dk_context *c, int sig);
#endif
