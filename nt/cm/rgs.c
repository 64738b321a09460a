/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/rgs.c - registrar scripts: what DLLs of Wine say they have to be registered with.
 *
 * The language is ATL's, from Microsoft's documentation: a root's name and below it, in braces, keys ("NoRemove" and "ForceRemove" are
 * about taking it away again and mean nothing here), each with a default value and braces of its own, and "val" for named values.
 * Words end at blanks unless they stand in '...', where '' is one quote.
 */
#include "nt/cm/seed.h"
#include "nt/rtl/unicode.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define WORD_MAX  4096u /* bytes of a word; longer ones end the script */
#define DEPTH_MAX 32u

struct rgs {
	const char *p, *end;
	const char *module;
	int64_t now;
	struct cm_key *at[DEPTH_MAX];
	uint32_t depth;
	bool no_memory;
	char word[WORD_MAX];
	bool quoted;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word in r->word; false: the end, or a word that is too long. */
static bool next(struct rgs *r)
{
	uint32_t n = 0;

	while (r->p < r->end && blank(*r->p))
		r->p++;
	if (r->p == r->end)
		return false;
	r->quoted = *r->p == '\'';
	if (r->quoted) {
		for (r->p++; r->p < r->end && n < WORD_MAX - 1; r->word[n++] = *r->p++) {
			if (*r->p != '\'')
				continue;
			if (r->p + 1 == r->end || r->p[1] != '\'')
				break;
			r->p++;
		}
		if (r->p == r->end || *r->p != '\'')
			return false;
		r->p++;
	} else {
		while (r->p < r->end && !blank(*r->p) && n < WORD_MAX - 1)
			r->word[n++] = *r->p++;
	}
	r->word[n] = '\0';
	return n < WORD_MAX - 1;
}

static bool is(const struct rgs *r, const char *word)
{
	return !r->quoted && strcmp(r->word, word) == 0;
}

static bool next_is(struct rgs *r, const char *word)
{
	const char *p = r->p;
	bool found = next(r) && is(r, word);

	if (!found)
		r->p = p;
	return found;
}

/* %MODULE% in a text becomes the module; in place of r->word. */
static void replace(struct rgs *r)
{
	static const char what[] = "%MODULE%";
	uint32_t n = (uint32_t)strlen(r->word), k = (uint32_t)strlen(r->module);

	for (uint32_t i = 0; i + sizeof what - 1 <= n; i++) {
		if (memcmp(r->word + i, what, sizeof what - 1) != 0 || n + k >= WORD_MAX)
			continue;
		memmove(r->word + i + k, r->word + i + sizeof what - 1, n - i - (sizeof what - 1) + 1);
		memcpy(r->word + i, r->module, k);
		return;
	}
}

static uint32_t digit(char c)
{
	return c >= '0' && c <= '9' ? (uint32_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10 :
		c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10 : 16;
}

static uint32_t number(const char *p)
{
	uint32_t base = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? 16 : 10, value = 0;

	for (p += base == 16 ? 2 : 0; digit(*p) < base; p++)
		value = value * base + digit(*p);
	return value;
}

/* r->word as bytes, two digits each. */
static uint32_t bytes(struct rgs *r)
{
	uint32_t n = 0;

	while (digit(r->word[2 * n]) < 16 && digit(r->word[2 * n + 1]) < 16) {
		r->word[n] = (char)(digit(r->word[2 * n]) << 4 | digit(r->word[2 * n + 1]));
		n++;
	}
	return n;
}

static bool put_text(struct rgs *r, struct cm_key *k, const char *name, uint32_t type)
{
	uint32_t size;
	WCHAR *text;
	bool ok;

	replace(r);
	text = rtl_utf16_of(r->word, (uint32_t)strlen(r->word), &size);
	ok = text != NULL && seed_value(k, name, type, text, size + (uint32_t)sizeof(WCHAR));
	heap_free(text);
	return ok;
}

/* "= type value" has come as far as the sign. */
static bool assign(struct rgs *r, struct cm_key *k, const char *name)
{
	uint32_t value;
	char type;

	if (!next(r))
		return false;
	type = r->word[0];
	if (!next(r))
		return false;
	switch (type) {
	case 's':
		return put_text(r, k, name, REG_SZ);
	case 'e':
		return put_text(r, k, name, REG_EXPAND_SZ);
	case 'd':
		value = number(r->word);
		return seed_value(k, name, REG_DWORD, &value, sizeof value);
	case 'b':
		value = bytes(r);
		return seed_value(k, name, REG_BINARY, r->word, value);
	default:
		return false;
	}
}

/* The name of a key or value, of those that have room in a key. */
static bool name_of(const struct rgs *r, char *name, uint32_t room)
{
	return str_copy(name, r->word, room) < room && strlen(r->word) < SEED_TEXT_MAX / 2 - 2;
}

static bool value_line(struct rgs *r)
{
	char name[SEED_TEXT_MAX / 2];

	return next(r) && name_of(r, name, sizeof name) && next_is(r, "=") && assign(r, r->at[r->depth], name);
}

static bool key_line(struct rgs *r)
{
	char name[SEED_TEXT_MAX / 2];
	struct cm_key *k;

	if (!name_of(r, name, sizeof name))
		return false;
	k = seed_key(r->at[r->depth], name, r->now);
	r->no_memory |= k == NULL;
	if (k == NULL || (next_is(r, "=") && !assign(r, k, "")))
		return false;
	if (!next_is(r, "{"))
		return true;
	if (r->depth + 1 == DEPTH_MAX)
		return false;
	r->at[++r->depth] = k;
	return true;
}

static const char *root_path(const char *name)
{
	static const char *const roots[][2] = { { "HKCR", "MACHINE\\SOFTWARE\\Classes" }, { "HKEY_CLASSES_ROOT", "MACHINE\\SOFTWARE\\Classes" },
		{ "HKLM", "MACHINE" }, { "HKEY_LOCAL_MACHINE", "MACHINE" }, { "HKCU", "USER\\S-1-5-21-0-0-0-1000" },
		{ "HKEY_CURRENT_USER", "USER\\S-1-5-21-0-0-0-1000" }, { "HKU", "USER" }, { "HKEY_USERS", "USER" } };

	for (unsigned i = 0; i < ARRAY_LEN(roots); i++)
		if (strcmp(name, roots[i][0]) == 0)
			return roots[i][1];
	return NULL;
}

/* One root and what stands in its braces. */
static bool block(struct rgs *r, struct cm_key *root)
{
	const char *path = next(r) ? root_path(r->word) : NULL;

	if (path == NULL || !next_is(r, "{"))
		return false;
	r->depth = 0;
	r->at[0] = seed_key(root, path, r->now);
	r->no_memory |= r->at[0] == NULL;
	while (r->at[0] != NULL && next(r)) {
		if (is(r, "}")) {
			if (r->depth-- == 0)
				return true;
		} else if (is(r, "val")) {
			if (!value_line(r))
				return false;
		} else if (is(r, "Delete")) {
			if (!next(r))
				return false;
		} else if (!is(r, "NoRemove") && !is(r, "ForceRemove") && !key_line(r)) {
			return false;
		}
	}
	return false;
}

bool rgs_run(struct cm_key *root, const char *text, uint32_t size, const char *module, int64_t now)
{
	struct rgs *r = heap_alloc(sizeof *r);
	bool ok;

	if (r == NULL)
		return false;
	r->p = text;
	r->end = text + size;
	r->module = module;
	r->now = now;
	while (block(r, root))
		;
	ok = !r->no_memory;
	heap_free(r);
	return ok;
}
