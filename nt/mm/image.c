/* SPDX-License-Identifier: MIT */
/* nt/mm/image.c - views of images: nt/ldr maps them, here they are booked. */
#include "nt/ldr/image.h"
#include "nt/mm/mm_int.h"
#include "nt/mm/section.h"

NTSTATUS nt_mm_map_image(struct nt_mm *mm, struct nt_view_wish *w)
{
	struct nt_section *s = w->section;
	uint64_t base = w->base;
	NTSTATUS status;

	if (w->offset != 0 || (base & (NT_GRANULE - 1)))
		return STATUS_MAPPED_ALIGNMENT;
	status = ldr_image_place(mm, s->file, s->image, s, &base);
	if (NT_SUCCESS(status)) {
		w->base = base;
		w->size = s->image->size;
		(void)ldr_ahead(base, s->image, false);
	}
	return status;
}

NTSTATUS nt_mm_image(struct nt_mm *mm, uint64_t base, uint64_t size, struct nt_section *section)
{
	NTSTATUS status = STATUS_CONFLICTING_ADDRESSES;
	struct nt_view *view = section != NULL ? nt_view_new(section) : NULL;
	struct nt_vad *v;

	if (section != NULL && view == NULL)
		return STATUS_NO_MEMORY;
	if (view != NULL)
		view->base = base;
	lock_take(&mm->lock);
	v = nt_vad_find(mm, base);
	if (v != NULL && v->r.start == base && v->r.end - base == PAGE_UP(size) && v->view == NULL) {
		v->view = view;
		status = STATUS_SUCCESS;
	}
	lock_drop(&mm->lock);
	if (status != STATUS_SUCCESS)
		nt_view_put(view);
	return status;
}
