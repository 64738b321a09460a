/* SPDX-License-Identifier: MIT */
/*
 * nt/io/match.c - masks of file names, by the rules of the documented FsRtlIsNameInExpression:
 * * any text; ? one character; < any text up to and with the last dot or all; > one character, or none at a dot or the
 * end; " a dot, or nothing at the end.
 *
 * Non-deterministic matching, without recursion: the set of places in the mask that may be next is a bitmap.
 */
#include "nt/io/match.h"
#include "nt/rtl/upcase.h"
#include "rt/mem.h"

#define MASK_MAX 255u
#define WORDS    ((MASK_MAX + 64u) / 64u)

struct places {
	uint64_t bit[WORDS];
};

static bool has(const struct places *p, uint32_t i)
{
	return p->bit[i / 64] >> i % 64 & 1;
}

static void put(struct places *p, uint32_t i)
{
	p->bit[i / 64] |= 1ull << i % 64;
}

bool io_mask_is_wild(const WCHAR *mask, uint32_t size)
{
	for (uint32_t i = 0; i < size / 2; i++)
		if (mask[i] == '*' || mask[i] == '?' || mask[i] == '<' || mask[i] == '>' || mask[i] == '"')
			return true;
	return false;
}

/* Adds what may be skipped before the next character (end: there is none any more; dot: it is a dot). */
static void spread(struct places *p, const WCHAR *mask, uint32_t n, bool end, bool dot)
{
	for (uint32_t i = 0; i < n; i++) {
		WCHAR m = mask[i];

		if (has(p, i) && (m == '*' || m == '<' || (m == '>' && (end || dot)) || (m == '"' && end)))
			put(p, i + 1);
	}
}

static bool last_dot(const WCHAR *name, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (name[i] == '.')
			return false;
	return true;
}

/* The places after c, which name[0] is, n characters being left with it. */
static void step(struct places *p, const WCHAR *mask, uint32_t nmask, const WCHAR *name, uint32_t n)
{
	struct places next;
	WCHAR c = rtl_upcase(name[0]);

	memset(&next, 0, sizeof next);
	for (uint32_t i = 0; i < nmask; i++) {
		WCHAR m = mask[i];

		if (!has(p, i))
			continue;
		if (m == '*')
			put(&next, i);
		else if (m == '<') { /* stays, but for the last dot, after which it may be over as well */
			if (c != '.' || !last_dot(name, n))
				put(&next, i);
			else
				put(&next, i), put(&next, i + 1);
		} else if (m == '?' || (m == '>' && c != '.') || (m == '"' && c == '.') || rtl_upcase(m) == c)
			put(&next, i + 1);
	}
	*p = next;
}

bool io_name_matches(const WCHAR *mask, uint32_t mask_size, const WCHAR *name, uint32_t size)
{
	uint32_t nmask = mask_size / 2, n = size / 2;
	struct places p;

	if (nmask > MASK_MAX)
		return false;
	if (nmask == 1 && mask[0] == '*')
		return true;
	memset(&p, 0, sizeof p);
	put(&p, 0);
	for (uint32_t i = 0; i < n; i++) {
		spread(&p, mask, nmask, false, name[i] == '.');
		step(&p, mask, nmask, name + i, n - i);
	}
	spread(&p, mask, nmask, true, false);
	return has(&p, nmask);
}
