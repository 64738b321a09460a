/* SPDX-License-Identifier: MIT */
/* nt/os/wait.h - blocking calls of the kernel below that were interrupted. */
#ifndef NT_OS_WAIT_H
#define NT_OS_WAIT_H

#include "abi/dk_types.h"
#include "rt/base.h"

/* A wait of the calling thread ended with STATUS_KERNEL_APC or DK_INTERRUPTED.  True: what that was about is settled, make it again;
   false: the thread ends, give up. */
bool os_interrupted(void);
/* pico_wait.  A process's first sleep of half a second takes what only its start needed out of its memory. */
enum dk_status os_sleep(uint64_t deadline);
#endif
