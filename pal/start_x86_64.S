/* SPDX-License-Identifier: MIT */
/*
 * pal/start_x86_64.S - first instructions of the picoprocess and of a new thread,
 * and the changes of stack.
 */
	.text
	.globl	_start
	.type	_start, @function
_start:
	xorl	%ebp, %ebp
	movq	%rsp, %rdi
	andq	$-16, %rsp
	call	pal_start
	ud2

/* void pal_switch_stack(uint64_t top, void (*fn)(void)): never comes back. */
	.globl	pal_switch_stack
	.hidden	pal_switch_stack
pal_switch_stack:
	movq	%rdi, %rsp
	xorl	%ebp, %ebp
	call	*%rsi
	ud2

/* A new thread comes here from host_call's `ret`, just below the top of its stack. */
	.globl	pal_thread_child
	.hidden	pal_thread_child
pal_thread_child:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	pal_thread_first
	ud2
	.section .note.GNU-stack, "", @progbits
