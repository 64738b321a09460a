/* SPDX-License-Identifier: MIT */
/* linux/entry.h - the provider's routines, for linux/image.c, and the call trace. */
#ifndef LINUX_ENTRY_H
#define LINUX_ENTRY_H

#include "linux/dispatch.h"
#include "linux/linux.h"

/* boot.c, kproc.c */
void lx_first_main(const struct dk_boot *boot);
void lx_kproc_main(const struct dk_boot *boot);
void lx_process_died(dk_handle process, uint32_t wait_status);
/* entry.c */
void lx_dispatch_syscall(struct pico_thread *t, struct dk_context *c);
void lx_return_to_user(struct pico_thread *t, struct dk_context *c);
void lx_process_start(struct pico_thread *t);
bool lx_wake(struct waiter *w, uint32_t key);
void entry_init(void); /* a fresh picoprocess: no reason to go slow yet, but --trace lx */
/* From now on every call of this picoprocess takes the long way: it is looked at by sec/, or by a tracer
   (proc/ptrace_stop.c). */
#define ENTRY_FILTER 2u
#define ENTRY_PTRACE 4u
#define ENTRY_FAULTS 8u /* an argument may lie in a page that a userfaultfd has yet to bring, or that a file has grown over */
void entry_go_slow(uint32_t why);
/* proc/fork.c */
void lx_thread_started(struct pico_thread *t, struct dk_context *c);

/* trace.c: before and after a call.  The text before is kept in the thread (heap) until the end. */
void trace_enter(struct lx_thread *t, uint64_t nr, const struct lx_call *call, const uint64_t *args);
void trace_leave(struct lx_thread *t, uint64_t nr, const struct lx_call *call, const uint64_t *args, long result);
void trace_resumed(struct lx_thread *t, int pid); /* vfork's parent has its thread back */
#endif
