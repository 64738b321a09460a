/* SPDX-License-Identifier: MIT */
/* nt/ke/trace.h - `bailey run --trace nt`: each call with its arguments and its status. */
#ifndef NT_KE_TRACE_H
#define NT_KE_TRACE_H

#include "nt/nt.h"

extern bool nt_tracing; /* of this picoprocess */
void nt_trace_init(void); /* by the boot block's list */
/* nr may be no call at all.  What the arguments lead to is shown as it is before (names) and after (handles) the call. */
void nt_trace_enter(struct nt_thread *t, uint32_t nr, const uint64_t *args);
void nt_trace_leave(struct nt_thread *t, uint32_t nr, const uint64_t *args, NTSTATUS status);
void nt_trace_missing(const char *call);
const char *nt_status_name(NTSTATUS status); /* "OBJECT_NAME_NOT_FOUND", or NULL */
#endif
