/* SPDX-License-Identifier: MIT */
/* tests/unit/patch_test.c - instructions that may move, and the stubs of sites whose jump covers what follows. */
#include "pico/insn.h"
#include "pico/patch.h"
#include "pico/patch_forward.h"
#include "rt/mem.h"
#include "t.h"

#define SITE 0x7f0000034567ull
#define ROOM 0x7f0000000000ull

static void test_insns(void)
{
	static const struct { uint8_t bytes[15]; uint32_t size, rel32; int kind; } known[] = {
		{ { 0xc3 }, 1, 0, INSN_RET },
		{ { 0x48, 0x89, 0xc7 }, 3, 0, INSN_PLAIN },
		{ { 0x3d, 0, 0xf0, 0xff, 0xff }, 5, 0, INSN_PLAIN },
		{ { 0x48, 0x3d, 1, 0xf0, 0xff, 0xff }, 6, 0, INSN_PLAIN },
		{ { 0x66, 0x3d, 1, 2 }, 4, 0, INSN_PLAIN },
		{ { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 }, 10, 0, INSN_PLAIN },
		{ { 0x8b, 0x05, 1, 2, 3, 4 }, 6, 2, INSN_PLAIN },
		{ { 0x80, 0x3d, 1, 2, 3, 4, 5 }, 7, 2, INSN_PLAIN },
		{ { 0x48, 0x8d, 0x34, 0x25, 1, 2, 3, 4 }, 8, 0, INSN_PLAIN },
		{ { 0x48, 0x8b, 0x44, 0x24, 0x48 }, 5, 0, INSN_PLAIN },
		{ { 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0 }, 9, 0, INSN_PLAIN },
		{ { 0x48, 0xc7, 0x83, 0x98, 0, 0, 0, 1, 0, 0, 0 }, 11, 0, INSN_PLAIN },
		{ { 0xf7, 0xd8 }, 2, 0, INSN_PLAIN },
		{ { 0xf7, 0xc0, 1, 0, 0, 0 }, 6, 0, INSN_PLAIN },
		{ { 0x78, 5 }, 2, 0, INSN_JCC8 },
		{ { 0x0f, 0x88, 1, 2, 3, 4 }, 6, 2, INSN_JCC32 },
		{ { 0xeb, 0xf8 }, 2, 0, INSN_JMP8 },
		{ { 0xe9, 1, 2, 3, 4 }, 5, 1, INSN_JMP32 },
		{ { 0xe8, 1, 2, 3, 4 }, 5, 1, INSN_CALL32 },
		{ { 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 }, 10, 0, INSN_PLAIN },
	};
	/* syscall, call and jmp through a register, hlt, iret, what 64-bit mode has not, a jump with a prefix. */
	static const uint8_t unknown[][15] = { { 0x0f, 0x05 }, { 0xff, 0xd0 }, { 0xff, 0xe0 }, { 0xf4 }, { 0xcf }, { 0x06 }, { 0xf2, 0xc3 }, { 0xcc } };
	struct insn insn;

	for (uint32_t i = 0; i < ARRAY_LEN(known); i++) {
		T_OK(insn_decode(known[i].bytes, 15, &insn));
		T_EQ(insn.size, known[i].size);
		T_EQ(insn.rel32, known[i].rel32);
		T_EQ(insn.kind, known[i].kind);
		T_OK(!insn_decode(known[i].bytes, known[i].size - 1, &insn));
	}
	for (uint32_t i = 0; i < ARRAY_LEN(unknown); i++)
		T_OK(!insn_decode(unknown[i], 15, &insn));
}

struct site {
	uint8_t bytes[16];
	uint32_t size, starts; /* size 0: it must be left */
};
static const struct site sites[] = {
	{ { 0x0f, 0x05, 0x48, 0x89, 0xc7, 0xe8 }, 5, 1 << 2 },
	{ { 0x0f, 0x05, 0x48, 0x3d, 0, 0xf0, 0xff, 0xff }, 8, 1 << 2 },
	{ { 0x0f, 0x05, 0x8b, 0x05, 1, 2, 3, 4 }, 8, 1 << 2 },
	{ { 0x0f, 0x05, 0x85, 0xc0, 0x78, 0x10, 0x90 }, 6, 1 << 2 | 1 << 4 },
	{ { 0x0f, 0x05, 0x85, 0xc0, 0x0f, 0x88, 1, 0, 0, 0 }, 10, 1 << 2 | 1 << 4 },
	{ { 0x0f, 0x05, 0xeb, 0xf8, 0x48, 0x89, 0xdf, 0x90 }, 7, 1 << 2 | 1 << 4 },
	{ { 0x0f, 0x05, 0xeb, 0xa3, 0xe8, 1, 0, 0, 0 }, 9, 1 << 2 | 1 << 4 },
	{ { 0x0f, 0x05, 0xc3, 0xe9, 1, 2, 3, 4 }, 8, 1 << 2 | 1 << 3 },
	{ { 0x0f, 0x05, 0xc3, 0x0f, 0x1f, 0x40, 0 }, 5, 1 << 2 },
	{ { 0x0f, 0x05, 0x31, 0xc0, 0xc3, 0xcc, 0xcc }, 6, 1 << 2 | 1 << 4 },
	{ { 0x0f, 0x05, 0x48, 0xc7, 0x83, 0x98, 0, 0, 0, 1, 0, 0, 0 }, 13, 1 << 2 },
	{ { 0x0f, 0x05, 0xc3, 0x53, 0x48, 0x89, 0xfb }, 0, 0 }, /* another function */
	{ { 0x0f, 0x05, 0xe8, 1, 2, 3, 4 }, 0, 0 },
	{ { 0x0f, 0x05, 0xf4, 0x90, 0x90, 0x90 }, 0, 0 },
	{ { 0x0f, 0x05, 0x31, 0xc0, 0xc3, 0x55 }, 0, 0 },
};

