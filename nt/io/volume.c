/* SPDX-License-Identifier: MIT */
/* nt/io/volume.c - NtQueryVolumeInformationFile: the device and the file system that a file is on. */
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

enum { FileFsVolumeInformation = 1, FileFsLabelInformation, FileFsSizeInformation, FileFsDeviceInformation, FileFsAttributeInformation,
	FileFsControlInformation, FileFsFullSizeInformation, FileFsObjectIdInformation, FileFsSectorSizeInformation = 11 };

#define FILE_DEVICE_IS_MOUNTED 0x20u
/* Those of NTFS' that are there: case kept and told apart, Unicode, ACLs, sparse files, reparse points; object ids, hard links, opening by number.  Not
   quotas, encryption, streams, extended attributes. */
#define FS_ATTRIBUTES 0x014100cfu
#define FS_READ_ONLY  0x00080000u
#define SECTOR 512u

struct FILE_FS_SIZE_INFORMATION {
	uint64_t TotalAllocationUnits, AvailableAllocationUnits;
	uint32_t SectorsPerAllocationUnit, BytesPerSector;
};
struct FILE_FS_FULL_SIZE_INFORMATION {
	uint64_t TotalAllocationUnits, CallerAvailableAllocationUnits, ActualAvailableAllocationUnits;
	uint32_t SectorsPerAllocationUnit, BytesPerSector;
};
struct FILE_FS_SECTOR_SIZE_INFORMATION {
	uint32_t LogicalBytesPerSector, PhysicalBytesPerSectorForAtomicity, PhysicalBytesPerSectorForPerformance,
		FileSystemEffectivePhysicalBytesPerSectorForAtomicity, Flags, ByteOffsetForSectorAlignment, ByteOffsetForPartitionAlignment;
};

#define FILE_DEVICE_ALLOW_APPCONTAINER_TRAVERSAL 0x20000u
static uint32_t device_of(const struct io_file *f)
{
	if (f->kind != IO_STREAM)
		return io_ops(f)->device;
	switch (os_file_type(f->f)) {
	case OS_FILE:
	case OS_DIRECTORY:
		return FILE_DEVICE_DISK;
	case OS_PIPE:
	case OS_SOCKET:
		return FILE_DEVICE_NAMED_PIPE;
	case OS_TTY:
		return FILE_DEVICE_CONSOLE;
	default:
		return FILE_DEVICE_NULL;
	}
}

static NTSTATUS device_out(const struct io_file *f, uint64_t buf, uint32_t size, uint64_t *done)
{
	uint32_t d[2] = { device_of(f), 0 };

	if (size < sizeof d)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (d[0] == FILE_DEVICE_DISK) {
		d[0] = FILE_DEVICE_DISK_FILE_SYSTEM; /* which Wine's kernelbase knows as a drive */
		d[1] = FILE_DEVICE_IS_MOUNTED;
	}
	if (d[0] == FILE_DEVICE_CONSOLE)
		d[1] = FILE_DEVICE_ALLOW_APPCONTAINER_TRAVERSAL;
	*done = sizeof d;
	return user_write(buf, d, sizeof d);
}

/* What is fixed, then a text that is cut to what has room. */
static NTSTATUS with_text(uint64_t buf, uint32_t size, const void *fixed, uint32_t nfixed, const char *text, uint64_t *done)
{
	WCHAR wide[16];
	uint32_t length = 0, n;
	NTSTATUS status;

	for (; text[length] != '\0'; length++)
		wide[length] = (WCHAR)text[length];
	n = MIN(length * 2, size - nfixed);
	status = user_write(buf, fixed, nfixed);
	if (status == STATUS_SUCCESS && n != 0)
		status = user_write(buf + nfixed, wide, n);
	*done = nfixed + n;
	return status == STATUS_SUCCESS && n < length * 2 ? (NTSTATUS)STATUS_BUFFER_OVERFLOW : status;
}

uint64_t io_volume_serial(uint64_t dev)
{
	return (dev ^ dev >> 32) * 0x9e3779b97f4a7c15ull;
}

