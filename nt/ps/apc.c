/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/apc.c - asynchronous procedure calls and alerts.
 *
 * An APC is queued in its thread (arena, NTAPC).  An alertable wait that ends with STATUS_USER_APC, NtContinue
 * and NtTestAlert let the thread deliver: on its way out the first APC's frame is put on the guest's stack; its dispatcher ends in an
 * alertable NtContinue, which lets the next one go.  Special ones are delivered on any way out.
 *
 * The frame, as ntdll's dispatcher wants it: four words of home space, the routine, a word, the CONTEXT to go on with, and room for
 * its caller's rbp and rip below the old stack pointer.
 */
#include "nt/ex/wait.h"
#include "nt/ke/dispatch.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/mm/mm.h"
#include "nt/os/thread.h"
#include "nt/os/wait.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"

#define APC_ROUTINE 0x20u
#define APC_CONTEXT 0x30u
#define APC_SIZE    (APC_CONTEXT + sizeof(struct CONTEXT) + 16)
#define FLAG_TF     0x100u

bool ps_apcs_pending(const struct nt_thread *t)
{
	return !list_empty(&t->apcs);
}

void ps_user_apcs(struct nt_thread *t)
{
	ps_of(t)->deliver = 1;
	pico_tb()->work = 1;
}

void ps_apcs_drop(struct nt_thread *t)
{
	struct list gone;

	list_init(&gone);
	lock_take(&t->apc_lock);
	while (!list_empty(&t->apcs)) {
		struct list *a = t->apcs.next;

		list_remove(a);
		list_append(&gone, a);
	}
	lock_drop(&t->apc_lock);
	LIST_FOR_SAFE (a, n, &gone, struct nt_apc, link)
		arena_free(a);
}

/* t is told: its alertable wait ends, or, for a special one, whatever it does. */
static NTSTATUS tell(struct nt_thread *t, bool special)
{
	NTSTATUS status = STATUS_UNSUCCESSFUL;

	lock_take(&t->process->lock);
	if (t->lx != NULL) {
		if (special)
			ps_poke(t);
		status = STATUS_SUCCESS;
	}
	lock_drop(&t->process->lock);
	if (status == STATUS_SUCCESS)
		ex_interrupt(t);
	return status;
}

/* With its lock held. */
static struct nt_apc *find_of(struct nt_thread *t, const void *of)
{
	if (of != NULL)
		LIST_FOR (a, &t->apcs, struct nt_apc, link)
			if (a->of == of)
				return a;
	return NULL;
}

/* Takes a over. */
static NTSTATUS queue(struct nt_thread *t, struct nt_apc *a, bool special)
{
	NTSTATUS status;

	lock_take(&t->apc_lock);
	if (find_of(t, a->of) != NULL) {
		lock_drop(&t->apc_lock);
		arena_free(a);
		return STATUS_SUCCESS;
	}
	list_append(&t->apcs, &a->link);
	ps_of(t)->special_apcs += special;
	lock_drop(&t->apc_lock);
	status = tell(t, special);
	if (status != STATUS_SUCCESS)
		ps_apcs_drop(t);
	return status;
}

NTSTATUS ps_queue_apc(struct nt_thread *t, uint64_t routine, uint64_t a1, uint64_t a2, uint64_t a3, bool special)
{
	struct nt_apc *a = arena_alloc(sizeof *a);

	if (a == NULL)
		return STATUS_NO_MEMORY;
	*a = (struct nt_apc){ .routine = routine, .arg = { a1, a2, a3 }, .special = special };
	return queue(t, a, special);
}

NTSTATUS ps_queue_apc_of(struct nt_thread *t, const void *of, uint64_t routine, uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct nt_apc *a = arena_alloc(sizeof *a);

	if (a == NULL)
		return STATUS_NO_MEMORY;
	*a = (struct nt_apc){ .routine = routine, .arg = { a1, a2, a3 }, .of = of };
	return queue(t, a, false);
}

