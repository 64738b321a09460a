/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/seed.c - what the registry begins with, from the table in seed.def.
 *
 * Making all of it takes 0.15 ms, and a program's start looks at a fifth.  So a key is made with its values when somebody comes by it, and
 * is CM_LAZY_SEED if the table has keys below: those lie in its rows from seed_first to seed_end, their names at seed_at in the paths.
 * It is made once: who deletes or renames a key has its parent's others made before (admin.c).
 *
 * What takes longer and is seldom looked at is made by lazy.c.
 */
#include "nt/cm/seed.h"
#include "nt/ex/wait.h"
#include "nt/os/sysinfo.h"
#include "nt/rtl/unicode.h"
#include "nt/rtl/upcase.h"
#include "rt/fmt.h"
#include "rt/mem.h"

enum seed_kind { SEED_KEY, SEED_LINK, SEED_SZ, SEED_EXPAND, SEED_MULTI, SEED_DWORD, SEED_FLAGS, SEED_MORE };
enum seed_more { SEED_COMPUTER, SEED_HOST, SEED_SORTS };
static const struct seed {
	const char *name, *text;
	uint32_t number, kind;
} seeds[] = {
#define KEY(path)           { path, NULL, 0, SEED_KEY },
#define LINK(path, target)  { path, target, 0, SEED_LINK },
#define SZ(name, text)      { name, text, 0, SEED_SZ },
#define EXPAND(name, text)  { name, text, 0, SEED_EXPAND },
#define MULTI(name, text)   { name, text, 0, SEED_MULTI },
#define DWORD(name, number) { name, NULL, number, SEED_DWORD },
#define FLAGS(flags)        { NULL, NULL, flags, SEED_FLAGS },
#define MORE(what)          { NULL, NULL, what, SEED_MORE },
#define SERVICE(name, display, image, type) \
	KEY("MACHINE\\SYSTEM\\ControlSet001\\Services\\" name) SZ("DisplayName", display) DWORD("ErrorControl", 1) EXPAND("ImagePath", image) \
	SZ("ObjectName", "LocalSystem") DWORD("Start", 3) DWORD("Type", type)
#define SERVICE_DLL(name, dll) KEY("MACHINE\\SYSTEM\\ControlSet001\\Services\\" name "\\Parameters") EXPAND("ServiceDll", "C:\\windows\\system32\\" dll)
#include "nt/cm/seed.def"
}, classes[] = {
#include "nt/cm/classes.def"
};

#define TEXT_MAX SEED_TEXT_MAX

/* text with its 0, which `end` adds another to; size in bytes. */
static uint32_t utf16(WCHAR *to, const char *text)
{
	uint32_t size = text == NULL ? 0 : rtl_utf8_to_utf16(to, TEXT_MAX - 4, text, (uint32_t)strlen(text));

	ASSERT(size <= TEXT_MAX - 4);
	to[size / sizeof(WCHAR)] = to[size / sizeof(WCHAR) + 1] = 0;
	return size;
}

struct cm_key *seed_key(struct cm_key *root, const char *path, int64_t now)
{
	WCHAR name[TEXT_MAX / sizeof(WCHAR)] UNINIT;
	uint32_t size = utf16(name, path);
	struct cm_key *k = root;

	for (const WCHAR *p = name; size != 0;) {
		uint32_t first = cm_first(p, size), step = MIN(first + (uint32_t)sizeof(WCHAR), size);
		struct cm_key *child = cm_child(k, p, first);

		if (child == NULL) {
			child = cm_key_new(p, first);
			if (child == NULL)
				return NULL;
			child->modified = now;
			if (!cm_child_add(k, child)) {
				cm_key_put(child);
				return NULL;
			}
		}
		k = child;
		p += step / sizeof(WCHAR);
		size -= step;
	}
	return k;
}

