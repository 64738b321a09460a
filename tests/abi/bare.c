/* SPDX-License-Identifier: MIT */
/* tests/abi/bare.c - start, exit and small help for bare programs. */
#include "tests/abi/bare.h"

const struct dk_table *dk;
const struct dk_boot *bare_boot;

void bare_print(const char *format, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = fmt_vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	(void)DkDebugStringPrint(DK_LOG_INFO, text, MIN((uint64_t)n, sizeof text - 1));
}

void bare_fail(const char *file, int line, const char *what, uint64_t got)
{
	char text[300];
	int n = fmt_snprintf(text, sizeof text, "%s:%d: %s: %lu", file, line, what, got);

	(void)DkDebugStringPrint(DK_LOG_PANIC, text, MIN((uint64_t)n, sizeof text - 1));
	for (;;)
		;
}

__attribute__((weak)) void bare_thread(uint64_t parameter)
{
	bare_fail(__FILE__, __LINE__, "a thread nobody asked for", parameter);
}

__attribute__((weak)) void bare_exception(const struct dk_exception *e, struct dk_context *c)
{
	bare_fail(__FILE__, __LINE__, "an exception nobody asked for", e->kind | c->rip << 8);
}

__attribute__((weak)) void bare_interrupted(struct dk_context *c)
{
	bare_fail(__FILE__, __LINE__, "a mark nobody asked for", c->rip);
}

void bare_return_work(struct dk_context *c);

/* On the way out to guest code. */
void bare_return_work(struct dk_context *c)
{
	if (bare_tb()->work) {
		bare_tb()->work = 0;
		bare_interrupted(c);
	}
}

void *bare_pages(uint64_t size, bool shared)
{
	uint64_t at = 0;

	OK(DkVirtualMemoryAlloc(&at, PAGE_UP(size), DK_MEM_COMMIT | (shared ? DK_MEM_SHARED : 0), DK_PROT_R | DK_PROT_W));
	return (void *)at;
}

dk_handle bare_start(uint64_t parameter)
{
	dk_handle h = 0;

	OK(DkThreadCreate(parameter, 0, &h));
	return h;
}

void bare_initialize(const struct dk_boot *boot);
void bare_thread_start(uint64_t parameter);

void bare_initialize(const struct dk_boot *boot)
{
	dk = boot->table;
	bare_boot = boot;
	(void)DkProcessExit((uint32_t)bare_main());
	__builtin_unreachable();
}

void bare_thread_start(uint64_t parameter)
{
	bare_thread(parameter);
	(void)DkThreadExit(0, DK_NO_HANDLE);
	__builtin_unreachable();
}

/* Entries from pal: leave the top of the stack to exception frames; go on after an exception. */
__asm__(".text\n"
	".macro entry name, target\n"
	".globl \\name\n.hidden \\name\n\\name:\n"
	"movq %gs:8, %rsp\nsubq $256, %rsp\nxorl %ebp, %ebp\ncall \\target\nud2\n"
	".endm\n"
	"entry bare_initialize_entry, bare_initialize\n"
	"entry bare_thread_entry, bare_thread_start\n"
	".globl bare_exception_entry\n.hidden bare_exception_entry\nbare_exception_entry:\n"
	"subq $8, %rsp\ncall bare_exception\n"
	"bare_restart:\n"
	"movq %gs:8, %rsp\nsubq $176, %rsp\nleaq 8(%rsp), %rdi\ncall bare_return_work\naddq $8, %rsp\n"
	"bare_restart_begin:\n"
	"cmpl $0, %gs:32\njne bare_restart\n"
	"popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbp\npopq %rbx\npopq %r11\npopq %r10\npopq %r9\npopq %r8\n"
	"popq %rax\npopq %rcx\npopq %rdx\npopq %rsi\npopq %rdi\naddq $8, %rsp\niretq\n"
	"bare_restart_end:\n"
	".globl bare_enter\n.hidden bare_enter\nbare_enter:\n"
	"movq %gs:8, %rsp\nsubq $168, %rsp\n"
	"xorl %ecx, %ecx\n"
	"1: movq (%rdi,%rcx), %rax\nmovq %rax, (%rsp,%rcx)\naddq $8, %rcx\ncmpq $168, %rcx\njne 1b\n"
	"jmp bare_restart\n");
extern char bare_initialize_entry[], bare_thread_entry[], bare_exception_entry[], bare_restart[], bare_restart_begin[], bare_restart_end[];

extern const struct dk_image bare_image;
__attribute__((section(".image"), used)) const struct dk_image bare_image = {
	.magic = DK_IMAGE_MAGIC,
	.version = DK_IMAGE_VERSION,
	.initialize = (void (*)(const struct dk_boot *))bare_initialize_entry,
	.thread_start = (void (*)(uint64_t))bare_thread_entry,
	.exception = (void (*)(const struct dk_exception *, struct dk_context *))bare_exception_entry,
	.restart_begin = (uint64_t)bare_restart_begin,
	.restart_end = (uint64_t)bare_restart_end,
	.restart_to = (uint64_t)bare_restart,
};
