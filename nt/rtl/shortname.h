/* SPDX-License-Identifier: MIT */
/* nt/rtl/shortname.h - 8.3 names. */
#ifndef NT_RTL_SHORTNAME_H
#define NT_RTL_SHORTNAME_H

#include "nt/types.h"

/* The short name of a file's: bytes of it.  0: the name itself is one. */
uint32_t rtl_short_name(WCHAR to[12], const WCHAR *name, uint32_t size);
#endif
