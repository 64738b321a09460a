/* SPDX-License-Identifier: MIT */
/*
 * rt/fmt.h - formatted text without libc: %d %i %u %x %X %o %c %s %p %%, with
 * flags - 0 space + #, width, precision and * for both, sizes hh h l ll z.  No
 * floating point.
 */
#ifndef RT_FMT_H
#define RT_FMT_H

#include <stdarg.h>
#include "rt/base.h"

/* As C's: returns the length the whole text would have; writes at most size bytes, NUL included. */
int fmt_vsnprintf(char *buf, size_t size, const char *format, va_list ap);
int fmt_snprintf(char *buf, size_t size, const char *format, ...) PRINTF(3, 4);
#endif
