/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_cpuid.h - CPUID instructions become calls.
 *
 * CPUID leaves a virtual machine: 6.5 us where that machine is itself in one.  glibc's dynamic
 * linker makes 68 before each program.  Unlike `syscall` it cannot be made to trap for less
 * than it costs, so the monitor says where they are (abi/cpuid.h) and what the CPU answers.
 *
 * The jmp over a site goes to a stub that calls pico_cpuid_entry, runs the instructions from
 * behind the CPUID and goes on behind them.
 */
#ifndef PICO_PATCH_CPUID_H
#define PICO_PATCH_CPUID_H

#include "abi/cpuid.h"
#include "pico/patch_site.h"

#define CPUID_STUB_BODY 15u /* where the stub has the instructions from behind the CPUID */
_Static_assert(CPUID_STUB_BODY + CPUID_COVER_MAX - 2 + JMP_SIZE < STUB_SIZE, "stub");

/* Is it the plan's site whose bytes these are? */
bool is_cpuid_site(const struct cpuid_site *s, const uint8_t *bytes);
/* The stub of STUB_SIZE bytes for the site at address site with these bytes, to run at address. */
void write_cpuid_stub(uint8_t *stub, uint64_t address, const struct cpuid_site *s, const uint8_t *bytes, uint64_t site);
bool is_cpuid_stub(const uint8_t *stub);
/* Where the site of the stub at address is. */
uint64_t site_of_cpuid_stub(const uint8_t *stub, uint64_t address);
/* The JMP_SIZE bytes that the jump to it covers at the site. */
void cpuid_stub_covers(const uint8_t *stub, uint64_t address, uint8_t *bytes);
#endif
