/* SPDX-License-Identifier: MIT */
/*
 * abi/cpuid.h - what the monitor tells a sandbox of CPUID, as settings "cpuid=" and "cpuid_plan=": the
 * bytes of these structs in hexadecimal digits.  Without them nothing of it is done.
 */
#ifndef ABI_CPUID_H
#define ABI_CPUID_H

#include "abi/dk_types.h"

#define CPUID_ANSWERS 128u
#define CPUID_SITES   96u

/* What the CPU says to a leaf (eax) and subleaf (ecx, 0 where it does not matter): eax, ebx, ecx, edx. */
struct cpuid_answer {
	uint32_t leaf, subleaf, regs[4];
};

/* A CPUID instruction and those behind it that a jmp may be put over. */
struct cpuid_site {
	uint32_t offset;  /* of the CPUID in the file */
	uint8_t size;     /* bytes in all */
	uint8_t fix[2];   /* where among them displacements from rip are, to be changed; 0 = none */
	uint8_t pad;
};

/* The sites of one file: that with this size and these times. */
struct cpuid_plan {
	uint64_t size;
	int64_t mtime_ns, ctime_ns;
	uint64_t count; /* of the sites that follow, in order */
	struct cpuid_site site[CPUID_SITES];
};

#define CPUID_PLAN_HEAD offsetof(struct cpuid_plan, site)
#define CPUID_COVER_MAX 13u /* bytes of the largest site; a stub holds no more */
#endif
