/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/mm.h - a process's memory as Windows has it: allocations (reserved ranges on 64 KB edges) whose pages
 * are committed one by one, views of sections, guard pages.
 *
 * All of struct nt_mm is PRIVATE memory of the picoprocess: only threads of the process itself may call these
 * functions for it.  Addresses and sizes are the guest's.  Lock NTVAD (inside); hold no lock that comes after it.
 */
#ifndef NT_MM_MM_H
#define NT_MM_MM_H

#include "nt/nt.h"

#define NT_GRANULE  0x10000ull        /* the edges where allocations begin */
#define NT_USER_LOW 0x10000ull
#define NT_USER_TOP 0x7ffffffe0000ull /* first address that no allocation has */

#define PAGE_NOCACHE            0x200u
#define PAGE_WRITECOMBINE       0x400u
#define MEM_RESET               0x80000u
#define MEM_TOP_DOWN            0x100000u
#define MEM_WRITE_WATCH         0x200000u
#define MEM_PHYSICAL            0x400000u
#define MEM_RESET_UNDO          0x1000000u
#define MEM_LARGE_PAGES         0x20000000u
#define MEM_COALESCE_PLACEHOLDERS 1u /* NtFreeVirtualMemory */
#define MEM_PRESERVE_PLACEHOLDER  2u
#define MEM_REPLACE_PLACEHOLDER 0x4000u /* NtAllocateVirtualMemoryEx, NtMapViewOfSectionEx */
#define MEM_RESERVE_PLACEHOLDER 0x40000u
#define MEM_DIFFERENT_IMAGE_BASE_OK 0x800000u

struct nt_section;

/* An empty address space: nothing is mapped, all but Bailey's own addresses is free.  For nt_process->mm.  NULL: no memory. */
struct nt_mm *nt_mm_new(struct nt_process *p);
/* It goes: sections that views refer to are given back, nothing is unmapped.  By the process's last thread; killed
   ones need nothing but nt_mm_process_ended. */
void nt_mm_free(struct nt_mm *mm);
/* The process ended in whatever way: what its views refer to.  May run in kproc. */
void nt_mm_process_ended(struct nt_process *p);

/*
 * NtAllocateVirtualMemory with [low, high] as the wanted place (0, 0: anywhere): *address 0 is nowhere in particular.
 * type: MEM_RESERVE, MEM_COMMIT, MEM_TOP_DOWN ...; protect: PAGE_*.  On success *address and *size are what was done.
 */
NTSTATUS nt_mm_alloc(struct nt_mm *mm, uint64_t *address, uint64_t *size, uint32_t type, uint32_t protect, uint64_t low, uint64_t high);
/* type: MEM_DECOMMIT or MEM_RELEASE. */
NTSTATUS nt_mm_free_range(struct nt_mm *mm, uint64_t *address, uint64_t *size, uint32_t type);
NTSTATUS nt_mm_protect(struct nt_mm *mm, uint64_t *address, uint64_t *size, uint32_t protect, uint32_t *old);

/*
 * Memory that somebody else maps (images, pages of the kernel's): first nt_mm_reserve finds a place, or takes *address if that
 * is not 0 (STATUS_CONFLICTING_ADDRESSES if it cannot be had) and keeps all others off; then the caller maps by nt/os/vm.h and
 * tells with nt_mm_mapped which pages are there now and with what protection.  type: MEM_PRIVATE, MEM_MAPPED or
 * MEM_IMAGE; protect: the AllocationProtect that is shown.  nt_mm_release unmaps all of it and frees the range.
 */
NTSTATUS nt_mm_reserve(struct nt_mm *mm, uint64_t *address, uint64_t size, uint32_t type, uint32_t protect, uint64_t low, uint64_t high);
NTSTATUS nt_mm_mapped(struct nt_mm *mm, uint64_t address, uint64_t size, uint32_t protect);
NTSTATUS nt_mm_release(struct nt_mm *mm, uint64_t address);
/* The image view at base, all mapped already, is of this section, which it refers to from now on (NULL: of none). */
NTSTATUS nt_mm_image(struct nt_mm *mm, uint64_t base, uint64_t size, struct nt_section *section);

/* ZeroBits: below 32 a count of bits of a 32-bit address that are 0, else a mask of those that may be 1.  *high: all below it
   (0: no bound).  STATUS_INVALID_PARAMETER: 22 to 31. */
NTSTATUS nt_mm_zero_bits(uint64_t bits, uint64_t *high);
/* A thread's stack: reserve bytes of which the top commit ones are there, with a guard page below.  0: 1 MB and 64 KB.
   high: it lies below; 0: no bound. */
struct nt_stack {
	uint64_t base, limit, allocation; /* TEB: StackBase, StackLimit, DeallocationStack */
};
NTSTATUS nt_mm_stack(struct nt_mm *mm, uint64_t reserve, uint64_t commit, uint64_t high, struct nt_stack *out);

/*
 * A fault of the current thread, in the guest or on its behalf.  True: it was resolved (a stack that grows, a page that is
 * watched, one that another thread has just mapped): try again.  False: *status is what to raise: STATUS_ACCESS_VIOLATION,
 * _GUARD_PAGE_VIOLATION (the page is open from now on), _STACK_OVERFLOW, _IN_PAGE_ERROR.
 */
#define NT_FAULT_READ    0u /* as in ExceptionInformation[0] */
#define NT_FAULT_WRITE   1u
#define NT_FAULT_EXECUTE 8u
#define NT_FAULT_BUS     0x100u /* with these: behind a file's end */
bool nt_mm_fault(struct nt_mm *mm, uint64_t address, uint32_t access, NTSTATUS *status);
/* The fault at address, in c, is a `rep stosq` of zeros into the current thread's stack where that is not committed: zeros are what is
   there.  True: c was moved on. */
struct dk_context;
bool nt_mm_stack_clear(struct nt_mm *mm, uint64_t address, struct dk_context *c);
/* The kernel could not reach all of [va, va + size): false: neither can the guest; true: try again. */
bool nt_mm_settle(uint64_t va, uint64_t size, bool write);
/* By the books: the guest itself could read or write all of it.  Touches nothing. */
bool nt_mm_allows(struct nt_mm *mm, uint64_t va, uint64_t size, bool write);

/* The kernel is going to write all of it, maybe later, as far as that can be: watched pages are marked at once. */
void nt_mm_will_write(struct nt_mm *mm, uint64_t va, uint64_t size);

/* What is committed and private, for process information: pages. */
uint64_t nt_mm_private_pages(struct nt_mm *mm);
#endif
