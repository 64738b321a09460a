/* SPDX-License-Identifier: MIT */
/*
 * nt/os/thread.h - threads of NT processes as the kernel below has them.
 *
 * A struct lx_thread that an nt_thread points to is good while nt_thread->lx is not NULL; that changes under NTPROC.
 * The calls said to take no lock may be made with NTPROC held.
 */
#ifndef NT_OS_THREAD_H
#define NT_OS_THREAD_H

#include "nt/nt.h"

struct dk_context;

/* NT's ids: multiples of 4; no thread has a process's (nt/os/proclink.h). */
static inline uint32_t os_tid_to_nt(int tid)
{
	return (uint32_t)tid << 3 | 4;
}
static inline int os_tid_from_nt(uint32_t tid)
{
	return (int)(tid >> 3);
}
/* It begins with one. */
static inline struct pico_thread *os_pico(struct lx_thread *lx)
{
	return (struct pico_thread *)lx;
}

/*
 * A new thread of the calling process, which begins in the provider's thread_start with the registers *c and the NT thread
 * nt.  Before it is in any list or runs, ready is told what it is.  STATUS_NO_MEMORY, _INSUFFICIENT_RESOURCES,
 * _PROCESS_IS_TERMINATING.
 */
NTSTATUS os_thread_create(struct nt_thread *nt, const struct dk_context *c, void (*ready)(struct nt_thread *nt, struct lx_thread *lx)) MUST_CHECK;
/* lx, which runs nothing yet, is nt. */
void os_thread_adopt(struct lx_thread *lx, struct nt_thread *nt);
struct nt_thread *os_thread_nt(const struct lx_thread *lx);
/* The calling thread, or its whole process, ends; code is NT's. */
void os_thread_exit(uint32_t code) NORETURN;
void os_process_exit(uint32_t code) NORETURN;
/* Another one is to end as soon as it is where it can: it comes to ps_return_to_user no more.  Takes no lock. */
void os_thread_kill(struct lx_thread *lx);
/* It must leave the kernel, and end: whatever it waits for is given up.  Takes no lock. */
bool os_thread_ends(const struct lx_thread *lx);
int os_thread_tid(const struct lx_thread *lx);
/* ns of CPU: of a thread of the calling process exactly, of others as last published; of one that has ended nothing. */
void os_thread_times(struct nt_thread *nt, uint64_t *user, uint64_t *kernel);
/* lx, the caller or one that has yet to run, is told of console control events that come as Linux signals. */
void os_thread_takes_events(struct lx_thread *lx);
/* Console control events that came as Linux signals. */
void os_console_signals(void);
/* Serves what others ask of the calling process's memory, and stays while the process is stopped (SIGSTOP).  True: the thread ends,
   or a signal ends the process: it must leave the kernel. */
bool os_thread_serve(void);
#endif
