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

SHOW(numa_maps)
{
	show_regions(x, c, MAPS_NUMA);
}

SHOW(smaps_rollup)
{
	show_regions(x, c, MAPS_ROLLUP);
}

/* Of the asker's own process; another's pages are told as not there. */
long raw_pagemap(struct node_ctx *c, const struct iov *v, uint64_t *pos, bool write)
{
	uint64_t entry[PAGEMAP_MAX], done = 0;

	if (write)
		return -EINVAL;
	if ((*pos | v->size) & 7)
		return -EINVAL;
	while (done < v->size && *pos >> 3 < GUEST_HIGH >> PAGE_SHIFT) {
		uint64_t n = MIN((v->size - done) >> 3, (uint64_t)PAGEMAP_MAX), put;

		n = MIN(n, (GUEST_HIGH >> PAGE_SHIFT) - (*pos >> 3));
		memset(entry, 0, n * sizeof entry[0]);
		if (c->proc == c->t->proc && !c->proc->mm_borrowed)
			mm_pagemap(c->proc->mm, *pos >> 3, n, entry);
		put = iov_put(v, done, entry, n * sizeof entry[0]);
		done += put;
		*pos += put;
		if (put < n * sizeof entry[0])
			return done != 0 ? (long)done : -EFAULT;
	}
	return (long)done;
}
