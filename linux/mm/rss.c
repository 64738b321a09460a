/* SPDX-License-Identifier: MIT */
/*
 * linux/mm/rss.c - how much memory processes have in use, for /proc.
 *
 * The host counts by picoprocess, and so with the library OS's own memory, which is
 * taken off again: heap, stacks and data, and what is touched of its images.  These
 * vary by some 100 KB.  Pages of arena-data that are mapped are counted by the host
 * with those that the library OS itself looked at, so shared memory is not told.
 */
#include "linux/mm/mm_int.h"

#define OWN_ANON   47u /* pages, with the first thread's stacks */
#define OWN_THREAD 4u
#define OWN_FILE   139u

static uint64_t without(uint64_t pages, uint64_t own)
{
	return pages > own ? pages - own : 0;
}

void proc_rss(struct lx_proc *p, struct proc_rss *out)
{
	struct dk_memory_usage u;
	dk_handle host = __atomic_load_n(&p->host, __ATOMIC_ACQUIRE);
	uint64_t done;

	*out = (struct proc_rss){ 0 };
	if (p->state != PROC_LIVE || host == DK_NO_HANDLE ||
	    DkVirtualMemoryQuery(host, 0, 0, DK_QUERY_USAGE, &u, sizeof u, &done) != DK_OK || done != sizeof u)
		return;
	out->anon = without(u.anon, OWN_ANON + OWN_THREAD * (p->nthreads - MIN(p->nthreads, 1u)));
	out->file = without(u.file, OWN_FILE);
	p->peak_rss = MAX(p->peak_rss, out->anon + out->file);
	out->peak = p->peak_rss;
}
