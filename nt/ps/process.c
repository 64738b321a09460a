/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/process.c - process objects, and their end.
 *
 * A process ends in one of these ways: it says so (NtTerminateProcess), another one does, its last thread ends, a Linux signal
 * ends it, or the host does.  The first exit status that is said stays.  What is left to do is done once, by the last thread or by kproc:
 * ps_process_ended.
 */
#include "nt/io/io.h"
#include "nt/cm/persist.h"
#include "nt/con/con.h"
#include "nt/ex/wait.h"
#include "nt/ke/dispatch.h"
#include "nt/ke/user.h"
#include "nt/mm/mm.h"
#include "nt/os/process.h"
#include "nt/os/proclink.h"
#include "nt/os/thread.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "nt/se/se.h"
#include "ntcalls.gen.h"

static void process_destroy(struct ob_object *o)
{
	struct nt_process *p = (struct nt_process *)o;

	lock_take(&nt_state()->procs_lock);
	list_remove(&p->all);
	lock_drop(&nt_state()->procs_lock);
	if (p->job != NULL)
		ps_job_forget(p);
	os_process_forget(p);
	ob_table_free(p->handles);
	se_process_ended(p);
	arena_free(p->image_name);
	arena_free(p->io);
	if (p->ps != NULL)
		arena_free(ps_of_process(p)->command_line);
	arena_free(p->ps);
	arena_free(p);
}

const struct ob_type ob_type_process = {
	.name = "Process",
	.read = READ_CONTROL | PROCESS_VM_READ | PROCESS_QUERY_INFORMATION,
	.write = READ_CONTROL | PROCESS_SET_QUOTA | PROCESS_SET_INFORMATION | PROCESS_CREATE_PROCESS | PROCESS_DUP_HANDLE | PROCESS_VM_OPERATION |
		PROCESS_VM_WRITE | PROCESS_CREATE_THREAD | PROCESS_SUSPEND_RESUME,
	.execute = READ_CONTROL | SYNCHRONIZE | PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION,
	.all = PROCESS_ALL_ACCESS,
	.waitable = true,
	.destroy = process_destroy,
};

bool ps_process_init(struct nt_process *p)
{
	struct ps_process *ps = arena_alloc(sizeof *ps);

	if (ps == NULL)
		return false;
	waitq_init(&ps->thread_gone);
	list_init(&ps->ops);
	ps->affinity = os_cpus_mask();
	ps->page_priority = 5;
	ps->io_priority = 2;
	ps->cookie = os_random();
	p->ps = ps;
	return true;
}

void ps_loaded(struct nt_process *p)
{
	lock_take(&p->lock);
	ps_of_process(p)->loaded = 1;
	waitq_wake_all(&ps_of_process(p)->thread_gone);
	lock_drop(&p->lock);
}

void ps_wait_loaded(struct nt_process *p)
{
	struct ps_process *ps = ps_of_process(p);
	struct waiter *w;

	if (LIKELY(__atomic_load_n(&ps->loaded, __ATOMIC_ACQUIRE)) || ps->image.TransferAddress == 0)
		return;
	w = waiter_self(0);
	waitq_add(&ps->thread_gone, w);
	while (!__atomic_load_n(&ps->loaded, __ATOMIC_ACQUIRE) && !__atomic_load_n(&ps->exit_said, __ATOMIC_ACQUIRE) && p->exit_time == 0)
		if (pico_wait(DK_FOREVER, 0) == DK_INTERRUPTED)
			break;
	waitq_remove(&ps->thread_gone, w);
}

/* NTPROC held. */
static bool say_exit(struct nt_process *p, NTSTATUS status)
{
	struct ps_process *ps = ps_of_process(p);

	if (ps->exit_said)
		return false;
	p->exit_status = status;
	ps->exit_said = 1;
	return true;
}

