/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/cut.c - mappings of a file in memory that was made shorter.
 *
 * Its pages there are zeroed, and stay where they are (fs/memdata.c); what is mapped of them
 * changes in the process that cut the file: a shared mapping is closed behind the new end, which
 * makes SIGBUS until the file grows again (fault.c), and of a private one the guest's own copies
 * are gone.  Other processes' mappings stay as they were.
 */
#include "linux/entry.h"
#include "linux/fs/mem.h"
#include "linux/mm/mm_int.h"

/* Where in r the file's page of that offset is, at most its end. */
static uint64_t place_of(const struct region *r, uint64_t offset)
{
	uint64_t into = offset > r->offset ? offset - r->offset : 0;

	return into < r->end - r->start ? r->start + into : r->end;
}

static void cut_region(struct region *r, struct inode *i, uint64_t from, uint64_t to)
{
	uint64_t start = place_of(r, from), end = place_of(r, to);

	if (start >= end || r->uffd != NULL)
		return;
	if (r->flags & RF_SHARED) {
		entry_go_slow(ENTRY_FAULTS);
		(void)DkVirtualMemoryProtect(start, end - start, 0);
	} else if (r->flags & RF_WROTE) {
		if (mem_map_afresh(i, start, (end - start) >> PAGE_SHIFT, (int)r->prot, (r->offset + (start - r->start)) >> PAGE_SHIFT) < 0)
			log_line(DK_LOG_WARNING, "pages of a file that was made shorter keep what was written to them");
	}
}

void mm_file_cut(struct mm *mm, struct inode *i, uint64_t size, uint64_t before)
{
	if (mm == NULL)
		return;
	mm_lock(mm);
	LIST_REGIONS(r, mm)
		if (r->kind == REGION_FILE && region_inode(r) == i)
			cut_region(r, i, PAGE_UP(size), PAGE_UP(before));
	mm_unlock(mm);
}
