/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/image.c - PE files: headers, and mapping.
 *
 * Sections whose file offset is page-aligned are mapped from the file (nearly all of Wine's: their pages are shared with
 * everybody); others are copied.  Relocations are applied here, by kernel copies (uaccess), for programs and DLLs
 * alike: the header in memory then has the new base, and ntdll leaves it alone.
 */
#include "nt/ldr/image.h"
#include "nt/ke/user.h"
#include "nt/os/map.h"
#include "pico/arena.h"
#include "rt/mem.h"

#define HEAD_MAX 4096u

NTSTATUS ldr_image_read(struct file *f, struct ldr_image **out)
{
	uint8_t *head = heap_alloc(HEAD_MAX);
	struct ldr_image *img = heap_alloc(sizeof *img);
	NTSTATUS status = STATUS_NO_MEMORY;
	uint64_t n;

	if (head != NULL && img != NULL) {
		n = os_pread(f, head, HEAD_MAX, 0);
		status = n == UINT64_MAX ? (NTSTATUS)STATUS_INVALID_FILE_FOR_SECTION : ldr_image_parse(head, n, os_file_size(f), img);
	}
	heap_free(head);
	if (status != STATUS_SUCCESS) {
		heap_free(img);
		return status;
	}
	*out = img;
	return STATUS_SUCCESS;
}

/* ---- Mapping ---- */

static int section_prot(const struct ldr_section *s)
{
	uint32_t c = s->characteristics;

	return (c & IMAGE_SCN_MEM_READ || c & IMAGE_SCN_MEM_EXECUTE ? OS_R : 0) | (c & IMAGE_SCN_MEM_WRITE ? OS_R | OS_W : 0) |
		(c & IMAGE_SCN_MEM_EXECUTE ? OS_X : 0);
}

uint32_t ldr_section_protect(const struct ldr_section *s)
{
	switch (section_prot(s)) {
	case 0:
		return PAGE_NOACCESS;
	case OS_R:
		return PAGE_READONLY;
	case OS_R | OS_W:
		return PAGE_WRITECOPY;
	case OS_R | OS_X:
		return s->characteristics & IMAGE_SCN_MEM_READ ? PAGE_EXECUTE_READ : PAGE_EXECUTE;
	default:
		return PAGE_EXECUTE_WRITECOPY;
	}
}

/* Pages that a file's bytes fill in part are zero behind them. */
static NTSTATUS copy_part(struct file *f, uint64_t to, uint64_t offset, uint64_t size)
{
	char *buf = heap_alloc_dirty(65536);
	NTSTATUS status = buf != NULL ? STATUS_SUCCESS : (NTSTATUS)STATUS_NO_MEMORY;

	for (uint64_t done = 0; status == STATUS_SUCCESS && done < size;) {
		uint64_t n = os_pread(f, buf, MIN(size - done, (uint64_t)65536), offset + done);

		if (n == UINT64_MAX || n == 0)
			status = STATUS_INVALID_IMAGE_FORMAT;
		else
			status = user_write(to + done, buf, n);
		done += n;
	}
	heap_free(buf);
	return status;
}

/* Has the file all of a part's pages, so that nothing is to be copied behind them?  The last may end with the file. */
static uint64_t whole_pages(uint64_t offset, uint64_t in_file, uint64_t file_size)
{
	if ((offset & ~PAGE_MASK) != 0)
		return 0;
	return offset + in_file == file_size ? ALIGN_UP(in_file, PAGE_SIZE) : ALIGN_DOWN(in_file, PAGE_SIZE);
}

/* Pages that the file has whole are mapped; the last, and what is not aligned, is copied. */
static NTSTATUS map_part(struct file *f, uint64_t addr, uint64_t offset, uint64_t in_file, uint64_t size, uint64_t file_size, int prot)
{
	uint64_t mapped, tail;
	NTSTATUS status;

	in_file = MIN(in_file, ALIGN_UP(size, PAGE_SIZE));
	mapped = whole_pages(offset, in_file, file_size);
	tail = ALIGN_UP(size, PAGE_SIZE) - mapped;
	if (mapped > 0) {
		status = os_map_file(addr, mapped, prot, f, offset);
		if (status != STATUS_SUCCESS)
			return status;
	}
	if (tail == 0)
		return STATUS_SUCCESS;
	status = os_map_anon(addr + mapped, tail, OS_R | OS_W);
	if (status == STATUS_SUCCESS && in_file > mapped)
		status = copy_part(f, addr + mapped, offset + mapped, in_file - mapped);
	return status;
}

