/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/threads.c - DkThreadCreate, DkThreadExit, DkThreadGetParameter, thread handles;
 * storms of threads that start and end while others kick them.
 */
#include "tests/abi/bare.h"

static _Atomic uint32_t ran;
static uint32_t clear_words[64];

static uint64_t read_fs(void)
{
	uint64_t base;

	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

void bare_thread(uint64_t parameter)
{
	uint64_t p = 0;

	CHECK(bare_tb()->self == bare_tb());
	OK(DkThreadGetParameter(&p));
	CHECK(p == parameter);
	if (parameter >= 1000 && parameter < 1064) {
		CHECK(read_fs() == parameter << 4);
		atomic_fetch_add(&ran, 1);
		(void)DkThreadExit((uint64_t)&clear_words[parameter - 1000], DK_NO_HANDLE);
	}
	if (parameter == 1)
		(void)DkThreadDelayExecution(parameter * 1000);
	if (parameter == 3)
		(void)DkThreadExit(8, DK_NO_HANDLE); /* not mapped: must do no harm */
	atomic_fetch_add(&ran, 1);
}

static void clear_addresses(void)
{
	dk_handle h[64];

	for (int i = 0; i < 64; i++) {
		clear_words[i] = 1;
		OK(DkThreadCreate(1000 + (uint64_t)i, (uint64_t)(1000 + i) << 4, &h[i]));
	}
	for (int i = 0; i < 64; i++) {
		while (*(volatile uint32_t *)&clear_words[i])
			(void)DkThreadYieldExecution();
		CHECK_STATUS(DkObjectsWaitAny(1, &h[i], DK_FOREVER, 0, &(uint32_t){ 0 }), DK_OK);
		/* Ended stays ended. */
		CHECK_STATUS(DkObjectsWaitAny(1, &h[i], 0, 0, &(uint32_t){ 0 }), DK_OK);
		OK(DkObjectClose(h[i]));
		CHECK_STATUS(DkObjectClose(h[i]), DK_INVALID_HANDLE);
		CHECK_STATUS(DkThreadRaiseException(h[i], 0), DK_INVALID_HANDLE);
	}
}

static void storm(uint32_t count)
{
	dk_handle h[8];
	uint64_t start = bare_now(), seed = start;

	ran = 0;
	for (uint32_t i = 0; i < count; i++) {
		for (int k = 0; k < 8; k++) {
			uint32_t way = bare_random(&seed) % 3;

			OK(DkThreadCreate(way == 2 ? 2 : way, 0, &h[k]));
		}
		for (int k = 0; k < 8; k++)
			(void)DkThreadRaiseException(h[k], 0);
		for (int left = 8; left > 0; left--) {
			uint32_t index = 0;

			OK(DkObjectsWaitAny((uint32_t)left, h, bare_now() + 20000 * MS, 0, &index));
			OK(DkObjectClose(h[index]));
			h[index] = h[left - 1];
		}
	}
	CHECK(ran == count * 8);
	bare_print("threads: %u, %lu ns each", count * 8, (bare_now() - start) / (count * 8));
}

int bare_main(void)
{
	uint32_t count = bare_boot->parameter ? (uint32_t)bare_boot->parameter : 1000;
	dk_handle h = bare_start(3);

	CHECK_STATUS(DkObjectsWaitAny(1, &h, bare_now() + 5000 * MS, 0, &(uint32_t){ 0 }), DK_OK);
	OK(DkObjectClose(h));
	clear_addresses();
	storm(count);
	CHECK(bare_boot->thread && (uint64_t)bare_tb() == SLOTS_BASE + SLOT_TB);
	return 0;
}
