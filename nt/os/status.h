/* SPDX-License-Identifier: MIT */
/* nt/os/status.h - what goes wrong below, as NT says it. */
#ifndef NT_OS_STATUS_H
#define NT_OS_STATUS_H

#include "nt/types.h"

/* From -errno. */
NTSTATUS os_status(long err);
#endif
