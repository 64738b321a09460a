/* SPDX-License-Identifier: MIT */
/* nt/io/set.c - NtSetInformationFile, NtDeleteFile, extended attributes (there are none). */
#include "nt/ex/wait.h"
#include "nt/io/info.h"
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "nt/se/se.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define FILE_DISPOSITION_DELETE          1u
#define FILE_DISPOSITION_POSIX_SEMANTICS 2u
#define FILE_DISPOSITION_ON_CLOSE        8u
#define FILE_DISPOSITION_IGNORE_READONLY 16u
#define IO_COMPLETION_MODIFY_STATE       2u
#define IO_PRIORITY_NORMAL               2u
#define SE_MANAGE_VOLUME_PRIVILEGE       28u

static bool on_disk(const struct io_file *f)
{
	return f->kind == IO_DISK || f->kind == IO_DIRECTORY;
}

static NTSTATUS set_basic(struct io_file *f, uint64_t buf)
{
	struct FILE_BASIC_INFORMATION b;
	NTSTATUS status = user_read(&b, buf, sizeof b);

	if (status != STATUS_SUCCESS)
		return status;
	if (!on_disk(f))
		return STATUS_INVALID_DEVICE_REQUEST;
	/* FILE_WRITE_ATTRIBUTES is not asked for: Wine's kernelbase sets attributes through handles without it. */
	if (b.CreationTime < -2 || b.LastAccessTime < -2 || b.LastWriteTime < -2 || b.ChangeTime < -2)
		return STATUS_INVALID_PARAMETER;
	if (b.FileAttributes != 0 && f->kind == IO_DISK && (b.FileAttributes & FILE_ATTRIBUTE_DIRECTORY))
		return STATUS_INVALID_PARAMETER;
	if (b.FileAttributes != 0 && f->kind == IO_DIRECTORY && (b.FileAttributes & FILE_ATTRIBUTE_TEMPORARY))
		return STATUS_INVALID_PARAMETER;
	return os_file_set_basic(f->f, b.CreationTime, b.LastAccessTime, b.LastWriteTime, b.FileAttributes);
}

/* ---- Deleting ---- */

static NTSTATUS may_delete(struct io_file *f, bool ignore_readonly)
{
	struct os_attr a;
	NTSTATUS status;

	if (!on_disk(f) || f->node == NULL)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!(f->access & DELETE))
		return STATUS_ACCESS_DENIED;
	if (f->link != NULL)
		return STATUS_SUCCESS;
	status = os_file_attr(f->f, &a);
	if (status != STATUS_SUCCESS)
		return status;
	if (f->kind == IO_DIRECTORY) {
		if (os_dir_is_root(f->f))
			return STATUS_CANNOT_DELETE;
		return os_dir_is_empty(f->f) ? STATUS_SUCCESS : STATUS_DIRECTORY_NOT_EMPTY;
	}
	if (a.readonly && !ignore_readonly)
		return STATUS_CANNOT_DELETE;
	return io_node_is_mapped(f->node) || os_file_is_running(f->f) ? STATUS_CANNOT_DELETE : STATUS_SUCCESS;
}

static NTSTATUS dispose(struct io_file *f, uint32_t flags)
{
	bool delete = flags & FILE_DISPOSITION_DELETE;
	NTSTATUS status = delete ? may_delete(f, flags & FILE_DISPOSITION_IGNORE_READONLY) : STATUS_SUCCESS;

	if (status != STATUS_SUCCESS)
		return status;
	if (!on_disk(f) || f->node == NULL)
		return STATUS_INVALID_DEVICE_REQUEST;
	if (!(f->access & DELETE))
		return STATUS_ACCESS_DENIED;
	if (flags & FILE_DISPOSITION_ON_CLOSE) {
		f->options = delete ? f->options | FILE_DELETE_ON_CLOSE : f->options & ~FILE_DELETE_ON_CLOSE;
		return STATUS_SUCCESS;
	}
	f->posix_delete = delete && (flags & FILE_DISPOSITION_POSIX_SEMANTICS) != 0;
	io_node_set_delete(f->node, delete);
	return STATUS_SUCCESS;
}

static NTSTATUS set_disposition(struct io_file *f, uint64_t buf, bool ex)
{
	uint32_t flags = 0;
	NTSTATUS status = user_read(&flags, buf, ex ? sizeof flags : 1);

	if (status != STATUS_SUCCESS)
		return status;
	return dispose(f, ex ? flags : (flags & 0xff) != 0 ? FILE_DISPOSITION_DELETE : 0);
}

