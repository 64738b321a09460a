/* SPDX-License-Identifier: MIT */
/*
 * pal/trap.c - host signals become upcalls.
 *
 * A handler runs on the thread's alternate stack, finds the thread block from its own
 * rsp, sets GS again (guests may change it, Windows programs own it; sigreturn restores neither base), changes
 * the saved registers and returns.  Nothing of the library OS runs inside a signal:
 * for guest code the handler writes a struct dk_context at the top of the library-OS
 * stack, which is empty then, and lets sigreturn resume in the personality's exception
 * entry, with the guest's vector registers live and signals as they were.  The
 * guest's stack is never touched.
 *
 * What was interrupted is the guest if rip lies outside Bailey's window, in no
 * loaded image (a wild jump), or in the vdso while not on our stack.
 */
#include "pal/pal.h"
#include "rt/fmt.h"

struct host_siginfo {
	int32_t signo, err, code, pad;
	uint64_t addr;        /* SIGSYS: call_addr */
	int32_t syscall;
	uint32_t arch;
	uint8_t rest[96];
};
struct host_ucontext {
	uint64_t flags, link;
	uint64_t stack[3];
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
	uint64_t sigmask;
};
struct host_sigaction {
	void (*handler)(int, struct host_siginfo *, struct host_ucontext *);
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};
struct host_stack {
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};
#define SA_SIGINFO  4u
#define SA_ONSTACK  0x08000000u
#define SA_RESTORER 0x04000000u
#define SA_NODEFER  0x40000000u

#define FLAG_TF 0x100u
#define FLAG_DF 0x400u
#define FLAG_NT 0x4000u
#define FLAG_AC 0x40000u
#define USER_CS 0x33
#define USER_SS 0x2b
#define ARCH_X86_64 0xc000003eu
#define X32_BIT     0x40000000
#define TRAPNO_DB 1
#define TRAPNO_AC 17
#define TRAPNO_PF 14
#define VSYSCALL_PAGE 0xffffffffff600000ull

static bool in_vdso(uint64_t rip)
{
	return rip >= VDSO_BASE && rip < VDSO_BASE + VDSO_SIZE;
}

static bool on_our_stack(const struct dk_tb *tb, uint64_t rsp)
{
	uint64_t slot = (uint64_t)tb - SLOT_TB;

	return rsp > slot && rsp < slot + SLOT_SIZE;
}

static bool is_guest(const struct dk_tb *tb, uint64_t rip, uint64_t rsp)
{
	if (rip < BAILEY_LOW || rip >= BAILEY_HIGH)
		return true;
	if (in_vdso(rip))
		return !on_our_stack(tb, rsp);
	for (uint32_t i = 0; i < pal_range_count; i++) {
		if (rip >= pal_ranges[i].begin && rip < pal_ranges[i].end)
			return false;
	}
	return true;
}

static void fill_context(struct dk_context *c, const struct host_ucontext *u)
{
	*c = (struct dk_context){
		.r15 = u->r15, .r14 = u->r14, .r13 = u->r13, .r12 = u->r12, .rbp = u->rbp, .rbx = u->rbx,
		.r11 = u->r11, .r10 = u->r10, .r9 = u->r9, .r8 = u->r8, .rax = u->rax, .rcx = u->rcx,
		.rdx = u->rdx, .rsi = u->rsi, .rdi = u->rdi, .orig_rax = UINT64_MAX,
		.rip = u->rip, .cs = u->cs, .rflags = u->eflags, .rsp = u->rsp, .ss = u->ss,
	};
}

/* Lets sigreturn go to the personality.  With keep, the frame that is there already stays. */
static void deliver(struct dk_tb *tb, struct host_ucontext *u, const struct dk_exception *what, bool keep)
{
	struct dk_context *c = (struct dk_context *)(tb->kstack_top - CTX_SIZE);
	struct dk_exception *e = (struct dk_exception *)ALIGN_DOWN((uint64_t)c - sizeof *e, 16);

	if (!keep) {
		fill_context(c, u);
		if (what->kind == DK_EXC_SYSCALL)
			c->orig_rax = u->rax;
	}
	*e = *what;
	u->rdi = (uint64_t)e;
	u->rsi = (uint64_t)c;
	u->rbp = 0;
	u->rsp = (uint64_t)e - 8;
	u->rip = (uint64_t)pal_image.exception;
	u->cs = USER_CS;
	u->ss = USER_SS;
	u->eflags &= ~(uint64_t)(FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC);
}

