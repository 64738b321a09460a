/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/lazy.c - parts of the registry that are made when somebody first looks: processors, time zones and what was
 * different in past years, and the classes of COM that Wine's DLLs have, as their own registrar scripts say.
 *
 * What seed.def has is made key by key on the way to what is asked for (seed.c).  The others are CM_FIXED.  What is below it is made as a tree of its own, without the lock, and then merged in: what is there
 * already stays as it is.  Who comes second finds the flag gone.
 */
#include "nt/cm/seed.h"
#include "nt/ex/tz.h"
#include "nt/ex/wait.h"
#include "nt/os/sysinfo.h"
#include "nt/rtl/upcase.h"
#include "rt/fmt.h"
#include "rt/mem.h"

#define DLLS "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows"

/* Below "Time Zones": one key for each, as its name is shown and its rule. */
static bool make_zone(struct cm_key *zones, const struct tz_zone *z, int64_t now)
{
	struct cm_key *k = seed_key(zones, z->name, now);
	char shown[SEED_TEXT_MAX / 4], daylight[64], mui[3][32];
	struct tz_rule r;

	if (k == NULL || !tz_parse(z->posix, &r))
		return false;
	tz_display(z, shown, sizeof shown);
	tz_daylight_name(z, daylight, sizeof daylight);
	if (r.daylight_date.month == 0 && strncmp(z->name, "UTC", 3) != 0)
		r.daylight_bias = -60; /* what Windows has where it means nothing */
	for (uint32_t i = 0; i < ARRAY_LEN(mui); i++)
		(void)fmt_snprintf(mui[i], sizeof mui[i], "@tzres.dll,-%u", z->text + i);
	k->flags |= CM_LAZY_YEARS | CM_ZONE;
	return seed_sz(k, "Display", shown) && seed_sz(k, "Dlt", daylight) && seed_sz(k, "MUI_Display", mui[2]) && seed_sz(k, "MUI_Dlt", mui[1]) &&
		seed_sz(k, "MUI_Std", mui[0]) && seed_sz(k, "Std", tz_standard_name(z)) && seed_value(k, "TZI", REG_BINARY, &r, sizeof r);
}

static bool make_zones(struct cm_key *zones, int64_t now)
{
	for (unsigned i = 0; i < tz_nzones; i++)
		if (!make_zone(zones, &tz_zones[i], now))
			return false;
	return true;
}

/* One key for each processor, as hardware detection leaves them. */
static bool make_processors(struct cm_key *processors, int64_t now)
{
	struct os_processor cpu;
	char number[16];
	bool ok = true;

	os_processor(&cpu);
	for (uint32_t i = 0; ok && i < os_cpus(); i++) {
		(void)fmt_snprintf(number, sizeof number, "%u", i);
		struct cm_key *k = seed_key(processors, number, now);

		ok = k != NULL && seed_value(k, "~MHz", REG_DWORD, &cpu.mhz, sizeof cpu.mhz) && seed_sz(k, "Identifier", cpu.identifier) &&
			seed_sz(k, "ProcessorNameString", cpu.name) && seed_sz(k, "VendorIdentifier", cpu.maker);
	}
	return ok;
}

/* ---- From scripts ---- */

static bool run_module(struct cm_key *root, const char *name, int64_t now)
{
	char path[160], module[96];
	bool ok = true;

	(void)fmt_snprintf(path, sizeof path, DLLS "/%s", name);
	(void)fmt_snprintf(module, sizeof module, "C:\\windows\\system32\\%s", name);
	for (uint32_t n = 0; ok; n++) {
		uint32_t size;
		char *text = module_script(path, n, &size);

		if (text == NULL)
			break;
		ok = rgs_run(root, text, size, module, now);
		heap_free(text);
	}
	return ok;
}

/* Which they are is known: looking into each of Wine's DLLs takes a quarter of a second. */
static const char *const modules[] = {
#include "nt/cm/modules.def"
};

static bool make_classes(struct cm_key *root, int64_t now)
{
	bool ok = seed_classes(root, now);

	for (unsigned i = 0; ok && i < ARRAY_LEN(modules); i++)
		ok = run_module(root, modules[i], now);
	return ok;
}