bool seed_value(struct cm_key *k, const char *name, uint32_t type, const void *data, uint32_t size)
{
	WCHAR n[TEXT_MAX / sizeof(WCHAR)] UNINIT;
	uint32_t name_size = utf16(n, name);
	struct cm_value *v = cm_value_new(n, name_size, type, data, size), *old;

	if (v == NULL)
		return false;
	if (!cm_value_set(k, v, &old))
		old = v;
	cm_value_put(old);
	return old != v;
}

static bool seed_text(struct cm_key *k, const struct seed *s)
{
	static const uint8_t types[] = { [SEED_LINK] = REG_LINK, [SEED_SZ] = REG_SZ, [SEED_EXPAND] = REG_EXPAND_SZ, [SEED_MULTI] = REG_MULTI_SZ };
	WCHAR text[TEXT_MAX / sizeof(WCHAR)] UNINIT;
	uint32_t size = utf16(text, s->text);

	for (uint32_t i = 0; s->kind == SEED_MULTI && i < size / sizeof(WCHAR); i++)
		if (text[i] == '\n')
			text[i] = 0;
	if (s->kind == SEED_LINK)
		return seed_value(k, "SymbolicLinkValue", REG_LINK, text, size);
	return seed_value(k, s->name, types[s->kind], text, size + (uint32_t)sizeof(WCHAR));
}

bool seed_sz(struct cm_key *k, const char *name, const char *text)
{
	return seed_text(k, &(struct seed){ name, text, 0, SEED_SZ });
}

/* Which of the tables in sortdefault.nls a language's words are sorted by; those that are not here, by the first. */
static const struct {
	uint32_t table;
	const char *languages;
} sorts[] = {
	{ 0x02, "haw" }, { 0x03, "fr oc wo" }, { 0x04, "hu" }, { 0x05, "lv" }, { 0x06, "lv-LV_tradnl" }, { 0x07, "pa-Arab sd" },
	{ 0x08, "tk" }, { 0x09, "sah" }, { 0x0a, "mk" }, { 0x0b, "kk" }, { 0x0c, "km" }, { 0x0d, "tzm" }, { 0x0e, "co" },
	{ 0x0f, "br" }, { 0x10, "moh" }, { 0x11, "rm" }, { 0x12, "arn" }, { 0x13, "hsb" }, { 0x14, "mi" }, { 0x15, "ur" },
	{ 0x16, "prs ps" }, { 0x17, "ug" }, { 0x18, "sq" }, { 0x19, "bs hr sr" }, { 0x1a, "fi sv" },
	{ 0x1b, "se-FI se-SE sma smj smn sms" }, { 0x1c, "cs" }, { 0x1d, "pl" }, { 0x1e, "sl" }, { 0x1f, "da kl" },
	{ 0x20, "nb nn no" }, { 0x21, "se sma-NO smj-NO" }, { 0x22, "tr" }, { 0x23, "az" }, { 0x24, "ro" }, { 0x25, "is" },
	{ 0x26, "hu-HU_technl" }, { 0x27, "et" }, { 0x28, "lt" }, { 0x29, "sk" }, { 0x2a, "es-ES_tradnl" }, { 0x2b, "es quc qut" },
	{ 0x2c, "cy" }, { 0x2d, "mt" }, { 0x2e, "lo" }, { 0x2f, "th" }, { 0x30, "vi" }, { 0x31, "as" },
	{ 0x32, "bn gu hi kn kok ml mr or pa sa si ta te" }, { 0x33, "ne" }, { 0x34, "bo" }, { 0x35, "x-IV_mathan" },
	{ 0x36, "ja-JP_radstr" }, { 0x37, "zh-Hant zh-HK zh-MO zh-TW" }, { 0x38, "zh-TW_pronun" },
	{ 0x39, "zh-CN_stroke zh-SG_stroke" }, { 0x3a, "zh" }, { 0x3b, "zh-HK_radstr zh-MO_radstr zh-TW_radstr" }, { 0x3c, "ti" },
	{ 0x3d, "ba" }, { 0x3e, "fy" }, { 0x3f, "de-DE_phoneb" }, { 0x40, "uk" }, { 0x41, "fa" }, { 0x43, "tt" }, { 0x44, "syr" },
	{ 0x45, "dv" }, { 0x46, "ja" }, { 0x47, "ko" }, { 0x48, "ka-GE_modern" }, { 0x4a, "bg ky mn ru tg uz-Cyrl" },
	{ 0x4b, "zh-CN_phoneb zh-SG_phoneb" },
};