/* A backtrace over frame pointers and the registers: all that is left to tell. */
static void NORETURN dump(const struct dk_tb *tb, const struct host_siginfo *info, const struct host_ucontext *u)
{
	char text[1500];
	int n, room = sizeof text;
	uint64_t rbp = u->rbp;

	n = fmt_snprintf(text, room,
		"fault in library-OS code: signal %d code %d trap %lu error %lx address %lx\n"
		"rip %lx rsp %lx rflags %lx cr2 %lx pico %lu slot %lu\n"
		"rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx rbp %lx\n"
		"r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx r13 %lx r14 %lx r15 %lx\ncalled from",
		info->signo, info->code, u->trapno, u->err, info->addr, u->rip, u->rsp, u->eflags, u->cr2, pal_pico,
		tb->pal[TBP_SLOT], u->rax, u->rbx, u->rcx, u->rdx, u->rsi, u->rdi, u->rbp, u->r8, u->r9, u->r10, u->r11,
		u->r12, u->r13, u->r14, u->r15);
	for (int i = 0; i < 24 && n < room - 20; i++) {
		const uint64_t *frame = (const uint64_t *)rbp;

		if ((rbp & 7) || !on_our_stack(tb, rbp) || !on_our_stack(tb, rbp + 15) || rbp < u->rsp)
			break;
		n += fmt_snprintf(text + n, (size_t)(room - n), " %lx", frame[1]);
		if (frame[0] <= rbp)
			break;
		rbp = frame[0];
	}
	pal_panic("%s", text);
}

/* First of all in a handler: the host leaves the guest's AC set, and our accesses are not all aligned. */
static struct dk_tb *handler_tb(uint64_t *old_gs)
{
	struct dk_tb *tb = pal_tb();

	clear_alignment_check();
	*old_gs = read_gs_base();
	if (*old_gs != (uint64_t)tb)
		write_gs_base((uint64_t)tb);
	return tb;
}

static bool uaccess_fixup(struct host_ucontext *u)
{
	for (uint32_t i = 0; i < pal_range_count; i++) {
		if (u->rip >= pal_ranges[i].uaccess_begin && u->rip < pal_ranges[i].uaccess_end) {
			u->rip = pal_ranges[i].uaccess_fixup;
			return true;
		}
	}
	return false;
}

static struct dk_exception describe(const struct host_siginfo *info, const struct host_ucontext *u)
{
	struct dk_exception e = {
		.code = (uint32_t)info->code, .address = info->addr, .signo = (uint32_t)info->signo, .trapno = (uint32_t)u->trapno,
	};

	switch (info->signo) {
	case HOST_SIGSEGV:
		e.kind = DK_EXC_MEMORY;
		if (u->trapno == TRAPNO_PF) {
			e.code = (uint32_t)u->err;
			e.address = u->cr2;
		}
		break;
	case HOST_SIGBUS:
		e.kind = u->trapno == TRAPNO_AC ? DK_EXC_ALIGNMENT : DK_EXC_BUS;
		break;
	case HOST_SIGILL:
		e.kind = DK_EXC_ILLEGAL;
		break;
	case HOST_SIGFPE:
		e.kind = DK_EXC_ARITHMETIC;
		break;
	default:
		e.kind = u->trapno == TRAPNO_DB ? DK_EXC_STEP : DK_EXC_BREAKPOINT;
		break;
	}
	return e;
}

static bool in_restart(uint64_t rip)
{
	return rip >= pal_image.restart_begin && rip < pal_image.restart_end;
}

/* Before or behind a call that is being answered without a frame: as if it were the guest that is there. */
static void leave_leaf(struct host_ucontext *u)
{
	if (u->rip == pal_image.leaf_end)
		u->rip = u->rcx;
	else
		u->rip = u->rcx - 2;
}

static bool in_leaf(uint64_t rip)
{
	return rip != 0 && rip >= pal_image.leaf_begin && rip <= pal_image.leaf_end;
}

static void on_fault(int sig, struct host_siginfo *info, struct host_ucontext *u)
{
	uint64_t old_gs;
	struct dk_tb *tb = handler_tb(&old_gs);
	struct dk_exception e = describe(info, u);

	(void)sig;
	if (is_guest(tb, u->rip, u->rsp)) {
		deliver(tb, u, &e, false);
		return;
	}
	if (info->signo == HOST_SIGBUS && u->trapno == TRAPNO_AC) {
		u->eflags &= ~(uint64_t)FLAG_AC; /* a guest that has its alignments checked has come in to us */
		return;
	}
	if ((info->signo == HOST_SIGSEGV || info->signo == HOST_SIGBUS) && uaccess_fixup(u))
		return;
	if (info->signo == HOST_SIGTRAP && u->trapno == TRAPNO_DB) {
		u->eflags &= ~(uint64_t)FLAG_TF; /* a guest that single-steps has come in to us */
		return;
	}
	if (info->signo == HOST_SIGSEGV && old_gs != (uint64_t)tb)
		return; /* the entry code met a GS the guest had changed: again */
	if (in_restart(u->rip)) {
		/* The way out to the guest met registers the CPU refuses: the guest's fault, and its
		   frame is whole. */
		deliver(tb, u, &e, true);
		return;
	}
	if (!on_our_stack(tb, u->rsp)) {
		deliver(tb, u, &e, false); /* the guest jumped into our text */
		return;
	}
	dump(tb, info, u);
}

