/* SPDX-License-Identifier: MIT */
/* nt/io/query.c - what is known of a file: NtQueryInformationFile, NtQueryAttributesFile. */
#include "nt/io/info.h"
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "nt/rtl/shortname.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define IO_REPARSE_TAG_SYMLINK 0xa000000cu

uint32_t io_attributes(const struct os_attr *a)
{
	uint32_t attributes = a->dos & (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM);

	if (a->type == OS_LINK)
		attributes |= FILE_ATTRIBUTE_REPARSE_POINT;
	if (a->type == OS_DIRECTORY)
		return attributes | FILE_ATTRIBUTE_DIRECTORY;
	if (a->readonly && a->type == OS_FILE)
		attributes |= FILE_ATTRIBUTE_READONLY;
	if (!(a->dos & FILE_ATTRIBUTE_NORMAL))
		attributes |= FILE_ATTRIBUTE_ARCHIVE;
	return attributes != 0 ? attributes : FILE_ATTRIBUTE_NORMAL;
}

static uint64_t length_of(const struct os_attr *a)
{
	return a->type == OS_FILE ? a->size : 0;
}

static uint64_t allocation_of(const struct os_attr *a)
{
	return a->type == OS_FILE ? MAX(a->allocated, ALIGN_UP(a->size, PAGE_SIZE)) : 0;
}

static void put_basic(const struct os_attr *a, struct FILE_BASIC_INFORMATION *b)
{
	*b = (struct FILE_BASIC_INFORMATION){ a->btime, a->atime, a->mtime, a->ctime, io_attributes(a), 0 };
}

static void put_network(const struct os_attr *a, struct FILE_NETWORK_OPEN_INFORMATION *b)
{
	*b = (struct FILE_NETWORK_OPEN_INFORMATION){ a->btime, a->atime, a->mtime, a->ctime, allocation_of(a), length_of(a), io_attributes(a), 0 };
}

static void put_standard(const struct io_file *f, const struct os_attr *a, struct FILE_STANDARD_INFORMATION *s)
{
	bool going = (f->node != NULL && io_node_delete_pending(f->node)) || a->deleted;

	*s = (struct FILE_STANDARD_INFORMATION){ .AllocationSize = allocation_of(a), .EndOfFile = length_of(a),
		.NumberOfLinks = going && a->nlink > 0 ? a->nlink - 1 : a->nlink, .DeletePending = going, .Directory = a->type == OS_DIRECTORY };
}

static uint64_t position_of(struct io_file *f)
{
	if (f->shared_position)
		return os_file_position(f->f);
	return __atomic_load_n(&f->position, __ATOMIC_RELAXED);
}

static uint32_t mode_of(const struct io_file *f)
{
	return f->options & (FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY | FILE_NO_INTERMEDIATE_BUFFERING | FILE_SYNCHRONOUS);
}

static void put_stat(const struct io_file *f, const struct os_attr *a, struct FILE_STAT_INFORMATION *s)
{
	*s = (struct FILE_STAT_INFORMATION){ a->ino, a->btime, a->atime, a->mtime, a->ctime, allocation_of(a), length_of(a), io_attributes(a),
		a->type == OS_LINK ? IO_REPARSE_TAG_SYMLINK : 0, a->nlink, f->access };
}

/* ---- Names ---- */

/* A length and a name; what does not fit is cut: STATUS_BUFFER_OVERFLOW. */
static NTSTATUS name_out(struct io_file *f, uint64_t buf, uint32_t size, uint32_t at, uint64_t *done)
{
	uint32_t length = 0, skip, n;
	WCHAR *name = io_ops(f)->name_of != NULL ? io_ops(f)->name_of(f, &length) : io_file_name(f, &length);
	NTSTATUS status;

	if (name == NULL)
		return STATUS_INVALID_PARAMETER;
	skip = io_volume_offset(name, length);
	length -= skip;
	n = MIN(length, size - at - 4);
	status = user_write(buf + at, &length, 4);
	if (status == STATUS_SUCCESS && n != 0)
		status = user_write(buf + at + 4, (const char *)name + skip, n);
	heap_free(name);
	*done = at + 4 + n;
	return status == STATUS_SUCCESS && n < length ? (NTSTATUS)STATUS_BUFFER_OVERFLOW : status;
}

/* Its name's last part, made short. */
static NTSTATUS short_name_out(struct io_file *f, uint64_t buf, uint32_t size, uint64_t *done)
{
	WCHAR brief[12];
	uint32_t length = 0, from, n = 0;
	WCHAR *name = io_file_name(f, &length);
	NTSTATUS status;

	if (name == NULL)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	for (from = length / 2; from > 0 && name[from - 1] != '\\'; from--)
		;
	n = rtl_short_name(brief, name + from, length - from * 2);
	heap_free(name);
	if (n == 0)
		return STATUS_OBJECT_NAME_NOT_FOUND; /* it has no other name */
	status = user_write(buf, &n, 4);
	if (status == STATUS_SUCCESS)
		status = user_write(buf + 4, brief, MIN(n, size - 4));
	*done = 4 + MIN(n, size - 4);
	return status == STATUS_SUCCESS && n > size - 4 ? (NTSTATUS)STATUS_BUFFER_OVERFLOW : status;
}

