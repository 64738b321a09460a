/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/wait.h - waiting for objects.
 *
 * A waiter puts a wait block on each object's list and sleeps.  Who signals an object walks its list under the
 * object's lock (NTOBJ) and ends waits: for wait-any it changes the thread's wait_state from WAITING to DONE
 * by compare-and-exchange, takes the object for that thread (ob_type.take) and wakes it: a signal goes to
 * the oldest waiter and to nobody who comes later.  A wait-all thread is only woken; it takes all its objects'
 * locks in the order of their addresses and looks for itself.  So there is no lock for the whole sandbox.
 */
#ifndef NT_EX_WAIT_H
#define NT_EX_WAIT_H

#include "nt/nt.h"

struct nt_wait_block {
	struct list link;         /* [NTOBJ] in object->waiters */
	struct ob_object *object;
	struct nt_thread *thread;
	uint32_t index, all;
	uint64_t key;             /* of a keyed event */
};

#define EX_DEADLINE_NEVER UINT64_MAX

static inline struct pico_thread *ex_pico(const struct nt_thread *t)
{
	return (struct pico_thread *)(void *)t->lx;
}

/*
 * Waits for count <= NT_WAIT_MAX objects, all references held by the caller.  deadline: absolute monotonic ns, 0 = do
 * not wait.  STATUS_WAIT_0 + index, STATUS_ABANDONED_WAIT_0 + index, STATUS_TIMEOUT; alertable: STATUS_USER_APC (APCs are
 * queued; they are delivered on the way out), STATUS_ALERTED.  STATUS_THREAD_IS_TERMINATING: it must end, so give up.  A thread
 * that is to stop does so inside (ps_wait_interrupted) and waits on.  count 0: only sleeps.
 */
NTSTATUS ex_wait(struct nt_thread *t, struct ob_object *const *objects, uint32_t count, bool all, bool alertable, uint64_t deadline);
/* The same for objects that the guest has handles of: `handles` is its array. */
NTSTATUS ex_wait_handles(struct nt_thread *t, uint32_t count, uint64_t handles, bool all, bool alertable, uint64_t deadline);
/*
 * Waiting in a queue of one's own (keyed events): begin; under the object's lock, fill in wait_blocks[0], set wait_count, queue it;
 * then ex_wait_queued.  Who finds it there, under the same lock, takes it out, and pico_wake()s the thread if ex_wait_end says
 * that it was he who ended the wait.
 */
bool ex_wait_begin(struct nt_thread *t, uint32_t count, bool alertable); /* false: no memory */
NTSTATUS ex_wait_queued(struct nt_thread *t, uint64_t deadline);
bool ex_wait_end(struct nt_thread *t, NTSTATUS status);
/* The caller is alone with o (ob_alone): takes it for t, if it is signalled.  STATUS_PENDING: it is not. */
NTSTATUS ex_take_alone(struct ob_object *o, struct nt_thread *t);
/* The guest's timeout (va of a LARGE_INTEGER, 0 = for ever) as a deadline. */
NTSTATUS ex_deadline_in(uint64_t timeout_va, uint64_t *deadline);
/* Negative: units from now; else NT time.  Never 0. */
uint64_t ex_deadline(int64_t when);

/* Signals an object, signal = n, and ends the waits that satisfies.  Returns the signal before.  With locks above NTOBJ held, too. */
int32_t ex_signal(struct ob_object *o, int32_t n);
/* The same for who has changed o->signal himself. */
void ex_satisfy(struct ob_object *o) REQUIRES(NTOBJ);
int32_t ex_clear(struct ob_object *o);
/* Releases who waits now, and leaves it clear: PulseEvent. */
int32_t ex_pulse(struct ob_object *o);
/* Ends t's wait, if it is alertable and waits: APCs and alerts, which have been put in place before.  The caller has a reference.  Takes NTPROC. */
void ex_interrupt(struct nt_thread *t);
/* t waits no more, its mutants are abandoned.  By t itself, or by kproc when its picoprocess has died. */
void ex_thread_ended(struct nt_thread *t);
/* NT time: 100 ns since 1601. */
int64_t ex_system_time(void);
int64_t ex_interrupt_time(void);
#endif
