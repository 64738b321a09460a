/* SPDX-License-Identifier: MIT */
/*
 * pico/syscall_x86_64.S - from the guest into the library OS and back.
 *
 * In: a patched call site has jumped here through its stub with the number in
 * rax and the return address in rcx (which `syscall` clobbers anyway), on the
 * guest's stack, of which nothing may be touched: the red zone is the guest's and
 * rsp may be wild.  The frame is a struct dk_context at the very top of the
 * thread's library-OS stack; pal puts it at the same place for exceptions.
 *
 * Out: three ways.  The short one after a system call restores what the C code may
 * have changed and jumps; callee-saved registers still hold the guest's values.
 * The full one restores everything by iretq, which takes some 80 ns; where rcx is the
 * address to go to, as behind a system call and at a handler's start, a jump through
 * it restores everything as well.  All check tb->work last.  A kick
 * that finds the thread between that check and the guest (the restart range)
 * moves it to pico_restart, which takes the full way from the frame again: the
 * frame stays whole until guest code runs, since handlers run on another stack.
 *
 * Guests that own GS (Windows programs: their thread's block) call pico_gs_entry with r10 for rcx and the return
 * address on their stack.  While they run, FS has our thread block; TB_GUEST_GS has what GS is to be on the way out,
 * and is 0 for all others.
 */
#include "abi/layout.h"

#define USER_CS 0x33
#define USER_SS 0x2b
#define FLAG_NT 0x4000
#define LEAFS   192			/* PICO_LEAFS */
#define FLAGS_STATUS 0x8d5		/* OF SF ZF AF PF CF: what additions and sahf set; all others need iretq */
#define FLAGS_PLAIN 0x202

	.text
/* The guest's registers onto the library-OS stack, as a struct dk_context; it goes on at \rip. */
.macro PUSH_FRAME rip:req, orig_rax:req
	movq	%rsp, %gs:TB_USER_RSP
	movq	%gs:TB_KSTACK_TOP, %rsp
	pushq	$USER_SS
	pushq	%gs:TB_USER_RSP
	pushfq
	pushq	$USER_CS
	pushq	\rip
	pushq	\orig_rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
.endm
/* ... and back, without its rip, cs, flags, rsp and ss. */
.macro POP_REGISTERS
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
.endm

/*
 * Answers that are 32 bits of an object (pico.h): from pico_leaf_begin to pico_leaf_end.  Only r11, and last
 * of all eax, change: whoever interrupts this for good puts the guest before or behind the call
 * (abi/dk_boot.h).  The usual way, of a process's number, has no branch that is taken.
 */
	.globl	pico_leaf_begin, pico_leaf_end
	.hidden	pico_leaf_begin, pico_leaf_end
	.balign	64
	.skip	64 - (.Lhead - pico_leaf_begin), 0xcc
pico_leaf_begin:
.Lthread:
	incq	%r11
	addq	%gs:TB_LIBOS, %r11
	jmp	.Lload
.Lhead:
	.globl	pico_syscall_entry
	.type	pico_syscall_entry, @function
	.hidden	pico_syscall_entry
pico_syscall_entry:
	cmpq	$LEAFS, %rax
	jae	.Lcall
	movabsq	$ARENA_TRACING, %r11
	cmpl	$0, (%r11)
	jne	.Lcall
	leaq	pico_leaf(%rip), %r11
	movl	(%r11,%rax,4), %r11d
	testl	%r11d, %r11d
	jz	.Lcall
	cmpl	$0, %gs:TB_WORK
	jne	.Lcall
	testb	$1, %r11b
	jz	.Lthread
	addq	%gs:TB_PROCESS, %r11
.Lload:	movl	-3(%r11), %eax
pico_leaf_end:
	jmp	*%rcx

.Lcall:
	PUSH_FRAME %rcx, %rax
	movq	%rsp, %rsi
	movq	%gs:TB_LIBOS, %rdi
	subq	$8, %rsp		/* kstack_top is 16-aligned, the frame is 168 bytes */
	cld
	call	*pico_dispatch(%rip)
	addq	$8, %rsp

	.globl	pico_restart_begin
	.hidden	pico_restart_begin
pico_restart_begin:
	cmpl	$0, %gs:TB_WORK
	jne	.Lwork
	movq	CTX_RDI(%rsp), %rdi
	movq	CTX_RSI(%rsp), %rsi
	movq	CTX_RDX(%rsp), %rdx
	movq	CTX_R10(%rsp), %r10
	movq	CTX_R8(%rsp), %r8
	movq	CTX_R9(%rsp), %r9
	movq	CTX_RAX(%rsp), %rax
	movq	CTX_RFLAGS(%rsp), %r11
	movq	CTX_RIP(%rsp), %rcx
	movq	CTX_RSP(%rsp), %rsp
	jmp	*%rcx

.Lgs_fast:				/* the callee's registers of Windows' convention */
	cmpl	$0, %gs:TB_WORK
	jne	.Lwork
	movq	CTX_RDI(%rsp), %rdi
	movq	CTX_RSI(%rsp), %rsi
	movq	CTX_RAX(%rsp), %rax
	movq	CTX_RIP(%rsp), %rcx
	movq	%gs:TB_GUEST_GS, %rdx
	movq	CTX_RSP(%rsp), %rsp
	wrgsbase %rdx
	cmpq	%rcx, -8(%rsp)		/* as it was called: a jump would leave the CPU's stack of returns askew */
	jne	.Lgs_jump
	subq	$8, %rsp
	ret
.Lgs_jump:
	jmp	*%rcx