void ps_process_exit(struct nt_thread *t, NTSTATUS status)
{
	struct nt_process *p = t->process;

	lock_take(&p->lock);
	p->dying = 1;
	(void)say_exit(p, status);
	lock_drop(&p->lock);
	ps_debug_exit(t, p->exit_status, true);
	os_process_exit(p->exit_status);
}

NTSTATUS ps_process_kill(struct nt_process *p, NTSTATUS status)
{
	bool first;

	lock_take(&p->lock);
	first = say_exit(p, status);
	p->dying = 1;
	lock_drop(&p->lock);
	if (!first)
		return STATUS_PROCESS_IS_TERMINATING;
	os_process_kill(p->lx, status);
	return STATUS_SUCCESS;
}

void ps_process_mark(struct nt_process *p, NTSTATUS status)
{
	lock_take(&p->lock);
	(void)say_exit(p, status);
	p->dying = 1;
	lock_drop(&p->lock);
	os_process_kill(p->lx, status);
}

/* Threads that could not end by themselves: the host ended all. */
static void threads_ended(struct nt_process *p)
{
	for (;;) {
		struct nt_thread *t = NULL;

		lock_take(&p->lock);
		if (!list_empty(&p->threads))
			t = LIST_FIRST(&p->threads, struct nt_thread, sibling);
		lock_drop(&p->lock);
		if (t == NULL)
			return;
		ps_thread_ended(t); /* nobody else does: the picoprocess is gone, or we are its last thread */
	}
}

/* How a Linux signal shows as an exit status. */
static NTSTATUS status_of_wait(uint32_t wait_status)
{
	uint32_t sig = wait_status & 0x7f;

	if (sig == 0)
		return wait_status >> 8 & 0xff;
	return sig == 2 || sig == 3 ? (NTSTATUS)STATUS_CONTROL_C_EXIT : 128 + sig;
}

void ps_process_ended(struct nt_process *p, uint32_t wait_status)
{
	struct ps_process *ps = ps_of_process(p);

	lock_take(&p->lock);
	if (!ps->exit_said)
		p->exit_status = status_of_wait(wait_status);
	ps->exit_said = 1;
	p->dying = 1;
	p->exit_time = ex_system_time();
	lock_drop(&p->lock);
	os_process_times(p->lx, &ps->times[0], &ps->times[1]);
	threads_ended(p);
	ps_debug_process_ended(p);
	con_process_ended(p);
	ob_table_empty(p);
	io_process_ended(p);
	nt_mm_process_ended(p);
	ps_job_process_ended(p);
	(void)ex_signal(&p->ob, 1);
}

/* ---- The calls ---- */

NTSTATUS NtTerminateProcess(struct nt_thread *t, uint64_t process, uint32_t code)
{
	struct ob_object *o = NULL;
	NTSTATUS status;

	if (process == 0) {
		(void)cm_persist_save();
		return ps_end_others(t, code);
	}
	status = ob_by_handle(process, OB_PROCESS, PROCESS_TERMINATE, &o);
	if (status != STATUS_SUCCESS)
		return status;
	if ((struct nt_process *)o != t->process)
		status = ps_process_kill((struct nt_process *)o, code);
	ob_put(o);
	if ((struct nt_process *)o == t->process)
		ps_process_exit(t, code);
	return status;
}

/* ---- By id ---- */

struct nt_process *ps_process_by_pid(uint32_t pid)
{
	struct nt_state *nt = nt_state();
	struct nt_process *found = NULL;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all)
		if (p->pid == pid) {
			ob_get(&p->ob);
			found = p;
			break;
		}
	LIST_FOR (p, &nt->ended, struct nt_process, all)
		if (found == NULL && p->pid == pid && ref_get_live(&p->ob.ref))
			found = p;
	lock_drop(&nt->procs_lock);
	return found;
}

/* NTPROC held. */
static struct nt_thread *thread_get(struct nt_process *p, uint32_t tid)
{
	struct nt_thread *t = ps_find_thread(p, tid);

