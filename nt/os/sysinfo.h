/* SPDX-License-Identifier: MIT */
/* nt/os/sysinfo.h - the machine as the sandbox shows it. */
#ifndef NT_OS_SYSINFO_H
#define NT_OS_SYSINFO_H

#include "nt/types.h"

struct os_machine {
	uint32_t cpus, pad;
	uint64_t total_pages, free_pages, committed_pages, shared_pages;
};
void os_machine(struct os_machine *m); /* processors, and all memory */
void os_machine_memory(struct os_machine *m); /* what is used of it, too: asks the monitor */
uint32_t os_cpus(void);
struct os_processor {
	char name[52], maker[16], identifier[64]; /* as CPUID has them; "Intel64 Family 6 Model 85 Stepping 7" */
	uint32_t family, model, stepping, mhz;
};
void os_processor(struct os_processor *p); /* asks the CPU, which is slow on a virtual machine */
uint64_t os_boot_monotonic(void); /* ns on pico_now's clock */
/* The sandbox's host name, with its 0; returns its length. */
uint32_t os_host_name(char *to, uint32_t room);
/* Bytes of a path of the sandbox into heap memory, at most max, and a 0; NULL: it cannot be read. */
char *os_read_file(const char *path, uint32_t max, uint32_t *size) MUST_CHECK;
/* Where a symbolic link of the sandbox leads, with its 0.  False: it is none. */
bool os_read_link(const char *path, char *to, uint32_t room);
/* A file of the sandbox, read-only and private at a free place of the calling process. */
struct nt_mm;
NTSTATUS os_map_whole_file(struct nt_mm *mm, const char *path, uint64_t *address, uint64_t *size);
/* Guest memory to the process's standard error, of the Unix side; bytes written, 0 if there is none. */
uint64_t os_write_stderr(uint64_t va, uint64_t size);
#endif
