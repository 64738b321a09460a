/* SPDX-License-Identifier: MIT */
/* rt/str.c - strings that end in NUL, and numbers in them. */
#include "rt/mem.h"

#ifdef RT_HOSTED
#define NAME(x) rt_##x
#else
#define NAME(x) x
#endif

typedef uint64_t aliasing_word __attribute__((may_alias));

size_t NAME(strlen)(const char *s)
{
	const char *p = s;

#ifndef RT_HOSTED /* the words reach beyond the text, though never into another page: sanitizers object */
	const uint64_t ones = 0x0101010101010101ull;

	for (; (uint64_t)p & 7; p++)
		if (!*p)
			return (size_t)(p - s);
	for (;; p += 8) {
		uint64_t v = *(const aliasing_word *)p, zero = (v - ones) & ~v & ones << 7;

		if (zero)
			return (size_t)(p - s) + (size_t)(__builtin_ctzll(zero) >> 3);
	}
#endif
	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t NAME(strnlen)(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int NAME(strcmp)(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int NAME(strncmp)(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	}
	return 0;
}

char *NAME(strchr)(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *NAME(strrchr)(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)(uintptr_t)found;
	}
}

size_t str_copy(char *dst, const char *src, size_t size)
{
	size_t n = 0;

	if (size == 0)
		return 0;
	while (n + 1 < size && src[n]) {
		dst[n] = src[n];
		n++;
	}
	dst[n] = 0;
	return n;
}

bool str_starts(const char *s, const char *prefix)
{
	while (*prefix) {
		if (*s++ != *prefix++)
			return false;
	}
	return true;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 99;
}

bool str_u64(const char *s, int base, uint64_t *out)
{
	uint64_t v = 0;

	if (base == 0 || base == 16) {
		if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
			s += 2;
			base = 16;
		} else if (base == 0) {
			base = s[0] == '0' ? 8 : 10;
		}
	}
	if (!*s)
		return false;
	for (; *s; s++) {
		int d = digit_value(*s);

		if (d >= base || MUL_OVERFLOW(v, (uint64_t)base, &v) || ADD_OVERFLOW(v, (uint64_t)d, &v))
			return false;
	}
	*out = v;
	return true;
}
