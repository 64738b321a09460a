/* SPDX-License-Identifier: MIT */
/* linux/fs/window.h - reading host files from mappings; window_dk.c tells how. */
#ifndef LINUX_FS_WINDOW_H
#define LINUX_FS_WINDOW_H

#include "linux/fs/vfs.h"

/*
 * Reads all of v->size bytes at pos of a regular file of the host, size bytes long as far
 * as is known; id tells one file's state from any other's.  The count, or -EAGAIN: ask the host.
 */
long window_read(dk_handle stream, uint64_t id, const struct iov *v, uint64_t pos, uint64_t size);
#endif
