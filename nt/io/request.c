/* SPDX-License-Identifier: MIT */
/*
 * nt/io/request.c - calls on file objects: how they begin and how they are answered.
 *
 * An error that is known before the call returns is its status and nothing else happens; anything else (success, warnings, what
 * was pending) is told by the status block, then the event or the file object, then the APC or the completion port.
 */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/io/irp.h"
#include "nt/ke/user.h"

#define EVENT_MODIFY_STATE 2u

/* Any right of access is enough. */
static NTSTATUS file_by_handle(uint64_t handle, uint32_t access, struct io_file **out)
{
	struct ob_object *o;
	NTSTATUS status = ob_by_handle(handle, OB_FILE, 0, &o);

	if (status != STATUS_SUCCESS)
		return status;
	*out = (struct io_file *)o;
	if (access == 0 || ((*out)->access & access) || (ob_handle_access(nt_current_process(), handle) & access))
		return STATUS_SUCCESS;
	ob_put(o);
	return STATUS_ACCESS_DENIED;
}

NTSTATUS io_by_handle(uint64_t handle, uint32_t access, struct io_file **out)
{
	return file_by_handle(handle, access, out);
}

NTSTATUS io_begin(struct nt_thread *t, struct io_request *r, uint64_t handle, uint32_t access, uint64_t event, uint64_t apc, uint64_t context,
	uint64_t iosb)
{
	NTSTATUS status;

	*r = (struct io_request){ .thread = t, .apc = apc, .apc_context = context, .iosb = iosb };
	status = file_by_handle(handle, access, &r->file);
	if (UNLIKELY(status != STATUS_SUCCESS))
		return status;
	if (UNLIKELY(apc != 0 && __atomic_load_n(&r->file->port, __ATOMIC_RELAXED) != NULL)) {
		ob_put(&r->file->ob);
		return STATUS_INVALID_PARAMETER;
	}
	if (event != 0) {
		status = ob_by_handle(event, OB_EVENT, EVENT_MODIFY_STATE, &r->event);
		if (status != STATUS_SUCCESS) {
			ob_put(&r->file->ob);
			return status;
		}
		(void)ex_clear(r->event);
	}
	return STATUS_SUCCESS;
}

/* A reference on the port that answers go to, or NULL. */
static struct ob_object *port_of(struct io_file *f, uint64_t *key)
{
	struct ob_object *port;

	if (LIKELY(__atomic_load_n(&f->port, __ATOMIC_ACQUIRE) == NULL))
		return NULL;
	lock_take(&f->ob.lock);
	port = f->port;
	*key = f->port_key;
	if (port != NULL)
		ob_get(port);
	lock_drop(&f->ob.lock);
	return port;
}

void io_answer(const struct io_request *r, NTSTATUS status, bool was_pending)
{
	struct io_file *f = r->file;
	struct ob_object *port;
	uint64_t key;

	if (r->event != NULL)
		(void)ex_signal(r->event, 1);
	else if (UNLIKELY(f->ob.signal == 0) && !(f->port_modes & FILE_SKIP_SET_EVENT_ON_HANDLE) && f->kind != IO_CONSOLE) /* a console is ready when there is input */
		(void)ex_signal(&f->ob, 1);
	if (r->apc != 0) {
		(void)ps_queue_apc(r->thread, r->apc, r->apc_context, r->iosb, 0, false);
		return;
	}
	if (r->apc_context == 0 || (port = port_of(f, &key)) == NULL)
		return;
	if (was_pending || !(f->port_modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS))
		(void)ex_completion_post(port, key, r->apc_context, status, r->done);
	ob_put(port);
}

static NTSTATUS end(struct io_request *r, NTSTATUS status, bool pended)
{
	if (LIKELY(!NT_ERROR(status))) {
		/* Wine's kernelbase calls NtLockFile without a status block. */
		NTSTATUS bad = LIKELY(r->iosb != 0) ? user_io_status(r->iosb, status, r->done) : STATUS_SUCCESS;

		if (UNLIKELY(bad != STATUS_SUCCESS))
			status = bad;
		else
			io_answer(r, status, pended);
	}
	if (UNLIKELY(NT_ERROR(status)) && r->file->kind == IO_PIPE) /* the call has begun, which clears it, and nothing came of it */
		(void)ex_clear(&r->file->ob);
	if (r->event != NULL)
		ob_put(r->event);
	ob_put(&r->file->ob);
	return status;
}

NTSTATUS io_end(struct io_request *r, NTSTATUS status)
{
	return UNLIKELY(status == STATUS_PENDING) ? status /* r's references are the irp's */ : end(r, status, false);
}

NTSTATUS io_end_pended(struct io_request *r)
{
	NTSTATUS status = end(r, STATUS_SUCCESS, true);

	return status == STATUS_SUCCESS ? (NTSTATUS)STATUS_PENDING : status;
}
