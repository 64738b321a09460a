/* SPDX-License-Identifier: MIT */
/*
 * linux/exec/vdso.S - the vDSO that guests see.
 *
 * Clocks that the host's vDSO reads without entering the kernel are read there: the
 * library OS fills in where its functions are (the table behind the magic number,
 * 0 = there is none).  All others go to the library OS as a patched call site
 * would: number in eax, return address in rcx, jump through the thread block.  A
 * call that is to be made again is made by the `syscall` before the return address,
 * where nothing else goes, and traps.
 */
#define NR_gettimeofday  96
#define NR_time          201
#define NR_clock_gettime 228
#define NR_clock_getres  229
#define NR_getcpu        309
/* REALTIME, MONOTONIC, MONOTONIC_RAW, both COARSE, BOOTTIME, TAI */
#define FAST_CLOCKS      0x8f3

	.section .host, "ax", @progbits
	.balign	8
	.ascii	"BAILEYvd"
host_clock_gettime:	.quad 0
host_gettimeofday:	.quad 0
host_time:		.quad 0
host_getcpu:		.quad 0

.macro FUNCTION name
	.globl	__vdso_\name
	.type	__vdso_\name, @function
	.balign	16
__vdso_\name:
	.weak	\name
	.type	\name, @function
	.set	\name, __vdso_\name
	.cfi_startproc
.endm
.macro END name
	.cfi_endproc
	.size	__vdso_\name, . - __vdso_\name
	.size	\name, . - __vdso_\name
.endm
.macro CALL nr
	movl	$\nr, %eax
	leaq	77f(%rip), %rcx
	jmp	*%gs:24
	syscall
77:	ret
.endm

	.text
FUNCTION clock_gettime
	cmpl	$31, %edi
	ja	1f
	movl	$FAST_CLOCKS, %eax
	btl	%edi, %eax
	jnc	1f
	movq	host_clock_gettime(%rip), %rax
	testq	%rax, %rax
	jz	1f
	jmp	*%rax
1:	CALL	NR_clock_gettime
END clock_gettime

FUNCTION gettimeofday
	movq	host_gettimeofday(%rip), %rax
	testq	%rax, %rax
	jz	1f
	jmp	*%rax
1:	CALL	NR_gettimeofday
END gettimeofday

FUNCTION time
	movq	host_time(%rip), %rax
	testq	%rax, %rax
	jz	1f
	jmp	*%rax
1:	CALL	NR_time
END time

FUNCTION getcpu
	movq	host_getcpu(%rip), %rax
	testq	%rax, %rax
	jz	1f
	jmp	*%rax
1:	CALL	NR_getcpu
END getcpu

FUNCTION clock_getres
	CALL	NR_clock_getres
END clock_getres

	.section .note.Linux, "a", @note
	.balign	4
	.long	6, 4, 0
	.asciz	"Linux"
	.balign	4
	.long	0x060c00	/* 6.12.0 */
	.section .note.GNU-stack, "", @progbits
