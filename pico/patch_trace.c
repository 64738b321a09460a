/* SPDX-License-Identifier: MIT */
/*
 * pico/patch_trace.c - patched text and those who look at it: debuggers.
 *
 * Who reads a page that was changed is shown what was there before (pico_text_show): the
 * stub that a jump leads to has the bytes the jump covers.  Who writes to text, or steps
 * through it, gets the page as it was, first (pico_text_restore); it is then left alone for
 * as long as it is mapped, so that neither a breakpoint gets into the remembered copy of the
 * page nor a remembered copy over a breakpoint.  Calls of such a page trap.
 *
 * Threads may be inside a stub, or about to return into one: stubs stay where they are.
 * Lock PATCH; the list of pages is private memory.
 */
#include "pico/patch_cpuid.h"
#include "pico/patch_int.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

/* ---- Pages left alone ---- */

static bool is_kept(uint64_t page)
{
	for (uint32_t i = 0; i < text.kept_count; i++)
		if (text.kept[i] == page)
			return true;
	return false;
}

bool patch_kept(uint64_t page)
{
	return UNLIKELY(text.kept_count != 0) && is_kept(page);
}

static bool keep(uint64_t page)
{
	if (is_kept(page))
		return true;
	if (text.kept_count == text.kept_room) {
		uint32_t room = text.kept_room ? text.kept_room * 2 : 16;
		uint64_t *more = heap_realloc(text.kept, room * sizeof *more);

		if (more == NULL)
			return false;
		text.kept = more;
		text.kept_room = room;
	}
	text.kept[text.kept_count++] = page;
	return true;
}

void patch_forget_kept(uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < text.kept_count;)
		if (text.kept[i] >= start && text.kept[i] < end)
			text.kept[i] = text.kept[--text.kept_count];
		else
			i++;
}

/* ---- Jumps and what they cover ---- */

struct covered {
	uint64_t site;
	uint32_t size;
	uint8_t bytes[FORWARD_MAX];
};

/* What a jump to the stub covers. */
static void covered_of(const uint8_t *stub, uint64_t at, struct covered *c)
{
	c->size = JMP_SIZE;
	if (is_cpuid_stub(stub)) {
		c->site = site_of_cpuid_stub(stub, at);
		cpuid_stub_covers(stub, at, c->bytes);
	} else if (is_forward_stub(stub)) {
		c->site = forward_site(stub, at);
		c->size = forward_size(stub);
		memcpy(c->bytes, forward_bytes(stub), c->size);
	} else {
		c->site = site_of_stub(stub, at);
		memcpy(c->bytes, stub, JMP_SIZE);
	}
}

/* What the jump to the n-th stub of r covers, if that jump is there. */
static bool covered_by(const struct range *r, uint32_t n, struct covered *c) REQUIRES(PATCH)
{
	uint64_t at = r->room + n * STUB_SIZE, start;
	const uint8_t *stub = patch_stub_at(r, at, &start);
	uint8_t jmp[JMP_SIZE];
	int32_t rel;

	if (stub == NULL || start != at)
		return false;
	covered_of(stub, at, c);
	if (c->site < r->start || c->site + c->size > r->end || uaccess_read(jmp, c->site, sizeof jmp) != 0 || jmp[0] != 0xe9)
		return false;
	memcpy(&rel, jmp + 1, sizeof rel);
	return c->site + JMP_SIZE + (uint64_t)(int64_t)rel == at;
}

static bool overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	return a < b_end && b < a_end;
}

static void put_covered(const struct covered *c, uint64_t address, uint8_t *bytes, uint64_t size)
{
	for (uint32_t i = 0; i < c->size; i++)
		if (c->site + i >= address && c->site + i < address + size)
			bytes[c->site + i - address] = c->bytes[i];
}

void pico_text_show(uint64_t address, void *bytes, uint64_t size)
{
	struct covered c;

	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count; i++) {
		const struct range *r = &text.range[i];

		if (!r->stubs_mapped || !overlap(address, address + size, r->start, r->end))
			continue;
		for (uint32_t n = 0; n < STUBS_MAX; n++)
			if (covered_by(r, n, &c) && overlap(c.site, c.site + c.size, address, address + size))
				put_covered(&c, address, bytes, size);
	}
	lock_drop(&text.lock);
}

/* Puts back what the jumps of a page cover. */
static void restore_page(const struct range *r, uint64_t page) REQUIRES(PATCH)
{
	bool open = false;
	struct covered c;

	for (uint32_t n = 0; n < STUBS_MAX; n++) {
		if (!covered_by(r, n, &c) || PAGE_DOWN(c.site) != page)
			continue;
		if (!open)
			open = DkVirtualMemoryProtect(page, PAGE_SIZE, DK_PROT_R | DK_PROT_W | DK_PROT_X) == DK_OK;
		if (open)
			(void)uaccess_write(c.site, c.bytes, c.size);
	}
	if (open)
		(void)DkVirtualMemoryProtect(page, PAGE_SIZE, DK_PROT_R | DK_PROT_X);
}

void pico_text_restore(uint64_t address)
{
	uint64_t page = PAGE_DOWN(address);

	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count; i++) {
		const struct range *r = &text.range[i];

		if (page < r->start || page >= r->end || is_kept(page))
			continue;
		if (keep(page) && r->stubs_mapped)
			restore_page(r, page);
	}
	lock_drop(&text.lock);
}

/* ---- Where a thread is ---- */

uint64_t pico_trace_rip(uint64_t rip)
{
	uint64_t shown = pico_guest_rip(rip);

	if (shown != rip)
		return shown;
	lock_take(&text.lock);
	for (uint32_t i = 0; i < text.count; i++) {
		uint64_t start;
		const uint8_t *stub = patch_stub_at(&text.range[i], rip, &start);

		/* Behind a changed CPUID the site's instructions have the same lengths. */
		if (stub != NULL && is_cpuid_stub(stub))
			shown = site_of_cpuid_stub(stub, start) + 2 + (rip - start) - CPUID_STUB_BODY;
	}
	lock_drop(&text.lock);
	return shown;
}