static NTSTATUS all_out(struct io_file *f, const struct os_attr *a, uint64_t buf, uint32_t size, uint64_t *done)
{
	struct FILE_ALL_INFORMATION all;
	NTSTATUS status;

	memset(&all, 0, sizeof all);
	put_basic(a, &all.Basic);
	put_standard(f, a, &all.Standard);
	all.FileId = a->ino;
	all.AccessFlags = f->access;
	all.CurrentByteOffset = position_of(f);
	all.Mode = mode_of(f);
	status = user_write(buf, &all, offsetof(struct FILE_ALL_INFORMATION, FileNameLength));
	return status == STATUS_SUCCESS ? name_out(f, buf, size, offsetof(struct FILE_ALL_INFORMATION, FileNameLength), done) : status;
}

static NTSTATUS stream_out(const struct os_attr *a, uint64_t buf, uint32_t size, uint64_t *done)
{
	static const WCHAR name[] = { ':', ':', '$', 'D', 'A', 'T', 'A' };
	struct {
		uint32_t next, length;
		uint64_t size, allocated;
		WCHAR name[7];
	} s = { 0, sizeof name, length_of(a), allocation_of(a), { 0 } };

	if (a->type != OS_FILE) {
		*done = 0;
		return STATUS_SUCCESS;
	}
	if (size < 24 + sizeof name)
		return STATUS_BUFFER_OVERFLOW;
	memcpy(s.name, name, sizeof name);
	*done = 24 + sizeof name;
	return user_write(buf, &s, 24 + sizeof name);
}

/* ---- By class ---- */

static uint32_t least_size(uint32_t class)
{
	switch (class) {
	case FileBasicInformation: return sizeof(struct FILE_BASIC_INFORMATION);
	case FileStandardInformation: return sizeof(struct FILE_STANDARD_INFORMATION);
	case FileInternalInformation: case FilePositionInformation: case FileEndOfFileInformation: return 8;
	case FileEaInformation: case FileAccessInformation: case FileModeInformation: case FileAlignmentInformation: return 4;
	case FileNameInformation: case FileNormalizedNameInformation: case FileAlternateNameInformation: return 8;
	case FileAllInformation: return sizeof(struct FILE_ALL_INFORMATION);
	case FileStreamInformation: return 24;
	case FilePipeInformation: return sizeof(struct FILE_PIPE_INFORMATION);
	case FilePipeLocalInformation: return sizeof(struct FILE_PIPE_LOCAL_INFORMATION);
	case FileMailslotQueryInformation: return 24;
	case FileNetworkOpenInformation: return sizeof(struct FILE_NETWORK_OPEN_INFORMATION);
	case FileAttributeTagInformation: return sizeof(struct FILE_ATTRIBUTE_TAG_INFORMATION);
	case FileIoCompletionNotificationInformation: case FileIoPriorityHintInformation: return 4;
	case FileIdInformation: return sizeof(struct FILE_ID_INFORMATION);
	case FileStatInformation: return sizeof(struct FILE_STAT_INFORMATION);
	case FileIsRemoteDeviceInformation: return 1;
	default: return 0;
	}
}

union answer {
	struct FILE_BASIC_INFORMATION basic;
	struct FILE_STANDARD_INFORMATION standard;
	struct FILE_NETWORK_OPEN_INFORMATION network;
	struct FILE_ATTRIBUTE_TAG_INFORMATION tag;
	struct FILE_ID_INFORMATION id;
	struct FILE_STAT_INFORMATION stat;
	uint64_t u64;
	uint32_t u32;
};

/* What needs the file's attributes. */
static NTSTATUS of_attributes(struct io_file *f, uint32_t class, const struct os_attr *a, union answer *u)
{
	switch (class) {
	case FileBasicInformation:
		put_basic(a, &u->basic);
		return STATUS_SUCCESS;
	case FileStandardInformation:
		put_standard(f, a, &u->standard);
		return STATUS_SUCCESS;
	case FileInternalInformation:
		u->u64 = a->ino;
		return STATUS_SUCCESS;
	case FileEndOfFileInformation: /* ntdll.dll asks for it about manifests */
		u->u64 = length_of(a);
		return STATUS_SUCCESS;
	case FileNetworkOpenInformation:
		put_network(a, &u->network);
		return STATUS_SUCCESS;
	case FileAttributeTagInformation:
		u->tag = (struct FILE_ATTRIBUTE_TAG_INFORMATION){ io_attributes(a), a->type == OS_LINK ? IO_REPARSE_TAG_SYMLINK : 0 };
		return STATUS_SUCCESS;
	case FileIdInformation:
		u->id = (struct FILE_ID_INFORMATION){ io_volume_serial(a->dev), { a->ino, 0 } };
		return STATUS_SUCCESS;
	case FileStatInformation:
		put_stat(f, a, &u->stat);
		return STATUS_SUCCESS;
	default:
		return STATUS_INVALID_INFO_CLASS;
	}
}

