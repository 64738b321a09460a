/* SPDX-License-Identifier: MIT */
/* nt/os/provider.h - the NT provider's routines for pico, and who the caller is. */
#ifndef NT_OS_PROVIDER_H
#define NT_OS_PROVIDER_H

#include "nt/nt.h"

struct nt_thread *nt_thread_of(struct pico_thread *t);
/* From now on this picoprocess is an NT process's. */
void nt_provider_register(void);
void nt_dispatch(struct pico_thread *t, struct dk_context *c); /* nt/ke/dispatch.c */
#endif
