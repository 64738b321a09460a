/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/seed.c - what the registry begins with, from the table in seed.def: about 0.1 ms of work, once a sandbox.
 *
 * What takes longer and is seldom looked at is made when somebody does: lazy.c.
 */
#include "nt/cm/seed.h"
#include "nt/ex/wait.h"
#include "nt/os/sysinfo.h"
#include "nt/rtl/unicode.h"
#include "nt/rtl/upcase.h"
#include "rt/fmt.h"
#include "rt/mem.h"

enum seed_kind { SEED_KEY, SEED_LINK, SEED_SZ, SEED_EXPAND, SEED_MULTI, SEED_DWORD };
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

static bool seed_sorts(struct cm_key *root, int64_t now)
{
	struct cm_key *k = seed_key(root, "MACHINE\\SYSTEM\\ControlSet001\\Control\\Nls\\Sorting\\Ids", now);
	char name[16], id[48];
	bool ok = k != NULL;

	for (unsigned i = 0; ok && i < ARRAY_LEN(sorts); i++) {
		(void)fmt_snprintf(id, sizeof id, "{%08x-57ee-1e5c-00b4-d0000bb1e11e}", sorts[i].table);
		for (const char *p = sorts[i].languages; ok && *p != '\0';) {
			uint32_t n = 0;

			while (*p != ' ' && *p != '\0' && n < sizeof name - 1)
				name[n++] = *p++;
			name[n] = '\0';
			p += *p == ' ';
			ok = seed_sz(k, name, id);
		}
	}
	return ok;
}

/* The machine's name, in capitals as NetBIOS has it, cut to its 15 characters. */
static bool seed_computer_name(struct cm_key *root, int64_t now)
{
	static const char *const keys[] = { "MACHINE\\SYSTEM\\ControlSet001\\Control\\ComputerName\\ActiveComputerName",
		"MACHINE\\SYSTEM\\ControlSet001\\Control\\ComputerName\\ComputerName" };
	struct cm_key *k = seed_key(root, "MACHINE\\SYSTEM\\ControlSet001\\Services\\Tcpip\\Parameters", now);
	char host[64];

	(void)os_host_name(host, sizeof host);
	if (k == NULL || !seed_sz(k, "Hostname", host) || !seed_sz(k, "NV Hostname", host) ||
		!seed_sz(k, "Domain", ""))
		return false;
	unsigned n = 0;
	for (; n < 15 && host[n] != '\0' && host[n] != '.'; n++)
		host[n] = (char)rtl_upcase((unsigned char)host[n]);
	host[n] = '\0';
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		k = seed_key(root, keys[i], now);
		if (k == NULL || !seed_sz(k, "ComputerName", host))
			return false;
	}
	return true;
}

static bool seed_lazy(struct cm_key *root, const char *path, uint32_t flag, int64_t now)
{
	struct cm_key *k = seed_key(root, path, now);

	if (k != NULL)
		k->flags |= flag | CM_FIXED;
	return k != NULL;
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

bool cm_seed(struct cm_key *root)
{
	int64_t now = ex_system_time();

	root->flags |= CM_FIXED;
	if (!seed_table(root, seeds, ARRAY_LEN(seeds), now))
		return false;
	for (uint32_t i = 0; i < root->nkeys; i++)
		root->keys[i]->flags |= CM_FIXED;
	return seed_computer_name(root, now) && seed_sorts(root, now) &&
		seed_lazy(root, "MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Time Zones", CM_LAZY_ZONES, now) &&
		seed_lazy(root, "MACHINE\\SOFTWARE\\Classes", CM_LAZY_CLASSES, now) &&
		seed_lazy(root, "MACHINE\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor", CM_LAZY_PROCESSORS, now);
}
