/* SPDX-License-Identifier: MIT */
/*
 * linux/fs/procfs_cpu.c - /proc/cpuinfo from the CPUID instruction, which a
 * picoprocess can execute: what the processor itself says of its features.
 */
#include "linux/fs/procfs.h"

struct regs {
	uint32_t a, b, c, d;
};

static struct regs cpuid(uint32_t leaf, uint32_t sub)
{
	struct regs r;

	__asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
	return r;
}

/* Names of the bits of one register, lowest first; "" = unnamed. */
struct feature_word {
	uint32_t leaf, sub;
	uint8_t reg; /* 0 a, 1 b, 2 c, 3 d */
	const char *names[32];
};
static const struct feature_word words[] = {
	{ 1, 0, 3, { "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "", "sep", "mtrr", "pge", "mca", "cmov", "pat",
			   "pse36", "pn", "clflush", "", "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe" } },
	{ 0x80000001, 0, 3, { "", "", "", "", "", "", "", "", "", "", "", "syscall", "", "", "", "", "", "", "", "mp", "nx", "", "mmxext",
				    "", "", "fxsr_opt", "pdpe1gb", "rdtscp", "", "lm", "3dnowext", "3dnow" } },
	{ 1, 0, 2, { "pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid", "sdbg", "fma", "cx16",
			   "xtpr", "pdcm", "", "pcid", "dca", "sse4_1", "sse4_2", "x2apic", "movbe", "popcnt", "tsc_deadline_timer", "aes",
			   "xsave", "", "avx", "f16c", "rdrand", "hypervisor" } },
	{ 0x80000001, 0, 2, { "lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a", "misalignsse", "3dnowprefetch",
				    "osvw", "ibs", "xop", "skinit", "wdt", "", "lwp", "fma4", "tce", "", "nodeid_msr", "", "tbm",
				    "topoext", "perfctr_core", "perfctr_nb", "", "bpext", "ptsc", "perfctr_llc", "mwaitx", "", "" } },
	{ 7, 0, 1, { "fsgsbase", "tsc_adjust", "sgx", "bmi1", "hle", "avx2", "", "smep", "bmi2", "erms", "invpcid", "rtm", "cqm", "", "mpx",
			   "rdt_a", "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", "", "clflushopt", "clwb", "intel_pt",
			   "avx512pf", "avx512er", "avx512cd", "sha_ni", "avx512bw", "avx512vl" } },
	{ 13, 1, 0, { "xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd" } },
	{ 7, 1, 0, { "", "", "", "", "avx_vnni", "avx512_bf16", "", "", "", "", "fzrm", "fsrs", "fsrc" } },
	{ 0x80000008, 0, 1, { "clzero", "irperf", "xsaveerptr", "", "rdpru", "", "", "", "", "wbnoinvd" } },
	{ 6, 0, 0, { "dtherm", "ida", "arat" } },
	{ 7, 0, 2, { "", "avx512vbmi", "umip", "pku", "ospke", "waitpkg", "avx512_vbmi2", "", "gfni", "vaes", "vpclmulqdq", "avx512_vnni",
			   "avx512_bitalg", "tme", "avx512_vpopcntdq", "", "la57", "", "", "", "", "", "rdpid", "", "bus_lock_detect",
			   "cldemote", "", "movdiri", "movdir64b", "enqcmd", "sgx_lc", "" } },
	{ 7, 0, 3, { "", "", "avx512_4vnniw", "avx512_4fmaps", "fsrm", "", "", "", "avx512_vp2intersect", "", "md_clear", "", "", "",
			   "serialize", "", "tsxldtrk", "", "pconfig", "arch_lbr", "ibt", "", "amx_bf16", "avx512_fp16", "amx_tile",
			   "amx_int8", "", "", "flush_l1d", "arch_capabilities", "", "" } },
};

static uint32_t pick(const struct regs *r, uint8_t reg)
{
	return reg == 0 ? r->a : reg == 1 ? r->b : reg == 2 ? r->c : r->d;
}

static void add_flags(struct text *x)
{
	uint32_t max = cpuid(0, 0).a, max_ext = cpuid(0x80000000, 0).a;
	const char *space = "";

	for (unsigned w = 0; w < ARRAY_LEN(words); w++) {
		struct regs r;
		uint32_t bits;

		if (words[w].leaf & 0x80000000 ? words[w].leaf > max_ext : words[w].leaf > max)
			continue;
		r = cpuid(words[w].leaf, words[w].sub);
		bits = pick(&r, words[w].reg);
		for (unsigned b = 0; b < 32; b++) {
			if (!(bits >> b & 1) || !words[w].names[b] || !*words[w].names[b])
				continue;
			text_add(x, "%s%s", space, words[w].names[b]);
			space = " ";
		}
	}
	if (max_ext >= 0x80000007 && cpuid(0x80000007, 0).d & 1u << 8)
		text_add(x, " constant_tsc nonstop_tsc");
	text_add(x, " rep_good nopl cpuid");
}

