/* SPDX-License-Identifier: MIT */
/* tests/escape/raw.h - what the Linux and the Windows attacker share: reports, and machine code that is neither's. */
#ifndef RAW_H
#define RAW_H
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A line about something that must not happen. */
static inline void __attribute__((format(printf, 1, 2))) bad(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("BAD ");
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
}

#define GETPID_32 20

/* getpid of 32-bit code by the instruction of two bytes: page is writable and executable, 16 KB, and below 4 GB, as all that it touches. */
static inline long call_32(unsigned char *page, const char *insn)
{
	const unsigned char code[] = { 0xb8, GETPID_32, 0, 0, 0, (unsigned char)insn[0], (unsigned char)insn[1], 0xcb }; /* mov $20,%eax; INSN; lret */
	struct __attribute__((packed)) far_pointer {
		uint32_t offset;
		uint16_t selector;
	} *p = (void *)(page + 12288 + 64);
	static uint64_t saved_rsp;
	long r = 0;

	memcpy(page, code, sizeof code);
	*p = (struct far_pointer){ (uint32_t)(uintptr_t)page, 0x23 };
	__asm__ volatile("push %%rbp\n\tpush %%rbx\n\tmov %%rsp, %[saved]\n\tmov %[stack], %%rsp\n\tlcall *(%[p])\n\tmov %[saved], %%rsp\n\tpop %%rbx\n\tpop %%rbp"
			 : "+a"(r), [saved] "+m"(saved_rsp)
			 : [stack] "r"((uint64_t)(uintptr_t)page + 12288), [p] "r"(p)
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	return (int)r;
}

static inline long sysenter_64(void)
{
	long r = GETPID_32;

	__asm__ volatile("push %%rbp\n\tmov %%rsp, %%rbp\n\tsysenter\n\tpop %%rbp" : "+a"(r) : : "rcx", "rdx", "memory");
	return r;
}
#endif
