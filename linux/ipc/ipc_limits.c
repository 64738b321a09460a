/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/ipc_limits.c - what /proc/sys/kernel and /proc/sys/fs/mqueue set for System V objects and message
 * queues: of the reader's IPC namespace.
 */
#include <limits.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>

#include "linux/fs/procfs.h"
#include "linux/ipc/sysv.h"
#include "linux/ns/ns.h"

#define OBJECTS_MAX 32768u /* a number has 15 bits for the slot */

static const struct { uint64_t usual, least, most; } limits[IPC_LIMITS] = {
	[IPC_SHMMAX] = { SHMMAX, 0, UINT64_MAX },
	[IPC_SHMALL] = { SHMALL, 0, UINT64_MAX },
	[IPC_SHM_FORCED] = { 0, 0, 1 },
	[IPC_MSGMAX] = { MSGMAX, 0, INT32_MAX },
	[IPC_MSGMNB] = { MSGMNB, 0, INT32_MAX },
	[IPC_SEMMSL] = { SEMMSL, 0, INT32_MAX },
	[IPC_SEMMNS] = { SEMMNS, 0, INT32_MAX },
	[IPC_SEMOPM] = { SEMOPM, 0, INT32_MAX },
	[IPC_MQ_QUEUES] = { 256, 0, INT32_MAX },
	[IPC_MQ_MSGS] = { 10, 1, 65536 },
	[IPC_MQ_SIZE] = { 8192, 128, 16 << 20 },
	[IPC_MQ_MSGS_USUAL] = { 10, 1, 65536 },
	[IPC_MQ_SIZE_USUAL] = { 8192, 128, 16 << 20 },
};

void ipc_limits_init(struct ipc_root *root)
{
	for (unsigned i = 0; i < IPC_LIMITS; i++)
		root->limit[i] = limits[i].usual;
	root->table[IPC_SHM].max = SHMMNI;
	root->table[IPC_SEM].max = SEMMNI;
	root->table[IPC_MSG].max = MSGMNI;
	for (unsigned k = 0; k < IPC_KINDS; k++)
		root->table[k].next_id = -1;
}

static bool may_set(const struct node_ctx *c)
{
	return ns_capable(c->t, ns_of(c->t, NS_IPC)->user, CAP_SYS_RESOURCE);
}

/* The first number of a text, and what follows it; NULL: there is none. */
static const char *number_in(const char *s, uint64_t *out)
{
	char digits[24];
	size_t n = 0;

	while (*s == ' ' || *s == '\t')
		s++;
	while (n < sizeof digits - 1 && s[n] >= '0' && s[n] <= '9') {
		digits[n] = s[n];
		n++;
	}
	digits[n] = '\0';
	return n != 0 && str_u64(digits, 10, out) ? s + n : NULL;
}

SHOW(ipc_limit)
{
	text_add(x, "%lu\n", (unsigned long)ipc_limit(procfs.node[c->key.node].arg));
}

long store_ipc_limit(struct node_ctx *c, char *text, size_t n)
{
	uint32_t which = procfs.node[c->key.node].arg;
	uint64_t value;

	if (!may_set(c))
		return -EPERM;
	if (number_in(text, &value) == NULL || value < limits[which].least || value > limits[which].most)
		return -EINVAL;
	atomic_store(&ipc_root()->limit[which], value);
	return (long)n;
}

/* How many objects of a kind there may be. */
SHOW(ipc_objects)
{
	text_add(x, "%u\n", ipc_root()->table[procfs.node[c->key.node].arg].max);
}

long store_ipc_objects(struct node_ctx *c, char *text, size_t n)
{
	uint64_t value;

	if (!may_set(c))
		return -EPERM;
	if (number_in(text, &value) == NULL || value > OBJECTS_MAX)
		return -EINVAL;
	ipc_lock();
	ipc_root()->table[procfs.node[c->key.node].arg].max = (uint32_t)value;
	ipc_unlock();
	return (long)n;
}

SHOW(ipc_next_id)
{
	text_add(x, "%d\n", ipc_root()->table[procfs.node[c->key.node].arg].next_id);
}

long store_ipc_next_id(struct node_ctx *c, char *text, size_t n)
{
	bool none = str_starts(text, "-1");
	uint64_t value;

	if (!may_set(c))
		return -EPERM;
	if (!none && (number_in(text, &value) == NULL || value > INT32_MAX))
		return -EINVAL;
	ipc_lock();
	ipc_root()->table[procfs.node[c->key.node].arg].next_id = none ? -1 : (int)value;
	ipc_unlock();
	return (long)n;
}

static const enum ipc_limit sem_limits[3] = { IPC_SEMMSL, IPC_SEMMNS, IPC_SEMOPM };

SHOW(ipc_sem)
{
	for (unsigned i = 0; i < ARRAY_LEN(sem_limits); i++)
		text_add(x, "%lu\t", (unsigned long)ipc_limit(sem_limits[i]));
	text_add(x, "%u\n", ipc_root()->table[IPC_SEM].max);
}

/* Fewer than four numbers set the first ones. */
long store_ipc_sem(struct node_ctx *c, char *text, size_t n)
{
	const char *s = text;
	uint64_t value;

	if (!may_set(c))
		return -EPERM;
	for (unsigned i = 0; i < 4 && (s = number_in(s, &value)) != NULL; i++) {
		if (value > (i < 3 ? INT32_MAX : OBJECTS_MAX))
			return -EINVAL;
		if (i < 3)
			atomic_store(&ipc_root()->limit[sem_limits[i]], value);
		else
			ipc_root()->table[IPC_SEM].max = (uint32_t)value;
	}
	return (long)n;
}
