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

/* First member of each object; in the arena. */
struct ipc_object {
	struct ref ref;
	uint32_t kind;             /* enum ipc_kind */
	struct ipc_root *root;     /* [I] whose table it is in */
	uint32_t removed;          /* [IPC] */
	int id;
	struct ipc64_perm perm;    /* [IPC] */
	int64_t ctime;             /* [IPC] seconds */
};

struct ipc_table {
	struct ipc_object **slot;  /* [IPC] */
	uint32_t size, used, max, seq;
};

/* One IPC namespace; the initial one is lx_state()->ipc, whose lock is that of all. */
struct ipc_root {
	LOCK(IPC) lock;
	struct ipc_table table[IPC_KINDS];
	struct list mqueues;       /* [IPC] struct mqueue by link */
	uint32_t nmqueues;
	uint64_t mqueues_made;     /* [IPC] */
	uint64_t shm_pages;        /* [IPC] */
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
