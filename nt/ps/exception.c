/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/exception.c - faults become exceptions of the guest.
 *
 * The record and the whole context are written below the guest's stack pointer, and the thread goes on in ntdll's
 * KiUserExceptionDispatcher, which looks for handlers; it never comes back but by NtContinue, or by NtRaiseException's
 * second chance, which ends the process.  RaiseException itself needs no call at all.
 */
#include "nt/ke/dispatch.h"
#include "nt/ke/trace.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/mm/mm.h"
#include "nt/os/thread.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define TRAP_DE 0
#define TRAP_PF 14
#define TRAP_MF 16
#define PF_WRITE 2u
#define PF_FETCH 16u
#define FLAG_TF  0x100u
#define FLAG_DF  0x400u
#define FLAG_RF  0x10000u
#define FLAG_AC  0x40000u
#define EXCEPTION_NONCONTINUABLE 1u

/* What lies on the guest's stack for KiUserExceptionDispatcher, which finds it by rsp. */
struct context_ex {
	int32_t all_offset;
	uint32_t all_length;
	int32_t legacy_offset;
	uint32_t legacy_length;
	int32_t xstate_offset;
	uint32_t xstate_length;
	uint64_t pad;
};
#define AT_CONTEXT_EX sizeof(struct CONTEXT)
#define AT_RECORD     (AT_CONTEXT_EX + sizeof(struct context_ex))
#define RAISE_SIZE    0x590u
_Static_assert(AT_RECORD == 0x4f0, "exception frame");
_Static_assert(AT_RECORD + sizeof(struct EXCEPTION_RECORD) <= RAISE_SIZE, "exception frame");

/* The dispatcher itself writes its caller's registers right below the old stack pointer. */
#define CALLER_SAVES 0x20u