#define SCRIPT_YEAR 2022u /* what the scripts of Wine 8.0 say of "now" */
static uint32_t dword_of(struct cm_key *k, const WCHAR *name, uint32_t size, uint32_t otherwise)
{
	const struct cm_value *v = cm_value_find(k, name, size);

	return v != NULL && v->type == REG_DWORD && v->size == 4 ? *(const uint32_t *)cm_data(v) : otherwise;
}

/* Where the table's rule is newer than the script's, that is one of past years. */
static bool add_years(struct cm_key *zones, const struct tz_zone *z, int64_t now)
{
	static const WCHAR tzi[] = u"TZI", first_entry[] = u"FirstEntry", last_entry[] = u"LastEntry";
	struct cm_key *k = seed_key(zones, z->name, now);
	struct cm_value *v = k == NULL ? NULL : cm_value_find(k, tzi, sizeof tzi - sizeof(WCHAR));
	struct tz_rule r, old;
	uint32_t first, last, end = SCRIPT_YEAR + 1;
	char year[16];
	bool ok = true;

	if (v == NULL || v->size != sizeof old || !tz_parse(z->posix, &r))
		return k != NULL;
	memcpy(&old, cm_data(v), sizeof old);
	if (old.bias == r.bias && memcmp(&old.standard_date, &r.standard_date, 2 * sizeof old.standard_date) == 0)
		return true;
	k = seed_key(k, "Dynamic DST", now);
	if (k == NULL)
		return false;
	last = dword_of(k, last_entry, sizeof last_entry - sizeof(WCHAR), SCRIPT_YEAR - 1);
	first = dword_of(k, first_entry, sizeof first_entry - sizeof(WCHAR), SCRIPT_YEAR);
	for (uint32_t y = last + 1; ok && y <= SCRIPT_YEAR; y++) {
		(void)fmt_snprintf(year, sizeof year, "%u", y);
		ok = seed_value(k, year, REG_BINARY, &old, sizeof old);
	}
	(void)fmt_snprintf(year, sizeof year, "%u", end);
	return ok && seed_value(k, year, REG_BINARY, &r, sizeof r) && seed_value(k, "FirstEntry", REG_DWORD, &first, sizeof first) &&
		seed_value(k, "LastEntry", REG_DWORD, &end, sizeof end);
}

static struct cm_key *below(struct cm_key *k, const char *path)
{
	return k == NULL ? NULL : seed_key(k, path, k->modified);
}

static struct cm_key *make_years(struct cm_key *root, int64_t now)
{
	struct cm_key *zones = run_module(root, "kernelbase.dll", now) ? below(root, "MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Time Zones") : NULL;

	for (unsigned i = 0; zones != NULL && i < tz_nzones; i++)
		if (!add_years(zones, &tz_zones[i], now))
			return NULL;
	return zones;
}

/* ---- Merging ---- */

/* Values that k does not have; those it has stay. */
static void merge_values(struct cm_key *k, struct cm_key *from)
{
	for (uint32_t i = 0; i < from->nvalues; i++) {
		struct cm_value *v = from->values[i], *old;

		if (cm_value_find(k, v->name, v->name_size) != NULL)
			continue;
		ref_get(&v->ref);
		if (!cm_value_set(k, v, &old))
			cm_value_put(v);
	}
}

#define MERGE_DEPTH 32u
/* Subkeys of `from` go to k, whole where k has none of that name.  NTKEYS held. */
static void merge(struct cm_key *k, struct cm_key *from)
{
	struct { struct cm_key *to, *from; uint32_t next; } at[MERGE_DEPTH] = { { k, from, 0 } };

	for (uint32_t depth = 1; depth != 0;) {
		struct cm_key *to = at[depth - 1].to, *child, *there;

		if (at[depth - 1].next == at[depth - 1].from->nkeys) {
			depth--;
			continue;
		}
		child = at[depth - 1].from->keys[at[depth - 1].next];
		there = cm_child(to, child->name, child->name_size);
		if (there != NULL) {
			at[depth - 1].next++;
			merge_values(there, child);
			if (depth < MERGE_DEPTH) {
				at[depth].to = there;
				at[depth].from = child;
				at[depth++].next = 0;
			}
			continue;
		}
		cm_child_remove(child);
		if (!cm_child_add(to, child))
			cm_key_put(child);
	}
}

