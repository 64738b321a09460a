/* SPDX-License-Identifier: MIT */
/*
 * nt/os/exec.c - execve of a Windows program, and the end of NT processes: what linux/ calls (linux/other.h).
 *
 * The process stays the same struct lx_proc.  Its new program is started as NtCreateUserProcess said (p->nt_start), or,
 * if a Linux program or the user did it, from execve's strings.
 */
#include "linux/exec/exec.h"
#include "linux/other.h"
#include "linux/proc/proc.h"
#include "linux/sig/sig.h"
#include "nt/cm/persist.h"
#include "nt/con/con.h"
#include "nt/io/io.h"
#include "nt/ke/trace.h"
#include "nt/ldr/ldr.h"
#include "nt/os/map.h"
#include "nt/os/proclink.h"
#include "nt/os/provider.h"
#include "nt/os/thread.h"
#include "nt/ps/ps.h"
#include "rt/mem.h"

#define KPROC_MS 12u

static const char *problem_of(NTSTATUS status)
{
	if (status == STATUS_INVALID_IMAGE_WIN_64)
		return "it is a 32-bit Windows program; only 64-bit x86 programs run here";
	return "it is no Windows program that can run here, or a broken one";
}

long nt_exec_open(struct lx_thread *t, struct exec_image *img, const char *head, size_t have, const char **problem)
{
	const struct ldr_image *pe = NULL;
	NTSTATUS status = ldr_program_of(img->prog.file, &pe);
	bool dll = status == STATUS_SUCCESS && pe->characteristics & 0x2000;

	(void)head;
	(void)have;
	ldr_image_put(pe);
	if (status != STATUS_SUCCESS || dll) {
		*problem = dll ? "it is a DLL, not a program" : problem_of(status);
		return -ENOEXEC;
	}
	img->pe = 1;
	if (vfs_open(t, AT_FDCWD, LDR_DLLS "ntdll.dll", O_RDONLY, 0, &img->interp.file) != 0) {
		*problem = "Windows programs need Wine's DLLs in " LDR_DLLS ": install Debian's package libwine";
		return -ENOENT;
	}
	return 0;
}

static struct nt_start *start_from_exec(struct lx_thread *t, const struct exec_image *img)
{
	struct fs_context *fs = t->proc->fs;
	char *cwd = path_buf();
	struct nt_start *s = NULL;

	FS_SETTLE(t);
	if (cwd != NULL && path_text(t, &fs->cwd, cwd, PATH_MAX) > 0)
		s = ldr_start_from_strings(t->proc->exe_path, cwd, img->args.strings, img->args.argc, img->args.envc);
	path_buf_free(cwd);
	return s;
}

/* made: by NtCreateUserProcess, with handles. */
static NTSTATUS become(struct lx_thread *t, struct exec_image *img, struct nt_start *start, bool made, struct dk_context *c, const char **problem)
{
	struct nt_process *p = t->proc->nt;
	NTSTATUS status = STATUS_SUCCESS;

	if (p == NULL) {
		p = ldr_process_new(t->proc);
		if (p == NULL)
			return STATUS_NO_MEMORY;
		ob_put(&p->ob); /* t->proc has its own */
	}
	if (!made)
		status = io_std_handles(p, start->std_handle);
	if (!made)
		start->console_handle = con_reference(p);
	return status == STATUS_SUCCESS ? ldr_load(p, t, img->prog.file, img->interp.file, start, c, problem) : status;
}

long nt_exec_load(struct lx_thread *t, struct exec_image *img, struct dk_context *c)
{
	struct nt_start *start;
	bool made;
	const char *problem = "there is not enough memory", *damaged;
	NTSTATUS status = STATUS_NO_MEMORY;

	if (nt_boot() == NULL)
		return -ENOMEM;
	nt_trace_init();
	nt_provider_register();
	made = t->proc->nt_start != NULL;
	start = made ? t->proc->nt_start : start_from_exec(t, img);
	t->proc->nt_start = NULL;
	damaged = cm_persist_problem();
	if (damaged != NULL) {
		problem = damaged;
		status = STATUS_REGISTRY_CORRUPT;
	} else if (start != NULL) {
		status = become(t, img, start, made, c, &problem);
	}
	nt_start_free(start);
	if (status != STATUS_SUCCESS) {
		log_line(DK_LOG_ERROR, "cannot run %s: %s (status 0x%x)", t->proc->exe_path, problem, status);
		lx_group_exit(t, (damaged != NULL ? 125u : 126u) << 8); /* the old program is gone; docker's code for what cannot be executed */
	}
	os_thread_takes_events(t);
	ps_segments();
	pico_set_guest_gs(t->nt->teb);
	/* kproc keeps the clocks.  It takes two milliseconds to start, which is how long many programs run. */
	if (!__atomic_load_n(&lx_state()->kproc_started, __ATOMIC_ACQUIRE))
		pico_start_kproc_soon(KPROC_MS);
	if (!made) /* his maker has it keep them */
		kproc_kick();
	return 0;
}

void nt_wait_resumed(struct lx_thread *t)
{
	while (t->nt != NULL && __atomic_load_n(&t->nt->suspend_count, __ATOMIC_ACQUIRE) != 0 && !thread_should_exit(t))
		if (pico_wait(DK_FOREVER, 0) == DK_INTERRUPTED) {
			if (signal_work(t))
				break;
			pico_tb()->work = 0;
		}
	pico_tb()->work = 1;
}

void nt_thread_exit(struct lx_thread *t)
{
	ps_thread_ended(t->nt);
	t->nt = NULL;
}

void nt_proc_exit(struct lx_proc *p)
{
	struct nt_state *nt = nt_state();
	struct nt_process *np = p->nt;

	ps_process_ended(np, p->exit_code);
	lock_take(&nt->procs_lock);
	list_remove(&np->all);
	list_append(&nt->ended, &np->all);
	atomic_fetch_sub(&nt->nprocesses, 1);
	lock_drop(&nt->procs_lock);
	ps_system_left(np);
	os_process_left(np);
}

uint64_t nt_tick(uint64_t now)
{
	struct nt_state *nt = nt_state();

	if (nt == NULL || !__atomic_load_n(&nt->ready, __ATOMIC_ACQUIRE) || atomic_load_explicit(&nt->nprocesses, memory_order_relaxed) == 0)
		return DK_FOREVER;
	kuser_tick(nt);
	ps_jobs_tick(now);
	return now + KUSER_TICK_NS;
}
