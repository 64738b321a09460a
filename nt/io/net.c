/* SPDX-License-Identifier: MIT */
/* nt/io/net.c - \Device\Afd, below ws2_32.dll, and the opens of \Device\Nsi (io/nsi.c), of a sandbox without a network.

   \Device\Afd opens, since programs look whether it is there before they need a socket: what polls sockets opens a name below it first, and
   event loops make one socket at their start and live without it if its address family is not there.  So that is what making a socket
   says, of any family: as a Linux program is told in a sandbox.  All else is not for an object that is no socket. */
#include "nt/io/irp.h"
#include "nt/io/name.h"

#define IOCTL_AFD_WINE_CREATE 0x120320u /* how Wine 8's ws2_32.dll makes an opened file a socket */
#define WSAEAFNOSUPPORT       10047u
#define WINSOCK_STATUS(error) (0xc0010000u | (error)) /* ws2_32.dll takes the error out again */

static NTSTATUS afd_ioctl(struct io_request *r)
{
	return r->code == IOCTL_AFD_WINE_CREATE ? WINSOCK_STATUS(WSAEAFNOSUPPORT) : STATUS_INVALID_DEVICE_REQUEST;
}

NTSTATUS net_open(const struct io_name *n, struct io_open *o, struct io_file **out)
{
	*out = io_file_new(n->where == IO_AT_NSI ? IO_NSI : IO_AFD, o->access, o->share, o->options);
	o->information = FILE_OPENED;
	return *out != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

const struct io_ops io_afd_ops = { .name = "afd", .device = FILE_DEVICE_NETWORK, .ioctl = afd_ioctl };
