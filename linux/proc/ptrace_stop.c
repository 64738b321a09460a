/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/ptrace_stop.c - the traced thread: where it stops, and how it goes on.
 *
 * A stop is a wait inside the library OS, on the thread's own stack, with no lock held.
 * Its registers are put into t->pt->regs (arena), where the tracer reads and changes them;
 * on resuming they become the frame again, and the full way out loads all of them. Vector
 * registers stay in the CPU, and memory where it is: for both the tracer asks, and the wait
 * serves (remote.c).
 *
 * Single steps: the trap flag is set in the frame as the last thing on the way out, and taken
 * out when the thread comes back, so that neither the tracer nor a signal frame shows it.
 * Patched text is put back before it is stepped through.
 */
#include "linux/entry.h"
#include "linux/mm/mm.h"
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/proc/remote.h"
#include "linux/sig/internal.h"
#include "pico/patch.h"
#include "syscalls.gen.h"

#define FLAG_TF     0x100ull
#define FLAGS_GUEST 0x00050dd5ull /* what a debugger may set: AC RF OF DF TF SF ZF AF PF CF */
#define FLAGS_FIXED 0x202ull
#define USER_CS     0x33
#define USER_SS     0x2b

/* ---- Registers ---- */

static void save_regs(struct ptrace *pt, struct dk_context *c)
{
	/* Where a stub would go on is nothing to a tracer; to go on at the site means the same. */
	c->rip = pico_trace_rip(c->rip);
	pt->regs.c = *c;
	if (pt->stepping)
		pt->regs.c.rflags &= ~FLAG_TF;
	pt->regs.c.cs = USER_CS;
	pt->regs.c.ss = USER_SS;
	pt->regs.fs_base = pico_get_fs_base();
	pt->regs.gs_base = pt->regs.ds = pt->regs.es = pt->regs.fs = pt->regs.gs = 0;
	pt->regs_set = 0;
}

static bool load_regs(struct lx_thread *t, struct dk_context *c)
{
	struct ptrace *pt = t->pt;

	if (!pt->regs_set)
		return false;
	*c = pt->regs.c;
	c->rflags = (c->rflags & FLAGS_GUEST) | FLAGS_FIXED;
	if (c->rip >= GUEST_HIGH)
		c->rip = 0; /* nothing is there either, and the CPU takes it */
	if (pt->regs.fs_base != pico_get_fs_base()) {
		pico_set_fs_base(pt->regs.fs_base);
		t->fs_base = pt->regs.fs_base;
	}
	pt->regs_set = 0;
	return true;
}

/* ---- Stopping ---- */

/* An exit event waits although the process is ending; being killed ends every stop. */
static bool is_killed(const struct lx_thread *t, uint32_t code)
{
	const struct lx_proc *p = t->proc;

	if (code >> 8 != PTRACE_EVENT_EXIT)
		return thread_should_exit(t);
	return p->pending.set & SIGBIT(SIGKILL);
}

static siginfo_t trap_info(const struct lx_thread *t, uint32_t code)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = (int)(code & 0x7f);
	info.si_code = (int)code;
	info.si_pid = t->vtid;
	info.si_uid = t->cred.uid;
	return info;
}

static void begin_stop(struct lx_thread *t, enum ptrace_kind kind, uint32_t code, const siginfo_t *info) REQUIRES(TASKLIST)
{
	struct ptrace *pt = t->pt;

	pt->has_info = info != NULL;
	if (info)
		pt->info = *info;
	pt->resume_sig = kind == PT_SIGNAL ? code : 0;
	pt->code = code;
	pt->reported = pt->listening = 0;
	pt->stop = kind;
	ptrace_tell(t, kind == PT_GROUP ? CLD_STOPPED : CLD_TRAPPED, (int)(code & 0x7f));
}

/* A listener hears that its group was continued. */
static void listen_on(struct lx_thread *t) REQUIRES(TASKLIST)
{
	uint32_t code = (t->proc->stopped ? t->proc->stopped : SIGTRAP) | PTRACE_EVENT_STOP << 8;
	siginfo_t info = trap_info(t, code);

	begin_stop(t, PT_EVENT, code, &info);
}

