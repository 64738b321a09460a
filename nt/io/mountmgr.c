/* SPDX-License-Identifier: MIT */
/*
 * nt/io/mountmgr.c - \Device\MountPointManager: it can be opened, and says of what it is asked that it has none.
 *
 * Wine's DLLs ask it for more than volumes: for the host's key ring (CredWrite does before it keeps a credential in the
 * registry) and the host's folders.  There is nothing of the host's to hand out: STATUS_NOT_SUPPORTED, and they go on without.
 */
#include "nt/io/irp.h"
#include "nt/io/name.h"

static NTSTATUS mountmgr_ioctl(struct io_request *r)
{
	(void)r;
	return STATUS_NOT_SUPPORTED;
}

extern const struct io_ops io_mountmgr_ops;
const struct io_ops io_mountmgr_ops = {
	.name = "mountmgr",
	.device = FILE_DEVICE_NETWORK,
	.ioctl = mountmgr_ioctl,
};
