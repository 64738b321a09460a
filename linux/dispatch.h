/* SPDX-License-Identifier: MIT */
/* linux/dispatch.h - the system call table, generated from linux/syscalls.abi. */
#ifndef LINUX_DISPATCH_H
#define LINUX_DISPATCH_H

#include "abi/dk_types.h"

struct lx_thread;

enum lx_arg { LX_ARG_NONE, LX_ARG_FD, LX_ARG_INT, LX_ARG_U32, LX_ARG_OFLAGS, LX_ARG_MODE, LX_ARG_I64, LX_ARG_U64, LX_ARG_SIZE,
	LX_ARG_OFF, LX_ARG_PID, LX_ARG_UID, LX_ARG_SIG, LX_ARG_ADDR, LX_ARG_PATH, LX_ARG_STR, LX_ARG_PTR, LX_ARG_CLOCK };

/* One row.  call is NULL for todo and never: ENOSYS. */
struct lx_call {
	const char *name;
	long (*call)(struct lx_thread *t, const struct dk_context *c); /* with the arguments in c's registers */
	uint8_t nargs;
	uint8_t kinds[6]; /* enum lx_arg, for --trace lx */
};
extern const struct lx_call lx_calls[];
extern const unsigned lx_ncalls;
#endif
