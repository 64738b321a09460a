/* SPDX-License-Identifier: MIT */
/*
 * linux/ipc/sysv.h - what System V shared memory, semaphores and message queues share:
 * tables of objects by number and key, permissions, and one lock for all (IPC).
 *
 * An object lives from ...get to IPC_RMID; those who sleep on one hold a reference and
 * find ->removed set when they wake.
 */
#ifndef LINUX_IPC_SYSV_H
#define LINUX_IPC_SYSV_H

#include <linux/capability.h>
#include <linux/ipc.h>

#include "linux/linux.h"

enum ipc_kind { IPC_SHM, IPC_SEM, IPC_MSG, IPC_KINDS };
/* What /proc/sys/kernel and /proc/sys/fs/mqueue set, beside the numbers of objects (ipc_table.max). */
enum ipc_limit { IPC_SHMMAX, IPC_SHMALL, IPC_SHM_FORCED, IPC_MSGMAX, IPC_MSGMNB, IPC_SEMMSL, IPC_SEMMNS, IPC_SEMOPM, IPC_MQ_QUEUES,
	IPC_MQ_MSGS, IPC_MQ_SIZE, IPC_MQ_MSGS_USUAL, IPC_MQ_SIZE_USUAL, IPC_LIMITS };

/* First member of each object; in the arena. */
struct ipc_object {
	struct ref ref;
	uint32_t kind;             /* enum ipc_kind */
	struct ipc_root *root;     /* [I] whose table it is in */
	uint32_t removed;          /* [IPC] */
	int id;
	struct ipc_object *next_key; /* [IPC] */
	struct ipc64_perm perm;    /* [IPC] */
	int64_t ctime;             /* [IPC] seconds */
};

struct ipc_table {
	struct ipc_object **slot;  /* [IPC] */
	struct ipc_object **by_key;/* [IPC] chains by next_key, size of them; those with key 0 are in none */
	uint32_t size, used, max, seq;
	uint32_t free_from;        /* [IPC] no slot below is free */
	int next_id;               /* [IPC] the number that the next one gets, if it is free (*_next_id); -1: any */
};

/* One IPC namespace; the initial one is lx_state()->ipc, whose lock is that of all. */
struct ipc_root {
	LOCK(IPC) lock;
	struct ipc_table table[IPC_KINDS];
	struct list mqueues;       /* [IPC] struct mqueue by link */
	uint32_t nmqueues;
	uint64_t mqueues_made;     /* [IPC] */
	uint64_t shm_pages;        /* [IPC] */
	uint64_t sems;             /* [IPC] in all sets */
	_Atomic uint64_t limit[IPC_LIMITS];
};

struct ipc_root *ipc_root_of(const struct lx_thread *t); /* for another thread TASKLIST is held */
static inline struct ipc_root *ipc_root(void)
{
	return LIKELY(lx_current()->nsset == NULL) ? lx_state()->ipc : ipc_root_of(lx_current());
}
static inline void ipc_lock(void) ACQUIRES(IPC)
{
	lock_take(&((struct ipc_root *)lx_state()->ipc)->lock);
}
static inline void ipc_unlock(void) RELEASES(IPC)
{
	lock_drop(&((struct ipc_root *)lx_state()->ipc)->lock);
}

static inline uint64_t ipc_limit(enum ipc_limit which)
{
	return atomic_load_explicit(&ipc_root()->limit[which], memory_order_relaxed);
}
void ipc_limits_init(struct ipc_root *root); /* ipc_limits.c */

int64_t ipc_seconds(void); /* since 1970 */
/* May t do what the mode bits (0444, 0222 ...) ask?  0 or -EACCES. */
long ipc_permission(const struct lx_thread *t, const struct ipc64_perm *p, uint32_t bits) REQUIRES(IPC);
/* May t change or remove it?  0 or -EPERM. */
long ipc_owner(const struct lx_thread *t, const struct ipc64_perm *p) REQUIRES(IPC);
struct ipc_object *ipc_find(enum ipc_kind kind, int id) REQUIRES(IPC);
/* The object in a slot, for the STAT calls by index. */
struct ipc_object *ipc_at(enum ipc_kind kind, int index) REQUIRES(IPC);
struct ipc_object *ipc_find_key(enum ipc_kind kind, int key) REQUIRES(IPC);
/* Gives a zeroed object a number; the table takes over the reference.  The number, or -ENOSPC, -ENOMEM. */
long ipc_add(struct lx_thread *t, enum ipc_kind kind, struct ipc_object *o, int key, int flags) REQUIRES(IPC);
/* Takes it out of the table, with removed set; the caller has the table's reference to put. */
void ipc_remove(struct ipc_object *o) REQUIRES(IPC);
/* It is not found by its key any more. */
void ipc_drop_key(struct ipc_object *o) REQUIRES(IPC);
int ipc_highest(enum ipc_kind kind) REQUIRES(IPC); /* highest slot in use; 0 if none */
/*
 * The first half of shmget, semget, msgget: an object with that key.  1: *out is it (permission
 * checked); 0: make one; negative: the error.
 */
long ipc_get(struct lx_thread *t, enum ipc_kind kind, int key, int flags, struct ipc_object **out) REQUIRES(IPC);
/* IPC_SET's common part. */
void ipc_set(struct ipc_object *o, const struct ipc64_perm *from) REQUIRES(IPC);

void ipc_boot(void);
void ipc_exit(struct lx_proc *p);
void sem_undo_exit(struct lx_proc *p, struct ipc_root *root);
bool sem_undo_any(struct lx_proc *p); /* for kcmp: p has something to undo */
void mqueue_exit(struct lx_proc *p, struct ipc_root *root);
/* Owners as the caller counts, for IPC_STAT. */
struct ipc64_perm ipc_perm_out(const struct ipc64_perm *p);
/* The namespace goes: all objects of a kind in it; hold no lock. */
void shm_root_free(struct ipc_root *root);
void sem_root_free(struct ipc_root *root);
void msg_root_free(struct ipc_root *root);
void mqueue_root_free(struct ipc_root *root);

#endif
