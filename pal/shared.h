/* SPDX-License-Identifier: MIT */
/*
 * pal/shared.h - pal's shared area: what handles name, in one memfd that all
 * picoprocesses of a sandbox map at PALSHARED_BASE, so pointers into it are good
 * everywhere.
 *
 * Every kind has a table of fixed entries; each entry begins with struct object.
 * A handle is live while object.handle equals it.  Objects are waited on through
 * nodes that lie in the waiting thread's entry (or a block from a pool, for long
 * waits).  Letters at members:
 *	I immutable while live, o object.lock, a atomic, t table lock, w owner thread only
 */
#ifndef PAL_SHARED_H
#define PAL_SHARED_H

#include "abi/monitor.h"
#include "rt/base.h"

#define PS_THREADS   16384u
#define PS_EVENTS    65536u
#define PS_PROCESSES MON_PROCESSES
#define PS_STREAMS   32768u
#define PS_BLOCKS    448u
#define PS_MAGIC     0x50414c31u

struct node {
	struct node *next, *prev; /* [o] in object's list while NODE_LINKED */
	struct object *object;    /* [w] where it is armed */
	uint32_t thread;          /* [I] index of the waiting thread */
	_Atomic uint32_t state;   /* [o] NODE_* */
};
enum { NODE_IDLE, NODE_LINKED, NODE_TOLD };

#define OBJ_AUTO 1u /* consumed by the wait that sees it */

struct object {
	_Atomic uint32_t lock;   /* [a] spin lock: handle of the holder's process */
	_Atomic uint32_t handle; /* [o] 0 = free */
	_Atomic uint32_t refs;   /* [o] */
	_Atomic uint32_t state;  /* [o] events 0/1, semaphores their count, threads and processes 1 = ended */
	uint32_t max;            /* [I] semaphores */
	uint32_t gen;            /* [t] of the next handle */
	uint32_t next_free;      /* [t] index + 1 */
	uint32_t flags;          /* [I] OBJ_* */
	struct node *first, *last; /* [o] waiters, oldest first */
};

enum { SLEEP_NO, SLEEP_FUTEX, SLEEP_POLL };
#define INLINE_NODES 4u
#define BLOCK_NODES  (DK_WAIT_MAX + 1) /* and the abort event */

struct thread {
	struct object object;
	_Atomic uint32_t word;  /* [a] wait word: changed by whoever wakes */
	_Atomic uint32_t sleep; /* [a] SLEEP_*: taken by the waker */
	_Atomic uint32_t intr;  /* [a] DkThreadRaiseException's mark, moved to tb->work */
	_Atomic uint32_t tid, tgid; /* [a] host's, 0 = not yet or no more */
	uint32_t process;       /* [a] index, PS_PROCESSES = nobody's */
	uint32_t block;         /* [w] pool block in use + 1 */
	uint32_t nodes_used;    /* [w] */
	uint64_t cpu_base;      /* [I] CPU time of its host thread when it began, ns */
	struct node nodes[INLINE_NODES];
};

struct process {
	struct object object;
	uint64_t pico;        /* monitor's number; 0 = not known yet */
	uint32_t has_code;    /* 1: it called DkProcessExit */
	uint32_t code;
	uint32_t wait_status; /* the host's, once ended */
	_Atomic uint32_t tgid; /* 0 = not known yet */
};

struct stream {
	struct object object;
	uint64_t number;   /* [I] the monitor's */
	uint8_t fd_flags;  /* [I] MON_FD_* */
	uint8_t special;   /* [I] STREAM_* */
	uint16_t kept;     /* [I] place in struct mon_changes + 1, 0 = none */
	uint32_t kept_number; /* [I] */
};
enum { STREAM_NORMAL, STREAM_DATA, STREAM_DEATHS };
/* Streams every sandbox has; their descriptors come with the boot message. */
#define STREAM_INDEX_DATA   0u
#define STREAM_INDEX_DEATHS 1u

struct table {
	_Atomic uint32_t lock;
	uint32_t free;   /* index + 1 of the first free entry */
	_Atomic uint32_t high; /* entries ever used */
	uint32_t live;
};

struct block {
	struct node nodes[BLOCK_NODES];
	uint32_t next_free;
	uint32_t pad[7];
};

struct shared {
	_Atomic uint32_t magic;
	uint32_t pad;
	struct table threads_table, events_table, processes_table, streams_table, blocks_table;
	uint8_t room[MON_CHANGES_AT - 8 - 5 * sizeof(struct table)];
	struct mon_changes changes;
	uint8_t more_room[4096 - MON_CHANGES_AT - sizeof(struct mon_changes)];
	struct thread threads[PS_THREADS];
	struct process processes[PS_PROCESSES];
	struct stream streams[PS_STREAMS];
	struct object events[PS_EVENTS];
	struct block blocks[PS_BLOCKS];
};
_Static_assert(__builtin_offsetof(struct shared, changes) == MON_CHANGES_AT, "the monitor writes there");
_Static_assert(sizeof(struct shared) <= PALSHARED_SIZE, "pal's shared area is too small");

static inline struct shared *shared(void)
{
	return (struct shared *)PALSHARED_BASE;
}

/* Live object with this handle, not locked; NULL if it is not of this kind. */
struct object *object_find(dk_handle h);
/* The same, locked. */
struct object *object_lock(dk_handle h) MUST_CHECK;
void object_unlock(struct object *o);
/* A new object with one reference, or NULL.  kind is enum dk_kind. */
struct object *object_new(enum dk_kind kind, uint32_t state, uint32_t max, uint32_t flags) MUST_CHECK;
enum dk_status object_ref(dk_handle h);
enum dk_status object_put(dk_handle h);
/* Sets state of an object that is never taken back (ended) and tells all waiters. */
void object_signal(struct object *o);
uint32_t object_index(const struct object *o);

/* Spin locks in shared memory. */
void spin_take(_Atomic uint32_t *lock);
void spin_drop(_Atomic uint32_t *lock);

/* Changes a thread's word and gets it out of its sleep. */
void thread_wake(uint32_t index);

void shared_init(void);
uint32_t block_take(void); /* index + 1, 0 = none left */
void block_give(uint32_t block);
#endif