static bool seed_sorts(struct cm_key *k)
{
	static const char digits[] = "0123456789abcdef";
	WCHAR id[] = u"{000000xx-57ee-1e5c-00b4-d0000bb1e11e}", name[16];
	struct cm_value *v, *old;
	bool ok = true;

	for (unsigned i = 0; ok && i < ARRAY_LEN(sorts); i++) {
		id[7] = (WCHAR)digits[sorts[i].table >> 4];
		id[8] = (WCHAR)digits[sorts[i].table & 15];
		for (const char *p = sorts[i].languages; ok && *p != '\0'; p += *p == ' ') {
			uint32_t n = 0;

			while (*p != ' ' && *p != '\0' && n < ARRAY_LEN(name))
				name[n++] = (WCHAR)*p++;
			v = cm_value_new(name, n * (uint32_t)sizeof(WCHAR), REG_SZ, id, sizeof id);
			ok = v != NULL && cm_value_set(k, v, &old);
			if (!ok)
				cm_value_put(v);
		}
	}
	return ok;
}

/* The machine's name, in capitals as NetBIOS has it, cut to its 15 characters. */
static bool seed_computer_name(struct cm_key *k)
{
	char host[64];
	unsigned n = 0;

	(void)os_host_name(host, sizeof host);
	for (; n < 15 && host[n] != '\0' && host[n] != '.'; n++)
		host[n] = (char)rtl_upcase((unsigned char)host[n]);
	host[n] = '\0';
	return seed_sz(k, "ComputerName", host);
}

static bool seed_host(struct cm_key *k)
{
	char host[64];

	(void)os_host_name(host, sizeof host);
	return seed_sz(k, "Hostname", host) && seed_sz(k, "NV Hostname", host) && seed_sz(k, "Domain", "");
}

static bool seed_more(struct cm_key *k, uint32_t what)
{
	return what == SEED_COMPUTER ? seed_computer_name(k) : what == SEED_HOST ? seed_host(k) : seed_sorts(k);
}

static bool seed_table(struct cm_key *root, const struct seed *table, unsigned count, int64_t now)
{
	struct cm_key *k = root;

	for (const struct seed *s = table; s < table + count; s++) {
		if (s->kind == SEED_KEY || s->kind == SEED_LINK) {
			k = seed_key(root, s->name, now);
			if (k == NULL)
				return false;
			k->flags |= s->kind == SEED_LINK ? CM_LINK : 0;
		}
		if (s->kind == SEED_DWORD ? !seed_value(k, s->name, REG_DWORD, &s->number, sizeof s->number) :
					    s->kind != SEED_KEY && !seed_text(k, s))
			return false;
	}
	return true;
}

bool seed_classes(struct cm_key *root, int64_t now)
{
	return seed_table(root, classes, ARRAY_LEN(classes), now);
}

/* ---- Key by key ---- */

static bool is_key(const struct seed *s)
{
	return s->kind == SEED_KEY || s->kind == SEED_LINK;
}

/* What a row says of its key, the one whose row it follows. */
static bool take_row(struct cm_key *k, const struct seed *s)
{
	switch (s->kind) {
	case SEED_KEY:
		return true;
	case SEED_LINK:
		k->flags |= CM_LINK;
		return seed_text(k, s);
	case SEED_FLAGS:
		k->flags |= s->number;
		return true;
	case SEED_MORE:
		return seed_more(k, s->number);
	case SEED_DWORD:
		return seed_value(k, s->name, REG_DWORD, &s->number, sizeof s->number);
	default:
		return seed_text(k, s);
	}
}

