/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/fpstate_x86_64.c - the guest's vector and x87 registers.
 *
 * Library-OS code never touches them (-mgeneral-regs-only), so while it runs they still
 * hold what the guest left.  A signal frame needs them in memory, in XSAVE's
 * standard form, as Linux writes it.
 *
 * Left out on purpose: protection keys (a guest frame that forbids key 0 would stop the
 * library OS itself) and AMX tiles (they need a permission that is not given).
 */
#include "linux/sig/internal.h"

#define FEATURE_FPSSE  3u
#define FEATURES_KNOWN 0xffu /* x87 SSE AVX BNDREGS BNDCSR opmask ZMM_Hi256 Hi16_ZMM */
#define LEGACY_SIZE    512u
#define HEADER_SIZE    64u
#define MXCSR_DEFAULT  0x1f80u
#define FCW_DEFAULT    0x37fu

struct xsave_area { /* its first 576 bytes */
	uint16_t fcw, fsw;
	uint8_t ftw, reserved;
	uint16_t fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t registers[480];
	uint64_t xstate_bv, xcomp_bv, header[6];
};
_Static_assert(sizeof(struct xsave_area) == LEGACY_SIZE + HEADER_SIZE, "xsave area");

/* What the CPU has.  Private memory; every thread computes the same, so a race does no harm. */
static struct {
	uint64_t features; /* 0 = XSAVE cannot be used */
	uint32_t size, mxcsr_mask;
	uint32_t ready;
} fp;

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}

static uint64_t xgetbv(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static uint32_t standard_size(uint64_t features)
{
	uint32_t size = LEGACY_SIZE + HEADER_SIZE, r[4];

	for (unsigned i = 2; i < 63; i++) {
		if (!(features >> i & 1))
			continue;
		cpuid(0xd, i, r);
		size = MAX(size, r[1] + r[0]);
	}
	return size;
}

static uint32_t mxcsr_mask(void)
{
	struct xsave_area area __attribute__((aligned(64)));

	memset(&area, 0, sizeof area);
	__asm__ volatile("fxsave64 %0" : "=m"(area));
	return area.mxcsr_mask ? area.mxcsr_mask : 0xffbf;
}

static void setup(void)
{
	uint32_t r[4];

	if (fp.ready)
		return;
	cpuid(1, 0, r);
	fp.mxcsr_mask = mxcsr_mask();
	fp.features = r[2] & 1u << 27 ? xgetbv() & FEATURES_KNOWN : 0;
	fp.size = fp.features ? standard_size(fp.features) : LEGACY_SIZE;
	__atomic_store_n(&fp.ready, 1, __ATOMIC_RELEASE);
}

uint32_t fp_size(void)
{
	setup();
	return fp.size;
}

uint64_t fp_features(void)
{
	setup();
	return fp.features;
}

void fp_save(void *p)
{
	struct xsave_area *area = p;

	setup();
	if (!fp.features) {
		__asm__ volatile("fxsave64 (%0)" : : "r"(p) : "memory");
		return;
	}
	area->xstate_bv = area->xcomp_bv = 0;
	memset(area->header, 0, sizeof area->header);
	__asm__ volatile("xsave64 (%0)" : : "r"(p), "a"((uint32_t)fp.features), "d"((uint32_t)(fp.features >> 32)) : "memory");
	area->xstate_bv |= FEATURE_FPSSE; /* old programs look at the legacy part without asking */
}

void fp_restore(const void *p)
{
	setup();
	if (!fp.features)
		__asm__ volatile("fxrstor64 (%0)" : : "r"(p) : "memory");
	else
		__asm__ volatile("xrstor64 (%0)" : : "r"(p), "a"((uint32_t)fp.features),
				 "d"((uint32_t)(fp.features >> 32)) : "memory");
}

void fp_reset(void *scratch)
{
	struct xsave_area *area = scratch;

	memset(area, 0, sizeof *area);
	area->fcw = FCW_DEFAULT;
	area->mxcsr = MXCSR_DEFAULT;
	fp_restore(area);
}

/* Whatever would make xrstor fault is taken out or refused: this runs on data from the guest. */
bool fp_check(void *p, uint64_t features)
{
	struct xsave_area *area = p;

	setup();
	area->mxcsr &= fp.mxcsr_mask;
	if (!fp.features)
		return true;
	if (!features) { /* an old frame: only the legacy part */
		area->xstate_bv = FEATURE_FPSSE;
		area->xcomp_bv = 0;
		memset(area->header, 0, sizeof area->header);
		return true;
	}
	if (area->xcomp_bv)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(area->header); i++)
		if (area->header[i])
			return false;
	area->xstate_bv &= features & fp.features;
	return true;
}
