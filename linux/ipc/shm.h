/* SPDX-License-Identifier: MIT */
/* linux/ipc/shm.h - System V shared memory segments, between the calls (sysv_shm.c) and the texts (ipc_proc.c). */
#ifndef LINUX_IPC_SHM_H
#define LINUX_IPC_SHM_H

#include <linux/shm.h>

#include "linux/ipc/sysv.h"

struct shm_segment {
	struct ipc_object ipc;     /* first */
	struct shared_mem *mem;
	uint64_t size;             /* bytes, as asked for */
	uint64_t nattch;           /* [IPC] */
	int64_t atime, dtime;      /* [IPC] */
	int cpid, lpid;            /* [IPC] */
	bool orphan;               /* [IPC] its namespace is gone: it is in no table */
	bool doomed;               /* [IPC] IPC_RMID came while it was attached: it goes with the last detach */
};

uint64_t shm_resident(const struct shm_segment *s) REQUIRES(IPC); /* pages of it that are in memory */
#endif
