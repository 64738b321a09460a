/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/remote.c - threads in other processes: CreateRemoteThread, console control events.
 *
 * Only a thread of a process can give it memory, so one of the target's makes the new thread (nt/os/remote.h), object, TEB and stack,
 * and hands back the object with a reference.
 */
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/os/remote.h"
#include "nt/os/thread.h"
#include "nt/ps/ps.h"
#include "nt/ps/thread.h"
#include "ntcalls.gen.h"

struct remote {
	uint32_t kind;           /* PS_REMOTE */
	uint32_t ctrl;           /* start.arg is a console control event: the routine is ntdll's */
	struct ps_start start;
	struct nt_thread *made;  /* a reference */
	NTSTATUS status;
};

void ps_remote_run(void *data, uint64_t size)
{
	struct remote *r = data;

	ASSERT(size == sizeof *r);
	if (nt_current()->process->mm == NULL) {
		r->status = STATUS_NOT_SUPPORTED; /* a Linux program */
		return;
	}
	if (r->ctrl)
		r->start.entry = ldr_ntdll()->ctrl_routine;
	r->status = nt_current_process()->dying ? (NTSTATUS)STATUS_PROCESS_IS_TERMINATING : ps_thread_make(nt_current_process(), &r->start, &r->made);
}

NTSTATUS ps_thread_make_in(struct nt_process *p, const struct ps_start *s, struct nt_thread **out)
{
	struct remote r = { .kind = PS_REMOTE, .start = *s };
	NTSTATUS status;

	if (p == nt_current_process()) /* when it is to end, nobody comes any more */
		return p->dying ? (NTSTATUS)STATUS_PROCESS_IS_TERMINATING : ps_thread_make(p, s, out);
	status = os_remote_run(p->lx, &r, sizeof r);
	if (status == STATUS_SUCCESS)
		status = r.status;
	*out = r.made;
	return status;
}

NTSTATUS ps_ctrl_event(struct nt_process *p, uint32_t event)
{
	struct remote r = { .kind = PS_REMOTE, .ctrl = 1, .start = { .arg = event } };
	NTSTATUS status = STATUS_SUCCESS;

	if (p->dying)
		return STATUS_PROCESS_IS_TERMINATING;
	if (p == nt_current_process())
		ps_remote_run(&r, sizeof r);
	else
		status = os_remote_run(p->lx, &r, sizeof r);
	if (status != STATUS_SUCCESS || r.status != STATUS_SUCCESS)
		return status != STATUS_SUCCESS ? status : r.status;
	ob_put(&r.made->ob);
	return STATUS_SUCCESS;
}

/* ---- NtGetNextThread: in the order of their numbers ---- */

static struct nt_thread *nearer(struct nt_thread *best, struct nt_thread *t, uint32_t after, bool down)
{
	bool beyond = (after == 0 || (down ? t->tid < after : t->tid > after)) && atomic_load_explicit(&t->ob.ref.count, memory_order_relaxed) != 0;

	return beyond && (best == NULL || (down ? t->tid > best->tid : t->tid < best->tid)) ? t : best;
}

static struct nt_thread *next_of(struct nt_process *p, uint32_t after, bool down)
{
	struct nt_thread *best = NULL;

	lock_take(&p->lock);
	for (uint32_t i = 0; i < PS_ID_BUCKETS; i++) {
		const struct list *bucket = &ps_of_process(p)->by_id[i]; /* those that have ended too, as long as somebody has them */

		if (bucket->next != NULL)
			LIST_FOR (ps, bucket, struct ps_thread, by_id)
				best = nearer(best, ps->thread, after, down);
	}
	if (best != NULL && !ref_get_live(&best->ob.ref))
		best = NULL;
	lock_drop(&p->lock);
	return best;
}

NTSTATUS NtGetNextThread(struct nt_thread *t, uint64_t process, uint64_t thread, uint32_t access, uint32_t attributes, uint32_t flags, uint64_t handle)
{
	struct ob_object *p = NULL, *before = NULL;
	struct nt_thread *next;
	NTSTATUS status = user_put64(handle, 0);

	(void)t;
	if (status == STATUS_SUCCESS && flags > 1)
		status = STATUS_INVALID_PARAMETER;
	if (status == STATUS_SUCCESS)
		status = ob_by_handle(process, OB_PROCESS, PROCESS_QUERY_INFORMATION, &p);
	if (status == STATUS_SUCCESS && thread != 0)
		status = ob_by_handle(thread, OB_THREAD, THREAD_QUERY_LIMITED_INFORMATION, &before);
	if (status == STATUS_SUCCESS && before != NULL && ((struct nt_thread *)before)->process != (struct nt_process *)p)
		status = STATUS_INVALID_HANDLE;
	if (status == STATUS_SUCCESS) {
		next = next_of((struct nt_process *)p, before != NULL ? ((struct nt_thread *)before)->tid : 0, flags != 0);
		status = next != NULL ? ob_handle_out(&next->ob, ob_map_access(OB_THREAD, access), attributes, handle) : (NTSTATUS)STATUS_NO_MORE_ENTRIES;
		ob_put(next != NULL ? &next->ob : NULL);
	}
	ob_put(before);
	ob_put(p);
	return status;
}
