/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs_maps.c - maps and smaps.  Regions are private memory, so they are
 * exact for the process that asks about itself; of others only heap and stack
 * are known, by what lx_proc keeps.
 */
#include "linux/fs/procfs.h"

#include "linux/mm/mm.h"

#define CHUNK 16384u

static void show_others(struct text *x, struct lx_proc *p)
{
	const char *path = p->exe_path;

	if (p->brk_start && p->brk > p->brk_start)
		text_add(x, "%012lx-%012lx rw-p 00000000 00:00 0                          [heap]\n", (unsigned long)p->brk_start,
			(unsigned long)PAGE_UP(p->brk));
	if (p->stack_start) {
		uint64_t end = PAGE_UP(p->stack_start + 4096);

		text_add(x, "%012lx-%012lx rw-p 00000000 00:00 0                          [stack]\n", (unsigned long)(end - 0x21000),
			(unsigned long)end);
	}
	(void)path;
}

static void show_regions(struct text *x, struct node_ctx *c, enum maps_kind kind)
{
	char *buf;
	uint64_t at = 0;
	size_t n;

	if (c->proc->state != PROC_LIVE)
		return;
	if (c->proc != c->t->proc) {
		show_others(x, c->proc);
		return;
	}
	buf = heap_alloc(CHUNK);
	if (!buf)
		return;
	while ((n = mm_maps_text(c->proc->mm, buf, CHUNK, &at, kind)) > 0)
		text_put(x, buf, n);
	heap_free(buf);
}

SHOW(maps)
{
	show_regions(x, c, MAPS_MAPS);
}

SHOW(smaps)
{
	show_regions(x, c, MAPS_SMAPS);
}

SHOW(smaps_rollup)
{
	show_regions(x, c, MAPS_ROLLUP);
}