static NTSTATUS relocate_block(uint64_t base, const struct ldr_image *img, uint32_t page, const uint16_t *entry, uint32_t count, uint64_t delta)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at = base + page + (entry[i] & 0xfff), v = 0;
		uint32_t type = entry[i] >> 12, size = type == 10 ? 8 : 4;

		if (type == 0)
			continue;
		if ((type != 10 && type != 3) || at + size > base + img->size || uaccess_read(&v, at, size) != 0)
			return STATUS_INVALID_IMAGE_FORMAT;
		v += delta;
		if (uaccess_write(at, &v, size) != 0)
			return STATUS_INVALID_IMAGE_FORMAT;
	}
	return STATUS_SUCCESS;
}

static NTSTATUS relocate(uint64_t base, const struct ldr_image *img)
{
	uint64_t at = base + img->dir[LDR_DIR_BASERELOC].rva, end = at + img->dir[LDR_DIR_BASERELOC].size;
	uint32_t head[2];
	NTSTATUS status = STATUS_SUCCESS;
	uint8_t *block;

	if (end > base + img->size)
		return STATUS_INVALID_IMAGE_FORMAT;
	block = heap_alloc_dirty(8192 + 8);
	if (block == NULL)
		return STATUS_NO_MEMORY;
	while (status == STATUS_SUCCESS && at + sizeof head <= end && uaccess_read(head, at, sizeof head) == 0 && head[1] >= sizeof head) {
		uint32_t size = head[1] - (uint32_t)sizeof head;

		if (size > 8192 || at + head[1] > end || head[0] >= img->size || uaccess_read(block, at + sizeof head, size) != 0)
			status = STATUS_INVALID_IMAGE_FORMAT;
		else
			status = relocate_block(base, img, head[0], (const uint16_t *)block, size / 2, base - img->base);
		at += head[1];
	}
	heap_free(block);
	return status;
}

/* At its own place nothing is written into it: each part has its protection from the start, as far as the file has it. */
static NTSTATUS map_all(const struct ldr_image *img, struct file *f, uint64_t base)
{
	bool moves = base != img->base && !img->stripped;
	NTSTATUS status = os_map_anon(base, img->size, 0);

	if (status == STATUS_SUCCESS)
		status = map_part(f, base, 0, img->headers_size, img->headers_size, img->file_size, moves ? OS_R | OS_W : OS_R);
	for (uint32_t i = 0; status == STATUS_SUCCESS && i < img->nsections; i++) {
		const struct ldr_section *s = &img->section[i];

		if (s->size != 0)
			status = map_part(f, base + s->rva, s->offset, s->file_size, s->size, img->file_size, moves ? OS_R | OS_W : section_prot(s));
	}
	if (status == STATUS_SUCCESS && moves) {
		status = relocate(base, img);
		if (status == STATUS_SUCCESS)
			status = user_write(base + img->base_offset, &base, sizeof base);
	}
	return status;
}

/* What of a part is not protected yet: all, or what was copied. */
static NTSTATUS protect_part(uint64_t addr, uint64_t offset, uint64_t in_file, uint64_t size, uint64_t file_size, int prot, bool moved)
{
	uint64_t done = moved ? 0 : whole_pages(offset, MIN(in_file, ALIGN_UP(size, PAGE_SIZE)), file_size), end = ALIGN_UP(size, PAGE_SIZE);

	return prot == (OS_R | OS_W) || done >= end ? STATUS_SUCCESS : os_protect(addr + done, end - done, prot);
}

static NTSTATUS protect_all(const struct ldr_image *img, uint64_t base)
{
	bool moved = base != img->base && !img->stripped;
	NTSTATUS status = protect_part(base, 0, img->headers_size, img->headers_size, img->file_size, OS_R, moved);

	for (uint32_t i = 0; status == STATUS_SUCCESS && i < img->nsections; i++) {
		const struct ldr_section *s = &img->section[i];

		if (s->size != 0)
			status = protect_part(base + s->rva, s->offset, s->file_size, s->size, img->file_size, section_prot(s), moved);
	}
	return status;
}

NTSTATUS ldr_image_map(const struct ldr_image *img, struct file *f, uint64_t base)
{
	NTSTATUS status = map_all(img, f, base);

	if (status == STATUS_SUCCESS)
		status = protect_all(img, base);
	if (status != STATUS_SUCCESS)
		(void)os_unmap(base, img->size);
	return status;
}

/* ---- Exports ---- */

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
