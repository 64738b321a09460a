/* SPDX-License-Identifier: MIT */
/*
 * pico/uaccess_x86_64.S - all instructions that touch guest memory.
 *
 * A fault between pico_uaccess_begin and _end resumes at pico_uaccess_fixup with
 * all registers as they were: rcx is then what was left to copy, and the word
 * functions take it as failure.  So each function returns "bytes left" in rax
 * through rcx, and word functions keep rcx = 1 until they are done.
 */
	.text
	.globl	pico_uaccess_begin, pico_uaccess_end, pico_uaccess_fixup
	.hidden	pico_uaccess_begin, pico_uaccess_end, pico_uaccess_fixup

/* size_t uaccess_raw_copy(void *dst, const void *src, size_t n): bytes left */
	.globl	uaccess_raw_copy
	.hidden	uaccess_raw_copy
uaccess_raw_copy:
	movq	%rdx, %rcx
	cmpq	$64, %rcx
	jb	.Lsmall
pico_uaccess_begin:
	rep movsb
	movq	%rcx, %rax
	ret
	/* Short copies: words first, then bytes; rcx always tells what is left. */
.Lsmall:
	cmpq	$8, %rcx
	jb	.Lbytes
1:	movq	(%rsi), %rax
	movq	%rax, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	subq	$8, %rcx
	cmpq	$8, %rcx
	jae	1b
.Lbytes:
	testq	%rcx, %rcx
	jz	3f
2:	movb	(%rsi), %al
	movb	%al, (%rdi)
	incq	%rsi
	incq	%rdi
	decq	%rcx
	jnz	2b
3:	movq	%rcx, %rax
	ret

/* size_t uaccess_raw_zero(void *dst, size_t n) */
	.globl	uaccess_raw_zero
	.hidden	uaccess_raw_zero
uaccess_raw_zero:
	movq	%rsi, %rcx
	xorl	%eax, %eax
	rep stosb
	movq	%rcx, %rax
	ret

/* size_t uaccess_raw_string(char *dst, const char *src, size_t n): bytes left of n behind the
   NUL's copy; 0 with no NUL; on a fault bytes left too, and the last byte of dst is not NUL:
   the caller tells them apart by dst. */
	.globl	uaccess_raw_string
	.hidden	uaccess_raw_string
uaccess_raw_string:
	movq	%rdx, %rcx
4:	testq	%rcx, %rcx
	jz	5f
	movb	(%rsi), %al
	movb	%al, (%rdi)
	decq	%rcx
	incq	%rsi
	incq	%rdi
	testb	%al, %al
	jnz	4b
5:	movq	%rcx, %rax
	ret

/* size_t uaccess_raw_load32(uint32_t *out, addr): 0 or 1 */
	.globl	uaccess_raw_load32
	.hidden	uaccess_raw_load32
uaccess_raw_load32:
	movl	$1, %ecx
	movl	(%rsi), %eax
	movl	%eax, (%rdi)
	xorl	%eax, %eax
	ret

	.globl	uaccess_raw_load64
	.hidden	uaccess_raw_load64
uaccess_raw_load64:
	movl	$1, %ecx
	movq	(%rsi), %rax
	movq	%rax, (%rdi)
	xorl	%eax, %eax
	ret

/* size_t uaccess_raw_store32(addr, uint32_t v) */
	.globl	uaccess_raw_store32
	.hidden	uaccess_raw_store32
uaccess_raw_store32:
	movl	$1, %ecx
	movl	%esi, (%rdi)
	xorl	%eax, %eax
	ret

/* size_t uaccess_raw_cmpxchg32(addr, uint32_t *expected, uint32_t desired): 0 or 1; *expected = old */
	.globl	uaccess_raw_cmpxchg32
	.hidden	uaccess_raw_cmpxchg32
uaccess_raw_cmpxchg32:
	movl	$1, %ecx
	movl	(%rsi), %eax
	lock cmpxchgl %edx, (%rdi)
	movl	%eax, (%rsi)
	xorl	%eax, %eax
	ret

/*
 * size_t uaccess_raw_xsave(void *area, uint64_t mask), ..._xrstor(const void *area, uint64_t mask): 0 or 1.
 * xrstor also faults on what it may not load; it has then loaded nothing or some parts, all the guest's.
 */
	.globl	uaccess_raw_xsave
	.hidden	uaccess_raw_xsave
uaccess_raw_xsave:
	movl	$1, %ecx
	movl	%esi, %eax
	movq	%rsi, %rdx
	shrq	$32, %rdx
	xsave64	(%rdi)
	xorl	%eax, %eax
	ret

	.globl	uaccess_raw_xrstor
	.hidden	uaccess_raw_xrstor
uaccess_raw_xrstor:
	movl	$1, %ecx
	movl	%esi, %eax
	movq	%rsi, %rdx
	shrq	$32, %rdx
	xrstor64 (%rdi)
	xorl	%eax, %eax
	ret

/* size_t uaccess_raw_fxsave(void *area), ..._fxrstor(const void *area): 0 or 1 */
	.globl	uaccess_raw_fxsave
	.hidden	uaccess_raw_fxsave
uaccess_raw_fxsave:
	movl	$1, %ecx
	fxsave64 (%rdi)
	xorl	%eax, %eax
	ret

	.globl	uaccess_raw_fxrstor
	.hidden	uaccess_raw_fxrstor
uaccess_raw_fxrstor:
	movl	$1, %ecx
	fxrstor64 (%rdi)
	xorl	%eax, %eax
	ret

pico_uaccess_end:
pico_uaccess_fixup:
	movq	%rcx, %rax
	ret
	.section .note.GNU-stack, "", @progbits
