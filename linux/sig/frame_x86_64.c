/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/frame_x86_64.c - signal frames, bit for bit as Linux lays them out, and
 * rt_sigreturn.
 *
 *	higher addresses
 *	| interrupted stack, 128 bytes of red zone |  or the top of the alternate stack
 *	| XSAVE area, 64-byte aligned, closed by FP_XSTATE_MAGIC2 |
 *	| siginfo | ucontext | return address (sa_restorer) |  <- rsp, 8 below a multiple of 16
 *
 * The frame is put together in library-OS memory and copied out, since a guest's
 * stack may be anywhere.  rt_sigreturn believes nothing it reads: segments and flags are
 * what they may be, and what xrstor refuses makes a bad frame: the thread gets SIGSEGV.
 */
#include "linux/mm/mm.h"
#include "linux/sig/internal.h"
#include "pico/patch.h"
#include "pico/uaccess.h"
#include "syscalls.gen.h"

#define RED_ZONE 128
#define LEAST_HOST_FRAME 4096u /* where an old host does not say */
#define USER_CS  0x33
#define USER_SS  0x2b
#define FLAG_TF  0x100u
#define FLAG_DF  0x400u
#define FLAG_RF  0x10000u
#define FLAGS_GUEST 0x00050dd5ull /* AC RF OF DF TF SF ZF AF PF CF: what sigreturn may set */
#define FLAGS_FIXED 0x202ull      /* IF and the bit that is always set */

struct rt_sigframe {
	uint64_t restorer;
	struct ucontext uc;
	siginfo_t info;
};
_Static_assert(sizeof(struct ucontext) == 304 && sizeof(siginfo_t) == 128, "frame layout");

/* Where the parts of a frame go. */
struct place {
	uint64_t frame, fp;
};

/* From what the host's frame takes, with all that XSAVE saves: fp_size would ask the CPU, which
   takes 65 us in a virtual machine, at each start of a program. */
uint64_t sig_min_stack(void)
{
	return ALIGN_UP(MAX(pico_boot_block->signal_frame, LEAST_HOST_FRAME) + RED_ZONE + 128, 16);
}

static bool within_altstack(const struct lx_thread *t, uint64_t sp)
{
	uint64_t base = (uint64_t)t->altstack.ss_sp;

	return t->altstack.ss_size && sp > base && sp - base <= t->altstack.ss_size;
}

static bool choose_place(struct lx_thread *t, const struct dk_context *c, const struct sig_taken *s, struct place *at)
{
	uint64_t sp = c->rsp;
	bool alt = sig_on_altstack(t, sp);

	if ((s->action.flags & SA_ONSTACK) && t->altstack.ss_size && !sig_on_altstack(t, sp - RED_ZONE)) {
		sp = (uint64_t)t->altstack.ss_sp + t->altstack.ss_size;
		alt = true;
	} else {
		sp -= RED_ZONE;
	}
	at->fp = ALIGN_DOWN(sp - fp_size() - sizeof(uint32_t), 64);
	at->frame = ALIGN_DOWN(at->fp - sizeof(struct rt_sigframe), 16) - 8;
	return !alt || within_altstack(t, at->frame);
}

/* All of it: nothing of ours may be left in a frame. */
static void fill_context(struct sigcontext *sc, const struct lx_thread *t, const struct dk_context *c)
{
	sc->r8 = c->r8, sc->r9 = c->r9, sc->r10 = c->r10, sc->r11 = c->r11;
	sc->r12 = c->r12, sc->r13 = c->r13, sc->r14 = c->r14, sc->r15 = c->r15;
	sc->rdi = c->rdi, sc->rsi = c->rsi, sc->rbp = c->rbp, sc->rbx = c->rbx;
	sc->rdx = c->rdx, sc->rax = c->rax, sc->rcx = c->rcx, sc->rsp = c->rsp;
	sc->rip = pico_guest_rip(c->rip);
	sc->eflags = c->rflags;
	sc->cs = USER_CS;
	sc->ss = USER_SS;
	sc->gs = sc->fs = 0;
	for (unsigned i = 0; i < ARRAY_LEN(sc->reserved1); i++)
		sc->reserved1[i] = 0;
	sc->err = t->trap_err;
	sc->trapno = t->trapno;
	sc->cr2 = t->cr2;
}

