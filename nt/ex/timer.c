/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/timer.c - timers.
 *
 * Nobody has to do anything when a timer is due: who waits for it sleeps no longer than that (ob_type.due) and whoever looks at it
 * finds out that it is late and signals it (timer_ready).  Setting one wakes its waiters, so that they sleep anew.  Only a timer
 * with an APC for the thread that set it stands in kproc's queue.  Setting, there, comes after the new time is in the
 * object, and is made again while that has changed meanwhile.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/ps/ps.h"
#include "nt/os/timer.h"
#include "ntcalls.gen.h"

#define TIMER_QUERY_STATE  1u
#define TIMER_MODIFY_STATE 2u
#define NS_PER_MS 1000000ull

struct ex_timer {
	struct ob_object ob;
	uint64_t due;             /* [NTOBJ] monotonic ns when it is to be signalled; 0: not set */
	uint64_t period;          /* [NTOBJ] ns, 0 = once */
	uint64_t generation;      /* [NTOBJ] changes with each setting */
	struct nt_thread *thread; /* [NTOBJ] a reference; who set it, if there is an APC */
	uint64_t routine, argument;
	uint64_t apc_due;         /* [NTOBJ] when the next APC is */
	struct os_timer os;
};

static struct ex_timer *timer(const struct ob_object *o)
{
	return (struct ex_timer *)(uintptr_t)o;
}

/* The time after when, in steps of period, that is still to come; 0 if it is over. */
static uint64_t next_time(uint64_t when, uint64_t period, uint64_t now)
{
	return period == 0 ? 0 : when + ((now - when) / period + 1) * period;
}

static bool timer_ready(const struct ob_object *o, const struct nt_thread *t)
{
	struct ex_timer *tm = timer(o);
	uint64_t now;

	if (tm->due != 0 && (now = pico_now()) >= tm->due) {
		tm->ob.signal = 1;
		__atomic_store_n(&tm->due, next_time(tm->due, tm->period, now), __ATOMIC_RELAXED);
	}
	return o->signal > 0;
}

static uint64_t timer_due(const struct ob_object *o)
{
	return __atomic_load_n(&timer(o)->due, __ATOMIC_RELAXED);
}

static void timer_destroy(struct ob_object *o)
{
	struct ex_timer *tm = timer(o);

	os_timer_disarm(&tm->os);
	if (tm->thread != NULL)
		ob_put(&tm->thread->ob);
	arena_free(tm);
}

/* Its last handle is closed: nobody can cancel it any more. */
static void timer_close(struct ob_object *o, struct nt_process *p, bool last)
{
	struct ex_timer *tm = timer(o);
	bool armed;

	if (!last || __atomic_load_n(&o->name, __ATOMIC_RELAXED) != NULL)
		return;
	lock_take(&o->lock);
	armed = tm->apc_due != 0;
	tm->apc_due = 0;
	lock_drop(&o->lock);
	if (armed)
		os_timer_disarm(&tm->os);
}

const struct ob_type ob_type_timer = { .name = "Timer", .read = READ_CONTROL | TIMER_QUERY_STATE, .write = READ_CONTROL | TIMER_MODIFY_STATE,
	.execute = READ_CONTROL | SYNCHRONIZE, .all = STANDARD_RIGHTS_ALL | TIMER_QUERY_STATE | TIMER_MODIFY_STATE, .waitable = true,
	.destroy = timer_destroy, .close = timer_close, .ready = timer_ready, .due = timer_due };

