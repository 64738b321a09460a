/* SPDX-License-Identifier: MIT */
/* linux/misc/sysinfo.c - memory, load and uptime of the sandbox. */
#include "linux/linux.h"
#include "linux/ns/ns.h"
#include "rt/mem.h"
#include "syscalls.gen.h"
#include <linux/sysinfo.h>

long lx_sys_sysinfo(struct lx_thread *t, struct gva out)
{
	struct lx_state *lx = lx_state();
	struct arena_root *a = arena_root();
	struct sysinfo s;
	uint64_t used;

	memset(&s, 0, sizeof s);
	arena_ask();
	used = (atomic_load(&a->pages_used) + atomic_load(&a->data_pages_used) + atomic_load(&a->guest_resident)) * PAGE_SIZE;
	s.uptime = ((int64_t)timens_add(t, CLOCK_BOOTTIME, pico_now() - lx->boot_mono_ns) + 999999999) / 1000000000;
	s.totalram = lx->memtotal;
	s.freeram = lx->memtotal > used ? lx->memtotal - used : 0;
	s.sharedram = atomic_load(&a->data_pages_used) * PAGE_SIZE;
	s.procs = (uint16_t)MIN(lx->nthreads, UINT16_MAX);
	s.mem_unit = 1;
	return copy_out(out, &s, sizeof s);
}
