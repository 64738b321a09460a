/* SPDX-License-Identifier: MIT */
/* nt/ps/thread_end.c - how threads end: by themselves, by others, with their process.  What is left of one then: thread.c. */
#include "nt/ex/wait.h"
#include "nt/io/io.h"
#include "nt/ke/user.h"
#include "nt/os/thread.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "nt/ps/teb.h"
#include "nt/ps/thread.h"
#include "ntcalls.gen.h"

void ps_thread_ended(struct nt_thread *t)
{
	struct nt_process *p = t->process;
	struct ps_thread *ps = ps_of(t);
	bool said;

	lock_take(&p->lock);
	if (t->lx == NULL) {
		lock_drop(&p->lock);
		return;
	}
	t->lx = NULL;
	t->exit_time = ex_system_time();
	said = ps->exit_said;
	if (!said)
		t->exit_status = p->exit_status;
	ps->exit_said = 1;
	list_remove(&t->sibling);
	p->nthreads--;
	if (p->nthreads == 0 && !ps_of_process(p)->exit_said && said) {
		p->exit_status = t->exit_status;
		ps_of_process(p)->exit_said = 1;
	}
	ps_debug_ended(t);
	waitq_wake_all(&ps->parked_wait);
	waitq_wake_all(&ps_of_process(p)->thread_gone);
	lock_drop(&p->lock);
	ps_apcs_drop(t);
	io_thread_ended(t);
	ex_thread_ended(t);
	(void)ex_signal(&t->ob, 1);
	ob_put(&t->ob);
}

/* Says it once; NTPROC held. */
static void say_exit(struct nt_thread *t, NTSTATUS status)
{
	if (ps_of(t)->exit_said)
		return;
	t->exit_status = status;
	ps_of(t)->exit_said = 1;
}

static void end_self(struct nt_thread *t, NTSTATUS status) NORETURN;
static void end_self(struct nt_thread *t, NTSTATUS status)
{
	uint64_t debug = 0;

	ps_debug_exit(t, status, t->process->nthreads == 1);
	if (user_read(&debug, t->teb + TEB_DEBUG_OBJECT, sizeof debug) == STATUS_SUCCESS && debug != 0)
		(void)ob_handle_close(t->process, debug);
	lock_take(&t->process->lock);
	say_exit(t, status);
	lock_drop(&t->process->lock);
	if (t->process->nthreads > 1)
		ps_thread_memory_free(t);
	os_thread_exit(status);
}

void ps_kill_thread(struct nt_thread *t, NTSTATUS status)
{
	say_exit(t, status);
	if (t->lx != NULL)
		os_thread_kill(t->lx);
}

void ps_thread_kill(struct nt_thread *t, NTSTATUS status)
{
	lock_take(&t->process->lock);
	ps_kill_thread(t, status);
	lock_drop(&t->process->lock);
}

NTSTATUS NtTerminateThread(struct nt_thread *t, uint64_t thread, NTSTATUS code)
{
	struct ob_object *o = NULL;
	struct nt_thread *other;
	NTSTATUS status = ob_by_handle(thread == 0 ? NtCurrentThread() : thread, OB_THREAD, THREAD_TERMINATE, &o);

	if (status != STATUS_SUCCESS)
		return status;
	other = (struct nt_thread *)o;
	if (other == t) {
		ob_put(o);
		end_self(t, code);
	}
	ps_thread_kill(other, code);
	ob_put(o);
	return STATUS_SUCCESS;
}

/* Every other thread of the calling process ends, and is waited for. */
NTSTATUS ps_end_others(struct nt_thread *t, NTSTATUS code)
{
	struct nt_process *p = t->process;
	struct waiter *w = waiter_self(0);
	NTSTATUS status = STATUS_SUCCESS;

	lock_take(&p->lock);
	p->dying = 1;
	LIST_FOR (other, &p->threads, struct nt_thread, sibling)
		if (other != t)
			ps_kill_thread(other, code);
	lock_drop(&p->lock);
	waitq_add(&ps_of_process(p)->thread_gone, w);
	while (__atomic_load_n(&p->nthreads, __ATOMIC_ACQUIRE) > 1 && status == STATUS_SUCCESS)
		if (pico_wait(DK_FOREVER, 0) == DK_INTERRUPTED)
			status = STATUS_PROCESS_IS_TERMINATING;
	waitq_remove(&ps_of_process(p)->thread_gone, w);
	return status;
}
