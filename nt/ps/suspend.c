/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/suspend.c - threads that stop.
 *
 * A thread stops (parks) because somebody suspended it, or holds it to look at its registers.  It is marked
 * (pico_interrupt), and comes here on its way to the guest, or from inside a wait; a wait then goes on as if nothing had been, with its
 * deadline and its place in every queue.  While it is parked, its registers are in ps->context, in the arena, and so within reach
 * of all processes; changed ones are taken over when it goes on.  In a wait with locks held nobody parks: the
 * thread is marked again for the end of its call (ps->look).
 *
 * All of it is guarded by the process's lock.  Who waits for a thread to park waits on ps->parked_wait, and is woken by its end too.
 */
#include "nt/ldr/ldr.h"
#include "nt/os/thread.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "nt/ke/user.h"

#define SUSPEND_MAX 127u /* MAXIMUM_SUSPEND_COUNT */

/* NTPROC held. */
static bool must_stay(struct nt_thread *t)
{
	return ps_must_park(t) && !os_thread_ends(t->lx);
}

/* One that has not begun shows, and takes, what it will begin with; that lies on its stack. */
static bool is_new(const struct dk_context *c)
{
	return c->rip == ldr_ntdll()->LdrInitializeThunk;
}

static void show(struct nt_thread *t, const struct dk_context *c)
{
	struct ps_thread *ps = ps_of(t);

	ps_context_get(t, c, &ps->context);
	if (is_new(c))
		(void)user_read(&ps->context, c->rcx, sizeof ps->context);
}

/* True: it is still to stay, and its registers are where others find them. */
static bool look(struct nt_thread *t, const struct dk_context *c, bool *shown)
{
	struct ps_thread *ps = ps_of(t);
	bool stay;

	lock_take(&t->process->lock);
	stay = must_stay(t);
	if (stay && !*shown) {
		show(t, c);
		ps->context_set = 0;
		ps->parked = 1;
		*shown = true;
		waitq_wake_all(&ps->parked_wait);
	}
	lock_drop(&t->process->lock);
	return stay;
}

/* In a call, what a call does not keep is not the guest's. */
static void keep_volatile(struct CONTEXT *k, const struct dk_context *c)
{
	k->Rcx = c->rcx;
	k->Rdx = c->rdx;
	k->R8 = c->r8;
	k->R9 = c->r9;
	k->R10 = c->r10;
	k->R11 = c->r11;
}

/* It goes on, with registers that somebody may have changed. */
static bool take_over(struct nt_thread *t, struct dk_context *c)
{
	struct ps_thread *ps = ps_of(t);
	uint32_t set;

	lock_take(&t->process->lock);
	ps->parked = 0;
	set = ps->context_set;
	ps->context_set = 0;
	if (set && (int64_t)c->orig_rax >= 0)
		keep_volatile(&ps->context, c);
	if (set && !is_new(c))
		ps_context_set(t, c, &ps->context, set);
	else if (set) {
		(void)user_write(c->rcx, &ps->context, sizeof ps->context);
		ps_context_set(t, c, &ps->context, set & ~(CONTEXT_FULL ^ CONTEXT_AMD64)); /* debug registers: not from there */
	}
	lock_drop(&t->process->lock);
	return set != 0;
}

void ps_park(struct nt_thread *t, struct dk_context *c)
{
	struct ps_thread *ps = ps_of(t);
	bool shown = false;

	ps->parking = 1;
	for (;;) {
		pico_tb()->work = 0; /* marks from here on end the wait */
		if (os_thread_serve() || !look(t, c, &shown))
			break;
		(void)pico_wait(DK_FOREVER, 0);
	}
	if (shown && take_over(t, c))
		atomic_store(&ps->look, 1);
	ps->parking = 0;
	pico_tb()->work = 1; /* what those marks were for is looked at again */
}

bool ps_wait_interrupted(struct nt_thread *t)
{
	struct ps_thread *ps = ps_of(t);

	if (ps->parking)
		return false; /* park's own loop looks */
	pico_tb()->work = 0;
	if (os_thread_serve()) {
		pico_tb()->work = 1;
		return false;
	}
	if (ps_must_park(t) && !os_thread_ends(t->lx)) {
		if (atomic_load_explicit(&os_pico(t->lx)->held, memory_order_relaxed) != 0) {
			atomic_store(&ps->look, 1);
			return true;
		}
		ps_park(t, pico_frame());
		pico_tb()->work = 0;
		pico_wake(os_pico(t->lx)); /* parking may have eaten the wake-up of the wait around it: that looks itself */
	}
	if (!os_thread_ends(t->lx))
		return true;
	pico_tb()->work = 1;
	return false;
}

/* ---- Others ---- */

