/* SPDX-License-Identifier: MIT */
/*
 * nt/ke/dispatch.c - a call: from its number and registers to a function and a status.
 *
 * The first four arguments are in r10, rdx, r8, r9, the others on the guest's stack behind the return address and
 * four words of home space.  Numbers from 0x1000 on are win32k's (ke/win32k.h).
 */
#include "nt/ke/dispatch.h"
#include "nt/ke/win32k.h"
#include "nt/ke/trace.h"
#include "nt/ke/user.h"
#include "nt/ldr/ldr.h"
#include "nt/os/provider.h"
#include "nt/ps/ps.h"
#include "ntcalls.gen.h"
#include "rt/mem.h"

#define ID_UNIX_CALL 0x20000u /* ldr/unix_x86_64.S */
#define ON_STACK     0x28u

const unsigned nt_ncalls = NT_CALLS;

static NTSTATUS read_args(const struct dk_context *c, uint32_t count, uint64_t *args)
{
	args[0] = c->r10;
	args[1] = c->rdx;
	args[2] = c->r8;
	args[3] = c->r9;
	return count > 4 ? user_read(args + 4, c->rsp + ON_STACK, (count - 4) * sizeof *args) : STATUS_SUCCESS;
}

/* Said once a call: who reads the log knows what a program that fails has missed. */
static NOINLINE NTSTATUS not_there(uint32_t nr, uint32_t id)
{
	struct nt_state *nt = nt_state();
	uint64_t bit = 1ull << nr % 64;

	if (nr >= NT_CALLS) {
		if (nt_tracing)
			log_line(DK_LOG_INFO, "nt: there is no system call 0x%x", id);
		return STATUS_NOT_IMPLEMENTED;
	}
	if (!(atomic_fetch_or(&nt->unimplemented[nr / 64], bit) & bit) || nt_tracing)
		nt_trace_missing(nt_calls[nr].name);
	return STATUS_NOT_IMPLEMENTED;
}

static NTSTATUS call(struct nt_thread *t, uint32_t nr, uint32_t id, const uint64_t *args)
{
	if (LIKELY(nr < NT_CALLS && nt_calls[nr].call != NULL))
		return nt_calls[nr].call(t, args);
	return not_there(nr, id);
}

static NOINLINE NTSTATUS call_traced(struct nt_thread *t, uint32_t nr, uint32_t id, const uint64_t *args)
{
	NTSTATUS status;

	nt_trace_enter(t, nr, args);
	status = call(t, nr, id, args);
	nt_trace_leave(t, nr, args, status);
	return status;
}

static NOINLINE uint64_t other_call(struct nt_thread *t, const struct dk_context *c, uint32_t id)
{
	NTSTATUS status;

	if (id != ID_UNIX_CALL) {
		uint64_t args[5], answer;

		if (id < NT_ID_WIN32K)
			return not_there(NT_CALLS, id);
		if (read_args(c, ARRAY_LEN(args), args) != STATUS_SUCCESS)
			return 0;
		answer = nt_win32k(t, id, args);
		if (nt_tracing)
			log_line(DK_LOG_INFO, "nt: [%x] win32k's system call 0x%x: 0x%lx", t->tid, id, answer);
		return answer;
	}
	status = ldr_unix_call(t, c->r10, (uint32_t)c->rdx, c->r8);
	if (nt_tracing)
		log_line(DK_LOG_TRACE, "nt: unix call %u of 0x%lx: 0x%x", (uint32_t)c->rdx, c->r10, status);
	return status;
}

void nt_dispatch(struct pico_thread *pt, struct dk_context *c)
{
	struct nt_thread *t = nt_thread_of(pt);
	uint32_t id = (uint32_t)c->orig_rax, nr;
	uint64_t args[NT_ARGS_MAX] UNINIT;
	const struct nt_state *nt = nt_state();
	NTSTATUS status;

	if (UNLIKELY(id >= ARRAY_LEN(nt->call_by_id[0]))) {
		c->rax = other_call(t, c, id);
		if (UNLIKELY(ps_look(t) || c->rax == STATUS_USER_APC))
			pico_tb()->work = 1;
		return;
	}
	nr = nt->call_by_id[0][id] - 1u;
	status = read_args(c, MIN(nt->args_by_id[id] / 8u, NT_ARGS_MAX), args);
	if (LIKELY(status == STATUS_SUCCESS))
		status = UNLIKELY(nt_tracing) ? call_traced(t, nr, id, args) : call(t, nr, id, args);
	/* NtContinue and the like have made the whole frame new, rax too: they answer so. */
	if (LIKELY(status != NT_FRAME_IS_SET))
		c->rax = status;
	if (UNLIKELY(ps_look(t) || status == STATUS_USER_APC))
		pico_tb()->work = 1;
}
