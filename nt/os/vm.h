/* SPDX-License-Identifier: MIT */
/*
 * nt/os/vm.h - the current picoprocess's pages, as NT's memory manager sees its hardware.
 *
 * Everything goes through the process's struct mm, so that limits, accounting, /proc/PID/maps and core files are
 * right.  Addresses and sizes are multiples of a page; places are the caller's choice (nt/mm keeps the books).
 * NTVAD may be held.
 */
#ifndef NT_OS_VM_H
#define NT_OS_VM_H

#include "nt/types.h"

#define VM_READ  1u
#define VM_WRITE 2u
#define VM_EXEC  4u

struct file;
struct lx_proc;
struct shared_mem;

/* The calling process's memory, empty so far, is to be a Windows program's. */
void os_vm_begin(void);
/* Fresh private zero pages where nothing is mapped.  STATUS_CONFLICTING_ADDRESSES, _COMMITMENT_LIMIT. */
NTSTATUS os_vm_map(uint64_t addr, uint64_t size, uint32_t prot);
NTSTATUS os_vm_unmap(uint64_t addr, uint64_t size); /* holes are fine */
NTSTATUS os_vm_protect(uint64_t addr, uint64_t size, uint32_t prot);
/* The same behind struct mm's back, for pages that are closed only to see who comes: prot is less than what struct mm knows. */
NTSTATUS os_vm_close(uint64_t addr, uint64_t size, uint32_t prot);
/* A file's pages, from offset on; shared: writes reach the file.  replace: over what is mapped there (parts of an image). */
NTSTATUS os_vm_map_file(uint64_t addr, uint64_t size, uint32_t prot, struct file *f, uint64_t offset, bool shared, bool replace);
/* Pages of the sandbox that several processes can map. */
struct shared_mem *os_vm_pages_new(uint64_t size);
void os_vm_pages_put(struct shared_mem *m);
void *os_vm_pages_at(const struct shared_mem *m); /* kernel memory, in every process */
NTSTATUS os_vm_map_pages(uint64_t addr, uint64_t size, uint32_t prot, struct shared_mem *m, uint64_t offset);
/* Private pages that begin as a copy of such pages. */
NTSTATUS os_vm_copy_pages(uint64_t addr, uint64_t size, uint32_t prot, struct shared_mem *m, uint64_t offset);
/* Writes back what was written to a file through a shared mapping. */
NTSTATUS os_vm_sync(uint64_t addr, uint64_t size);
/* Keeps pages in memory: STATUS_WORKING_SET_QUOTA. */
NTSTATUS os_vm_pin(uint64_t addr, uint64_t size, bool pin);
bool os_vm_is_pinned(uint64_t addr, uint64_t size); /* all of it */
/* References on an open file, its size, whether it can be mapped at all, and making it longer. */
void os_vm_file_get(struct file *f);
void os_vm_file_put(struct file *f); /* hold no lock; NULL is fine */
NTSTATUS os_vm_file_extend(struct file *f, uint64_t *size, uint64_t least); /* *size: what it is then */
NTSTATUS os_vm_file_mappable(const struct file *f, bool write);
bool os_vm_file_same(const struct file *a, const struct file *b);
/* Does Linux' side know a way out of this fault: a page that has just been opened, a file that has grown? */
bool os_vm_fault(uint64_t addr, uint32_t prot, bool bus);
/* A number that is not easily guessed. */
uint64_t os_vm_random(void);
#endif