/* What the file object itself knows. */
static NTSTATUS of_object(struct io_file *f, uint32_t class, union answer *u)
{
	switch (class) {
	case FilePositionInformation:
		u->u64 = position_of(f);
		return STATUS_SUCCESS;
	case FileEaInformation:
	case FileAlignmentInformation:
		u->u32 = 0;
		return STATUS_SUCCESS;
	case FileAccessInformation:
		u->u32 = f->access;
		return STATUS_SUCCESS;
	case FileModeInformation:
		u->u32 = mode_of(f);
		return STATUS_SUCCESS;
	case FileIoCompletionNotificationInformation:
		u->u32 = f->port_modes;
		return STATUS_SUCCESS;
	case FileIoPriorityHintInformation:
		u->u32 = f->io_priority;
		return STATUS_SUCCESS;
	case FileIsRemoteDeviceInformation:
		u->u32 = 0;
		return STATUS_SUCCESS;
	default:
		return STATUS_INVALID_INFO_CLASS;
	}
}

static NTSTATUS attr_of(struct io_file *f, struct os_attr *a)
{
	if (f->f != NULL)
		return os_file_attr(f->f, a);
	*a = (struct os_attr){ .type = OS_CHAR, .nlink = 1 };
	return STATUS_SUCCESS;
}

static NTSTATUS query(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done)
{
	union answer u = { .u64 = 0 };
	struct os_attr a;
	NTSTATUS status;

	if (class == FileNameInformation || class == FileNormalizedNameInformation)
		return name_out(f, buf, size, 0, done);
	if (class == FileAlternateNameInformation)
		return short_name_out(f, buf, size, done);
	status = of_object(f, class, &u);
	if (status == STATUS_INVALID_INFO_CLASS) {
		status = attr_of(f, &a);
		if (status == STATUS_SUCCESS && class == FileAllInformation)
			return all_out(f, &a, buf, size, done);
		if (status == STATUS_SUCCESS && class == FileStreamInformation)
			return stream_out(&a, buf, size, done);
		if (status == STATUS_SUCCESS)
			status = of_attributes(f, class, &a, &u);
	}
	if (status != STATUS_SUCCESS)
		return status;
	*done = least_size(class);
	return user_write(buf, &u, *done);
}

NTSTATUS NtQueryInformationFile(struct nt_thread *t, uint64_t handle, uint64_t iosb, uint64_t buf, uint32_t size, uint32_t class)
{
	uint32_t least = least_size(class);
	uint64_t done = 0;
	struct io_file *f;
	NTSTATUS status, bad;

	if (least == 0)
		return STATUS_INVALID_INFO_CLASS;
	if (size < least)
		return STATUS_INFO_LENGTH_MISMATCH;
	status = io_by_handle(handle, 0, &f);
	if (status != STATUS_SUCCESS)
		return status;
	status = io_ops(f)->query != NULL ? io_ops(f)->query(f, class, buf, size, &done) : STATUS_INVALID_INFO_CLASS;
	if (status == STATUS_INVALID_INFO_CLASS)
		status = query(f, class, buf, size, &done);
	ob_put(&f->ob);
	if (!NT_ERROR(status)) {
		bad = user_io_status(iosb, status, done);
		if (bad != STATUS_SUCCESS)
			status = bad;
	}
	return status;
}

/* ---- By name ---- */

static NTSTATUS attr_of_name(uint64_t oa, struct os_attr *a)
{
	struct ob_lookup l;
	struct io_name n;
	struct os_path p;
	NTSTATUS status = oa_in(&l, oa);

	if (status != STATUS_SUCCESS)
		return status;
	status = io_name_parse(&l, &n);
	oa_free(&l);
	if (status != STATUS_SUCCESS)
		return status;
	if (n.where != IO_AT_DISK)
		status = STATUS_OBJECT_NAME_NOT_FOUND;
	else
		status = os_path_find(n.text, 0, &p);
	if (status == STATUS_SUCCESS) {
		status = os_path_attr(&p, a);
		os_path_put(&p);
	}
	if (status == STATUS_SUCCESS && n.slash && a->type != OS_DIRECTORY)
		status = STATUS_OBJECT_NAME_INVALID;
	io_name_done(&n);
	return status;
}

NTSTATUS NtQueryAttributesFile(struct nt_thread *t, uint64_t oa, uint64_t info)
{
	struct FILE_BASIC_INFORMATION b;
	struct os_attr a;
	NTSTATUS status = attr_of_name(oa, &a);

	if (status != STATUS_SUCCESS)
		return status;
	put_basic(&a, &b);
	return user_write(info, &b, sizeof b);
}

NTSTATUS NtQueryFullAttributesFile(struct nt_thread *t, uint64_t oa, uint64_t info)
{
	struct FILE_NETWORK_OPEN_INFORMATION b;
	struct os_attr a;
	NTSTATUS status = attr_of_name(oa, &a);

	if (status != STATUS_SUCCESS)
		return status;
	put_network(&a, &b);
	return user_write(info, &b, sizeof b);
}
