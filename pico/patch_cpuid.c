/* SPDX-License-Identifier: MIT */
/* pico/patch_cpuid.c - the bytes of changed CPUIDs. */

#include "pico/patch_cpuid.h"
#include "rt/mem.h"

#define FIXED_AT_4 0x80u /* in a stub's last byte, with the site's size: a displacement begins at the site's byte 4 */
_Static_assert(CPUID_COVER_MAX < FIXED_AT_4, "stub");

bool is_cpuid_site(const struct cpuid_site *s, const uint8_t *bytes)
{
	return s->size >= JMP_SIZE && s->size <= CPUID_COVER_MAX && bytes[0] == 0x0f && bytes[1] == 0xa2;
}

/* lea body(%rip),%rdx; jmp *%gs:TB_CPUID_ENTRY; body: the instructions; jmp site + size. */
void write_cpuid_stub(uint8_t *stub, uint64_t address, const struct cpuid_site *s, const uint8_t *bytes, uint64_t site)
{
	static const uint8_t head[CPUID_STUB_BODY] = { 0x48, 0x8d, 0x15, 8, 0, 0, 0, 0x65, 0xff, 0x24, 0x25, TB_CPUID_ENTRY, 0, 0, 0 };
	uint32_t end = CPUID_STUB_BODY + s->size - 2;

	memset(stub, 0xcc, STUB_SIZE);
	memcpy(stub, head, sizeof head);
	memcpy(stub + CPUID_STUB_BODY, bytes + 2, s->size - 2u);
	for (uint32_t i = 0; i < ARRAY_LEN(s->fix); i++) {
		uint8_t *at = stub + CPUID_STUB_BODY + s->fix[i] - 2;
		int32_t d;

		if (s->fix[i] < 2 || s->fix[i] + 4 > s->size)
			continue;
		memcpy(&d, at, sizeof d);
		put32(at, d + ((int64_t)(site + 2) - (int64_t)(address + CPUID_STUB_BODY)));
	}
	stub[end] = 0xe9;
	put32(stub + end + 1, (int64_t)(site + s->size) - (int64_t)(address + end + JMP_SIZE));
	stub[STUB_SIZE - 1] = s->size;
	for (uint32_t i = 0; i < ARRAY_LEN(s->fix); i++)
		if (s->fix[i] == 4)
			stub[STUB_SIZE - 1] |= FIXED_AT_4;
}

bool is_cpuid_stub(const uint8_t *stub)
{
	return stub[0] == 0x48 && stub[2] == 0x15;
}

uint64_t site_of_cpuid_stub(const uint8_t *stub, uint64_t address)
{
	uint32_t size = stub[STUB_SIZE - 1] & ~FIXED_AT_4, end = CPUID_STUB_BODY + size - 2 + JMP_SIZE;
	int32_t back;

	memcpy(&back, stub + end - sizeof back, sizeof back);
	return address + end + (uint64_t)(int64_t)back - size;
}

void cpuid_stub_covers(const uint8_t *stub, uint64_t address, uint8_t *bytes)
{
	uint64_t site = site_of_cpuid_stub(stub, address);
	int32_t d;

	bytes[0] = 0x0f;
	bytes[1] = 0xa2;
	memcpy(bytes + 2, stub + CPUID_STUB_BODY, JMP_SIZE - 2);
	if (!(stub[STUB_SIZE - 1] & FIXED_AT_4))
		return;
	memcpy(&d, stub + CPUID_STUB_BODY + 2, sizeof d);
	bytes[4] = (uint8_t)(d - ((int64_t)(site + 2) - (int64_t)(address + CPUID_STUB_BODY)));
}
