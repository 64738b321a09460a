/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/guest.c - upcalls: trapped system calls, faults and kicks of guest code.
 *
 * The guest is a few instructions copied out of Bailey's window, with a wild rsp, a
 * vector register that must survive, and a GS that it destroys.  Each step is one
 * exception, in this order; the handler checks it and goes on behind it.
 */
#include "tests/abi/bare.h"

#define GUEST 0x20000000ull

__asm__(".pushsection .rodata\n"
	"guest_code:\n"
	"movabsq $0x1122334455667788, %rax\nmovq %rax, %xmm3\n"
	"movl $39, %eax\n"
	"guest_call: syscall\n"
	"movq %rax, %rbx\n"
	"guest_ud: ud2\n"
	"guest_int3: int3\n"
	"guest_null: movl 0x1234, %eax\n"
	"xorl %ecx, %ecx\nxorl %edx, %edx\n"
	"guest_div: divl %ecx\n"
	"movl $20, %eax\n"
	"guest_int80: int $0x80\n"
	"movl $0x40000027, %eax\n"
	"guest_x32: syscall\n"
	"xorl %eax, %eax\nmovl %eax, %gs\n"
	"movl $1, %eax\n"
	"guest_nogs: syscall\n"
	"movabsq $0x8000000000000000, %rcx\n"
	"guest_gp: movl (%rcx), %eax\n"
	"movabsq $0xffffffffff600000, %rcx\n"
	"movq %rsp, %rbp\nmovq %r12, %rsp\n"
	"guest_vsyscall: call *%rcx\n"
	"movq %rbp, %rsp\n"
	"movabsq $0x690000000000, %rcx\n"
	"guest_wild: jmp *%rcx\n"
	"guest_behind: movq %xmm3, %rbx\n"
	"movl $2, %eax\n"
	"guest_last: syscall\n"
	"guest_spin: incq %r15\njmp guest_spin\n"
	"guest_code_end:\n"
	".popsection\n");
extern const char guest_code[], guest_code_end[], guest_call[], guest_ud[], guest_int3[], guest_null[], guest_div[], guest_int80[],
	guest_x32[], guest_nogs[], guest_gp[], guest_vsyscall[], guest_wild[], guest_behind[], guest_last[];

static uint64_t at(const char *label)
{
	return GUEST + (uint64_t)(label - guest_code);
}

static unsigned step;
static _Atomic uint32_t spinning, acks;
static uint32_t kicks = 20000;
static uint64_t guest_stack[8];

#define EXPECT(x)                                                                                    \
	do {                                                                                         \
		if (!(x))                                                                            \
			bare_fail(__FILE__, __LINE__, #x, (uint64_t)step << 56 | (uint64_t)e->kind << 48 | c->rip); \
	} while (0)

static void on_syscall(const struct dk_exception *e, struct dk_context *c, const char *site, uint64_t nr)
{
	EXPECT(e->kind == DK_EXC_SYSCALL && e->call_site == at(site));
	EXPECT(c->rip == at(site) + 2 && c->orig_rax == nr && c->rsp == 0x123);
	EXPECT(c->rcx == c->rip);
}

static void on_interrupt(const struct dk_exception *e, struct dk_context *c)
{
	EXPECT(e->kind == DK_EXC_INTERRUPT);
	EXPECT(bare_tb()->work == 1);
	EXPECT(c->rip >= at(guest_last) && c->rip < at(guest_code_end));
}

/* A mark is seen here, whether it came by an upcall or on the way out. */
void bare_interrupted(struct dk_context *c)
{
	(void)c;
	if (atomic_fetch_add(&acks, 1) + 1 < kicks)
		return;
	bare_print("guest: %u kicks", kicks);
	(void)DkProcessExit(0);
}

void bare_exception(const struct dk_exception *e, struct dk_context *c)
{
	EXPECT(c->cs == 0x33);
	switch (step++) {
	case 0:
		on_syscall(e, c, guest_call, 39);
		c->rax = 4711;
		break;
	case 1:
		EXPECT(e->kind == DK_EXC_ILLEGAL && c->rip == at(guest_ud) && c->rbx == 4711);
		c->rip += 2;
		break;
	case 2:
		EXPECT(e->kind == DK_EXC_BREAKPOINT && c->rip == at(guest_int3) + 1);
		break;
	case 3:
		EXPECT(e->kind == DK_EXC_MEMORY && c->rip == at(guest_null) && e->address == 0x1234 && e->code == 4 && e->trapno == 14);
		c->rip += 7;
		break;
	case 4:
		EXPECT(e->kind == DK_EXC_ARITHMETIC && c->rip == at(guest_div));
		c->rip += 2;
		break;
	case 5:
		EXPECT(e->kind == DK_EXC_SYSCALL_FOREIGN && c->rip == at(guest_int80) + 2);
		break;
	case 6:
		EXPECT(e->kind == DK_EXC_SYSCALL_FOREIGN && c->rip == at(guest_x32) + 2);
		break;
	case 7:
		on_syscall(e, c, guest_nogs, 1);
		break;
	case 8:
		EXPECT(e->kind == DK_EXC_MEMORY && c->rip == at(guest_gp) && e->trapno == 13);
		c->rip += 2;
		c->r12 = (uint64_t)&guest_stack[4];
		break;
	case 9:
		EXPECT(e->kind == DK_EXC_SYSCALL && c->orig_rax == 96 && e->call_site == 0xffffffffff600000 &&
			c->rip == at(guest_vsyscall) + 2);
		break;
	case 10:
		EXPECT(e->kind == DK_EXC_MEMORY && c->rip == 0x690000000000 && (e->code & 16));
		c->rip = at(guest_behind);
		break;
	case 11:
		on_syscall(e, c, guest_last, 2);
		EXPECT(c->rbx == 0x1122334455667788);
		spinning = 1;
		break;
	default:
		on_interrupt(e, c);
		break;
	}
}

void bare_thread(uint64_t parameter)
{
	uint64_t seed = bare_now();

	(void)parameter;
	while (!spinning)
		OK(DkThreadDelayExecution(MS));
	for (uint32_t i = 0; i < kicks; i++) {
		uint64_t since = bare_now();

		OK(DkThreadRaiseException(bare_boot->thread, 0));
		while (acks <= i) {
			(void)DkThreadYieldExecution();
			if (bare_now() - since > 20000 * MS)
				bare_fail(__FILE__, __LINE__, "a kick was lost", i);
		}
		for (uint32_t n = bare_random(&seed) % 2000; n; n--)
			cpu_relax();
	}
}

int bare_main(void)
{
	uint64_t where = GUEST;
	struct dk_context c = { .rip = GUEST, .cs = 0x33, .ss = 0x2b, .rflags = 0x202, .rsp = 0x123 };

	if (bare_boot->parameter)
		kicks = (uint32_t)bare_boot->parameter;
	OK(DkVirtualMemoryAlloc(&where, PAGE_SIZE, DK_MEM_COMMIT | DK_MEM_FIXED, DK_PROT_R | DK_PROT_W | DK_PROT_X));
	memcpy((void *)where, guest_code, (size_t)(guest_code_end - guest_code));
	(void)bare_start(0);
	bare_enter(&c);
}