/* Row i's path from the name of k's child on; NULL: it is none of a key below k. */
static const char *below(const struct cm_key *k, uint32_t i)
{
	if (!is_key(&seeds[i]) || (k->seed_at != 0 && seeds[i].name[k->seed_at - 1] == '\0'))
		return NULL;
	return seeds[i].name + k->seed_at;
}

/* The name that the path begins with; its characters. */
static uint32_t first_name(const char *path, WCHAR *name)
{
	uint32_t n = 0;

	for (; path[n] != '\0' && path[n] != '\\'; n++)
		name[n] = (WCHAR)path[n];
	return n;
}

/* The end of the rows that belong to the child whose first row is `first` and whose name has n characters. */
static uint32_t child_end(const struct cm_key *k, uint32_t first, uint32_t n)
{
	const char *name = below(k, first), *other;
	uint32_t i = first + 1;

	for (; i < k->seed_end; i++) {
		if (!is_key(&seeds[i]))
			continue;
		other = below(k, i);
		if (other == NULL || *other != *name || strncmp(other, name, n) != 0 || (other[n] != '\0' && other[n] != '\\'))
			break;
	}
	return i;
}

static void child_make(struct cm_key *k, const WCHAR *name, uint32_t n, uint32_t first, uint32_t end)
{
	struct cm_key *child = cm_key_new(name, n * (uint32_t)sizeof(WCHAR));
	bool own = false, ok = true;

	if (child == NULL)
		return;
	child->modified = nt_state()->boot_time;
	child->flags = k->parent == NULL ? CM_FIXED : 0;
	child->seed_first = (uint16_t)first;
	child->seed_end = (uint16_t)end;
	child->seed_at = (uint16_t)(k->seed_at + n + 1);
	for (uint32_t i = first; i < end; i++) {
		if (is_key(&seeds[i])) {
			own = seeds[i].name[k->seed_at + n] == '\0';
			child->flags |= own ? 0 : CM_LAZY_SEED;
		}
		ok = ok && (!own || take_row(child, &seeds[i])); /* without memory there is less */
	}
	if (!cm_child_add(k, child))
		cm_key_put(child);
}

void cm_seed_child(struct cm_key *k, const WCHAR *name, uint32_t size)
{
	WCHAR own[CM_NAME_MAX / sizeof(WCHAR)] UNINIT;

	for (uint32_t i = k->seed_first; size != 0 && i < k->seed_end; i++) {
		const char *path = below(k, i);
		uint32_t n = path != NULL && rtl_upcase((unsigned char)*path) == rtl_upcase(*name) ? first_name(path, own) : 0;

		if (n != 0 && rtl_equal(own, n * (uint32_t)sizeof(WCHAR), name, size, true)) {
			child_make(k, own, n, i, child_end(k, i, n));
			return;
		}
	}
}

void cm_seed_below(struct cm_key *k)
{
	WCHAR name[CM_NAME_MAX / sizeof(WCHAR)] UNINIT;
	uint32_t end;

	k->flags &= ~CM_LAZY_SEED;
	for (uint32_t i = k->seed_first; i < k->seed_end; i = end) {
		const char *path = below(k, i);
		uint32_t n = path != NULL ? first_name(path, name) : 0;

		end = path != NULL ? child_end(k, i, n) : i + 1;
		if (path != NULL && cm_child(k, name, n * (uint32_t)sizeof(WCHAR)) == NULL)
			child_make(k, name, n, i, end);
	}
}

void cm_seed_all(struct cm_key *root)
{
	for (struct cm_key *k = root; k != NULL; k = cm_next(k, root))
		if ((k->flags & CM_LAZY_SEED) != 0)
			cm_seed_below(k);
}

void cm_seed(struct cm_key *root)
{
	_Static_assert(ARRAY_LEN(seeds) < UINT16_MAX, "rows are counted in 16 bits");
	root->flags |= CM_FIXED | CM_LAZY_SEED;
	root->modified = nt_state()->boot_time;
	root->seed_end = ARRAY_LEN(seeds);
}
