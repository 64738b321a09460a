/* SPDX-License-Identifier: MIT */
/*
 * nt/cm/module.c - a DLL's resource WINE_REGISTRY, read from its file.
 *
 * Resources are a tree of three levels, types, names and languages ("PE Format", .rsrc section); only what is needed of it is
 * read, and nothing in it is believed: every place is checked against the section.
 */
#include "nt/cm/seed.h"
#include "nt/os/map.h"
#include "rt/mem.h"

#define SCRIPT_MAX (1u << 20)

struct resources {
	struct file *f;
	uint32_t rva, at, size; /* of the resource section; at: in the file */
};
struct directory {
	uint32_t characteristics, time;
	uint16_t major, minor, names, ids;
};
struct entry {
	uint32_t name, at; /* the highest bit: a text, a directory */
};

static uint32_t get(const uint8_t *p, uint32_t at, unsigned size)
{
	uint32_t v = 0;

	memcpy(&v, p + at, size);
	return v;
}

/* The resource section, from a file's first page. */
static bool find_section(struct resources *r, const uint8_t *head, uint32_t size)
{
	uint32_t pe = size < 64 || get(head, 0, 2) != 0x5a4d ? UINT32_MAX : get(head, 0x3c, 4), sections, table;

	if (pe > size - 24 - 136 || get(head, pe, 4) != 0x4550 || get(head, pe + 24, 2) != 0x20b)
		return false;
	sections = get(head, pe + 6, 2);
	table = pe + 24 + get(head, pe + 20, 2);
	r->rva = get(head, pe + 24 + 112 + 16, 4);
	for (uint32_t i = 0; i < sections && table + 40 <= size; i++, table += 40) {
		uint32_t rva = get(head, table + 12, 4), raw = get(head, table + 16, 4);

		if (r->rva == 0 || r->rva < rva || r->rva - rva >= raw)
			continue;
		r->at = get(head, table + 20, 4) + (r->rva - rva);
		r->size = raw - (r->rva - rva);
		return true;
	}
	return false;
}

static bool read(const struct resources *r, uint32_t at, void *to, uint32_t size)
{
	return at <= r->size && size <= r->size - at && os_pread(r->f, to, size, (uint64_t)r->at + at) == size;
}

static bool is_type(const struct resources *r, uint32_t at)
{
	static const WCHAR name[] = { 'W', 'I', 'N', 'E', '_', 'R', 'E', 'G', 'I', 'S', 'T', 'R', 'Y' };
	WCHAR text[1 + ARRAY_LEN(name)];

	return read(r, at, text, sizeof text) && text[0] == ARRAY_LEN(name) && memcmp(text + 1, name, sizeof name) == 0;
}

/* Entry n of a directory, or the first one whose name is the type's (n UINT32_MAX). */
static bool find(const struct resources *r, uint32_t at, uint32_t n, uint32_t *found)
{
	struct directory d;
	struct entry e;

	if (!read(r, at, &d, sizeof d))
		return false;
	for (uint32_t i = n == UINT32_MAX ? 0 : n; i < (n == UINT32_MAX ? d.names : (uint32_t)d.names + d.ids); i++) {
		if (!read(r, at + (uint32_t)sizeof d + i * (uint32_t)sizeof e, &e, sizeof e))
			return false;
		*found = e.at & 0x7fffffff;
		if (n != UINT32_MAX || is_type(r, e.name & 0x7fffffff))
			return true;
	}
	return false;
}

static char *script(const struct resources *r, uint32_t n, uint32_t *size)
{
	uint32_t at, data[4];
	char *text;

	if (!find(r, 0, UINT32_MAX, &at) || !find(r, at, n, &at) || !find(r, at, 0, &at) || !read(r, at, data, sizeof data))
		return NULL;
	if (data[0] < r->rva || data[1] > SCRIPT_MAX)
		return NULL;
	text = heap_alloc_dirty((size_t)data[1] + 1);
	*size = data[1];
	if (text != NULL && read(r, data[0] - r->rva, text, data[1]))
		return text;
	heap_free(text);
	return NULL;
}

char *module_script(const char *path, uint32_t n, uint32_t *size)
{
	struct resources r = { .f = os_open(path) };
	uint8_t head[1024] UNINIT;
	uint64_t got;
	char *text = NULL;

	if (r.f == NULL)
		return NULL;
	got = os_pread(r.f, head, sizeof head, 0);
	if (got != UINT64_MAX && find_section(&r, head, (uint32_t)got))
		text = script(&r, n, size);
	os_close(r.f);
	return text;
}
