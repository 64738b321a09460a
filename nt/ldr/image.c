/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/image.c - PE files: headers, and mapping.
 *
 * Sections whose file offset is page-aligned are mapped from the file (nearly all of Wine's: their pages are shared with
 * everybody); others are copied: once a sandbox into pages of arena-data, of which processes map private ones (share.c), or for
 * large images and those that move, for each process.  Relocations are applied here, by kernel copies (uaccess), for programs and DLLs
 * alike: the header in memory then has the new base, and ntdll leaves it alone.
 */
#include "nt/ldr/image.h"
#include "nt/ke/user.h"
#include "nt/os/map.h"
#include "pico/arena.h"
#include "rt/mem.h"

#define HEAD_MAX 4096u

/* IMAGE_COR20_HEADER (ECMA-335, II.25.3.3): runtime versions from 2.5 on say what code there is. */
static void read_clr(struct file *f, struct ldr_image *img)
{
	struct { uint32_t size; uint16_t major, minor; uint32_t metadata[2], flags; } h;
	uint32_t rva = img->dir[LDR_DIR_CLR].rva;

	if (rva == 0 || img->dir[LDR_DIR_CLR].size < sizeof h)
		return;
	for (uint32_t i = 0; i < img->nsections; i++) {
		const struct ldr_section *s = &img->section[i];

		if (rva < s->rva || rva - s->rva >= s->file_size || os_pread(f, &h, sizeof h, s->offset + (rva - s->rva)) != sizeof h)
			continue;
		if ((h.flags & 1) && (h.major > 2 || (h.major == 2 && h.minor >= 5)))
			img->clr = (uint8_t)(LDR_CLR_IL_ONLY | (h.flags & 2 ? LDR_CLR_32_REQUIRED : 0) | (h.flags & 0x20000 ? LDR_CLR_32_PREFERRED : 0));
	}
}

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
	read_clr(f, img);
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

/* Has the file all of a part's pages, so that nothing is to be copied behind them?  The last may end with the file. */
static uint64_t whole_pages(uint64_t offset, uint64_t in_file, uint64_t file_size)
{
	if ((offset & ~PAGE_MASK) != 0)
		return 0;
	return offset + in_file == file_size ? ALIGN_UP(in_file, PAGE_SIZE) : ALIGN_DOWN(in_file, PAGE_SIZE);
}

/* The headers, or a section: pages that the file has whole are mapped; the last, and what is not aligned, is copied. */
struct part {
	uint64_t addr, offset, in_file, size, mapped; /* in_file: bytes; size, mapped: pages of the part, and those of them that are the file's */
	int prot;
};

/* Parts are asked for by number: 0 is the headers.  False: it has no pages. */
static bool part_of(const struct ldr_image *img, uint64_t base, uint32_t n, struct part *p)
{
	const struct ldr_section *s = n > 0 ? &img->section[n - 1] : NULL;

	if (s == NULL)
		*p = (struct part){ .addr = base, .in_file = MIN(img->headers_size, img->file_size), .size = ALIGN_UP((uint64_t)img->headers_size, PAGE_SIZE), .prot = OS_R };
	else
		*p = (struct part){ .addr = base + s->rva, .offset = s->offset, .in_file = s->file_size, .size = ALIGN_UP((uint64_t)s->size, PAGE_SIZE),
			.prot = section_prot(s) };
	p->in_file = MIN(p->in_file, p->size);
	if (img->flat)
		p->prot = OS_R | OS_W | OS_X;
	p->mapped = img->flat ? 0 : whole_pages(p->offset, p->in_file, img->file_size);
	return p->size != 0;
}

/* ---- Calls that are put together: a DLL has twenty sections, and most lie in the file as in memory ---- */

struct run { /* pages that one call will do */
	uint64_t start, end, offset;
	int prot;
	enum { RUN_NONE, RUN_FILE, RUN_FILLED, RUN_LAID, RUN_ZERO, RUN_PROTECT } what;
};

/* Where a mapping's pages come from. */
struct source {
	struct file *f;
	struct shared_mem *laid; /* what the file has not as pages, by rva; NULL: it is read into pages of the process */
};

