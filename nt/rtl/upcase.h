/* SPDX-License-Identifier: MIT */
/* nt/rtl/upcase.h - names without regard to case, by Windows' rule. */
#ifndef NT_RTL_UPCASE_H
#define NT_RTL_UPCASE_H

#include "nt/types.h"

WCHAR rtl_upcase_far(WCHAR c); /* the same for c >= 0x80 */
/* Upper case of one UTF-16 unit; what has none, and surrogates, stay. */
static inline WCHAR rtl_upcase(WCHAR c)
{
	if (LIKELY(c < 0x80))
		return c >= 'a' && c <= 'z' ? (WCHAR)(c - 0x20) : c;
	return rtl_upcase_far(c);
}
/* < 0, 0, > 0 by units (of upper case); sizes in bytes.  The shorter of two that begin alike comes first. */
int rtl_compare(const WCHAR *a, uint32_t asize, const WCHAR *b, uint32_t bsize, bool ignore_case);
static inline bool rtl_equal(const WCHAR *a, uint32_t asize, const WCHAR *b, uint32_t bsize, bool ignore_case)
{
	return asize == bsize && rtl_compare(a, asize, b, bsize, ignore_case) == 0;
}
/* A hash that does not tell cases apart. */
uint32_t rtl_hash(const WCHAR *a, uint32_t size);
/* Is it this ASCII text, without regard to case? */
bool rtl_equal_ascii(const WCHAR *a, uint32_t size, const char *text);
#endif
