/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_where.c - where a thread is, and where it goes on: addresses in stubs, and of what
 * jumps cover, as the guest knows them and as they are.  Lock PATCH.
 */
#include "pico/patch_cpuid.h"
#include "pico/patch_int.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

/* Where a jump that lies there leads, 0: there is none. */
static uint64_t jump_target(uint64_t at)
{
	uint8_t jmp[JMP_SIZE];
	int32_t rel;

	if (uaccess_read(jmp, at, sizeof jmp) != 0 || jmp[0] != 0xe9)
		return 0;
	memcpy(&rel, jmp + 1, sizeof rel);
	return at + JMP_SIZE + (uint64_t)(int64_t)rel;
}

uint64_t patch_forward_stub(uint64_t at)
{
	uint8_t stub[FORWARD_STUB];
	uint64_t target = jump_target(at);

	if (target == 0 || uaccess_read(stub, target, sizeof stub) != 0 || !is_forward_stub(stub))
		return 0;
	return forward_site(stub, target) == at ? target : 0;
}

static bool in_a_room(uint64_t address)
{
	bool found = false;

	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count && !found; i++)
		found = text.range[i].stubs_mapped && address >= text.range[i].room && address < text.range[i].room + PICO_STUB_ROOM;
	lock_drop(&text.lock);
	return found;
}

uint64_t patch_return(uint64_t rip)
{
	uint64_t target, word;

	/* A look at one byte, by the aligned word around it. */
	if (LIKELY(uaccess_load64(ALIGN_DOWN(rip - 2, sizeof word), &word) && (uint8_t)(word >> (rip - 2) % sizeof word * 8) != 0xe9))
		return rip;
	target = jump_target(rip - 2);
	if (target == 0 || !in_a_room(target)) /* mostly no jump at all: there is nothing where it would lead, and looking would be a fault */
		return rip;
	return patch_forward_stub(rip - 2) != 0 ? target + FORWARD_BODY : rip;
}

const uint8_t *patch_stub_at(const struct range *r, uint64_t address, uint64_t *start)
{
	uint32_t n = (uint32_t)((address - r->room) / STUB_SIZE);

	if (address < r->room || address >= r->room + PICO_STUB_ROOM || !r->stubs_mapped || !stub_used(r->file, n))
		return NULL;
	if (n % 2 != 0 && stub_used(r->file, n - 1) && is_forward_stub(stub_bytes(r->file, n - 1)))
		n--;
	*start = r->room + n * STUB_SIZE;
	return stub_bytes(r->file, n);
}

/* Nothing in a stub before its call is over cannot be done twice: back to where it came from. */
static uint64_t site_of(const uint8_t *stub, uint64_t start, uint64_t rip)
{
	if (is_cpuid_stub(stub))
		return rip - start < CPUID_STUB_BODY ? site_of_cpuid_stub(stub, start) : rip;
	if (is_forward_stub(stub))
		return forward_site(stub, start) + forward_site_offset(stub, (uint32_t)(rip - start));
	return site_of_stub(stub, start);
}

uint64_t pico_guest_rip(uint64_t rip)
{
	uint64_t guest = rip, start;

	if (LIKELY(!patch_maybe_stub(rip)))
		return rip;
	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count; i++) {
		const uint8_t *stub = patch_stub_at(&text.range[i], rip, &start);

		if (stub == NULL)
			continue;
		guest = site_of(stub, start, rip);
		break;
	}
	lock_drop(&text.lock);
	return guest;
}