static NTSTATUS volume_out(struct io_file *f, uint64_t buf, uint32_t size, uint64_t *done)
{
	struct {
		int64_t creation;
		uint32_t serial, length;
		uint8_t objects, pad;
	} v = { 0, 0, 0, 1, 0 };
	struct os_attr a;

	if (size < 24)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (f->f == NULL)
		return STATUS_INVALID_DEVICE_REQUEST;
	(void)os_file_attr(f->f, &a);
	v.serial = (uint32_t)io_volume_serial(a.dev);
	return with_text(buf, size, &v, 18, "", done);
}

static NTSTATUS attribute_out(const struct io_file *f, uint64_t buf, uint32_t size, uint64_t *done)
{
	uint32_t a[3] = { FS_ATTRIBUTES | (f->f != NULL && os_file_on_readonly(f->f) ? FS_READ_ONLY : 0), 255, 8 };

	return size < 16 ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : with_text(buf, size, a, sizeof a, "NTFS", done);
}

static NTSTATUS size_out(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done)
{
	struct os_space s;
	NTSTATUS status = f->f != NULL ? os_file_space(f->f, &s) : STATUS_INVALID_DEVICE_REQUEST;

	if (status != STATUS_SUCCESS)
		return status;
	if (class == FileFsSizeInformation) {
		struct FILE_FS_SIZE_INFORMATION i = { s.total / PAGE_SIZE, s.available / PAGE_SIZE, PAGE_SIZE / SECTOR, SECTOR };

		*done = sizeof i;
		return size < sizeof i ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : user_write(buf, &i, sizeof i);
	}
	struct FILE_FS_FULL_SIZE_INFORMATION i = { s.total / PAGE_SIZE, s.available / PAGE_SIZE, s.free / PAGE_SIZE, PAGE_SIZE / SECTOR, SECTOR };

	*done = sizeof i;
	return size < sizeof i ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : user_write(buf, &i, sizeof i);
}

static NTSTATUS sector_out(uint64_t buf, uint32_t size, uint64_t *done)
{
	struct FILE_FS_SECTOR_SIZE_INFORMATION s = { SECTOR, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, 3, 0, 0 };

	*done = sizeof s;
	return size < sizeof s ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : user_write(buf, &s, sizeof s);
}

static NTSTATUS query(struct io_file *f, uint32_t class, uint64_t buf, uint32_t size, uint64_t *done)
{
	uint64_t id[8] = { 0 };
	struct os_attr a = { .dev = 0 };

	if (class == FileFsDeviceInformation)
		return device_out(f, buf, size, done);
	if (device_of(f) != FILE_DEVICE_DISK)
		return STATUS_INVALID_DEVICE_REQUEST;
	switch (class) {
	case FileFsVolumeInformation:
		return volume_out(f, buf, size, done);
	case FileFsSizeInformation:
	case FileFsFullSizeInformation:
		return size_out(f, class, buf, size, done);
	case FileFsAttributeInformation:
		return attribute_out(f, buf, size, done);
	case FileFsObjectIdInformation:
		(void)os_file_attr(f->f, &a);
		id[0] = a.dev;
		*done = sizeof id;
		return size < sizeof id ? (NTSTATUS)STATUS_INFO_LENGTH_MISMATCH : user_write(buf, id, sizeof id);
	case FileFsSectorSizeInformation:
		return sector_out(buf, size, done);
	default:
		return STATUS_INVALID_INFO_CLASS;
	}
}

NTSTATUS NtQueryVolumeInformationFile(struct nt_thread *t, uint64_t handle, uint64_t iosb, uint64_t buf, uint32_t size, uint32_t class)
{
	struct io_file *f;
	uint64_t done = 0;
	NTSTATUS status = io_by_handle(handle, 0, &f), bad;

	if (status != STATUS_SUCCESS)
		return status;
	status = query(f, class, buf, size, &done);
	ob_put(&f->ob);
	if (!NT_ERROR(status)) {
		bad = user_io_status(iosb, status, done);
		if (bad != STATUS_SUCCESS)
			status = bad;
	}
	return status;
}

NTSTATUS NtSetVolumeInformationFile(struct nt_thread *t, uint64_t handle, uint64_t iosb, uint64_t buf, uint32_t size, uint32_t class)
{
	struct io_file *f;
	NTSTATUS status = io_by_handle(handle, FILE_WRITE_DATA, &f);

	if (status != STATUS_SUCCESS)
		return status;
	ob_put(&f->ob);
	return class == FileFsLabelInformation ? STATUS_ACCESS_DENIED : STATUS_INVALID_INFO_CLASS;
}
