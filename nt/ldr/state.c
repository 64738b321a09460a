/* SPDX-License-Identifier: MIT */
/* nt/ldr/state.c - the global state, made with the sandbox's first NT process; and process objects. */
#include "nt/ex/ex.h"
#include "nt/ex/wait.h"
#include "nt/io/io.h"
#include "nt/ldr/ldr.h"
#include "nt/os/proclink.h"
#include "nt/ps/ps.h"
#include "rt/mem.h"

static struct nt_state *make(void)
{
	struct nt_state *nt = arena_alloc(sizeof *nt);

	if (nt == NULL)
		return NULL;
	lock_init(&nt->procs_lock, LOCK_NTPROCS);
	lock_init(&nt->tick_lock, LOCK_NTEX);
	list_init(&nt->processes);
	list_init(&nt->ended);
	lock_init(&nt->images_lock, LOCK_NTEX);
	list_init(&nt->images);
	nt->boot_time = ex_system_time();
	return nt;
}

/* Who comes first makes it; others wait, a millisecond at most. */
struct nt_state *nt_boot(void)
{
	void **root = &arena_root()->provider_root[PICO_PROVIDER_NT], *none = NULL;
	struct nt_state *nt;

	if (nt_state() == NULL) {
		nt = make();
		if (nt == NULL)
			return NULL;
		if (__atomic_compare_exchange_n(root, &none, nt, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			if (!kuser_boot(nt))
				panic("not enough memory for Windows programs");
			ob_boot();
			ex_boot();
			io_boot();
			__atomic_store_n(&nt->ready, 1, __ATOMIC_RELEASE);
			return nt;
		}
		arena_free(nt);
	}
	nt = nt_state();
	while (!__atomic_load_n(&nt->ready, __ATOMIC_ACQUIRE))
		(void)DkThreadYieldExecution();
	return nt;
}

struct nt_process *ldr_process_new(struct lx_proc *lx)
{
	struct nt_state *nt = nt_state();
	struct nt_process *p = ob_alloc(OB_PROCESS, sizeof *p);

	if (p == NULL)
		return NULL;
	lock_init(&p->lock, LOCK_NTPROC);
	list_init(&p->threads);
	list_init(&p->all);
	list_init(&p->job_link);
	p->exit_status = STATUS_PENDING;
	p->priority_class = 2;
	p->create_time = ex_system_time();
	p->handles = ob_table_new();
	if (p->handles == NULL || !ps_process_init(p)) {
		ob_put(&p->ob);
		return NULL;
	}
	os_process_adopt(p, lx);
	lock_take(&nt->procs_lock);
	list_append(&nt->processes, &p->all);
	atomic_fetch_add(&nt->nprocesses, 1);
	lock_drop(&nt->procs_lock);
	return p;
}
