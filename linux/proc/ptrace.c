/* SPDX-License-Identifier: MIT */
/*
 * linux/proc/ptrace.c - the system call, as the tracer makes it.
 *
 * All but attaching needs a tracee in a stop, which then is the caller's alone: it wakes only
 * by a request of his, or to die.  Requests that wait for the tracee's own thread (memory,
 * vector registers) hold a reference on its process meanwhile; should it die, they say ESRCH.
 */
#include "linux/proc/ptrace.h"
#include "linux/proc/proc.h"
#include "linux/proc/remote.h"
#include "linux/sig/internal.h"
#include "syscalls.gen.h"

#define OPTIONS      (0xffu | PTRACE_O_EXITKILL)
#define ARCH_X86_64  0xc000003eu

/* o is t's, and stopped; with TASKLIST held. */
static bool is_ours(const struct lx_thread *t, const struct lx_thread *o, bool stopped)
{
	if (!o || o->tracer != t || o->pt->dead)
		return false;
	return !stopped || (o->pt->stop && !o->pt->listening);
}

/* With a reference on its process, or NULL. */
static struct lx_thread *get_stopped(struct lx_thread *t, int pid)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;

	lock_take(&lx->tasklist);
	o = thread_find(pid);
	if (is_ours(t, o, true))
		proc_get(o->proc);
	else
		o = NULL;
	lock_drop(&lx->tasklist);
	return o;
}

/* ---- Going on ---- */

/* The requests that change whether it runs; TASKLIST held, o stopped. */
static long resume(struct lx_thread *o, long request, uint64_t sig) REQUIRES(TASKLIST)
{
	if (sig > LX_NSIG)
		return -EIO;
	if (request == PTRACE_DETACH) {
		ptrace_detach(o, false, (uint32_t)sig);
		return 0;
	}
	o->pt->mode = (uint32_t)request;
	o->pt->resume_sig = (uint32_t)sig;
	o->pt->stop = PT_RUNS;
	pico_wake(&o->pico);
	return 0;
}

static long listen(struct lx_thread *o) REQUIRES(TASKLIST)
{
	if (!o->pt->seized || o->pt->code >> 8 != PTRACE_EVENT_STOP)
		return -EIO;
	o->pt->listening = 1;
	pico_wake(&o->pico);
	return 0;
}

static long interrupt(struct lx_thread *o) REQUIRES(TASKLIST)
{
	if (!o->pt->seized)
		return -EIO;
	atomic_store(&o->pt->wanted, 1);
	pico_interrupt(&o->pico);
	return 0;
}

static bool needs_stop(long request)
{
	return request != PTRACE_INTERRUPT && request != PTRACE_KILL;
}

static bool is_control(long request)
{
	switch (request) {
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_SYSEMU:
	case PTRACE_SYSEMU_SINGLESTEP:
	case PTRACE_DETACH:
	case PTRACE_LISTEN:
	case PTRACE_INTERRUPT:
	case PTRACE_KILL:
	case PTRACE_SETOPTIONS:
		return true;
	default:
		return false;
	}
}

static long control_locked(struct lx_thread *o, long request, uint64_t data) REQUIRES(TASKLIST)
{
	switch (request) {
	case PTRACE_LISTEN:
		return listen(o);
	case PTRACE_INTERRUPT:
		return interrupt(o);
	case PTRACE_KILL:
		if (o->pt->stop)
			(void)signal_proc(o->proc, SIGKILL, NULL);
		return 0;
	case PTRACE_SETOPTIONS:
		if (data & ~(uint64_t)OPTIONS)
			return -EINVAL;
		o->pt->options = (uint32_t)data;
		return 0;
	default:
		return resume(o, request, data);
	}
}

static long control(struct lx_thread *t, long request, int pid, uint64_t data)
{
	struct lx_state *lx = lx_state();
	struct lx_thread *o;
	long err = -ESRCH;

	lock_take(&lx->tasklist);
	o = thread_find(pid);
	if (is_ours(t, o, needs_stop(request)))
		err = control_locked(o, request, data);
	lock_drop(&lx->tasklist);
	return err;
}

/* ---- Memory ---- */

static long peek(struct lx_thread *o, uint64_t addr, struct gva to)
{
	uint64_t word;
	long n = remote_memory(o->proc, addr, &word, sizeof word, false, true);

	if (n == -ESRCH)
		return n;
	return n == (long)sizeof word ? PUT_USER(to, word) : -EIO;
}

static long poke(struct lx_thread *o, uint64_t addr, uint64_t word)
{
	long n = remote_memory(o->proc, addr, &word, sizeof word, true, true);

	if (n == -ESRCH)
		return n;
	return n == (long)sizeof word ? 0 : -EIO;
}

static long peek_user(struct lx_thread *o, uint64_t offset, struct gva to)
{
	uint64_t value;
	long err = ptrace_peekuser(o, offset, &value);

	return err ? err : PUT_USER(to, value);
}

/* ---- Signals ---- */

static long set_info(struct lx_thread *o, struct gva from)
{
	siginfo_t info;

	if (copy_in(&info, from, sizeof info))
		return -EFAULT;
	if (!o->pt->has_info)
		return -EINVAL;
	o->pt->info = info;
	return 0;
}

static long sigmask(struct lx_thread *o, uint64_t size, struct gva at, bool set)
{
	struct sighand *h = o->proc->sighand;
	uint64_t mask;

	if (size != sizeof mask)
		return -EINVAL;
	if (!set)
		return PUT_USER(at, o->restore_sigmask ? o->saved_sigmask : o->sigmask);
	if (copy_in(&mask, at, sizeof mask))
		return -EFAULT;
	lock_take(&h->lock);
	o->sigmask = mask & ~SIG_NEVER_BLOCKED; /* stopped: its own thread does not look */
	o->restore_sigmask = 0;
	lock_drop(&h->lock);
	return 0;
}

