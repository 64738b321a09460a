/* SPDX-License-Identifier: MIT */
/* linux/ipc/msg.h - System V message queues, between the calls (sysv_msg.c) and the texts (ipc_proc.c). */
#ifndef LINUX_IPC_MSG_H
#define LINUX_IPC_MSG_H

#include <linux/msg.h>

#include "linux/ipc/sysv.h"

struct msg_queue {
	struct ipc_object ipc; /* first */
	struct list messages;  /* [IPC] */
	uint64_t bytes, count, max_bytes; /* [IPC] */
	int64_t stime, rtime;
	int lspid, lrpid;
	struct waitq senders, receivers;
};
#endif