static void fill_frame(struct rt_sigframe *f, struct lx_thread *t, const struct dk_context *c, const struct sig_taken *s,
	uint64_t mask, const struct place *at)
{
	f->restorer = s->action.restorer;
	f->uc.uc_link = NULL;
	memset(&f->uc.uc_stack, 0, sizeof f->uc.uc_stack); /* its padding */
	f->uc.uc_flags = (fp_features() ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f->uc.uc_stack.ss_sp = t->altstack.ss_sp;
	f->uc.uc_stack.ss_size = t->altstack.ss_size;
	f->uc.uc_stack.ss_flags = (!t->altstack.ss_size ? SS_DISABLE : sig_on_altstack(t, c->rsp) ? SS_ONSTACK : 0) |
		(t->altstack.ss_flags & SS_AUTODISARM);
	fill_context(&f->uc.uc_mcontext, t, c);
	f->uc.uc_mcontext.oldmask = mask;
	f->uc.uc_mcontext.fpstate = (void *)at->fp;
	memcpy(&f->uc.uc_sigmask, &mask, sizeof mask);
	if (s->action.flags & SA_SIGINFO)
		f->info = s->info;
}

/* A stack that grows down is not there yet below its last page. */
static void grow_stack(struct lx_thread *t, uint64_t sp)
{
	struct dk_exception e = { .kind = DK_EXC_MEMORY, .code = 6, .address = sp, .trapno = 14 };
	int sig, code;

	(void)mm_fault(t->proc->mm, &e, sp, &sig, &code);
}

static long write_frame(struct lx_thread *t, struct dk_context *c, const struct sig_taken *s, uint64_t mask, const struct place *at)
{
	struct rt_sigframe f UNINIT; /* fill_frame fills what is written */
	uint64_t size = s->action.flags & SA_SIGINFO ? sizeof f : offsetof(struct rt_sigframe, info);

	fill_frame(&f, t, c, s, mask, at);
	if (copy_out((struct gva){ at->frame }, &f, size)) {
		grow_stack(t, at->frame);
		if (copy_out((struct gva){ at->frame }, &f, size))
			return -EFAULT;
	}
	/* The handler gets fresh vector registers. */
	if (!fp_save_user(at->fp))
		return -EFAULT;
	fp_fresh_handler(at->fp);
	return 0;
}

long sig_push_frame(struct lx_thread *t, struct dk_context *c, const struct sig_taken *s, uint64_t mask)
{
	struct place at;

	if (!(s->action.flags & 0x04000000) /* SA_RESTORER: there is no other way back */)
		return -EFAULT;
	if (s->action.handler >= GUEST_HIGH || !choose_place(t, c, s, &at) || write_frame(t, c, s, mask, &at))
		return -EFAULT;
	if (t->altstack.ss_flags & SS_AUTODISARM)
		t->altstack = (stack_t){ .ss_flags = SS_DISABLE };
	c->rdi = s->sig;
	c->rsi = at.frame + offsetof(struct rt_sigframe, info);
	c->rdx = at.frame + offsetof(struct rt_sigframe, uc);
	c->rax = 0;
	c->rip = c->rcx = s->action.handler; /* rcx: for the quick way out */
	c->rsp = at.frame;
	c->rflags = (c->rflags & ~(uint64_t)(FLAG_DF | FLAG_RF | FLAG_TF)) | FLAGS_FIXED;
	c->cs = USER_CS;
	c->ss = USER_SS;
	c->orig_rax = UINT64_MAX;
	return 0;
}

static bool pop_fp(uint64_t from)
{
	if (from)
		return fp_load_user(from);
	fp_reset();
	return true;
}

static void load_context(struct dk_context *c, const struct sigcontext *sc)
{
	c->r8 = sc->r8, c->r9 = sc->r9, c->r10 = sc->r10, c->r11 = sc->r11;
	c->r12 = sc->r12, c->r13 = sc->r13, c->r14 = sc->r14, c->r15 = sc->r15;
	c->rdi = sc->rdi, c->rsi = sc->rsi, c->rbp = sc->rbp, c->rbx = sc->rbx;
	c->rdx = sc->rdx, c->rax = sc->rax, c->rcx = sc->rcx, c->rsp = sc->rsp;
	c->rip = sc->rip;
	c->rflags = (sc->eflags & FLAGS_GUEST) | FLAGS_FIXED;
	c->cs = USER_CS;
	c->ss = USER_SS;
	c->orig_rax = UINT64_MAX;
}

static long bad_frame(struct lx_thread *t, struct dk_context *c)
{
	c->orig_rax = UINT64_MAX;
	signal_force(t, SIGSEGV, SI_KERNEL, 0, 0, 0);
	return 0;
}

long lx_sys_rt_sigreturn(struct lx_thread *t)
{
	struct dk_context *c = pico_frame();
	struct ucontext uc UNINIT;
	uint64_t mask, sp;

	pico_tb()->work = 1; /* all registers come back, so by the slow way */
	t->restart.kind = RESTART_NONE;
	if (copy_in(&uc, (struct gva){ c->rsp - 8 + offsetof(struct rt_sigframe, uc) }, sizeof uc))
		return bad_frame(t, c);
	if (!pop_fp((uint64_t)uc.uc_mcontext.fpstate))
		return bad_frame(t, c);
	load_context(c, &uc.uc_mcontext);
	memcpy(&mask, &uc.uc_sigmask, sizeof mask);
	sig_set_mask(t, mask);
	sp = c->rsp;
	(void)sig_change_altstack(t, &uc.uc_stack, sp, 0); /* Linux ignores what is wrong here, too */
	if (c->rip >= GUEST_HIGH) { /* iretq would fault on it in our own code */
		c->rip = 0;
		signal_force(t, SIGSEGV, SI_KERNEL, 0, 13, 0);
	}
	return (long)c->rax;
}
