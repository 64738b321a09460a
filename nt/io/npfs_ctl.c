/* SPDX-License-Identifier: MIT */
/* nt/io/npfs_ctl.c - named pipes' control codes and information. */
#include "nt/io/info.h"
#include "nt/io/npfs.h"
#include "nt/ke/user.h"
#include "rt/mem.h"

#define FSCTL_PIPE_DISCONNECT  0x110004u
#define FSCTL_PIPE_LISTEN      0x110008u
#define FSCTL_PIPE_PEEK        0x11400cu
#define FSCTL_PIPE_TRANSCEIVE  0x11c017u
#define FSCTL_PIPE_IMPERSONATE 0x11001cu
#define FSCTL_PIPE_GET_CONNECTION_ATTRIBUTE 0x110030u

static LOCK(NTPIPE) *lock_of(const struct npfs_end *e)
{
	return &e->pipe->lock;
}

/* What listen answers at once, or STATUS_PENDING. */
static NTSTATUS listen_state(struct npfs_end *e) REQUIRES(NTPIPE)
{
	switch (e->state) {
	case NPFS_CONNECTED:
		return STATUS_PIPE_CONNECTED;
	case NPFS_CLOSING:
		return STATUS_PIPE_CLOSING;
	case NPFS_DISCONNECTED:
		e->state = NPFS_LISTENING;
		list_remove(&e->link);
		list_append(&e->pipe->instances, &e->link);
		return e->nowait ? STATUS_PIPE_LISTENING : STATUS_PENDING;
	default:
		return e->nowait ? STATUS_PIPE_LISTENING : STATUS_PENDING;
	}
}

static NTSTATUS listen(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	struct io_irp *irp = NULL;
	NTSTATUS status;

	if (e->side != NPFS_SERVER)
		return STATUS_ILLEGAL_FUNCTION;
	lock_take(lock_of(e));
	status = listen_state(e);
	if (status == STATUS_PENDING) {
		irp = io_irp_new(r);
		if (irp != NULL)
			list_append(&e->listeners, &irp->link);
		else
			status = STATUS_INSUFFICIENT_RESOURCES;
	}
	lock_drop(lock_of(e));
	npfs_listening();
	return irp != NULL ? io_irp_wait(r, irp) : status;
}

static NTSTATUS disconnect(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	struct list done;
	NTSTATUS status = STATUS_SUCCESS;

	if (e->side != NPFS_SERVER)
		return STATUS_ILLEGAL_FUNCTION;
	list_init(&done);
	lock_take(lock_of(e));
	if (e->state == NPFS_LISTENING)
		status = STATUS_PIPE_LISTENING;
	else if (e->state == NPFS_DISCONNECTED)
		status = STATUS_PIPE_DISCONNECTED;
	else {
		npfs_purge(e, STATUS_PIPE_DISCONNECTED, &done);
		if (e->peer != NULL) {
			npfs_purge(e->peer, STATUS_PIPE_DISCONNECTED, &done);
			e->peer->state = NPFS_DISCONNECTED;
			npfs_stir(e->peer);
			e->peer->peer = NULL;
			e->peer = NULL;
		}
		e->state = NPFS_DISCONNECTED;
	}
	lock_drop(lock_of(e));
	io_irps_finish(&done);
	return status;
}

struct peek { /* FILE_PIPE_PEEK_BUFFER; data is behind it */
	uint32_t state, available, messages, length;
};

static NTSTATUS peek_data(struct npfs_end *e, struct io_request *r, uint32_t room, uint32_t *copied) REQUIRES(NTPIPE)
{
	*copied = 0;
	LIST_FOR (m, &e->messages, struct npfs_message, link) {
		uint32_t n = MIN(room - *copied, m->size - m->read);

		if (n != 0 && user_write(r->buffer + sizeof(struct peek) + *copied, m->data + m->read, n) != STATUS_SUCCESS)
			return STATUS_ACCESS_VIOLATION;
		*copied += n;
		if (e->pipe->message_type || *copied == room)
			break;
	}
	return STATUS_SUCCESS;
}

static NTSTATUS peek(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	struct peek p;
	uint32_t copied;
	NTSTATUS status;

	if (r->size < sizeof p)
		return STATUS_INFO_LENGTH_MISMATCH;
	lock_take(lock_of(e));
	p = (struct peek){ e->state, e->bytes, e->pipe->message_type ? e->count : 0, 0 };
	if (p.state == NPFS_DISCONNECTED || p.state == NPFS_LISTENING)
		status = npfs_is_cut_off(e) ? STATUS_PIPE_DISCONNECTED : STATUS_INVALID_PIPE_STATE;
	else if (p.state == NPFS_CLOSING && e->count == 0)
		status = STATUS_PIPE_BROKEN;
	else {
		if (e->pipe->message_type && e->count != 0) {
			struct npfs_message *m = LIST_FIRST(&e->messages, struct npfs_message, link);

			p.length = m->size - m->read;
		}
		status = peek_data(e, r, r->size - (uint32_t)sizeof p, &copied);
		if (status == STATUS_SUCCESS)
			status = user_write(r->buffer, &p, sizeof p);
		r->done = sizeof p + copied;
		if (status == STATUS_SUCCESS && copied < p.length)
			status = STATUS_BUFFER_OVERFLOW;
	}
	lock_drop(lock_of(e));
	return status;
}

