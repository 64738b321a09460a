/* SPDX-License-Identifier: MIT */
/* tests/unit/hive_stubs.h - what the registry's tree and hive files use, from the C library. */
#ifndef TESTS_UNIT_HIVE_STUBS_H
#define TESTS_UNIT_HIVE_STUBS_H

static long blocks; /* of the arena */

void *arena_alloc(size_t size)
{
	blocks++;
	return calloc(1, size);
}

void arena_free(void *p)
{
	blocks -= p != NULL;
	free(p);
}

void *heap_alloc(size_t size)
{
	return calloc(1, size);
}

void *heap_alloc_dirty(size_t size)
{
	return malloc(size);
}

void *heap_realloc(void *p, size_t size)
{
	return realloc(p, size);
}

void heap_free(void *p)
{
	free(p);
}

void ref_misused(const struct ref *r, uint32_t count)
{
	(void)r;
	(void)count;
	abort();
}

void panic(const char *format, ...)
{
	puts(format);
	abort();
}

uint32_t cm_first(const WCHAR *name, uint32_t size)
{
	uint32_t i = 0;

	while (i < size / sizeof(WCHAR) && name[i] != '\\')
		i++;
	return i * (uint32_t)sizeof(WCHAR);
}

struct se_descriptor *se_descriptor_usual(uint32_t all, uint32_t read, uint32_t *size)
{
	(void)all;
	(void)read;
	*size = 100;
	return calloc(1, 100);
}
#endif
