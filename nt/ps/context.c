/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/context.c - struct CONTEXT and the registers.
 *
 * The integer registers of a thread that is in the kernel are in its frame; its vector registers are live in the CPU all the time, since
 * no kernel code uses them.  So a CONTEXT is half copied and half FXSAVEd straight to where it is wanted.  Who changes the frame sees
 * to it that the way out is the full one: pico_enter_user, or tb->work.
 */
#include "nt/ke/dispatch.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/os/thread.h"
#include "nt/ps/ps.h"
#include "nt/ps/teb.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define SEG_CS  0x33
#define SEG_SS  0x2b
#define SEG_FS  0x53
#define FLAGS_GUEST 0x00250dd5u /* ID AC RF OF DF TF SF ZF AF PF CF */
#define FLAG_TF     0x100u
#define FLAGS_FIXED 0x00000202u
#define MXCSR_BITS  0x0000ffffu
#define MXCSR_AT    24u         /* in FXSAVE's area */
#define HEAD        offsetof(struct CONTEXT, FltSave)
#define ALL_PARTS   (CONTEXT_FULL | CONTEXT_SEGMENTS | CONTEXT_DEBUG_REGISTERS)
#define PART(flags, part) (((flags) & (part)) == (part))

_Static_assert(HEAD == 0x100, "CONTEXT");

/* Linux begins with 0 in DS and ES.  FS and GS stay so, since loading them would take their bases. */
void ps_segments(void)
{
	__asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(SEG_SS));
}

static void integer_get(const struct nt_thread *t, const struct dk_context *c, struct CONTEXT *to)
{
	uint32_t mxcsr;

	memset(to, 0, HEAD);
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	to->ContextFlags = ALL_PARTS;
	to->MxCsr = mxcsr;
	to->SegCs = SEG_CS;
	to->SegSs = SEG_SS;
	__asm__("mov %%ds, %0" : "=r"(to->SegDs));
	__asm__("mov %%es, %0" : "=r"(to->SegEs));
	__asm__("mov %%fs, %0" : "=r"(to->SegFs));
	__asm__("mov %%gs, %0" : "=r"(to->SegGs));
	to->EFlags = (uint32_t)c->rflags & ~(ps_of(t)->step_armed ? FLAG_TF : 0);
	memcpy(&to->Dr0, ps_of(t)->debug, sizeof ps_of(t)->debug);
	to->Rax = c->rax;
	to->Rcx = c->rcx;
	to->Rdx = c->rdx;
	to->Rbx = c->rbx;
	to->Rsp = c->rsp;
	to->Rbp = c->rbp;
	to->Rsi = c->rsi;
	to->Rdi = c->rdi;
	to->R8 = c->r8;
	to->R9 = c->r9;
	to->R10 = c->r10;
	to->R11 = c->r11;
	to->R12 = c->r12;
	to->R13 = c->r13;
	to->R14 = c->r14;
	to->R15 = c->r15;
	to->Rip = c->rip;
}

static void integer_set(struct dk_context *c, const struct CONTEXT *from)
{
	c->rax = from->Rax;
	c->rcx = from->Rcx;
	c->rdx = from->Rdx;
	c->rbx = from->Rbx;
	c->rbp = from->Rbp;
	c->rsi = from->Rsi;
	c->rdi = from->Rdi;
	c->r8 = from->R8;
	c->r9 = from->R9;
	c->r10 = from->R10;
	c->r11 = from->R11;
	c->r12 = from->R12;
	c->r13 = from->R13;
	c->r14 = from->R14;
	c->r15 = from->R15;
}

static void control_set(struct dk_context *c, const struct CONTEXT *from)
{
	c->rip = from->Rip;
	c->rsp = from->Rsp;
	c->rflags = (from->EFlags & FLAGS_GUEST) | FLAGS_FIXED;
}

void ps_context_get(const struct nt_thread *t, const struct dk_context *c, struct CONTEXT *to)
{
	integer_get(t, c, to);
	memset((char *)to + HEAD + sizeof to->FltSave, 0, sizeof *to - HEAD - sizeof to->FltSave);
	__asm__ volatile("fxsave64 %0" : "=m"(to->FltSave));
}

/* The CPU refuses bits of MXCSR that it does not know. */
static void vectors_set(struct CONTEXT *k)
{
	uint32_t mxcsr;

	memcpy(&mxcsr, k->FltSave + MXCSR_AT, sizeof mxcsr);
	mxcsr &= MXCSR_BITS;
	memcpy(k->FltSave + MXCSR_AT, &mxcsr, sizeof mxcsr);
	__asm__ volatile("fxrstor64 %0" : : "m"(k->FltSave));
}

