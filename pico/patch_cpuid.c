/* SPDX-License-Identifier: MIT */
/* pico/patch_cpuid.c - finding CPUID instructions that may be changed, and their stubs. */

#include "pico/arena.h"
#include "pico/patch_cpuid.h"
#include "pico/uaccess.h"
#include "rt/mem.h"

#define LOOK_MAX   0x40000u
#define AROUND     2u   /* pages before and behind the sites in which jumps are looked for */
#define AREA_PAGES 16u
#define SLACK      16u  /* bytes of the next page that an instruction may reach into */
#define BODY_MAX   (STUB_SIZE - CPUID_STUB_BODY - JMP_SIZE - 1)

/* ---- Instructions that run elsewhere as well ---- */

struct form {
	uint32_t length;
	uint32_t displacement; /* where a displacement from rip is in it; 0 = none */
};

/* The ModRM byte at p with what belongs to it: its length, 0 = not known. */
static struct form modrm(const uint8_t *p)
{
	unsigned mod = p[0] >> 6, rm = p[0] & 7;
	uint32_t length = rm == 4 && mod != 3 ? 2 : 1;

	if (mod == 0 && rm == 5)
		return (struct form){ 5, 1 };
	if (mod == 0 && rm == 4 && (p[1] & 7) == 5)
		return (struct form){ 0 };
	return (struct form){ length + (mod == 1 ? 1 : mod == 2 ? 4 : 0), 0 };
}

/* Bytes of an immediate behind the ModRM byte; -1 = not an opcode of ours with one. */
static int immediate_behind(uint8_t op)
{
	switch (op) {
	case 0x01: case 0x03: case 0x09: case 0x0b: case 0x21: case 0x23: case 0x29: case 0x2b: /* add or and sub */
	case 0x31: case 0x33: case 0x39: case 0x3b: case 0x85: case 0x89: case 0x8b: case 0x8d: /* xor cmp test mov lea */
		return 0;
	case 0x83: case 0xc1:
		return 1;
	case 0x81: case 0xc7:
		return 4;
	default:
		return -1;
	}
}

/* Opcodes with an immediate and no ModRM byte: their length, 0 = none of these. */
static uint32_t plain(uint8_t op)
{
	if (op == 0x3c || op == 0xa8)
		return 2;
	if (op == 0x05 || op == 0x0d || op == 0x25 || op == 0x2d || op == 0x35 || op == 0x3d || op == 0xa9 || (op & 0xf8) == 0xb8)
		return 5;
	return 0;
}

static struct form form_of(const uint8_t *p)
{
	uint32_t rex = (p[0] & 0xf0) == 0x40;
	uint8_t op = p[rex];
	int immediate = immediate_behind(op);
	struct form f;

	if (immediate < 0) {
		bool wide = rex && (p[0] & 8) && (op & 0xf8) == 0xb8;

		return (struct form){ plain(op) && !wide ? rex + plain(op) : 0, 0 };
	}
	f = modrm(p + rex + 1);
	if (f.length == 0)
		return f;
	f.length += rex + 1 + (uint32_t)immediate;
	f.displacement += f.displacement ? rex + 1 : 0;
	return f;
}

/* How many bytes from the cpuid at p on a jmp would cover whole; 0 = it cannot be put there. */
static uint32_t cover(const uint8_t *p)
{
	uint32_t size = 2;

	while (size < JMP_SIZE) {
		struct form f = form_of(p + size);

		if (f.length == 0 || size + f.length - 2 > BODY_MAX)
			return 0;
		size += f.length;
	}
	return size;
}

/* ---- The plan ---- */

static bool has_byte(uint64_t word, uint8_t byte)
{
	uint64_t x = word ^ byte * 0x0101010101010101ull;

	return ((x - 0x0101010101010101ull) & ~x & 0x8080808080808080ull) != 0;
}

/* Adds the sites of the page whose bytes, with SLACK more, these are. */
static void scan_page(struct cpuid_plan *plan, const uint8_t *bytes, uint32_t offset)
{
	for (uint32_t i = 0; i < PAGE_SIZE; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof word);
		if (LIKELY(!has_byte(word, 0xa2)))
			continue;
		for (uint32_t at = i ? i - 1 : 0; at < i + 7; at++) {
			uint32_t size = bytes[at] == 0x0f && bytes[at + 1] == 0xa2 ? cover(bytes + at) : 0;

			if (size && at + size <= PAGE_SIZE && plan->count < CPUID_SITES)
				plan->site[plan->count++] = (struct cpuid_site){ offset + at, size };
		}
	}
}

/* A bit for each byte of the area that some byte in it, decoded at any place, could be a jump to. */
struct area {
	uint32_t first, pages;
	uint64_t bit[AREA_PAGES * PAGE_SIZE / 64];
};

static void mark(struct area *a, int64_t to)
{
	if (to >= 0 && to < (int64_t)(a->pages * PAGE_SIZE))
		a->bit[to / 64] |= 1ull << to % 64;
}

