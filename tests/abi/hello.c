/* SPDX-License-Identifier: MIT */
/* tests/abi/hello.c - DkDebugStringPrint, DkSystemTimeQuery, DkRandomBitsRead, DkThreadGetParameter, DkThreadYieldExecution,
   DkThreadLinger, DkObjectTimeQuery. */
#include "tests/abi/bare.h"

static void clocks(void)
{
	uint64_t a, b, c;

	OK(DkSystemTimeQuery(DK_CLOCK_REALTIME, &a));
	CHECK(a > 1500000000ull * 1000 * MS);
	for (uint32_t clock = 0; clock <= DK_CLOCK_MONOTONIC_RAW; clock++) {
		OK(DkSystemTimeQuery(clock, &a));
		OK(DkSystemTimeQuery(clock, &b));
		CHECK(b >= a);
	}
	CHECK_STATUS(DkSystemTimeQuery(99, &a), DK_INVALID_ARG);
	OK(DkSystemTimeQuery(DK_CLOCK_MONOTONIC, &a));
	for (int i = 0; i < 1000000; i++)
		OK(DkSystemTimeQuery(DK_CLOCK_MONOTONIC, &c));
	bare_print("clock: %lu ns a call", (c - a) / 1000000);
}

/* What a thread or picoprocess has used, by handle, agrees with its own clocks. */
static void cpu_times(void)
{
	uint64_t own, t, p, kernel, again;

	OK(DkSystemTimeQuery(DK_CLOCK_THREAD_CPU, &own));
	OK(DkObjectTimeQuery(bare_boot->thread, DK_TIME_CPU, &t));
	OK(DkObjectTimeQuery(bare_boot->process, DK_TIME_CPU, &p));
	OK(DkSystemTimeQuery(DK_CLOCK_THREAD_CPU, &again));
	CHECK(own <= t && t <= again && t <= p);
	OK(DkObjectTimeQuery(bare_boot->process, DK_TIME_KERNEL, &kernel));
	CHECK(kernel <= p + 10 * MS);
	OK(DkObjectTimeQuery(bare_boot->thread, DK_TIME_KERNEL, &kernel));
	CHECK_STATUS(DkObjectTimeQuery(bare_boot->process, 99, &t), DK_INVALID_ARG);
	CHECK_STATUS(DkObjectTimeQuery(0, DK_TIME_CPU, &t), DK_INVALID_HANDLE);
}

/* A thread that never slept is to sleep; and whatever it learnt, a wait is lingered for a bounded time. */
static void linger(void)
{
	uint64_t since = 0;

	CHECK_STATUS(DkThreadLinger(&since, DK_FOREVER), DK_TIMEOUT);
	for (int i = 0; i < 10; i++) {
		enum dk_status status;

		OK(DkThreadDelayExecution(1000));
		since = 0;
		do
			status = DkThreadLinger(&since, DK_FOREVER);
		while (status == DK_OK);
		CHECK_STATUS(status, DK_TIMEOUT);
		since = 0;
		CHECK_STATUS(DkThreadLinger(&since, bare_now()), DK_TIMEOUT);
	}
}

int bare_main(void)
{
	uint64_t bits[2] = { 0, 0 }, parameter = 99;

	bare_print("hello from a picoprocess: role %u, %u CPUs, vdso %lx", bare_boot->role, bare_boot->ncpus, bare_boot->host_vdso);
	CHECK(bare_boot->tb == bare_tb() && bare_tb()->self == bare_tb());
	clocks();
	cpu_times();
	OK(DkRandomBitsRead(bits, sizeof bits));
	CHECK(bits[0] != bits[1]);
	OK(DkThreadGetParameter(&parameter));
	CHECK(parameter == bare_boot->parameter);
	OK(DkThreadYieldExecution());
	linger();
	OK(DkInstructionCacheFlush(0, 0));
	CHECK_STATUS(DkDebugStringPrint(99, "", 0), DK_INVALID_ARG);
	CHECK_STATUS(DkInputEventRead(1, bits, 8), DK_NOT_SUPPORTED);
	return 0;
}
