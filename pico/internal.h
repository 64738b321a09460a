/* SPDX-License-Identifier: MIT */
/* pico/internal.h - what pico's own files share; personalities do not include it. */
#ifndef PICO_INTERNAL_H
#define PICO_INTERNAL_H

#include "pico/arena.h"
#include "pico/patch.h"
#include "pico/pico.h"

extern const struct pico_provider *pico_provider;
extern void (*pico_dispatch)(struct pico_thread *t, struct dk_context *c);

/* tb->scratch: 0 = handle of the host thread, 1 = pico_cpuid_entry (TB_CPUID_ENTRY), 3 = the current
   process (TB_PROCESS); the rest is the personality's. */
#define TB_OWN_THREAD 0
_Static_assert(offsetof(struct dk_tb, scratch[1]) == TB_CPUID_ENTRY, "tb");
_Static_assert(offsetof(struct dk_tb, scratch[3]) == TB_PROCESS, "tb");
_Static_assert(offsetof(struct dk_tb, scratch[9]) == TB_GUEST_GS, "tb");
_Static_assert(ARENA_BASE + offsetof(struct arena_root, tracing) == ARENA_TRACING, "arena");
/* Where changed call sites of the thread lead from now on. */
static inline void set_entries(struct dk_tb *tb)
{
	extern char pico_syscall_entry[], pico_cpuid_entry[];

	tb->syscall_entry = (uint64_t)pico_syscall_entry;
	tb->scratch[1] = (uint64_t)pico_cpuid_entry;
	tb->scratch[9] = 0; /* TB_GUEST_GS: pico_set_guest_gs */
}

/* arena.c */
void arena_make(uint64_t limit_pages, bool overcommit);
void arena_attach(void);

/* Locks of private state: taken by fork around the clone, so that the copy is at rest; the
   child makes them free again (waiting siblings do not exist there). */
void heap_fork_begin(void);
void heap_fork_end(bool child);
void patch_fork_begin(void);
void patch_fork_end(bool child, bool failed);
void patch_boot(bool kproc);
void heap_boot(void);

/* patch.c: a trapped call; patches its page if it can. */
void patch_trap(uint64_t site);
/* Where a thread really goes on that is to return to rip: see patch.c. */
uint64_t patch_return(uint64_t rip);
/* An illegal instruction of ours, where a jump covers the guest's: true, and c goes on where they are. */
bool patch_fault(struct dk_context *c);

/* syscall_x86_64.S */
void pico_restart(void) NORETURN;
void pico_return_work(struct pico_thread *t, struct dk_context *c);
void pico_cpuid(struct dk_context *c);
void pico_thread_start(uint64_t parameter) NORETURN;
void pico_initialize(const struct dk_boot *boot) NORETURN;
/* Sets an event or interrupts a thread, by its handle; later, if the calling thread holds locks: who
   starts to run at once, on the same CPU, would want these first of all. */
void tell_handle(dk_handle h);
/* Who sleeps with locks held (the FILE lock of a text that another process is asked for) tells first. */
void tell_before_sleep(struct pico_thread *t);
/* A thread holds one lock less. */
void lock_unhold(struct pico_thread *t);
#endif
