/* SPDX-License-Identifier: MIT */
/* linux/fs/pty.h - between pty.c, pty_ioctl.c and pts.c. */
#ifndef LINUX_FS_PTY_H
#define LINUX_FS_PTY_H

#include "linux/fs/tty.h"

long pty_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg);

#endif