static NTSTATUS raise_frame(const struct nt_thread *t, uint64_t at, const struct dk_context *c, const struct EXCEPTION_RECORD *r)
{
	const struct context_ex ex = { -(int32_t)sizeof(struct CONTEXT), sizeof(struct CONTEXT) + sizeof ex, -(int32_t)sizeof(struct CONTEXT),
		sizeof(struct CONTEXT), sizeof ex + 1, 0, 0 };

	if (user_write(at + AT_RECORD, r, sizeof *r) != STATUS_SUCCESS || user_write(at + AT_CONTEXT_EX, &ex, sizeof ex) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	return ps_context_out(t, at, c);
}

void ps_raise(struct nt_thread *t, struct dk_context *c, const struct EXCEPTION_RECORD *r)
{
	uint64_t at = ALIGN_DOWN(c->rsp - CALLER_SAVES, 16) - RAISE_SIZE;

	if (UNLIKELY(nt_tracing))
		log_line(DK_LOG_TRACE, "nt: [%x] exception 0x%x at 0x%lx (0x%lx, 0x%lx)", t->tid, r->ExceptionCode, (unsigned long)c->rip,
			(unsigned long)r->ExceptionInformation[0], (unsigned long)r->ExceptionInformation[1]);
	while (raise_frame(t, at, c, r) != STATUS_SUCCESS)
		if (!nt_mm_settle(at, RAISE_SIZE + CALLER_SAVES, true))
			ps_process_exit(t, r->ExceptionCode);
	c->rip = ldr_ntdll()->KiUserExceptionDispatcher;
	c->rsp = at;
	c->rflags &= ~(uint64_t)(FLAG_TF | FLAG_RF | FLAG_DF | FLAG_AC);
	c->orig_rax = UINT64_MAX;
	ps_of(t)->step_armed = 0;
	if (ps_has_breakpoints(t))
		pico_tb()->work = 1;
}

/* ---- What it was ---- */

static void memory_record(struct EXCEPTION_RECORD *r, uint32_t access, uint64_t address)
{
	r->NumberParameters = 2;
	r->ExceptionInformation[0] = access;
	r->ExceptionInformation[1] = address;
}

/* True: it was none, the guest tries again. */
static bool page_fault(struct nt_thread *t, const struct dk_exception *e, struct dk_context *c, struct EXCEPTION_RECORD *r)
{
	uint32_t access = e->code & PF_FETCH ? NT_FAULT_EXECUTE : e->code & PF_WRITE ? NT_FAULT_WRITE : NT_FAULT_READ;
	bool bus = e->kind == DK_EXC_BUS;
	NTSTATUS status = STATUS_ACCESS_VIOLATION;

	if (bus)
		access = NT_FAULT_READ;
	if (nt_mm_fault(t->process->mm, e->address, access | (bus ? NT_FAULT_BUS : 0), &status))
		return true;
	if (access == NT_FAULT_WRITE && nt_mm_stack_clear(t->process->mm, e->address, c))
		return true;
	r->ExceptionCode = status;
	memory_record(r, access, e->address);
	if (status == STATUS_IN_PAGE_ERROR) {
		r->NumberParameters = 3;
		r->ExceptionInformation[2] = STATUS_END_OF_FILE;
	}
	return false;
}

/* The first byte of the instruction behind prefixes, and the one after it. */
static bool opcode(const struct dk_context *c, uint8_t op[2])
{
	uint8_t bytes[16];
	size_t n = sizeof bytes - uaccess_read(bytes, c->rip, sizeof bytes), i = 0;

	while (i < n && (bytes[i] == 0x66 || bytes[i] == 0xf2 || bytes[i] == 0xf3 || bytes[i] == 0x2e || bytes[i] == 0x36 || bytes[i] == 0x3e ||
		(bytes[i] & 0xf0) == 0x40 || bytes[i] == 0x64 || bytes[i] == 0x65 || bytes[i] == 0x67))
		i++;
	if (i + 1 >= n)
		return false;
	op[0] = bytes[i];
	op[1] = bytes[i + 1];
	return true;
}

static bool is_privileged(const uint8_t op[2])
{
	switch (op[0]) {
	case 0x0f: /* mov to and from control and debug registers, lgdt ..., invd, wbinvd, wrmsr, rdmsr, rdpmc, clts */
		return (op[1] >= 0x20 && op[1] <= 0x23) || op[1] <= 0x01 || op[1] == 0x06 || op[1] == 0x08 || op[1] == 0x09 || op[1] == 0x30 ||
			op[1] == 0x32 || op[1] == 0x33;
	case 0x6c: case 0x6d: case 0x6e: case 0x6f: /* ins, outs */
	case 0xe4: case 0xe5: case 0xe6: case 0xe7: case 0xec: case 0xed: case 0xee: case 0xef: /* in, out */
	case 0xf4: case 0xfa: case 0xfb: /* hlt, cli, sti */
		return true;
	default:
		return false;
	}
}

/* Print, load and unload symbols, command: for a debugger, and nothing if there is none. */
static bool is_debug_service(uint32_t service)
{
	return service == 1 || (service >= 3 && service <= 5);
}

/* `int n` with a meaning: fast fail, failed assertion, debug service.  False: it has none. */
static bool software_interrupt(struct nt_thread *t, struct dk_context *c, uint8_t n, struct EXCEPTION_RECORD *r)
{
	switch (n) {
	case 0x29:
		ps_process_exit(t, STATUS_STACK_BUFFER_OVERRUN); /* no handler is asked */
	case 0x2c:
		r->ExceptionCode = STATUS_ASSERTION_FAILURE;
		return true;
	case 0x2d:
		r->ExceptionCode = is_debug_service((uint32_t)c->rax) ? STATUS_SUCCESS : STATUS_BREAKPOINT;
		r->NumberParameters = 1;
		r->ExceptionInformation[0] = c->rax;
		c->rip += r->ExceptionCode == STATUS_SUCCESS ? 3 : 2; /* a byte behind it belongs to it */
		return true;
	default:
		return false;
	}
}

static void protection(struct nt_thread *t, struct dk_context *c, struct EXCEPTION_RECORD *r)
{
	uint8_t op[2];

	if (opcode(c, op)) {
		if (op[0] == 0xcd && software_interrupt(t, c, op[1], r))
			return;
		if (is_privileged(op)) {
			r->ExceptionCode = STATUS_PRIVILEGED_INSTRUCTION;
			return;
		}
	}
	r->ExceptionCode = STATUS_ACCESS_VIOLATION; /* no address that could be */
	memory_record(r, NT_FAULT_READ, UINT64_MAX);
}

/* By the flags that are set and not masked. */
static NTSTATUS float_status(uint32_t flags)
{
	if (flags & 0x40)
		return STATUS_FLOAT_STACK_CHECK;
	if (flags & 1)
		return STATUS_FLOAT_INVALID_OPERATION;
	if (flags & 4)
		return STATUS_FLOAT_DIVIDE_BY_ZERO;
	if (flags & 2)
		return STATUS_FLOAT_DENORMAL_OPERAND;
	if (flags & 8)
		return STATUS_FLOAT_OVERFLOW;
	if (flags & 16)
		return STATUS_FLOAT_UNDERFLOW;
	return STATUS_FLOAT_INEXACT_RESULT;
}

static void arithmetic(const struct nt_thread *t, const struct dk_exception *e, const struct dk_context *c, struct EXCEPTION_RECORD *r)
{
	uint32_t mxcsr;
	uint16_t fsw, fcw;

	if (e->trapno == TRAP_DE) {
		r->ExceptionCode = ps_divided_by_zero(t, c) ? STATUS_INTEGER_DIVIDE_BY_ZERO : STATUS_INTEGER_OVERFLOW;
		return;
	}
	if (e->trapno == TRAP_MF) {
		__asm__ volatile("fnstsw %0; fnstcw %1; fnclex" : "=m"(fsw), "=m"(fcw));
		r->ExceptionCode = float_status((uint32_t)fsw & ((~(uint32_t)fcw & 0x3f) | 0x40));
	} else {
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		r->ExceptionCode = float_status(mxcsr & ~(mxcsr >> 7) & 0x3f);
		r->ExceptionInformation[1] = mxcsr;
	}
	r->NumberParameters = e->trapno == TRAP_MF ? 1 : 2;
}

/* Fills r; true: there was nothing to raise. */
static bool describe(struct nt_thread *t, const struct dk_exception *e, struct dk_context *c, struct EXCEPTION_RECORD *r)
{
	switch (e->kind) {
	case DK_EXC_MEMORY:
		if (e->trapno == TRAP_PF)
			return page_fault(t, e, c, r);
		protection(t, c, r);
		return r->ExceptionCode == STATUS_SUCCESS;
	case DK_EXC_BUS:
		return page_fault(t, e, c, r);
	case DK_EXC_ARITHMETIC:
		arithmetic(t, e, c, r);
		break;
	case DK_EXC_BREAKPOINT:
		r->ExceptionAddress = c->rip - 1;
		r->ExceptionCode = STATUS_BREAKPOINT;
		r->NumberParameters = 1;
		break;
	case DK_EXC_STEP:
		if (!ps_step_done(t, c))
			return true;
		r->ExceptionCode = STATUS_SINGLE_STEP;
		break;
	case DK_EXC_ALIGNMENT:
		c->rflags &= ~(uint64_t)FLAG_AC;
		r->ExceptionCode = STATUS_DATATYPE_MISALIGNMENT;
		break;
	default:
		r->ExceptionCode = STATUS_ILLEGAL_INSTRUCTION;
		break;
	}
	return false;
}

void ps_exception(struct nt_thread *t, const struct dk_exception *e, struct dk_context *c)
{
	struct EXCEPTION_RECORD r = { .ExceptionAddress = c->rip };

	c->orig_rax = UINT64_MAX; /* in no call */
	if (describe(t, e, c, &r) || ps_debug_exception(t, c, &r, true))
		return;
	if (e->kind == DK_EXC_BREAKPOINT)
		c->rip--; /* handlers see it there, debuggers behind it */
	ps_raise(t, c, &r);
}

/* ---- The call ---- */

NTSTATUS NtRaiseException(struct nt_thread *t, uint64_t record, uint64_t context, uint32_t first_chance)
{
	struct dk_context *c = pico_frame();
	struct EXCEPTION_RECORD r;
	NTSTATUS status = user_read(&r, record, sizeof r);

	if (status != STATUS_SUCCESS)
		return status;
	if (r.NumberParameters > EXCEPTION_MAXIMUM_PARAMETERS)
		return STATUS_INVALID_PARAMETER;
	if (!first_chance && !ps_is_debugged(t->process))
		ps_process_exit(t, r.ExceptionCode);
	status = ps_context_in(t, context, c);
	if (status != STATUS_SUCCESS)
		return status;
	if (ps_debug_exception(t, c, &r, first_chance))
		return NT_FRAME_IS_SET;
	if (!first_chance)
		ps_process_exit(t, r.ExceptionCode);
	ps_raise(t, c, &r);
	return NT_FRAME_IS_SET;
}
