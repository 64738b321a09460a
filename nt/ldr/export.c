/* SPDX-License-Identifier: MIT */
/* nt/ldr/export.c - what a mapped image exports, from Microsoft's "PE Format".  All of it is read by uaccess: it is the guest's memory. */
#include "nt/ldr/image.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define EXPORTS_MAX 65536u
#define EXPORT_NAME   128u

/* The export directory: names are sorted, so that one is found by halving. */
struct exports {
	uint64_t base;
	uint32_t functions, names, function_table, name_table, ordinal_table;
};

static bool exports_of(uint64_t base, const struct ldr_image *img, struct exports *e)
{
	uint32_t rva = img->dir[LDR_DIR_EXPORT].rva, dir[10];

	if (rva == 0 || rva >= img->size || uaccess_read(dir, base + rva, sizeof dir) != 0)
		return false;
	*e = (struct exports){ base, dir[5], MIN(dir[6], EXPORTS_MAX), dir[7], dir[8], dir[9] };
	return true;
}

static bool name_of(const struct exports *e, uint32_t i, char *name)
{
	uint32_t rva;

	return uaccess_read(&rva, e->base + e->name_table + i * 4ull, 4) == 0 && uaccess_string(name, e->base + rva, EXPORT_NAME) >= 0;
}

static uint64_t address_of(const struct exports *e, uint32_t i)
{
	uint32_t function;
	uint16_t ordinal;

	if (uaccess_read(&ordinal, e->base + e->ordinal_table + i * 2ull, 2) != 0 || ordinal >= e->functions ||
		uaccess_read(&function, e->base + e->function_table + ordinal * 4ull, 4) != 0)
		return 0;
	return e->base + function;
}

/* The first name that is not below `name`. */
static uint32_t first_from(const struct exports *e, const char *name)
{
	char at[EXPORT_NAME];
	uint32_t low = 0, high = e->names;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (name_of(e, mid, at) && strcmp(at, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void ldr_exports(uint64_t base, const struct ldr_image *img, const char *prefix, bool (*each)(void *arg, const char *name, uint64_t address), void *arg)
{
	size_t len = strlen(prefix);
	char name[EXPORT_NAME];
	struct exports e;

	if (!exports_of(base, img, &e))
		return;
	for (uint32_t i = first_from(&e, prefix); i < e.names; i++) {
		uint64_t address = address_of(&e, i);

		if (!name_of(&e, i, name) || strncmp(name, prefix, len) != 0)
			return;
		if (address != 0 && !each(arg, name, address))
			return;
	}
}

uint64_t ldr_export(uint64_t base, const struct ldr_image *img, const char *name)
{
	char at[EXPORT_NAME];
	struct exports e;
	uint32_t i;

	if (!exports_of(base, img, &e))
		return 0;
	i = first_from(&e, name);
	return i < e.names && name_of(&e, i, at) && strcmp(at, name) == 0 ? address_of(&e, i) : 0;
}
