/* SPDX-License-Identifier: MIT */
/* System calls with a stack pointer of zero or of no memory at all: the first call of each
   site, which traps, and later ones, which are patched. */
/* libs: -nostdlib -static -fno-stack-protector */
__asm__(
	".globl _start\n"
	"_start:\n"
	"	movl $3, %ebx\n"
	"1:	xorl %esp, %esp\n"
	"	movl $39, %eax\n" /* getpid */
	"	syscall\n"
	"	testq %rsp, %rsp\n"
	"	jne bad\n"
	"	movabsq $0x1234567890abcdef, %rsp\n" /* not canonical */
	"	movq %rsp, %r12\n"
	"	movl $1, %edi\n"
	"	leaq text(%rip), %rsi\n"
	"	movl $3, %edx\n"
	"	movl $1, %eax\n" /* write */
	"	syscall\n"
	"	cmpq %rsp, %r12\n"
	"	jne bad\n"
	"	movq $-8, %rsp\n"
	"	movl $24, %eax\n" /* sched_yield */
	"	syscall\n"
	"	cmpq $-8, %rsp\n"
	"	jne bad\n"
	"	movl $1, %esp\n"
	"	movl $0x7fff, %eax\n" /* no such call */
	"	syscall\n"
	"	cmpq $-38, %rax\n"
	"	jne bad\n"
	"	decl %ebx\n"
	"	jne 1b\n"
	"	movl $7, %edi\n"
	"	movl $231, %eax\n" /* exit_group */
	"	syscall\n"
	"bad:	movl $9, %edi\n"
	"	movl $231, %eax\n"
	"	syscall\n"
	"	.section .rodata\n"
	"text:	.ascii \"ok\\n\"\n"
	"	.text\n");