/* ---- The rest ---- */

static NTSTATUS set_position(struct io_file *f, uint64_t buf)
{
	uint64_t position;
	NTSTATUS status = user_read(&position, buf, sizeof position);

	if (status != STATUS_SUCCESS)
		return status;
	if ((int64_t)position < 0)
		return STATUS_INVALID_PARAMETER;
	if (f->kind == IO_STREAM || f->kind == IO_PIPE)
		return STATUS_INVALID_PARAMETER;
	if (f->shared_position)
		return os_file_seek(f->f, position);
	lock_take(&f->lock);
	f->position = position;
	lock_drop(&f->lock);
	return STATUS_SUCCESS;
}

/* All of a file is valid here: what nobody wrote is zeros.  So there is nothing to do. */
static NTSTATUS set_valid(struct io_file *f, uint64_t size)
{
	NTSTATUS status = se_need_privilege(nt_current(), SE_MANAGE_VOLUME_PRIVILEGE);

	if (status != STATUS_SUCCESS)
		return status;
	return (int64_t)size <= 0 || size > os_file_length(f->f) ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

static NTSTATUS set_size(struct io_file *f, uint64_t buf, uint32_t class)
{
	uint64_t size;
	NTSTATUS status = user_read(&size, buf, sizeof size);

	if (status != STATUS_SUCCESS)
		return status;
	if (f->kind != IO_DISK)
		return STATUS_INVALID_PARAMETER;
	if (!(f->access & (FILE_WRITE_DATA)))
		return STATUS_ACCESS_DENIED;
	if (class == FileValidDataLengthInformation)
		return set_valid(f, size);
	if ((int64_t)size < 0)
		return STATUS_INVALID_PARAMETER;
	if ((class == FileAllocationInformation && size >= os_file_length(f->f)))
		return STATUS_SUCCESS;
	if (f->node != NULL && atomic_load(&f->node->sections) != 0 && size < os_file_length(f->f))
		return STATUS_USER_MAPPED_FILE;
	return os_file_set_size(f->f, size);
}

static NTSTATUS set_completion(struct io_file *f, uint64_t buf)
{
	struct FILE_COMPLETION_INFORMATION c;
	struct ob_object *port = NULL;
	NTSTATUS status = user_read(&c, buf, sizeof c);
	bool taken;

	if (status != STATUS_SUCCESS)
		return status;
	if (io_is_sync(f))
		return STATUS_INVALID_PARAMETER;
	if (c.Port != 0)
		status = ob_by_handle(c.Port, OB_COMPLETION, IO_COMPLETION_MODIFY_STATE, &port);
	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&f->ob.lock);
	taken = f->port != NULL;
	if (!taken) {
		f->port_key = c.Key;
		__atomic_store_n(&f->port, port, __ATOMIC_RELEASE);
	}
	lock_drop(&f->ob.lock);
	if (!taken)
		return STATUS_SUCCESS;
	ob_put(port);
	return STATUS_INVALID_PARAMETER;
}

static NTSTATUS set_u32(struct io_file *f, uint32_t class, uint64_t buf)
{
	uint32_t value;
	NTSTATUS status = user_read(&value, buf, sizeof value);

	if (status != STATUS_SUCCESS)
		return status;
	switch (class) {
	case FileIoCompletionNotificationInformation:
		if (io_is_sync(f))
			return STATUS_INVALID_PARAMETER;
		__atomic_fetch_or(&f->port_modes, value & 7u, __ATOMIC_RELAXED);
		if (value & FILE_SKIP_SET_EVENT_ON_HANDLE)
			(void)ex_clear(&f->ob);
		return STATUS_SUCCESS;
	case FileIoPriorityHintInformation:
		if (value > IO_PRIORITY_NORMAL) /* those above are the kernel's own */
			return STATUS_INVALID_PARAMETER;
		f->io_priority = value;
		return STATUS_SUCCESS;
	default: /* FileModeInformation */
		return STATUS_SUCCESS;
	}
}

