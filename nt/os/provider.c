/* SPDX-License-Identifier: MIT */
/*
 * nt/os/provider.c - the NT personality as a pico provider.
 *
 * What concerns the kernel below (kproc, deaths, locks, other kinds of waiters) stays linux/'s; what the guest does
 * comes here.  Signals still reach an NT process from the Linux side, with their default actions: SIGKILL and SIGSTOP
 * mean what they always do.
 */
#include "linux/boot.h"
#include "linux/entry.h"
#include "linux/proc/proc.h"
#include "linux/proc/remote.h"
#include "linux/sig/sig.h"
#include "nt/os/provider.h"
#include "nt/os/thread.h"
#include "nt/ps/ps.h"

struct nt_thread *nt_thread_of(struct pico_thread *t)
{
	return ((struct lx_thread *)t)->nt;
}

struct nt_thread *nt_current(void)
{
	return nt_thread_of(pico_current());
}

struct nt_process *nt_worker_process(void)
{
	return lx_current()->proc->nt;
}

static void return_to_user(struct pico_thread *pt, struct dk_context *c)
{
	os_console_signals();
	lx_return_to_user(pt, c);
	ps_return_to_user(nt_thread_of(pt), c);
}

static void exception(struct pico_thread *pt, const struct dk_exception *e, struct dk_context *c)
{
	ps_exception(nt_thread_of(pt), e, c);
}

static void thread_start(struct pico_thread *pt, struct dk_context *c)
{
	lx_thread_started(pt, c);
	pico_set_guest_gs(nt_thread_of(pt)->teb);
	ps_thread_started(nt_thread_of(pt), c);
}

static bool interrupted(struct pico_thread *pt)
{
	struct nt_thread *t = nt_thread_of(pt);

	return t == NULL ? lx_interrupted(pt) : ps_wait_interrupted(t);
}

static const struct pico_provider nt_provider = {
	.size = sizeof(struct pico_provider),
	.id = PICO_PROVIDER_NT,
	.name = "nt",
	.first_main = lx_first_main,
	.kproc_main = lx_kproc_main,
	.process_start = lx_process_start,
	.dispatch_syscall = nt_dispatch,
	.dispatch_exception = exception,
	.return_to_user = return_to_user,
	.thread_start = thread_start,
	.process_died = lx_process_died,
	.wake = lx_wake,
	.lock_stalled = kproc_lock_stalled,
	.interrupted = interrupted,
};

void nt_provider_register(void)
{
	pico_register(&nt_provider);
}
