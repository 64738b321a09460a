/* SPDX-License-Identifier: MIT */
/* linux/proc/exit.h - ending, as fork and execve need it. */
#ifndef LINUX_PROC_EXIT_H
#define LINUX_PROC_EXIT_H

#include "linux/linux.h"

/* In a forked child: nobody else is on the way out here. */
void exit_forked(void);
/* The calling host thread is about to end / waits until all others that are have let go of their locks. */
void exit_leaving(void);
void exit_left(void);
void exit_wait_others(uint32_t mine);
/* t is to end as soon as it comes to its way out, or from a wait.  Takes no lock; t is kept by the caller. */
void thread_mark_exit(struct lx_thread *t);
/* execve: all other threads of the process end; the caller becomes its leader.  -EAGAIN: it is ending itself. */
long exit_siblings(struct lx_thread *t);
/* What a process gives back when it ends, but its memory; no lock held. */
void exit_resources(struct lx_proc *p);
#endif
