/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs_maps.c - maps and smaps.  Regions are private memory: another
 * process is asked for its own, a piece at a time.
 */
#include "linux/fs/procfs.h"

#include "linux/proc/remote.h"

#define CHUNK 32768u

static void show_regions(struct text *x, struct node_ctx *c, enum maps_kind kind)
{
	char *buf;
	uint64_t at = 0;
	long n;

	if (c->proc->state != PROC_LIVE)
		return;
	buf = heap_alloc(CHUNK);
	if (!buf)
		return;
	while ((n = remote_maps(c->proc, buf, CHUNK, &at, kind)) > 0)
		text_put(x, buf, (size_t)n);
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
