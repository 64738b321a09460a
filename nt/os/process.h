/* SPDX-License-Identifier: MIT */
/* nt/os/process.h - processes as nt/ps sees them below: ending, times, memory use. */
#ifndef NT_OS_PROCESS_H
#define NT_OS_PROCESS_H

#include "nt/nt.h"

/* NT's exit code as the status that Linux has 8 bits of: what is not 0 stays so. */
static inline int os_exit_status(uint32_t code)
{
	return (int)(code != 0 && (code & 0xff) == 0 ? 1 : code & 0xff) << 8;
}
/* Another process is to end; code is NT's.  Any locks but NT's innermost may be held. */
void os_process_kill(struct lx_proc *p, uint32_t code);
/* ns of CPU. */
void os_process_times(struct lx_proc *p, uint64_t *user, uint64_t *kernel);
/* All threads of the sandbox pass a memory barrier. */
void os_barrier(void);
uint32_t os_cpu_number(void);
uint64_t os_cpus_mask(void);
uint64_t os_random(void);

struct os_process_memory { /* bytes */
	uint64_t virtual_size, peak_virtual, resident, peak_resident, private_bytes;
};
void os_process_memory(struct lx_proc *p, struct os_process_memory *m);
/* Bytes and operations: read, written, reads, writes. */
void os_process_io(struct lx_proc *p, uint64_t io[4]);
#endif
