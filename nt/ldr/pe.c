/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/pe.c - the headers of a PE32+ or PE32 file, from Microsoft's "PE Format".  Nothing here touches a guest or a file.
 *
 * Offsets that are used later are checked here: sections lie in the image, in order, and in the file.  32-bit images are
 * read for who looks at them: they can be sections, and be mapped.  An entry point may lie anywhere: who goes there faults.
 * An image whose sections are aligned to less than a page lies in memory as in its file, all of it writable and executable:
 * what the file lacks is zeros, and the headers may be shorter than the format says, for nobody looks for what is behind them.
 */
#include "nt/ldr/image.h"
#include "rt/mem.h"

#define MACHINE_AMD64   0x8664
#define MACHINE_I386    0x14c
#define MAGIC_PE32PLUS  0x20b
#define MAGIC_PE32      0x10b
#define RELOCS_STRIPPED 1u
#define NE_SYSTEM       0x36 /* in a new executable's header */
#define SECTOR          512u
#define IMAGE_MAX       0x7fff0000ull

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static void parse_directories(const uint8_t *o, struct ldr_image *img)
{
	uint32_t n = MIN(get32(o), (uint32_t)LDR_DIR_COUNT);

	for (uint32_t i = 0; i < n; i++) {
		img->dir[i].rva = get32(o + 4 + i * 8);
		img->dir[i].size = get32(o + 8 + i * 8);
	}
}

static void parse_optional(const uint8_t *o, struct ldr_image *img)
{
	img->entry = get32(o + 16);
	img->has_code = img->entry != 0 || get32(o + 4) != 0; /* SizeOfCode */
	img->base = get64(o + 24);
	img->section_alignment = get32(o + 32);
	img->file_alignment = get32(o + 36);
	img->os_major = get16(o + 40);
	img->os_minor = get16(o + 42);
	img->image_major = get16(o + 44);
	img->image_minor = get16(o + 46);
	img->subsystem_major = get16(o + 48);
	img->subsystem_minor = get16(o + 50);
	img->size = get32(o + 56);
	img->headers_size = get32(o + 60);
	img->checksum = get32(o + 64);
	img->subsystem = get16(o + 68);
	img->dll_characteristics = get16(o + 70);
	img->stack_reserve = get64(o + 72);
	img->stack_commit = get64(o + 80);
	img->heap_reserve = get64(o + 88);
	img->heap_commit = get64(o + 96);
	img->loader_flags = get32(o + 104);
	parse_directories(o + 108, img);
}

/* What differs in a 32-bit one: the base, and everything behind the stack's size. */
static void parse_narrow(const uint8_t *o, struct ldr_image *img)
{
	img->base = get32(o + 28);
	img->stack_reserve = get32(o + 72);
	img->stack_commit = get32(o + 76);
	img->heap_reserve = get32(o + 80);
	img->heap_commit = get32(o + 84);
	img->loader_flags = get32(o + 88);
	memset(img->dir, 0, sizeof img->dir);
	parse_directories(o + 92, img);
}

/* A header that ends early, by its own account, does not say what is behind its sizes. */
static void cut_optional(struct ldr_image *img)
{
	img->subsystem = img->dll_characteristics = 0;
	img->stack_reserve = img->stack_commit = img->heap_reserve = img->heap_commit = 0;
	img->loader_flags = 0;
	memset(img->dir, 0, sizeof img->dir);
}

static NTSTATUS parse_section(const uint8_t *s, uint64_t file_size, struct ldr_image *img, struct ldr_section *out)
{
	uint32_t raw = get32(s + 16), offset = get32(s + 20), size = get32(s + 8);
	uint64_t needed = (uint64_t)raw + (offset & (SECTOR - 1));

	memcpy(out->name, s, sizeof out->name);
	out->rva = get32(s + 12);
	out->size = size != 0 ? size : raw;
	out->characteristics = get32(s + 36);
	out->offset = offset & ~(SECTOR - 1); /* as Windows' loader rounds it, and the end as well: what else is there shows */
	out->file_size = offset == 0 || raw == 0 ? 0 :
		(uint32_t)MIN(ALIGN_UP(needed, SECTOR), ALIGN_UP((uint64_t)out->size, PAGE_SIZE));
	if (out->rva & ~PAGE_MASK || out->rva < img->headers_size || (uint64_t)out->rva + out->size > img->size)
		return STATUS_INVALID_IMAGE_FORMAT;
	if (out->file_size != 0 && (uint64_t)out->offset + out->file_size > file_size) {
		/* The last bytes of a file may be missing for the rounding. */
		if (out->offset >= file_size || file_size - out->offset < MIN((uint64_t)out->size, needed))
			return STATUS_INVALID_IMAGE_FORMAT;
		out->file_size = (uint32_t)(file_size - out->offset);
	}
	img->has_code |= (out->characteristics & IMAGE_SCN_MEM_EXECUTE) != 0;
	return STATUS_SUCCESS;
}