NTSTATUS NtCreateTimer(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint32_t type)
{
	struct ex_timer *tm;

	if (ob_handle_clear(handle) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	if (type > 1)
		return STATUS_INVALID_PARAMETER_4;
	tm = ob_alloc(OB_TIMER, sizeof *tm);
	if (tm == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (type == 1)
		tm->ob.flags |= OB_AUTO;
	os_timer_init(&tm->os, tm);
	return ob_create_handle(attributes, access, &tm->ob, handle);
}

NTSTATUS NtOpenTimer(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes)
{
	return ob_open_handle(attributes, access, OB_TIMER, handle);
}

/* kproc's queue as the object says. */
static void arm(struct ex_timer *tm)
{
	uint64_t generation, due;

	do {
		lock_take(&tm->ob.lock);
		generation = tm->generation;
		due = tm->apc_due;
		lock_drop(&tm->ob.lock);
		if (due != 0)
			os_timer_arm(&tm->os, due);
		else
			os_timer_disarm(&tm->os);
	} while (__atomic_load_n(&tm->generation, __ATOMIC_ACQUIRE) != generation);
}

struct timer_setting {
	uint64_t due, period;
	struct nt_thread *thread; /* a reference, or NULL: no APC */
	uint64_t routine, argument;
};

/* Returns whether it was signalled. */
static bool set(struct ex_timer *tm, const struct timer_setting *s)
{
	struct nt_thread *before;
	bool was, queued;

	lock_take(&tm->ob.lock);
	was = timer_ready(&tm->ob, NULL);
	queued = tm->apc_due != 0 || s->thread != NULL;
	before = tm->thread;
	tm->ob.signal = 0;
	__atomic_store_n(&tm->due, s->due, __ATOMIC_RELAXED);
	tm->period = s->period;
	tm->thread = s->thread;
	tm->routine = s->routine;
	tm->argument = s->argument;
	tm->apc_due = s->thread != NULL ? s->due : 0;
	__atomic_store_n(&tm->generation, tm->generation + 1, __ATOMIC_RELEASE);
	ex_satisfy(&tm->ob);
	LIST_FOR(b, &tm->ob.waiters, struct nt_wait_block, link)
		pico_wake(ex_pico(b->thread));
	lock_drop(&tm->ob.lock);
	if (queued)
		arm(tm);
	if (before != NULL) {
		ps_apc_remove(before, tm);
		ob_put(&before->ob);
	}
	return was;
}

void ex_timer_fired(void *owner)
{
	struct ex_timer *tm = owner;
	struct nt_thread *t = NULL;
	uint64_t now = pico_now(), next = 0, routine = 0, argument = 0, generation;
	int64_t time = ex_system_time();

	lock_take(&tm->ob.lock);
	if (tm->apc_due != 0 && tm->apc_due <= now) {
		t = tm->thread;
		ob_get(&t->ob);
		routine = tm->routine;
		argument = tm->argument;
		tm->apc_due = next_time(tm->apc_due, tm->period, now);
	}
	next = tm->apc_due;
	generation = tm->generation;
	ex_satisfy(&tm->ob);
	lock_drop(&tm->ob.lock);
	if (t != NULL) {
		(void)ps_queue_apc_of(t, tm, routine, argument, (uint32_t)time, (uint64_t)time >> 32);
		if (__atomic_load_n(&tm->generation, __ATOMIC_ACQUIRE) != generation)
			ps_apc_remove(t, tm); /* it was set anew, or cancelled, in between */
		ob_put(&t->ob);
	}
	if (next != 0)
		os_timer_arm(&tm->os, next);
}

NTSTATUS NtSetTimer(struct nt_thread *t, uint64_t handle, uint64_t due, uint64_t routine, uint64_t argument, uint8_t resume, uint32_t period, uint64_t before)
{
	struct timer_setting s = { .period = period * NS_PER_MS, .routine = routine, .argument = argument };
	struct ob_object *o;
	int64_t when;
	NTSTATUS status;
	uint8_t was;

	if ((int32_t)period < 0)
		return STATUS_INVALID_PARAMETER_6;
	if (user_read(&when, due, sizeof when) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	status = ob_by_handle(handle, OB_TIMER, TIMER_MODIFY_STATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	s.due = ex_deadline(when);
	if (routine != 0) {
		s.thread = t;
		ob_get(&t->ob);
	}
	was = set(timer(o), &s);
	ob_put(o);
	if (before != 0 && user_write(before, &was, sizeof was) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	return resume ? (NTSTATUS)STATUS_TIMER_RESUME_IGNORED : STATUS_SUCCESS;
}

NTSTATUS NtCancelTimer(struct nt_thread *t, uint64_t handle, uint64_t before)
{
	struct timer_setting s = { .due = 0 };
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_TIMER, TIMER_MODIFY_STATE, &o);
	struct ex_timer *tm;
	struct nt_thread *thread;
	uint8_t was;
	bool queued;

	if (status != STATUS_SUCCESS)
		return status;
	tm = timer(o);
	lock_take(&o->lock);
	was = timer_ready(o, NULL);
	thread = tm->thread;
	queued = tm->apc_due != 0;
	tm->thread = NULL;
	tm->apc_due = 0;
	__atomic_store_n(&tm->due, s.due, __ATOMIC_RELAXED);
	__atomic_store_n(&tm->generation, tm->generation + 1, __ATOMIC_RELEASE);
	lock_drop(&o->lock);
	if (queued)
		arm(tm);
	if (thread != NULL) {
		ps_apc_remove(thread, tm);
		ob_put(&thread->ob);
	}
	ob_put(o);
	if (before != 0 && user_write(before, &was, sizeof was) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	return STATUS_SUCCESS;
}

NTSTATUS NtQueryTimer(struct nt_thread *t, uint64_t handle, uint32_t class, uint64_t buffer, uint32_t size, uint64_t returned)
{
	struct {
		int64_t RemainingTime;
		uint8_t TimerState, pad[7];
	} b = { 0 };
	struct ob_object *o;
	NTSTATUS status;

	if (class != 0)
		return STATUS_INVALID_INFO_CLASS;
	if (size != sizeof b)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = ob_by_handle(handle, OB_TIMER, TIMER_QUERY_STATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&o->lock);
	b.TimerState = timer_ready(o, NULL);
	b.RemainingTime = timer(o)->due == 0 ? -ex_interrupt_time() : (int64_t)(timer(o)->due - pico_now()) / 100;
	lock_drop(&o->lock);
	ob_put(o);
	return ex_answer(buffer, size, &b, sizeof b, returned);
}