/* What belongs below k, whose flag is `flag`, in root, which stands for \Registry or for k. */
static struct cm_key *make(struct cm_key *root, uint32_t flag, int64_t now)
{
	switch (flag) {
	case CM_LAZY_ZONES:
		return make_zones(root, now) ? root : NULL;
	case CM_LAZY_PROCESSORS:
		return make_processors(root, now) ? root : NULL;
	case CM_LAZY_YEARS:
		return make_years(root, now);
	default:
		return make_classes(root, now) ? below(root, "MACHINE\\SOFTWARE\\Classes") : NULL;
	}
}

/* Zones that were made alone may be others by now. */
static void keep_own(struct cm_key *k, struct cm_key *fresh)
{
	for (uint32_t i = fresh->nkeys; i-- > 0;) {
		struct cm_key *child = fresh->keys[i];

		if (cm_child(k, child->name, child->name_size) == NULL)
			continue;
		cm_child_remove(child);
		cm_key_put(child);
	}
}

static void hang_in(struct cm_key *k, uint32_t flag, struct cm_key *fresh)
{
	if ((k->flags & flag) == 0)
		return;
	k->flags &= ~flag;
	if (flag == CM_LAZY_ZONES && fresh != NULL)
		keep_own(k, fresh);
	if (flag == CM_LAZY_YEARS && k->parent != NULL) {
		k = k->parent; /* all zones at once */
		for (uint32_t i = 0; i < k->nkeys; i++)
			k->keys[i]->flags &= ~flag;
	}
	if (fresh != NULL)
		merge(k, fresh);
}

/* What past years had is added to all zones at once. */
static void expand_zones_of(struct cm_state *s, struct cm_key *zone)
{
	if ((zone->flags & CM_LAZY_YEARS) == 0 || zone->parent == NULL || (zone->parent->flags & CM_LAZY_ZONES) == 0)
		return;
	ref_get(&zone->ref);
	cm_expand(s, zone->parent);
	cm_key_put(zone);
}

void cm_expand(struct cm_state *s, struct cm_key *k)
{
	if ((k->flags & CM_LAZY_SEED) != 0)
		cm_seed_below(k);
	expand_zones_of(s, k);
	while ((k->flags & CM_LAZY) != 0) {
		uint32_t flag = k->flags & CM_LAZY & (~(k->flags & CM_LAZY) + 1);
		int64_t now = k->modified;
		struct cm_key *root, *fresh;

		ref_get(&k->ref);
		cm_unlock(s);
		root = cm_key_new(u"", 0);
		fresh = root == NULL ? NULL : make(root, flag, now);
		cm_lock(s);
		hang_in(k, flag, fresh);
		cm_key_put(root);
		cm_key_put(k);
	}
}

static const struct tz_zone *zone_named(const WCHAR *name, uint32_t size)
{
	for (unsigned i = 0; i < tz_nzones; i++)
		if (rtl_equal_ascii(name, size, tz_zones[i].name))
			return &tz_zones[i];
	return NULL;
}

/* Each program's start asks for the zone that it is in; making all of them takes longer than the rest of what it asks. */
void cm_expand_name(struct cm_state *s, struct cm_key *k, const WCHAR *name, uint32_t size)
{
	const struct tz_zone *z;
	int64_t now = k->modified;
	struct cm_key *root;
	bool made;

	if ((k->flags & CM_LAZY_SEED) != 0 && cm_child(k, name, size) == NULL)
		cm_seed_child(k, name, size);
	if ((k->flags & CM_LAZY & ~CM_LAZY_SEED) == 0)
		return;
	z = (k->flags & CM_LAZY) == CM_LAZY_ZONES ? zone_named(name, size) : NULL;
	if ((k->flags & CM_LAZY) != CM_LAZY_ZONES) {
		cm_expand(s, k);
		return;
	}
	if (z == NULL || cm_child(k, name, size) != NULL)
		return;
	ref_get(&k->ref);
	cm_unlock(s);
	root = cm_key_new(u"", 0);
	made = root != NULL && make_zone(root, z, now);
	cm_lock(s);
	if (made && (k->flags & CM_LAZY_ZONES) != 0) {
		keep_own(k, root);
		merge(k, root);
	}
	cm_key_put(root);
	cm_key_put(k);
}

void cm_expand_below(struct cm_state *s, struct cm_key *top)
{
	for (struct cm_key *k = top; k != NULL;) {
		if ((k->flags & CM_LAZY) != 0) {
			cm_expand(s, k);
			k = top; /* the tree may be another one by now */
			continue;
		}
		k = cm_next(k, top);
	}
}
