/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/fault.c - faults of guest code become signals.
 *
 * A page fault goes to mm/ first, which grows stacks.  What is left is a
 * signal that cannot be blocked, with the numbers Linux shows for it.
 */
#include "linux/misc/klog.h"
#include "linux/mm/mm.h"
#include "linux/proc/ptrace.h"
#include "linux/sig/internal.h"
#include "pico/patch.h"

#define TRAP_PAGE_FAULT 14
#define TRAP_GENERAL_PROTECTION 13

/* Nobody in the program handles it: the kernel log says what it was. */
static bool unhandled(struct lx_thread *t, int sig)
{
	uint64_t handler = t->proc->sighand->action[sig].handler;

	return (handler == (uint64_t)SIG_DFL || handler == (uint64_t)SIG_IGN) && t->tracer == NULL && klog_may_print();
}

static void log_segfault(struct lx_thread *t, const struct dk_exception *e, const struct dk_context *c)
{
	uint64_t ip = pico_guest_rip(c->rip);
	char where[128];

	klog_print(KLOG_INFO, "%.16s[%d]: segfault at %lx ip %016lx sp %016lx error %lx%s", t->comm, t->tid, (unsigned long)e->address,
		(unsigned long)ip, (unsigned long)c->rsp, (unsigned long)e->code, mm_describe(t->proc->mm, ip, where, sizeof where));
}

static void log_trap(struct lx_thread *t, const char *what, const struct dk_context *c)
{
	uint64_t ip = pico_guest_rip(c->rip);
	char where[128];

	klog_print(KLOG_INFO, "traps: %.16s[%d] %s ip:%lx sp:%lx error:0%s", t->comm, t->tid, what, (unsigned long)ip, (unsigned long)c->rsp,
		mm_describe(t->proc->mm, ip, where, sizeof where));
}

static void memory_fault(struct lx_thread *t, const struct dk_exception *e, struct dk_context *c)
{
	int sig = SIGSEGV, code = SEGV_MAPERR;

	t->cr2 = e->address;
	if (e->trapno != TRAP_PAGE_FAULT && e->trapno != 0 && e->kind == DK_EXC_MEMORY) {
		/* A non-canonical address or a privileged instruction: no address to tell. */
		if (unhandled(t, SIGSEGV))
			log_trap(t, "general protection fault", c);
		signal_force(t, SIGSEGV, SI_KERNEL, 0, e->trapno, 0);
		return;
	}
	if (mm_fault(t->proc->mm, e, c->rsp, &sig, &code))
		return;
	if (sig == SIGSEGV && unhandled(t, sig))
		log_segfault(t, e, c);
	signal_force(t, sig, code, e->address, TRAP_PAGE_FAULT, e->kind == DK_EXC_MEMORY ? (int)e->code : 4);
}

static void trap(struct lx_thread *t, const struct dk_exception *e, struct dk_context *c)
{
	int code = TRAP_TRACE;

	if (t->pt && e->kind == DK_EXC_STEP)
		code = ptrace_step_done(t, c);
	else if (t->pt)
		ptrace_disarm_step(t, c);
	if (!code)
		return;
	if (e->kind == DK_EXC_STEP)
		signal_force(t, SIGTRAP, code, pico_guest_rip(c->rip), 1, 0);
	else if (e->kind == DK_EXC_BREAKPOINT)
		signal_force(t, SIGTRAP, SI_KERNEL, 0, 3, 0);
	else if (e->kind == DK_EXC_ILLEGAL) {
		if (unhandled(t, SIGILL))
			log_trap(t, "trap invalid opcode", c);
		signal_force(t, SIGILL, ILL_ILLOPN, pico_guest_rip(c->rip), 6, 0);
	} else {
		if (unhandled(t, SIGFPE))
			log_trap(t, e->trapno == 0 ? "trap divide error" : "trap floating point error", c);
		signal_force(t, SIGFPE, e->code, pico_guest_rip(c->rip), e->trapno, 0);
	}
}

void sig_dispatch_exception(struct pico_thread *pt, const struct dk_exception *e, struct dk_context *c)
{
	struct lx_thread *t = (struct lx_thread *)pt;

	switch (e->kind) {
	case DK_EXC_INTERRUPT:
		pico_tb()->work = 1;
		break;
	case DK_EXC_MEMORY:
	case DK_EXC_BUS:
		memory_fault(t, e, c);
		break;
	case DK_EXC_ALIGNMENT:
		signal_force(t, SIGBUS, BUS_ADRALN, e->address, 17, 0);
		break;
	case DK_EXC_ILLEGAL:
	case DK_EXC_ARITHMETIC:
	case DK_EXC_BREAKPOINT:
	case DK_EXC_STEP:
		trap(t, e, c);
		break;
	default:
		/* A system call of another kind: 32-bit or x32. */
		c->rax = (uint64_t)-ENOSYS;
		break;
	}
	c->orig_rax = UINT64_MAX; /* no system call: nothing to make again */
}
