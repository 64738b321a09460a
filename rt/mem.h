/* SPDX-License-Identifier: MIT */
/* rt/mem.h - bytes and strings: C's own functions, which the compiler also calls by itself. */
#ifndef RT_MEM_H
#define RT_MEM_H

#include "rt/base.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/* Copies at most size - 1 bytes and ends with NUL; returns the length copied. */
size_t str_copy(char *dst, const char *src, size_t size);
/* True if s starts with prefix. */
bool str_starts(const char *s, const char *prefix);
/* Decimal, 0x hex or 0 octal by base 0; false if it is no number or something follows. */
bool str_u64(const char *s, int base, uint64_t *out);
#endif
