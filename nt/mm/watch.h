/* SPDX-License-Identifier: MIT */
/* nt/mm/watch.h - pages that were written: NtGetWriteWatch. */
#ifndef NT_MM_WATCH_H
#define NT_MM_WATCH_H

#include "nt/mm/mm.h"

/* STATUS_INVALID_PARAMETER: not all of it is one watched allocation. */
NTSTATUS nt_mm_reset_watch(struct nt_mm *mm, uint64_t base, uint64_t size);
/* Addresses of the first `room` written pages of [*base, top); *base moves behind what was looked at.  reset: those count as
   not written from now on. */
NTSTATUS nt_mm_written(struct nt_mm *mm, uint64_t *base, uint64_t top, bool reset, uint64_t *out, uint64_t room, uint64_t *count);
#endif
