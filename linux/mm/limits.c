/* SPDX-License-Identifier: MIT */
/* linux/mm/limits.c - may a mapping be, by the process's limits and by what the sandbox could ever have. */
#include "linux/fs/procfs.h"
#include "linux/mm/mm_int.h"

/* Pages that are mapped where w is to be and would go; data: count only those of RLIMIT_DATA. */
static uint64_t pages_in(struct mm *mm, const struct map_wish *w, bool data)
{
	uint64_t n = 0, end = w->addr + w->len;
	struct region *r;

	if (!(w->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return 0; /* placed where nothing is */
	for (uint64_t at = w->addr; (r = region_next(&mm->tree, at)) != NULL && r->start < end; at = r->end)
		if (r->kind != REGION_ROOM && (!data || region_is_private_write(r)))
			n += (MIN(r->end, end) - MAX(r->start, w->addr)) >> PAGE_SHIFT;
	return n;
}

static bool over(int which, uint64_t pages)
{
	uint64_t limit = mm_rlimit(which);

	return limit != RLIM64_INFINITY && pages > limit >> PAGE_SHIFT;
}

bool mm_wish_is_data(const struct map_wish *w)
{
	return !(w->rflags & (RF_SHARED | RF_STACK | RF_GROWSDOWN)) && (w->prot & PROT_WRITE);
}

long mm_check_limits(struct mm *mm, const struct map_wish *w)
{
	uint64_t n = w->len >> PAGE_SHIFT, locked;

	if (over(RLIMIT_AS, mm->vm_pages - pages_in(mm, w, false) + n))
		return -ENOMEM;
	if (mm_wish_is_data(w) && over(RLIMIT_DATA, mm->data_pages - MIN(mm->data_pages, pages_in(mm, w, true)) + n))
		return -ENOMEM;
	locked = mm->locked_pages + n;
	if ((w->rflags & RF_LOCKED) && over(RLIMIT_MEMLOCK, locked) && !lx_capable(lx_current(), CAP_IPC_LOCK))
		return -EAGAIN;
	return 0;
}

/* Linux's heuristic overcommit refuses only what could never be had. */
bool mm_wish_absurd(const struct map_wish *w)
{
	uint64_t total = lx_state()->memtotal;

	return total != 0 && w->len > total && w->len > 1ull << 30 && sysctl_value(CTL_OVERCOMMIT) != 1;
}
