/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/mask.c - signal masks, the alternate stack, and waiting for any signal.
 *
 * A thread writes its own mask, without a lock: it then looks at what is pending, and a sender
 * looks at the mask after it has made its signal pending (wake in send.c), with a full
 * fence between the two on both sides, so that one of them sees the other.
 * Unblocking something that is pending sets tb->work, so that the way out to the
 * guest looks; blocking something that was given to this thread hands it on.
 */
#include "linux/proc/proc.h"
#include "linux/proc/ptrace.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

void sig_set_mask(struct lx_thread *t, uint64_t mask)
{
	struct lx_proc *p = t->proc;
	uint64_t blocked, ready;

	mask &= ~SIG_NEVER_BLOCKED;
	blocked = mask & ~__atomic_exchange_n(&t->sigmask, mask, __ATOMIC_SEQ_CST);
	blocked &= __atomic_load_n(&p->pending.set, __ATOMIC_RELAXED);
	ready = (__atomic_load_n(&t->pending.set, __ATOMIC_RELAXED) | __atomic_load_n(&p->pending.set, __ATOMIC_RELAXED)) & ~mask;
	if (ready)
		pico_tb()->work = 1;
	if (blocked && p->nthreads > 1)
		signal_retarget(t, blocked);
}

bool signal_waiting(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;

	return ((t->pending.set | p->pending.set) & ~t->sigmask) || t->straight.si_signo || p->stopped || thread_should_exit(t);
}

bool signal_work(struct lx_thread *t)
{
	struct lx_proc *p = t->proc;

	return signal_waiting(t) || p->cont_notify || atomic_load(&p->cpu_check) || (t->tracer && ptrace_wants_trap(t));
}

long sig_use_kernel_mask(struct lx_thread *t, uint64_t mask)
{
	t->saved_sigmask = t->sigmask;
	t->restore_sigmask = 1;
	sig_set_mask(t, mask);
	return 0;
}

long sig_use_mask(struct lx_thread *t, struct gva set, uint64_t size)
{
	uint64_t mask;

	if (!set.va)
		return 0;
	if (size != sizeof mask)
		return -EINVAL;
	if (copy_in(&mask, set, sizeof mask))
		return -EFAULT;
	return sig_use_kernel_mask(t, mask);
}

long lx_sys_rt_sigprocmask(struct lx_thread *t, int how, struct gva set, struct gva old, uint64_t size)
{
	uint64_t was = t->sigmask, mask;

	if (size != sizeof mask)
		return -EINVAL;
	if (set.va) {
		if (copy_in(&mask, set, sizeof mask))
			return -EFAULT;
		if (how == SIG_BLOCK)
			mask |= was;
		else if (how == SIG_UNBLOCK)
			mask = was & ~mask;
		else if (how != SIG_SETMASK)
			return -EINVAL;
		sig_set_mask(t, mask);
	}
	return old.va ? PUT_USER(old, was) : 0;
}

long lx_sys_rt_sigpending(struct lx_thread *t, struct gva set, uint64_t size)
{
	struct lx_proc *p = t->proc;
	uint64_t pending;

	if (size > sizeof pending)
		return -EINVAL;
	lock_take(&p->sighand->lock);
	pending = (t->pending.set | p->pending.set) & t->sigmask;
	lock_drop(&p->sighand->lock);
	return copy_out(set, &pending, size);
}

static long wait_for_signal(struct lx_thread *t)
{
	while (!signal_waiting(t))
		if (pico_wait(DK_FOREVER, 0) != DK_OK)
			break;
	/* Also for a mark without a signal: with no handler run the call is made again. */
	pico_tb()->work = 1;
	return -ERESTARTNOHAND;
}

long lx_sys_rt_sigsuspend(struct lx_thread *t, struct gva set, uint64_t size)
{
	uint64_t mask;

	if (size != sizeof mask)
		return -EINVAL;
	if (copy_in(&mask, set, sizeof mask))
		return -EFAULT;
	(void)sig_use_kernel_mask(t, mask);
	return wait_for_signal(t);
}

long lx_sys_pause(struct lx_thread *t)
{
	return wait_for_signal(t);
}

bool sig_on_altstack(const struct lx_thread *t, uint64_t sp)
{
	const stack_t *s = &t->altstack;
	uint64_t base = (uint64_t)s->ss_sp;

	if (s->ss_flags & SS_AUTODISARM)
		return false;
	return s->ss_size && sp > base && sp - base <= s->ss_size;
}

long sig_change_altstack(struct lx_thread *t, const stack_t *s, uint64_t sp, uint64_t min)
{
	uint32_t mode = s->ss_flags & ~SS_AUTODISARM;

	if (sig_on_altstack(t, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		t->altstack = (stack_t){ .ss_flags = s->ss_flags };
		return 0;
	}
	if (s->ss_size < min)
		return -ENOMEM;
	t->altstack = *s;
	return 0;
}

long lx_sys_sigaltstack(struct lx_thread *t, struct gva new, struct gva old)
{
	uint64_t sp = pico_frame()->rsp;
	stack_t want, was = { 0 };
	long err;

	if (new.va && copy_in(&want, new, sizeof want))
		return -EFAULT;
	was.ss_sp = t->altstack.ss_sp;
	was.ss_size = t->altstack.ss_size;
	was.ss_flags = (!was.ss_size ? SS_DISABLE : sig_on_altstack(t, sp) ? SS_ONSTACK : 0) |
		(t->altstack.ss_flags & SS_AUTODISARM);
	if (new.va) {
		err = sig_change_altstack(t, &want, sp, MINSIGSTKSZ);
		if (err)
			return err;
	}
	return old.va ? copy_out(old, &was, sizeof was) : 0;
}