.Lgs_full:
	movq	%gs:TB_GUEST_GS, %rax
	wrgsbase %rax
	jmp	.Liret

.Lfull:
	cmpl	$0, %gs:TB_WORK
	jne	.Lwork
	cmpq	$0, %gs:TB_GUEST_GS
	jne	.Lgs_full
	movq	CTX_RIP(%rsp), %rax
	cmpq	%rax, CTX_RCX(%rsp)
	jne	.Liret
	movl	CTX_RFLAGS(%rsp), %eax
	movl	%eax, %edx
	andl	$~FLAGS_STATUS, %edx
	cmpl	$FLAGS_PLAIN, %edx
	jne	.Liret
	movb	%ah, %dl
	movb	%al, %ah
	shrb	$3, %dl
	andb	$1, %dl
	movb	%dl, %al
	addb	$127, %al		/* OF */
	sahf				/* the others */
	POP_REGISTERS
	movq	32(%rsp), %rsp		/* behind orig_rax, rip, cs, rflags */
	jmp	*%rcx

.Liret:
	pushq	$2			/* iretq faults if NT is set */
	popfq
	POP_REGISTERS
	addq	$8, %rsp
	iretq
	.globl	pico_restart_end
	.hidden	pico_restart_end
pico_restart_end:

/* Full way out from the thread's frame; also where a kick in the range above leads. */
	.globl	pico_restart
	.hidden	pico_restart
pico_restart:
	movq	%gs:TB_KSTACK_TOP, %rsp	/* first of all: it may be the guest's, or within the frame */
	subq	$(CTX_SIZE + 8), %rsp
	pushq	$2			/* the host's sigreturn leaves a guest's flags */
	popfq
.Lwork:
	movq	%gs:TB_KSTACK_TOP, %rsp
	subq	$(CTX_SIZE + 8), %rsp
	movq	%gs:TB_LIBOS, %rdi
	leaq	8(%rsp), %rsi
	call	pico_return_work
	addq	$8, %rsp
	andq	$~FLAG_NT, CTX_RFLAGS(%rsp)
	movq	$USER_CS, CTX_CS(%rsp)
	movq	$USER_SS, CTX_SS(%rsp)
	jmp	.Lfull
	.size	pico_syscall_entry, . - pico_syscall_entry

/* In, from a guest that owns GS. */
	.globl	pico_gs_entry
	.type	pico_gs_entry, @function
	.hidden	pico_gs_entry
	.balign	64
pico_gs_entry:
	rdfsbase %r11
	wrgsbase %r11
	movq	(%rsp), %rcx
	addq	$8, %rsp
	PUSH_FRAME %rcx, %rax
	movq	%rsp, %rsi
	movq	%gs:TB_LIBOS, %rdi
	subq	$8, %rsp
	cld
	call	*pico_dispatch(%rip)
	addq	$8, %rsp
	jmp	.Lgs_fast
	.size	pico_gs_entry, . - pico_gs_entry

/*
 * In, for CPUID: a changed site's stub has jumped here with the return address in rdx, which CPUID
 * overwrites.  All other registers and the flags come back as they were, so by the full way.
 */
	.globl	pico_cpuid_entry
	.type	pico_cpuid_entry, @function
	.hidden	pico_cpuid_entry
	.balign	64
pico_cpuid_entry:
	PUSH_FRAME %rdx, $-1		/* no system call */
	movq	%rsp, %rdi
	subq	$8, %rsp
	cld
	call	pico_cpuid
	addq	$8, %rsp
	jmp	.Lfull
	.size	pico_cpuid_entry, . - pico_cpuid_entry

/*
 * What pal calls first in a new thread or picoprocess.  Both may have started at
 * the very top of the stack, where the frame will be: start again below it.
 */
	.globl	pico_initialize_entry
	.hidden	pico_initialize_entry
pico_initialize_entry:
	movq	%gs:TB_KSTACK_TOP, %rsp
	subq	$(CTX_SIZE + 8), %rsp
	xorl	%ebp, %ebp
	call	pico_initialize
	ud2

	.globl	pico_thread_entry
	.hidden	pico_thread_entry
pico_thread_entry:
	movq	%gs:TB_KSTACK_TOP, %rsp
	subq	$(CTX_SIZE + 8), %rsp
	xorl	%ebp, %ebp
	call	pico_thread_start
	ud2

/* void pico_run_on_fresh_stack(void (*fn)(void *), void *arg): drops the C frames above. */
	.globl	pico_run_on_fresh_stack
	.hidden	pico_run_on_fresh_stack
pico_run_on_fresh_stack:
	movq	%gs:TB_KSTACK_TOP, %rsp
	subq	$(CTX_SIZE + 8), %rsp
	movq	%rdi, %rax
	movq	%rsi, %rdi
	xorl	%ebp, %ebp
	call	*%rax
	ud2

/* void pico_fpu_reset(void): vector and x87 state as at a program's start. */
	.globl	pico_fpu_reset
	.hidden	pico_fpu_reset
pico_fpu_reset:
	movl	$-1, %eax
	movl	$-1, %edx
	xrstor	pico_fpu_init(%rip)
	fninit
	ldmxcsr	pico_mxcsr_init(%rip)
	ret

	.section .rodata
	.balign	64
pico_fpu_init:			/* header all zero: every component to its initial state */
	.zero	24
	.long	0x1f80, 0xffff
	.zero	480
	.zero	64
pico_mxcsr_init:
	.long	0x1f80
	.section .note.GNU-stack, "", @progbits