static bool refused(uint8_t a, uint8_t b)
{
	return a == 0xff && b >> 3 == 7 ? true : memchr("\x06\x07\x0e\x16\x17\x1e\x1f\x27\x2f\x37\x3f\x60\x61\x82\x9a\xce\xd4\xea\xf4\xfa\xfb", a, 21) != NULL ||
		((a == 0xff || a == 0xfe) && (b & 0x38) == 0x38);
}

/* Jump and filler have, wherever an instruction began, one that is refused; the stub knows which. */
static void check_refused(const struct site *s, const struct cover *c, uint64_t stub, const uint8_t *body)
{
	uint8_t now[16];

	memcpy(now, s->bytes, sizeof now);
	now[0] = 0xe9;
	put32(now + 1, (int64_t)stub - (int64_t)(SITE + JMP_SIZE));
	forward_fill(now, c);
	for (uint32_t n = 2; n < c->size; n++) {
		if (!(c->starts >> n & 1))
			continue;
		if (n != 3 || !c->jump_at_3)
			T_OK(refused(now[n], now[n + 1]));
		T_EQ(forward_refused(body, n), n);
	}
}

static void check_stub(const struct site *s, const struct cover *c, uint64_t at)
{
	uint8_t stub[FORWARD_STUB];

	write_forward_stub(stub, at, s->bytes, SITE, c);
	T_OK(is_forward_stub(stub));
	T_EQ(forward_site(stub, at), SITE);
	T_EQ(forward_size(stub), c->size);
	T_EQ(memcmp(forward_bytes(stub), s->bytes, c->size), 0);
	T_EQ(forward_site_offset(stub, 0), 0);
	T_EQ(forward_site_offset(stub, FORWARD_BODY), 2);
	for (uint32_t n = 2; n < c->real; n++)
		if (c->starts >> n & 1)
			T_EQ(forward_site_offset(stub, forward_stub_offset(stub, n)), n);
	check_refused(s, c, at, stub);
}

static void test_sites(void)
{
	struct cover c;

	for (const struct site *s = sites; s < sites + ARRAY_LEN(sites); s++) {
		uint32_t fits = 0;

		T_EQ(forward_cover(s->bytes, sizeof s->bytes, &c), s->size != 0);
		if (s->size == 0)
			continue;
		T_EQ(c.size, s->size);
		T_EQ(c.starts, s->starts);
		T_OK(!forward_cover(s->bytes, 4, &c));
		(void)forward_cover(s->bytes, sizeof s->bytes, &c);
		for (uint64_t at = ROOM; at < ROOM + PICO_STUB_ROOM; at += FORWARD_STUB)
			if (forward_fits(&c, SITE, at)) {
				fits++;
				check_stub(s, &c, at);
			}
		T_OK(fits > 10);
	}
}

/* Displacements count from the stub. */
static void test_moved(void)
{
	static const uint8_t rip[16] = { 0x0f, 0x05, 0x8b, 0x05, 0x10, 0, 0, 0 }, jcc[16] = { 0x0f, 0x05, 0x85, 0xc0, 0x78, 0x10 },
		both[16] = { 0x0f, 0x05, 0xeb, 0xf8, 0x8b, 0x05, 0x10, 0, 0, 0 };
	uint8_t stub[FORWARD_STUB];
	struct cover c;
	int32_t d;

	T_OK(forward_cover(rip, 16, &c));
	write_forward_stub(stub, ROOM, rip, SITE, &c);
	memcpy(&d, stub + 19, 4);
	T_EQ(ROOM + 23 + (uint64_t)(int64_t)d, SITE + 8 + 0x10);
	T_OK(forward_cover(jcc, 16, &c));
	write_forward_stub(stub, ROOM, jcc, SITE, &c);
	T_EQ(stub[19], 0x0f);
	T_EQ(stub[20], 0x88);
	memcpy(&d, stub + 21, 4);
	T_EQ(ROOM + 25 + (uint64_t)(int64_t)d, SITE + 6 + 0x10);
	T_OK(forward_cover(both, 16, &c));
	write_forward_stub(stub, ROOM, both, SITE, &c);
	T_EQ(stub[17], 0xe9);
	memcpy(&d, stub + 18, 4);
	T_EQ(ROOM + 22 + (uint64_t)(int64_t)d, SITE + 4 - 8);
	memcpy(&d, stub + 24, 4);
	T_EQ(ROOM + 28 + (uint64_t)(int64_t)d, SITE + 10 + 0x10);
	T_EQ(forward_stub_offset(stub, 4), 22);
}

int main(void)
{
	T_CASE("instructions that may move");
	test_insns();
	T_CASE("sites, and what their jumps cover");
	test_sites();
	T_CASE("displacements");
	test_moved();
	return T_DONE();
}