static NTSTATUS parse_sections(const uint8_t *head, size_t have, uint64_t at, uint64_t file_size, struct ldr_image *img)
{
	uint64_t last = 0;

	if (img->nsections > LDR_SECTIONS_MAX || at + img->nsections * 40ull > have)
		return STATUS_INVALID_IMAGE_FORMAT;
	for (uint32_t i = 0; i < img->nsections; i++) {
		NTSTATUS status = parse_section(head + at + i * 40, file_size, img, &img->section[i]);

		if (status != STATUS_SUCCESS)
			return status;
		if (img->section[i].rva < last)
			return STATUS_INVALID_IMAGE_FORMAT;
		last = (uint64_t)img->section[i].rva + ALIGN_UP((uint64_t)img->section[i].size, PAGE_SIZE);
	}
	return STATUS_SUCCESS;
}

/* One part, from the first byte of the file; sections say only whether there is code. */
static NTSTATUS parse_flat(const uint8_t *head, size_t have, uint64_t at, struct ldr_image *img)
{
	uint32_t align = img->section_alignment;

	if (align == 0 || (align & (align - 1)) != 0 || img->file_alignment != align || img->nsections > LDR_SECTIONS_MAX || at + img->nsections * 40ull > have)
		return STATUS_INVALID_IMAGE_FORMAT;
	for (uint32_t i = 0; i < img->nsections; i++) {
		const uint8_t *s = head + at + i * 40;

		if (get32(s + 16) != 0 && get32(s + 12) != get32(s + 20)) /* it has bytes of the file: where they lie there */
			return STATUS_INVALID_IMAGE_FORMAT;
		img->has_code |= (get32(s + 36) & IMAGE_SCN_MEM_EXECUTE) != 0;
	}
	img->flat = true;
	img->nsections = 0;
	img->headers_size = img->size;
	return STATUS_SUCCESS;
}

/* What is behind a DOS header: PE, Windows 3's NE by the system that it is for, or something else. */
static NTSTATUS signature_status(const uint8_t *head, size_t have, uint32_t at)
{
	if (at > have || have - at < 64)
		return STATUS_INVALID_IMAGE_PROTECT;
	if (get32(head + at) == 0x4550)
		return STATUS_SUCCESS;
	if (get16(head + at) != 0x454e || head[at + NE_SYSTEM] == 5)
		return STATUS_INVALID_IMAGE_PROTECT;
	return head[at + NE_SYSTEM] == 2 ? STATUS_INVALID_IMAGE_WIN_16 : STATUS_INVALID_IMAGE_NE_FORMAT;
}

NTSTATUS ldr_image_parse(const uint8_t *head, size_t have, uint64_t file_size, struct ldr_image *img)
{
	uint32_t pe, optional;
	NTSTATUS status;

	memset(img, 0, sizeof *img);
	if (have == 0)
		return STATUS_INVALID_FILE_FOR_SECTION;
	if (have < 0x40 || head[0] != 'M' || head[1] != 'Z')
		return STATUS_INVALID_IMAGE_NOT_MZ;
	pe = get32(head + 0x3c);
	status = signature_status(head, have, pe);
	if (status != STATUS_SUCCESS)
		return status;
	if (pe < 4 || have - pe < 24 + 240) /* it may lie over the DOS header's end; optional headers are as long as their file */
		return STATUS_INVALID_IMAGE_FORMAT;
	img->nt_headers = pe;
	img->machine = get16(head + pe + 4);
	img->narrow = img->machine == MACHINE_I386;
	optional = get16(head + pe + 20);
	if ((!img->narrow && img->machine != MACHINE_AMD64) || get16(head + pe + 24) != (img->narrow ? MAGIC_PE32 : MAGIC_PE32PLUS))
		return STATUS_INVALID_IMAGE_FORMAT;
	img->nsections = get16(head + pe + 6);
	if (img->nsections != 0 && optional < (img->narrow ? 96 : 112))
		return STATUS_INVALID_IMAGE_FORMAT;
	img->timestamp = get32(head + pe + 8);
	img->characteristics = get16(head + pe + 22);
	img->stripped = (img->characteristics & RELOCS_STRIPPED) != 0;
	img->base_offset = pe + 24 + (img->narrow ? 28 : 24);
	img->file_size = (uint32_t)file_size;
	img->builtin = have > 0x60 && memcmp(head + 0x40, "Wine builtin DLL", 16) == 0;
	parse_optional(head + pe + 24, img);
	if (img->narrow)
		parse_narrow(head + pe + 24, img);
	if (optional < (img->narrow ? 96 : 112))
		cut_optional(img);
	if (img->size == 0 || img->size > IMAGE_MAX || img->headers_size > img->size || img->base & 0xffff)
		return STATUS_INVALID_IMAGE_FORMAT;
	img->size = (uint32_t)ALIGN_UP((uint64_t)img->size, PAGE_SIZE);
	if (img->section_alignment < PAGE_SIZE)
		return parse_flat(head, have, (uint64_t)pe + 24 + optional, img);
	return parse_sections(head, have, (uint64_t)pe + 24 + optional, file_size, img);
}
