/* SPDX-License-Identifier: MIT */
/* nt/os/proclink.c - references between struct nt_process and struct lx_proc. */
#include "linux/proc/proc.h"
#include "nt/os/proclink.h"

void os_process_adopt(struct nt_process *p, struct lx_proc *lx)
{
	struct lx_proc *parent = lx->parent;

	proc_get(lx);
	p->lx = lx;
	p->pid = os_nt_id(lx->pid);
	p->parent_pid = parent != NULL ? os_nt_id(parent->pid) : 0;
	ob_get(&p->ob);
	lx->nt = p;
}

void os_process_left(struct nt_process *p)
{
	p->lx->nt = NULL;
	ob_put(&p->ob);
}

void os_process_forget(struct nt_process *p)
{
	struct lx_proc *lx = p->lx;

	p->lx = NULL;
	if (lx != NULL)
		proc_put(lx);
}
