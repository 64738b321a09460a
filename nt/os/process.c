/* SPDX-License-Identifier: MIT */
/* nt/os/process.c - processes of NT on linux/proc's. */
#include "linux/exec/exec.h"
#include "linux/misc/cputime.h"
#include "linux/misc/cred.h"
#include "linux/misc/sched.h"
#include "linux/proc/proc.h"
#include "nt/os/process.h"

void os_process_kill(struct lx_proc *p, uint32_t code)
{
	proc_mark_exit(p, os_exit_status(code));
}

void os_process_times(struct lx_proc *p, uint64_t *user, uint64_t *kernel)
{
	struct cpu_times times = { 0 };

	proc_cpu_times(lx_current(), p, &times);
	*user = times.user;
	*kernel = times.system;
}

void os_barrier(void)
{
	(void)barrier_all(lx_current());
}

uint32_t os_cpu_number(void)
{
	return cpu_here();
}

uint64_t os_cpus_mask(void)
{
	uint32_t n = lx_state()->ncpus;

	return n >= 64 ? UINT64_MAX : (1ull << n) - 1;
}

uint64_t os_random(void)
{
	return exec_random();
}

void os_process_memory(struct lx_proc *p, struct os_process_memory *m)
{
	m->virtual_size = p->vm_pages << PAGE_SHIFT;
	m->peak_virtual = MAX(p->max_vm, p->vm_pages) << PAGE_SHIFT;
	m->resident = p->rss_pages << PAGE_SHIFT;
	m->peak_resident = MAX(p->peak_rss, p->rss_pages) << PAGE_SHIFT;
	m->private_bytes = p->data_pages << PAGE_SHIFT;
}

void os_process_io(struct lx_proc *p, uint64_t io[4])
{
	lock_take(&p->lock);
	for (unsigned i = 0; i < 4; i++)
		io[i] = p->io_ended[i];
	LIST_FOR (t, &p->threads, struct lx_thread, sibling)
		for (unsigned i = 0; i < 4; i++)
			io[i] += t->io[i];
	lock_drop(&p->lock);
}
