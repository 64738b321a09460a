/* SPDX-License-Identifier: MIT */
/*
 * linux/sig/fpstate_x86_64.c - the guest's vector and x87 registers.
 *
 * Library-OS code never touches them (-mgeneral-regs-only), so while it runs they still
 * hold what the guest left.  A signal frame needs them in memory, in XSAVE's
 * standard form, as Linux writes it.
 *
 * A signal frame's are saved straight to and loaded straight from the guest's stack: the CPU refuses
 * what may not be loaded, and uaccess makes that an error.  The parts in their initial state
 * (vector registers that no one uses) are not written, their bits in the header are 0.
 *
 * Left out on purpose: protection keys (a guest frame that forbids key 0 would stop the
 * library OS itself) and AMX tiles (they need a permission that is not given).
 */
#include "linux/sig/internal.h"
#include "pico/uaccess.h"

#define FEATURE_FPSSE  3u
#define FEATURE_AVX    4u
#define FEATURES_KNOWN 0xffu /* x87 SSE AVX BNDREGS BNDCSR opmask ZMM_Hi256 Hi16_ZMM */
#define LEGACY_SIZE    512u
#define HEADER_SIZE    64u
#define MXCSR_DEFAULT  0x1f80u
#define FCW_DEFAULT    0x37fu
#define X87_STATE      0xffffffffffull /* in the first word saved: control, status, tags */

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
	bool tells_use; /* XGETBV tells which parts are not in their initial state */
} fp;

/* What a new program has. */
static const struct xsave_area fresh __attribute__((aligned(64))) = { .fcw = FCW_DEFAULT, .mxcsr = MXCSR_DEFAULT };

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}

static uint64_t xgetbv(uint32_t which)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(which));
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

static NOINLINE void ask_cpu(void)
{
	uint32_t r[4];

	cpuid(1, 0, r);
	fp.mxcsr_mask = mxcsr_mask();
	fp.features = r[2] & 1u << 27 ? xgetbv(0) & FEATURES_KNOWN : 0;
	fp.size = fp.features ? standard_size(fp.features) : LEGACY_SIZE;
	if (fp.features) {
		cpuid(0xd, 1, r);
		fp.tells_use = r[0] & 4;
	}
	__atomic_store_n(&fp.ready, 1, __ATOMIC_RELEASE);
}

static inline void setup(void)
{
	if (UNLIKELY(!fp.ready))
		ask_cpu();
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

void fp_reset(void)
{
	fp_restore(&fresh);
}

void fp_fresh_handler(uint64_t saved)
{
	static const uint32_t mxcsr = MXCSR_DEFAULT;
	uint64_t x87;

	if (!(fp.features & FEATURE_AVX) || !uaccess_load64(saved, &x87) || (x87 & X87_STATE) != FCW_DEFAULT)
		fp_reset();
	else
		__asm__ volatile("vzeroall; ldmxcsr %0" : : "m"(mxcsr));
}

/* What follows the legacy part's registers: software's bytes of it, and the header. */
struct frame_tail {
	struct _fpx_sw_bytes sw;
	uint64_t xstate_bv, header[7];
};
_Static_assert(sizeof(struct frame_tail) == 48 + HEADER_SIZE, "tail of the frame's legacy part");
#define TAIL_AT (LEGACY_SIZE - 48)

bool fp_save_user(uint64_t at)
{
	const uint32_t magic2 = FP_XSTATE_MAGIC2;
	struct frame_tail tail;

	if (!fp.features)
		return uaccess_save_vectors(at, LEGACY_SIZE, 0);
	memset(&tail, 0, sizeof tail);
	tail.sw.magic1 = FP_XSTATE_MAGIC1;
	tail.sw.extended_size = fp.size + sizeof magic2;
	tail.sw.xfeatures = fp.features;
	tail.sw.xstate_size = fp.size;
	tail.xstate_bv = (fp.tells_use ? xgetbv(1) & fp.features : fp.features) | FEATURE_FPSSE;
	return uaccess_save_vectors(at, fp.size, tail.xstate_bv) && uaccess_write(at + TAIL_AT, &tail, sizeof tail) == 0 &&
		uaccess_store32(at + fp.size, magic2);
}

/* How much of the area at from is an XSAVE image; 0 = only the 512 legacy bytes. */
static uint64_t xstate_of(const struct _fpx_sw_bytes *sw, uint64_t from)
{
	uint32_t magic2;

	if (sw->magic1 != FP_XSTATE_MAGIC1 || sw->xstate_size < LEGACY_SIZE + HEADER_SIZE || sw->xstate_size > fp.size ||
	    sw->xstate_size > sw->extended_size)
		return 0;
	if (uaccess_read(&magic2, from + sw->xstate_size, sizeof magic2) || magic2 != FP_XSTATE_MAGIC2)
		return 0;
	return sw->xstate_size;
}

bool fp_load_user(uint64_t from)
{
	struct _fpx_sw_bytes sw UNINIT;
	uint64_t size, mask;

	setup();
	if (!fp.features)
		return uaccess_load_vectors(from, LEGACY_SIZE, 0);
	if (uaccess_read(&sw, from + TAIL_AT, sizeof sw))
		return false;
	size = xstate_of(&sw, from);
	mask = size ? sw.xfeatures & fp.features : FEATURE_FPSSE;
	if (mask != fp.features)
		fp_reset();
	if (size && !mask)
		return true;
	return size ? uaccess_load_vectors(from, size, mask) : uaccess_load_vectors(from, LEGACY_SIZE, 0);
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