static NTSTATUS run_do(struct run *r, const struct source *from)
{
	uint64_t size = r->end - r->start;
	NTSTATUS status = STATUS_SUCCESS;

	switch (r->what) {
	case RUN_FILE:
		status = os_map_file(r->start, size, r->prot, from->f, r->offset);
		break;
	case RUN_FILLED:
		status = os_map_filled(r->start, size);
		break;
	case RUN_LAID:
		status = os_map_laid(r->start, size, r->prot, from->laid, r->offset);
		break;
	case RUN_ZERO:
		status = os_map_anon(r->start, size, r->prot);
		break;
	case RUN_PROTECT:
		status = os_protect(r->start, size, r->prot);
		break;
	default:
		break;
	}
	r->what = RUN_NONE;
	return status;
}

/* Puts `more` behind r, or does r first. */
static NTSTATUS run_add(struct run *r, const struct run *more, const struct source *from)
{
	bool placed = r->what == RUN_FILE || r->what == RUN_LAID;
	NTSTATUS status;

	if (more->start >= more->end)
		return STATUS_SUCCESS;
	if (r->what == more->what && r->end == more->start && r->prot == more->prot && (!placed || r->offset + (r->end - r->start) == more->offset)) {
		r->end = more->end;
		return STATUS_SUCCESS;
	}
	status = run_do(r, from);
	*r = *more;
	return status;
}

/* ---- What is copied ---- */

#define FILL_SEGMENTS 16u
struct fill { /* bytes of the file that lie there one behind the other, and where they go */
	struct dk_segment to[FILL_SEGMENTS];
	uint32_t count;
	bool kernel; /* not a guest's memory */
	uint64_t offset, size;
};

static NTSTATUS fill_do(struct fill *l, struct file *f)
{
	uint64_t done = 0;
	NTSTATUS status = l->count == 0 ? STATUS_SUCCESS : os_read_parts(f, l->to, l->count, l->kernel, l->size, l->offset, &done);

	if (status == STATUS_SUCCESS && done != l->size)
		status = STATUS_INVALID_IMAGE_FORMAT;
	l->count = 0;
	l->size = 0;
	return status;
}

static NTSTATUS fill_add(struct fill *l, const struct part *p, struct file *f)
{
	uint64_t bytes = p->in_file > p->mapped ? p->in_file - p->mapped : 0, offset = p->offset + p->mapped;
	NTSTATUS status = STATUS_SUCCESS;

	if (bytes == 0)
		return STATUS_SUCCESS;
	if (l->count == FILL_SEGMENTS || l->offset + l->size != offset)
		status = fill_do(l, f);
	if (l->count == 0)
		l->offset = offset;
	l->to[l->count++] = (struct dk_segment){ (void *)(p->addr + p->mapped), bytes };
	l->size += bytes;
	return status;
}

static NTSTATUS fill_all(const struct ldr_image *img, struct file *f, uint64_t base, bool kernel)
{
	struct fill l = { .kernel = kernel };
	NTSTATUS status = STATUS_SUCCESS;
	struct part p;

	for (uint32_t n = 0; status == STATUS_SUCCESS && n <= img->nsections; n++)
		if (part_of(img, base, n, &p))
			status = fill_add(&l, &p, f);
	return status == STATUS_SUCCESS ? fill_do(&l, f) : status;
}

bool ldr_image_is_copied(const struct ldr_image *img)
{
	struct part p;

	for (uint32_t n = 0; n <= img->nsections; n++)
		if (part_of(img, 0, n, &p) && p.in_file > p.mapped)
			return true;
	return false;
}

