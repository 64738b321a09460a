/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/exec.c - execve: a process becomes another program.
 *
 * First everything that can fail: strings are copied, the program is found and
 * checked (image.c), the siblings end.  Then the kernel side of the process is
 * changed (exec_commit), and the program is loaded:
 *	- in place, in the emptied address space, if the process has it for itself;
 *	- else (a vfork child on its parent's thread, or CLONE_VM) in a fresh picoprocess
 *	  that goes on as the calling thread, while the host thread goes back to the
 *	  parent, or ends.
 * Credentials over it are privs.c's.
 */
#include "linux/exec/exec.h"
#include "linux/aio/engine.h"
#include "linux/boot.h"
#include "linux/misc/cputime.h"
#include "linux/misc/cred.h"
#include "linux/misc/timer.h"
#include "linux/ns/ns.h"
#include "linux/other.h"
#include "linux/proc/exit.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/sec.h"
#include "linux/sig/sig.h"
#include "pico/uaccess.h"
#include "rt/fmt.h"
#include "rt/mem.h"
#include "syscalls.gen.h"

#define NO_RANDOM 0x0040000u /* ADDR_NO_RANDOMIZE */
#define PIE_BASE  0x555555554000ull

uint64_t exec_random(void)
{
	uint64_t r = 0;

	(void)DkRandomBitsRead(&r, sizeof r);
	return r;
}

/* ---- The kernel side ---- */

/* Tables that other processes share become the process's own. */
static long own_tables(struct lx_proc *p)
{
	struct fdtable *fdt = p->fdt;
	struct sighand *sh = p->sighand;

	if (io_table_users(p) > 1) {
		struct fdtable *n = fdt_copy(fdt);

		if (!n)
			return -ENOMEM;
		lock_take(&p->lock);
		p->fdt = n;
		lock_drop(&p->lock);
		fdt_put_table(fdt);
		io_table_changed(p);
	}
	if (atomic_load(&sh->ref.count) > 1) {
		struct sighand *n = sighand_copy(sh);

		if (!n)
			return -ENOMEM;
		lock_take(&lx_state()->tasklist);
		lock_take(&p->lock);
		p->sighand = n;
		lock_drop(&p->lock);
		lock_drop(&lx_state()->tasklist);
		sighand_put(sh);
	}
	return 0;
}

static char *text_blob(const char *s, uint64_t size)
{
	char *blob = blob_new((uint32_t)size);

	if (blob)
		memcpy(blob, s, size);
	return blob;
}

/* Bytes of the first n strings at s. */
static uint64_t strings_size(const char *s, uint32_t n)
{
	const char *at = s;

	while (n--)
		at += strlen(at) + 1;
	return (uint64_t)(at - s);
}

static void set_texts(struct lx_proc *p, const struct exec_args *a)
{
	uint64_t args = strings_size(a->strings, a->argc);
	char *cmdline = text_blob(a->strings, args), *env = text_blob(a->strings + args, a->size - args);
	char *old[2];

	lock_take(&p->lock);
	old[0] = p->cmdline;
	old[1] = p->environ_copy;
	p->cmdline = cmdline;
	p->cmdline_len = cmdline ? (uint32_t)args : 0;
	p->environ_copy = env;
	p->environ_len = env ? (uint32_t)(a->size - args) : 0;
	lock_drop(&p->lock);
	blob_put(old[0]);
	blob_put(old[1]);
}

static void set_exe(struct lx_thread *t, struct exec_image *img)
{
	struct lx_proc *p = t->proc;
	struct path *exe = exe_hold(&img->prog.file->path), *old;
	const char *name = strrchr(img->args.path, '/');
	char *text = path_buf();

	str_copy(t->comm, name ? name + 1 : img->args.path, sizeof t->comm);
	if (text && path_text(t, &img->prog.file->path, text, PATH_MAX) > 0)
		str_copy(p->exe_path, text, sizeof p->exe_path);
	else
		str_copy(p->exe_path, img->path, sizeof p->exe_path);
	path_buf_free(text);
	lock_take(&p->lock);
	old = p->exe;
	p->exe = exe;
	lock_drop(&p->lock);
	exe_drop(old);
}

/* The point of no return. */
void exec_commit(struct lx_thread *t, struct exec_image *img)
{
	struct lx_proc *p = t->proc;
	uint64_t tid_addr = t->clear_child_tid.va;

	if (!img->first && pico_users() > 1 && tid_addr && uaccess_store32(tid_addr, 0))
		futex_wake_addr(t, tid_addr, 1, true);
	t->clear_child_tid = t->set_child_tid = t->robust_list = GVA_NULL;
	t->robust_len = 0;
	t->fs_base = 0;
	t->restart.kind = 0;
	p->exit_signal = SIGCHLD;
	p->personality &= ~0x400000ull; /* READ_IMPLIES_EXEC */
	io_exit(p);
	fdt_close_on_exec(t);
	ns_exec(t);
	img->secure = exec_privs(t, img->prog.file);
	sig_exec(t);
	sec_exec(t);
	set_exe(t, img);
	set_texts(p, &img->args);
	__atomic_store_n(&p->did_exec, 1, __ATOMIC_RELEASE);
	waitq_wake_all(&t->vfork_done);
}

/* ---- Loading ---- */

static uint64_t program_hint(const struct lx_proc *p, const struct exec_image *img)
{
	if (img->prog.eh.e_type != ET_DYN)
		return 0;
	if (p->personality & NO_RANDOM)
		return PIE_BASE;
	return PIE_BASE + ((exec_random() & 0xfffffff) << PAGE_SHIFT);
}

static uint64_t brk_place(const struct lx_proc *p, uint64_t end)
{
	if (p->personality & NO_RANDOM)
		return end;
	return end + ((exec_random() & 0x1fff) << PAGE_SHIFT);
}

/* Loads img into the calling process's empty address space; *c becomes the program's first registers. */
long exec_load(struct lx_thread *t, struct exec_image *img, struct dk_context *c)
{
	struct lx_proc *p = t->proc;
	struct mm *mm = p->mm;
	struct elf_place prog, interp = { 0 };
	struct stack_facts facts = { .img = img, .prog = &prog };
	uint64_t sp;
	long top, err;

	top = mm_map_stack(mm, p->rlim[RLIMIT_STACK].rlim_cur, img->stack_exec ? PROT_EXEC : 0);
	if (top < 0)
		return top;
	err = elf_map(mm, &img->prog, program_hint(p, img), &prog);
	if (err)
		return err;
	mm_set_brk(mm, brk_place(p, prog.end));
	if (img->interp.file) {
		err = elf_map(mm, &img->interp, 0, &interp);
		if (err)
			return err;
		facts.interp_base = interp.bias;
	}
	elf_prepare(img->interp.file ? &img->interp : &img->prog, img->interp.file ? interp.bias : prog.bias);
	facts.vdso = vdso_map(mm);
	err = stack_build(t, (uint64_t)top, &facts, &sp);
	if (err)
		return err;
	memset(c, 0, sizeof *c);
	c->orig_rax = UINT64_MAX;
	c->rip = img->interp.file ? interp.entry : prog.entry;
	c->rsp = sp;
	c->rflags = 0x202;
	return 0;
}

static void load_failed(struct lx_thread *t, long err) NORETURN;
static void load_failed(struct lx_thread *t, long err)
{
	log_line(DK_LOG_WARNING, "%s: the program could not be loaded (error %ld), so process %d was ended", t->proc->exe_path, -err,
		t->proc->pid);
	lx_group_exit(t, SIGKILL);
}

static void run(struct lx_thread *t, struct exec_image *img) NORETURN;
static void run(struct lx_thread *t, struct exec_image *img)
{
	struct dk_context *c = pico_frame();
	int old_tid = img->old_tid;
	long err;

	pico_set_fs_base(0);
	err = img->pe ? nt_exec_load(t, img, c) : exec_load(t, img, c);
	image_free(img);
	if (err)
		load_failed(t, err);
	pico_fpu_reset();
	if (UNLIKELY(t->tracer != NULL))
		ptrace_exec(t, c, old_tid);
	pico_enter_user(c);
}

static void run_in_place(struct lx_thread *t, struct exec_image *img) NORETURN;
static void run_in_place(struct lx_thread *t, struct exec_image *img)
{
	mm_reset(t->proc->mm);
	run(t, img);
}

void exec_fresh(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;
	struct exec_image *img = p->exec;

	proc_set_host(p, pico_boot_block->process);
	cputime_fresh(p);
	if (p->rlim[RLIMIT_CPU].rlim_cur != RLIM64_INFINITY)
		cpu_timers_arm(t);
	p->exec = NULL;
	p->mm = mm_new();
	if (!p->mm)
		load_failed(t, -ENOMEM);
	if (img->first)
		first_open(t, img);
	if (img->first || img->spawned)
		exec_commit(t, img);
	if (UNLIKELY(img->spawned && !img->pe))
		nt_wait_resumed(t);
	run(t, img);
}

/* ---- To a fresh picoprocess ---- */

/* The host thread's identity while its thread goes on elsewhere. */
static struct lx_thread *ghost_new(void)
{
	struct lx_thread *g = thread_new(lx_state()->init, -1);

	if (g)
		g->exiting = 2;
	return g;
}

/* The caller holds a reference: the new picoprocess may have ended, and been reaped, by the end. */
static enum dk_status start_fresh(struct lx_thread *t, struct exec_image *img)
{
	struct lx_proc *p = t->proc;
	enum dk_status status;

	p->exec = img;
	p->mm = NULL;
	p->mm_borrowed = 0;
	proc_move_host(p, DK_NO_HANDLE);
	kproc_need();
	status = pico_create_process(&p->pico, &t->pico);
	if (status == DK_OK)
		proc_set_host(p, p->pico.process);
	else
		p->exec = NULL;
	return status;
}

static void run_for_vfork(struct lx_thread *t, struct exec_image *img) NORETURN;
static void run_for_vfork(struct lx_thread *t, struct exec_image *img)
{
	struct lx_proc *p = t->proc;
	struct mm *mm = p->mm;
	struct lx_thread *parent = vfork_give_back(t);
	dk_handle host = p->host;

	proc_get(p); /* its own picoprocess's */
	proc_get(p);
	if (start_fresh(t, img) == DK_OK) {
		proc_put(p);
		vfork_resume(parent);
	}
	vfork_take_again(t, parent);
	p->mm = mm;
	p->mm_borrowed = 1;
	proc_move_host(p, host);
	proc_put(p);
	proc_put(p);
	image_free(img);
	load_failed(t, -EAGAIN);
}

static void run_for_shared(struct lx_thread *t, struct exec_image *img) NORETURN;
static void run_for_shared(struct lx_thread *t, struct exec_image *img)
{
	struct lx_state *lx = lx_state();
	struct lx_proc *p = t->proc;
	struct lx_thread *ghost = ghost_new();
	struct mm *mm = p->mm;
	dk_handle host = p->host;

	if (ghost) {
		proc_get(p);
		__atomic_store_n(&t->pico.thread, DK_NO_HANDLE, __ATOMIC_SEQ_CST);
		pico_become(&ghost->pico);
		if (start_fresh(t, img) == DK_OK) {
			exit_leaving();
			pico_users_add(-1);
			proc_put(p);
			lock_take(&lx->tasklist);
			thread_bury(ghost);
			lock_drop(&lx->tasklist);
			exit_left();
			path_buf_forget();
			pico_exit_thread(DK_NO_HANDLE);
		}
		ghost->pico.thread = DK_NO_HANDLE;
		pico_become(&t->pico);
		thread_free(ghost);
		proc_put(p);
	}
	p->mm = mm;
	p->mm_borrowed = 1;
	proc_move_host(p, host);
	image_free(img);
	load_failed(t, -EAGAIN);
}

/* ---- The calls ---- */

static char *arena_string(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = arena_alloc(n);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}

/* What AT_EXECFN and a script's argument say for execveat: a path that the interpreter can open. */
static char *name_for(int dirfd, const char *name)
{
	size_t n = strlen(name) + 32;
	char *out;

	if (dirfd == AT_FDCWD || *name == '/')
		return arena_string(name);
	out = arena_alloc(n);
	if (out)
		(void)fmt_snprintf(out, n, "/dev/fd/%d%s%s", dirfd, *name ? "/" : "", name);
	return out;
}

static long prepare(struct lx_thread *t, struct exec_image *img, int dirfd, const char *name, struct gva argv, struct gva envp, int flags)
{
	long err;

	img->args.path = name_for(dirfd, name);
	if (!img->args.path)
		return -ENOMEM;
	err = args_in(&img->args, t, argv, envp);
	if (!err)
		err = image_open(t, img, dirfd, name, flags);
	if (!err)
		err = own_tables(t->proc);
	return err ? err : exit_siblings(t);
}

static long do_exec(struct lx_thread *t, int dirfd, struct gva name, struct gva argv, struct gva envp, int flags)
{
	struct exec_image *img;
	int tid = t->tid; /* it becomes the leader's */
	long err = 0;
	char *path = path_in(name, &err);

	if (!path)
		return err;
	if (!*path && !(flags & AT_EMPTY_PATH)) {
		path_buf_free(path);
		return -ENOENT;
	}
	img = image_new();
	err = img ? prepare(t, img, dirfd, path, argv, envp, flags) : -ENOMEM;
	path_buf_free(path);
	if (err) {
		image_free(img);
		return err;
	}
	img->old_tid = tid;
	exec_commit(t, img);
	if (t->vfork_parent)
		run_for_vfork(t, img);
	if (pico_users() > 1)
		run_for_shared(t, img);
	run_in_place(t, img);
}

long lx_sys_execve(struct lx_thread *t, struct gva name, struct gva argv, struct gva envp)
{
	return do_exec(t, AT_FDCWD, name, argv, envp, 0);
}

long lx_sys_execveat(struct lx_thread *t, int dirfd, struct gva name, struct gva argv, struct gva envp, int flags)
{
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return do_exec(t, dirfd, name, argv, envp, flags);
}
