/* SPDX-License-Identifier: MIT */
/*
 * nt/io/rawdisk.c - volumes and the disk below them, opened as devices: \\.\C:, \\.\PhysicalDrive0.
 *
 * They answer questions about themselves.  There are no sectors to be read: what is on a volume are the sandbox's files.
 */
#include "nt/io/irp.h"
#include "nt/io/name.h"
#include "nt/ke/user.h"
#include "nt/os/file.h"
#include "rt/mem.h"

#define IOCTL_STORAGE_GET_DEVICE_NUMBER      0x2d1080u
#define IOCTL_STORAGE_QUERY_PROPERTY         0x2d1400u
#define IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS 0x560000u
#define BUS_TYPE_VIRTUAL 14u

struct STORAGE_DEVICE_DESCRIPTOR {
	uint32_t Version, Size;
	uint8_t DeviceType, DeviceTypeModifier, RemovableMedia, CommandQueueing;
	uint32_t VendorIdOffset, ProductIdOffset, ProductRevisionOffset, SerialNumberOffset, BusType, RawPropertiesLength;
	uint8_t RawDeviceProperties[4];
};
_Static_assert(sizeof(struct STORAGE_DEVICE_DESCRIPTOR) == 40, "STORAGE_DEVICE_DESCRIPTOR");
struct VOLUME_DISK_EXTENTS {
	uint32_t NumberOfDiskExtents, pad;
	uint32_t DiskNumber, pad2;
	uint64_t StartingOffset, ExtentLength;
};

/* As much of it as there is room for; at least least bytes. */
static NTSTATUS put(struct io_request *r, const void *from, uint32_t size, uint32_t least)
{
	if (r->size < least)
		return STATUS_BUFFER_TOO_SMALL;
	r->done = MIN(size, r->size);
	return user_write(r->buffer, from, r->done);
}

static NTSTATUS property(struct io_request *r)
{
	static const struct STORAGE_DEVICE_DESCRIPTOR d = { .Version = sizeof d, .Size = sizeof d, .BusType = BUS_TYPE_VIRTUAL };
	uint32_t asked[2]; /* StorageDeviceProperty 0, PropertyStandardQuery 0 */
	NTSTATUS status = r->in_size < sizeof asked ? STATUS_INVALID_PARAMETER : user_read(asked, r->in, sizeof asked);

	if (status != STATUS_SUCCESS)
		return status;
	return asked[0] != 0 ? STATUS_NOT_SUPPORTED : asked[1] == 1 /* is it there? */ ? STATUS_SUCCESS : put(r, &d, sizeof d, 8);
}

static NTSTATUS extents(struct io_request *r)
{
	struct VOLUME_DISK_EXTENTS e = { .NumberOfDiskExtents = 1 };
	struct os_space s;
	NTSTATUS status = r->file->f != NULL ? os_file_space(r->file->f, &s) : STATUS_INVALID_DEVICE_REQUEST;

	if (status != STATUS_SUCCESS)
		return status;
	e.ExtentLength = s.total;
	return put(r, &e, sizeof e, sizeof e);
}

static NTSTATUS rawdisk_ioctl(struct io_request *r)
{
	static const uint32_t number[3] = { FILE_DEVICE_DISK, 0, UINT32_MAX /* no partition */ };

	switch (r->code) {
	case IOCTL_STORAGE_QUERY_PROPERTY:
		return property(r);
	case IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS:
		return extents(r);
	case IOCTL_STORAGE_GET_DEVICE_NUMBER:
		return put(r, number, sizeof number, sizeof number);
	default:
		return STATUS_INVALID_DEVICE_REQUEST;
	}
}

extern const struct io_ops io_rawdisk_ops;
const struct io_ops io_rawdisk_ops = {
	.name = "rawdisk",
	.device = FILE_DEVICE_DISK,
	.ioctl = rawdisk_ioctl,
};

NTSTATUS rawdisk_open(struct file *root, struct io_open *o, struct io_file **out)
{
	*out = io_file_new(IO_RAWDISK, o->access, o->share, o->options);
	o->information = FILE_OPENED;
	if (*out == NULL) {
		os_file_put(root);
		return STATUS_NO_MEMORY;
	}
	(*out)->f = root;
	return STATUS_SUCCESS;
}
