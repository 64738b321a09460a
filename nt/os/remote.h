/* SPDX-License-Identifier: MIT */
/* nt/os/remote.h - what only a thread of another process can do: reach its memory, change its address space. */
#ifndef NT_OS_REMOTE_H
#define NT_OS_REMOTE_H

#include "nt/types.h"

struct lx_proc;

/* A thread of p calls nt_remote_run with a copy of data, which comes back as it left it.  STATUS_PROCESS_IS_TERMINATING: nobody
   is there any more.  The caller holds a reference on p and no lock. */
NTSTATUS os_remote_run(struct lx_proc *p, void *data, uint64_t size);
void nt_remote_run(void *data, uint64_t size); /* mm/op.c */
/* A thread of p calls nt_io_serve soon; false: it has none any more.  No lock but NT's may be held. */
bool os_remote_post(struct lx_proc *p);
void nt_io_serve(void); /* io/irp.c */
/* Kernel memory to or from p's memory at addr: bytes moved. */
uint64_t os_remote_copy(struct lx_proc *p, uint64_t addr, void *buf, uint64_t size, bool write);
#endif