	return t != NULL && ref_get_live(&t->ob.ref) ? t : NULL;
}

/* The number tells its process nothing: all are looked through. */
struct nt_thread *ps_thread_by_tid(uint32_t tid)
{
	struct nt_state *nt = nt_state();
	struct nt_thread *found = NULL;

	lock_take(&nt->procs_lock);
	LIST_FOR (p, &nt->processes, struct nt_process, all) {
		lock_take(&p->lock);
		found = thread_get(p, tid);
		lock_drop(&p->lock);
		if (found != NULL)
			break;
	}
	lock_drop(&nt->procs_lock);
	return found;
}

static NTSTATUS open_object(struct ob_object *o, enum ob_type_id type, uint32_t access, uint64_t oa, uint64_t handle)
{
	struct ob_lookup l;
	NTSTATUS status = o != NULL ? oa_in(&l, oa) : (NTSTATUS)STATUS_INVALID_CID;

	if (status == STATUS_SUCCESS) {
		status = l.name != NULL ? (NTSTATUS)STATUS_INVALID_PARAMETER_MIX : se_check_open(o, &access);
		if (status == STATUS_SUCCESS)
			status = ob_handle_out(o, ob_map_access(type, access), l.attributes, handle);
		oa_free(&l);
	}
	ob_put(o);
	return status;
}

NTSTATUS NtOpenProcess(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint64_t client_id)
{
	struct nt_process *p;
	struct CLIENT_ID id;
	NTSTATUS status = user_read(&id, client_id, sizeof id);

	(void)t;
	if (status == STATUS_SUCCESS)
		status = user_put64(handle, 0);
	if (status != STATUS_SUCCESS)
		return status;
	p = ps_process_by_pid((uint32_t)id.UniqueProcess & ~3u); /* the low bits never matter */
	return open_object(p != NULL ? &p->ob : NULL, OB_PROCESS, access, attributes, handle);
}

NTSTATUS NtOpenThread(struct nt_thread *t, uint64_t handle, uint32_t access, uint64_t attributes, uint64_t client_id)
{
	struct nt_thread *found = NULL;
	struct CLIENT_ID id;
	NTSTATUS status = user_read(&id, client_id, sizeof id);

	if (status == STATUS_SUCCESS)
		status = user_put64(handle, 0);
	if (status != STATUS_SUCCESS)
		return status;
	id.UniqueThread &= ~3ull;
	lock_take(&t->process->lock);
	found = thread_get(t->process, (uint32_t)id.UniqueThread);
	lock_drop(&t->process->lock);
	if (found == NULL)
		found = ps_thread_by_tid((uint32_t)id.UniqueThread);
	if (found != NULL && id.UniqueProcess != 0 && id.UniqueProcess != found->process->pid) {
		ob_put(&found->ob);
		found = NULL;
	}
	return open_object(found != NULL ? &found->ob : NULL, OB_THREAD, access, attributes, handle);
}

NTSTATUS NtFlushProcessWriteBuffers(struct nt_thread *t)
{
	(void)t;
	os_barrier();
	return STATUS_SUCCESS;
}

/* ES_*: nothing here falls asleep; what was said is kept for who asks. */
NTSTATUS NtSetThreadExecutionState(struct nt_thread *t, uint32_t state, uint64_t before)
{
	struct ps_process *ps = ps_of_process(t->process);
	NTSTATUS status = user_put32(before, 0x80000000u | ps->execution_state);

	if (status == STATUS_SUCCESS && (state & 0x80000000u))
		ps->execution_state = state;
	return status;
}

NTSTATUS NtGetCurrentProcessorNumber(struct nt_thread *t)
{
	uint32_t here = os_cpu_number();

	/* The host runs a thread where it likes; one that is kept to some processors is told one of them, as Linux programs are. */
	return t->affinity == 0 || (t->affinity >> here & 1) ? here : (uint32_t)__builtin_ctzll(t->affinity);
}
