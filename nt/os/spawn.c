/* SPDX-License-Identifier: MIT */
/*
 * nt/os/spawn.c - a process is made without a copy of its maker: its objects as fork makes them, its program
 * checked as execve does it, and a fresh picoprocess that goes on in exec_fresh.
 *
 * The child's descriptors are only those three it is to have, since NT's objects are inherited by NT's rules.  Its maker ignores
 * SIGCHLD: NT processes do not wait for children, and a child that ended is reaped at once.
 */
#include "linux/exec/exec.h"
#include "linux/fs/vfs.h"
#include "linux/other.h"
#include "linux/proc/fork.h"
#include "linux/proc/proc.h"
#include "linux/sig/internal.h"
#include "nt/ldr/ldr.h"
#include "nt/os/proclink.h"
#include "nt/os/spawn.h"
#include "nt/os/status.h"
#include "rt/mem.h"

static char *arena_string(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = arena_alloc(n);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}

static long image_make(struct lx_thread *t, const struct os_spawn *s, struct exec_image **out)
{
	struct exec_image *img = image_new();
	const char *at = s->strings;
	long err = 0;

	*out = img;
	if (!img)
		return -ENOMEM;
	img->spawned = 1;
	img->args.path = arena_string(s->path);
	if (!img->args.path)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < s->argc + s->envc; i++, at += strlen(at) + 1)
		err = args_append(&img->args, at);
	img->args.argc = s->argc;
	img->args.envc = s->envc;
	return err ? err : image_open(t, img, AT_FDCWD, s->path, 0);
}

/* ---- What differs from a fork's child ---- */

static long own_descriptors(struct lx_proc *p, const struct os_spawn *s)
{
	struct fdtable *fdt = fdt_new(), *old = p->fdt;

	if (!fdt)
		return -ENOMEM;
	lock_take(&fdt->lock);
	for (uint32_t i = 0; i < 3; i++)
		if (s->std[i]) {
			file_get(s->std[i]);
			fdt_put_slot(fdt, i, s->std[i], false);
		}
	lock_drop(&fdt->lock);
	p->fdt = fdt;
	fdt_put_table(old);
	return 0;
}

static long own_cwd(struct lx_thread *t, struct lx_proc *p, const char *cwd)
{
	struct path where, old;
	long err;

	if (!cwd)
		return 0;
	err = path_walk(t, AT_FDCWD, cwd, WALK_FOLLOW | WALK_DIRECTORY, &where, NULL);
	if (err)
		return err;
	old = p->fs->cwd;
	p->fs->cwd = where;
	path_put(&old);
	return 0;
}

static void reap_by_itself(struct lx_thread *t, struct lx_proc *p)
{
	struct sighand *h = t->proc->sighand;

	lock_take(&h->lock);
	h->action[SIGCHLD].handler = LX_SIG_IGN;
	lock_drop(&h->lock);
	p->sighand->action[SIGCHLD].handler = LX_SIG_DFL; /* it is nobody else's yet */
	p->leader->sigmask = 0;
}

static long process_make(struct lx_thread *t, const struct os_spawn *s, const struct fork_args *a, struct lx_proc **out)
{
	long err = tasks_allowed(t);
	struct lx_proc *p = err ? NULL : fork_make_child(t, a, &err);

	if (!p)
		return err;
	err = own_descriptors(p, s);
	if (!err)
		err = own_cwd(t, p, s->cwd);
	if (err) {
		fork_drop_child(p);
		return err;
	}
	reap_by_itself(t, p);
	*out = p;
	return 0;
}

NTSTATUS os_spawn_make(struct os_spawn *s, struct nt_process **out)
{
	const struct fork_args a = { .exit_signal = SIGCHLD };
	struct lx_thread *t = lx_current();
	struct exec_image *img = NULL;
	struct nt_process *np;
	struct lx_proc *p = NULL;
	long err;

	FS_SETTLE(t);
	err = image_make(t, s, &img);
	if (!err)
		err = process_make(t, s, &a, &p);
	if (err) {
		image_free(img);
		return os_status(err);
	}
	p->mm = NULL;
	p->exec = img;
	fork_link_child(t, p, &a);
	np = ldr_process_new(p);
	if (np == NULL) {
		p->exec = NULL;
		image_free(img);
		fork_unlink_child(p);
		return STATUS_NO_MEMORY;
	}
	p->nt_start = s->start;
	*out = np; /* with the maker's reference */
	return STATUS_SUCCESS;
}

struct lx_thread *os_spawn_leader(struct nt_process *p)
{
	return p->lx->leader;
}

static void never_ran(struct lx_proc *p)
{
	struct exec_image *img = p->exec;

	p->exec = NULL;
	nt_start_free(p->nt_start);
	p->nt_start = NULL;
	image_free(img);
	p->exit_code = SIGKILL;
	nt_proc_exit(p);
	fork_unlink_child(p);
	proc_put(p); /* the picoprocess's */
}

NTSTATUS os_spawn_run(struct nt_process *np)
{
	struct lx_proc *p = np->lx;
	enum dk_status status;

	proc_get(p); /* its own picoprocess's; ours is np's */
	kproc_need();
	status = pico_create_process(&p->pico, &p->leader->pico);
	if (status == DK_OK) {
		proc_set_host(p, p->pico.process);
		return STATUS_SUCCESS;
	}
	never_ran(p);
	return status == DK_TOO_MANY ? (NTSTATUS)STATUS_INSUFFICIENT_RESOURCES : os_status(lx_err(status));
}