static uint32_t least_size(uint32_t class)
{
	switch (class) {
	case FileBasicInformation: return sizeof(struct FILE_BASIC_INFORMATION);
	case FileRenameInformation: case FileRenameInformationEx: case FileLinkInformation: case FileLinkInformationEx: return 24;
	case FileDispositionInformation: return 1;
	case FileDispositionInformationEx: case FileModeInformation: case FileIoCompletionNotificationInformation:
	case FileIoPriorityHintInformation: return 4;
	case FilePositionInformation: case FileAllocationInformation: case FileEndOfFileInformation: case FileMailslotSetInformation:
	case FileValidDataLengthInformation: case FilePipeInformation: return 8;
	case FileCompletionInformation: return sizeof(struct FILE_COMPLETION_INFORMATION);
	default: return 0;
	}
}

static NTSTATUS set(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size)
{
	switch (class) {
	case FileBasicInformation:
		return set_basic(f, buf);
	case FileRenameInformation:
	case FileRenameInformationEx:
		return io_set_rename(f, buf, size, class == FileRenameInformationEx);
	case FileLinkInformation:
	case FileLinkInformationEx:
		return io_set_link(f, buf, size, class == FileLinkInformationEx);
	case FileDispositionInformation:
	case FileDispositionInformationEx:
		return set_disposition(f, buf, class == FileDispositionInformationEx);
	case FilePositionInformation:
		return set_position(f, buf);
	case FileAllocationInformation:
	case FileEndOfFileInformation:
	case FileValidDataLengthInformation:
		return set_size(f, buf, class);
	case FileCompletionInformation:
		return set_completion(f, buf);
	case FileModeInformation:
	case FileIoCompletionNotificationInformation:
	case FileIoPriorityHintInformation:
		return set_u32(f, class, buf);
	default:
		return STATUS_INVALID_DEVICE_REQUEST;
	}
}

NTSTATUS NtSetInformationFile(struct nt_thread *t, uint64_t handle, uint64_t iosb, uint64_t buf, uint32_t size, uint32_t class)
{
	uint32_t least = least_size(class);
	struct io_file *f;
	NTSTATUS status, bad;

	if (least == 0)
		return STATUS_INVALID_INFO_CLASS;
	if (size < MIN(least, 20u) || (least <= 16 && size < least))
		return STATUS_INFO_LENGTH_MISMATCH;
	status = io_by_handle(handle, 0, &f);
	if (status != STATUS_SUCCESS)
		return status;
	status = io_ops(f)->set != NULL ? io_ops(f)->set(f, class, buf, size) : STATUS_INVALID_INFO_CLASS;
	if (status == STATUS_INVALID_INFO_CLASS)
		status = set(f, class, buf, size);
	ob_put(&f->ob);
	bad = user_io_status(iosb, status, 0);
	return status == STATUS_SUCCESS ? bad : status;
}

NTSTATUS NtDeleteFile(struct nt_thread *t, uint64_t oa)
{
	struct io_open o = { DELETE, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_OPEN, 0, 0, 0 };
	struct io_file *f;
	struct ob_lookup l;
	struct io_name n;
	NTSTATUS status = oa_in(&l, oa);

	if (status != STATUS_SUCCESS)
		return status;
	status = io_name_parse(&l, &n);
	if (status == STATUS_SUCCESS) {
		status = io_open_at(&n, &o, &f);
		io_name_done(&n);
	}
	if (status == STATUS_SUCCESS) {
		status = dispose(f, FILE_DISPOSITION_DELETE);
		if (status == STATUS_DIRECTORY_NOT_EMPTY) /* which this call does not say */
			status = STATUS_SUCCESS;
		ob_put(&f->ob);
	}
	oa_free(&l);
	return status;
}

NTSTATUS NtQueryEaFile(struct nt_thread *t, uint64_t handle, uint64_t iosb, uint64_t buf, uint32_t size, uint8_t single, uint64_t list, uint32_t list_size,
	uint64_t index, uint8_t restart)
{
	struct io_file *f;
	NTSTATUS status = io_by_handle(handle, FILE_READ_EA, &f);

	if (status != STATUS_SUCCESS)
		return status;
	ob_put(&f->ob);
	return uaccess_zero(buf, size) == 0 ? STATUS_NO_EAS_ON_FILE : STATUS_ACCESS_VIOLATION;
}

NTSTATUS NtSetEaFile(struct nt_thread *t, uint64_t handle, uint64_t iosb, uint64_t buf, uint32_t size)
{
	struct io_file *f;
	NTSTATUS status = io_by_handle(handle, FILE_WRITE_EA, &f);

	if (status != STATUS_SUCCESS)
		return status;
	ob_put(&f->ob);
	return STATUS_EAS_NOT_SUPPORTED;
}
