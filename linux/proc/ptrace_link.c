/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/ptrace_link.c - who traces whom: attaching, letting go, and the ends of both.
 *
 * Everything here is under TASKLIST.  A tracer is a thread; what its tracees have to tell is
 * waited for by any thread of its process.  A dead tracee stays until the tracer has waited
 * for it: a thread's object, with a reference on its process, or the zombie process, whose
 * own parent hears of it only then.
 */
#include "linux/proc/proc.h"
#include "linux/ns/ns.h"
#include "linux/proc/ptrace.h"
#include "linux/sec/landlock.h"
#include "linux/sig/sig.h"
#include "rt/mem.h"

static void link_to(struct lx_thread *o, struct lx_thread *tracer, uint32_t seized, uint32_t options) REQUIRES(TASKLIST)
{
	struct ptrace *pt = o->pt;

	pt->seized = seized;
	pt->options = options;
	pt->stop = PT_RUNS;
	pt->reported = pt->listening = pt->dead = 0;
	pt->mode = PTRACE_CONT;
	pt->message = 0;
	pt->has_info = pt->regs_set = 0;
	pt->group_seen = o->proc->stop_seq - 1; /* a stop there is now has not been shown */
	atomic_store(&pt->wanted, 0);
	list_append(&tracer->tracees, &pt->link);
	__atomic_store_n(&o->tracer, tracer, __ATOMIC_SEQ_CST);
}

static void unlink_from(struct lx_thread *o) REQUIRES(TASKLIST)
{
	list_remove(&o->pt->link);
	o->pt->options = o->pt->seized = o->pt->listening = o->pt->dead = 0;
	o->pt->mode = PTRACE_CONT;
	atomic_store(&o->pt->wanted, 0);
	__atomic_store_n(&o->tracer, NULL, __ATOMIC_SEQ_CST);
}

static bool has_record(struct lx_thread *o)
{
	if (!o->pt) {
		struct ptrace *pt = arena_alloc(sizeof *pt);

		if (pt) {
			list_init(&pt->link);
			pt->self = o;
		}
		__atomic_store_n(&o->pt, pt, __ATOMIC_RELEASE);
	}
	return o->pt != NULL;
}

/* ---- Attaching ---- */

static long may_attach(struct lx_thread *t, struct lx_thread *o) REQUIRES(TASKLIST)
{
	if (!o)
		return -ESRCH;
	if (o->proc == t->proc || o->tracer || o->exiting || o->proc->state != PROC_LIVE)
		return -EPERM;
	if (!ptrace_may_access(t, o, ACCESS_ATTACH))
		return -EPERM;
	return has_record(o) ? 0 : -ENOMEM;
}

/* kproc never runs guest code: whoever attaches to it finds it stopped, with nothing to see. */
static void stop_init(struct lx_thread *o) REQUIRES(TASKLIST)
{
	o->pt->code = SIGSTOP;
	o->pt->stop = PT_SIGNAL;
	ptrace_tell(o, CLD_TRAPPED, SIGSTOP);
}

/* pid is t's, was stopped already, and has not come to its tracer's stop yet. */
static bool on_its_way(struct lx_thread *t, int pid)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;
	bool coming;

	lock_take(&lx->tasklist);
	o = thread_find(pid);
	coming = o && o->tracer == t && !o->pt->stop && !o->pt->dead && !o->exiting;
	lock_drop(&lx->tasklist);
	return coming;
}

/* Who attaches to what is stopped may use it at once, without wait4. */
static void wait_for_stop(struct lx_thread *t, int pid)
{
	struct waiter *w = waiter_self(0);

	waitq_add(&t->proc->child_wait, w);
	while (on_its_way(t, pid))
		if (pico_wait(DK_FOREVER, 0) != DK_OK)
			break;
	waitq_remove(&t->proc->child_wait, w);
}

long ptrace_attach(struct lx_thread *t, int pid, bool seize, uint64_t options)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;
	bool stopped = false;
	long err;

	lock_take(&lx->tasklist);
	o = thread_find(pid);
	err = may_attach(t, o);
	if (!err) {
		stopped = o->proc->stopped != 0;
		link_to(o, t, seize, (uint32_t)options);
		if (o->proc == lx->init)
			stop_init(o);
		else if (!seize)
			(void)signal_thread(o, SIGSTOP, NULL);
		else if (o->proc->stopped)
			pico_interrupt(&o->pico); /* its stop becomes one of ours */
	}
	lock_drop(&lx->tasklist);
	if (stopped)
		wait_for_stop(t, pid);
	return err;
}

long ptrace_traceme(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *by;
	long err = -EPERM;

	lock_take(&lx->tasklist);
	by = thread_find_global(t->proc->forked_by);
	if (!by || by->proc != t->proc->parent)
		by = t->proc->parent ? t->proc->parent->leader : NULL;
	if (!t->tracer && by && by->exiting != 2 && by->proc != lx->init && landlock_may_trace(by, t)) {
		err = has_record(t) ? 0 : -ENOMEM;
		if (!err)
			link_to(t, by, 0, 0);
	}
	lock_drop(&lx->tasklist);
	return err;
}

