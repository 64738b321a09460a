/* SPDX-License-Identifier: MIT */
/*
 * nt/rtl/shortname.c - 8.3 names, made of long ones the way that Windows makes them where a folder has many alike: two characters of the
 * name, four hexadecimal digits of a sum of all of it, ~1.  Nothing is kept: who is asked for one works it out of the names there are.
 */
#include "nt/rtl/shortname.h"
#include "nt/rtl/upcase.h"

static bool is_plain(WCHAR c)
{
	static const char odd[] = "!#$%&'()-@^_`{}~";

	if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	for (const char *p = odd; *p != '\0'; p++)
		if (c == (WCHAR)*p)
			return true;
	return false;
}

/* Plain characters of [from, from + n), at most max of them, upper case. */
static uint32_t plain_of(WCHAR *to, const WCHAR *from, uint32_t n, uint32_t max)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n && count < max; i++)
		if (is_plain(rtl_upcase(from[i])))
			to[count++] = rtl_upcase(from[i]);
	return count;
}

/* Where the extension's dot is; n: there is none. */
static uint32_t dot_of(const WCHAR *name, uint32_t n)
{
	for (uint32_t i = n; i-- > 1;)
		if (name[i] == '.')
			return i;
	return n;
}

static bool is_short(const WCHAR *name, uint32_t n)
{
	uint32_t dot = dot_of(name, n);

	if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
		return true;
	if (dot == 0 || dot > 8 || n - dot > 4 || n - dot == 1)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (i != dot && !is_plain(rtl_upcase(name[i])))
			return false;
	return true;
}

uint32_t rtl_short_name(WCHAR to[12], const WCHAR *name, uint32_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	uint32_t n = size / 2, dot = dot_of(name, n), at, extension, sum = rtl_hash(name, size);

	if (n == 0 || is_short(name, n))
		return 0;
	sum ^= sum >> 16;
	at = plain_of(to, name, dot, 2);
	for (int shift = 12; shift >= 0; shift -= 4)
		to[at++] = (WCHAR)digits[sum >> shift & 15];
	to[at++] = '~';
	to[at++] = '1';
	extension = dot < n ? plain_of(to + at + 1, name + dot + 1, n - dot - 1, 3) : 0;
	if (extension != 0) {
		to[at] = '.';
		at += 1 + extension;
	}
	return at * 2;
}
