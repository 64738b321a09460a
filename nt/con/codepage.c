/* SPDX-License-Identifier: MIT */
/*
 * nt/con/codepage.c - bytes of WriteFile and ReadFile as characters: UTF-8, or a code page of one byte a character by its table in
 * Wine's c_*.nls (the layout is Windows': a header of words, the first their number, then 256 characters behind a length).
 */
#include "nt/con/state.h"
#include "nt/os/map.h"
#include "nt/rtl/unicode.h"
#include "rt/fmt.h"
#include "rt/mem.h"

/* The table is in heap memory; NULL: UTF-8 is meant, or all that can be done. */
static WCHAR *table_of(uint32_t cp)
{
	char path[48];
	uint16_t head[3];
	WCHAR *table = NULL;
	struct file *f;

	if (cp == 65001 || cp == 0)
		return NULL;
	(void)fmt_snprintf(path, sizeof path, "/usr/share/wine/nls/c_%03u.nls", cp);
	f = os_open(path);
	if (f == NULL)
		return NULL;
	if (os_pread(f, head, sizeof head, 0) == sizeof head && head[2] == 1)
		table = heap_alloc(256 * sizeof *table);
	if (table != NULL && os_pread(f, table, 512, head[0] * 2 + 2) != 512) {
		heap_free(table);
		table = NULL;
	}
	os_close(f);
	return table;
}

bool con_code_page_ok(uint32_t cp)
{
	char path[48];
	struct file *f;

	if (cp == 65001)
		return true;
	(void)fmt_snprintf(path, sizeof path, "/usr/share/wine/nls/c_%03u.nls", cp);
	f = os_open(path);
	os_close(f);
	return f != NULL;
}

/* How many of the bytes are whole characters of UTF-8. */
static uint32_t whole(const char *s, uint32_t size)
{
	for (uint32_t back = 1; back <= 3 && back <= size; back++) {
		uint8_t b = (uint8_t)s[size - back];

		if ((b & 0xc0) == 0x80)
			continue;
		if (b >= 0xc0 && back < (b >= 0xf0 ? 4u : b >= 0xe0 ? 3u : 2u))
			return size - back;
		break;
	}
	return size;
}

uint32_t con_to_unicode(uint32_t cp, WCHAR *to, const char *from, uint32_t size, uint32_t *used)
{
	WCHAR *table = table_of(cp);
	uint32_t n;

	if (table == NULL) {
		*used = whole(from, size);
		return rtl_utf8_to_utf16(to, size * 2, from, *used) / 2;
	}
	for (n = 0; n < size; n++)
		to[n] = (uint8_t)from[n] < 32 ? (WCHAR)from[n] : table[(uint8_t)from[n]];
	heap_free(table);
	*used = size;
	return n;
}

/* to has room for 3 bytes a character. */
uint32_t con_from_unicode(uint32_t cp, char *to, const WCHAR *from, uint32_t count)
{
	WCHAR *table = table_of(cp);
	uint32_t n;

	if (table == NULL)
		return rtl_utf16_to_utf8(to, count * 3, from, count * 2);
	for (n = 0; n < count; n++) {
		uint32_t b = 0;

		while (b < 256 && table[b] != from[n])
			b++;
		to[n] = b < 256 ? (char)b : '?';
	}
	heap_free(table);
	return n;
}
