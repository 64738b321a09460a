/* SPDX-License-Identifier: MIT */
/* pico/cpuid.h - CPUID's answers, and where the dynamic linker asks for them (abi/cpuid.h). */
#ifndef PICO_CPUID_H
#define PICO_CPUID_H

#include "abi/cpuid.h"
#include "pico/pico.h"

/* The sandbox's boot: the texts of the settings cpuid and cpuid_plan; NULL or nonsense: as if there were none. */
void cpuid_boot(const char *answers, const char *plan);
/* The plan, NULL = none.  Its sites' sizes are checked where they are used. */
const struct cpuid_plan *cpuid_plan(void);
#endif