static void mxcsr_set(uint32_t mxcsr)
{
	mxcsr &= MXCSR_BITS;
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

void ps_context_set(struct nt_thread *t, struct dk_context *c, struct CONTEXT *from, uint32_t flags)
{
	if (PART(flags, CONTEXT_DEBUG_REGISTERS)) {
		memcpy(ps_of(t)->debug, &from->Dr0, sizeof ps_of(t)->debug);
		atomic_store_explicit(&ps_of(t)->look, 1, memory_order_relaxed);
	}
	if (PART(flags, CONTEXT_INTEGER))
		integer_set(c, from);
	if (PART(flags, CONTEXT_CONTROL)) {
		control_set(c, from);
		ps_of(t)->step_armed = 0;
	}
	if (PART(flags, CONTEXT_FLOATING_POINT)) {
		vectors_set(from);
		mxcsr_set(from->MxCsr);
	}
}

static void copy_integer(struct CONTEXT *to, const struct CONTEXT *from)
{
	to->Rax = from->Rax;
	to->Rcx = from->Rcx;
	to->Rdx = from->Rdx;
	to->Rbx = from->Rbx;
	memcpy(&to->Rbp, &from->Rbp, offsetof(struct CONTEXT, Rip) - offsetof(struct CONTEXT, Rbp));
}

void ps_context_copy(struct CONTEXT *to, const struct CONTEXT *from, uint32_t flags)
{
	if (PART(flags, CONTEXT_INTEGER))
		copy_integer(to, from);
	if (PART(flags, CONTEXT_CONTROL)) {
		to->SegCs = from->SegCs;
		to->SegSs = from->SegSs;
		to->Rsp = from->Rsp;
		to->Rip = from->Rip;
		to->EFlags = from->EFlags;
	}
	if (PART(flags, CONTEXT_SEGMENTS)) {
		to->SegDs = from->SegDs;
		to->SegEs = from->SegEs;
		to->SegFs = from->SegFs;
		to->SegGs = from->SegGs;
	}
	if (PART(flags, CONTEXT_FLOATING_POINT)) {
		memcpy(to->FltSave, from->FltSave, sizeof to->FltSave);
		to->MxCsr = from->MxCsr;
	}
	if (PART(flags, CONTEXT_DEBUG_REGISTERS))
		memcpy(&to->Dr0, &from->Dr0, 6 * sizeof to->Dr0);
}

NTSTATUS ps_context_out(const struct nt_thread *t, uint64_t va, const struct dk_context *c)
{
	struct CONTEXT k UNINIT;
	const size_t tail = HEAD + sizeof k.FltSave;

	integer_get(t, c, &k);
	if (uaccess_write(va, &k, HEAD) || !uaccess_save_vectors(va + HEAD, sizeof k.FltSave, 0) || uaccess_zero(va + tail, sizeof k - tail))
		return STATUS_ACCESS_VIOLATION;
	return STATUS_SUCCESS;
}

/* Vector registers from the guest's memory; those that the CPU refuses, made fit. */
static NTSTATUS vectors_in(uint64_t va, struct CONTEXT *k)
{
	if (uaccess_load_vectors(va + HEAD, sizeof k->FltSave, 0))
		return STATUS_SUCCESS;
	if (uaccess_read(k->FltSave, va + HEAD, sizeof k->FltSave))
		return STATUS_ACCESS_VIOLATION;
	vectors_set(k);
	return STATUS_SUCCESS;
}

/* The CONTEXT at va becomes the registers of the calling thread: its integer ones in c. */
NTSTATUS ps_context_in(struct nt_thread *t, uint64_t va, struct dk_context *c)
{
	_Alignas(16) struct CONTEXT k UNINIT;
	NTSTATUS status;

	if (uaccess_read(&k, va, HEAD))
		return STATUS_ACCESS_VIOLATION;
	if (PART(k.ContextFlags, CONTEXT_FLOATING_POINT)) {
		status = vectors_in(va, &k);
		if (status != STATUS_SUCCESS)
			return status;
		mxcsr_set(k.MxCsr);
	}
	ps_context_set(t, c, &k, k.ContextFlags & ~(CONTEXT_FLOATING_POINT ^ CONTEXT_AMD64));
	c->orig_rax = UINT64_MAX;
	pico_tb()->work = 1;
	return STATUS_SUCCESS;
}

NTSTATUS NtContinue(struct nt_thread *t, uint64_t context, uint8_t alertable)
{
	struct dk_context *c = pico_frame();
	NTSTATUS status = ps_context_in(t, context, c);

	if (status != STATUS_SUCCESS)
		return status;
	if (alertable) {
		if (ps_apcs_pending(t))
			ps_of(t)->deliver = 1;
		t->process->begun = 1; /* LdrInitializeThunk's last call */
	}
	return NT_FRAME_IS_SET;
}

void ps_start_context(struct nt_thread *t, uint64_t entry, uint64_t arg, struct dk_context *c)
{
	_Alignas(16) struct CONTEXT k UNINIT;
	uint64_t stack_base = 0, at;
	uint32_t mxcsr = 0x1f80;

	memset(&k, 0, sizeof k);
	(void)user_read(&stack_base, t->teb + TEB_STACK_BASE, sizeof stack_base);
	at = ALIGN_DOWN(stack_base - 0x28, 16) - sizeof k;
	k.ContextFlags = CONTEXT_FULL;
	k.MxCsr = mxcsr;
	k.SegCs = SEG_CS;
	k.SegDs = k.SegEs = k.SegGs = k.SegSs = SEG_SS;
	k.SegFs = SEG_FS;
	k.EFlags = 0x200;
	k.Rcx = entry;
	k.Rdx = arg;
	k.Rsp = stack_base - 0x28;
	k.Rip = ldr_ntdll()->RtlUserThreadStart;
	k.FltSave[0] = 0x7f; /* FCW 0x27f: double precision, no exceptions */
	k.FltSave[1] = 0x02;
	memcpy(k.FltSave + MXCSR_AT, &mxcsr, sizeof mxcsr);
	(void)user_write(at, &k, sizeof k);
	memset(c, 0, sizeof *c);
	c->orig_rax = UINT64_MAX;
	c->rflags = FLAGS_FIXED;
	c->rip = ldr_ntdll()->LdrInitializeThunk;
	c->rcx = at;
	c->rsp = at - 8;
}

/* ---- Of other threads: they are parked, and go on with what was changed ---- */

/* The context of t, parked or held: what *k's flags name. */
static NTSTATUS other_get(struct nt_thread *o, struct CONTEXT *k)
{
	NTSTATUS status = ps_hold(o);

	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&o->process->lock);
	ps_context_copy(k, &ps_of(o)->context, k->ContextFlags);
	lock_drop(&o->process->lock);
	ps_unhold(o);
	return STATUS_SUCCESS;
}