static void mark_page(struct area *a, const uint8_t *bytes, uint32_t base)
{
	for (uint32_t i = 0; i < PAGE_SIZE; i++) {
		uint8_t op = bytes[i];
		int32_t rel;

		if (op == 0xeb || (op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0) {
			mark(a, (int64_t)base + i + 2 + (int8_t)bytes[i + 1]);
		} else if (op == 0xe9 || op == 0xe8 || (op & 0xf0) == 0x80) {
			memcpy(&rel, bytes + i + 1, sizeof rel);
			mark(a, (int64_t)base + i + 5 + rel);
		}
	}
}

/* To the start of one of the instructions behind the cpuid; bytes are the site's. */
static bool jumped_into(const struct area *a, const struct cpuid_site *s, const uint8_t *bytes)
{
	uint32_t at = s->offset - a->first * (uint32_t)PAGE_SIZE;

	for (uint32_t i = 2; i < s->size; i += form_of(bytes + i).length)
		if (a->bit[(at + i) / 64] >> (at + i) % 64 & 1)
			return true;
	return false;
}

/* Is the site still there, and safe from jumps? */
static bool stays(const struct area *a, const struct cpuid_site *s, uint64_t start)
{
	uint8_t bytes[STUB_SIZE];

	return uaccess_read(bytes, start + s->offset, s->size) == 0 && cover(bytes) == s->size && !jumped_into(a, s, bytes);
}

/* Reads the page of the text and SLACK bytes more, as far as they are there. */
static bool read_page(uint8_t *bytes, uint64_t address)
{
	size_t left = uaccess_read(bytes, address, PAGE_SIZE + SLACK);

	if (left > SLACK)
		return false;
	memset(bytes + PAGE_SIZE + SLACK - left, 0, left);
	return true;
}

/* Takes out the sites that something near could jump into the midst of. */
static void drop_targets(struct cpuid_plan *plan, struct area *a, uint8_t *bytes, uint64_t start, uint32_t pages)
{
	uint32_t low = plan->site[0].offset >> PAGE_SHIFT, high = plan->site[plan->count - 1].offset >> PAGE_SHIFT, kept = 0;

	a->first = low > AROUND ? low - AROUND : 0;
	a->pages = MIN(high + AROUND + 1, pages) - a->first;
	if (a->pages > AREA_PAGES)
		a->pages = 0; /* not code of one kind: nothing is changed */
	for (uint32_t i = 0; i < a->pages; i++)
		if (read_page(bytes, start + ((uint64_t)(a->first + i) << PAGE_SHIFT)))
			mark_page(a, bytes, i * (uint32_t)PAGE_SIZE);
	for (uint32_t i = 0; i < plan->count && a->pages; i++)
		if (stays(a, &plan->site[i], start))
			plan->site[kept++] = plan->site[i];
	plan->count = kept;
}

void cpuid_plan_make(struct cpuid_plan *plan, uint64_t start, uint64_t size)
{
	uint32_t pages = (uint32_t)(MIN(size, LOOK_MAX) >> PAGE_SHIFT);
	uint8_t *bytes = heap_alloc_dirty(PAGE_SIZE + SLACK);
	struct area *a;

	plan->count = 0;
	for (uint32_t i = 0; bytes != NULL && i < pages; i++)
		if (read_page(bytes, start + ((uint64_t)i << PAGE_SHIFT)))
			scan_page(plan, bytes, i << PAGE_SHIFT);
	if (plan->count) {
		a = heap_alloc(sizeof *a);
		if (a != NULL)
			drop_targets(plan, a, bytes, start, pages);
		else
			plan->count = 0;
		heap_free(a);
	}
	heap_free(bytes);
}

/* ---- Stubs ---- */

/* lea body(%rip),%rdx; jmp *%gs:TB_CPUID_ENTRY; body: the instructions; jmp site + size. */
void write_cpuid_stub(uint8_t *stub, uint64_t address, const uint8_t *bytes, uint32_t size, uint64_t site)
{
	static const uint8_t head[CPUID_STUB_BODY] = { 0x48, 0x8d, 0x15, 8, 0, 0, 0, 0x65, 0xff, 0x24, 0x25, TB_CPUID_ENTRY, 0, 0, 0 };
	uint8_t *to = stub + CPUID_STUB_BODY;
	int64_t moved = (int64_t)(site + 2) - (int64_t)(address + CPUID_STUB_BODY);

	memset(stub, 0xcc, STUB_SIZE);
	memcpy(stub, head, sizeof head);
	for (uint32_t i = 2; i < size;) {
		struct form f = form_of(bytes + i);

		memcpy(to, bytes + i, f.length);
		if (f.displacement) {
			int32_t d;

			memcpy(&d, to + f.displacement, sizeof d);
			put32(to + f.displacement, d + moved);
		}
		to += f.length;
		i += f.length;
	}
	*to = 0xe9;
	put32(to + 1, (int64_t)(site + size) - (int64_t)(address + (uint64_t)(to - stub) + JMP_SIZE));
	stub[STUB_SIZE - 1] = (uint8_t)size;
}

bool is_cpuid_stub(const uint8_t *stub)
{
	return stub[0] == 0x48 && stub[2] == 0x15;
}

uint64_t site_of_cpuid_stub(const uint8_t *stub, uint64_t address)
{
	uint32_t size = stub[STUB_SIZE - 1], end = CPUID_STUB_BODY + size - 2 + JMP_SIZE;
	int32_t back;

	memcpy(&back, stub + end - sizeof back, sizeof back);
	return address + end + (uint64_t)(int64_t)back - size;
}
