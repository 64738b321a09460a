/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/ahead.c - what an image will have ntdll open next is opened before, in one trip to the host: the DLLs it imports.
 *
 * From Microsoft's "PE Format" (the import directory).  It is a guess and nothing depends on it: names are taken as those of files in
 * system32, in small letters as Wine has them; a program's own DLLs are looked for in its folder first, and found there.
 */
#include "nt/ldr/ldr.h"
#include "nt/os/file.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define NAMES_MAX 20u
#define NAME_ROOM 48u

struct names {
	char text[NAMES_MAX][NAME_ROOM];
	const char *name[NAMES_MAX];
	uint32_t count;
};

static void add(struct names *n, const char *name)
{
	for (uint32_t i = 0; i < n->count; i++)
		if (strcmp(n->name[i], name) == 0)
			return;
	if (n->count == NAMES_MAX || strlen(name) >= NAME_ROOM)
		return;
	(void)str_copy(n->text[n->count], name, NAME_ROOM);
	n->name[n->count] = n->text[n->count];
	n->count++;
}

/* A C runtime looks for .NET's when the program ends. */
static void add_runtime(struct names *n, const char *name)
{
	add(n, name);
	add(n, "mscoree.dll");
}

/* What Wine's own import in their turn: asking for these later would be another trip each. */
static const char *const further[][4] = {
	{ "advapi32.dll", "msvcrt.dll", "sechost.dll", "ucrtbase.dll" },
	{ "sechost.dll", "ucrtbase.dll" },
	{ "ws2_32.dll", "ucrtbase.dll", "iphlpapi.dll" },
};

static void add_further(struct names *n, const char *name)
{
	for (uint32_t i = 0; i < ARRAY_LEN(further); i++)
		for (uint32_t k = 1; k < ARRAY_LEN(further[i]) && further[i][k] != NULL && strcmp(further[i][0], name) == 0; k++)
			add(n, further[i][k]);
}

/* API sets are ntdll's to resolve; those of the C runtime are all one DLL. */
static void add_import(struct names *n, const char *name)
{
	if (strncmp(name, "api-ms-win-crt-", 15) == 0)
		add_runtime(n, "ucrtbase.dll");
	else if (strcmp(name, "msvcrt.dll") == 0 || strcmp(name, "ucrtbase.dll") == 0)
		add_runtime(n, name);
	else if (strncmp(name, "api-ms-", 7) != 0 && strncmp(name, "ext-ms-", 7) != 0 && strcmp(name, "ntdll.dll") != 0 && strchr(name, '/') == NULL)
		add(n, name);
	add_further(n, name);
}

/* The name as it is written; ntdll looks for it so. */
static bool import_name(uint64_t base, const struct ldr_image *img, uint32_t number, char *name)
{
	uint64_t at = img->dir[LDR_DIR_IMPORT].rva + number * 20ull;
	uint32_t rva;

	if (at + 20 > img->size || uaccess_read(&rva, base + at + 12, sizeof rva) != 0 || rva == 0 || rva >= img->size ||
		uaccess_string(name, base + rva, NAME_ROOM) <= 0)
		return false;
	return true;
}

static void add_spelled(struct names *n, const char *name)
{
	char small[NAME_ROOM];
	uint32_t i = 0;

	for (; name[i] != '\0'; i++)
		small[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	small[i] = '\0';
	add_import(n, small);
	if (strcmp(small, name) != 0 && strncmp(small, "api-ms-", 7) != 0 && strcmp(small, "ntdll.dll") != 0 && strchr(name, '/') == NULL)
		add(n, name); /* that it is not there: looked for first */
}

bool ldr_ahead(uint64_t base, const struct ldr_image *img, bool program)
{
	struct names *n = ldr_ahead_is_due(img) ? heap_alloc_dirty(sizeof *n) : NULL;
	char name[NAME_ROOM];

	if (n == NULL)
		return false;
	n->count = 0;
	if (program) { /* for each, by us, ntdll and kernelbase */
		add(n, "apisetschema.dll");
		add(n, "kernel32.dll");
		add(n, "kernelbase.dll");
	}
	for (uint32_t i = 0; i < NAMES_MAX && img->dir[LDR_DIR_IMPORT].rva != 0 && import_name(base, img, i, name); i++)
		add_spelled(n, name);
	if (n->count != 0)
		os_dlls_ahead(n->name, n->count);
	heap_free(n);
	return true;
}
