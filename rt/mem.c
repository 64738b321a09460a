/* SPDX-License-Identifier: MIT */
/*
 * rt/mem.c - copying, filling and comparing bytes without vector registers.
 *
 * Short pieces go by words, the last of which overlaps, long ones by `rep movsb`, which on today's
 * CPUs is as fast as vector code from a few hundred bytes on.
 */
#include "rt/mem.h"

#ifdef RT_HOSTED
#define NAME(x) rt_##x
#else
#define NAME(x) x
#endif

/* Words at any address. */
struct word_uint64_t {
	uint64_t v;
} __attribute__((packed, may_alias));
struct word_uint32_t {
	uint32_t v;
} __attribute__((packed, may_alias));
#define WORD(p, type)  (((struct word_##type *)(p))->v)
#define CWORD(p, type) (((const struct word_##type *)(p))->v)

static void copy_short(char *d, const char *s, size_t n)
{
	if (n >= 8) {
		uint64_t a = CWORD(s, uint64_t), b = CWORD(s + n - 8, uint64_t);

		WORD(d, uint64_t) = a;
		WORD(d + n - 8, uint64_t) = b;
	} else if (n >= 4) {
		uint32_t a = CWORD(s, uint32_t), b = CWORD(s + n - 4, uint32_t);

		WORD(d, uint32_t) = a;
		WORD(d + n - 4, uint32_t) = b;
	} else if (n > 0) {
		char a = s[0], b = s[n / 2], c = s[n - 1];

		d[0] = a;
		d[n / 2] = b;
		d[n - 1] = c;
	}
}

#define LONG 384u /* bytes from which on the rep instructions, which take 7 ns to start, are better */

/* n is 8 at least. */
static void copy_words(char *d, const char *s, size_t n)
{
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		uint64_t a = CWORD(s + i, uint64_t), b = CWORD(s + i + 8, uint64_t), c = CWORD(s + i + 16, uint64_t), e = CWORD(s + i + 24, uint64_t);

		WORD(d + i, uint64_t) = a;
		WORD(d + i + 8, uint64_t) = b;
		WORD(d + i + 16, uint64_t) = c;
		WORD(d + i + 24, uint64_t) = e;
	}
	for (; i + 8 < n; i += 8)
		WORD(d + i, uint64_t) = CWORD(s + i, uint64_t);
	WORD(d + n - 8, uint64_t) = CWORD(s + n - 8, uint64_t);
}

void *NAME(memcpy)(void *restrict dst, const void *restrict src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if (n <= 16) {
		copy_short(d, s, n);
		return dst;
	}
	if (n <= LONG) {
		copy_words(d, s, n);
		return dst;
	}
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	return dst;
}

/* Downwards in words, for when the places overlap with dst above src. */
static void copy_down(char *d, const char *s, size_t n)
{
	while (n >= 8) {
		n -= 8;
		WORD(d + n, uint64_t) = CWORD(s + n, uint64_t);
	}
	while (n > 0) {
		n--;
		d[n] = s[n];
	}
}

void *NAME(memmove)(void *dst, const void *src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if (n <= 16) {
		copy_short(d, s, n);
	} else if ((uintptr_t)d - (uintptr_t)s >= n) {
		/* dst is below src or clear of it: upwards is right, byte-wise as rep movsb promises. */
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	} else {
		copy_down(d, s, n);
	}
	return dst;
}

static void set_words(char *d, uint64_t v, size_t n)
{
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		WORD(d + i, uint64_t) = v;
		WORD(d + i + 8, uint64_t) = v;
		WORD(d + i + 16, uint64_t) = v;
		WORD(d + i + 24, uint64_t) = v;
	}
	for (; i + 8 <= n; i += 8)
		WORD(d + i, uint64_t) = v;
	for (; i < n; i++)
		d[i] = (char)v;
}

void *NAME(memset)(void *dst, int c, size_t n)
{
	char *d = dst;

	if (n <= LONG) {
		set_words(d, (uint8_t)c * 0x0101010101010101ull, n);
		return dst;
	}
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

int NAME(memcmp)(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	while (n >= 8 && CWORD(x, uint64_t) == CWORD(y, uint64_t)) {
		x += 8;
		y += 8;
		n -= 8;
	}
	for (; n > 0; n--, x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

void *NAME(memchr)(const void *p, int c, size_t n)
{
	const unsigned char *s = p;

	for (; n > 0; n--, s++) {
		if (*s == (unsigned char)c)
			return (void *)(uintptr_t)s;
	}
	return NULL;
}
