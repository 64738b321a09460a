/* SPDX-License-Identifier: MIT */
/* linux/ipc/sem.h - sets of System V semaphores, between semop (sysv_sem.c) and semctl (sem_ctl.c). */
#ifndef LINUX_IPC_SEM_H
#define LINUX_IPC_SEM_H

#include <linux/sem.h>

#include "linux/ipc/sysv.h"

struct sem {
	int val, pid;
	uint32_t ncnt, zcnt; /* threads that wait for it to rise, to become 0 */
};

struct sem_undo {
	struct list link;  /* in the set's undos */
	int pid;           /* process it is for */
	int16_t adjust[];
};

struct sem_set {
	struct ipc_object ipc; /* first */
	uint32_t count;
	int64_t otime;
	struct waitq wait;     /* woken at each change */
	struct list undos;     /* [IPC] */
	struct sem sem[];      /* [IPC] */
};

void sem_set_put(struct sem_set *s);
#endif
