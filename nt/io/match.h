/* SPDX-License-Identifier: MIT */
/* nt/io/match.h - masks of file names: *, ? and the three that Win32 makes of them (<, > and "). */
#ifndef NT_IO_MATCH_H
#define NT_IO_MATCH_H

#include "nt/types.h"

bool io_mask_is_wild(const WCHAR *mask, uint32_t size);
/* Without regard to case; sizes in bytes. */
bool io_name_matches(const WCHAR *mask, uint32_t mask_size, const WCHAR *name, uint32_t size);
#endif
