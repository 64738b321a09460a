/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/clone.c - DkProcessCreate (copies and fresh ones), DkProcessExit,
 * DkProcessGetExitCode, process handles, the deaths stream; storms of copies.
 */
#include "tests/abi/bare.h"

#define SHARED ((_Atomic uint32_t *)(ARENA_BASE + 65536))
static uint32_t private_word = 7;
static dk_handle go;

/* kproc's part: reads deaths, so that process entries end. */
static void read_deaths(uint32_t count)
{
	struct dk_death d[8];
	struct dk_segment s = { d, sizeof d };
	uint64_t done;

	while (count > 0) {
		OK(DkStreamRead(bare_boot->deaths, DK_OFFSET_NONE, &s, 1, 0, &done));
		CHECK(done > 0 && done % sizeof d[0] == 0);
		for (uint64_t i = 0; i < done / sizeof d[0]; i++)
			CHECK(d[i].process != DK_NO_HANDLE);
		count -= (uint32_t)(done / sizeof d[0]);
	}
}

static void copies(uint32_t count)
{
	uint64_t start = bare_now();
	uint32_t code, sink;

	for (uint32_t i = 0; i < count; i++) {
		dk_handle p[4];

		SHARED[0] = 0;
		for (uint32_t k = 0; k < 4; k++) {
			OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &p[k]));
			if (p[k] == DK_NO_HANDLE) {
				CHECK(private_word == 7);
				private_word = 8;
				CHECK(bare_tb() == bare_boot->tb && bare_boot->process && bare_boot->deaths == 0);
				atomic_fetch_add(SHARED, 1);
				/* Own channel, own log. */
				CHECK_STATUS(DkStreamAttributesQuery("file:/", DK_ATTR_TARGET, NULL, 0, &(uint64_t){ 0 }), DK_NO_DATA);
				if (k == 3)
					CHECK_STATUS(DkObjectsWaitAny(1, &go, DK_FOREVER, 0, &sink), DK_OK);
				(void)DkProcessExit(100 + k);
			}
		}
		OK(DkEventSet(go));
		read_deaths(4);
		for (uint32_t k = 0; k < 4; k++) {
			OK(DkObjectsWaitAny(1, &p[k], 0, 0, &sink));
			OK(DkProcessGetExitCode(p[k], &code));
			CHECK(code == 100 + k);
			OK(DkObjectClose(p[k]));
		}
		CHECK(SHARED[0] == 4 && private_word == 7);
	}
	bare_print("copies: %u, %lu ns each", 4 * count, (bare_now() - start) / (4 * count));
}

/* A picoprocess that dies waiting takes its waiters out, and a told one passes the word on. */
static void die_waiting(void)
{
	dk_handle auto_event, p[3];
	uint32_t sink;

	OK(DkSynchronizationEventCreate(0, &auto_event));
	SHARED[1] = 0;
	for (int k = 0; k < 3; k++) {
		OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &p[k]));
		if (!p[k]) {
			(void)bare_start(auto_event);
			if (k < 2) {
				(void)DkThreadDelayExecution(20 * MS);
				(void)DkProcessExit(0); /* with the other thread in its wait */
			}
			(void)DkThreadDelayExecution(DK_FOREVER);
		}
	}
	read_deaths(2);
	(void)DkThreadDelayExecution(20 * MS);
	OK(DkEventSet(auto_event));
	while (!SHARED[1])
		OK(DkThreadDelayExecution(MS));
	read_deaths(1);
	for (int k = 0; k < 3; k++) {
		OK(DkObjectsWaitAny(1, &p[k], 0, 0, &sink));
		OK(DkObjectClose(p[k]));
	}
	OK(DkObjectClose(auto_event));
}

void bare_thread(uint64_t parameter)
{
	dk_handle h = (dk_handle)parameter;

	if (h == 1) { /* a busy sibling of a process that is copied */
		while (private_word != 9) {
			dk_handle e;
			uint64_t n;

			OK(DkNotificationEventCreate(0, &e));
			OK(DkObjectClose(e));
			(void)DkStreamAttributesQuery("file:/", DK_ATTR_BASIC, NULL, 0, &n);
		}
		return;
	}
	OK(DkObjectsWaitAny(1, &h, DK_FOREVER, 0, &(uint32_t){ 0 }));
	SHARED[1] = 1;
	(void)DkProcessExit(1);
}

