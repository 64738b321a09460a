/* SPDX-License-Identifier: MIT */
/* nt/os/proclink.h - an NT process and the kernel's process that it is. */
#ifndef NT_OS_PROCLINK_H
#define NT_OS_PROCLINK_H

#include "nt/nt.h"

/* lx runs p from now on: each holds a reference on the other.  Sets p's ids. */
void os_process_adopt(struct nt_process *p, struct lx_proc *lx);
/* It has ended: lx lets p go (p keeps lx until it is destroyed: os_process_forget). */
void os_process_left(struct nt_process *p);
void os_process_forget(struct nt_process *p); /* ob_type.destroy's */
/* The client id of a process's number: multiples of 4, as Windows has them, and none is a thread's too (nt/os/thread.h). */
static inline uint32_t os_nt_id(int id)
{
	return (uint32_t)id * 8;
}
#endif
