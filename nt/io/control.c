/* SPDX-License-Identifier: MIT */
/* nt/io/control.c - NtFsControlFile and NtDeviceIoControlFile, and what files on disks answer. */
#include "nt/io/irp.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define FSCTL_LOCK_VOLUME            0x090018u
#define FSCTL_UNLOCK_VOLUME          0x09001cu
#define FSCTL_DISMOUNT_VOLUME        0x090020u
#define FSCTL_IS_VOLUME_MOUNTED      0x090028u
#define FSCTL_GET_COMPRESSION        0x09003cu
#define FSCTL_SET_COMPRESSION        0x09c040u
#define FSCTL_GET_OBJECT_ID          0x09009cu
#define FSCTL_CREATE_OR_GET_OBJECT_ID 0x0900c0u
#define FSCTL_GET_REPARSE_POINT      0x0900a8u
#define FSCTL_SET_SPARSE             0x0900c4u
#define FSCTL_SET_ZERO_DATA          0x0980c8u
#define FSCTL_QUERY_ALLOCATED_RANGES 0x0940cfu
#define FSCTL_PIPE_WAIT              0x110018u
#define IO_REPARSE_TAG_SYMLINK       0xa000000cu

static NTSTATUS out(struct io_request *r, const void *from, uint32_t size)
{
	if (r->size < size)
		return STATUS_BUFFER_TOO_SMALL;
	r->done = size;
	return user_write(r->buffer, from, size);
}

/* Two names of one file have one id: the loader knows by it that it has a DLL already. */
static NTSTATUS object_id(struct io_request *r)
{
	uint64_t id[8] = { 0 };
	struct os_attr a;
	NTSTATUS status = os_file_attr(r->file->f, &a);

	if (status != STATUS_SUCCESS)
		return status;
	id[0] = a.dev;
	id[1] = a.ino;
	return out(r, id, sizeof id);
}

static NTSTATUS allocated_ranges(struct io_request *r)
{
	uint64_t q[2], end;
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(q, r->in, sizeof q);

	if (status != STATUS_SUCCESS)
		return status;
	end = MIN(q[0] + q[1], os_file_length(r->file->f));
	if (q[0] >= end)
		return STATUS_SUCCESS;
	q[1] = end - q[0];
	return out(r, q, sizeof q);
}

static NTSTATUS zero_data(struct io_request *r)
{
	uint64_t q[2], size = os_file_length(r->file->f);
	NTSTATUS status = r->in_size < sizeof q ? STATUS_INVALID_PARAMETER : user_read(q, r->in, sizeof q);

	if (status != STATUS_SUCCESS)
		return status;
	if (!(r->file->access & FILE_WRITE_DATA))
		return STATUS_ACCESS_DENIED;
	if (q[1] < q[0])
		return STATUS_INVALID_PARAMETER;
	q[1] = MIN(q[1], size);
	return q[0] < q[1] ? os_file_zero(r->file->f, q[0], q[1] - q[0]) : STATUS_SUCCESS;
}

static NTSTATUS disk_fsctl(struct io_request *r)
{
	uint16_t none = 0;

	switch (r->code) {
	case FSCTL_GET_OBJECT_ID:
	case FSCTL_CREATE_OR_GET_OBJECT_ID:
		return object_id(r);
	case FSCTL_IS_VOLUME_MOUNTED:
	case FSCTL_SET_SPARSE:
	case FSCTL_SET_COMPRESSION:
	case FSCTL_LOCK_VOLUME:
	case FSCTL_UNLOCK_VOLUME:
	case FSCTL_DISMOUNT_VOLUME:
		return STATUS_SUCCESS;
	case FSCTL_GET_COMPRESSION:
		return out(r, &none, sizeof none);
	case FSCTL_QUERY_ALLOCATED_RANGES:
		return allocated_ranges(r);
	case FSCTL_SET_ZERO_DATA:
		return zero_data(r);
	case FSCTL_GET_REPARSE_POINT:
		return r->size == 0 ? STATUS_INVALID_USER_BUFFER : STATUS_NOT_A_REPARSE_POINT;
	default:
		return STATUS_INVALID_DEVICE_REQUEST;
	}
}

/* The device type of a control code. */
static NTSTATUS not_for_us(uint32_t code)
{
	return code >> 16 == FILE_DEVICE_CONSOLE ? STATUS_NOT_SUPPORTED : STATUS_INVALID_DEVICE_REQUEST;
}

struct ask { /* what both calls are given */
	uint64_t handle, event, apc, context, iosb, in, out;
	uint32_t code, in_size, out_size;
};

static NTSTATUS control(struct nt_thread *t, const struct ask *a, bool fs)
{
	struct io_request r;
	const struct io_ops *ops;
	NTSTATUS (*fn)(struct io_request *);
	NTSTATUS status = io_begin(t, &r, a->handle, 0, a->event, a->apc, a->context, a->iosb);

	if (status != STATUS_SUCCESS)
		return status;
	r.code = a->code;
	r.in = a->in;
	r.in_size = a->in_size;
	r.buffer = a->out;
	r.size = a->out_size;
	ops = io_ops(r.file);
	fn = fs ? ops->fsctl : ops->ioctl;
	if (fn == NULL && fs && (r.file->kind == IO_DISK || r.file->kind == IO_DIRECTORY))
		fn = disk_fsctl;
	return io_end(&r, fn != NULL ? fn(&r) : not_for_us(a->code));
}

NTSTATUS NtFsControlFile(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint32_t code, uint64_t in,
	uint32_t in_size, uint64_t outbuf, uint32_t size)
{
	return control(t, &(struct ask){ handle, event, apc, context, iosb, in, outbuf, code, in_size, size }, true);
}

NTSTATUS NtDeviceIoControlFile(struct nt_thread *t, uint64_t handle, uint64_t event, uint64_t apc, uint64_t context, uint64_t iosb, uint32_t code,
	uint64_t in, uint32_t in_size, uint64_t outbuf, uint32_t size)
{
	return control(t, &(struct ask){ handle, event, apc, context, iosb, in, outbuf, code, in_size, size }, false);
}