NTSTATUS ldr_image_lay(const struct ldr_image *img, struct file *f, void *to)
{
	return fill_all(img, f, (uint64_t)(uintptr_t)to, true);
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

static bool moves(const struct ldr_image *img, uint64_t base)
{
	return base != img->base && !img->stripped && !img->narrow;
}

/* Pages of the file, pages that are filled from it, zeros. */
static NTSTATUS map_part(struct run *r, const struct part *p, const struct source *from, uint64_t base, int prot)
{
	uint64_t mapped = p->addr + p->mapped, filled = p->addr + MAX(p->mapped, ALIGN_UP(p->in_file, PAGE_SIZE)), end = p->addr + p->size;
	bool laid = from->laid != NULL;
	NTSTATUS status = run_add(r, &(struct run){ p->addr, mapped, p->offset, prot, RUN_FILE }, from);

	if (status == STATUS_SUCCESS)
		status = run_add(r, &(struct run){ mapped, filled, laid ? mapped - base : 0, laid ? prot : OS_R | OS_W, laid ? RUN_LAID : RUN_FILLED }, from);
	return status == STATUS_SUCCESS ? run_add(r, &(struct run){ filled, end, 0, laid ? prot : OS_R | OS_W, RUN_ZERO }, from) : status;
}

/* Headers before text that lies behind them in the file, too, are mapped with it by one call, so the host lets them be executed. */
static int headers_prot(const struct ldr_image *img, uint64_t base)
{
	struct part head, text;

	if (moves(img, base) || !part_of(img, base, 0, &head) || !part_of(img, base, 1, &text) || head.mapped != head.size || text.mapped == 0)
		return OS_R;
	return text.addr == head.addr + head.size && text.offset == head.size && text.prot == (OS_R | OS_X) ? text.prot : OS_R;
}

/* At its own place nothing is written into it: each part has its protection from the start, as far as it is not filled here. */
static NTSTATUS map_all(const struct ldr_image *img, const struct source *from, uint64_t base)
{
	NTSTATUS status = STATUS_SUCCESS;
	struct run r = { .what = RUN_NONE };
	uint64_t at = base;
	struct part p;

	for (uint32_t n = 0; status == STATUS_SUCCESS && n <= img->nsections; n++) {
		if (!part_of(img, base, n, &p))
			continue;
		if (n == 0)
			p.prot = headers_prot(img, base);
		status = run_add(&r, &(struct run){ at, p.addr, 0, 0, RUN_ZERO }, from); /* between parts: nothing anyone may touch */
		if (status == STATUS_SUCCESS)
			status = map_part(&r, &p, from, base, moves(img, base) ? OS_R | OS_W : p.prot);
		at = p.addr + p.size;
	}
	if (status == STATUS_SUCCESS)
		status = run_add(&r, &(struct run){ at, base + img->size, 0, 0, RUN_ZERO }, from);
	return status == STATUS_SUCCESS ? run_do(&r, from) : status;
}

/* What of a part is not protected yet: all, or what was copied. */
static NTSTATUS protect_all(const struct ldr_image *img, uint64_t base)
{
	NTSTATUS status = STATUS_SUCCESS;
	struct run r = { .what = RUN_NONE };
	struct part p;

	for (uint32_t n = 0; status == STATUS_SUCCESS && n <= img->nsections; n++)
		if (part_of(img, base, n, &p) && p.prot != (OS_R | OS_W))
			status = run_add(&r, &(struct run){ p.addr + (moves(img, base) ? 0 : p.mapped), p.addr + p.size, 0, p.prot, RUN_PROTECT }, NULL);
	return status == STATUS_SUCCESS ? run_do(&r, NULL) : status;
}

NTSTATUS ldr_image_map(const struct ldr_image *img, struct file *f, struct shared_mem *laid, uint64_t base)
{
	const struct source from = { f, moves(img, base) ? NULL : laid };
	NTSTATUS status = map_all(img, &from, base);

	if (status == STATUS_SUCCESS && from.laid == NULL)
		status = fill_all(img, f, base, false);
	if (status == STATUS_SUCCESS && moves(img, base)) {
		status = relocate(base, img);
		if (status == STATUS_SUCCESS)
			status = user_write(base + img->base_offset, &base, sizeof base);
	}
	if (status == STATUS_SUCCESS && from.laid == NULL)
		status = protect_all(img, base);
	if (status != STATUS_SUCCESS)
		(void)os_unmap(base, img->size);
	return status;
}
