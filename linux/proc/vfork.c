/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/vfork.c - vfork and posix_spawn without a copy.
 *
 * The child gets its own process and thread objects, but runs on its parent's
 * host thread, in the parent's picoprocess and address space, until it ends or
 * executes a program (which then starts in a fresh picoprocess).  What the host
 * thread has of the parent's is put away meanwhile: the registers of its call,
 * the FS base, the floating-point control words.  Everything else (signal mask,
 * alternate stack, clear_child_tid, robust list, pending signals) belongs to the
 * thread object and needs no saving.
 *
 * While its thread is lent, the parent cannot be interrupted: what comes for it
 * waits, and pico_become makes it look when it gets its thread back.
 */
#include "linux/entry.h"
#include "linux/misc/cputime.h"
#include "linux/proc/proc.h"
#include "rt/mem.h"

/* In the private heap; the parent's priv[0] points to it. */
struct vfork_save {
	struct dk_context frame;
	uint64_t fs_base;
	uint32_t mxcsr;
	uint16_t fcw;
	int pid; /* what the call returns to the parent */
};

/* Guest processes in this picoprocess, less one.  The thread that ends the last one ends the picoprocess. */
static _Atomic uint32_t further FIRST_BSS;

uint32_t pico_users(void)
{
	return atomic_load(&further) + 1;
}

uint32_t pico_users_add(int n)
{
	return atomic_fetch_add(&further, (uint32_t)n) + (uint32_t)n + 1;
}

void pico_users_forked(void)
{
	atomic_store(&further, 0);
}

static void change_thread(struct lx_thread *from, struct lx_thread *to)
{
	__atomic_store_n(&from->pico.thread, DK_NO_HANDLE, __ATOMIC_SEQ_CST);
	pico_become(&to->pico);
}

/* Whoever wants something of the parent's memory marks the child's thread (remote.c). */
static void set_lent(struct lx_thread *parent, struct lx_thread *to)
{
	lock_take(&parent->proc->lock);
	parent->lent_to = to;
	lock_drop(&parent->proc->lock);
}

long vfork_borrow(struct lx_thread *parent, struct lx_thread *child, uint64_t stack, bool set_tls, uint64_t tls, int pid)
{
	struct vfork_save *save = heap_alloc(sizeof *save);
	struct dk_context *c = pico_frame();

	if (!save)
		return -ENOMEM;
	save->frame = *c;
	save->fs_base = pico_get_fs_base();
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(save->mxcsr), "=m"(save->fcw));
	save->pid = pid;
	parent->priv[0] = save;
	child->vfork_parent = parent;
	set_lent(parent, child);
	child->fs_base = set_tls ? tls : save->fs_base;
	pico_users_add(1);
	cputime_lent(child);
	change_thread(parent, child);
	if (stack)
		c->rsp = stack;
	if (set_tls)
		pico_set_fs_base(tls);
	return 0;
}

struct lx_thread *vfork_give_back(struct lx_thread *child)
{
	struct lx_thread *parent = child->vfork_parent;

	cputime_returned(child, parent);
	child->vfork_parent = NULL;
	set_lent(parent, NULL);
	pico_users_add(-1);
	change_thread(child, parent);
	return parent;
}

void vfork_take_again(struct lx_thread *child, struct lx_thread *parent)
{
	child->vfork_parent = parent;
	set_lent(parent, child);
	pico_users_add(1);
	cputime_lent(child);
	change_thread(parent, child);
}

void vfork_resume(struct lx_thread *parent)
{
	struct vfork_save *save = parent->priv[0];
	struct dk_context *c = pico_frame();
	int pid = save->pid;

	parent->priv[0] = NULL;
	pico_set_fs_base(save->fs_base);
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(save->mxcsr), "m"(save->fcw));
	*c = save->frame;
	c->rax = (uint64_t)pid;
	heap_free(save);
	trace_resumed(parent, pid);
	pico_enter_user(c);
}
