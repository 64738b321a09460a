/* SPDX-License-Identifier: MIT */
/* nt/os/thread.c - threads of NT processes on linux/proc's. */
#include "linux/misc/cputime.h"
#include "linux/proc/exit.h"
#include "linux/proc/fork.h"
#include "linux/proc/proc.h"
#include "linux/proc/remote.h"
#include "linux/sig/internal.h"
#include "nt/con/con.h"
#include "nt/os/status.h"
#include "nt/os/process.h"
#include "nt/os/thread.h"
#include "nt/ps/ps.h"

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

NTSTATUS os_thread_create(struct nt_thread *nt, const struct dk_context *c, void (*ready)(struct nt_thread *nt, struct lx_thread *lx))
{
	const struct fork_args a = { .flags = THREAD_FLAGS, .regs = c, .nt = nt, .numbered = ready };
	long result = fork_thread(lx_current(), &a);

	if (result > 0)
		return STATUS_SUCCESS;
	if (result == -EAGAIN)
		return STATUS_INSUFFICIENT_RESOURCES;
	return result == -ERESTARTNOINTR ? (NTSTATUS)STATUS_PROCESS_IS_TERMINATING : os_status(result);
}

void os_thread_adopt(struct lx_thread *lx, struct nt_thread *nt)
{
	nt->lx = lx;
	nt->tid = os_tid_to_nt(lx->tid);
	lx->nt = nt;
}

struct nt_thread *os_thread_nt(const struct lx_thread *lx)
{
	return lx->nt;
}

void os_thread_exit(uint32_t code)
{
	struct lx_thread *t = lx_current();

	lx_thread_exit(t, t->proc->group_exit ? t->proc->exit_code : os_exit_status(code));
}

void os_process_exit(uint32_t code)
{
	lx_group_exit(lx_current(), os_exit_status(code));
}

void os_thread_kill(struct lx_thread *lx)
{
	thread_mark_exit(lx);
}

bool os_thread_ends(const struct lx_thread *lx)
{
	return lx == NULL || thread_should_exit(lx);
}

int os_thread_tid(const struct lx_thread *lx)
{
	return lx->tid;
}

void os_thread_times(struct nt_thread *nt, uint64_t *user, uint64_t *kernel)
{
	struct lx_state *lx = lx_state();
	struct cpu_times times = { 0 };
	struct lx_thread *t;

	lock_take(&lx->tasklist); /* threads are not freed meanwhile */
	t = thread_find_global(os_tid_from_nt(nt->tid));
	if (t != NULL && t->nt == nt)
		thread_cpu_times(lx_current(), t, &times);
	lock_drop(&lx->tasklist);
	*user = times.user;
	*kernel = times.system;
}

/* A signal whose default is to end the process; nothing handles any here. */
static bool is_fatal(const struct lx_thread *t)
{
	uint64_t set = (t->pending.set | t->proc->pending.set) & ~t->sigmask & ~(SIGS_STOP | SIGS_IGNORED);

	for (int sig = 1; set != 0 && sig <= LX_NSIG; sig++)
		if ((set & SIGBIT(sig)) && t->proc->sighand->action[sig].handler == LX_SIG_IGN)
			set &= ~SIGBIT(sig);
	return set != 0;
}

#define EVENTS (SIGBIT(SIGINT) | SIGBIT(SIGQUIT) | SIGBIT(SIGWINCH))

/* Blocked, so that nobody ends of them, and waited for, so that somebody is told. */
void os_thread_takes_events(struct lx_thread *lx)
{
	lx->sigmask |= EVENTS;
	lx->sigwait_set = EVENTS;
}

/* ^C and ^\\ mean that the program's handlers are called, in a thread of their own; the default one ends it. */
void os_console_signals(void)
{
	struct lx_thread *t = lx_current();
	siginfo_t info;
	int sig;

	if (LIKELY(((t->pending.set | t->proc->pending.set) & EVENTS) == 0) || atomic_load_explicit(&t->pico.held, memory_order_relaxed) != 0)
		return;
	while ((sig = signal_dequeue(t, ~EVENTS, &info)) != 0)
		if (sig == SIGWINCH)
			con_resized();
		else if (ps_ctrl_event(t->nt->process, sig == SIGINT ? 0 : 1) != STATUS_SUCCESS)
			ps_process_mark(t->nt->process, STATUS_CONTROL_C_EXIT);
}

bool os_thread_serve(void)
{
	struct lx_thread *t = lx_current();
	struct dk_context *c = pico_frame();
	uint64_t nr = c->orig_rax;

	if (remote_asked(t->proc))
		remote_serve(t);
	os_console_signals();
	if (!signal_work(t))
		return false;
	if (thread_should_exit(t) || is_fatal(t))
		return true;
	sig_return_to_user(t, c); /* stays here while the process is stopped */
	c->orig_rax = nr;
	return thread_should_exit(t);
}
