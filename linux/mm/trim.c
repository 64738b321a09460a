/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/trim.c - pages of files that were mapped in while a process started, and that it does not need while it sleeps.
 *
 * The host maps sixteen pages around each fault, so that a started program has several MB of its files' pages in its page tables,
 * most of which it never looks at again.  They stay in the host's page cache: who comes back to one has a fault that
 * finds it there.  Only pages that nobody can have changed go: private mappings that were never writable, and text unless
 * pico has changed any in the sandbox.
 */
#include "abi/layout.h"
#include "linux/mm/mm_int.h"
#include "pico/arena.h"

extern char linux_text_end[]; /* linux.lds: of what the image has read-only, from its start on */

static bool is_clean(const struct region *r)
{
	if (r->kind != REGION_FILE || (r->flags & (RF_SHARED | RF_WROTE | RF_LOCKED | RF_GUARD | RF_POISON)) || r->uffd != NULL)
		return false;
	return !(r->flags & RF_TEXT) || atomic_load(&arena_root()->text_pages) == 0;
}

void mm_trim(struct mm *mm)
{
	mm_lock(mm);
	LIST_REGIONS(r, mm)
		if (is_clean(r))
			(void)DkVirtualMemoryFree(r->start, r->end - r->start, DK_MEM_DECOMMIT);
	mm_unlock(mm);
}

void mm_trim_image(void)
{
	(void)DkVirtualMemoryFree(LINUX_BASE, (uint64_t)linux_text_end - LINUX_BASE, DK_MEM_DECOMMIT);
}
