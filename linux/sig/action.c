/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/action.c - sighand objects and rt_sigaction.
 *
 * A sighand is shared by all threads of a process (and more with CLONE_SIGHAND);
 * its lock guards the pending queues of every process that uses it.  p->sighand
 * itself changes only under PROC, which all senders hold.
 */
#include "linux/misc/timer.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

/* What Linux keeps of sa_flags; the rest is cleared, so that a guest can probe. */
#define ACTION_FLAGS                                                                                 \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER |            \
	 SA_RESETHAND | 0x00000800 /* SA_EXPOSE_TAGBITS */ | 0x04000000 /* SA_RESTORER */)

struct sighand *sighand_new(void)
{
	struct sighand *s = arena_alloc(sizeof *s);

	if (!s)
		return NULL;
	ref_init(&s->ref);
	lock_init(&s->lock, LOCK_SIGHAND);
	waitq_init(&s->signalfd_wait);
	return s;
}

struct sighand *sighand_copy(struct sighand *from)
{
	struct sighand *s = sighand_new();

	if (!s)
		return NULL;
	lock_take(&from->lock);
	memcpy(s->action, from->action, sizeof s->action);
	lock_drop(&from->lock);
	return s;
}

void sighand_get(struct sighand *s)
{
	ref_get(&s->ref);
}

void sighand_put(struct sighand *s)
{
	if (!s || !ref_put(&s->ref))
		return;
	if (s->spare)
		arena_free(s->spare);
	arena_free(s);
}

/* A process that shares its actions with another one gets its own at execve. */
static void unshare(struct lx_proc *p)
{
	struct sighand *old = p->sighand, *s;

	if (atomic_load(&old->ref.count) == 1)
		return;
	s = sighand_copy(old);
	if (!s)
		return; /* no memory: they stay shared, which a program can hardly notice */
	lock_take(&p->lock);
	p->sighand = s;
	lock_drop(&p->lock);
	sighand_put(old);
}

void sighand_exec_reset(struct lx_proc *p)
{
	unshare(p);
	lock_take(&p->sighand->lock);
	for (int sig = 1; sig <= LX_NSIG; sig++) {
		struct lx_sigaction *a = &p->sighand->action[sig];
		uint64_t handler = a->handler == LX_SIG_IGN ? LX_SIG_IGN : LX_SIG_DFL;

		*a = (struct lx_sigaction){ .handler = handler };
	}
	lock_drop(&p->sighand->lock);
}

void sig_exec(struct lx_thread *t)
{
	posix_timers_delete_all(t->proc);
	sighand_exec_reset(t->proc);
	t->altstack = (stack_t){ .ss_flags = SS_DISABLE };
	t->restart.kind = RESTART_NONE;
}

/* An action that now ignores sig drops what is pending of it, blocked or not. */
static bool action_ignores(const struct lx_sigaction *a, int sig)
{
	return a->handler == LX_SIG_IGN || (a->handler == LX_SIG_DFL && (SIGBIT(sig) & SIGS_IGNORED));
}

static void action_set(struct lx_thread *t, int sig, const struct lx_sigaction *new)
{
	struct lx_proc *p = t->proc;

	lock_take(&p->lock);
	lock_take(&p->sighand->lock);
	p->sighand->action[sig] = *new;
	if (action_ignores(new, sig))
		signal_flush_all(p, SIGBIT(sig));
	lock_drop(&p->sighand->lock);
	lock_drop(&p->lock);
}

long lx_sys_rt_sigaction(struct lx_thread *t, int sig, struct gva act, struct gva old, uint64_t size)
{
	struct sighand *s = t->proc->sighand;
	struct lx_sigaction new, was;

	if (size != sizeof(uint64_t))
		return -EINVAL;
	if (act.va && copy_in(&new, act, sizeof new))
		return -EFAULT;
	if (!sig_valid(sig) || (act.va && (SIGBIT(sig) & SIG_NEVER_BLOCKED)))
		return -EINVAL;
	lock_take(&s->lock);
	was = s->action[sig];
	lock_drop(&s->lock);
	if (act.va) {
		new.flags &= ACTION_FLAGS;
		new.mask &= ~SIG_NEVER_BLOCKED;
		action_set(t, sig, &new);
	}
	if (old.va && copy_out(old, &was, sizeof was))
		return -EFAULT;
	return 0;
}