/* "ClientProcessId" and the like, as bytes. */
static NTSTATUS attribute(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	char name[24];
	uint32_t n = MIN(r->in_size, (uint32_t)sizeof name - 1), pid;
	NTSTATUS status = user_read(name, r->in, n);

	if (status != STATUS_SUCCESS)
		return status;
	name[n] = '\0';
	if (strcmp(name, "ClientProcessId") == 0)
		pid = e->side == NPFS_CLIENT ? e->pid : e->peer_pid;
	else if (strcmp(name, "ServerProcessId") == 0)
		pid = e->side == NPFS_SERVER ? e->pid : e->peer_pid;
	else
		return STATUS_ILLEGAL_FUNCTION;
	if (pid == 0)
		return STATUS_NOT_FOUND;
	if (r->size < sizeof pid)
		return STATUS_BUFFER_TOO_SMALL;
	r->done = sizeof pid;
	return user_write(r->buffer, &pid, sizeof pid);
}

/* The caller becomes whoever wrote what was read last. */
static NTSTATUS impersonate(struct io_request *r)
{
	struct npfs_end *e = npfs_end_of(r->file);
	struct se_client who;
	NTSTATUS status;

	if (e->side != NPFS_SERVER)
		return STATUS_ILLEGAL_FUNCTION;
	lock_take(lock_of(e));
	who = e->who;
	if (who.token != NULL)
		ob_get(&who.token->ob);
	lock_drop(lock_of(e));
	status = se_client_impersonate(r->thread, &who);
	se_client_put(&who);
	return status;
}

NTSTATUS npfs_fsctl(struct io_request *r)
{
	switch (r->code) {
	case FSCTL_PIPE_LISTEN:
		return listen(r);
	case FSCTL_PIPE_DISCONNECT:
		return disconnect(r);
	case FSCTL_PIPE_PEEK:
		return peek(r);
	case FSCTL_PIPE_TRANSCEIVE:
		return npfs_transceive(r);
	case FSCTL_PIPE_IMPERSONATE:
		return impersonate(r);
	case FSCTL_PIPE_GET_CONNECTION_ATTRIBUTE:
		return attribute(r);
	default:
		return STATUS_NOT_SUPPORTED;
	}
}

/* ---- Information ---- */

static void local_info(const struct npfs_end *e, struct FILE_PIPE_LOCAL_INFORMATION *l) REQUIRES(NTPIPE)
{
	const struct npfs_pipe *p = e->pipe;
	uint32_t room = e->side == NPFS_SERVER ? p->out_quota : p->in_quota;
	uint32_t used = e->peer != NULL ? e->peer->bytes : 0;

	*l = (struct FILE_PIPE_LOCAL_INFORMATION){ .NamedPipeType = p->message_type, .NamedPipeConfiguration = p->configuration,
		.MaximumInstances = p->maximum, .CurrentInstances = p->ninstances, .InboundQuota = p->in_quota, .ReadDataAvailable = e->bytes,
		.OutboundQuota = p->out_quota, .WriteQuotaAvailable = room - MIN(used, room), .NamedPipeState = e->state,
		.NamedPipeEnd = e->side };
}

NTSTATUS npfs_query(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done)
{
	struct npfs_end *e = npfs_end_of(f);
	union {
		struct FILE_PIPE_INFORMATION pipe;
		struct FILE_PIPE_LOCAL_INFORMATION local;
		struct FILE_STANDARD_INFORMATION standard;
	} u;

	if (npfs_is_cut_off(e) && (class == FilePipeInformation || class == FilePipeLocalInformation || class == FileNameInformation))
		return STATUS_PIPE_DISCONNECTED;
	if (!(f->access & FILE_READ_ATTRIBUTES) && (class == FilePipeInformation || class == FilePipeLocalInformation))
		return STATUS_ACCESS_DENIED;
	memset(&u, 0, sizeof u);
	lock_take(lock_of(e));
	switch (class) {
	case FilePipeInformation:
		u.pipe = (struct FILE_PIPE_INFORMATION){ e->message_mode, e->nowait };
		*done = sizeof u.pipe;
		break;
	case FilePipeLocalInformation:
		local_info(e, &u.local);
		*done = sizeof u.local;
		break;
	case FileStandardInformation:
		u.standard = (struct FILE_STANDARD_INFORMATION){ .AllocationSize = (uint64_t)e->pipe->in_quota + e->pipe->out_quota,
			.EndOfFile = e->bytes, .NumberOfLinks = 1, .DeletePending = 1 };
		*done = sizeof u.standard;
		break;
	default:
		*done = 0;
	}
	lock_drop(lock_of(e));
	return *done != 0 ? user_write(buf, &u, *done) : (NTSTATUS)STATUS_INVALID_INFO_CLASS;
}

NTSTATUS npfs_set(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size)
{
	struct npfs_end *e = npfs_end_of(f);
	struct FILE_PIPE_INFORMATION i;
	NTSTATUS status;

	if (class != FilePipeInformation)
		return STATUS_INVALID_INFO_CLASS;
	if (!(f->access & FILE_WRITE_ATTRIBUTES))
		return STATUS_ACCESS_DENIED;
	if (npfs_is_cut_off(e))
		return STATUS_PIPE_DISCONNECTED;
	status = user_read(&i, buf, sizeof i);
	if (status != STATUS_SUCCESS)
		return status;
	if (i.ReadMode > 1 || i.CompletionMode > 1 || (i.ReadMode == 1 && !e->pipe->message_type))
		return STATUS_INVALID_PARAMETER;
	lock_take(lock_of(e));
	e->message_mode = i.ReadMode;
	e->nowait = i.CompletionMode;
	lock_drop(lock_of(e));
	return STATUS_SUCCESS;
}
