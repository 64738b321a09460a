/* SPDX-License-Identifier: MIT */
/*
 * nt/mm/placeholder.c - reservations that are split, joined, and replaced in one step by memory or a view
 * (VirtualAlloc2, MapViewOfFile3): the way to lay out rings and cages without a moment in which another thread gets the place.
 */
#include "nt/mm/mm_int.h"

NTSTATUS nt_placeholder_take_locked(struct nt_mm *mm, uint64_t start, uint64_t size, const struct nt_vad *what, struct nt_vad **out)
{
	struct nt_vad *v = nt_vad_find(mm, start);

	if (v == NULL || !(v->flags & VAD_PLACEHOLDER))
		return STATUS_INVALID_PARAMETER;
	if (v->r.start != start || v->r.end - v->r.start != size)
		return STATUS_CONFLICTING_ADDRESSES;
	nt_vad_remove_locked(mm, v);
	return nt_vad_new_locked(mm, &start, size, what, &nt_anywhere, out);
}

NTSTATUS nt_placeholder_put_locked(struct nt_mm *mm, uint64_t start, uint64_t size)
{
	static const struct nt_vad what = { .type = MEM_PRIVATE, .protect = PAGE_NOACCESS, .flags = VAD_PLACEHOLDER };
	struct nt_vad *v;

	return nt_vad_new_locked(mm, &start, size, &what, &nt_anywhere, &v);
}

NTSTATUS nt_placeholder_join_locked(struct nt_mm *mm, uint64_t start, uint64_t end)
{
	struct nt_vad *first = nt_vad_find(mm, start), *v;

	if (first == NULL || first->r.start != start || first->r.end >= end)
		return STATUS_CONFLICTING_ADDRESSES;
	for (uint64_t at = start; at < end; at = v->r.end) {
		v = nt_vad_find(mm, at);
		if (v == NULL || !(v->flags & VAD_PLACEHOLDER) || v->r.end > end)
			return STATUS_CONFLICTING_ADDRESSES;
	}
	while (first->r.end < end) {
		uint64_t next;

		v = nt_vad_find(mm, first->r.end);
		next = v->r.end;
		nt_vad_remove_locked(mm, v);
		range_resize(&mm->vads, &first->r, start, next);
	}
	return STATUS_SUCCESS;
}
