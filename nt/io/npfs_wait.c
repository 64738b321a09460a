/* SPDX-License-Identifier: MIT */
/* nt/io/npfs_wait.c - FSCTL_PIPE_WAIT: until an instance of a pipe listens. */
#include "nt/ex/wait.h"
#include "nt/io/npfs.h"
#include "nt/ke/user.h"
#include "nt/os/wait.h"

struct wait_header { /* FILE_PIPE_WAIT_FOR_BUFFER up to its name */
	int64_t timeout;
	uint32_t name_length;
	uint8_t timeout_given;
};

/* 0: it may be opened; STATUS_PENDING: not yet. */
static NTSTATUS available(const WCHAR *name, uint32_t size, int64_t *timeout)
{
	struct npfs_pipe *p = npfs_find(name, size);
	NTSTATUS status = STATUS_PENDING;

	if (p == NULL)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	*timeout = p->timeout;
	lock_take(&p->lock);
	if (npfs_next_listener(p) != NULL)
		status = STATUS_SUCCESS;
	if (p->ninstances == 0)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	lock_drop(&p->lock);
	npfs_put(p);
	return status;
}

static uint64_t deadline_of(int64_t timeout)
{
	int64_t now = ex_system_time();

	if (timeout == INT64_MIN || timeout == 0)
		return DK_FOREVER;
	return pico_now() + (uint64_t)(timeout < 0 ? -timeout : MAX(timeout - now, 0)) * 100;
}

static NTSTATUS wait_loop(const WCHAR *name, uint32_t size, const struct wait_header *h)
{
	struct waiter *w = waiter_self(0);
	uint64_t deadline = 0;
	int64_t timeout;
	NTSTATUS status;

	waitq_add(npfs_listeners(), w);
	while ((status = available(name, size, &timeout)) == STATUS_PENDING) {
		enum dk_status s;

		if (deadline == 0)
			deadline = deadline_of(h->timeout_given ? h->timeout : timeout);
		s = pico_wait(deadline, 0);
		if (s == DK_TIMEOUT) {
			status = STATUS_IO_TIMEOUT;
			break;
		}
		if (s == DK_INTERRUPTED && !os_interrupted()) {
			status = STATUS_CANCELLED;
			break;
		}
	}
	waitq_remove(npfs_listeners(), w);
	return status;
}

NTSTATUS npfs_wait_for(struct io_request *r)
{
	struct wait_header h;
	WCHAR *name;
	NTSTATUS status = r->in_size < 14 ? STATUS_INVALID_PARAMETER : user_read(&h, r->in, 13);

	if (status != STATUS_SUCCESS)
		return status;
	if (h.name_length == 0 || h.name_length > r->in_size - 14 || h.name_length > UINT16_MAX)
		return STATUS_INVALID_PARAMETER;
	name = heap_alloc(h.name_length);
	if (name == NULL)
		return STATUS_NO_MEMORY;
	status = user_read(name, r->in + 14, h.name_length);
	if (status == STATUS_SUCCESS)
		status = wait_loop(name, h.name_length & ~1u, &h);
	heap_free(name);
	return status;
}
