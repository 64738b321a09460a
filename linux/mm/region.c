/* SPDX-License-Identifier: MIT */
/* linux/mm/region.c - what a region is, for who lists them other than as text: core files. */
#include "linux/mm/mm_int.h"
#include "rt/mem.h"

bool mm_region_at(struct mm *mm, uint64_t addr, struct mm_region *out, char *path)
{
	const struct region *r;

	mm_lock(mm);
	do
		r = region_next(&mm->tree, addr);
	while (r != NULL && r->kind == REGION_ROOM && (addr = r->end) != 0);
	if (r != NULL) {
		const struct file *f = r->kind == REGION_FILE ? r->object : NULL;

		*out = (struct mm_region){
			.start = r->start, .end = r->end, .offset = r->offset, .prot = r->prot & 7, .file = f != NULL,
			.shared = r->flags & RF_SHARED, .own = r->kind == REGION_ANON || (r->flags & RF_WROTE), .keep = r->flags & RF_DONTDUMP,
		};
		if (path != NULL && (f == NULL || f->path.dentry == NULL || path_text(lx_current(), &f->path, path, PATH_MAX) < 0))
			path[0] = '\0';
	}
	mm_unlock(mm);
	return r != NULL;
}