void ps_apc_remove(struct nt_thread *t, const void *of)
{
	struct nt_apc *a;

	lock_take(&t->apc_lock);
	a = find_of(t, of);
	if (a != NULL)
		list_remove(&a->link);
	lock_drop(&t->apc_lock);
	arena_free(a);
}

static struct nt_apc *take(struct nt_thread *t, bool special_only)
{
	struct nt_apc *found = NULL;

	lock_take(&t->apc_lock);
	LIST_FOR (a, &t->apcs, struct nt_apc, link)
		if (a->special || (!special_only && found == NULL)) {
			found = a;
			if (a->special)
				break;
		}
	if (found != NULL) {
		list_remove(&found->link);
		ps_of(t)->special_apcs -= found->special;
	}
	lock_drop(&t->apc_lock);
	return found;
}

static bool apc_frame(const struct nt_thread *t, uint64_t at, const struct dk_context *c, const struct nt_apc *a)
{
	return user_put64(at + APC_ROUTINE, a->routine) == STATUS_SUCCESS && ps_context_out(t, at + APC_CONTEXT, c) == STATUS_SUCCESS &&
		user_put64(at - 8, 0) == STATUS_SUCCESS;
}

static void enter(struct nt_thread *t, struct dk_context *c, const struct nt_apc *a)
{
	uint64_t at = ALIGN_DOWN(c->rsp, 16) - APC_SIZE;

	while (!apc_frame(t, at, c, a))
		if (!nt_mm_settle(at - 8, APC_SIZE + 8, true))
			ps_process_exit(t, STATUS_STACK_OVERFLOW);
	c->rsp = at - 8;
	c->rcx = at + APC_CONTEXT;
	c->rdx = a->arg[0];
	c->r8 = a->arg[1];
	c->r9 = a->arg[2];
	c->rip = ldr_ntdll()->KiUserApcDispatcher;
	c->rflags &= ~(uint64_t)FLAG_TF;
	c->orig_rax = UINT64_MAX;
}

bool ps_deliver_apc(struct nt_thread *t, struct dk_context *c, bool special_only)
{
	struct nt_apc *a = take(t, special_only);

	if (a == NULL)
		return false;
	enter(t, c, a);
	arena_free(a);
	return true;
}

/* ---- The way out ---- */

/* A call that ended so had its APCs in mind. */
static bool wants_apcs(struct nt_thread *t, const struct dk_context *c)
{
	struct ps_thread *ps = ps_of(t);
	bool wants = ps->deliver != 0 || ((int64_t)c->orig_rax >= 0 && (uint32_t)c->rax == STATUS_USER_APC);

	ps->deliver = 0;
	return wants;
}

void ps_return_to_user(struct nt_thread *t, struct dk_context *c)
{
	struct ps_thread *ps = ps_of(t);
	bool wants;

	atomic_store_explicit(&ps->look, 0, memory_order_relaxed);
	if (UNLIKELY(os_thread_ends(t->lx)))
		os_thread_exit(t->exit_status);
	if (UNLIKELY(ps_must_park(t))) {
		ps_park(t, c); /* and comes again */
		return;
	}
	if (UNLIKELY(ps_of_process(t->process)->peb_stale != 0))
		ps_debug_peb(t);
	if (UNLIKELY(ps->debug_start)) {
		ps_debug_start(t, c); /* and comes again, if it stopped there */
		return;
	}
	wants = wants_apcs(t, c);
	if (UNLIKELY(wants || ps->special_apcs != 0) && c->rip != ldr_ntdll()->LdrInitializeThunk)
		(void)ps_deliver_apc(t, c, !wants);
	c->orig_rax = UINT64_MAX;
	if (ps_has_breakpoints(t))
		ps_step_out(t, c);
}

/* ---- The calls ---- */

