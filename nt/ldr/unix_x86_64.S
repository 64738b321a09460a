/* SPDX-License-Identifier: MIT */
/*
 * nt/ldr/unix_x86_64.S - where __wine_unix_call_dispatcher leads: (handle, code, args) in rcx, edx, r8, as a function is called.
 * To the library OS it is one more system call.
 */
	.text
	.globl	ldr_unix_entry
	.type	ldr_unix_entry, @function
	.hidden	ldr_unix_entry
	.balign	16
ldr_unix_entry:
	movq	%rcx, %r10
	movl	$0x20000, %eax		/* NT_ID_UNIX_CALL */
	jmp	pico_gs_entry
	.size	ldr_unix_entry, . - ldr_unix_entry
	.section .note.GNU-stack, "", @progbits
