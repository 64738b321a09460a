/* SPDX-License-Identifier: MIT */
/*
 * tests/abi/bare.h - a bare program: a test that stands directly on the Dk calls, in
 * the place of a personality.  It defines bare_main, which returns the exit code of the
 * sandbox, and for threads bare_thread; bare_exception only if it runs guest code.
 */
#ifndef TESTS_ABI_BARE_H
#define TESTS_ABI_BARE_H

#include "abi/dk_boot.h"
#include "dk_client.gen.h"
#include "rt/base.h"
#include "rt/fmt.h"
#include "rt/mem.h"

extern const struct dk_boot *bare_boot;

int bare_main(void);
void bare_thread(uint64_t parameter); /* returning ends the thread */
void bare_exception(const struct dk_exception *e, struct dk_context *c); /* returning resumes *c */

void bare_interrupted(struct dk_context *c); /* tb->work was set when guest code was to run */
/* Runs guest code; what is above the caller on its stack is lost. */
void bare_enter(const struct dk_context *c) NORETURN __attribute__((visibility("hidden")));

static inline struct dk_tb *bare_tb(void)
{
	struct dk_tb *tb;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(tb));
	return tb;
}

void bare_print(const char *format, ...) PRINTF(1, 2);
void bare_fail(const char *file, int line, const char *what, uint64_t got) NORETURN;

#define CHECK(x)                                                                                     \
	do {                                                                                         \
		if (!(x))                                                                            \
			bare_fail(__FILE__, __LINE__, #x, 0);                                        \
	} while (0)
#define CHECK_STATUS(call, want)                                                                     \
	do {                                                                                         \
		enum dk_status status_ = (call);                                                     \
		if (status_ != (want))                                                               \
			bare_fail(__FILE__, __LINE__, #call, status_);                               \
	} while (0)
#define OK(call) CHECK_STATUS(call, DK_OK)

static inline uint64_t bare_now(void)
{
	uint64_t t = 0;

	(void)DkSystemTimeQuery(DK_CLOCK_MONOTONIC, &t);
	return t;
}

#define MS 1000000ull

/* A small generator of arbitrary numbers. */
static inline uint32_t bare_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

/* Fresh zeroed memory; shared with clones if asked. */
void *bare_pages(uint64_t size, bool shared);
dk_handle bare_start(uint64_t parameter);
#endif
