/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_cpuid.h - CPUID instructions become calls.
 *
 * CPUID leaves a virtual machine: 6.5 us where that machine is itself in one, 25 to 70 ns on
 * bare metal.  glibc's dynamic linker makes 68 of them before each program.  Unlike
 * `syscall` it cannot be made to trap for less than it costs, so sites are looked for
 * when the dynamic linker is mapped, and answers are remembered for the sandbox.
 *
 * A site is `0f a2` and the instructions behind it, at least 5 bytes in all, if those can be
 * run elsewhere (a short list of forms is known) and nothing near leads into their midst.  The
 * jmp goes to a stub that calls pico_cpuid_entry, runs the instructions and goes on behind them.
 */
#ifndef PICO_PATCH_CPUID_H
#define PICO_PATCH_CPUID_H

#include "pico/patch_site.h"

#define CPUID_SITES     96u
#define CPUID_STUB_BODY 15u /* where the stub has the instructions from behind the cpuid */

struct cpuid_plan {
	uint32_t count;
	struct cpuid_site {
		uint32_t offset; /* from the text's start; ascending */
		uint32_t size;   /* bytes, cpuid included */
	} site[CPUID_SITES];
};

/* Fills plan for the text mapped at start, of which at most the first 256 KB are looked at. */
void cpuid_plan_make(struct cpuid_plan *plan, uint64_t start, uint64_t size);
/* The stub of STUB_SIZE bytes for a site of size bytes at address site, to run at address. */
void write_cpuid_stub(uint8_t *stub, uint64_t address, const uint8_t *bytes, uint32_t size, uint64_t site);
bool is_cpuid_stub(const uint8_t *stub);
/* Where the site of the stub at address is. */
uint64_t site_of_cpuid_stub(const uint8_t *stub, uint64_t address);
#endif
