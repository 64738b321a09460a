/* SPDX-License-Identifier: MIT */
/*
 * nt/ps/step.c - the debug registers Dr0-3, Dr6, Dr7.
 *
 * The host lets nobody here set the CPU's, so a thread that has a breakpoint there runs step by step, by the trap flag, as long as it has: each of its
 * instructions costs microseconds, and other threads nothing.  A breakpoint on an instruction is met on the way out to it, unless the
 * resume flag is set; one on data when the value there has changed.  So what reads, or writes what is there already, is not seen.
 *
 * The trap flag is ours (ps->step_armed) or the guest's own; neither contexts nor what pushf pushes shows ours, and what popf pops is looked at
 * before.  It is lost in each entry to the kernel, and set again
 * on the way out, which is therefore always the long one (ps->look).
 */
#include "nt/ke/user.h"
#include "nt/ps/debug.h"
#include "nt/ps/ps.h"
#include "rt/mem.h"

#define FLAG_TF 0x100u
#define FLAG_RF 0x10000u
#define DR6     4
#define DR7     5
#define KINDS   4u
enum { ON_EXECUTE, ON_WRITE, ON_IO, ON_ACCESS };

/* Instructions that put the flags into memory, or take them from there. */
enum { OTHER, PUSHES_FLAGS, POPS_TRAP_FLAG };

static bool is_enabled(uint64_t dr7, uint32_t n)
{
	return dr7 >> (n * 2) & 3;
}

static uint32_t kind_of(uint64_t dr7, uint32_t n)
{
	return dr7 >> (16 + n * 4) & 3;
}

static uint64_t value_at(uint64_t dr7, uint32_t n, uint64_t address)
{
	static const uint8_t sizes[] = { 1, 2, 8, 4 };
	uint32_t size = sizes[dr7 >> (18 + n * 4) & 3];
	uint64_t value = 0;

	(void)uaccess_read(&value, address & ~(uint64_t)(size - 1), size);
	return value;
}

/* The breakpoints on the instruction that comes next. */
static uint32_t met(const struct ps_thread *ps, uint64_t rip)
{
	uint32_t mask = 0;

	for (uint32_t n = 0; n < KINDS; n++)
		if (is_enabled(ps->debug[DR7], n) && kind_of(ps->debug[DR7], n) == ON_EXECUTE && ps->debug[n] == rip)
			mask |= 1u << n;
	return mask;
}

static uint32_t changed(struct ps_thread *ps)
{
	uint32_t mask = 0;

	for (uint32_t n = 0; n < KINDS; n++)
		if (is_enabled(ps->debug[DR7], n) && kind_of(ps->debug[DR7], n) != ON_EXECUTE && value_at(ps->debug[DR7], n, ps->debug[n]) != ps->watched[n])
			mask |= 1u << n;
	return mask;
}

/* One on the instruction at 0 is none: programs that are done with one leave it so. */
static bool is_needed(const struct ps_thread *ps)
{
	for (uint32_t n = 0; n < KINDS; n++)
		if (is_enabled(ps->debug[DR7], n) && ps->debug[n] != 0)
			return true;
	return false;
}

static uint32_t what_is_next(const struct dk_context *c)
{
	uint8_t bytes[3] = { 0 };
	uint64_t popped = 0;
	uint32_t i = 0;

	(void)uaccess_read(bytes, c->rip, sizeof bytes);
	while (i < 2 && (bytes[i] == 0x66 || (bytes[i] & 0xf0) == 0x40))
		i++;
	if (bytes[i] == 0x9c)
		return PUSHES_FLAGS;
	if (bytes[i] == 0x9d && uaccess_read(&popped, c->rsp, 2) == 0 && (popped & FLAG_TF))
		return POPS_TRAP_FLAG;
	return OTHER;
}

/* What pushf has pushed must not show our flag. */
static void hide(uint64_t rsp)
{
	uint16_t flags;

	if (uaccess_read(&flags, rsp, sizeof flags) == 0) {
		flags &= (uint16_t)~FLAG_TF;
		(void)uaccess_write(rsp, &flags, sizeof flags);
	}
}

static void arm(struct ps_thread *ps, struct dk_context *c)
{
	if (!(c->rflags & FLAG_TF))
		ps->step_armed = 1;
	c->rflags |= FLAG_TF;
	ps->step_over = what_is_next(c);
	for (uint32_t n = 0; n < KINDS; n++)
		if (is_enabled(ps->debug[DR7], n) && kind_of(ps->debug[DR7], n) != ON_EXECUTE)
			ps->watched[n] = value_at(ps->debug[DR7], n, ps->debug[n]);
}

void ps_step_out(struct nt_thread *t, struct dk_context *c)
{
	struct ps_thread *ps = ps_of(t);
	uint32_t mask = c->rflags & FLAG_RF ? 0 : met(ps, c->rip);

	if (!is_needed(ps))
		return;
	atomic_store_explicit(&ps->look, 1, memory_order_relaxed);
	if (mask != 0) {
		const struct EXCEPTION_RECORD r = { .ExceptionCode = STATUS_SINGLE_STEP, .ExceptionAddress = c->rip };

		if (ps->step_armed)
			c->rflags &= ~(uint64_t)FLAG_TF;
		ps->step_armed = 0;
		ps->debug[DR6] = (ps->debug[DR6] & ~0xfull) | mask;
		if (!ps_debug_exception(t, c, &r, true))
			ps_raise(t, c, &r);
		else
			c->rflags |= FLAG_RF; /* past it */
	}
	arm(ps, c);
}

bool ps_step_done(struct nt_thread *t, struct dk_context *c)
{
	struct ps_thread *ps = ps_of(t);
	bool ours = ps->step_armed != 0;
	uint32_t mask = ps->debug[DR7] & 0xff ? changed(ps) : 0;

	ps->step_armed = 0;
	c->rflags &= ~(uint64_t)FLAG_TF;
	pico_tb()->work = 1;
	if (ours && ps->step_over == PUSHES_FLAGS)
		hide(c->rsp);
	if (ours && mask == 0) {
		if (ps->step_over == POPS_TRAP_FLAG)
			c->rflags |= FLAG_TF; /* the guest's: it wants a trap behind the next instruction */
		return false;
	}
	ps->debug[DR6] = (ps->debug[DR6] & ~0xfull) | mask | (ours ? 0 : DR6_STEP);
	return true;
}
