/* SPDX-License-Identifier: MIT */
/*
 * nt/rtl/unicode.h - UTF-8 of the host and UTF-16 of the guest.
 *
 * Both functions write what has room, whole characters only, and return the bytes that the whole result takes;
 * nothing is written behind it.  room 0: only asks.  Sizes are bytes.
 */
#ifndef NT_RTL_UNICODE_H
#define NT_RTL_UNICODE_H

#include "nt/types.h"

/* A byte that is no UTF-8 becomes U+FFFD.  Lone surrogates as WTF-8 has them come back. */
uint32_t rtl_utf8_to_utf16(WCHAR *to, uint32_t room, const char *from, uint32_t size);
/* Lone surrogates become three bytes each (WTF-8). */
uint32_t rtl_utf16_to_utf8(char *to, uint32_t room, const WCHAR *from, uint32_t size);
/* The same into new heap memory with a 0 behind it; *result its bytes.  NULL: no memory. */
WCHAR *rtl_utf16_of(const char *from, uint32_t size, uint32_t *result) MUST_CHECK;
char *rtl_utf8_of(const WCHAR *from, uint32_t size, uint32_t *result) MUST_CHECK;
#endif
