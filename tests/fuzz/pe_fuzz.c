/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/pe_fuzz.c - libFuzzer: a PE file as execve and NtCreateSection read it: headers, mapping, relocations,
 * exports (nt/ldr/pe.c, image.c).  Memory is one block; whatever is mapped, read or written must lie in the image's
 * place in it.
 */
#include <stdlib.h>

#include "nt/ke/user.h"
#include "nt/ldr/image.h"
#include "nt/os/map.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define PLACE 0x10000000ull
#define ROOM  (32ull << 20)

static const uint8_t *bytes;
static size_t length;
static uint8_t *memory;
static uint64_t image_size;

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Within the image: for what is mapped; reads may be refused beyond it. */
static bool within(uint64_t at, uint64_t size)
{
	return at >= PLACE && size <= image_size && at - PLACE <= image_size - size;
}

void *heap_alloc(size_t size) { return calloc(1, size); }
void *heap_alloc_dirty(size_t size) { return malloc(size); }
void heap_free(void *p) { free(p); }
size_t uaccess_read(void *to, uint64_t at, size_t size)
{
	if (!within(at, size))
		return size;
	memcpy(to, memory + (at - PLACE), size);
	return 0;
}
size_t uaccess_write(uint64_t at, const void *from, size_t size)
{
	must(within(at, size));
	memcpy(memory + (at - PLACE), from, size);
	return 0;
}
NTSTATUS user_write_again(uint64_t at, const void *from, size_t size)
{
	(void)at;
	(void)from;
	(void)size;
	return STATUS_ACCESS_VIOLATION;
}
int64_t uaccess_string(char *to, uint64_t at, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (uaccess_read(to + i, at + i, 1) != 0)
			return -1;
		if (to[i] == '\0')
			return (int64_t)i;
	}
	return -2;
}
NTSTATUS os_map_anon(uint64_t at, uint64_t size, int prot)
{
	(void)prot;
	must(within(at, size) && (at & ~PAGE_MASK) == 0 && (size & ~PAGE_MASK) == 0);
	memset(memory + (at - PLACE), 0, size);
	return STATUS_SUCCESS;
}
NTSTATUS os_map_file(uint64_t at, uint64_t size, int prot, struct file *f, uint64_t offset)
{
	(void)prot;
	(void)f;
	must(within(at, size) && (at & ~PAGE_MASK) == 0 && (offset & ~PAGE_MASK) == 0 && offset < length);
	memset(memory + (at - PLACE), 0, size);
	memcpy(memory + (at - PLACE), bytes + offset, MIN(size, length - offset));
	return STATUS_SUCCESS;
}
NTSTATUS os_protect(uint64_t at, uint64_t size, int prot)
{
	(void)prot;
	must(within(at, size));
	return STATUS_SUCCESS;
}
NTSTATUS os_unmap(uint64_t at, uint64_t size)
{
	must(within(at, size));
	return STATUS_SUCCESS;
}
uint64_t os_pread(struct file *f, void *to, uint64_t size, uint64_t offset)
{
	(void)f;
	if (offset >= length)
		return 0;
	size = MIN(size, length - offset);
	memcpy(to, bytes + offset, size);
	return size;
}
NTSTATUS os_map_filled(uint64_t at, uint64_t size)
{
	return os_map_anon(at, size, 0);
}
NTSTATUS os_read_parts(struct file *f, const struct dk_segment *to, uint32_t count, bool kernel, uint64_t size, uint64_t offset, uint64_t *done)
{
	uint64_t all = 0;

	*done = 0;
	for (uint32_t i = 0; i < count; i++)
		all += to[i].size;
	must(all == size && !kernel);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t n;

		must(within((uint64_t)to[i].base, to[i].size));
		n = os_pread(f, memory + ((uint64_t)to[i].base - PLACE), to[i].size, offset + *done);
		*done += n;
		if (n < to[i].size)
			break;
	}
	return STATUS_SUCCESS;
}
NTSTATUS os_map_laid(uint64_t at, uint64_t size, int prot, struct shared_mem *m, uint64_t offset)
{
	(void)m;
	(void)offset;
	return os_map_anon(at, size, prot);
}
uint64_t os_file_size(struct file *f)
{
	(void)f;
	return length;
}

static bool each(void *arg, const char *name, uint64_t address)
{
	(void)address;
	*(size_t *)arg += strlen(name);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ldr_image *img;
	size_t total = 0;

	bytes = data;
	length = size;
	if (memory == NULL)
		memory = malloc(ROOM);
	if (ldr_image_read(NULL, &img) != STATUS_SUCCESS)
		return 0;
	image_size = img->size;
	if (image_size <= ROOM && ldr_image_map(img, NULL, NULL, PLACE) == STATUS_SUCCESS) {
		ldr_exports(PLACE, img, "", each, &total);
		(void)ldr_export(PLACE, img, "LdrInitializeThunk");
	}
	free(img);
	return 0;
}
