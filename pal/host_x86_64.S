/* SPDX-License-Identifier: MIT */
/*
 * pal/host_x86_64.S - the only `syscall` instructions of a picoprocess.
 *
 * host_call    any call.
 * host_wait    a call that may block and must not lose a kick: whoever kicks has
 *              changed the thread's wait word before, and the kick handler moves a
 *              thread it finds in [host_wait_begin, host_wait_end) to host_wait_eintr.
 *              So the kick comes before the check (the word differs), in the range
 *              (moved), or when the call is on (EINTR by the kernel).
 * host_restorer  ends a signal handler.
 *
 * pal_copy32   stores to a guest address, pal_copy copies from or to one; a fault in
 *              [pal_uaccess_begin, _end) goes on at pal_uaccess_fixup.  Nothing in there
 *              but their own instructions, and nothing on the stack.
 */
	.text
	.globl	host_call
	.hidden	host_call
	.type	host_call, @function
	.balign	16
host_call:				/* (nr, a0, a1, a2, a3, a4, a5) */
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	8(%rsp), %r9
	syscall
	ret
	.size	host_call, . - host_call

	.globl	host_wait
	.hidden	host_wait
	.type	host_wait, @function
	.balign	16
host_wait:				/* (word, expected, nr, a0, a1, a2, a3, a4, a5) */
	movq	%rdi, %r11
	movq	%rdx, %rax
	movq	%rcx, %rdi
	movl	%esi, %ecx
	movq	%r8, %rsi
	movq	%r9, %rdx
	movq	8(%rsp), %r10
	movq	16(%rsp), %r8
	movq	24(%rsp), %r9
	.globl	host_wait_begin
	.hidden	host_wait_begin
host_wait_begin:
	cmpl	%ecx, (%r11)
	jne	host_wait_eintr
	syscall
	.globl	host_wait_end
	.hidden	host_wait_end
host_wait_end:
	ret
	.globl	host_wait_eintr
	.hidden	host_wait_eintr
host_wait_eintr:
	movq	$-4, %rax
	ret
	.size	host_wait, . - host_wait

	.globl	host_restorer
	.hidden	host_restorer
	.type	host_restorer, @function
	.balign	16
host_restorer:
	movl	$15, %eax
	syscall
	ud2
	.size	host_restorer, . - host_restorer

	.globl	pal_copy32
	.hidden	pal_copy32
	.type	pal_copy32, @function
	.balign	16
pal_copy32:				/* (addr, value): 1 = stored, 0 = fault */
	.globl	pal_uaccess_begin
	.hidden	pal_uaccess_begin
pal_uaccess_begin:
	movl	%esi, (%rdi)
	movl	$1, %eax
	ret
	.size	pal_copy32, . - pal_copy32

	.globl	pal_copy
	.hidden	pal_copy
	.type	pal_copy, @function
	.balign	16
pal_copy:				/* (to, from, size): the same */
	movq	%rdx, %rcx
	rep movsb
	.globl	pal_uaccess_end
	.hidden	pal_uaccess_end
pal_uaccess_end:
	movl	$1, %eax
	ret
	.size	pal_copy, . - pal_copy
	.globl	pal_uaccess_fixup
	.hidden	pal_uaccess_fixup
pal_uaccess_fixup:
	xorl	%eax, %eax
	ret
	.section .note.GNU-stack, "", @progbits