uint32_t ptrace_fork_event(const struct lx_thread *t, uint64_t flags, uint32_t exit_signal)
{
	uint32_t event = flags & CLONE_VFORK ? PTRACE_EVENT_VFORK :
		(flags & CLONE_THREAD) || exit_signal != SIGCHLD ? PTRACE_EVENT_CLONE : PTRACE_EVENT_FORK;

	return !(flags & CLONE_UNTRACED) && ptrace_option(t, event) ? event : 0;
}

bool ptrace_child_prepare(struct lx_thread *t, struct lx_thread *child, uint64_t flags, uint32_t event)
{
	if (!t->tracer || (!event && !(flags & CLONE_PTRACE)))
		return true;
	return has_record(child);
}

void ptrace_child_link(struct lx_thread *t, struct lx_thread *child)
{
	if (!child->pt || !t->tracer)
		return;
	link_to(child, t->tracer, t->pt->seized, t->pt->options);
	if (child->pt->seized)
		atomic_store(&child->pt->wanted, 1);
	else
		child->pending.set |= SIGBIT(SIGSTOP); /* nobody else knows it yet */
}

/* ---- Letting go ---- */

void ptrace_detach(struct lx_thread *o, bool keep_sig, uint32_t sig)
{
	unlink_from(o);
	if (!o->pt->stop)
		return;
	if (!keep_sig)
		o->pt->resume_sig = sig;
	o->pt->stop = PT_RUNS;
	pico_wake(&o->pico);
}

void ptrace_forget(struct lx_thread *o)
{
	if (o->tracer)
		ptrace_detach(o, true, 0);
}

struct lx_proc *ptrace_release(struct lx_thread *o)
{
	struct lx_proc *p = o->proc;
	uint32_t dead = o->pt->dead;

	unlink_from(o);
	if (dead == PT_DEAD_THREAD) {
		thread_bury(o);
		return p;
	}
	if (dead == PT_DEAD_PROC && proc_tell_end(p))
		return p;
	return NULL;
}

void ptrace_tracer_exit(struct lx_thread *t)
{
	struct lx_state *lx = lx_state();
	bool more = !list_empty(&t->tracees);

	while (more) {
		struct lx_proc *put = NULL;

		lock_take(&lx->tasklist);
		if (!list_empty(&t->tracees)) {
			struct lx_thread *o = LIST_FIRST(&t->tracees, struct ptrace, link)->self;
			bool kill = o->pt->options & PTRACE_O_EXITKILL;

			if (o->pt->dead) {
				put = ptrace_release(o);
			} else {
				ptrace_detach(o, true, 0);
				if (kill)
					(void)signal_proc(o->proc, SIGKILL, NULL);
			}
		}
		more = !list_empty(&t->tracees);
		lock_drop(&lx->tasklist);
		proc_put(put);
	}
}

/* ---- Ends ---- */

void ptrace_tell(struct lx_thread *o, int why, int status)
{
	struct lx_proc *to = o->tracer->proc;
	bool stop = why == CLD_TRAPPED || why == CLD_STOPPED;
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = SIGCHLD;
	info.si_code = why;
	info.si_pid = pid_seen_by(to, o->tid);
	info.si_uid = o->cred.uid;
	info.si_status = status;
	if (to->sighand) {
		const struct lx_sigaction *a = &to->sighand->action[SIGCHLD];

		if (a->handler != (uint64_t)SIG_IGN && !(stop && (a->flags & SA_NOCLDSTOP)))
			(void)signal_proc(to, SIGCHLD, &info);
	}
	waitq_wake_all(&to->child_wait);
}

static void tell_end(struct lx_thread *o, uint32_t code) REQUIRES(TASKLIST)
{
	bool exited = (code & 0x7f) == 0;

	ptrace_tell(o, exited ? CLD_EXITED : code & 0x80 ? CLD_DUMPED : CLD_KILLED, exited ? (int)(code >> 8 & 0xff) : (int)(code & 0x7f));
}

void ptrace_thread_dead(struct lx_thread *o, uint32_t code, bool kept)
{
	o->pt->stop = PT_RUNS;
	o->pt->dead = kept ? PT_DEAD_LAST : PT_DEAD_THREAD;
	o->pt->code = code;
	if (!kept)
		proc_get(o->proc);
	tell_end(o, code);
}

bool ptrace_proc_dead(struct lx_proc *p)
{
	struct lx_thread *o = p->leader;

	if (!o || !o->tracer || o->tracer->proc == p->parent)
		return false;
	o->pt->stop = PT_RUNS;
	o->pt->dead = PT_DEAD_PROC;
	o->pt->code = p->exit_code;
	tell_end(o, p->exit_code);
	return true;
}

bool ptrace_hidden(const struct lx_proc *p, const struct lx_proc *me)
{
	return p->leader && p->leader->tracer && p->leader->tracer->proc != me;
}
