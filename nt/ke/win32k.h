/* SPDX-License-Identifier: MIT */
/* nt/ke/win32k.h - what win32u.dll's system calls get, which have no kernel behind them here. */
#ifndef NT_KE_WIN32K_H
#define NT_KE_WIN32K_H

#include "nt/nt.h"

#define NT_ID_WIN32K 0x1000u

/* win32u.dll has been loaded at base. */
void nt_win32k_loaded(uint64_t base);
/* The call id with its first five arguments: what goes into rax. */
uint64_t nt_win32k(struct nt_thread *t, uint32_t id, const uint64_t *args);
#endif
