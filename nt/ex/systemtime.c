/* SPDX-License-Identifier: MIT */
/*
 * nt/ex/systemtime.c - the time, the performance counter, and the timer's resolution.
 *
 * Time is the host's, in units of 100 ns since 1601.  The performance counter counts 10 million a second, as
 * KUSER_SHARED_DATA says too.
 */
#include "nt/ex/wait.h"
#include "nt/ke/user.h"
#include "nt/os/sysinfo.h"
#include "ntcalls.gen.h"

#define QPC_PER_SECOND 10000000ll

NTSTATUS NtQuerySystemTime(struct nt_thread *t, uint64_t time)
{
	int64_t now = ex_system_time();

	(void)t;
	return user_write(time, &now, sizeof now);
}

/* The sandbox's clock is the host's: nobody inside sets it. */
NTSTATUS NtSetSystemTime(struct nt_thread *t, uint64_t time, uint64_t previous)
{
	int64_t wanted;
	NTSTATUS status = user_read(&wanted, time, sizeof wanted);

	(void)t;
	(void)previous;
	return status != STATUS_SUCCESS ? status : (NTSTATUS)STATUS_PRIVILEGE_NOT_HELD;
}

NTSTATUS NtQueryPerformanceCounter(struct nt_thread *t, uint64_t counter, uint64_t frequency)
{
	int64_t now = (int64_t)((pico_now() - os_boot_monotonic()) / 100);
	NTSTATUS status = user_write(counter, &now, sizeof now);

	(void)t;
	return status != STATUS_SUCCESS ? status : user_put64(frequency, QPC_PER_SECOND);
}

/*
 * Waits end at the asked nanosecond: the finest resolution is always there.  What a process asked for is only remembered
 * (privately: nobody else's requests are seen), because programs look whether they got it.
 */
#define RESOLUTION_COARSEST 156250u
#define RESOLUTION_FINEST   5000u
#define RESOLUTION_USUAL    10000u

static _Atomic uint32_t asked; /* 0: nothing */

static uint32_t resolution(void)
{
	uint32_t wish = atomic_load_explicit(&asked, memory_order_relaxed);

	return wish != 0 && wish < RESOLUTION_USUAL ? wish : RESOLUTION_USUAL;
}

NTSTATUS NtQueryTimerResolution(struct nt_thread *t, uint64_t coarsest, uint64_t finest, uint64_t current)
{
	uint32_t values[] = { RESOLUTION_COARSEST, RESOLUTION_FINEST, resolution() };
	uint64_t at[] = { coarsest, finest, current };
	NTSTATUS status = STATUS_SUCCESS;

	(void)t;
	for (unsigned i = 0; i < ARRAY_LEN(at) && status == STATUS_SUCCESS; i++)
		status = user_write(at[i], &values[i], sizeof values[i]);
	return status;
}

NTSTATUS NtSetTimerResolution(struct nt_thread *t, uint32_t wanted, uint8_t set, uint64_t current)
{
	uint32_t now = resolution(), before;
	NTSTATUS status = user_write(current, &now, sizeof now); /* nothing is changed for who cannot hear of it */

	(void)t;
	if (status != STATUS_SUCCESS)
		return status;
	before = atomic_exchange(&asked, set != 0 ? MIN(MAX(wanted, RESOLUTION_FINEST), RESOLUTION_COARSEST) : 0);
	if (set == 0 && before == 0)
		return STATUS_TIMER_RESOLUTION_NOT_SET;
	now = resolution();
	return user_write(current, &now, sizeof now);
}
