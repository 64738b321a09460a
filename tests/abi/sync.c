/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/sync.c - events, semaphores, handles, DkObjectsWaitAny's rules,
 * DkThreadDelayExecution, DkAbortEventRegister.
 */
#include "tests/abi/bare.h"

static uint32_t sink;

static enum dk_status wait1(dk_handle h, uint64_t deadline)
{
	return DkObjectsWaitAny(1, &h, deadline, 0, &sink);
}

static void refusals(void)
{
	dk_handle many[DK_WAIT_MAX + 1] = { 0 }, h;

	CHECK_STATUS(DkEventSet(0), DK_INVALID_HANDLE);
	CHECK_STATUS(DkEventSet(0xffffffff), DK_INVALID_HANDLE);
	CHECK_STATUS(DkEventSet(DK_HANDLE(DK_KIND_EVENT, 7, 3)), DK_INVALID_HANDLE);
	CHECK_STATUS(DkEventSet(bare_boot->process), DK_INVALID_HANDLE);
	CHECK_STATUS(DkObjectsWaitAny(DK_WAIT_MAX + 1, many, 0, 0, &sink), DK_INVALID_ARG);
	CHECK_STATUS(DkObjectsWaitAny(1, many, 0, 0, &sink), DK_INVALID_HANDLE);
	CHECK_STATUS(DkObjectsWaitAny(1, many, 0, 128, &sink), DK_INVALID_ARG);
	CHECK_STATUS(DkObjectsWaitAny(1, NULL, 0, 0, &sink), DK_INVALID_ARG);
	CHECK_STATUS(DkSemaphoreCreate(3, 2, &h), DK_INVALID_ARG);
	CHECK_STATUS(DkSemaphoreCreate(0, 0, &h), DK_INVALID_ARG);
	CHECK_STATUS(DkObjectClose(0), DK_INVALID_HANDLE);
	CHECK_STATUS(DkObjectReference(0xdeadbeef), DK_INVALID_HANDLE);
}

static void events(void)
{
	dk_handle n, s;
	uint32_t state = 9;

	OK(DkNotificationEventCreate(0, &n));
	OK(DkSynchronizationEventCreate(1, &s));
	OK(DkEventPeek(s, &state));
	CHECK(state == 1);
	OK(wait1(s, 0));
	CHECK_STATUS(wait1(s, 0), DK_TIMEOUT);
	CHECK_STATUS(wait1(n, 0), DK_TIMEOUT);
	OK(DkEventSet(n));
	OK(wait1(n, 0));
	OK(wait1(n, DK_FOREVER));
	OK(DkEventClear(n));
	CHECK_STATUS(wait1(n, bare_now() + MS), DK_TIMEOUT);
	OK(DkEventSet(s));
	OK(DkEventSet(s));
	OK(wait1(s, DK_FOREVER));
	CHECK_STATUS(wait1(s, 0), DK_TIMEOUT);
	OK(DkObjectReference(s));
	OK(DkObjectClose(s));
	OK(DkEventSet(s));
	OK(DkObjectClose(s));
	CHECK_STATUS(DkEventSet(s), DK_INVALID_HANDLE);
	CHECK_STATUS(DkSemaphorePeek(n, &state), DK_INVALID_HANDLE);
	OK(DkObjectClose(n));
}

static void semaphores(void)
{
	dk_handle s;
	uint32_t count = 9;

	OK(DkSemaphoreCreate(2, 5, &s));
	OK(DkSemaphorePeek(s, &count));
	CHECK(count == 2);
	OK(wait1(s, 0));
	OK(wait1(s, 0));
	CHECK_STATUS(wait1(s, 0), DK_TIMEOUT);
	OK(DkSemaphoreRelease(s, 5, &count));
	CHECK(count == 0);
	CHECK_STATUS(DkSemaphoreRelease(s, 1, &count), DK_RANGE);
	CHECK_STATUS(DkSemaphoreRelease(s, 0, &count), DK_INVALID_ARG);
	CHECK_STATUS(DkEventSet(s), DK_INVALID_HANDLE);
	OK(DkObjectClose(s));
}

