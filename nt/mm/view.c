/* SPDX-License-Identifier: MIT */
/* nt/mm/view.c - views of sections. */
#include "nt/mm/mm_int.h"

NTSTATUS nt_view_commit_locked(struct nt_mm *mm, struct nt_vad *v, uint64_t start, uint64_t end, uint32_t protect)
{
	(void)mm, (void)v, (void)start, (void)end, (void)protect;
	return STATUS_ALREADY_COMMITTED;
}

void nt_view_put(struct nt_view *view)
{
	(void)view;
}
