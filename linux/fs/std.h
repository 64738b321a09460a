/* SPDX-License-Identifier: MIT */
/* linux/fs/std.h - between std.c, std_tty.c and dev.c. */
#ifndef LINUX_FS_STD_H
#define LINUX_FS_STD_H

#include "linux/fs/tty.h"

/* f->priv of a FILE_STD. */
enum std_priv {
	STD_WHICH,  /* 0 stdin, 1 stdout, 2 stderr, 3 the terminal by name */
	STD_TYPE,   /* enum dk_file_type */
	STD_RIGHTS  /* DK_READ | DK_WRITE that the host's descriptor has */
};

dk_handle std_stream(struct file *f); /* 0: not possible */
bool std_is_tty(const struct file *f);
long std_tty_ioctl(struct lx_thread *t, struct file *f, uint32_t cmd, uint64_t arg);

#endif