void ps_poke(struct nt_thread *t)
{
	if (t->lx)
		pico_interrupt(os_pico(t->lx));
}

/* NTPROC held. */
static void unpark(struct nt_thread *t)
{
	if (!ps_must_park(t) && t->lx)
		pico_wake(os_pico(t->lx));
}

NTSTATUS ps_suspend(struct nt_thread *t, uint32_t *before)
{
	NTSTATUS status = STATUS_SUCCESS;

	lock_take(&t->process->lock);
	*before = t->suspend_count;
	if (t->lx == NULL)
		status = STATUS_THREAD_IS_TERMINATING;
	else if (t->suspend_count >= SUSPEND_MAX)
		status = STATUS_SUSPEND_COUNT_EXCEEDED;
	else if (t->suspend_count++ == 0 && !ps_of(t)->parked)
		ps_poke(t);
	lock_drop(&t->process->lock);
	return status;
}

NTSTATUS ps_resume(struct nt_thread *t, uint32_t *before)
{
	lock_take(&t->process->lock);
	*before = t->suspend_count;
	if (t->suspend_count != 0) {
		if (--t->suspend_count == 0)
			ps_debug_resumed(t);
		unpark(t);
	}
	lock_drop(&t->process->lock);
	return STATUS_SUCCESS;
}

NTSTATUS ps_hold(struct nt_thread *t)
{
	struct nt_process *p = t->process;
	struct ps_thread *ps = ps_of(t);
	struct waiter *w = waiter_self(0);
	NTSTATUS status = STATUS_PENDING;

	lock_take(&p->lock);
	ps->holds++;
	if (!ps->parked)
		ps_poke(t);
	lock_drop(&p->lock);
	waitq_add(&ps->parked_wait, w);
	while (status == STATUS_PENDING) {
		lock_take(&p->lock);
		if (t->lx == NULL || os_thread_ends(t->lx))
			status = STATUS_UNSUCCESSFUL;
		else if (ps->parked)
			status = STATUS_SUCCESS;
		lock_drop(&p->lock);
		if (status == STATUS_PENDING && pico_wait(DK_FOREVER, 0) == DK_INTERRUPTED)
			status = STATUS_THREAD_IS_TERMINATING;
	}
	waitq_remove(&ps->parked_wait, w);
	if (status != STATUS_SUCCESS)
		ps_unhold(t);
	return status;
}

void ps_unhold(struct nt_thread *t)
{
	lock_take(&t->process->lock);
	ps_of(t)->holds--;
	unpark(t);
	lock_drop(&t->process->lock);
}

/* ---- The calls ---- */

static NTSTATUS count_call(uint64_t thread, uint64_t count_va, NTSTATUS (*change)(struct nt_thread *o, uint32_t *before))
{
	struct ob_object *o = NULL;
	uint32_t before = 0;
	NTSTATUS status = ob_by_handle(thread, OB_THREAD, THREAD_SUSPEND_RESUME, &o);

	if (status == STATUS_SUCCESS)
		status = change((struct nt_thread *)o, &before);
	ob_put(o);
	if (status == STATUS_SUCCESS)
		status = user_put32(count_va, before);
	return status;
}

/* The caller itself stops at the end of this call. */
NTSTATUS NtSuspendThread(struct nt_thread *t, uint64_t thread, uint64_t count)
{
	(void)t;
	return count_call(thread, count, ps_suspend);
}

NTSTATUS NtResumeThread(struct nt_thread *t, uint64_t thread, uint64_t count)
{
	(void)t;
	return count_call(thread, count, ps_resume);
}

/* All threads of a process. */
static NTSTATUS process_call(uint64_t process, bool suspend)
{
	struct ob_object *o = NULL;
	NTSTATUS status = ob_by_handle(process, OB_PROCESS, PROCESS_SUSPEND_RESUME, &o);
	struct nt_process *p = (struct nt_process *)o;

	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&p->lock);
	LIST_FOR (each, &p->threads, struct nt_thread, sibling) {
		if (suspend && each->suspend_count < SUSPEND_MAX) {
			each->suspend_count++;
			if (!ps_of(each)->parked)
				ps_poke(each);
		} else if (!suspend && each->suspend_count != 0) {
			if (--each->suspend_count == 0)
				ps_debug_resumed(each);
			unpark(each);
		}
	}
	lock_drop(&p->lock);
	ob_put(o);
	return STATUS_SUCCESS;
}

NTSTATUS NtSuspendProcess(struct nt_thread *t, uint64_t process)
{
	(void)t;
	return process_call(process, true);
}

NTSTATUS NtResumeProcess(struct nt_thread *t, uint64_t process)
{
	(void)t;
	return process_call(process, false);
}