/* True: it may go on. */
static bool is_over(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct ptrace *pt = t->pt;
	bool over;

	lock_take(&lx->tasklist);
	if (pt->stop && is_killed(t, pt->code))
		pt->stop = PT_RUNS;
	if (pt->stop && pt->listening && atomic_exchange(&pt->wanted, 0))
		listen_on(t);
	over = !pt->stop;
	lock_drop(&lx->tasklist);
	return over;
}

/* The signal to go on with: what the tracer said. */
static uint32_t stop(struct lx_thread *t, struct dk_context *c, enum ptrace_kind kind, uint32_t code, const siginfo_t *info)
{
	struct lx_state *lx = lx_state();
	struct ptrace *pt = t->pt;
	bool stopped;

	entry_go_slow(ENTRY_PTRACE);
	save_regs(pt, c);
	pt->resume_sig = kind == PT_SIGNAL ? code : 0;
	lock_take(&lx->tasklist);
	stopped = t->tracer != NULL && !is_killed(t, code);
	if (stopped)
		begin_stop(t, kind, code, info);
	lock_drop(&lx->tasklist);
	while (stopped) {
		pico_tb()->work = 0; /* marks from here on end the wait */
		remote_serve(t);
		if (is_over(t))
			break;
		(void)pico_wait(DK_FOREVER, 0);
	}
	/* All registers are loaded by the full way out.  Inside a call no mark may be left that means
	   nothing: its waits would end. */
	if ((load_regs(t, c) && kind != PT_ENTRY) || (kind != PT_ENTRY && kind != PT_EVENT) || signal_work(t))
		pico_tb()->work = 1;
	return pt->resume_sig;
}

int ptrace_signal(struct lx_thread *t, struct dk_context *c, int sig, siginfo_t *info)
{
	struct ptrace *pt = t->pt;
	int other = (int)stop(t, c, PT_SIGNAL, (uint32_t)sig, info);

	if (!other || thread_should_exit(t))
		return 0;
	if (pt->has_info)
		*info = pt->info;
	if (other != info->si_signo) {
		memset(info, 0, sizeof *info);
		info->si_signo = other;
		info->si_code = SI_USER;
		info->si_pid = t->proc->ppid;
		info->si_uid = t->cred.uid;
	}
	if (!(t->sigmask & SIGBIT(other)))
		return other;
	(void)signal_thread(t, other, info);
	return 0;
}

bool ptrace_wants_trap(const struct lx_thread *t)
{
	const struct ptrace *pt = t->pt;

	return atomic_load(&pt->wanted) || (t->proc->stopped && pt->group_seen != t->proc->stop_seq);
}

bool ptrace_trap(struct lx_thread *t, struct dk_context *c)
{
	struct ptrace *pt = t->pt;
	uint32_t group = t->proc->stopped, code = group;
	siginfo_t info;

	if (!ptrace_wants_trap(t))
		return false;
	atomic_store(&pt->wanted, 0);
	pt->group_seen = t->proc->stop_seq;
	if (pt->seized) {
		code = (group ? group : SIGTRAP) | PTRACE_EVENT_STOP << 8;
		info = trap_info(t, code);
		(void)stop(t, c, group ? PT_GROUP : PT_EVENT, code, &info);
	} else if (group) {
		(void)stop(t, c, PT_GROUP, code, NULL);
	}
	pico_tb()->work = 1;
	return true;
}

static void event_stop(struct lx_thread *t, uint32_t event, uint64_t message)
{
	uint32_t code = SIGTRAP | event << 8;
	siginfo_t info = trap_info(t, code);

	t->pt->message = message;
	(void)stop(t, pico_frame(), PT_EVENT, code, &info);
}

void ptrace_event(struct lx_thread *t, uint32_t event, uint64_t message)
{
	if (ptrace_option(t, event))
		event_stop(t, event, message);
}

bool ptrace_seccomp(struct lx_thread *t, struct dk_context *c, uint32_t data)
{
	if (!ptrace_option(t, PTRACE_EVENT_SECCOMP))
		return false;
	c->rax = (uint64_t)-ENOSYS;
	event_stop(t, PTRACE_EVENT_SECCOMP, data);
	return true;
}

