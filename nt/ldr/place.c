/* SPDX-License-Identifier: MIT */
/* nt/ldr/place.c - an image's place in an address space, and what nt/mm is told of its pages. */
#include "nt/ldr/image.h"
#include "nt/mm/mm.h"

/* An image without relocations may be looked at anywhere, but a program must lie where it wants to (ntdll refuses DLLs itself). */
static NTSTATUS find_place(struct nt_mm *mm, const struct ldr_image *img, bool view, uint64_t *base)
{
	uint64_t wish = *base != 0 ? *base : img->base;
	NTSTATUS status;

	*base = wish;
	status = nt_mm_reserve(mm, base, img->size, MEM_IMAGE, PAGE_EXECUTE_WRITECOPY, 0, 0);
	if (status == STATUS_SUCCESS || (img->stripped && !view) || wish != img->base)
		return status;
	*base = 0;
	return nt_mm_reserve(mm, base, img->size, MEM_IMAGE, PAGE_EXECUTE_WRITECOPY, 0, 0);
}

static NTSTATUS tell_pages(struct nt_mm *mm, const struct ldr_image *img, uint64_t base)
{
	NTSTATUS status = nt_mm_mapped(mm, base, ALIGN_UP((uint64_t)img->headers_size, PAGE_SIZE),
		img->flat ? PAGE_EXECUTE_WRITECOPY : PAGE_READONLY);

	for (uint32_t i = 0; status == STATUS_SUCCESS && i < img->nsections; i++)
		if (img->section[i].size != 0)
			status = nt_mm_mapped(mm, base + img->section[i].rva, ALIGN_UP((uint64_t)img->section[i].size, PAGE_SIZE),
				ldr_section_protect(&img->section[i]));
	return status;
}

NTSTATUS ldr_image_place(struct nt_mm *mm, struct file *f, const struct ldr_image *img, struct nt_section *section, uint64_t *base)
{
	NTSTATUS status = find_place(mm, img, section != NULL, base);

	if (status != STATUS_SUCCESS)
		return status;
	status = ldr_image_map(img, f, *base == img->base ? ldr_image_laid(img, f) : NULL, *base);
	if (status == STATUS_SUCCESS)
		status = tell_pages(mm, img, *base);
	if (status == STATUS_SUCCESS)
		status = nt_mm_image(mm, *base, img->size, section);
	if (status != STATUS_SUCCESS) {
		(void)nt_mm_release(mm, *base);
		return status;
	}
	return *base == img->base ? STATUS_SUCCESS : (NTSTATUS)STATUS_IMAGE_NOT_AT_BASE;
}