static void marks(void)
{
	dk_handle n;

	OK(DkNotificationEventCreate(1, &n));
	OK(DkThreadRaiseException(bare_boot->thread, 0));
	CHECK(bare_tb()->work == 1);
	OK(wait1(n, DK_FOREVER)); /* signalled wins */
	OK(DkEventClear(n));
	CHECK_STATUS(wait1(n, 0), DK_INTERRUPTED); /* interrupted wins over time */
	CHECK_STATUS(wait1(n, DK_FOREVER), DK_INTERRUPTED);
	CHECK_STATUS(DkThreadDelayExecution(10000 * MS), DK_INTERRUPTED);
	CHECK_STATUS(DkObjectsWaitAny(1, &n, bare_now() + MS, DK_WAIT_UNINTERRUPTIBLE, &sink), DK_TIMEOUT);
	bare_tb()->work = 0;
	CHECK_STATUS(wait1(n, 0), DK_TIMEOUT);
	OK(DkObjectClose(n));
}

static void delays(void)
{
	uint64_t start = bare_now();

	OK(DkThreadDelayExecution(3 * MS));
	CHECK(bare_now() - start >= 3 * MS);
	OK(DkThreadDelayExecution(0));
}

static dk_handle abort_event;
static _Atomic uint32_t waiting;

void bare_thread(uint64_t parameter)
{
	if (parameter == 0) {
		while (!waiting)
			cpu_relax();
		OK(DkThreadDelayExecution(2 * MS));
		OK(DkEventSet(abort_event));
		return;
	}
	OK(DkThreadDelayExecution(2 * MS));
	OK(DkEventSet((dk_handle)parameter));
}

static void aborts(void)
{
	dk_handle n, many[DK_WAIT_MAX], t;

	OK(DkNotificationEventCreate(0, &n));
	for (unsigned i = 0; i < DK_WAIT_MAX; i++)
		many[i] = n;
	OK(DkNotificationEventCreate(0, &abort_event));
	OK(DkAbortEventRegister(abort_event));
	t = bare_start(0);
	waiting = 1;
	CHECK_STATUS(DkObjectsWaitAny(DK_WAIT_MAX, many, DK_FOREVER, 0, &sink), DK_ABORTED);
	CHECK_STATUS(DkThreadDelayExecution(1000 * MS), DK_ABORTED);
	OK(DkEventClear(abort_event));
	CHECK_STATUS(wait1(n, bare_now() + MS), DK_TIMEOUT);
	OK(wait1(t, DK_FOREVER));
	OK(DkObjectClose(t));
	OK(DkAbortEventRegister(0));
	t = bare_start(many[5]);
	OK(DkObjectsWaitAny(DK_WAIT_MAX, many, DK_FOREVER, 0, &sink));
	OK(wait1(t, DK_FOREVER));
	OK(DkObjectClose(t));
}

/* A handle closed under a waiter's feet is reported, not slept on. */
static void closed(void)
{
	for (int i = 0; i < 300; i++) {
		dk_handle n;

		OK(DkNotificationEventCreate(0, &n));
		OK(DkObjectClose(n));
		CHECK_STATUS(wait1(n, 0), DK_INVALID_HANDLE);
	}
}

int bare_main(void)
{
	uint64_t start;
	dk_handle n;

	refusals();
	events();
	semaphores();
	marks();
	delays();
	aborts();
	closed();
	OK(DkSynchronizationEventCreate(0, &n));
	start = bare_now();
	for (int i = 0; i < 100000; i++) {
		OK(DkEventSet(n));
		OK(wait1(n, DK_FOREVER));
	}
	bare_print("set and wait: %lu ns", (bare_now() - start) / 100000);
	return 0;
}
