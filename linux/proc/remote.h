/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/remote.h - what only a thread of another picoprocess can do: reach its
 * memory, its regions, its vector registers.  docs/design/14-ptrace.md has the reasons.
 *
 * The caller holds a reference on the process and no lock.  -ESRCH: it ended, or has, -EINTR:
 * the caller is to end.
 */
#ifndef LINUX_PROC_REMOTE_H
#define LINUX_PROC_REMOTE_H

#include "linux/mm/mm.h"

/* Bytes copied between buf and p's memory at addr, cut short where it cannot be reached; force: as
   a debugger does it, whatever the protection (of private memory). */
long remote_memory(struct lx_proc *p, uint64_t addr, void *buf, uint64_t size, bool write, bool force);
/* A thread of p, an NT process, serves the other personality's request (nt_serve): 0, and data as it left it. */
long remote_other(struct lx_proc *p, void *data, uint64_t size);
/* The same with nothing, and nobody waits for it: some thread of p comes to nt_serve soon.  False: none will. */
bool remote_post(struct lx_proc *p);
/* As mm_maps_text, of p. */
long remote_maps(struct lx_proc *p, char *buf, uint64_t size, uint64_t *from, enum maps_kind kind);
/* Vector registers of a thread in a ptrace stop, as XSAVE has them; size <= REMOTE_FP_MAX.  The
   first 512 bytes alone are x87 and SSE.  Bytes, or -EINVAL. */
#define REMOTE_FP_MAX 8192u
long remote_fp_get(struct lx_proc *p, int tid, void *area, uint64_t size);
long remote_fp_set(struct lx_proc *p, int tid, const void *area, uint64_t size);
/* Registers of a thread wherever it is: 1 if it waits in a system call, else 0. */
struct user_regs;
long remote_regs(struct lx_proc *p, int tid, struct user_regs *r);

/* Serves what is asked of the calling thread's process. */
void remote_serve(struct lx_thread *t);
static inline bool remote_asked(const struct lx_proc *p)
{
	return atomic_load_explicit(&p->remote_count, memory_order_acquire) != 0;
}
/* The provider's `interrupted`. */
bool lx_interrupted(struct pico_thread *t);
/* What nobody served: the process object is freed. */
void remote_drop(struct lx_proc *p);
/* Both address spaces are one. */
bool remote_same_memory(const struct lx_proc *a, const struct lx_proc *b);
#endif
