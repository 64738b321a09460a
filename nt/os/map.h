/* SPDX-License-Identifier: MIT */
/*
 * nt/os/map.h - memory of the calling process as the loader needs it: exact places, no VADs (those are nt/mm's).
 *
 * Every function works on the calling picoprocess.  prot is OS_R | OS_W | OS_X.  0, or a status.
 */
#ifndef NT_OS_MAP_H
#define NT_OS_MAP_H

#include "abi/dk_types.h"
#include "nt/types.h"

struct file;
struct shared_mem;

#define OS_R 1
#define OS_W 2
#define OS_X 4

/* Zeroed private pages at addr exactly, replacing what is there. */
NTSTATUS os_map_anon(uint64_t addr, uint64_t size, int prot);
/* The same, to be written at once: all are there. */
NTSTATUS os_map_filled(uint64_t addr, uint64_t size);
/* Private pages of a file; copy-on-write. */
NTSTATUS os_map_file(uint64_t addr, uint64_t size, int prot, struct file *f, uint64_t offset);
/* Private pages of what nobody writes any more (vm.h's pages): copy-on-write.  An offset of whole pages. */
NTSTATUS os_map_laid(uint64_t addr, uint64_t size, int prot, struct shared_mem *m, uint64_t offset);
NTSTATUS os_protect(uint64_t addr, uint64_t size, int prot);
NTSTATUS os_unmap(uint64_t addr, uint64_t size);
/* Is nothing of the guest's there? */
bool os_is_free(uint64_t addr, uint64_t size);
/* Kernel memory from a file: how many bytes, 0 at the end; UINT64_MAX: it cannot be read. */
uint64_t os_pread(struct file *f, void *to, uint64_t size, uint64_t offset);
/* The file's bytes from offset on to count places of guest or kernel memory, size in all.  *done: how many there are. */
NTSTATUS os_read_parts(struct file *f, const struct dk_segment *to, uint32_t count, bool kernel, uint64_t size, uint64_t offset, uint64_t *done);
/* The same as os_pread the other way; bytes written. */
uint64_t os_pwrite(struct file *f, const void *from, uint64_t size, uint64_t offset);
uint64_t os_file_size(struct file *f);
/* Opens for reading by a path of the sandbox; NULL: not there. */
struct file *os_open(const char *path);
/* The same for writing. */
struct file *os_open_write(const char *path);
void os_close(struct file *f);
/* Pages of arena-data, that all see, read-only at addr. */
NTSTATUS os_map_shared_pages(uint64_t addr, uint64_t data_page, uint64_t count);
#endif