NTSTATUS NtQueueApcThread(struct nt_thread *t, uint64_t thread, uint64_t routine, uint64_t arg1, uint64_t arg2, uint64_t arg3)
{
	struct ob_object *o = NULL;
	NTSTATUS status = ob_by_handle(thread, OB_THREAD, THREAD_SET_CONTEXT, &o);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	/* No routine: nothing to call, and no wait ends. */
	if (routine == 0)
		status = __atomic_load_n(&((struct nt_thread *)o)->lx, __ATOMIC_RELAXED) != NULL ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
	else
		status = ps_queue_apc((struct nt_thread *)o, routine, arg1, arg2, arg3, false);
	ob_put(o);
	return status;
}

NTSTATUS NtTestAlert(struct nt_thread *t)
{
	if (ps_apcs_pending(t)) {
		ps_user_apcs(t);
		return STATUS_SUCCESS;
	}
	return __atomic_exchange_n(&t->alerted, 0, __ATOMIC_ACQ_REL) ? (NTSTATUS)STATUS_ALERTED : (NTSTATUS)STATUS_SUCCESS;
}

NTSTATUS NtAlertThread(struct nt_thread *t, uint64_t thread)
{
	struct ob_object *o = NULL;
	NTSTATUS status = ob_by_handle(thread, OB_THREAD, THREAD_ALERT, &o);

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	__atomic_store_n(&((struct nt_thread *)o)->alerted, 1, __ATOMIC_SEQ_CST);
	ex_interrupt((struct nt_thread *)o);
	ob_put(o);
	return STATUS_SUCCESS;
}

NTSTATUS NtAlertResumeThread(struct nt_thread *t, uint64_t thread, uint64_t count)
{
	NTSTATUS status = NtAlertThread(t, thread);

	return status == STATUS_SUCCESS ? NtResumeThread(t, thread, count) : status;
}

/* ---- Alerts by id: what locks of ntdll sleep on ---- */

NTSTATUS NtAlertThreadByThreadId(struct nt_thread *t, uint64_t tid)
{
	struct nt_process *p = t->process;
	struct nt_thread *o;

	lock_take(&p->lock);
	o = ps_find_thread(p, (uint32_t)tid);
	if (o != NULL && o->lx != NULL && __atomic_exchange_n(&o->alert_by_id, 1, __ATOMIC_SEQ_CST) == 0 && __atomic_load_n(&ps_of(o)->waits_by_id, __ATOMIC_SEQ_CST))
		pico_wake(os_pico(o->lx));
	lock_drop(&p->lock);
	return o != NULL ? STATUS_SUCCESS : (NTSTATUS)STATUS_INVALID_CID;
}

static NTSTATUS sleep_by_id(struct nt_thread *t, uint64_t deadline)
{
	while (__atomic_exchange_n(&t->alert_by_id, 0, __ATOMIC_SEQ_CST) == 0) {
		enum dk_status woken = os_sleep(deadline);

		if (woken == DK_TIMEOUT)
			return __atomic_exchange_n(&t->alert_by_id, 0, __ATOMIC_SEQ_CST) ? (NTSTATUS)STATUS_ALERTED : (NTSTATUS)STATUS_TIMEOUT;
		if (woken == DK_INTERRUPTED)
			return STATUS_USER_APC; /* it ends */
	}
	return STATUS_ALERTED;
}

NTSTATUS NtWaitForAlertByThreadId(struct nt_thread *t, uint64_t address, uint64_t timeout)
{
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline);

	(void)address; /* only for who looks at a process that hangs */
	if (status != STATUS_SUCCESS)
		return status;
	__atomic_store_n(&ps_of(t)->waits_by_id, 1, __ATOMIC_SEQ_CST);
	status = sleep_by_id(t, deadline);
	__atomic_store_n(&ps_of(t)->waits_by_id, 0, __ATOMIC_SEQ_CST);
	return status;
}

NTSTATUS NtCallbackReturn(struct nt_thread *t, uint64_t result, uint32_t size, uint32_t status)
{
	(void)t;
	(void)result;
	(void)size;
	(void)status;
	return STATUS_NO_CALLBACK_ACTIVE; /* nothing here calls back into the guest */
}
