/* SPDX-License-Identifier: MIT */
/* tests/unit/nt_rtl_test.c - upper case, and UTF-8 to UTF-16 and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/rtl/unicode.h"
#include "nt/rtl/upcase.h"
#include "pico/arena.h"
#include "tests/unit/t.h"

void *heap_alloc_dirty(size_t size)
{
	return malloc(size);
}

static void upcase(void)
{
	T_CASE("upper case");
	T_EQ(rtl_upcase('a'), 'A');
	T_EQ(rtl_upcase('['), '[');
	T_EQ(rtl_upcase(0xe4), 0xc4);
	T_EQ(rtl_upcase(0xf7), 0xf7);
	T_EQ(rtl_upcase(0xdf), 0xdf);
	T_EQ(rtl_upcase(0x131), 0x131);
	T_EQ(rtl_upcase(0x451), 0x401);
	T_EQ(rtl_upcase(0xd800), 0xd800);
	for (unsigned c = 0; c < 0x10000; c++) /* upper case is its own */
		if (rtl_upcase(rtl_upcase((WCHAR)c)) != rtl_upcase((WCHAR)c))
			T_EQ(c, -1);
}

/* The table of the file: two steps of 8 and 4 bits, each entry a distance. */
static void as_file(void)
{
	FILE *f = fopen("/usr/share/wine/nls/l_intl.nls", "rb");
	static uint16_t w[65536];
	size_t n;

	if (f == NULL)
		return;
	T_CASE("upper case as in l_intl.nls");
	n = fread(w, 2, 65536, f);
	fclose(f);
	T_OK(n > 0x1000 / 2 && w[1] < n);
	for (unsigned c = 0; c < 0x10000; c++) {
		const uint16_t *t = w + 2;
		unsigned at = t[t[t[c >> 8] + (c >> 4 & 15)] + (c & 15)];

		if (rtl_upcase((WCHAR)c) != (WCHAR)(c + at))
			T_EQ(c, -1);
	}
}

static void compare(void)
{
	T_CASE("comparing names");
	T_EQ(rtl_compare(u"abc", 6, u"ABC", 6, true), 0);
	T_OK(rtl_compare(u"abc", 6, u"ABC", 6, false) > 0);
	T_OK(rtl_compare(u"ab", 4, u"ABC", 6, true) < 0);
	T_OK(rtl_compare(u"b", 2, u"ABC", 6, true) > 0);
	T_EQ(rtl_hash(u"Software", 16), rtl_hash(u"SOFTWARE", 16));
	T_OK(rtl_equal_ascii(u"Software", 16, "software"));
	T_OK(!rtl_equal_ascii(u"Softwar", 14, "software"));
	T_OK(!rtl_equal_ascii(u"Software1", 18, "software"));
}

static void there_and_back(void)
{
	WCHAR w[8], back[8];
	char b[32];

	T_CASE("each character there and back");
	for (uint32_t c = 0; c < 0x110000; c++) {
		uint32_t n = c < 0x10000 ? 2 : 4;

		w[0] = (WCHAR)(n == 2 ? c : 0xd800 + ((c - 0x10000) >> 10));
		w[1] = (WCHAR)(0xdc00 + (c & 0x3ff));
		uint32_t bytes = rtl_utf16_to_utf8(b, sizeof b, w, n);
		if (bytes > 4 || rtl_utf8_to_utf16(back, sizeof back, b, bytes) != n || memcmp(w, back, n) != 0)
			T_EQ(c, -1);
	}
}

static void edges(void)
{
	WCHAR w[8] = { 0 };
	char b[8] = "";

	T_CASE("bad bytes and little room");
	T_EQ(rtl_utf8_to_utf16(w, sizeof w, "a\xff" "b", 3), 6);
	T_OK(w[0] == 'a' && w[1] == 0xfffd && w[2] == 'b');
	T_EQ(rtl_utf8_to_utf16(w, sizeof w, "\xc0\x80", 2), 4); /* overlong */
	T_EQ(rtl_utf8_to_utf16(w, sizeof w, "\xe2\x82", 2), 4); /* cut */
	w[1] = 7;
	T_EQ(rtl_utf8_to_utf16(w, 2, "\xf0\x9f\x98\x80x", 5), 6);
	T_EQ(w[1], 7);
	T_EQ(rtl_utf8_to_utf16(NULL, 0, "abc", 3), 6);
	b[2] = 'z';
	T_EQ(rtl_utf16_to_utf8(b, 2, u"a\x20ac" u"b", 6), 5);
	T_OK(b[0] == 'a' && b[1] == 0 && b[2] == 'z');
	uint32_t n;
	WCHAR *p = rtl_utf16_of("x\xc3\xa4", 3, &n);
	T_OK(p != NULL && n == 4 && p[1] == 0xe4 && p[2] == 0);
	free(p);
}

int main(void)
{
	upcase();
	as_file();
	compare();
	there_and_back();
	edges();
	return T_DONE();
}
