/* SPDX-License-Identifier: MIT */
/* nt/ex/time.c - NT's time: units of 100 ns, since 1601 or since boot; timeouts; sleeping. */
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "ntcalls.gen.h"

#define EPOCH 116444736000000000ll /* 1970 */

int64_t ex_system_time(void)
{
	return (int64_t)(pico_now_realtime() / 100) + EPOCH;
}

int64_t ex_interrupt_time(void)
{
	return (int64_t)(pico_now() / 100);
}

uint64_t ex_deadline(int64_t when)
{
	uint64_t now = pico_now(), units, ns;

	if (when >= 0) { /* a point in time */
		when = ex_system_time() - when;
		if (when >= 0)
			return now;
	}
	units = 0 - (uint64_t)when;
	if (MUL_OVERFLOW(units, 100u, &ns) || ADD_OVERFLOW(now, ns, &ns) || ns >= INT64_MAX)
		return EX_DEADLINE_NEVER;
	return ns;
}

NTSTATUS ex_deadline_in(uint64_t timeout_va, uint64_t *deadline)
{
	int64_t when;

	*deadline = EX_DEADLINE_NEVER;
	if (timeout_va == 0)
		return STATUS_SUCCESS;
	if (user_read(&when, timeout_va, sizeof when) != STATUS_SUCCESS)
		return STATUS_ACCESS_VIOLATION;
	*deadline = when == 0 ? 0 : ex_deadline(when);
	return STATUS_SUCCESS;
}

NTSTATUS NtYieldExecution(struct nt_thread *t)
{
	(void)DkThreadYieldExecution();
	return STATUS_SUCCESS;
}

NTSTATUS NtDelayExecution(struct nt_thread *t, uint8_t alertable, uint64_t timeout)
{
	uint64_t deadline;
	NTSTATUS status = ex_deadline_in(timeout, &deadline); /* none: for ever */

	if (status != STATUS_SUCCESS)
		return status;
	status = ex_wait(t, NULL, 0, false, alertable, deadline);
	if (status != STATUS_TIMEOUT)
		return status;
	if (deadline == 0)
		(void)DkThreadYieldExecution();
	return STATUS_SUCCESS;
}
