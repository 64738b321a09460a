/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/mm.h - a process's address space.
 *
 * struct mm and its regions are PRIVATE memory: the host's copy-on-write clone
 * copies them with the address space they describe.  Lock MM is private too and
 * is held by fork across the clone.  Threads of the process, and vfork children,
 * share it.  Places: mmap top-down below MM_MMAP_TOP, nothing in Bailey's window,
 * PICO_STUB_ROOM kept free below every file mapping that may hold text.
 */
#ifndef LINUX_MM_MM_H
#define LINUX_MM_MM_H

#include "linux/linux.h"

struct mm *mm_new(void);           /* an empty address space for this picoprocess */
void mm_reset(struct mm *mm);      /* unmaps everything of the guest's: execve in place */

/* mmap's core.  flags, prot as Linux's; file NULL with MAP_ANONYMOUS.  The address, or -errno. */
long mm_map(struct mm *mm, uint64_t addr, uint64_t len, int prot, int flags, struct file *file, uint64_t offset);
long mm_unmap(struct mm *mm, uint64_t addr, uint64_t len);
long mm_protect(struct mm *mm, uint64_t addr, uint64_t len, int prot);
void mm_set_brk(struct mm *mm, uint64_t start);
/* After CLONE, in the child: MAP_SHARED stays shared by itself; re-counts. */
void mm_after_fork(struct mm *mm);
/* A fault of guest code: true if the region grows (MAP_GROWSDOWN) or was otherwise resolved; else
   *sig and *code get what to send. */
bool mm_fault(struct mm *mm, const struct dk_exception *e, uint64_t rsp, int *sig, int *code);
/* Text of /proc/PID/maps into buf, from byte offset on; bytes written. */
size_t mm_maps_text(struct mm *mm, char *buf, size_t size, uint64_t offset, bool smaps);

/* futex.c, for thread exit and the robust list. */
long futex_wake_addr(struct lx_thread *t, uint64_t addr, int count, bool shared);
void futex_exit_robust(struct lx_thread *t);
#endif
