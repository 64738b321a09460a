/* SPDX-License-Identifier: MIT */
/* nt/io/stream.c - file objects over what linux/ has open (pipes, terminals, devices), and the null device. */
#include "nt/io/info.h"
#include "nt/io/irp.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "nt/os/wait.h"

static NTSTATUS wait_readable(struct file *f)
{
	NTSTATUS status;

	do {
		status = os_file_wait_readable(f);
	} while (status == STATUS_KERNEL_APC && os_interrupted());
	return status == STATUS_KERNEL_APC ? STATUS_CANCELLED : status;
}

static NTSTATUS stream_rw(struct io_request *r)
{
	struct io_file *f = r->file;
	NTSTATUS status;

	if (r->size == 0 && !r->write && os_file_type(f->f) == OS_PIPE) /* waits until there is something */
		return wait_readable(f->f);
	do {
		status = r->write ? os_file_write_here(f->f, r->buffer, r->size, &r->done) : os_file_read_here(f->f, r->buffer, r->size, &r->done);
	} while (status == STATUS_KERNEL_APC && os_interrupted());
	if (status == STATUS_KERNEL_APC)
		return STATUS_CANCELLED;
	if (status == STATUS_ACCESS_VIOLATION && r->write)
		return STATUS_INVALID_USER_BUFFER;
	if (status == STATUS_SUCCESS && r->done == 0 && r->size != 0 && !r->write) {
		enum os_file_type type = os_file_type(f->f);

		if (type == OS_PIPE || type == OS_SOCKET)
			return STATUS_PIPE_BROKEN;
		return type == OS_TTY ? STATUS_SUCCESS : STATUS_END_OF_FILE;
	}
	return status;
}

/* Descriptors that are pipes say what a byte pipe says; libuv looks. */
static bool is_pipe(const struct io_file *f)
{
	return os_file_type(f->f) == OS_PIPE || os_file_type(f->f) == OS_SOCKET;
}

#define STREAM_QUOTA 65536u

static NTSTATUS stream_query(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done)
{
	struct FILE_PIPE_LOCAL_INFORMATION l = { .NamedPipeConfiguration = 2, .MaximumInstances = 1, .CurrentInstances = 1, .InboundQuota = STREAM_QUOTA,
		.OutboundQuota = STREAM_QUOTA, .WriteQuotaAvailable = STREAM_QUOTA, .NamedPipeState = 3 };
	struct FILE_PIPE_INFORMATION i = { 0, 0 };

	if (!is_pipe(f) || (class != FilePipeInformation && class != FilePipeLocalInformation))
		return STATUS_INVALID_INFO_CLASS;
	l.ReadDataAvailable = (uint32_t)os_file_available(f->f);
	*done = class == FilePipeInformation ? sizeof i : sizeof l;
	return user_write(buf, class == FilePipeInformation ? (void *)&i : (void *)&l, *done);
}

static NTSTATUS stream_set(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size)
{
	struct FILE_PIPE_INFORMATION i;
	NTSTATUS status;

	if (!is_pipe(f) || class != FilePipeInformation)
		return STATUS_INVALID_INFO_CLASS;
	status = user_read(&i, buf, sizeof i);
	if (status != STATUS_SUCCESS)
		return status;
	return i.ReadMode == 0 && i.CompletionMode == 0 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* FSCTL_PIPE_PEEK: how much there is, and the first of it. */
static NTSTATUS stream_fsctl(struct io_request *r)
{
	uint32_t p[4] = { 3, 0, 0, 0 };
	NTSTATUS status;

	if (r->code != 0x11400cu || !is_pipe(r->file))
		return r->code >> 16 == FILE_DEVICE_CONSOLE ? STATUS_NOT_SUPPORTED : STATUS_INVALID_DEVICE_REQUEST;
	if (r->size < sizeof p)
		return STATUS_INFO_LENGTH_MISMATCH;
	p[1] = (uint32_t)os_file_available(r->file->f);
	if (p[1] == 0 && os_file_hung_up(r->file->f))
		return STATUS_PIPE_BROKEN;
	status = os_file_peek(r->file->f, r->buffer + sizeof p, r->size - (uint32_t)sizeof p, &r->done);
	r->done += sizeof p;
	return status == STATUS_SUCCESS ? user_write(r->buffer, p, sizeof p) : status;
}

extern const struct io_ops io_stream_ops;
const struct io_ops io_stream_ops = {
	.name = "stream",
	.device = FILE_DEVICE_UNKNOWN, /* io/volume.c looks closer */
	.read = stream_rw,
	.write = stream_rw,
	.fsctl = stream_fsctl,
	.query = stream_query,
	.set = stream_set,
};

static NTSTATUS null_read(struct io_request *r)
{
	return STATUS_END_OF_FILE;
}

static NTSTATUS null_write(struct io_request *r)
{
	r->done = r->size;
	return STATUS_SUCCESS;
}

extern const struct io_ops io_null_ops;
const struct io_ops io_null_ops = {
	.name = "null",
	.device = FILE_DEVICE_NULL,
	.read = null_read,
	.write = null_write,
};
