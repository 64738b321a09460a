/* SPDX-License-Identifier: MIT */
/* pico/cpuid.h - CPUID's answers, remembered for the sandbox (patch_cpuid.h tells why). */
#ifndef PICO_CPUID_H
#define PICO_CPUID_H

#include "pico/pico.h"

/* What the CPU answers to leaf (eax) and subleaf (ecx): eax, ebx, ecx, edx.  Asks it once a sandbox. */
void cpuid_ask(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/* An answer that is known already: from the host's side, at the start. */
void cpuid_remember(uint32_t leaf, uint32_t subleaf, const uint32_t answer[4]);
#endif