static void brand(char *out)
{
	uint32_t *w = (uint32_t *)(void *)out;
	char *start = out, *end;

	memset(out, 0, 49);
	if (cpuid(0x80000000, 0).a < 0x80000004) {
		str_copy(out, "unknown", 49);
		return;
	}
	for (uint32_t i = 0; i < 3; i++) {
		struct regs r = cpuid(0x80000002 + i, 0);

		w[i * 4] = r.a;
		w[i * 4 + 1] = r.b;
		w[i * 4 + 2] = r.c;
		w[i * 4 + 3] = r.d;
	}
	while (*start == ' ')
		start++;
	memmove(out, start, strlen(start) + 1);
	for (end = out + strlen(out); end > out && end[-1] == ' '; end--)
		end[-1] = '\0';
}

static void vendor(char *out)
{
	struct regs r = cpuid(0, 0);

	memcpy(out, &r.b, 4);
	memcpy(out + 4, &r.d, 4);
	memcpy(out + 8, &r.c, 4);
	out[12] = '\0';
}

/* Hz of the time stamp counter by leaf 15h, 16h, or the hypervisor's 40000010h; in kHz. */
static uint32_t tsc_khz(void)
{
	uint32_t max = cpuid(0, 0).a;
	struct regs r;

	if (cpuid(1, 0).c >> 31 && (r = cpuid(0x40000000, 0)).a >= 0x40000010 && r.a < 0x40000100 && cpuid(0x40000010, 0).a)
		return cpuid(0x40000010, 0).a;
	if (max >= 0x15 && (r = cpuid(0x15, 0)).a && r.b && r.c)
		return (uint32_t)((uint64_t)r.c * r.b / r.a / 1000);
	if (max >= 0x16 && cpuid(0x16, 0).a)
		return (cpuid(0x16, 0).a & 0xffff) * 1000;
	return 2000000;
}

static uint32_t cache_kb(void)
{
	return cpuid(0x80000000, 0).a >= 0x80000006 ? cpuid(0x80000006, 0).c >> 16 : 512;
}

static uint32_t family(uint32_t signature)
{
	uint32_t f = signature >> 8 & 15;

	return f == 15 ? f + (signature >> 20 & 0xff) : f;
}

static uint32_t model(uint32_t signature)
{
	uint32_t m = signature >> 4 & 15, f = signature >> 8 & 15;

	return f == 6 || f == 15 ? m | (signature >> 12 & 0xf0) : m;
}

static void add_cpu(struct text *x, uint32_t n, const char *name, const char *maker, uint32_t khz, const struct text *flags)
{
	struct regs one = cpuid(1, 0), size = cpuid(0x80000000, 0);
	uint32_t ncpus = lx_state()->ncpus;

	size.a = size.a >= 0x80000008 ? cpuid(0x80000008, 0).a : 0x3028;
	text_add(x, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n", n, maker,
		family(one.a), model(one.a), name, one.a & 15);
	text_add(x, "microcode\t: 0xffffffff\ncpu MHz\t\t: %u.%03u\ncache size\t: %u KB\n", khz / 1000, khz % 1000, cache_kb());
	text_add(x, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\n", ncpus, n,
		ncpus, n, n);
	text_add(x, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t: ", cpuid(0, 0).a);
	text_put(x, flags->buf, flags->len);
	text_add(x, "\nbugs\t\t:\nbogomips\t: %u.%02u\nclflush size\t: %u\ncache_alignment\t: 64\n", khz / 500, khz / 5 % 100,
		(one.b >> 8 & 0xff) * 8);
	text_add(x, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n", size.a & 0xff, size.a >> 8 & 0xff);
}

SHOW(cpuinfo)
{
	char name[64], maker[16];
	struct text flags = { 0 };
	uint32_t khz = tsc_khz();

	brand(name);
	vendor(maker);
	add_flags(&flags);
	for (uint32_t n = 0; n < lx_state()->ncpus && flags.buf; n++)
		add_cpu(x, n, name, maker, khz, &flags);
	text_free(&flags);
}