/* A fresh picoprocess gets its parameter: this image again. */
static void fresh(uint32_t count)
{
	uint64_t start = bare_now();
	uint32_t code, sink;

	for (uint32_t i = 0; i < count; i++) {
		dk_handle p;

		OK(DkProcessCreate("bare", 1000000 + i, 0, &p));
		read_deaths(1);
		OK(DkObjectsWaitAny(1, &p, DK_FOREVER, 0, &sink));
		OK(DkProcessGetExitCode(p, &code));
		CHECK(code == i % 200);
		OK(DkObjectClose(p));
	}
	bare_print("fresh: %u, %lu ns each", count, (bare_now() - start) / count);
}

static dk_handle open_to_read(const char *uri)
{
	struct dk_open open = { .access = DK_READ, .share = 7, .disposition = DK_OPEN_EXISTING };
	dk_handle h;

	OK(DkStreamOpen(uri, &open, &h));
	return h;
}

static bool says(dk_handle h, const void *text, uint64_t size)
{
	char buf[64];
	struct dk_segment s = { buf, sizeof buf };
	uint64_t done = 0;

	OK(DkStreamRead(h, 0, &s, 1, 0, &done));
	return done >= size && memcmp(buf, text, size) == 0;
}

/* A handle comes again after 256 others of its index; a copy that had a descriptor of the first must not take it for that of the last. */
static void handles_come_again(void)
{
	dk_handle first = open_to_read("file:/etc/passwd"), h, p;
	uint32_t sink, tries = 0;

	CHECK(says(first, "root:", 5)); /* its descriptor is here */
	OK(DkEventClear(go));
	SHARED[3] = 0;
	OK(DkProcessCreate(NULL, 0, DK_PROCESS_CLONE, &p));
	if (!p) {
		SHARED[3] = 1;
		CHECK_STATUS(DkObjectsWaitAny(1, &go, DK_FOREVER, 0, &sink), DK_OK);
		(void)DkProcessExit(says((dk_handle)SHARED[2], "\177ELF", 4) ? 0 : 1);
	}
	while (!SHARED[3])
		OK(DkThreadDelayExecution(MS));
	OK(DkObjectClose(first));
	while ((h = open_to_read("file:/bin/sh")) != first && tries++ < 1000)
		OK(DkObjectClose(h));
	CHECK(h == first);
	SHARED[2] = h;
	OK(DkEventSet(go));
	read_deaths(1);
	OK(DkProcessGetExitCode(p, &sink));
	CHECK(sink == 0);
	OK(DkObjectClose(p));
	OK(DkObjectClose(h));
}

int bare_main(void)
{
	uint32_t code;
	dk_handle h, busy;

	if (bare_boot->parameter >= 1000000)
		return (int)(bare_boot->parameter - 1000000) % 200;
	OK(DkNotificationEventCreate(0, &go));
	CHECK_STATUS(DkProcessCreate(NULL, 0, 0, &h), DK_INVALID_ARG);
	CHECK_STATUS(DkProcessCreate("x", 0, DK_PROCESS_CLONE, &h), DK_INVALID_ARG);
	CHECK_STATUS(DkProcessGetExitCode(bare_boot->process, &code), DK_RUNNING);
	CHECK_STATUS(DkProcessGetExitCode(go, &code), DK_INVALID_HANDLE);
	copies(bare_boot->parameter ? (uint32_t)bare_boot->parameter : 200);
	busy = bare_start(1);
	copies(bare_boot->parameter ? (uint32_t)bare_boot->parameter : 200);
	private_word = 9;
	OK(DkObjectsWaitAny(1, &busy, DK_FOREVER, 0, &code));
	die_waiting();
	handles_come_again();
	fresh(bare_boot->parameter ? (uint32_t)bare_boot->parameter / 10 + 1 : 20);
	return 0;
}
