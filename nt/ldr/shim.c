/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/shim.c - functions that Windows has, Wine 8.0's DLLs lack, and widely used programs import.
 *
 * ntdll would give the program a stub that ends it. Where another function of the same DLL does what may be done with the same arguments, the
 * program is given that: its import's name is changed in its own memory, before ntdll reads it, as Windows' own compatibility shims change
 * imports.  Only a program's image is looked through, not its DLLs.
 */
#include "nt/ldr/image.h"
#include "nt/ldr/ldr.h"
#include "nt/os/map.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define DESCRIPTORS_MAX 512u
#define IMPORTS_MAX     8192u
#define NAME_ROOM       32u
#define BY_ORDINAL      (1ull << 63)

/*
 * DiscardVirtualMemory(address, size): what the pages hold becomes undefined, which it may stay as well; ERROR_SUCCESS, 0, for memory that
 * is there. IsBadReadPtr says 0 of that, too. Programs that recent versions of Bun have compiled ask for it.
 */
static const struct {
	const char *dll, *missing, *instead; /* no longer than the one that is missing */
} shims[] = { { "kernel32.dll", "DiscardVirtualMemory", "IsBadReadPtr" } };

static bool same_dll(const char *a, const char *b)
{
	for (; *a != '\0' && (*a | (*a >= 'A' && *a <= 'Z' ? 0x20 : 0)) == *b; a++)
		b++;
	return *a == '\0' && *b == '\0';
}

/* The section's pages that the name is on become writable for a moment. */
static void rename_import(uint64_t base, const struct ldr_image *img, uint32_t rva, const char *name)
{
	uint64_t size = strlen(name) + 1, from = ALIGN_DOWN(base + rva, PAGE_SIZE), to = ALIGN_UP(base + rva + size, PAGE_SIZE);

	for (uint32_t i = 0; i < img->nsections; i++) {
		const struct ldr_section *s = &img->section[i];
		bool writable = s->characteristics & IMAGE_SCN_MEM_WRITE;

		if (rva < s->rva || rva + size > (uint64_t)s->rva + s->size)
			continue;
		if (!writable && os_protect(from, to - from, OS_R | OS_W) != STATUS_SUCCESS)
			return;
		(void)uaccess_write(base + rva, name, size);
		if (!writable)
			(void)os_protect(from, to - from, OS_R | (s->characteristics & IMAGE_SCN_MEM_EXECUTE ? OS_X : 0));
		return;
	}
}

static void look_at(uint64_t base, const struct ldr_image *img, uint32_t shim, uint32_t names)
{
	char name[NAME_ROOM];
	uint64_t entry;

	for (uint32_t i = 0; i < IMPORTS_MAX && names + (i + 1) * 8ull <= img->size; i++) {
		if (uaccess_read(&entry, base + names + i * 8ull, sizeof entry) != 0 || entry == 0)
			return;
		if (!(entry & BY_ORDINAL) && entry + 2 + NAME_ROOM < img->size && uaccess_read(name, base + entry + 2, sizeof name) == 0 &&
			strncmp(name, shims[shim].missing, sizeof name) == 0)
			rename_import(base, img, (uint32_t)entry + 2, shims[shim].instead);
	}
}

void ldr_shim(uint64_t base, const struct ldr_image *img)
{
	uint32_t d[5]; /* IMAGE_IMPORT_DESCRIPTOR: names, time, forwarders, DLL, addresses */
	char dll[NAME_ROOM] = "";

	for (uint32_t i = 0; i < DESCRIPTORS_MAX && img->dir[LDR_DIR_IMPORT].rva != 0; i++) {
		uint64_t at = img->dir[LDR_DIR_IMPORT].rva + i * sizeof d;

		if (at + sizeof d > img->size || uaccess_read(d, base + at, sizeof d) != 0 || d[3] == 0)
			return;
		if (d[3] >= img->size || uaccess_string(dll, base + d[3], sizeof dll) <= 0)
			continue;
		for (uint32_t k = 0; k < ARRAY_LEN(shims); k++)
			if (same_dll(dll, shims[k].dll))
				look_at(base, img, k, d[0] != 0 ? d[0] : d[4]);
	}
}
