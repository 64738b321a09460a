/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_where.c - where a thread is, and where it goes on: addresses in stubs, and of what
 * jumps cover, as the guest knows them and as they are.  Lock PATCH.
 */
#include "pico/patch_cpuid.h"
#include "pico/patch_int.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

/* The stub a jmp at `at` leads to, if it is one of the second kind. */
static uint64_t cmp_stub_of(uint64_t at)
{
	uint8_t jmp[JMP_SIZE], stub[4];
	uint64_t target;
	int32_t rel;

	if (uaccess_read(jmp, at, sizeof jmp) != 0 || jmp[0] != 0xe9)
		return 0;
	memcpy(&rel, jmp + 1, sizeof rel);
	target = at + JMP_SIZE + (uint64_t)(int64_t)rel;
	if (uaccess_read(stub, target, sizeof stub) != 0 || stub[0] != 0x48 || stub[1] != 0x8d || stub[2] != 0x0d || stub[3] != 10)
		return 0;
	return target;
}

uint64_t patch_return(uint64_t rip)
{
	uint64_t target = cmp_stub_of(rip - 2), to = 0;

	if (LIKELY(target == 0))
		return rip;
	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count && to == 0; i++)
		if (text.range[i].stubs_mapped && target >= text.range[i].room && target < text.range[i].room + PICO_STUB_ROOM)
			to = target + STUB_CMP;
	lock_drop(&text.lock);
	return to != 0 ? to : rip;
}

uint64_t pico_guest_rip(uint64_t rip)
{
	uint64_t guest = rip;

	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count; i++) {
		struct range *r = &text.range[i];
		const uint8_t *stub;
		uint64_t n;
		int32_t back;

		if (rip < r->room || rip >= r->room + PICO_STUB_ROOM || !r->stubs_mapped)
			continue;
		n = (rip - r->room) / STUB_SIZE;
		if (n >= r->file->nstubs)
			continue;
		/* Nothing in a stub cannot be done twice: back to the mov. */
		stub = (const uint8_t *)data_ptr(r->file->stubs) + n * STUB_SIZE;
		guest = site_of_stub(stub, r->room + n * STUB_SIZE);
		if (is_cpuid_stub(stub)) {
			guest = (rip - r->room) % STUB_SIZE < CPUID_STUB_BODY ? site_of_cpuid_stub(stub, r->room + n * STUB_SIZE) : rip;
		} else if (guest == 0) {
			/* Behind the call it may stay: the stub is the guest's to run. */
			guest = rip;
			memcpy(&back, stub + 24, sizeof back);
			if ((rip - r->room) % STUB_SIZE < STUB_CMP - 2)
				guest = r->room + n * STUB_SIZE + STUB_BACK + (uint64_t)(int64_t)back - CMP_SIZE;
		}
		break;
	}
	lock_drop(&text.lock);
	return guest;
}