static NTSTATUS other_set(struct nt_thread *o, const struct CONTEXT *k)
{
	struct ps_thread *ps = ps_of(o);
	NTSTATUS status = ps_hold(o);

	if (status != STATUS_SUCCESS)
		return status;
	lock_take(&o->process->lock);
	ps_context_copy(&ps->context, k, k->ContextFlags);
	ps->context_set |= k->ContextFlags;
	lock_drop(&o->process->lock);
	ps_unhold(o);
	return STATUS_SUCCESS;
}

static NTSTATUS context_copy_in(uint64_t context, struct CONTEXT **out)
{
	struct CONTEXT *k = heap_alloc_dirty(sizeof *k);

	*out = k;
	if (k == NULL)
		return STATUS_NO_MEMORY;
	if (user_read(k, context, sizeof *k) == STATUS_SUCCESS)
		return k->ContextFlags & CONTEXT_AMD64 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
	return STATUS_ACCESS_VIOLATION;
}

NTSTATUS NtGetContextThread(struct nt_thread *t, uint64_t thread, uint64_t context)
{
	struct ob_object *o = NULL;
	struct CONTEXT *k = NULL, *own;
	NTSTATUS status = ob_by_handle(thread, OB_THREAD, THREAD_GET_CONTEXT, &o);

	if (status == STATUS_SUCCESS)
		status = context_copy_in(context, &k);
	if (status == STATUS_SUCCESS && (struct nt_thread *)o != t)
		status = other_get((struct nt_thread *)o, k);
	else if (status == STATUS_SUCCESS) {
		own = &ps_of(t)->context; /* nobody parks the caller while it runs */
		ps_context_get(t, pico_frame(), own);
		ps_context_copy(k, own, k->ContextFlags);
	}
	if (status == STATUS_SUCCESS)
		status = user_write(context, k, sizeof *k);
	heap_free(k);
	ob_put(o);
	return status;
}

NTSTATUS NtSetContextThread(struct nt_thread *t, uint64_t thread, uint64_t context)
{
	struct ob_object *o = NULL;
	struct CONTEXT *k = NULL;
	NTSTATUS status = ob_by_handle(thread, OB_THREAD, THREAD_SET_CONTEXT, &o);
	bool own = (struct nt_thread *)o == t;

	if (status == STATUS_SUCCESS)
		status = context_copy_in(context, &k);
	if (status == STATUS_SUCCESS && !own)
		status = other_set((struct nt_thread *)o, k);
	heap_free(k);
	ob_put(o);
	if (status != STATUS_SUCCESS || !own)
		return status;
	pico_frame()->rax = STATUS_SUCCESS;
	status = ps_context_in(t, context, pico_frame());
	return status == STATUS_SUCCESS ? NT_FRAME_IS_SET : status;
}
