/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs_sys.c - /proc's texts about the whole: memory from the arena's
 * counters and the sandbox's limit, times from the processes.
 */
#include "linux/misc/cputime.h"
#include "linux/fs/procfs.h"
#include "linux/ns/ns.h"

#include "linux/mm/mm.h"
#include "linux/proc/proc.h"

#define TICK_NS 10000000ull

static uint64_t used_bytes(void)
{
	struct arena_root *a = arena_root();

	arena_ask();
	return (atomic_load(&a->pages_used) + atomic_load(&a->data_pages_used) + atomic_load(&a->guest_resident)) * PAGE_SIZE;
}

static void kb(struct text *x, const char *name, uint64_t bytes)
{
	text_add(x, "%s:%*s%8lu kB\n", name, (int)(15 - strlen(name)), "", (unsigned long)(bytes / 1024));
}

SHOW(meminfo)
{
	static const char *const zero[] = { "Buffers", "Cached", "SwapCached" };
	static const char *const more[] = { "Unevictable", "Mlocked", "SwapTotal", "SwapFree", "Dirty", "Writeback" };
	static const char *const last[] = { "KernelStack", "PageTables", "NFS_Unstable", "Bounce", "WritebackTmp" };
	struct lx_state *lx = lx_state();
	uint64_t used = used_bytes(), shared = atomic_load(&arena_root()->data_pages_used) * PAGE_SIZE;
	uint64_t left = lx->memtotal > used ? lx->memtotal - used : 0;
	uint64_t kernel = atomic_load(&arena_root()->pages_used) * PAGE_SIZE;

	kb(x, "MemTotal", lx->memtotal);
	kb(x, "MemFree", left);
	kb(x, "MemAvailable", left);
	for (unsigned i = 0; i < ARRAY_LEN(zero); i++)
		kb(x, zero[i], 0);
	kb(x, "Active", used);
	kb(x, "Inactive", 0);
	kb(x, "Active(anon)", used);
	kb(x, "Inactive(anon)", 0);
	kb(x, "Active(file)", 0);
	kb(x, "Inactive(file)", 0);
	for (unsigned i = 0; i < ARRAY_LEN(more); i++)
		kb(x, more[i], 0);
	kb(x, "AnonPages", used - MIN(used, shared + kernel));
	kb(x, "Mapped", 0);
	kb(x, "Shmem", shared);
	kb(x, "KReclaimable", 0);
	kb(x, "Slab", kernel);
	kb(x, "SReclaimable", 0);
	kb(x, "SUnreclaim", kernel);
	for (unsigned i = 0; i < ARRAY_LEN(last); i++)
		kb(x, last[i], 0);
	kb(x, "CommitLimit", mm_commit_limit() * PAGE_SIZE);
	kb(x, "Committed_AS", atomic_load(&arena_root()->guest_pages) * PAGE_SIZE + shared);
	text_add(x, "VmallocTotal:   34359738367 kB\nVmallocUsed:           0 kB\nVmallocChunk:          0 kB\n");
	text_add(x, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n");
	kb(x, "Hugepagesize", 2048 * 1024);
	kb(x, "Hugetlb", 0);
}

SHOW(vmstat)
{
	uint64_t used = used_bytes(), left = lx_state()->memtotal - MIN(used, lx_state()->memtotal);

	text_add(x, "nr_free_pages %lu\nnr_anon_pages %lu\nnr_mapped 0\nnr_file_pages 0\nnr_dirty 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n"
		"pgfault 0\npgmajfault 0\noom_kill %lu\n", (unsigned long)(left / PAGE_SIZE), (unsigned long)(used / PAGE_SIZE), (unsigned long)lx_state()->oom_kills);
}

/* One node with one zone. */
SHOW(zoneinfo)
{
	unsigned long total = (unsigned long)(lx_state()->memtotal >> PAGE_SHIFT), used = (unsigned long)(used_bytes() >> PAGE_SHIFT), left = total - MIN(used, total);

	text_add(x, "Node 0, zone   Normal\n  per-node stats\n      nr_anon_pages %lu\n      nr_mapped    0\n      nr_file_pages 0\n      nr_dirty     0\n", used);
	text_add(x, "  pages free     %lu\n        boost    0\n        min      0\n        low      0\n        high     0\n"
		"        spanned  %lu\n        present  %lu\n        managed  %lu\n        cma      0\n        protection: (0)\n"
		"      nr_free_pages %lu\n  node_unreclaimable:  0\n  start_pfn:           1\n", left, total, total, total, left);
}

#define BUDDY_SIZES 11u

/* As if what is free were in the largest blocks. */
SHOW(buddyinfo)
{
	uint64_t used = used_bytes(), left = (lx_state()->memtotal - MIN(used, lx_state()->memtotal)) >> PAGE_SHIFT;

	text_add(x, "Node 0, zone   Normal ");
	for (unsigned order = 0; order < BUDDY_SIZES; order++)
		text_add(x, "%6lu ", (unsigned long)(order + 1 < BUDDY_SIZES ? left >> order & 1 : left >> order));
	text_add(x, "\n");
}

/* Totals over all live processes; those that ended and were waited for are in their parents. */
static void all_times(struct lx_thread *me, uint64_t *user, uint64_t *system, unsigned *running)
{
	*user = *system = 0;
	*running = 0;
	lock_take(&lx_state()->tasklist);
	LIST_FOR(p, &lx_state()->procs, struct lx_proc, all) {
		struct cpu_times now;

		proc_cpu_times(me, p, &now);
		*user += now.user + p->cutime_ns;
		*system += now.system + p->cstime_ns;
		lock_take(&p->lock);
		LIST_FOR(t, &p->threads, struct lx_thread, sibling)
			*running += !t->pico.sleeping;
		lock_drop(&p->lock);
	}
	lock_drop(&lx_state()->tasklist);
	*running = *running ? *running : 1;
}

static uint64_t uptime_ns(void)
{
	return pico_now() - lx_state()->boot_mono_ns;
}

static void cpu_line(struct text *x, const char *name, uint64_t user, uint64_t system, uint64_t total)
{
	uint64_t idle = total > user + system ? total - user - system : 0;

	text_add(x, "%s %lu 0 %lu %lu 0 0 0 0 0 0\n", name, (unsigned long)(user / TICK_NS), (unsigned long)(system / TICK_NS),
		(unsigned long)(idle / TICK_NS));
}

SHOW(system_stat)
{
	struct lx_state *lx = lx_state();
	uint64_t user, system;
	unsigned running;
	char name[16];

	all_times(c->t, &user, &system, &running);
	cpu_line(x, "cpu ", user, system, uptime_ns() * lx->ncpus);
	for (unsigned n = 0; n < lx->ncpus; n++) {
		fmt_snprintf(name, sizeof name, "cpu%u", n);
		cpu_line(x, name, user / lx->ncpus, system / lx->ncpus, uptime_ns());
	}
	text_add(x, "intr 0\nctxt 0\nbtime %lu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
		(unsigned long)(lx->boot_real_ns / 1000000000), atomic_load(&lx->next_tid), running);
}

SHOW(uptime)
{
	uint64_t user, system, up = timens_add(c->t, CLOCK_BOOTTIME, uptime_ns()), idle; /* a sandbox may be younger than an offset is negative */
	unsigned running;

	all_times(c->t, &user, &system, &running);
	up = (int64_t)up < 0 ? 0 : up;
	idle = up * lx_state()->ncpus;
	idle -= MIN(idle, user + system);
	text_add(x, "%lu.%02lu %lu.%02lu\n", (unsigned long)(up / 1000000000), (unsigned long)(up / TICK_NS % 100),
		(unsigned long)(idle / 1000000000), (unsigned long)(idle / TICK_NS % 100));
}

SHOW(loadavg)
{
	uint64_t user, system;
	unsigned running;

	all_times(c->t, &user, &system, &running);
	text_add(x, "0.00 0.00 0.00 %u/%u %d\n", running, lx_state()->nthreads, tid_last());
}

SHOW(version)
{
	text_add(x, "Linux version " LX_RELEASE " (bailey@bailey) (gcc " __VERSION__ ") " LX_VERSION "\n");
}

SHOW(interrupts)
{
	text_add(x, "    ");
	for (unsigned n = 0; n < lx_state()->ncpus; n++)
		text_add(x, "       CPU%u", n);
	text_add(x, "\n");
}
