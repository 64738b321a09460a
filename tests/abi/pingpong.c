/* SPDX-License-Identifier: MIT */
/* tests/abi/pingpong.c - how long it takes to hand a turn to another thread and picoprocess by events, and back. */
#include "tests/abi/bare.h"

static dk_handle ping, pong;
static uint32_t rounds = 20000;

static void answer(void)
{
	for (uint32_t i = 0; i < rounds; i++) {
		OK(DkObjectsWaitAny(1, &ping, DK_FOREVER, 0, &(uint32_t){ 0 }));
		OK(DkEventSet(pong));
	}
}

void bare_thread(uint64_t parameter)
{
	(void)parameter;
	answer();
}

static void ask(const char *what)
{
	uint64_t start = bare_now();

	for (uint32_t i = 0; i < rounds; i++) {
		OK(DkEventSet(ping));
		OK(DkObjectsWaitAny(1, &pong, DK_FOREVER, 0, &(uint32_t){ 0 }));
	}
	bare_print("ping-pong, %s: %lu ns", what, (bare_now() - start) / rounds);
}

int bare_main(void)
{
	dk_handle h;

	if (bare_boot->parameter)
		rounds = (uint32_t)bare_boot->parameter;
	OK(DkSynchronizationEventCreate(0, &ping));
	OK(DkSynchronizationEventCreate(0, &pong));
	h = bare_start(0);
	ask("threads");
	OK(DkObjectsWaitAny(1, &h, DK_FOREVER, 0, &(uint32_t){ 0 }));
	OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &h));
	if (!h) {
		answer();
		(void)DkProcessExit(0);
	}
	ask("picoprocesses");
	return 0;
}