static void on_sigsys(int sig, struct host_siginfo *info, struct host_ucontext *u)
{
	uint64_t old_gs;
	struct dk_tb *tb = handler_tb(&old_gs);
	struct dk_exception e = { .kind = DK_EXC_SYSCALL, .code = (uint32_t)info->code, .signo = HOST_SIGSYS, .call_site = u->rip - 2 };

	(void)sig;
	if (!is_guest(tb, u->rip, u->rsp) && on_our_stack(tb, u->rsp)) {
		if (!in_vdso(u->rip))
			dump(tb, info, u);
		u->rax = (uint64_t)-HOST_ENOSYS;
		return;
	}
	if (info->arch != ARCH_X86_64 || (info->syscall & X32_BIT))
		e.kind = DK_EXC_SYSCALL_FOREIGN;
	if ((info->addr & PAGE_MASK) == VSYSCALL_PAGE)
		e.call_site = info->addr;
	deliver(tb, u, &e, false);
}

static void on_kick(int sig, struct host_siginfo *info, struct host_ucontext *u)
{
	uint64_t old_gs;
	struct dk_tb *tb = handler_tb(&old_gs);
	struct thread *t = (struct thread *)tb->pal[TBP_THREAD];
	struct dk_exception e = { .kind = DK_EXC_INTERRUPT, .signo = HOST_SIGURG };

	(void)sig;
	(void)info;
	if (u->rip >= (uint64_t)host_wait_begin && u->rip < (uint64_t)host_wait_end)
		u->rip = (uint64_t)host_wait_eintr;
	if (t && atomic_load(&t->intr) && atomic_exchange(&t->intr, 0))
		tb->work = 1;
	if (!tb->work) { /* a late kick, meant for a wait that is over */
		write_gs_base(old_gs); /* a Windows guest's, perhaps */
		return;
	}
	if (in_leaf(u->rip))
		leave_leaf(u);
	if (is_guest(tb, u->rip, u->rsp))
		deliver(tb, u, &e, false);
	else if (in_restart(u->rip))
		u->rip = pal_image.restart_to;
}

void signals_block(void)
{
	uint64_t mask = ~(uint64_t)SYNC_SIGNALS;

	(void)HOST4(rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

void signals_unblock(void)
{
	uint64_t mask = 0;

	(void)HOST4(rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

void trap_thread_init(struct dk_tb *tb)
{
	struct host_stack stack = { (uint64_t)tb - SLOT_TB + SLOT_ALTSTACK, 0, 0, SLOT_ALTSTACK_TOP - SLOT_ALTSTACK };

	if (HOST2(sigaltstack, &stack, NULL) < 0)
		pal_panic("pal: the host's signal frames do not fit the alternate stack");
}

void trap_init(void)
{
	static const uint8_t faults[] = { HOST_SIGILL, HOST_SIGTRAP, HOST_SIGBUS, HOST_SIGFPE, HOST_SIGSEGV };
	struct host_sigaction a = {
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER | SA_NODEFER, .restorer = host_restorer, .mask = ~(uint64_t)SYNC_SIGNALS,
	};
	long err = 0;

	a.handler = on_fault;
	for (unsigned i = 0; i < ARRAY_LEN(faults); i++)
		err |= HOST4(rt_sigaction, faults[i], &a, NULL, 8);
	a.handler = on_sigsys;
	err |= HOST4(rt_sigaction, HOST_SIGSYS, &a, NULL, 8);
	a.handler = on_kick;
	err |= HOST4(rt_sigaction, HOST_SIGURG, &a, NULL, 8);
	a = (struct host_sigaction){ .handler = (void (*)(int, struct host_siginfo *, struct host_ucontext *))1 }; /* ignore */
	err |= HOST4(rt_sigaction, HOST_SIGPIPE, &a, NULL, 8);
	if (err)
		pal_panic("pal: cannot set signal handlers");
}
