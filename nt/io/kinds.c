/* SPDX-License-Identifier: MIT */
/* nt/io/kinds.c - which operations each kind of file object has, and who opens the devices. */
#include "nt/con/con.h"
#include "nt/io/name.h"
#include "nt/io/npfs.h"

extern const struct io_ops io_disk_ops, io_directory_ops, io_stream_ops, io_null_ops, io_pipe_ops, io_npfs_ops, io_mailslot_ops, io_rawdisk_ops, io_msfs_ops, io_mountmgr_ops;
extern const struct io_ops io_afd_ops, io_nsi_ops;

static const struct io_ops none_ops = { .name = "none", .device = FILE_DEVICE_UNKNOWN };

const struct io_ops *const io_kinds[IO_KINDS] = {
	[IO_NONE] = &none_ops,
	[IO_DISK] = &io_disk_ops,
	[IO_DIRECTORY] = &io_directory_ops,
	[IO_STREAM] = &io_stream_ops,
	[IO_NULL] = &io_null_ops,
	[IO_PIPE] = &io_pipe_ops,
	[IO_NPFS] = &io_npfs_ops,
	[IO_RAWDISK] = &io_rawdisk_ops,
	[IO_MAILSLOT] = &io_mailslot_ops,
	[IO_MSFS] = &io_msfs_ops,
	[IO_CONSOLE] = &io_console_ops,
	[IO_AFD] = &io_afd_ops,
	[IO_NSI] = &io_nsi_ops,
	[IO_HTTP] = &none_ops,
	[IO_MOUNTMGR] = &io_mountmgr_ops,
};

NTSTATUS io_open_device(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	switch (n->where) {
	case IO_AT_AFD:
	case IO_AT_NSI:
		return net_open(n, o, out);
	case IO_AT_CONSOLE:
		return con_open(n->rest, n->rest_size, n->root, o->access, o->share, o->options, out);
	case IO_AT_PHYSICAL_DISK:
		return rawdisk_open(NULL, o, out);
	case IO_AT_MAILSLOT:
		return mailslot_open(n, o, out);
	case IO_AT_PIPE:
		return npfs_open(n, o, out);
	case IO_AT_MOUNTMGR:
		*out = n->rest_size != 0 ? NULL : io_file_new(IO_MOUNTMGR, o->access, o->share, o->options);
		o->information = FILE_OPENED;
		return *out != NULL ? STATUS_SUCCESS : n->rest_size != 0 ? STATUS_OBJECT_NAME_NOT_FOUND : STATUS_NO_MEMORY;
	default:
		return STATUS_OBJECT_NAME_NOT_FOUND;
	}
}
