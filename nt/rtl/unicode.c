/* SPDX-License-Identifier: MIT */
/*
 * nt/rtl/unicode.c - UTF-8 and UTF-16.
 *
 * Windows' names are any sequence of 16-bit units, Linux's any bytes.  What is valid on one side is valid on the
 * other; lone surrogates, which a Windows program may well have in a file name, become WTF-8, so that the
 * program finds its own file again.  Surrogate pairs that WTF-8 text has in two halves are not joined to
 * one character: that text is not what this writes.
 */
#include "nt/rtl/unicode.h"
#include "pico/arena.h"

#define REPLACEMENT 0xfffdu

/* One character of at most left > 0 bytes: its length, or 1 and U+FFFD. */
static unsigned decode(const unsigned char *p, uint32_t left, uint32_t *c)
{
	unsigned n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	*c = REPLACEMENT;
	if (n == 0 || n > left)
		return 1;
	uint32_t value = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && value < 0x800) || (n == 4 && (value < 0x10000 || value > 0x10ffff)))
		return 1;
	*c = value;
	return n;
}

uint32_t rtl_utf8_to_utf16(WCHAR *to, uint32_t room, const char *from, uint32_t size)
{
	const unsigned char *p = (const unsigned char *)from;
	uint32_t at = 0, units = room / (uint32_t)sizeof(WCHAR);

	for (uint32_t i = 0, c; i < size;) {
		i += decode(p + i, size - i, &c);
		if (c < 0x10000) {
			if (at < units)
				to[at] = (WCHAR)c;
			at++;
			continue;
		}
		if (at + 1 < units) {
			to[at] = (WCHAR)(0xd800 + ((c - 0x10000) >> 10));
			to[at + 1] = (WCHAR)(0xdc00 + ((c - 0x10000) & 0x3ff));
		} else {
			units = MIN(units, at); /* nothing behind a hole */
		}
		at += 2;
	}
	return at * (uint32_t)sizeof(WCHAR);
}

static unsigned encode(unsigned char *b, uint32_t c)
{
	if (c < 0x80) {
		b[0] = (unsigned char)c;
		return 1;
	}
	unsigned n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (unsigned i = n - 1; i > 0; i--, c >>= 6)
		b[i] = (unsigned char)(0x80 | (c & 0x3f));
	b[0] = (unsigned char)(0xf00u >> n | c);
	return n;
}

uint32_t rtl_utf16_to_utf8(char *to, uint32_t room, const WCHAR *from, uint32_t size)
{
	uint32_t at = 0, count = size / (uint32_t)sizeof(WCHAR);

	for (uint32_t i = 0; i < count; i++) {
		unsigned char b[4];
		uint32_t c = from[i];

		if (c >= 0xd800 && c < 0xdc00 && i + 1 < count && from[i + 1] >= 0xdc00 && from[i + 1] < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (from[++i] - 0xdc00u);
		unsigned n = encode(b, c);
		if (at + n > room)
			room = MIN(room, at);
		else
			for (unsigned k = 0; k < n; k++)
				to[at + k] = (char)b[k];
		at += n;
	}
	return at;
}

WCHAR *rtl_utf16_of(const char *from, uint32_t size, uint32_t *result)
{
	uint32_t bytes = rtl_utf8_to_utf16(NULL, 0, from, size);
	WCHAR *to = heap_alloc_dirty(bytes + sizeof(WCHAR));

	if (to == NULL)
		return NULL;
	*result = rtl_utf8_to_utf16(to, bytes, from, size);
	to[bytes / sizeof(WCHAR)] = 0;
	return to;
}

char *rtl_utf8_of(const WCHAR *from, uint32_t size, uint32_t *result)
{
	uint32_t bytes = rtl_utf16_to_utf8(NULL, 0, from, size);
	char *to = heap_alloc_dirty(bytes + 1);

	if (to == NULL)
		return NULL;
	*result = rtl_utf16_to_utf8(to, bytes, from, size);
	to[bytes] = 0;
	return to;
}
