/* SPDX-License-Identifier: MIT */
/* nt/os/cpu.c - what the processor says of itself. */
#include "nt/os/sysinfo.h"
#include "rt/fmt.h"
#include "rt/mem.h"

struct regs {
	uint32_t a, b, c, d;
};

static struct regs cpuid(uint32_t leaf)
{
	struct regs r;

	__asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
	return r;
}

void os_processor(struct os_processor *p)
{
	struct regs r = cpuid(0), one = cpuid(1);
	uint32_t most = r.a;

	memset(p, 0, sizeof *p);
	memcpy(p->maker, &r.b, 4);
	memcpy(p->maker + 4, &r.d, 4);
	memcpy(p->maker + 8, &r.c, 4);
	p->family = one.a >> 8 & 15;
	p->model = (one.a >> 4 & 15) | (one.a >> 12 & 0xf0);
	p->stepping = one.a & 15;
	if (p->family == 15)
		p->family += one.a >> 20 & 0xff;
	for (uint32_t i = 0; i < 3 && cpuid(0x80000000).a >= 0x80000004; i++) {
		r = cpuid(0x80000002 + i);
		memcpy(p->name + 16 * i, &r, sizeof r);
	}
	p->mhz = most >= 0x16 ? cpuid(0x16).a & 0xffff : 0;
	if (p->mhz == 0)
		p->mhz = 2000;
	(void)fmt_snprintf(p->identifier, sizeof p->identifier, "%s Family %u Model %u Stepping %u", strcmp(p->maker, "AuthenticAMD") == 0 ? "AMD64" : "Intel64",
		p->family, p->model, p->stepping);
}