struct peek_args {
	uint64_t off;
	uint32_t flags;
	int32_t nr;
};

/* The i-th queued signal. */
static bool queued(struct lx_thread *o, bool shared, uint64_t i, siginfo_t *info)
{
	struct sighand *h = o->proc->sighand;
	struct sigpending *pend = shared ? &o->proc->pending : &o->pending;
	bool found = false;

	lock_take(&h->lock);
	LIST_FOR (q, &pend->queue, struct sigqueue, link)
		if (i-- == 0) {
			*info = q->info;
			found = true;
			break;
		}
	lock_drop(&h->lock);
	return found;
}

static long peek_siginfo(struct lx_thread *o, struct gva args, struct gva to)
{
	struct peek_args a;
	siginfo_t info;
	long n = 0;

	if (copy_in(&a, args, sizeof a))
		return -EFAULT;
	if ((a.flags & ~(uint32_t)PTRACE_PEEKSIGINFO_SHARED) || a.nr < 0)
		return -EINVAL;
	for (; n < a.nr && queued(o, a.flags, a.off + (uint64_t)n, &info); n++)
		if (copy_out(gva_add(to, (uint64_t)n * sizeof info), &info, sizeof info))
			return n ? n : -EFAULT;
	return n;
}

/* ---- System calls ---- */

static long syscall_info(struct lx_thread *o, uint64_t size, struct gva to)
{
	const struct dk_context *c = &o->pt->regs.c;
	struct ptrace_syscall_info i;
	uint64_t n = offsetof(struct ptrace_syscall_info, entry);
	bool filter = o->pt->stop == PT_EVENT && o->pt->code >> 8 == PTRACE_EVENT_SECCOMP;

	memset(&i, 0, sizeof i);
	i.arch = ARCH_X86_64;
	i.instruction_pointer = c->rip;
	i.stack_pointer = c->rsp;
	if (o->pt->stop == PT_ENTRY || filter) {
		i.op = filter ? PTRACE_SYSCALL_INFO_SECCOMP : PTRACE_SYSCALL_INFO_ENTRY;
		i.entry.nr = c->orig_rax;
		i.entry.args[0] = c->rdi, i.entry.args[1] = c->rsi, i.entry.args[2] = c->rdx;
		i.entry.args[3] = c->r10, i.entry.args[4] = c->r8, i.entry.args[5] = c->r9;
		n = offsetof(struct ptrace_syscall_info, entry.args[6]);
		if (filter) {
			i.seccomp.ret_data = (uint32_t)o->pt->message;
			n = offsetof(struct ptrace_syscall_info, seccomp.ret_data) + sizeof i.seccomp.ret_data;
		}
	} else if (o->pt->stop == PT_EXIT) {
		i.op = PTRACE_SYSCALL_INFO_EXIT;
		i.exit.rval = (int64_t)c->rax;
		i.exit.is_error = c->rax >= (uint64_t)-4095;
		n = offsetof(struct ptrace_syscall_info, exit.is_error) + 1;
	}
	return copy_out(to, &i, MIN(size, n)) ? -EFAULT : (long)n;
}

/* ---- The call ---- */

static long on_stopped(struct lx_thread *o, long request, uint64_t addr, uint64_t data)
{
	struct gva at = { data };

	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek(o, addr, at);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return poke(o, addr, data);
	case PTRACE_PEEKUSR:
		return peek_user(o, addr, at);
	case PTRACE_POKEUSR:
		return ptrace_pokeuser(o, addr, data);
	case PTRACE_GETREGS:
		return ptrace_getregs(o, at);
	case PTRACE_SETREGS:
		return ptrace_setregs(o, at);
	case PTRACE_GETFPREGS:
	case PTRACE_SETFPREGS:
		return ptrace_fpregs(o, at, request == PTRACE_SETFPREGS);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return ptrace_regset(o, addr, at, request == PTRACE_SETREGSET);
	case PTRACE_GETEVENTMSG:
		return PUT_USER(at, o->pt->message);
	case PTRACE_GETSIGINFO:
		return o->pt->has_info ? copy_out(at, &o->pt->info, sizeof o->pt->info) : -EINVAL;
	case PTRACE_SETSIGINFO:
		return set_info(o, at);
	case PTRACE_PEEKSIGINFO:
		return peek_siginfo(o, (struct gva){ addr }, at);
	case PTRACE_GETSIGMASK:
	case PTRACE_SETSIGMASK:
		return sigmask(o, addr, at, request == PTRACE_SETSIGMASK);
	case PTRACE_GET_SYSCALL_INFO:
		return syscall_info(o, addr, at);
	default:
		return -EIO;
	}
}

long lx_sys_ptrace(struct lx_thread *t, long request, int pid, uint64_t addr, uint64_t data)
{
	struct lx_thread *o;
	long result;

	switch (request) {
	case PTRACE_TRACEME:
		return ptrace_traceme(t);
	case PTRACE_ATTACH:
		return ptrace_attach(t, pid, false, 0);
	case PTRACE_SEIZE:
		if (addr || (data & ~(uint64_t)OPTIONS))
			return -EIO;
		return ptrace_attach(t, pid, true, data);
	default:
		break;
	}
	if (is_control(request))
		return control(t, request, pid, data);
	o = get_stopped(t, pid);
	if (!o)
		return -ESRCH;
	result = on_stopped(o, request, addr, data);
	proc_put(o->proc);
	return result;
}
