/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/mm.h - a process's address space.
 *
 * struct mm and its regions are PRIVATE memory: the host's copy-on-write clone
 * copies them with the address space they describe.  Lock MM is private too and
 * is held by fork across the clone.  Threads of the process, and vfork children,
 * share it.  Places: mmap top-down below MM_MMAP_TOP, nothing in Bailey's window,
 * PICO_STUB_ROOM kept free below every file mapping that may hold text.
 *
 * What regions refer to lies in the arena (files, shared memory), so a process
 * that ends must call mm_exit, which gives those references back.
 */
#ifndef LINUX_MM_MM_H
#define LINUX_MM_MM_H

#include "linux/linux.h"

struct inode;

struct mm *mm_new(void);           /* an empty address space for this picoprocess; NULL: no memory */
void mm_reset(struct mm *mm);      /* unmaps everything of the guest's: execve in place */
/* The process ends (its last thread, not a borrower): drops references and charges, unmaps nothing. */
void mm_exit(struct mm *mm);
/* kproc: p's picoprocess died at the host without mm_exit; gives its charge back.  Harmless after mm_exit. */
void mm_died(struct lx_proc *p);
void mm_lock(struct mm *mm) ACQUIRES(MM);
void mm_unlock(struct mm *mm) RELEASES(MM);

/* mmap's core.  flags, prot as Linux's; file NULL with MAP_ANONYMOUS.  The address, or -errno. */
long mm_map(struct mm *mm, uint64_t addr, uint64_t len, int prot, int flags, struct file *file, uint64_t offset);
/* Where mm_map would put a file's len bytes; nothing is mapped.  The address, or -ENOMEM. */
long mm_place_file(struct mm *mm, uint64_t hint, uint64_t len);
long mm_unmap(struct mm *mm, uint64_t addr, uint64_t len);
long mm_protect(struct mm *mm, uint64_t addr, uint64_t len, int prot);
/* The main stack: one region of about size bytes (RLIMIT_STACK; bounded) at a random place near the top;
   its end, or -errno.  extra_prot: PROT_EXEC or 0. */
long uffd_open(struct lx_thread *t, int flags); /* a new userfaultfd: its descriptor; who may is the caller's business */
/* PR_SET_MDWE (prctl(2)): no memory that can be written and executed, nor any that becomes executable. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#define PR_MDWE_REFUSE_EXEC_GAIN 1u
#endif
#ifndef PR_MDWE_NO_INHERIT
#define PR_MDWE_NO_INHERIT 2u
#endif
/* i, a file in memory of which pages were mapped, has been cut from before to size bytes; hold no lock.  mm NULL: nothing. */
void mm_file_cut(struct mm *mm, struct inode *i, uint64_t size, uint64_t before);
bool mm_denies_exec(uint32_t old, uint32_t new); /* to the caller's process: PROT_* as they were and shall be */
void mm_stack_sync(struct mm *mm); /* the counters of the stack of the caller's memory as they are now; hold no lock */
long mm_map_stack(struct mm *mm, uint64_t size, int extra_prot);
/* /proc/PID/maps shows the region that begins at addr as [vdso]. */
void mm_mark_vdso(struct mm *mm, uint64_t addr);
uint64_t mm_vdso(const struct mm *mm); /* that address, whatever lies there now; 0: never was */
void mm_set_brk(struct mm *mm, uint64_t start);

/*
 * fork.  mm_fork_begin takes the lock and, for the child, a reference on everything
 * that is mapped: 0, or -errno with nothing held.  Then the parent calls mm_fork_end
 * (cloned tells whether there is a child) and the child mm_after_fork; both free the
 * lock.  MAP_SHARED stays shared by itself.
 */
long mm_fork_begin(struct mm *mm);
void mm_fork_end(struct mm *mm, bool cloned);
void mm_after_fork(struct mm *mm);

/* A call found no page where an argument lies: if a userfaultfd is to bring it, waits for that; true: make the call again. */
bool uffd_settle(struct lx_thread *t, const uint64_t *args);
/* Entries of /proc/self/pagemap for count <= PAGEMAP_MAX pages from number page on; frame numbers are not told. */
#define PAGEMAP_MAX 128u
void mm_pagemap(struct mm *mm, uint64_t page, uint64_t count, uint64_t *out);
/* Pages that may be committed under vm.overcommit_memory 2. */
uint64_t mm_commit_limit(void);

/* oom.c.  kproc: the sandbox's memory is used up; chooses a process and kills it.  What /proc/PID/oom_score shows. */
void oom_kill(void);
uint32_t oom_score(struct lx_proc *p);

/* What of a process's memory is resident, in pages, as the host says; without the library OS's own.  peak: the most that was
   ever told.  All 0 if it cannot be known (it has ended).  Asks the monitor: no lock may be held. */
struct proc_rss {
	uint64_t anon, file, peak;
};
void proc_rss(struct lx_proc *p, struct proc_rss *out);

/* " in NAME[start+size]" for the mapping at addr of this process into buf, or ""; returns buf. */
const char *mm_describe(struct mm *mm, uint64_t addr, char *buf, size_t size);

/* PR_SET_VMA_ANON_NAME; name NULL takes the name off. */
long mm_set_name(struct mm *mm, uint64_t addr, uint64_t len, struct gva name);

/* A fault of guest code: true if the region grows (MAP_GROWSDOWN) or was otherwise resolved; else
   *sig and *code get what to send. */
bool mm_fault(struct mm *mm, const struct dk_exception *e, uint64_t rsp, int *sig, int *code);
/* Text of /proc/PID/maps, smaps or smaps_rollup of this picoprocess: as many whole regions as fit, MAPS_TEXT_MIN bytes at least, from
   address *from on (0 first), which moves on; bytes written, 0 at the end. */
#define MAPS_TEXT_MIN 8192u
enum maps_kind { MAPS_MAPS, MAPS_SMAPS, MAPS_ROLLUP, MAPS_NUMA };
size_t mm_maps_text(struct mm *mm, char *buf, size_t size, uint64_t *from, enum maps_kind kind);

/* For others (access.c): bytes done, cut short where memory cannot be reached.  force: private memory
   whatever its protection.  The calling thread is in this address space. */
uint64_t mm_read(struct mm *mm, uint64_t addr, void *buf, uint64_t size, bool force);
uint64_t mm_write(struct mm *mm, uint64_t addr, const void *buf, uint64_t size, bool force);

/* The first region that ends above addr (region.c): false: none.  path, PATH_MAX bytes, gets its file's, or "". */
struct mm_region {
	uint64_t start, end, offset;
	uint32_t prot;
	bool file, shared;
	bool own;  /* its pages are the process's: anonymous, or a private file's that it may have written */
	bool keep; /* MADV_DONTDUMP */
};
bool mm_region_at(struct mm *mm, uint64_t addr, struct mm_region *out, char *path);

/* Futexes: futex.c.  A thread's exit: futex_exit_robust, then store 0 at clear_child_tid and
   futex_wake_addr(t, clear_child_tid, 1, true): guests wait there through futex.c, not at the host. */
void futex_boot(void);
long futex_wake_addr(struct lx_thread *t, uint64_t addr, int count, bool shared);
void futex_exit_robust(struct lx_thread *t);
long futex_restart(struct lx_thread *t); /* restart_syscall with RESTART_FUTEX */
#endif