/* ---- System calls ---- */

static void call_stop(struct lx_thread *t, struct dk_context *c, enum ptrace_kind kind, uint64_t message)
{
	uint32_t code = SIGTRAP | (t->pt->options & PTRACE_O_TRACESYSGOOD ? 0x80 : 0), sig;
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = SIGTRAP;
	info.si_code = (int)code;
	info.si_pid = t->vtid;
	info.si_uid = t->cred.uid;
	t->pt->message = message;
	sig = stop(t, c, kind, code, &info);
	if (sig)
		(void)signal_thread(t, (int)sig, NULL);
}

bool ptrace_syscall_enter(struct lx_thread *t, struct dk_context *c)
{
	uint32_t mode = t->pt->mode;

	if (mode != PTRACE_SYSCALL && mode != PTRACE_SYSEMU && mode != PTRACE_SYSEMU_SINGLESTEP)
		return true;
	c->rax = (uint64_t)-ENOSYS;
	call_stop(t, c, PT_ENTRY, PTRACE_EVENTMSG_SYSCALL_ENTRY);
	if (thread_should_exit(t))
		return false;
	return mode == PTRACE_SYSCALL && (int32_t)c->orig_rax != -1;
}

static bool is_step(uint32_t mode)
{
	return mode == PTRACE_SINGLESTEP || mode == PTRACE_SYSEMU_SINGLESTEP;
}

void ptrace_syscall_exit(struct lx_thread *t, struct dk_context *c)
{
	if (is_step(t->pt->mode))
		signal_force(t, SIGTRAP, TRAP_BRKPT, pico_trace_rip(c->rip), 1, 0);
	else if (t->pt->mode == PTRACE_SYSCALL)
		call_stop(t, c, PT_EXIT, PTRACE_EVENTMSG_SYSCALL_EXIT);
}

void ptrace_exec(struct lx_thread *t, struct dk_context *c, int old_tid)
{
	entry_go_slow(ENTRY_PTRACE);
	t->pt->stepping = 0;
	ptrace_watch_clear(t);
	c->orig_rax = LX_NR_execve;
	if (ptrace_option(t, PTRACE_EVENT_EXEC))
		event_stop(t, PTRACE_EVENT_EXEC, (uint64_t)old_tid);
	else if (!t->pt->seized)
		(void)signal_thread(t, SIGTRAP, NULL);
	if (t->tracer)
		ptrace_syscall_exit(t, c);
	c->orig_rax = UINT64_MAX; /* not to be made again */
}

/* ---- Steps ---- */

void ptrace_arm_step(struct lx_thread *t, struct dk_context *c)
{
	struct ptrace *pt = t->pt;

	if (t->tracer && (is_step(pt->mode) || ptrace_watches(t))) {
		ptrace_watch_note(t);
		c->rip = pico_trace_rip(c->rip);
		pico_text_restore(c->rip);
		if (!(c->rflags & FLAG_TF))
			pt->stepping = 1;
		c->rflags |= FLAG_TF;
	} else {
		ptrace_disarm_step(t, c);
	}
}

void ptrace_disarm_step(struct lx_thread *t, struct dk_context *c)
{
	if (!t->pt->stepping)
		return;
	c->rflags &= ~FLAG_TF;
	t->pt->stepping = 0;
}

int ptrace_step_done(struct lx_thread *t, struct dk_context *c)
{
	bool ours = t->pt->stepping, step = !ours || is_step(t->pt->mode), hit;

	ptrace_disarm_step(t, c);
	hit = ptrace_watches(t) && ptrace_watch_hit(t, c->rip, step);
	pico_tb()->work = 1; /* to arm the next one */
	return step ? TRAP_TRACE : hit ? TRAP_HWBKPT : 0;
}

void ptrace_handler_entered(struct lx_thread *t, struct dk_context *c)
{
	siginfo_t info;

	if (!is_step(t->pt->mode))
		return;
	info = trap_info(t, SIGTRAP);
	(void)stop(t, c, PT_EVENT, SIGTRAP, &info);
	pico_tb()->work = 1;
}
